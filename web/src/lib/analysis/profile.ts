/** Payoff and profit over a range of the index, and where they cross zero. */

import { computeProfit, findFirstExpiry, type Leg, type Shift } from "./legs";

export interface Point {
  /** The index, in USDC. */
  readonly index: number;
  /** Profit in the shifted market. */
  readonly profit: number;
  /** Profit when the first leg expires (of what expires later, its value then). */
  readonly payoff: number;
}

export interface Profile {
  readonly points: readonly Point[];
  /** Where the payoff crosses zero. */
  readonly breakEvens: readonly number[];
  readonly most: Point | null;
  readonly least: Point | null;
  /** When the payoff is taken, in milliseconds; null if nothing expires. */
  readonly payoffMs: number | null;
}

export interface Range {
  readonly from: number;
  readonly to: number;
}

const STEPS = 120;

/**
 * A range around the index that shows what a portfolio does: its strikes, and some deviations either side.
 * `deviation` is of the logarithm, over the time that is looked at.
 */
export function chooseRange(legs: readonly Leg[], index: number, deviation: number): Range {
  const width = Math.min(0.6, Math.max(0.08, 2.5 * deviation));
  const strikes = legs.filter((leg) => leg.quote.kind !== "linear").map((leg) => leg.quote.strike);
  const from = Math.min(index * (1 - width), ...strikes.map((strike) => strike * 0.96));
  const to = Math.max(index * (1 + width), ...strikes.map((strike) => strike * 1.04));
  return { from: Math.max(from, index * 0.05), to: Math.min(to, index * 4) };
}

/** The widest deviation of legs' logarithms until their expiries: volatility times the root of years. */
export function computeDeviation(legs: readonly Leg[], nowMs: number, yearMs: number): number {
  const each = legs
    .filter((leg) => leg.quote.kind !== "linear")
    .map((leg) => leg.quote.volatility * Math.sqrt(Math.max(0, leg.quote.expiryMs - nowMs) / yearMs));
  return Math.max(0, ...each);
}

/** Profit and payoff of legs over a range. `shift.index` is ignored: the range says where the index is. */
export function computeProfile(legs: readonly Leg[], index: number, shift: Shift, range: Range): Profile {
  const payoffMs = findFirstExpiry(legs);
  const last = payoffMs === null ? shift.nowMs : Math.max(payoffMs, shift.nowMs);
  const at = (level: number): Point => ({
    index: level,
    profit: computeProfit(legs, { ...shift, index: level - index }),
    payoff: computeProfit(legs, { ...shift, index: level - index, nowMs: last }),
  });
  const levels = Array.from(
    { length: STEPS + 1 },
    (_, n) => range.from + ((range.to - range.from) * n) / STEPS,
  );
  // a payoff bends at strikes, and the curve has to bend there too
  for (const leg of legs) {
    const bend = leg.quote.strike - (leg.quote.forward - index);
    if (leg.quote.kind !== "linear" && bend > range.from && bend < range.to) levels.push(bend);
  }
  levels.push(index);
  const points = [...new Set(levels)].sort((a, b) => a - b).map(at);
  const ranked = [...points].sort((a, b) => a.payoff - b.payoff);
  return {
    points,
    breakEvens: legs.length === 0 ? [] : findCrossings(points, (level) => at(level).payoff),
    most: ranked.at(-1) ?? null,
    least: ranked[0] ?? null,
    payoffMs,
  };
}

function findCrossings(points: readonly Point[], payoff: (index: number) => number): number[] {
  const found: number[] = [];
  let before: Point | null = null;
  for (const after of points) {
    if (after.payoff === 0) continue;
    if (before && before.payoff * after.payoff < 0) found.push(bisect(before, after.index, payoff));
    before = after;
  }
  return found;
}

function bisect(from: Point, to: number, payoff: (index: number) => number): number {
  let [low, high] = [from.index, to];
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    if (payoff(middle) * from.payoff > 0) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
