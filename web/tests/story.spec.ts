/** A stranger comes, deposits, buys a call spread, watches it become final, and takes money out again. */

import { expect, type Page, test } from "@playwright/test";
import {
  collectTrouble,
  deposit,
  expectAccessible,
  findCalls,
  injectWallet,
  L1_MS,
  type Listed,
  show,
  tabTo,
  VIEWS,
  WALLET_NAME,
} from "./stage";

test.describe.configure({ mode: "serial" });

let page: Page;
let trouble: string[];
let spread: [Listed, Listed];
/** States of the road in which a trade was seen. */
const seen = new Set<string>();

test.beforeAll(async ({ browser }) => {
  const context = await browser.newContext();
  page = await context.newPage();
  trouble = collectTrouble(page);
  await injectWallet(page, Number(process.env.MILETUS_TEST_ACCOUNT ?? 0));
});

test.afterAll(() => page.context().close());

test("the chain is there at once, and no account is needed to see it", async () => {
  const begun = Date.now();
  await page.goto("/");
  await expect(page.getByRole("button", { name: /^Buy \S+-C at [\d,.]+$/ }).first()).toBeVisible();
  console.log(`first chain with prices after ${Date.now() - begun} ms`);
  await expect(page.getByRole("button", { name: "Connect", exact: true })).toBeVisible();
});

test("a wallet connects, deposits, and has an account", async () => {
  await page.getByRole("button", { name: "Connect", exact: true }).click();
  await page.getByRole("button", { name: WALLET_NAME }).click();
  await expect(page).toHaveURL(/#\/portfolio$/);
  await deposit(page, 50_000);
  await expect(page.getByText("50,000.00").first()).toBeVisible();
});

test("the lower call is bought through the ticket, which says before what it asks for", async () => {
  await show(page, "chain");
  const [bought, sold] = [await findCalls(page, "Buy"), await findCalls(page, "Sell")];
  const low = bought[Math.floor((bought.length - 1) / 2)];
  const high = low && sold.find((each) => each.strike > low.strike);
  if (!low || !high) throw new Error(`no spread among ${bought.length} and ${sold.length} calls`);
  spread = [low, high];
  await page.getByRole("button", { name: `Look at ${low.name}` }).click();
  await page.getByRole("button", { name: "Buy", exact: true }).click();
  await page.getByLabel("Type").selectOption("market");
  await page.getByLabel(/^Amount/).fill("0.1");
  await expect(page.getByText("Initial margin")).toBeVisible();
  await expect(page.getByTestId("liquidation")).toBeVisible();
  await expect(async () => {
    await page.getByRole("button", { name: "Buy 0.1 BTC" }).click();
    await expect(page.getByRole("form").getByRole("status").last()).toContainText("0.1 filled at");
  }).toPass({ timeout: L1_MS });
});

test("the higher call is sold with nothing but a keyboard", async () => {
  const { name } = spread[1];
  const quote = page.getByRole("button", { name: `Look at ${name}` });
  await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
  await tabTo(page, page.getByRole("region", { name: /^Option chain of/ }));
  await page.keyboard.press("ArrowDown");
  for (let moves = 0; !(await quote.evaluate((element) => element === document.activeElement)); moves++) {
    if (moves > 200) throw new Error(`the arrow keys don't reach ${name}`);
    const [row, wanted] = await Promise.all([readRow(page), quote.evaluate(findRow)]);
    await page.keyboard.press(row < wanted ? "ArrowDown" : row > wanted ? "ArrowUp" : "ArrowRight");
  }
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name })).toBeVisible();
  await tabTo(page, page.getByRole("button", { name: "Sell", exact: true }));
  await page.keyboard.press("Space");
  await tabTo(page, page.getByLabel(/^Amount/));
  await page.keyboard.press("Control+A");
  await page.keyboard.type("0.1");
  await tabTo(page, page.getByRole("button", { name: "Sell 0.1 BTC" }));
  await expect(async () => {
    await page.keyboard.press("Enter");
    await expect(page.getByRole("form").getByRole("status").last()).toContainText("0.1 filled at");
  }).toPass({ timeout: L1_MS });
});

test("the spread is in the portfolio, and its payoff and margin in the analysis", async () => {
  await show(page, "portfolio");
  const positions = page.getByRole("region", { name: "Positions with greeks, by expiry" });
  for (const { name } of spread) await expect(positions.getByText(name)).toBeVisible();
  await show(page, "analysis");
  await expect(page.getByText("My positions (2)")).toBeVisible();
  await expect(page.getByRole("img", { name: /^Payoff and profit/ })).toBeVisible();
  await expect(page.getByText("as the machine adds it up")).toBeVisible();
  const width = spread[1].strike - spread[0].strike;
  const label = await page.getByRole("img", { name: /^Payoff and profit/ }).getAttribute("aria-label");
  const [least = 0, most = 0] = (label?.match(/-?[\d,]+\.\d\d/g) ?? []).map((text) =>
    Number(text.replaceAll(",", "")),
  );
  // a spread wins at most its width less what it cost, and loses at most what it cost
  expect(most - least).toBeCloseTo(0.1 * width, 1);
});

test("a withdrawal leaves with the next batch", async () => {
  await show(page, "portfolio");
  const funds = page.getByRole("region", { name: "Funds" });
  await expect(funds.locator("b").first()).toHaveText("50,000.00");
  await funds.getByLabel("Amount, USDC").fill("1234.5");
  await funds.getByRole("button", { name: "Withdraw" }).click();
  await expect(funds.getByRole("status")).toContainText("leave with the next batch");
});

test("the trades are confirmed, then posted", async () => {
  await show(page, "road");
  await expect(page.getByRole("article", { name: /^Trade / })).toHaveCount(2);
  await watch(["posted", "final"]);
});

test("no view has a serious fault of accessibility", async () => {
  for (const view of VIEWS) {
    await show(page, view);
    await page.waitForLoadState("networkidle");
    await expectAccessible(page);
  }
});

test("the trades are final, with what proves them", async () => {
  await show(page, "road");
  await watch(["final"]);
  console.log(`states of the trades that were seen: ${[...seen].join(", ")}`);
  const newest = page.getByRole("article", { name: /^Trade / }).first();
  await expect(newest.getByRole("listitem")).toHaveCount(4);
  await expect(newest.getByText("L1 transaction")).toBeVisible();
  await newest.getByText(/^Data word \d+ and its proofs$/).click();
  await expect(newest.getByText("Signed by the sequencer")).toBeVisible();
});

test("the withdrawal is claimed, and its money is in the wallet", async () => {
  await show(page, "portfolio");
  const funds = page.getByRole("region", { name: "Funds" });
  // L1 may move between the wallet's look and its transaction: then one is told to try again, and does
  await expect(async () => {
    await funds.getByRole("button", { name: "Claim" }).click();
    await expect(funds.getByRole("status")).toContainText("1,234.50 USDC paid");
  }).toPass({ timeout: L1_MS });
  await expect(funds.locator("b").first()).toHaveText("51,234.50", { timeout: L1_MS });
});

test("no script complained in all of this", () => {
  expect(trouble).toEqual([]);
});

/** Wait until each trade is in one of these states, and note what is seen on the way. */
async function watch(states: readonly string[]): Promise<void> {
  const trades = page.getByRole("article", { name: /^Trade / });
  await expect(async () => {
    const now = await trades.evaluateAll((all) =>
      all.map((each) => (each as HTMLElement).dataset.state ?? ""),
    );
    for (const state of now) seen.add(state);
    expect(now.every((state) => states.includes(state))).toBe(true);
  }).toPass({ timeout: L1_MS, intervals: [200] });
}

/** In which row of its table the focus is. */
function readRow(shown: Page): Promise<number> {
  return shown.evaluate(() => {
    const row = document.activeElement?.closest("tr");
    return row ? [...(row.parentElement?.children ?? [])].indexOf(row) : -1;
  });
}

/** In which row of its table an element is. */
function findRow(element: Element): number {
  const row = element.closest("tr");
  return row ? [...(row.parentElement?.children ?? [])].indexOf(row) : -1;
}
