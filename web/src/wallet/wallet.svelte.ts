/** The wallet that is connected, and what it does with the exchange: join, deposit, claim. */

import type { Hex } from "viem";
import { account, client, Disconnected, type Tokens } from "../api";
import type { Site, Wallet } from "./chain";
import { providers } from "./providers.svelte";

const CHOICE = "miletus.wallet";
const KEY = "miletus.development-key";
const DEVELOPMENT = "development";
const PAUSE_MS = 1_000;
/** Words of an inbox entry that sets a key, each of which is paid for. */
const KEY_WORDS = 3;

interface TradingKey {
  slot: number;
  scope: number;
  x: Hex;
  y: Hex;
}

interface Joined {
  state: "unregistered" | "unbound" | "other_key" | "ready";
  account: number | null;
  key: TradingKey;
  tokens?: Tokens;
}

/** A withdrawal that is on L1. */
export interface Claim {
  batch: number;
  index: number;
  owner: Hex;
  amount: number;
  amount_micros: number;
  state: "posted" | "final" | "claimed";
  final_at: number;
  proof: Hex[] | null;
}

/** Told before each step that takes its time. */
export type Tell = (text: string) => void;

class WalletStore {
  #wallet: Wallet | null = $state.raw(null);
  name = $state("");
  site: Site | null = $state.raw(null);
  #joined: Joined | null = $state.raw(null);
  // the signature is the trading key: it lives in memory alone, and goes to the gateway alone
  #signature: Hex | null = null;

  get address(): Hex | null {
    return this.#wallet?.address ?? null;
  }

  /** How far its account is; null until it has signed. */
  get state(): Joined["state"] | null {
    return this.#joined?.state ?? null;
  }

  get isDevelopment(): boolean {
    return this.site?.l1_url != null;
  }

  /** The L1 that the gateway follows; asked once. */
  async load(): Promise<Site> {
    this.site ??= await client.call<Site>("miletus/get_deposit");
    return this.site;
  }

  /** After a connection to the gateway: take up the wallet that was there before, and its login. */
  async resume(): Promise<void> {
    if (this.#signature && !client.login) return this.#join(); // a gateway that was started anew knows nobody
    const choice = localStorage.getItem(CHOICE);
    if (!choice || this.#wallet) return;
    const site = await this.load();
    const { Wallet } = await import("./chain");
    const found = providers.find(choice);
    if (found) this.#take(await Wallet.connect(found.provider, site, true), found.name);
    const key = localStorage.getItem(KEY);
    if (choice === DEVELOPMENT && key && this.isDevelopment)
      this.#take(Wallet.develop(key as Hex, site), "Development key");
  }

  /** Connect a wallet of the browser; its user is asked. */
  async connect(id: string): Promise<void> {
    const found = providers.find(id);
    if (!found) throw new Error("this wallet is gone: reload the page");
    const site = await this.load();
    const { Wallet } = await import("./chain");
    this.#take(await Wallet.connect(found.provider, site, false), found.name);
    localStorage.setItem(CHOICE, id);
    found.provider.on?.("accountsChanged", () => this.disconnect());
  }

  /** Connect a key of a development chain: the one given, or the one that this browser made for itself. */
  async develop(given = ""): Promise<void> {
    const site = await this.load();
    const { Wallet, makeKey } = await import("./chain");
    const text = given.trim() || localStorage.getItem(KEY) || makeKey();
    if (!/^(0x)?[0-9a-fA-F]{64}$/.test(text)) throw new Error("a key has 32 bytes in hex");
    const key: Hex = text.startsWith("0x") ? (text as Hex) : `0x${text}`;
    const wallet = Wallet.develop(key, site);
    await wallet.fund();
    localStorage.setItem(KEY, key);
    localStorage.setItem(CHOICE, DEVELOPMENT);
    this.#take(wallet, "Development key");
  }

  disconnect(): void {
    localStorage.removeItem(CHOICE);
    this.#wallet = null;
    this.#joined = null;
    this.#signature = null;
  }

  /**
   * Log in by the wallet's signature, which gives its trading key. A wallet that has no account yet signs twice:
   * one that signs differently each time would lose its key.
   */
  async join(): Promise<void> {
    if (!this.#signature) {
      const first = await this.#sign();
      const joined = await this.#ask(first);
      if (joined.state !== "ready" && (await this.#sign()) !== first)
        throw new Error("this wallet signs the same message in different ways: use another one");
      this.#signature = first;
    }
    await this.#join();
  }

  /** Micro-USDC on L1. */
  getBalance(): Promise<bigint> {
    return this.#require().getBalance();
  }

  /** Test tokens, which a development chain gives to anyone. */
  async mint(micros: bigint): Promise<void> {
    const wallet = this.#require();
    const { TOKEN } = await import("./abi");
    await wallet.write(wallet.site.token, TOKEN, "mint", [wallet.address, micros]);
  }

  /** Deposit to the account that is logged in, or else open the wallet's own. Returns when L1 has it all. */
  async deposit(micros: bigint, tell: Tell): Promise<void> {
    const wallet = this.#require();
    const [held, least] = await Promise.all([wallet.getBalance(), wallet.getLeastDeposit()]);
    if (micros < least) throw new Error(`the least deposit is ${Number(least) / 1e6} USDC`);
    if (micros > held) throw new Error(`the wallet holds ${Number(held) / 1e6} USDC: get some first`);
    if (account.id !== null && account.owner) {
      await this.#pay(wallet, account.id, account.owner, micros, tell);
      return;
    }
    if (!this.#joined) await this.join();
    const number = await this.#register(wallet, tell);
    await this.#pay(wallet, number, wallet.address, micros, tell);
    await this.#bind(wallet, number, tell);
    tell("L1 has it; the exchange takes it in some blocks");
    await this.#follow();
  }

  async #register(wallet: Wallet, tell: Tell): Promise<number> {
    const known = this.#joined?.account;
    if (known != null) return known;
    tell("Registering an account");
    const number = await wallet.register();
    if (this.#joined) this.#joined = { ...this.#joined, account: number };
    return number;
  }

  async #pay(wallet: Wallet, number: number, owner: Hex, micros: bigint, tell: Tell): Promise<void> {
    const { TOKEN, VAULT } = await import("./abi");
    const { vault, token, word_fee_wei } = wallet.site;
    if ((await wallet.getAllowance()) < micros) {
      tell("Approving the vault");
      await wallet.write(token, TOKEN, "approve", [vault, micros]);
    }
    tell("Depositing");
    await wallet.write(vault, VAULT, "deposit", [BigInt(number), owner, micros], BigInt(word_fee_wei));
  }

  /** Bind the trading key that the wallet's signature gave, unless the account has it. */
  async #bind(wallet: Wallet, number: number, tell: Tell): Promise<void> {
    if (!this.#joined || this.#joined.state === "ready") return;
    tell("Binding the trading key");
    const { VAULT } = await import("./abi");
    const { slot, scope, x, y } = this.#joined.key;
    const args = [BigInt(number), BigInt(slot), BigInt(scope), 0n, BigInt(x), BigInt(y)] as const;
    const fee = BigInt(KEY_WORDS) * BigInt(wallet.site.word_fee_wei);
    await wallet.write(wallet.site.vault, VAULT, "set_key", args, fee);
  }

  /** Wait until the exchange has taken the account and its key from L1, and log in. */
  async #follow(): Promise<void> {
    while (this.#signature && this.state !== "ready") {
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      await this.#join().catch((error) => {
        if (!(error instanceof Disconnected)) throw error;
      });
    }
  }

  /** Send a transaction of the gateway's making, such as one that pays for faster finality. */
  async send({ to, data, value_wei }: { to: Hex; data: Hex; value_wei: string }): Promise<void> {
    await this.#require().send(to, data, BigInt(value_wei));
  }

  getClaims(owner: string): Promise<Claim[]> {
    return client.call<Claim[]>("miletus/get_claims", { owner });
  }

  /** Have L1 pay a withdrawal that is final. */
  async claim({ batch, index, owner, amount_micros, proof }: Claim): Promise<void> {
    const wallet = this.#require();
    const { ROLLUP } = await import("./abi");
    const args = [BigInt(batch), BigInt(index), owner, BigInt(amount_micros), proof ?? []] as const;
    await wallet.write(wallet.site.rollup, ROLLUP, "claim", args);
  }

  async #join(): Promise<void> {
    if (!this.#signature) return;
    const joined = await this.#ask(this.#signature);
    // L1 may have registered an account that the gateway does not see yet
    this.#joined = { ...joined, account: joined.account ?? this.#joined?.account ?? null };
    if (joined.tokens) await account.use(joined.tokens);
  }

  #ask(signature: Hex): Promise<Joined> {
    return client.call<Joined>("miletus/join", { owner: this.#require().address, signature });
  }

  async #sign(): Promise<Hex> {
    const { domain, types, primaryType, message } = await client.call<{
      domain: object;
      types: Record<string, readonly { name: string; type: string }[]>;
      primaryType: string;
      message: Record<string, unknown>;
    }>("miletus/get_trading_key_message");
    const { EIP712Domain: _, ...named } = types;
    return this.#require().signTypedData({ domain, types: named, primaryType, message });
  }

  #take(wallet: Wallet | null, name: string): void {
    this.#wallet = wallet;
    this.name = name;
    this.#joined = null;
    this.#signature = null;
  }

  #require(): Wallet {
    if (!this.#wallet) throw new Error("connect a wallet first");
    return this.#wallet;
  }
}

export const wallet = new WalletStore();
