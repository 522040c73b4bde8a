import { flushSync, mount, unmount } from "svelte";
import { afterEach, expect, test } from "vitest";
import Grid from "./Grid.svelte";
import type { Column } from "./grid";

interface Row {
  name: string;
  expiry: string;
  delta: number | null;
}

const COLUMNS: Column<Row>[] = [
  { id: "name", title: "Name", value: (row) => row.name, isLeft: true },
  { id: "expiry", title: "Expiry", value: (row) => row.expiry },
  {
    id: "delta",
    title: "Delta",
    value: (row) => row.delta,
    format: (value) => value.toFixed(1),
    isSummed: true,
  },
];
const ROWS: Row[] = [
  { name: "a", expiry: "May", delta: 1 },
  { name: "b", expiry: "June", delta: 2 },
  { name: "c", expiry: "May", delta: 4 },
];

let grid: object | null = null;

function show(props: object): void {
  const base = { label: "Test", columns: COLUMNS, rows: ROWS, rowId: (row: Row) => row.name };
  grid = mount(Grid as never, { target: document.body, props: { ...base, ...props } });
  flushSync();
}

const read = (selector: string): string[] =>
  [...document.querySelectorAll(selector)].map((each) =>
    [...each.querySelectorAll("th, td")].map((cell) => cell.textContent?.trim()).join("|"),
  );

function click(selector: string): void {
  document.querySelector<HTMLElement>(selector)?.click();
  flushSync();
}

afterEach(async () => {
  if (grid) await unmount(grid);
  document.body.replaceChildren();
});

test("rows under headings with their sums, and a total", () => {
  show({ groupBy: "expiry", hidden: ["expiry"], hasTotal: true });
  expect(read("tbody tr")).toEqual(["▾ May|5.0", "a|1.0", "c|4.0", "▾ June|2.0", "b|2.0"]);
  expect(read("tfoot tr")).toEqual(["Total|7.0"]);
  click("tbody button");
  expect(read("tbody tr")).toEqual(["▸ May|5.0", "▾ June|2.0", "b|2.0"]);
});

test("a heading sorts by its column, and says so", () => {
  show({});
  const heading = "thead th:nth-child(3)";
  click(`${heading} button`);
  expect(read("tbody tr").map((row) => row[0])).toEqual(["c", "b", "a"]);
  expect(document.querySelector(heading)?.getAttribute("aria-sort")).toBe("descending");
});

test("nothing, and what is not known, is told", () => {
  show({ rows: [], empty: "No positions" });
  expect(read("tbody tr")).toEqual(["No positions"]);
  document.body.replaceChildren();
  show({ rows: [{ name: "a", expiry: "May", delta: null }] });
  expect(read("tbody tr")).toEqual(["a|May|–"]);
});
