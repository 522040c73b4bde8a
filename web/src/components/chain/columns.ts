/** The columns of an option chain: calls, the strike, puts in the mirror. */

import type { Instrument } from "../../api";
import { groupBy } from "../../lib/group";
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

/** How much room there is. */
export type Room = "wide" | "medium" | "narrow";

/** Fields that there is no room for. */
const HIDDEN: Record<Room, readonly Field[]> = {
  wide: [],
  medium: ["interest"],
  narrow: ["interest", "theta", "vega", "gamma", "iv"],
};

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

/** Columns to leave out; where it is narrow, all of the side that is not `shown` too. */
export function hide(room: Room, shown: "call" | "put"): string[] {
  const hidden = HIDDEN[room];
  const other = shown === "call" ? "put" : "call";
  const rest = room === "narrow" ? FIELDS.map(({ id }) => id) : hidden;
  return [...hidden.map((id) => `${shown} ${id}`), ...rest.map((id) => `${other} ${id}`)];
}

/** The rows of an expiry, by rising strike. */
export function makeRows(options: readonly Instrument[]): ChainRow[] {
  const strikes = groupBy(options, (each) => each.strike ?? 0);
  return [...strikes]
    .sort(([a], [b]) => a - b)
    .map(([strike, both]) => ({
      strike,
      call: both.find((each) => each.option_type === "call"),
      put: both.find((each) => each.option_type === "put"),
    }));
}
