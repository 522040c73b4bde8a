import { expect, test } from "vitest";
import type { Instrument } from "../../api/types";
import { makeMarket, type Summary } from "./market";

const EXPIRY = 1_769_760_000_000;

function makeOption(strike: number, option_type: "call" | "put"): Instrument {
  const name = `BTC_USDC-30JAN26-${strike}-${option_type === "call" ? "C" : "P"}`;
  return { ...makeFuture(name, "week", EXPIRY), kind: "option", strike, option_type };
}

function makeFuture(
  instrument_name: string,
  settlement_period: string,
  expiration_timestamp: number,
): Instrument {
  return {
    instrument_name,
    instrument_id: 1,
    kind: "future",
    base_currency: "BTC",
    price_index: "btc_usdc",
    settlement_period,
    tick_size: 0.5,
    min_trade_amount: 0.001,
    contract_size: 0.001,
    taker_commission: 0.0005,
    is_active: true,
    expiration_timestamp,
    creation_timestamp: 0,
  };
}

function summarise(instrument: Instrument, mark_price: number, mark_iv?: number): Summary {
  const row = { instrument_name: instrument.instrument_name, base_currency: "BTC", mark_price };
  const option = mark_iv === undefined ? {} : { mark_iv, underlying_price: 89_050 };
  return { ...row, ...option, estimated_delivery_price: 89_000 };
}

const PERPETUAL = makeFuture("BTC_USDC-PERPETUAL", "perpetual", 32_503_708_800_000);
const LISTED: [Instrument, Summary][] = [
  makeOption(95_000, "call"),
  makeOption(80_000, "call"),
  makeOption(80_000, "put"),
].map((each) => [each, summarise(each, 100, each.option_type === "put" ? 60 : 55)]);
LISTED.push([PERPETUAL, summarise(PERPETUAL, 89_010)]);

const find = (name: string): Instrument | undefined =>
  LISTED.find(([each]) => each.instrument_name === name)?.[0];

test("a market has quotes whose volatility is that of the option out of the money", () => {
  const summaries = LISTED.map(([, summary]) => summary);
  const market = makeMarket("BTC", summaries, find);
  expect(market?.index).toBe(89_000);
  expect([...(market?.quotes.keys() ?? [])]).toEqual([
    "BTC_USDC-PERPETUAL",
    "BTC_USDC-30JAN26-80000-C",
    "BTC_USDC-30JAN26-80000-P",
    "BTC_USDC-30JAN26-95000-C",
  ]);
  expect(market?.quotes.get("BTC_USDC-30JAN26-80000-C")?.volatility).toBe(0.6);
  expect(market?.quotes.get("BTC_USDC-PERPETUAL")).toMatchObject({
    kind: "linear",
    mark: 89_010,
    forward: 89_010,
    expiryMs: Number.POSITIVE_INFINITY,
  });
  expect(makeMarket("ETH", summaries, find)).toBeNull();
});

test("an option whose mark gives no volatility is left out, and an unknown instrument too", () => {
  const call = makeOption(70_000, "call");
  const summaries = [summarise(call, 0, 0), summarise(makeOption(60_000, "put"), 5, 60)];
  const market = makeMarket("BTC", summaries, (name) => (name === call.instrument_name ? call : undefined));
  expect(market?.quotes.size).toBe(0);
  expect(market?.smiles).toEqual([]);
});
