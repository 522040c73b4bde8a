/** The markets as they are now, asked for again while a view shows them. */

import { createSubscriber } from "svelte/reactivity";
import { client, connection, instruments } from "../../api";
import { type Market, makeMarket, type Summary } from "./market";

const PAUSE_MS = 2_000;

/** What a method answers, asked again after a pause for as long as something on the screen reads it. */
export class Polled<T> {
  #value: T | undefined = $state.raw();
  #error: unknown = $state.raw(null);
  readonly #subscribe: () => void;

  constructor(ask: () => Promise<T>, pauseMs = PAUSE_MS) {
    this.#subscribe = createSubscriber(() => {
      let timer: ReturnType<typeof setTimeout> | undefined;
      let isOver = false;
      const poll = async (): Promise<void> => {
        try {
          this.#value = await ask();
          this.#error = null;
        } catch (error) {
          this.#error = error;
        }
        if (!isOver) timer = setTimeout(poll, connection.status === "open" ? pauseMs : 200);
      };
      void poll();
      return () => {
        isOver = true;
        clearTimeout(timer);
      };
    });
  }

  /** What was answered last; undefined until then. */
  get current(): T | undefined {
    this.#subscribe();
    return this.#value;
  }

  /** Why there was no answer the last time; null if there was one. */
  get error(): unknown {
    this.#subscribe();
    return this.#error;
  }
}

class Markets {
  readonly #summaries = new Polled(() =>
    client.call<Summary[]>("public/get_book_summary_by_currency", { currency: "USDC" }),
  );

  /** The market of a coin; null until it is known. */
  get(coin: string): Market | null {
    const summaries = this.#summaries.current;
    return summaries ? makeMarket(coin, summaries, (name) => instruments.find(name)) : null;
  }
}

export const markets = new Markets();
