import { expect, test } from "vitest";
import { BookBuilder } from "./book";
import type { BookMessage } from "./types";

function message(part: Partial<BookMessage>): BookMessage {
  return {
    type: "change",
    instrument_name: "BTC_USDC-PERPETUAL",
    timestamp: 0,
    change_id: 0,
    bids: [],
    asks: [],
    ...part,
  };
}

function open(): BookBuilder {
  const builder = new BookBuilder();
  builder.apply(
    message({
      type: "snapshot",
      change_id: 7,
      bids: [
        ["new", 99, 1],
        ["new", 100, 2],
      ],
      asks: [
        ["new", 102, 1],
        ["new", 101, 3],
      ],
    }),
  );
  return builder;
}

test("a book has its best prices first", () => {
  expect(open().get()).toEqual({
    bids: [
      [100, 2],
      [99, 1],
    ],
    asks: [
      [101, 3],
      [102, 1],
    ],
    changeId: 7,
  });
});

test("changes add, replace and delete prices", () => {
  const builder = open();
  const next = message({
    prev_change_id: 7,
    change_id: 9,
    bids: [
      ["delete", 100, 0],
      ["new", 98, 4],
    ],
    asks: [["change", 101, 5]],
  });
  expect(builder.apply(next)).toBe(true);
  expect(builder.get()).toEqual({
    bids: [
      [99, 1],
      [98, 4],
    ],
    asks: [
      [101, 5],
      [102, 1],
    ],
    changeId: 9,
  });
});

test("a gap is noticed, and nothing is applied until the book begins anew", () => {
  const builder = open();
  const before = builder.get().bids;
  expect(builder.apply(message({ prev_change_id: 8, change_id: 9, bids: [["delete", 100, 0]] }))).toBe(false);
  expect(builder.apply(message({ prev_change_id: 9, change_id: 10, bids: [["delete", 99, 0]] }))).toBe(false);
  expect(builder.get().bids).toEqual(before);
  expect(builder.apply(message({ type: "snapshot", change_id: 11, bids: [["new", 90, 1]] }))).toBe(true);
  expect(builder.get().bids).toEqual([[90, 1]]);
});
