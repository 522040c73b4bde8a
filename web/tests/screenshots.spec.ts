/** Pictures for the documents, of a system with an account that has traded: make screenshots. */

import { type BrowserContext, expect, type Page, test } from "@playwright/test";
import { deposit, findCalls, L1_MS, show, VIEWS } from "./stage";

const FOLDER = process.env.MILETUS_SCREENSHOTS;

const LOOKS = [
  { name: "dark", theme: "dark", size: { width: 1000, height: 680 } },
  { name: "light", theme: "light", size: { width: 1000, height: 680 } },
  { name: "phone", theme: "dark", size: { width: 390, height: 780 } },
] as const;

test.describe.configure({ mode: "serial" });
test.skip(!FOLDER, "make screenshots says where they go");

let context: BrowserContext;
let page: Page;

test.beforeAll(async ({ browser }) => {
  context = await browser.newContext({ reducedMotion: "reduce" });
  page = await context.newPage();
});

test.afterAll(() => context.close());

test("an account buys a call spread", async () => {
  await page.goto("/");
  await page.getByRole("button", { name: "Connect", exact: true }).click();
  await page.getByText("Development key").first().click();
  await page.getByRole("button", { name: "Use a development key" }).click();
  await expect(page).toHaveURL(/#\/portfolio$/, { timeout: L1_MS });
  await deposit(page, 25_000);
  await show(page, "chain");
  const calls = await findCalls(page, "Buy");
  for (const [side, call] of [
    ["Buy", calls[1]],
    ["Sell", calls.at(-1)],
  ] as const) {
    if (!call) throw new Error("no calls have a price");
    await page.getByRole("button", { name: `Look at ${call.name}` }).click();
    await page.getByRole("button", { name: side, exact: true }).click();
    await page.getByLabel("Type").selectOption("market");
    await page.getByLabel(/^Amount/).fill("0.1");
    await expect(async () => {
      await page.getByRole("button", { name: `${side} 0.1 BTC` }).click();
      await expect(page.getByRole("form").getByRole("status").last()).toContainText("filled at");
    }).toPass({ timeout: L1_MS });
  }
  await show(page, "road");
  await expect(page.locator("article[data-state=posted], article[data-state=final]").first()).toBeVisible({
    timeout: L1_MS,
  });
});

for (const { name, theme, size } of LOOKS) {
  test(`every view, ${name}`, async () => {
    await page.setViewportSize(size);
    await page.emulateMedia({ colorScheme: theme });
    await page.evaluate((chosen) => localStorage.setItem("miletus.theme", chosen), theme);
    for (const view of VIEWS) {
      await show(page, view);
      await page.reload();
      await expect(page.getByRole("button", { name: /^Account \d+$/ })).toBeVisible();
      if (view === "chain") {
        const [call] = await findCalls(page, "Buy");
        await page.getByRole("button", { name: `Look at ${call?.name}` }).click();
      }
      await page.waitForLoadState("networkidle");
      await page.waitForTimeout(2_500); // figures come once a second, and a picture should have them all
      await page.screenshot({ path: `${FOLDER}/${view}-${name}.png`, animations: "disabled" });
    }
  });
}
