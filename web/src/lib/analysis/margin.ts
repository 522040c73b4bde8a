/**
 * Margin by 16 scenarios (spec 05), and the scenarios themselves (docs/concepts/market.md).
 *
 * The machine adds up what its sheet says of each position in whole ticks; that is what the gateway tells of an
 * account. Of legs of which the machine knows nothing the same is computed here in floating point.
 */

import { computePrice } from "./black76";
import { computeYears, type Leg, type Quote } from "./legs";

export interface Scenario {
  /** Move of the index, in per cent. */
  readonly percent: number;
  /** Whether volatility rises, or falls. */
  readonly rises: boolean;
  /** What the change of value is divided by: the far scenarios count a third. */
  readonly divisor: number;
}

const MOVES = [0, 5, -5, 10, -10, 15, -15];

/** In the order of the sheet. */
export const SCENARIOS: readonly Scenario[] = [
  ...MOVES.flatMap((percent) => [true, false].map((rises) => ({ percent, rises, divisor: 1 }))),
  { percent: 45, rises: true, divisor: 3 },
  { percent: -45, rises: true, divisor: 3 },
];

/** Share of initial margin that is maintenance margin (05-R04), of an index for each short option (05-R03). */
export const MAINTENANCE_SHARE = 0.8;
export const SHORT_FLOOR_SHARE = 0.01;

/** Rise of volatility for an expiry of a day or less; it falls with days^-0.3. */
const SHOCK = 1.1;
const SHOCK_DECAY = 0.3;
const DAY_MS = 86_400_000;

export interface Requirement {
  readonly initial: number;
  readonly maintenance: number;
  /** Number of the scenario that decides; null if nothing can be lost. */
  readonly worst: number | null;
  /** Part that is asked for short options, whatever scenarios say. */
  readonly floor: number;
}

/** Relative change of volatility in a scenario, for what is left until an expiry in milliseconds. */
export function computeShock(leftMs: number): number {
  return SHOCK * (DAY_MS / Math.max(DAY_MS, leftMs)) ** SHOCK_DECAY;
}

/** Change of value of a coin of an instrument in each scenario, in USDC. */
export function computeScenarios(quote: Quote, index: number, nowMs: number): number[] {
  if (quote.kind === "linear")
    return SCENARIOS.map(({ percent, divisor }) => (index * percent) / 100 / divisor);
  const terms = { strike: quote.strike, isCall: quote.kind === "call" };
  const years = computeYears(quote, nowMs);
  const factor = 1 + computeShock(quote.expiryMs - nowMs);
  const now = computePrice(terms, quote.forward, years, quote.volatility);
  return SCENARIOS.map(({ percent, rises, divisor }) => {
    const forward = Math.max(0.01, quote.forward + (index * percent) / 100);
    const volatility = rises ? quote.volatility * factor : quote.volatility / factor;
    return (computePrice(terms, forward, years, volatility) - now) / divisor;
  });
}

/** Sums over legs of one underlying. */
export function sumScenarios(legs: readonly Leg[], index: number, nowMs: number): number[] {
  const sums = SCENARIOS.map(() => 0);
  for (const leg of legs) {
    computeScenarios(leg.quote, index, nowMs).forEach((value, n) => {
      sums[n] = (sums[n] ?? 0) + leg.size * value;
    });
  }
  return sums;
}

/** Coins of short options, which the floor counts. */
export function countShort(legs: readonly Leg[]): number {
  return legs.reduce((sum, leg) => sum + (leg.quote.kind !== "linear" && leg.size < 0 ? -leg.size : 0), 0);
}

/** Requirement in one underlying (05-R03, 05-R04): sums of scenarios in USDC, coins of short options, the index. */
export function computeRequirement(sums: readonly number[], short: number, index: number): Requirement {
  let worst: number | null = null;
  sums.forEach((value, n) => {
    if (value < (worst === null ? 0 : (sums[worst] ?? 0))) worst = n;
  });
  const floor = short * SHORT_FLOOR_SHARE * index;
  const initial = (worst === null ? 0 : -(sums[worst] ?? 0)) + floor;
  return { initial, maintenance: initial * MAINTENANCE_SHARE, worst, floor };
}

/** A scenario in words. */
export function describeScenario(number: number): string {
  const scenario = SCENARIOS[number];
  if (!scenario) return "";
  const { percent, rises, divisor } = scenario;
  const move = percent === 0 ? "index unmoved" : `index ${percent > 0 ? "+" : "−"}${Math.abs(percent)} %`;
  return `${move}, volatility ${rises ? "up" : "down"}${divisor === 1 ? "" : ", a third"}`;
}
