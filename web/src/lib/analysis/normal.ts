/** The normal distribution in double precision. */

const ROOT_2PI = Math.sqrt(2 * Math.PI);

/** Where the series, which loses digits far out, gives way to the continued fraction. */
const SERIES_END = 4;
const MOST_TERMS = 200;

/** Density at x. */
export function computeDensity(x: number): number {
  return Math.exp(-0.5 * x * x) / ROOT_2PI;
}

/**
 * Probability of a value below x; absolute error below 1e-15, and far below zero a relative one below 1e-12.
 *
 * Near zero: 1/2 + density x (x + x^3/3 + x^5/(3 x 5) + ...). Far out: Laplace's continued fraction of the
 * tail, density / (x + 1/(x + 2/(x + ...))).
 */
export function computeCdf(x: number): number {
  if (Number.isNaN(x)) return Number.NaN;
  if (Math.abs(x) < SERIES_END) return x < -1 ? computeTail(-x) : 0.5 + computeDensity(x) * sumSeries(x);
  return x < 0 ? computeTail(-x) : 1 - computeTail(x);
}

function sumSeries(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; n < MOST_TERMS && Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= (x * x) / (2 * n + 1);
    sum += term;
  }
  return sum;
}

/** Probability of a value above x, for x >= 1. */
function computeTail(x: number): number {
  let fraction = x;
  for (let n = MOST_TERMS; n > 0; n--) fraction = x + n / fraction;
  return computeDensity(x) / fraction;
}
