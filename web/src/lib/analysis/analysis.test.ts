/** The page's mathematics against numbers of the exchange's own code; tests/page/analysis_cases.py makes them. */

import { describe, expect, test } from "vitest";
import cases from "../../../tests/data/analysis.json";
import { computeGreeks, computePrice, YEAR_S } from "./black76";
import { computeLegPrice, type Kind, type Leg, type Quote } from "./legs";
import {
  computeRequirement,
  computeScenarios,
  computeShock,
  countShort,
  SCENARIOS,
  sumScenarios,
} from "./margin";
import { computeCdf } from "./normal";
import { interpolate, makeSmiles } from "./surface";

type Market = (typeof cases.markets)[number];
type Case = Market["quotes"][number];

/** Quotes as the page makes them of tickers: each strike's volatility from its smile. */
function makeQuotes(market: Market): Map<string, Quote> {
  const smiles = makeSmiles(
    market.quotes
      .filter((each) => each.kind !== "linear")
      .map((each) => ({
        expiryMs: each.expiry_ms ?? 0,
        strike: each.strike,
        isCall: each.kind === "call",
        forward: each.forward,
        volatility: each.mark_iv / 100,
      })),
  );
  const getVolatility = (each: Case): number => {
    const smile = smiles.find(({ expiryMs }) => expiryMs === each.expiry_ms);
    return (smile && interpolate(smile, Math.log(each.strike / each.forward))) ?? 0;
  };
  return new Map(
    market.quotes.map((each) => [
      each.name,
      {
        name: each.name,
        kind: each.kind as Kind,
        strike: each.strike,
        expiryMs: each.expiry_ms ?? Number.POSITIVE_INFINITY,
        mark: each.mark,
        forward: each.forward,
        volatility: each.kind === "linear" ? 0 : getVolatility(each),
      },
    ]),
  );
}

function near(value: number, expected: number, relative: number, absolute = 0): void {
  const most = Math.max(absolute, relative * Math.abs(expected));
  expect(Math.abs(value - expected), `${value} is not ${expected}`).toBeLessThanOrEqual(most);
}

test("the normal distribution", () => {
  for (const { x, cdf } of cases.normal) near(computeCdf(x), cdf, 1e-12);
  expect(computeCdf(Number.NaN)).toBeNaN();
});

test("a year is the exchange's", () => {
  expect(YEAR_S).toBe(cases.year_s);
});

test("prices and greeks by Black-76", () => {
  for (const each of cases.prices) {
    const terms = { strike: each.strike, isCall: each.is_call };
    const price = computePrice(terms, each.forward, each.years, each.volatility);
    near(price, each.price, 1e-9, 1e-13 * each.forward);
    const greeks = computeGreeks(terms, each.forward, each.years, each.volatility);
    near(greeks.delta, each.delta, 1e-9, 1e-15);
    for (const name of ["gamma", "vega", "theta"] as const) near(greeks[name], each[name], 1e-9, 1e-250);
  }
});

test("a price of what has no time or volatility is intrinsic, and of what is no price NaN", () => {
  const call = { strike: 100, isCall: true };
  expect(computePrice(call, 120, 0, 0.5)).toBe(20);
  expect(computePrice(call, 90, 1, 0)).toBe(0);
  expect(computePrice({ strike: 100, isCall: false }, 90, 0, 0.5)).toBe(10);
  for (const [forward, years, volatility] of [
    [0, 1, 0.5],
    [-1, 1, 0.5],
    [100, -1, 0.5],
    [100, 1, -0.5],
    [Number.NaN, 1, 0.5],
  ] as const) {
    expect(computePrice(call, forward, years, volatility)).toBeNaN();
    expect(computeGreeks(call, forward, years, volatility).delta).toBeNaN();
  }
  expect(computeGreeks(call, 100, 0, 0.5)).toEqual({ delta: 0.5, gamma: 0, vega: 0, theta: 0 });
});

test("scenarios are the sheet's, in its order", () => {
  expect(SCENARIOS).toEqual(cases.scenarios);
  for (const { left_s, shock } of cases.shocks) near(computeShock(left_s * 1000), shock, 1e-12);
});

describe.each(cases.markets)("the market at $index", (market) => {
  const quotes = makeQuotes(market);
  const get = (name: string): Quote => {
    const quote = quotes.get(name);
    if (!quote) throw new Error(`no ${name}`);
    return quote;
  };

  test("marks come back from volatilities with two decimals", () => {
    const shift = { index: 0, volatility: 1, nowMs: market.now_ms };
    for (const each of market.quotes)
      near(computeLegPrice(get(each.name), shift), each.mark, 0, 2e-5 * market.index);
  });

  test("scenarios of each instrument are the sheet's, but for what rounding costs", () => {
    for (const each of market.quotes) {
      const values = computeScenarios(get(each.name), market.index, market.now_ms);
      expect(values).toHaveLength(16);
      for (const [n, value] of values.entries()) {
        near(value, (each.scenarios[n] ?? Number.NaN) / 100, 0, 5e-5 * market.index);
      }
    }
  });

  test("a portfolio's margin is the machine's, exactly from its sums, and closely from volatilities", () => {
    for (const portfolio of market.portfolios) {
      const legs: Leg[] = portfolio.legs.map(({ name, size }) => ({ quote: get(name), size, entryPrice: 0 }));
      near(countShort(legs), portfolio.short, 1e-12);
      const exact = computeRequirement(portfolio.sums, portfolio.short, market.index);
      near(exact.initial, portfolio.initial, 0, 2e-6);
      near(exact.floor, portfolio.floor, 0, 2e-6);
      near(exact.maintenance, portfolio.maintenance, 0, 3e-6);
      const sums = sumScenarios(legs, market.index, market.now_ms);
      const gross = legs.reduce((sum, leg) => sum + Math.abs(leg.size), 0);
      const close = computeRequirement(sums, countShort(legs), market.index);
      near(close.initial, portfolio.initial, 0, 5e-5 * market.index * gross + 1e-6);
    }
  });
});

test("nothing to lose needs no margin, and a short option needs its floor", () => {
  expect(computeRequirement(Array(16).fill(0), 0, 100)).toEqual({
    initial: 0,
    maintenance: 0,
    worst: null,
    floor: 0,
  });
  expect(computeRequirement(Array(16).fill(5), 2, 100)).toEqual({
    initial: 2,
    maintenance: 1.6,
    worst: null,
    floor: 2,
  });
  expect(computeRequirement([3, -1, -7, ...Array(13).fill(0)], 0, 100).worst).toBe(2);
});
