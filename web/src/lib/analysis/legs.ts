/** What a portfolio is made of: positions that are held, and legs that are only thought of. */

import { computeGreeks, computeIntrinsic, computePrice, type Greeks, YEAR_S } from "./black76";

export type Kind = "call" | "put" | "linear";

/** An instrument with what the market says of it now. Prices in USDC of one coin. */
export interface Quote {
  readonly name: string;
  readonly kind: Kind;
  /** Of an option; 0 for a future or perpetual. */
  readonly strike: number;
  /** Milliseconds; Infinity for a perpetual. */
  readonly expiryMs: number;
  readonly mark: number;
  /** What the option is on; of a future or perpetual its own mark. */
  readonly forward: number;
  /** Implied by the mark, as a fraction; 0 for a future or perpetual. */
  readonly volatility: number;
}

export interface Leg {
  readonly quote: Quote;
  /** Coins, negative for a short one. */
  readonly size: number;
  /** What a coin of it was bought or sold at, in USDC. */
  readonly entryPrice: number;
}

/** The market elsewhere: another index, other volatilities, later. */
export interface Shift {
  /** What is added to the index, and with it to each forward, in USDC. */
  readonly index: number;
  /** What volatilities are multiplied by. */
  readonly volatility: number;
  readonly nowMs: number;
}

/** Years until an expiry, 0 once it has passed. */
export function computeYears(quote: Quote, nowMs: number): number {
  return Number.isFinite(quote.expiryMs) ? Math.max(0, quote.expiryMs - nowMs) / 1000 / YEAR_S : 0;
}

/**
 * Price of a coin of an instrument in a shifted market, in USDC. A forward moves with the index one for one and
 * a strike keeps its volatility, as between two sheets of the machine.
 */
export function computeLegPrice(quote: Quote, shift: Shift): number {
  if (quote.kind === "linear") return Math.max(0, quote.mark + shift.index);
  const terms = { strike: quote.strike, isCall: quote.kind === "call" };
  const forward = quote.forward + shift.index;
  if (forward <= 0) return computeIntrinsic(terms, 0);
  return computePrice(terms, forward, computeYears(quote, shift.nowMs), quote.volatility * shift.volatility);
}

/** Greeks of a coin of an instrument in a shifted market; a future or perpetual has delta alone. */
export function computeLegGreeks(quote: Quote, shift: Shift): Greeks {
  if (quote.kind === "linear") return { delta: 1, gamma: 0, vega: 0, theta: 0 };
  const terms = { strike: quote.strike, isCall: quote.kind === "call" };
  const forward = quote.forward + shift.index;
  return computeGreeks(terms, forward, computeYears(quote, shift.nowMs), quote.volatility * shift.volatility);
}

/** Profit of legs in a shifted market against what they were entered at, in USDC. */
export function computeProfit(legs: readonly Leg[], shift: Shift): number {
  return legs.reduce((sum, leg) => sum + leg.size * (computeLegPrice(leg.quote, shift) - leg.entryPrice), 0);
}

/** Greeks of legs together, in coins and USDC. */
export function computeTotalGreeks(legs: readonly Leg[], shift: Shift): Greeks {
  const total = { delta: 0, gamma: 0, vega: 0, theta: 0 };
  for (const leg of legs) {
    const part = computeLegGreeks(leg.quote, shift);
    for (const name of ["delta", "gamma", "vega", "theta"] as const) total[name] += leg.size * part[name];
  }
  return total;
}

/** The first expiry among legs, in milliseconds; null if none of them expires. */
export function findFirstExpiry(legs: readonly Leg[]): number | null {
  const first = Math.min(...legs.map((leg) => leg.quote.expiryMs));
  return Number.isFinite(first) ? first : null;
}
