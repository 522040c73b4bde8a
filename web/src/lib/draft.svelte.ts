/** The order that is being written: the chain, the ladder and the ticket share it. */

import type { Direction, Instrument, TimeInForce } from "../api/types";
import { countDigits, isOnGrid, parsePositive, toGrid } from "./format";

export type OrderType = "limit" | "market";

/** An order as it will be sent, or why it can't be. */
export type Checked = { order: DraftOrder; problem: null } | { order: null; problem: string };

export interface DraftOrder {
  instrument: Instrument;
  direction: Direction;
  amount: number;
  /** Null for a market order. */
  price: number | null;
  timeInForce: TimeInForce;
  postOnly: boolean;
  reduceOnly: boolean;
}

class Draft {
  name: string | null = $state(null);
  direction: Direction = $state("buy");
  type: OrderType = $state("limit");
  amount = $state("");
  price = $state("");
  timeInForce: TimeInForce = $state("good_til_cancelled");
  postOnly = $state(false);
  reduceOnly = $state(false);

  /** Write an order in an instrument, at a price if one was pointed at. */
  pick(instrument: Instrument, direction?: Direction, price?: number | null): void {
    if (instrument.instrument_name !== this.name) {
      this.name = instrument.instrument_name;
      this.price = "";
      if (!fits(this.amount, instrument)) this.amount = String(instrument.min_trade_amount);
    }
    if (direction) this.direction = direction;
    if (price) {
      this.type = "limit";
      this.price = toGrid(price, instrument.tick_size);
    }
  }

  check(instrument: Instrument): Checked {
    const amount = parsePositive(this.amount);
    const price = this.type === "limit" ? parsePositive(this.price) : null;
    const problem =
      amount === null
        ? "Enter an amount"
        : amount < instrument.min_trade_amount || !isOnGrid(amount, instrument.contract_size)
          ? `The amount is a multiple of ${instrument.contract_size} from ${instrument.min_trade_amount} on`
          : this.type === "limit" && price === null
            ? "Enter a price"
            : price !== null && !isOnGrid(price, instrument.tick_size)
              ? `The price is a multiple of ${instrument.tick_size}`
              : null;
    if (problem !== null || amount === null) return { order: null, problem: problem ?? "Enter an amount" };
    const isResting = this.type === "limit" && this.timeInForce.startsWith("good");
    const order: DraftOrder = {
      instrument,
      direction: this.direction,
      amount,
      price,
      timeInForce: this.type === "market" ? "good_til_cancelled" : this.timeInForce,
      postOnly: isResting && this.postOnly,
      reduceOnly: this.reduceOnly,
    };
    return { order, problem: null };
  }

  /** Change amount or price by steps of the instrument's grid. */
  step(field: "amount" | "price", instrument: Instrument, steps: number): void {
    const step = field === "amount" ? instrument.contract_size : instrument.tick_size;
    const value = (parsePositive(this[field]) ?? 0) + steps * step;
    if (value > 0) this[field] = value.toFixed(countDigits(step));
  }
}

function fits(text: string, instrument: Instrument): boolean {
  const amount = parsePositive(text);
  return (
    amount !== null && amount >= instrument.min_trade_amount && isOnGrid(amount, instrument.contract_size)
  );
}

export const draft = new Draft();
