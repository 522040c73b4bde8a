/**
 * Where an account would be liquidated: the index at which equity has fallen to maintenance margin.
 *
 * An estimate: one index moves and takes its forwards along, volatilities stay, no time passes; positions are
 * valued by Black-76 and their requirement by the scenarios around the moved index (spec 05).
 */

import { computeLegPrice, type Leg, type Quote } from "./analysis/legs";
import { computeRequirement, countShort, sumScenarios } from "./analysis/margin";

export interface Holdings {
  /** Positions in the underlying that moves. */
  readonly legs: readonly Leg[];
  readonly index: number;
  /** Equity now, in USDC. */
  readonly equity: number;
  /** Maintenance margin of what is held in other underlyings. */
  readonly otherMaintenance: number;
  readonly nowMs: number;
}

export interface Liquidation {
  /** The first index below, and above, at which it happens; null where it does not. */
  readonly below: number | null;
  readonly above: number | null;
}

const LEAST = 0.05;
const MOST = 4;
const STEP = 0.02;
const HALVINGS = 40;

/** Equity less maintenance margin at another index, in USDC. */
export function computeExcess(
  { legs, index, equity, otherMaintenance, nowMs }: Holdings,
  level: number,
): number {
  const shift = { index: level - index, volatility: 1, nowMs };
  const still = { ...shift, index: 0 };
  const moved = legs.map((leg): Leg => ({ ...leg, quote: moveQuote(leg.quote, level - index) }));
  const gained = legs.reduce(
    (sum, leg) => sum + leg.size * (computeLegPrice(leg.quote, shift) - computeLegPrice(leg.quote, still)),
    0,
  );
  const required = computeRequirement(sumScenarios(moved, level, nowMs), countShort(moved), level);
  return equity + gained - required.maintenance - otherMaintenance;
}

/** Both sides; where the excess is negative already, the index of now. */
export function findLiquidation(holdings: Holdings): Liquidation {
  const { index } = holdings;
  if (!holdings.legs.some((leg) => leg.size)) return { below: null, above: null };
  if (computeExcess(holdings, index) <= 0) return { below: index, above: index };
  return { below: search(holdings, -1), above: search(holdings, 1) };
}

function search(holdings: Holdings, way: 1 | -1): number | null {
  const { index } = holdings;
  let safe = index;
  for (;;) {
    const level = way > 0 ? safe * (1 + STEP) : safe / (1 + STEP);
    if (level < index * LEAST || level > index * MOST) return null;
    if (computeExcess(holdings, level) <= 0) return bisect(holdings, safe, level);
    safe = level;
  }
}

function bisect(holdings: Holdings, safe: number, short: number): number {
  let [good, bad] = [safe, short];
  for (let step = 0; step < HALVINGS; step++) {
    const middle = (good + bad) / 2;
    if (computeExcess(holdings, middle) > 0) good = middle;
    else bad = middle;
  }
  return bad;
}

function moveQuote(quote: Quote, by: number): Quote {
  return { ...quote, mark: Math.max(0, quote.mark + by), forward: Math.max(0.01, quote.forward + by) };
}
