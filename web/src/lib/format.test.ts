import { expect, test } from "vitest";
import {
  countDigits,
  formatAmount,
  formatGreek,
  formatNumber,
  isOnGrid,
  parsePositive,
  toGrid,
} from "./format";

test("numbers have their digits and no negative zero", () => {
  expect(formatNumber(1234.5, 2)).toBe("1,234.50");
  expect(formatNumber(-0, 2)).toBe("0.00");
  expect(formatAmount(0.30001)).toBe("0.3");
  expect(formatAmount(0)).toBe("–");
  expect(formatGreek(0.0000334)).toBe("0.000033");
  expect(formatGreek(undefined)).toBe("–");
  expect(formatGreek(-755.21)).toBe("-755.2");
});

test("a step's digits", () => {
  expect([5, 0.5, 0.01, 1e-7].map(countDigits)).toEqual([0, 1, 2, 7]);
});

test("prices move to the grid without the noise of binary fractions", () => {
  expect(toGrid(0.1 + 0.2, 0.1)).toBe("0.3");
  expect(toGrid(88_658.58, 0.5)).toBe("88658.5");
  expect(isOnGrid(0.3, 0.1)).toBe(true);
  expect(isOnGrid(0.35, 0.1)).toBe(false);
});

test.each(["", "0", "-1", "1e5", "abc", "1.2.3", "Infinity", "."])("%j is no positive number", (text) => {
  expect(parsePositive(text)).toBeNull();
});

test("thousands may be set apart", () => {
  expect(parsePositive(" 88,500.5 ")).toBe(88_500.5);
  expect(parsePositive(".5")).toBe(0.5);
});
