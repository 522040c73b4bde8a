import { expect, test } from "vitest";
import { YEAR_S } from "./black76";
import { computeTotalGreeks, findFirstExpiry, type Leg } from "./legs";
import { chooseRange, computeDeviation, computeProfile } from "./profile";

const NOW = 1_769_587_200_000;
const DAY = 86_400_000;

function makeCall(strike: number, size: number, entryPrice: number, days = 10): Leg {
  const quote = {
    kind: "call" as const,
    expiryMs: NOW + days * DAY,
    mark: entryPrice,
    forward: 100,
    volatility: 0.5,
  };
  return { quote: { ...quote, name: `C${strike}`, strike }, size, entryPrice };
}

function makePerpetual(size: number, entryPrice: number): Leg {
  const quote = { name: "PERP", kind: "linear" as const, strike: 0, mark: 100, forward: 100, volatility: 0 };
  return { quote: { ...quote, expiryMs: Number.POSITIVE_INFINITY }, size, entryPrice };
}

const NOWHERE = { index: 0, volatility: 1, nowMs: NOW };

test("a call spread: what it costs, what it can win, and where it breaks even", () => {
  const legs = [makeCall(100, 2, 4), makeCall(110, -2, 1)];
  const profile = computeProfile(legs, 100, NOWHERE, { from: 60, to: 140 });
  expect(profile.payoffMs).toBe(NOW + 10 * DAY);
  expect(profile.least?.payoff).toBeCloseTo(-6, 9);
  expect(profile.most?.payoff).toBeCloseTo(14, 9);
  expect(profile.breakEvens).toHaveLength(1);
  expect(profile.breakEvens[0]).toBeCloseTo(103, 9);
  expect(profile.points.some((point) => point.index === 110 && Math.abs(point.payoff - 14) < 1e-9)).toBe(
    true,
  );
});

test("a straddle breaks even twice, and later it has lost time value", () => {
  const put: Leg = { ...makeCall(100, 1, 3), quote: { ...makeCall(100, 1, 3).quote, kind: "put" } };
  const legs = [makeCall(100, 1, 3), put];
  const range = { from: 50, to: 150 };
  const now = computeProfile(legs, 100, NOWHERE, range);
  expect(now.breakEvens.map((each) => Math.round(each * 1e6) / 1e6)).toEqual([94, 106]);
  const later = computeProfile(legs, 100, { ...NOWHERE, nowMs: NOW + 9 * DAY }, range);
  const higher = computeProfile(legs, 100, { ...NOWHERE, volatility: 1.5 }, range);
  now.points.forEach((point, n) => {
    expect(later.points[n]?.profit).toBeLessThanOrEqual(point.profit + 1e-9);
    expect(higher.points[n]?.profit).toBeGreaterThanOrEqual(point.profit - 1e-9);
    expect(higher.points[n]?.payoff).toBeCloseTo(point.payoff, 9);
  });
});

test("a payoff on the zero line for a while crosses it once", () => {
  const profile = computeProfile(
    [makeCall(100, 1, 0), makeCall(100, -1, 0), makePerpetual(1, 100)],
    100,
    NOWHERE,
    {
      from: 80,
      to: 120,
    },
  );
  expect(profile.breakEvens).toHaveLength(1);
  expect(profile.breakEvens[0]).toBeCloseTo(100, 6);
});

test("of a calendar the later leg keeps its value at the first expiry", () => {
  const legs = [makeCall(100, -1, 3, 10), makeCall(100, 1, 5, 40)];
  const profile = computeProfile(legs, 100, NOWHERE, { from: 60, to: 140 });
  expect(profile.payoffMs).toBe(NOW + 10 * DAY);
  expect(profile.most?.index).toBeCloseTo(100, 0);
  expect(profile.most?.payoff).toBeGreaterThan(0);
});

test("a linear position has no expiry, and nothing has no profit", () => {
  expect(findFirstExpiry([makePerpetual(1, 90)])).toBeNull();
  const profile = computeProfile([makePerpetual(2, 90)], 100, NOWHERE, { from: 80, to: 120 });
  expect(profile.payoffMs).toBeNull();
  expect(profile.breakEvens[0]).toBeCloseTo(90, 9);
  const nothing = computeProfile([], 100, NOWHERE, { from: 80, to: 120 });
  expect(nothing.breakEvens).toEqual([]);
  expect(nothing.points.every((point) => point.profit === 0)).toBe(true);
});

test("a range holds the index and the strikes", () => {
  const legs = [makeCall(30, 1, 70), makeCall(180, 1, 0.1)];
  const deviation = computeDeviation(legs, NOW, YEAR_S * 1000);
  expect(deviation).toBeCloseTo(0.5 * Math.sqrt(10 / 365), 9);
  const range = chooseRange(legs, 100, deviation);
  expect(range.from).toBeLessThan(30);
  expect(range.to).toBeGreaterThan(180);
  expect(chooseRange([], 100, 0)).toEqual({ from: 92, to: 108 });
});

test("greeks add up by size", () => {
  const greeks = computeTotalGreeks([makeCall(100, 2, 4), makePerpetual(-1, 100)], NOWHERE);
  const single = computeTotalGreeks([makeCall(100, 1, 4)], NOWHERE);
  expect(greeks.delta).toBeCloseTo(2 * single.delta - 1, 12);
  expect(greeks.gamma).toBeCloseTo(2 * single.gamma, 12);
  expect(greeks.theta).toBeLessThan(0);
});
