/** How far a trade has come on its way to finality, in steps that can be shown. */

import type { Finality } from "../../api/types";
import { formatMoment, formatSpan } from "./format";

/** A batch as miletus/get_batches tells it. */
export interface Batch {
  readonly number: number;
  readonly state: "open" | "closed" | "in_window" | "posted" | "proved" | "final";
  readonly words: number;
  readonly operations: number;
  readonly fills: number;
  readonly closed_at: number;
  readonly transaction: string | null;
  readonly block: number | null;
  readonly root: string | null;
  readonly committed_at: number | null;
  readonly window_end: number | null;
  readonly proved_block: number | null;
  readonly final_block: number | null;
  readonly bytes: number | null;
  readonly gas: number | null;
}

export type StepState = "done" | "now" | "ahead";

export interface Step {
  readonly name: string;
  readonly state: StepState;
  readonly told: string;
}

/** The four steps of a road. `nowMs` is the exchange's clock; `batch` is null where no index tells of it. */
export function makeSteps(road: Finality, batch: Batch | null, nowMs: number): Step[] {
  const isFinal = road.state === "final";
  const isPosted = isFinal || road.transaction !== null;
  const isProved = batch !== null && batch.proved_block !== null;
  const left = road.final_at === null ? null : road.final_at - nowMs;
  return [
    { name: "Soft-confirmed", state: "done", told: `word ${road.number}, signed by the sequencer` },
    {
      name: "Posted",
      state: isPosted ? "done" : "now",
      told: isPosted ? `batch ${road.batch} in block ${road.block}` : tellBatch(road),
    },
    {
      name: isProved ? "Proved" : "Window",
      state: isFinal || isProved ? "done" : isPosted ? "now" : "ahead",
      told: tellWindow(isPosted, isProved, isFinal, left, batch),
    },
    {
      name: "Final",
      state: isFinal ? "done" : isProved ? "now" : "ahead",
      told: isFinal ? "nothing can change it" : tellEnd(road.final_at),
    },
  ];
}

function tellBatch(road: Finality): string {
  return road.batch === null ? "waits for its batch" : `waits for batch ${road.batch} to be on L1`;
}

function tellEnd(finalAt: number | null): string {
  return finalAt === null ? "" : `${formatMoment(finalAt)} UTC at the latest`;
}

function tellWindow(
  isPosted: boolean,
  isProved: boolean,
  isFinal: boolean,
  left: number | null,
  batch: Batch | null,
): string {
  if (isProved) return `L1 took the proof in block ${batch?.proved_block}`;
  if (isFinal) return "nobody proved it wrong";
  if (!isPosted || left === null) return "anyone may prove it wrong, or right";
  return left > 0 ? `${formatSpan(left)} left to challenge it` : "over; it is made final with the next look";
}

/** Whether a road still changes. */
export const isOnItsWay = (road: Finality | undefined): boolean => road?.state !== "final";

/** Pages that show the transactions of a public chain. */
export const EXPLORERS: Readonly<Record<number, string>> = {
  1: "https://etherscan.io",
  11155111: "https://sepolia.etherscan.io",
};
