/** Each view in dark and light, on a desk and on a phone; a development key; a connection that is lost. */

import { type BrowserContext, expect, type Page, test, type WebSocketRoute } from "@playwright/test";
import { collectTrouble, deposit, expectAccessible, findCalls, L1_MS, show, VIEWS } from "./stage";

test.describe.configure({ mode: "serial" });

const PHONE = { width: 390, height: 844 };
const DESK = { width: 1280, height: 900 };

let context: BrowserContext;
let page: Page;
let trouble: string[];
const lines: WebSocketRoute[] = [];

test.beforeAll(async ({ browser }) => {
  context = await browser.newContext();
  page = await context.newPage();
  trouble = collectTrouble(page);
  await page.routeWebSocket(/\/ws\/api\/v2$/, (line) => {
    line.connectToServer();
    lines.push(line);
  });
});

test.afterAll(() => context.close());

test("a development key has an account, and still has it when the page is loaded anew", async () => {
  await page.goto("/");
  await page.getByRole("button", { name: "Connect", exact: true }).click();
  await page.getByText("Development key").first().click();
  await page.getByRole("button", { name: "Use a development key" }).click();
  await expect(page).toHaveURL(/#\/portfolio$/, { timeout: L1_MS });
  await deposit(page, 20_000);
  const name = await page.getByRole("button", { name: /^Account \d+$/ }).textContent();
  await page.reload();
  await expect(page.getByRole("button", { name: name?.trim() ?? "" })).toBeVisible();
});

test("an order rests in the book, is shown, and is cancelled", async () => {
  await show(page, "chain");
  const [call] = await findCalls(page, "Buy");
  if (!call) throw new Error("no call has a price");
  await page.getByRole("button", { name: `Look at ${call.name}` }).click();
  await page.getByRole("button", { name: "Buy", exact: true }).click();
  await page.getByLabel(/^Amount/).fill("0.1");
  await page.getByLabel("Price, USDC").fill("5");
  await page.getByRole("button", { name: "Buy 0.1 BTC" }).click();
  await expect(page.getByText("The order rests in the book")).toBeVisible();
  await show(page, "portfolio");
  const orders = page.getByRole("region", { name: /orders/i }).last();
  await expect(orders.getByText(call.name)).toBeVisible();
  await orders
    .getByRole("button", { name: /^Cancel/ })
    .first()
    .click();
  await expect(orders.getByText(call.name)).toBeHidden();
});

test("a refused order is told in words, and one beyond the margin before it is sent", async () => {
  await show(page, "chain");
  const [call] = await findCalls(page, "Buy");
  if (!call) throw new Error("no call has a price");
  await page.getByRole("button", { name: `Look at ${call.name}` }).click();
  await page.getByRole("button", { name: "Sell", exact: true }).click();
  await page.getByLabel("Type").selectOption("market");
  await page.getByLabel(/^Amount/).fill("400");
  await expect(page.getByText("Not enough margin")).toBeVisible();
  await page.getByLabel("Reduce only").check();
  await page.getByRole("button", { name: "Sell 400 BTC" }).click();
  await expect(page.locator("form p.error[role=status]").last()).toContainText(/reduce/i);
  await page.getByLabel("Reduce only").uncheck();
});

test("an idea is analysed without an order, and the sliders move its profit", async () => {
  await show(page, "analysis");
  await page.getByRole("checkbox", { name: /^My positions/ }).uncheck();
  const [call] = await findCallsOf(page);
  await page.getByLabel("Instrument").fill(call);
  await page.getByRole("button", { name: "Add leg" }).click();
  const profit = page.locator("dt", { hasText: "Profit here" }).locator("xpath=following-sibling::dd");
  await expect(profit).toBeVisible();
  const read = async (): Promise<number> => Number((await profit.textContent())?.replaceAll(",", ""));
  const before = await read();
  await page.getByRole("slider", { name: /^Volatility/ }).fill("100");
  await expect.poll(read).toBeGreaterThan(before + 20);
  const early = await read();
  await page.getByRole("slider", { name: /^Time/ }).fill("100");
  await expect.poll(read).toBeLessThan(early); // all of the option's time value is gone
  await page.getByText("As a table").click();
  await expect(page.getByRole("table").filter({ hasText: "Payoff at expiry" })).toBeVisible();
  await page.getByRole("button", { name: `Remove ${call}` }).click();
  await expect(page.getByText("No legs yet")).toBeVisible();
});

test("a connection that is lost is told, and made again with all that was on the page", async () => {
  await show(page, "chain");
  await expect(page.getByText("live")).toBeVisible();
  const before = lines.length;
  await lines.at(-1)?.close({ code: 1012 });
  await expect(async () => expect(lines.length).toBeGreaterThan(before)).toPass();
  await expect(page.getByText("live")).toBeVisible();
  await expect(page.getByRole("button", { name: /^Account \d+$/ })).toBeVisible();
  await findCalls(page, "Buy");
});

for (const theme of ["dark", "light"] as const) {
  for (const [device, size] of [
    ["desk", DESK],
    ["phone", PHONE],
  ] as const) {
    test(`every view is accessible and fits on a ${device} in ${theme}`, async () => {
      await page.setViewportSize(size);
      await page.emulateMedia({ colorScheme: theme });
      await page.evaluate((chosen) => localStorage.setItem("miletus.theme", chosen), theme);
      for (const view of VIEWS) {
        await show(page, view);
        await page.reload();
        await expect(page.locator("html")).toHaveAttribute("data-theme", theme);
        await expect(page.getByText("live")).toBeVisible();
        await expect(page.locator("main h1")).toBeAttached();
        await page.waitForLoadState("networkidle");
        await expectAccessible(page);
        const beyond = await page.evaluate(
          () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        );
        expect(beyond, `${view} is wider than a ${device}`).toBe(0);
      }
    });
  }
}

test("no script complained in all of this", () => {
  expect(trouble.filter((each) => !each.includes("WebSocket"))).toEqual([]);
});

/** Names of calls that the analysis offers. */
async function findCallsOf(shown: Page): Promise<[string]> {
  const values = shown.locator("#analysis-instruments option");
  await expect(values.first()).toBeAttached();
  const names = await values.evaluateAll((all) => all.map((each) => (each as HTMLOptionElement).value));
  const calls = names.filter((each) => each.endsWith("-C"));
  const middle = calls[Math.floor(calls.length / 2)];
  if (!middle) throw new Error("no calls are offered");
  return [middle];
}
