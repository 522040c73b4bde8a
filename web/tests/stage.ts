/** What the tests of the page share: the system's L1 as a wallet in the browser, and small steps of a user. */

import AxeBuilder from "@axe-core/playwright";
import { expect, type Locator, type Page } from "@playwright/test";

export const L1_URL = process.env.MILETUS_L1_URL ?? "";

export const VIEWS = [
  "chain",
  "book",
  "portfolio",
  "analysis",
  "surface",
  "history",
  "road",
  "operator",
] as const;

/** How long what passes L1 may take on a machine that does much else. */
export const L1_MS = 180_000;

export const WALLET_NAME = "Wallet of the test";

/** Ask the system's L1. */
export async function askL1(method: string, params: unknown = []): Promise<unknown> {
  const response = await fetch(L1_URL, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
  });
  const { result, error } = (await response.json()) as { result?: unknown; error?: { message: string } };
  if (error) throw new Error(error.message);
  return result;
}

/**
 * Give the browser a wallet by EIP-1193 and EIP-6963: a key of anvil's own, which signs and sends for it. What
 * the page asks of it goes out through the test, as a wallet's requests go out through the wallet.
 */
export async function injectWallet(page: Page, account: number): Promise<string> {
  const accounts = (await askL1("eth_accounts")) as string[];
  const address = accounts[account];
  if (!address) throw new Error(`the L1 has ${accounts.length} accounts of its own`);
  await page.exposeFunction("askWallet", (method: string, params: unknown) => {
    if (method === "eth_requestAccounts" || method === "eth_accounts") return [address];
    if (method.startsWith("wallet_")) return null; // it is on the one chain that there is
    return askL1(method, params ?? []);
  });
  await page.addInitScript((name) => {
    const provider = {
      request: ({ method, params }: { method: string; params?: unknown }) =>
        (window as unknown as { askWallet: (method: string, params: unknown) => Promise<unknown> }).askWallet(
          method,
          params,
        ),
      on: () => {},
    };
    const info = { uuid: "1b7c5f0e-0000-4000-8000-000000000001", name, icon: "data:,", rdns: "test.wallet" };
    const announce = (): boolean =>
      dispatchEvent(
        new CustomEvent("eip6963:announceProvider", { detail: Object.freeze({ info, provider }) }),
      );
    addEventListener("eip6963:requestProvider", announce);
    announce();
  }, WALLET_NAME);
  return address;
}

/** Collect what a page complains of: errors of its scripts, and of its content security policy. */
export function collectTrouble(page: Page): string[] {
  const trouble: string[] = [];
  page.on("pageerror", (error) => trouble.push(`script: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error") trouble.push(`console: ${message.text()}`);
  });
  return trouble;
}

export async function show(page: Page, view: (typeof VIEWS)[number]): Promise<void> {
  await page.goto(`/#/${view}`);
  await expect(page.locator("main h1")).toBeAttached();
}

/** No violation that axe calls serious or critical, by WCAG 2.1 A and AA. */
export async function expectAccessible(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page })
    .withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"])
    .analyze();
  const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  const told = serious.map(
    ({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html).slice(0, 3)}`,
  );
  expect(told, page.url()).toEqual([]);
}

/** Press Tab until the focus is where it is wanted. */
export async function tabTo(page: Page, wanted: Locator, most = 120): Promise<void> {
  for (let presses = 0; presses < most; presses++) {
    await page.keyboard.press("Tab");
    if (await wanted.evaluate((element) => element === document.activeElement)) return;
  }
  throw new Error(`${wanted} is not reached by ${most} presses of Tab`);
}

/** Get test tokens, deposit, and wait until the account trades. */
export async function deposit(page: Page, amount: number): Promise<void> {
  const funds = page.getByRole("region", { name: "Funds" });
  await funds.getByRole("button", { name: "Get test USDC" }).click();
  await expect(funds.getByRole("status")).toContainText("are in the wallet", { timeout: L1_MS });
  await funds.getByLabel("Amount, USDC").fill(String(amount));
  await funds.getByRole("button", { name: "Deposit" }).click();
  await expect(funds.getByRole("status")).toContainText("USDC deposited", { timeout: L1_MS });
  await expect(page.getByRole("button", { name: /^Account \d+$/ })).toBeVisible();
}

export interface Listed {
  readonly name: string;
  readonly strike: number;
}

/** Calls of the chain that is shown, by strike, with a price on a side. */
export async function findCalls(page: Page, side: "Buy" | "Sell"): Promise<Listed[]> {
  const buttons = page.getByRole("button", { name: new RegExp(`^${side} \\S+-C at [\\d,.]+$`) });
  await expect(buttons.first()).toBeVisible();
  const labels = await buttons.evaluateAll((all) => all.map((each) => each.getAttribute("aria-label") ?? ""));
  return labels
    .flatMap((label) => label.match(/\S+-(\d+)-C/) ?? [])
    .flatMap((text, n, all) => (n % 2 ? [] : [{ name: text, strike: Number(all[n + 1]) }]))
    .sort((a, b) => a.strike - b.strike);
}
