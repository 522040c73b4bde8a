/** The book of an instrument, put together from the changes of its channel. */

import type { BookMessage, Level } from "./types";

export interface Book {
  readonly bids: readonly Level[];
  readonly asks: readonly Level[];
  readonly changeId: number;
}

/** Applies messages in order; `apply` is false when one is missing, and the channel has to begin anew. */
export class BookBuilder {
  #bids = new Map<number, number>();
  #asks = new Map<number, number>();
  #changeId: number | null = null;

  apply(message: BookMessage): boolean {
    if (message.type === "snapshot") {
      this.#bids = new Map();
      this.#asks = new Map();
    } else if (message.prev_change_id !== this.#changeId) {
      this.#changeId = null;
      return false;
    }
    change(this.#bids, message.bids);
    change(this.#asks, message.asks);
    this.#changeId = message.change_id;
    return true;
  }

  /** The book as it is now, best prices first. */
  get(): Book {
    return {
      bids: [...this.#bids].sort((a, b) => b[0] - a[0]),
      asks: [...this.#asks].sort((a, b) => a[0] - b[0]),
      changeId: this.#changeId ?? 0,
    };
  }
}

function change(side: Map<number, number>, rows: BookMessage["bids"]): void {
  for (const [action, price, amount] of rows) {
    if (action === "delete") side.delete(price);
    else side.set(price, amount);
  }
}
