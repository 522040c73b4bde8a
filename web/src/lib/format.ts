/** Figures of trading as the page writes them; money and dates are in `analysis/format`. */

import type { Instrument } from "../api/types";

const FORMATS = new Map<string, Intl.NumberFormat>();

/** A number with so many digits after the point, at least `least` of them. */
export function formatNumber(value: number, most: number, least = most): string {
  const key = `${most} ${least}`;
  let format = FORMATS.get(key);
  if (!format) {
    format = new Intl.NumberFormat("en", { minimumFractionDigits: least, maximumFractionDigits: most });
    FORMATS.set(key, format);
  }
  return format.format(value === 0 ? 0 : value); // no negative zero
}

/** How many digits after the point a step has. */
export function countDigits(step: number): number {
  const text = step.toString();
  const exponent = /e-(\d+)$/.exec(text);
  return exponent ? Number(exponent[1]) : (text.split(".")[1] ?? "").length;
}

/** A price on the instrument's grid; a dash for none. */
export function formatPrice(value: number | null | undefined, instrument: Instrument): string {
  return value ? formatNumber(value, countDigits(instrument.tick_size)) : "–";
}

/** A mark or an average, which lies between the grid's prices; a dash for none. */
export function formatMark(value: number | null | undefined): string {
  return value ? formatNumber(value, 2) : "–";
}

/** Coins, without zeros at the end; a dash for none. */
export function formatAmount(value: number): string {
  return value ? formatNumber(value, 4, 0) : "–";
}

/** A greek: four digits that count. */
export function formatGreek(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return "–";
  const size = Math.abs(value);
  return formatNumber(value, size >= 100 ? 1 : size >= 1 ? 3 : size >= 0.01 || !size ? 4 : 6);
}

/** Per cent, of a number that is per cent already. */
export function formatIv(value: number | undefined): string {
  return value ? `${formatNumber(value, 1)}%` : "–";
}

/** A signed amount's colour. */
export function getTone(value: number): "buy" | "sell" | "" {
  return value > 0 ? "buy" : value < 0 ? "sell" : "";
}

/** A price moved to the nearest of the instrument's grid, in plain digits. */
export function toGrid(value: number, step: number): string {
  return (Math.round(value / step) * step).toFixed(countDigits(step));
}

/** What is typed as a positive number; null for anything else. */
export function parsePositive(text: string): number | null {
  const plain = text.trim().replaceAll(/[,_\s]/g, "");
  if (!/^(\d+\.?\d*|\.\d+)$/.test(plain)) return null;
  const value = Number(plain);
  return value > 0 && Number.isFinite(value) ? value : null;
}

/** Whether a value lies on the grid of a step. */
export function isOnGrid(value: number, step: number): boolean {
  const steps = value / step;
  return Math.abs(steps - Math.round(steps)) < 1e-6;
}
