/** Wallets that the browser has: each announces itself (EIP-6963); an old one only stands in window.ethereum. */

export interface Eip1193 {
  request(call: { method: string; params?: unknown }): Promise<unknown>;
  on?(event: string, listener: (value: never) => void): void;
}

export interface Announced {
  /** A name that stays the same, such as io.metamask. */
  readonly id: string;
  readonly name: string;
  readonly provider: Eip1193;
}

interface Announcement extends Event {
  detail: { info: { uuid: string; name: string; rdns: string; icon: string }; provider: Eip1193 };
}

class Providers {
  #announced: readonly Announced[] = $state.raw([]);

  constructor() {
    addEventListener("eip6963:announceProvider", (event) => {
      const { info, provider } = (event as Announcement).detail;
      const known = this.#announced.filter((each) => each.id !== info.rdns);
      this.#announced = [...known, { id: info.rdns, name: info.name, provider }];
    });
    dispatchEvent(new Event("eip6963:requestProvider"));
  }

  get all(): readonly Announced[] {
    if (this.#announced.length) return this.#announced;
    const old = (window as { ethereum?: Eip1193 }).ethereum;
    return old ? [{ id: "injected", name: "Browser wallet", provider: old }] : [];
  }

  find(id: string): Announced | undefined {
    return this.all.find((each) => each.id === id);
  }
}

export const providers = new Providers();
