import { expect, test } from "vitest";
import type { Instrument } from "../../api";
import { COLUMNS, hide, makeRows } from "./columns";

const option = (strike: number, option_type: "call" | "put"): Instrument =>
  ({ instrument_name: `${strike} ${option_type}`, strike, option_type }) as Instrument;

test("an expiry's rows have call and put of each strike, by rising strike", () => {
  const rows = makeRows([option(90, "put"), option(80, "call"), option(90, "call")]);
  expect(rows.map(({ strike, call, put }) => [strike, call?.instrument_name, put?.instrument_name])).toEqual([
    [80, "80 call", undefined],
    [90, "90 call", "90 put"],
  ]);
});

test("the sides mirror each other around the strike, and quotes are read from bid to ask on both", () => {
  const ids = COLUMNS.map(({ id }) => id);
  expect(ids[9]).toBe("strike");
  expect(ids.slice(6, 13)).toEqual([
    "call bid",
    "call mark",
    "call ask",
    "strike",
    "put bid",
    "put mark",
    "put ask",
  ]);
  expect(ids.slice(0, 6).map((id) => id.slice(5))).toEqual(
    ids
      .slice(13)
      .map((id) => id.slice(4))
      .toReversed(),
  );
});

test("a narrow screen shows one side's quotes and delta", () => {
  const hidden = new Set(hide("narrow", "put"));
  expect(COLUMNS.map(({ id }) => id).filter((id) => !hidden.has(id))).toEqual([
    "strike",
    "put bid",
    "put mark",
    "put ask",
    "put delta",
  ]);
  expect(hide("wide", "call")).toEqual([]);
  expect(hide("medium", "call")).toEqual(["call interest", "put interest"]);
});
