/**
 * Black-76 for options on a forward, not discounted: the linear options of this market are margined like futures.
 *
 * F. Black, "The pricing of commodity contracts", J. Financial Economics 3 (1976). The same formulas as
 * `miletus.market.black76`, whose numbers the tests compare with.
 */

import { computeCdf, computeDensity } from "./normal";

/** Seconds of a year, as Deribit's implied volatilities count them. */
export const YEAR_S = 365 * 86_400;

export interface Terms {
  readonly strike: number;
  readonly isCall: boolean;
}

export interface Greeks {
  /** By the forward. */
  readonly delta: number;
  /** Second, by the forward. */
  readonly gamma: number;
  /** By the volatility as a fraction. */
  readonly vega: number;
  /** By time that passes, a year, at a fixed forward. */
  readonly theta: number;
}

/** What an option is worth if the forward is where it ends. */
export function computeIntrinsic(terms: Terms, forward: number): number {
  return Math.max(0, terms.isCall ? forward - terms.strike : terms.strike - forward);
}

/**
 * Price in the forward's unit; the intrinsic value where years or volatility (a fraction) is 0. NaN for a
 * forward or strike that is not positive, or a negative volatility or time.
 */
export function computePrice(terms: Terms, forward: number, years: number, volatility: number): number {
  const { strike } = terms;
  if (!(forward > 0 && strike > 0 && years >= 0 && volatility >= 0)) return Number.NaN;
  const deviation = volatility * Math.sqrt(years);
  const intrinsic = computeIntrinsic(terms, forward);
  if (deviation === 0) return intrinsic;
  // the out-of-the-money side, so that a far strike keeps its digits
  const d1 = Math.log(forward / strike) / deviation + deviation / 2;
  const d2 = d1 - deviation;
  const outer =
    strike >= forward
      ? forward * computeCdf(d1) - strike * computeCdf(d2)
      : strike * computeCdf(-d2) - forward * computeCdf(-d1);
  return intrinsic + Math.max(0, outer);
}

/** The greeks; at years = 0 or volatility = 0 delta is the step (1/2 at the money) and the others are 0. */
export function computeGreeks(terms: Terms, forward: number, years: number, volatility: number): Greeks {
  const { strike, isCall } = terms;
  if (!(forward > 0 && strike > 0 && years >= 0 && volatility >= 0)) {
    return { delta: Number.NaN, gamma: Number.NaN, vega: Number.NaN, theta: Number.NaN };
  }
  const deviation = volatility * Math.sqrt(years);
  if (deviation === 0) {
    const step = forward === strike ? 0.5 : forward > strike ? 1 : 0;
    return { delta: isCall ? step : step - 1, gamma: 0, vega: 0, theta: 0 };
  }
  const d1 = Math.log(forward / strike) / deviation + deviation / 2;
  const density = computeDensity(d1);
  const gamma = density / (forward * deviation);
  return {
    delta: isCall ? computeCdf(d1) : -computeCdf(-d1),
    gamma,
    vega: forward * density * Math.sqrt(years),
    theta: (-forward * forward * gamma * volatility * volatility) / 2,
  };
}
