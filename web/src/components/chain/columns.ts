/** The columns of an option chain: calls, the strike, puts in the mirror. */

import type { Instrument } from "../../api";
import type { Column } from "../grid/grid";

export interface ChainRow {
  readonly strike: number;
  readonly call: Instrument | undefined;
  readonly put: Instrument | undefined;
}

/** What is told of each option, the outermost first. */
export const FIELDS = [
  { id: "interest", title: "OI" },
  { id: "theta", title: "Θ" },
  { id: "vega", title: "V" },
  { id: "gamma", title: "Γ" },
  { id: "delta", title: "Δ" },
  { id: "iv", title: "IV" },
  { id: "bid", title: "Bid" },
  { id: "mark", title: "Mark" },
  { id: "ask", title: "Ask" },
] as const;

export type Field = (typeof FIELDS)[number]["id"];

/** Fields that a narrow screen has no room for. */
const WIDE: readonly Field[] = ["interest", "theta", "vega", "gamma", "iv"];

const side = (name: "call" | "put"): Column<ChainRow>[] =>
  FIELDS.map(({ id, title }) => ({ id: `${name} ${id}`, title, above: name === "call" ? "Calls" : "Puts" }));

const outward = side("put");

export const COLUMNS: readonly Column<ChainRow>[] = [
  ...side("call"),
  { id: "strike", title: "Strike" },
  // mirrored, but for the quotes, which are read from bid to ask on either side
  ...outward.slice(-3),
  ...outward.slice(0, -3).toReversed(),
];

/** Columns to leave out: on a narrow screen all of one side, and what is wide of the other. */
export function hide(isNarrow: boolean, shown: "call" | "put"): string[] {
  if (!isNarrow) return [];
  const other = shown === "call" ? "put" : "call";
  return [...FIELDS.map(({ id }) => `${other} ${id}`), ...WIDE.map((id) => `${shown} ${id}`)];
}

/** The rows of an expiry, by rising strike. */
export function makeRows(options: readonly Instrument[]): ChainRow[] {
  const strikes = Map.groupBy(options, (each) => each.strike ?? 0);
  return [...strikes]
    .sort(([a], [b]) => a - b)
    .map(([strike, both]) => ({
      strike,
      call: both.find((each) => each.option_type === "call"),
      put: both.find((each) => each.option_type === "put"),
    }));
}
