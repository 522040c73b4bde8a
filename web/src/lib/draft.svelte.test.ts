import { beforeEach, expect, test } from "vitest";
import type { Instrument } from "../api/types";
import { draft } from "./draft.svelte";

const CALL = {
  instrument_name: "BTC_USDC-27MAR26-90000-C",
  tick_size: 5,
  min_trade_amount: 0.01,
  contract_size: 0.01,
} as Instrument;
const PERPETUAL = {
  instrument_name: "BTC_USDC-PERPETUAL",
  tick_size: 0.5,
  min_trade_amount: 0.001,
  contract_size: 0.001,
} as Instrument;

beforeEach(() => {
  Object.assign(draft, { name: null, direction: "buy", type: "limit", amount: "", price: "" });
  Object.assign(draft, { timeInForce: "good_til_cancelled", postOnly: false, reduceOnly: false });
});

test("pointing at a price writes the order", () => {
  draft.pick(CALL, "sell", 345.2);
  expect(draft.check(CALL)).toEqual({
    order: {
      instrument: CALL,
      direction: "sell",
      amount: 0.01,
      price: 345,
      timeInForce: "good_til_cancelled",
      postOnly: false,
      reduceOnly: false,
    },
    problem: null,
  });
});

test("another instrument keeps an amount that fits it and drops the price", () => {
  draft.pick(PERPETUAL, "buy", 90_000);
  draft.amount = "0.005";
  draft.pick(CALL);
  expect([draft.amount, draft.price]).toEqual(["0.01", ""]);
  draft.amount = "0.5";
  draft.pick(PERPETUAL);
  expect(draft.amount).toBe("0.5");
});

test.each([
  [{ amount: "" }, "Enter an amount"],
  [{ amount: "0.015" }, "The amount is a multiple of 0.01 from 0.01 on"],
  [{ amount: "0.001" }, "The amount is a multiple of 0.01 from 0.01 on"],
  [{ price: "" }, "Enter a price"],
  [{ price: "342" }, "The price is a multiple of 5"],
])("%j can't be sent", (fields, problem) => {
  draft.pick(CALL, "buy", 345);
  Object.assign(draft, fields);
  expect(draft.check(CALL)).toEqual({ order: null, problem });
});

test("post-only is of orders that rest, and a market order has no price", () => {
  draft.pick(CALL, "buy", 345);
  draft.postOnly = true;
  expect(draft.check(CALL).order?.postOnly).toBe(true);
  draft.timeInForce = "immediate_or_cancel";
  expect(draft.check(CALL).order?.postOnly).toBe(false);
  draft.type = "market";
  expect(draft.check(CALL).order).toMatchObject({ price: null, timeInForce: "good_til_cancelled" });
});

test("arrow keys move by the grid and not below it", () => {
  draft.pick(CALL, "buy", 10);
  draft.step("price", CALL, 2);
  expect(draft.price).toBe("20");
  draft.step("price", CALL, -10);
  expect(draft.price).toBe("20");
  draft.step("amount", CALL, 1);
  expect(draft.amount).toBe("0.02");
});
