import { flushSync } from "svelte";
import { beforeEach, expect, test, vi } from "vitest";

const { listeners } = vi.hoisted(() => ({ listeners: new Map<string, Set<(data: unknown) => void>>() }));

vi.mock("./client", () => ({
  Client: class {
    subscribe(channel: string, listener: (data: unknown) => void): () => void {
      listeners.set(channel, (listeners.get(channel) ?? new Set()).add(listener));
      return () => listeners.get(channel)?.delete(listener);
    }
    resubscribe = async (): Promise<void> => {};
  },
}));

import { books, tapes, tickers } from "./live.svelte";

function tell(channel: string, data: unknown): void {
  for (const listener of listeners.get(channel) ?? []) listener(data);
  flushSync();
}

beforeEach(() => listeners.clear());

test("a store made while it is read is followed, and let go when nothing reads it", async () => {
  const seen: unknown[] = [];
  const stop = $effect.root(() => {
    const price = $derived(tickers.get("A").current?.mark_price);
    $effect(() => {
      seen.push(price);
    });
  });
  flushSync();
  tell("ticker.A.agg2", { mark_price: 3 });
  tell("ticker.A.agg2", { mark_price: 4 });
  expect(seen).toEqual([undefined, 3, 4]);
  stop();
  await vi.waitFor(() => expect(listeners.get("ticker.A.agg2")?.size).toBe(0), { timeout: 30_000 });
});

test("the tape has the newest trade first and does not grow for ever", () => {
  const stop = $effect.root(() => {
    $effect(() => void tapes.get("A").current);
  });
  flushSync();
  for (let n = 0; n < 70; n++) tell("trades.A.100ms", [{ trade_seq: 2 * n }, { trade_seq: 2 * n + 1 }]);
  const trades = tapes.get("A").current ?? [];
  expect(trades[0]?.trade_seq).toBe(139);
  expect(trades).toHaveLength(100);
  stop();
});

test("a book with a gap is asked for anew and keeps what it showed until then", () => {
  const stop = $effect.root(() => {
    $effect(() => void books.get("A").current);
  });
  flushSync();
  const level = ["new", 100, 1];
  tell("book.A.100ms", { type: "snapshot", change_id: 1, bids: [level], asks: [] });
  tell("book.A.100ms", {
    type: "change",
    prev_change_id: 2,
    change_id: 3,
    bids: [["delete", 100, 0]],
    asks: [],
  });
  expect(books.get("A").current?.bids).toEqual([[100, 1]]);
  stop();
});
