import { afterEach, expect, test } from "vitest";
import { define, moveFocus } from "./grid";

test("neighbours with one heading stand under it", () => {
  const columns = [
    { id: "a", title: "A", above: "Calls" },
    { id: "b", title: "B", above: "Calls" },
    { id: "strike", title: "Strike" },
    { id: "c", title: "C", above: "Puts" },
  ];
  const defined = define<{ x: number }>(columns).map((each) => ({
    header: each.header,
    under: "columns" in each ? each.columns?.map(({ id }) => id) : undefined,
  }));
  expect(defined).toEqual([
    { header: "Calls", under: ["a", "b"] },
    { header: "Strike", under: undefined },
    { header: "Puts", under: ["c"] },
  ]);
});

afterEach(() => document.body.replaceChildren());

test("arrow keys move among a table's buttons, and stop at its edges", () => {
  const region = document.createElement("div");
  const row = (...names: string[]): string =>
    `<tr>${names.map((name) => `<td><button id="${name}"></button></td>`).join("")}</tr>`;
  region.innerHTML = `<table><tbody>${row("a", "b", "c")}${row()}${row("d", "e")}</tbody></table>`;
  region.onkeydown = moveFocus;
  document.body.append(region);
  const press = (key: string): string | undefined => {
    const target = region.contains(document.activeElement) ? document.activeElement : region;
    target?.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
    return document.activeElement?.id;
  };
  const keys = ["ArrowDown", "ArrowRight", "ArrowRight", "ArrowRight", "ArrowDown", "ArrowDown", "ArrowUp"];
  expect(keys.map(press)).toEqual(["a", "b", "c", "c", "e", "e", "b"]);
  expect(press("ArrowLeft")).toBe("a");
  expect(press("x")).toBe("a");
});
