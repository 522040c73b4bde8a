import { expect, test } from "vitest";
import type { Leg, Quote } from "./analysis/legs";
import { computeExcess, findLiquidation, type Holdings } from "./liquidation";

const NOW = Date.UTC(2026, 0, 1);
const INDEX = 90_000;

const perpetual: Quote = {
  name: "BTC_USDC-PERPETUAL",
  kind: "linear",
  strike: 0,
  expiryMs: Number.POSITIVE_INFINITY,
  mark: INDEX,
  forward: INDEX,
  volatility: 0,
};
const call: Quote = {
  name: "BTC_USDC-31JAN26-90000-C",
  kind: "call",
  strike: 90_000,
  expiryMs: NOW + 30 * 86_400_000,
  mark: 5_000,
  forward: INDEX,
  volatility: 0.5,
};

function hold(legs: Leg[], equity: number, otherMaintenance = 0): Holdings {
  return { legs, index: INDEX, equity, otherMaintenance, nowMs: NOW };
}

const leg = (quote: Quote, size: number): Leg => ({ quote, size, entryPrice: quote.mark });

test("a long perpetual goes below, where 12 % of the index's value is left", () => {
  // the worst scenarios of a coin: 15 % of the index; maintenance is 0.8 of it
  const { below, above } = findLiquidation(hold([leg(perpetual, 1)], 20_000));
  expect(above).toBeNull();
  expect(below).toBeCloseTo((INDEX - 20_000) / (1 - 0.12), 0);
});

test("a short one goes above", () => {
  const { below, above } = findLiquidation(hold([leg(perpetual, -1)], 20_000));
  expect(below).toBeNull();
  expect(above).toBeCloseTo((INDEX + 20_000) / (1 + 0.12), 0);
});

test("margin of other underlyings counts", () => {
  const alone = findLiquidation(hold([leg(perpetual, 1)], 20_000)).below as number;
  const beside = findLiquidation(hold([leg(perpetual, 1)], 20_000, 5_000)).below as number;
  expect(beside).toBeGreaterThan(alone);
});

test("a call that is paid for is never liquidated with enough cash, a short one is above", () => {
  expect(findLiquidation(hold([leg(call, 1)], 20_000))).toEqual({ below: null, above: null });
  const short = hold([leg(call, -1)], 20_000);
  const { below, above } = findLiquidation(short);
  expect(below).toBeNull();
  expect(above).toBeGreaterThan(INDEX);
  expect(computeExcess(short, (above as number) - 1)).toBeGreaterThan(0);
  expect(computeExcess(short, above as number)).toBeLessThanOrEqual(0);
});

test("nothing held is nothing to liquidate, and too little money is at once", () => {
  expect(findLiquidation(hold([], 0))).toEqual({ below: null, above: null });
  expect(findLiquidation(hold([leg(perpetual, 1)], 100))).toEqual({ below: INDEX, above: INDEX });
});
