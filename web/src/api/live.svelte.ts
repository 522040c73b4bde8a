/**
 * What the page shows of the market. A store subscribes to its channel while something on the screen reads it,
 * and not longer: `tickers.get(name).current` in a component is all there is to do.
 */

import { createSubscriber } from "svelte/reactivity";
import { groupBy } from "../lib/group";
import { type Book, BookBuilder } from "./book";
import { Client, type Status } from "./client";
import type { BookMessage, Instrument, Ticker, Trade } from "./types";

const scheme = location.protocol === "https:" ? "wss" : "ws";

export const client = new Client(`${scheme}://${location.host}/ws/api/v2`);

class Connection {
  status: Status = $state("connecting");
  /** Counts connections: what reads it is done again on each. */
  epoch = $state(0);

  constructor() {
    client.onStatus = (status) => {
      this.status = status;
      if (status === "open") this.epoch += 1;
    };
  }
}

export const connection = new Connection();

/** The last message of a channel, through `take` if it does not stand by itself. */
export class Live<T, M = T> {
  // not $state: a store is often made by what reads it, and state is not followed by what made it
  #value: T | undefined;
  readonly #subscribe: () => void;

  constructor(
    channel: string,
    take: (message: M, before: T | undefined) => T = (message) => message as unknown as T,
  ) {
    this.#subscribe = createSubscriber((update) =>
      client.subscribe<M>(channel, (message) => {
        this.#value = take(message, this.#value);
        update();
      }),
    );
  }

  /** What was told last; undefined until then. */
  get current(): T | undefined {
    this.#subscribe();
    return this.#value;
  }
}

/** Stores by name, each made when it is first asked for. */
class Shelf<T> {
  readonly #stores = new Map<string, T>();

  constructor(private readonly make: (name: string) => T) {}

  get(name: string): T {
    let store = this.#stores.get(name);
    if (store === undefined) {
      store = this.make(name);
      this.#stores.set(name, store);
    }
    return store;
  }
}

const TRADES_KEPT = 100;

/** Tickers once a second, by instrument. */
export const tickers = new Shelf((name) => new Live<Ticker>(`ticker.${name}.agg2`));
/** Tickers ten times a second, for the one instrument that is looked at. */
export const fastTickers = new Shelf((name) => new Live<Ticker>(`ticker.${name}.100ms`));
/** Whole books, by instrument. */
export const books = new Shelf(makeBook);
/** Trades since one looks, newest first, by instrument. */
export const tapes = new Shelf(
  (name) =>
    new Live<Trade[], Trade[]>(`trades.${name}.100ms`, (trades, before = []) =>
      [...trades.toReversed(), ...before].slice(0, TRADES_KEPT),
    ),
);
/** Indices, such as btc_usdc. */
export const indices = new Shelf(
  (name) => new Live<{ price: number; timestamp: number }>(`deribit_price_index.${name}`),
);

function makeBook(name: string): Live<Book, BookMessage> {
  const channel = `book.${name}.100ms`;
  const builder = new BookBuilder();
  return new Live<Book, BookMessage>(channel, (message, before) => {
    if (builder.apply(message)) return builder.get();
    void client.resubscribe(channel).catch(() => {});
    return before ?? builder.get();
  });
}

interface StateMessage {
  instrument_name: string;
  state: "created" | "settled";
}

/** All instruments that are listed, kept up to date. */
class Instruments {
  all: readonly Instrument[] = $state.raw([]);
  isLoaded = $state(false);
  #byName = $derived(new Map(this.all.map((each) => [each.instrument_name, each])));

  find(name: string): Instrument | undefined {
    return this.#byName.get(name);
  }

  /** Options of a coin, by expiry. */
  expiries(coin: string): Map<number, Instrument[]> {
    const options = this.all.filter((each) => each.kind === "option" && each.base_currency === coin);
    const groups = groupBy(options, (each) => each.expiration_timestamp);
    return new Map([...groups].sort((a, b) => a[0] - b[0]));
  }

  /** Coins that something is listed on. */
  get coins(): string[] {
    return [...new Set(this.all.map((each) => each.base_currency))];
  }

  async load(): Promise<void> {
    this.all = await client.call<Instrument[]>("public/get_instruments", { currency: "any" });
    this.isLoaded = true;
  }

  /** Load now and on every new connection, and take in what is listed and settled later. */
  start(): void {
    $effect.root(() => {
      $effect(() => {
        if (connection.epoch) this.load().catch(() => {});
      });
    });
    client.subscribe<StateMessage>("instrument.state.any.any", ({ instrument_name, state }) => {
      if (state === "settled") this.all = this.all.filter((each) => each.instrument_name !== instrument_name);
      else void this.#add(instrument_name).catch(() => {});
    });
  }

  async #add(instrument_name: string): Promise<void> {
    const added = await client.call<Instrument>("public/get_instrument", { instrument_name });
    this.all = [...this.all.filter((each) => each.instrument_name !== instrument_name), added];
  }
}

export const instruments = new Instruments();
