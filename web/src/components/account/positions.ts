/** Positions with what they are worth at this moment. */

import type { Instrument, Position, Ticker } from "../../api";
import { formatDay } from "../../lib/analysis/format";

export interface PositionRow {
  readonly instrument: Instrument;
  /** The heading that it stands under. */
  readonly expiry: string;
  /** Coins, signed. */
  readonly size: number;
  readonly average: number;
  readonly mark: number;
  readonly profit: number;
  /** Of the whole position, in coins and USDC. */
  readonly delta: number;
  readonly gamma: number;
  readonly vega: number;
  readonly theta: number;
}

/** A position at its ticker's mark and greeks; what was told with the position until there is a ticker. */
export function makeRow(position: Position, instrument: Instrument, ticker: Ticker | undefined): PositionRow {
  const { size, average_price: average } = position;
  const mark = ticker?.mark_price ?? position.mark_price;
  const greeks = ticker?.greeks;
  return {
    instrument,
    expiry:
      instrument.settlement_period === "perpetual" ? "Perpetual" : formatDay(instrument.expiration_timestamp),
    size,
    average,
    mark,
    profit: size * (mark - average),
    delta: greeks ? size * greeks.delta : position.delta,
    gamma: greeks ? size * greeks.gamma : (position.gamma ?? 0),
    vega: greeks ? size * greeks.vega : (position.vega ?? 0),
    theta: greeks ? size * greeks.theta : (position.theta ?? 0),
  };
}

/** Perpetuals first, then by expiry, futures before options, by strike. */
export function compareRows(a: PositionRow, b: PositionRow): number {
  return rank(a) - rank(b) || (a.instrument.strike ?? 0) - (b.instrument.strike ?? 0);
}

const rank = ({ instrument }: PositionRow): number =>
  instrument.settlement_period === "perpetual" ? 0 : instrument.expiration_timestamp;
