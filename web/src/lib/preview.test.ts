import { beforeEach, expect, test, vi } from "vitest";

const { answers } = vi.hoisted(() => ({
  answers: { before: {}, after: {}, margins: {} } as Record<string, object>,
}));

vi.mock("../api", () => ({
  client: {
    call: async (method: string, params: { simulated_positions?: object }) => {
      if (method === "private/get_margins") return answers.margins;
      return Object.keys(params.simulated_positions ?? {}).length ? answers.after : answers.before;
    },
  },
}));

import type { Instrument } from "../api";
import type { Market } from "./analysis/market";
import type { DraftOrder } from "./draft.svelte";
import { computePreview } from "./preview";

const NAME = "BTC_USDC-PERPETUAL";
const QUOTE = {
  name: NAME,
  kind: "linear",
  strike: 0,
  expiryMs: Infinity,
  mark: 100,
  forward: 100,
  volatility: 0,
};
const MARKET = { coin: "BTC", index: 100, smiles: [], quotes: new Map([[NAME, QUOTE]]) } as unknown as Market;

function order(direction: "buy" | "sell", price: number | null): DraftOrder {
  const instrument = { instrument_name: NAME, tick_size: 0.5 } as Instrument;
  const terms = { timeInForce: "good_til_cancelled", postOnly: false, reduceOnly: false } as const;
  return { instrument, direction, amount: 2, price, ...terms };
}

beforeEach(() => {
  answers.margins = { buy: 30, sell: 30, fee: 1, min_price: 90, max_price: 110 };
  answers.before = { equity: 50, initial_margin: 10 };
  answers.after = { equity: 50, initial_margin: 40, maintenance_margin: 32 };
});

test("a fill worse than the mark and the fee are lost at once; a better limit gains nothing", async () => {
  expect(await computePreview(order("buy", 102), MARKET, [])).toMatchObject({
    notional: 204,
    fee: 1,
    initialBefore: 10,
    initialAfter: 40,
    equityAfter: 50 - 4 - 1,
    isAllowed: true,
  });
  expect((await computePreview(order("buy", 95), MARKET, [])).equityAfter).toBe(49);
  expect((await computePreview(order("sell", 97), MARKET, [])).equityAfter).toBe(50 - 6 - 1);
  expect((await computePreview(order("sell", null), MARKET, [])).equityAfter).toBe(49);
});

test("too little equity is refused, unless the risk falls", async () => {
  answers.after = { equity: 38, initial_margin: 40, maintenance_margin: 32 };
  answers.before = { equity: 38, initial_margin: 10 };
  expect((await computePreview(order("buy", 100), MARKET, [])).isAllowed).toBe(false);
  answers.before = { equity: 38, initial_margin: 60 };
  expect((await computePreview(order("buy", 100), MARKET, [])).isAllowed).toBe(true);
});

test("liquidation is of what is held and what is bought together", async () => {
  const held = { instrument_name: NAME, size: -2 } as never;
  expect((await computePreview(order("buy", 100), MARKET, [held])).liquidation).toEqual({
    below: null,
    above: null,
  });
  const { below } = (await computePreview(order("buy", 100), MARKET, [])).liquidation;
  // 49 of equity for 2 coins, with 12 % of the index for each as maintenance and a part for others
  expect(below).toBeGreaterThan(75);
  expect(below).toBeLessThan(100);
});
