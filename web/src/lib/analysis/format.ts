/** Figures as the analysing views write them. */

const MONEY = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const WHOLE = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const SIZE = new Intl.NumberFormat("en", { maximumFractionDigits: 4 });
const DATE = new Intl.DateTimeFormat("en-GB", {
  day: "2-digit",
  month: "short",
  year: "2-digit",
  timeZone: "UTC",
});
const MOMENT = new Intl.DateTimeFormat("en-GB", {
  day: "2-digit",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  timeZone: "UTC",
});

/** USDC with cents. */
export const formatUsdc = (value: number): string => MONEY.format(value);
/** USDC without. */
export const formatWhole = (value: number): string => WHOLE.format(value);
/** ETH of so many wei, to four digits that count. */
export const formatEther = (wei: string): string => `${Number((Number(wei) / 1e18).toPrecision(4))} ETH`;
/** Coins. */
export const formatCoins = (value: number): string => SIZE.format(value);
/** USDC with a sign, as a profit has one. */
export const formatProfit = (value: number): string => (value >= 0.005 ? "+" : "") + MONEY.format(value);
/** A fraction in per cent. */
export const formatPercent = (value: number, digits = 1): string => `${(100 * value).toFixed(digits)} %`;
/** Standard deviations, as a strike is away from its forward. */
export const formatDeviations = (value: number): string =>
  `${value < -0.05 ? "−" : value > 0.05 ? "+" : ""}${Math.abs(value).toFixed(1)} σ`;
/** A day, UTC. */
export const formatDay = (timeMs: number): string => DATE.format(timeMs);
/** A moment, UTC. */
export const formatMoment = (timeMs: number): string => MOMENT.format(timeMs);

/** A time that is left, in its two largest units. */
export function formatSpan(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const parts: [number, string][] = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor(seconds / 3_600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "min"],
    [seconds % 60, "s"],
  ];
  const first = parts.findIndex(([count]) => count > 0);
  if (first < 0) return "0 s";
  return parts
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(" ");
}

/** The first and last digits of a hash or address. */
export const shorten = (hex: string): string =>
  hex.length > 14 ? `${hex.slice(0, 8)}…${hex.slice(-4)}` : hex;
