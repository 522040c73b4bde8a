/** The volatility surface: a smile for each expiry, and a mesh over moneyness and time. */

import { YEAR_S } from "./black76";

const MINUTE_MS = 60_000;

export interface Sample {
  readonly expiryMs: number;
  readonly strike: number;
  readonly isCall: boolean;
  readonly forward: number;
  /** As a fraction. */
  readonly volatility: number;
}

export interface SmilePoint {
  readonly strike: number;
  /** Logarithm of strike over forward. */
  readonly moneyness: number;
  readonly volatility: number;
}

export interface Smile {
  readonly expiryMs: number;
  readonly forward: number;
  /** By rising strike, one for each. */
  readonly points: readonly SmilePoint[];
}

export interface Mesh {
  /** Moneyness in standard deviations until the expiry, so that expiries of a day and of a year compare. */
  readonly deviations: readonly number[];
  readonly expiriesMs: readonly number[];
  /** A row for each expiry; null where its strikes do not reach. */
  readonly volatilities: readonly (readonly (number | null)[])[];
  readonly least: number;
  readonly most: number;
}

/**
 * Smiles by rising expiry; samples without a volatility are left out. Call and put of a strike have one
 * volatility, and the one out of the money tells it: the other's price hardly depends on it, so what is implied
 * by that is mostly rounding.
 */
export function makeSmiles(samples: readonly Sample[]): Smile[] {
  const expiries = new Map<number, Map<number, Sample>>();
  for (const sample of samples) {
    if (!(sample.volatility > 0 && sample.strike > 0 && sample.forward > 0)) continue;
    const strikes = expiries.get(sample.expiryMs) ?? new Map<number, Sample>();
    if (!strikes.has(sample.strike) || isOutOfTheMoney(sample)) strikes.set(sample.strike, sample);
    expiries.set(sample.expiryMs, strikes);
  }
  return [...expiries.entries()]
    .sort(([a], [b]) => a - b)
    .map(([expiryMs, strikes]) => {
      const sorted = [...strikes.values()].sort((a, b) => a.strike - b.strike);
      return {
        expiryMs,
        forward: sorted[0]?.forward ?? 0,
        points: sorted.map(({ strike, forward, volatility }) => ({
          strike,
          moneyness: Math.log(strike / forward),
          volatility,
        })),
      };
    });
}

function isOutOfTheMoney({ isCall, strike, forward }: Sample): boolean {
  return isCall ? strike >= forward : strike < forward;
}

/** Volatility of a smile between its strikes, linear in the variance; null outside of them. */
export function interpolate(smile: Smile, moneyness: number): number | null {
  const { points } = smile;
  const near = points.find((point) => Math.abs(point.moneyness - moneyness) < 1e-12);
  if (near) return near.volatility;
  const after = points.findIndex((point) => point.moneyness > moneyness);
  const right = points[after];
  if (!right) return null;
  const left = points[after - 1];
  if (!left) return null;
  const share = (moneyness - left.moneyness) / (right.moneyness - left.moneyness);
  return Math.sqrt(left.volatility ** 2 * (1 - share) + right.volatility ** 2 * share);
}

/** Volatility at the money. */
export function getAtTheMoney(smile: Smile): number | null {
  return interpolate(smile, 0);
}

/** Of a smile: one standard deviation of the logarithm until its expiry. */
function computeDeviation(smile: Smile, nowMs: number): number {
  const years = Math.max(MINUTE_MS, smile.expiryMs - nowMs) / 1000 / YEAR_S;
  const middle = smile.points[Math.floor(smile.points.length / 2)]?.volatility ?? 1;
  return (getAtTheMoney(smile) ?? middle) * Math.sqrt(years);
}

/** A mesh of `columns` between the widest strikes of the smiles. */
export function makeMesh(smiles: readonly Smile[], columns: number, nowMs: number): Mesh {
  const units = smiles.map((smile) => computeDeviation(smile, nowMs));
  const all = smiles.flatMap((smile, n) => smile.points.map((point) => point.moneyness / (units[n] ?? 1)));
  const [low, high] = [Math.min(0, ...all), Math.max(0, ...all)];
  const deviations = Array.from({ length: columns }, (_, n) => low + ((high - low) * n) / (columns - 1));
  const volatilities = smiles.map((smile, n) =>
    deviations.map((each) => interpolate(smile, each * (units[n] ?? 1))),
  );
  const known = volatilities.flat().filter((each) => each !== null);
  return {
    deviations,
    expiriesMs: smiles.map((smile) => smile.expiryMs),
    volatilities,
    least: Math.min(...known),
    most: Math.max(...known),
  };
}
