/** Quotes and smiles of a coin, from the gateway's book summaries. */

import type { Instrument } from "../../api/types";
import type { Quote } from "./legs";
import { interpolate, makeSmiles, type Smile } from "./surface";

/** A row of public/get_book_summary_by_currency, as far as it is read here. */
export interface Summary {
  readonly instrument_name: string;
  readonly base_currency: string;
  readonly mark_price: number;
  readonly estimated_delivery_price: number;
  readonly underlying_price?: number;
  /** In per cent. */
  readonly mark_iv?: number;
}

export interface Market {
  readonly coin: string;
  /** In USDC. */
  readonly index: number;
  readonly smiles: readonly Smile[];
  /** By name: options by expiry and strike after the others. */
  readonly quotes: ReadonlyMap<string, Quote>;
}

/** The market of a coin; null if nothing is told of it. Options without a volatility are left out. */
export function makeMarket(
  coin: string,
  summaries: readonly Summary[],
  find: (name: string) => Instrument | undefined,
): Market | null {
  const rows = summaries
    .filter((row) => row.base_currency === coin)
    .flatMap((row) => {
      const instrument = find(row.instrument_name);
      return instrument ? [{ row, instrument }] : [];
    });
  const index = rows[0]?.row.estimated_delivery_price;
  if (!index) return null;
  const smiles = makeSmiles(
    rows
      .filter(({ instrument }) => instrument.kind === "option")
      .map(({ row, instrument }) => ({
        expiryMs: instrument.expiration_timestamp,
        strike: instrument.strike ?? 0,
        isCall: instrument.option_type === "call",
        forward: row.underlying_price ?? index,
        volatility: (row.mark_iv ?? 0) / 100,
      })),
  );
  const quotes = rows.flatMap(({ row, instrument }) => makeQuote(row, instrument, index, smiles) ?? []);
  quotes.sort((a, b) => rank(a) - rank(b) || a.expiryMs - b.expiryMs || a.strike - b.strike);
  return { coin, index, smiles, quotes: new Map(quotes.map((quote) => [quote.name, quote])) };
}

const rank = (quote: Quote): number => (quote.kind === "linear" ? 0 : 1);

function makeQuote(
  row: Summary,
  instrument: Instrument,
  index: number,
  smiles: readonly Smile[],
): Quote | null {
  const base = { name: row.instrument_name, mark: row.mark_price };
  if (instrument.kind === "future") {
    const expiryMs = isPerpetual(instrument) ? Number.POSITIVE_INFINITY : instrument.expiration_timestamp;
    return { ...base, kind: "linear", strike: 0, expiryMs, forward: row.mark_price, volatility: 0 };
  }
  const expiryMs = instrument.expiration_timestamp;
  const [strike, forward] = [instrument.strike ?? 0, row.underlying_price ?? index];
  const smile = smiles.find((each) => each.expiryMs === expiryMs);
  const volatility = smile && interpolate(smile, Math.log(strike / smile.forward));
  if (!volatility) return null;
  return {
    ...base,
    kind: instrument.option_type === "put" ? "put" : "call",
    strike,
    expiryMs,
    forward,
    volatility,
  };
}

export const isPerpetual = (instrument: Instrument): boolean => instrument.settlement_period === "perpetual";
