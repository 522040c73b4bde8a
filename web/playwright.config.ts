import { defineConfig } from "@playwright/test";

/**
 * Tests of the page in Debian's Chromium. tests/page starts a whole system and says by the environment where its
 * gateway and its L1 are; without one there is nothing to test, and each test says so.
 */
export default defineConfig({
  testDir: "tests",
  testMatch: "*.spec.ts",
  // what a stranger does is one story: its parts follow on one another, on one system
  workers: 1,
  fullyParallel: false,
  forbidOnly: true,
  retries: 0,
  timeout: 240_000,
  expect: { timeout: 60_000 },
  reporter: [["list"]],
  outputDir: process.env.MILETUS_PAGE_OUTPUT ?? "../build/page-tests",
  use: {
    baseURL: process.env.MILETUS_PAGE_URL ?? "http://127.0.0.1:8700",
    browserName: "chromium",
    launchOptions: {
      executablePath: process.env.MILETUS_CHROMIUM ?? "/usr/bin/chromium",
      // root has no sandbox, and containers little shared memory
      args: [...(process.getuid?.() === 0 ? ["--no-sandbox"] : []), "--disable-dev-shm-usage"],
    },
    viewport: { width: 1280, height: 900 },
    actionTimeout: 60_000,
    screenshot: "only-on-failure",
    trace: "off",
  },
});
