import { expect, test } from "vitest";
import type { Finality } from "../../api/types";
import { formatEther, formatSpan } from "./format";
import { type Batch, isOnItsWay, makeSteps } from "./road";

const ROAD: Finality = {
  number: 77,
  epoch: 1,
  state: "confirmed",
  batch: 5,
  transaction: null,
  block: null,
  committed_at: null,
  final_at: null,
};
const POSTED: Finality = {
  ...ROAD,
  state: "posted",
  transaction: "0xab",
  block: 9,
  committed_at: 1_000_000,
  final_at: 1_090_000,
};
const BATCH: Batch = {
  number: 5,
  state: "in_window",
  words: 4,
  operations: 2,
  fills: 1,
  closed_at: 0,
  transaction: "0xab",
  block: 9,
  root: null,
  committed_at: 1_000_000,
  window_end: 1_090_000,
  proved_block: null,
  final_block: null,
  bytes: 100,
  gas: 200,
};

const states = (road: Finality, batch: Batch | null = null, nowMs = 0): string[] =>
  makeSteps(road, batch, nowMs).map((step) => step.state);

test("a road goes from the sequencer's word to finality", () => {
  expect(states(ROAD)).toEqual(["done", "now", "ahead", "ahead"]);
  expect(states(POSTED)).toEqual(["done", "done", "now", "ahead"]);
  expect(states({ ...POSTED, state: "final" })).toEqual(["done", "done", "done", "done"]);
  expect(isOnItsWay(POSTED)).toBe(true);
  expect(isOnItsWay({ ...POSTED, state: "final" })).toBe(false);
});

test("the window says what time is left, and a proof ends it", () => {
  const told = (nowMs: number, batch: Batch | null = BATCH): string =>
    makeSteps(POSTED, batch, nowMs)[2]?.told ?? "";
  expect(told(1_000_000)).toBe("1 min 30 s left to challenge it");
  expect(told(1_090_001)).toContain("over");
  const proved = { ...BATCH, proved_block: 12 };
  expect(told(1_000_000, proved)).toBe("L1 took the proof in block 12");
  expect(makeSteps(POSTED, proved, 1_000_000).map((step) => step.name)).toContain("Proved");
  expect(states(POSTED, proved)).toEqual(["done", "done", "done", "now"]);
});

test("a span has two units at most", () => {
  expect(formatSpan(0)).toBe("0 s");
  expect(formatSpan(59_400)).toBe("59 s");
  expect(formatSpan(3_600_000)).toBe("1 h");
  expect(formatSpan(90_061_000)).toBe("1 d 1 h");
  expect(formatSpan(-5)).toBe("0 s");
});

test("ether is told from wei", () => {
  expect(formatEther("1000000000000000000")).toBe("1 ETH");
  expect(formatEther("123456789000000000")).toBe("0.1235 ETH");
  expect(formatEther("0")).toBe("0 ETH");
});
