/** The account that is logged in: its money, orders, positions and trades, as they change. */

import { client, connection } from "./live.svelte";
import type { Order, Portfolio, Position, Tokens, UserChanges, UserTrade } from "./types";

const KEY = "miletus.session";
const TRADES_KEPT = 200;

interface Summary extends Portfolio {
  id: number;
}

interface Place {
  owner: `0x${string}`;
}

class Account {
  /** Its number; null for a visitor. */
  id: number | null = $state(null);
  /** The L1 address that it belongs to, to which alone money leaves. */
  owner: `0x${string}` | null = $state(null);
  portfolio: Portfolio | null = $state.raw(null);
  #orders: ReadonlyMap<string, Order> = $state.raw(new Map());
  #positions: ReadonlyMap<string, Position> = $state.raw(new Map());
  /** Own trades, newest first. */
  trades: readonly UserTrade[] = $state.raw([]);
  #refreshToken = sessionStorage.getItem(KEY);

  get isIn(): boolean {
    return this.id !== null;
  }

  /** Orders that rest, newest first. */
  get orders(): Order[] {
    return [...this.#orders.values()].sort((a, b) => b.creation_timestamp - a.creation_timestamp);
  }

  /** Positions that are not zero, by name. */
  get positions(): Position[] {
    return [...this.#positions.values()].sort((a, b) => a.instrument_name.localeCompare(b.instrument_name));
  }

  /** Follow the connection: log in again where one was, and load what may have been missed. */
  start(): void {
    if (this.#refreshToken) client.login = () => this.#refresh();
    client.subscribe<Portfolio>("user.portfolio.usdc", (portfolio) => {
      this.portfolio = portfolio;
    });
    client.subscribe<UserChanges>("user.changes.any.any.100ms", (changes) => this.#take(changes));
    $effect.root(() => {
      $effect(() => {
        if (connection.epoch && client.login) this.#load().catch(() => {});
        else if (connection.epoch) this.#forget();
      });
    });
  }

  /** Log in by an id and its secret. RpcError if they are not right. */
  async logIn(client_id: string, client_secret: string): Promise<void> {
    await this.use(
      await client.call<Tokens>("public/auth", {
        grant_type: "client_credentials",
        client_id,
        client_secret,
        scope: "session:page",
      }),
    );
  }

  /** Be who these tokens say. */
  async use(tokens: Tokens): Promise<void> {
    this.#keep(tokens);
    client.login = () => this.#refresh();
    await client.logIn();
    await this.#load();
  }

  async logOut(): Promise<void> {
    client.login = null;
    sessionStorage.removeItem(KEY);
    this.#refreshToken = null;
    this.#forget();
    await client.call("private/logout").catch(() => {});
    client.reconnect();
  }

  async #refresh(): Promise<void> {
    const refresh_token = this.#refreshToken;
    this.#keep(await client.call<Tokens>("public/auth", { grant_type: "refresh_token", refresh_token }));
  }

  #keep(tokens: Tokens): void {
    this.#refreshToken = tokens.refresh_token;
    sessionStorage.setItem(KEY, tokens.refresh_token);
  }

  async #load(): Promise<void> {
    const [place, summary, positions, orders, trades] = await Promise.all([
      client.call<Place>("miletus/get_deposit"),
      client.call<Summary>("private/get_account_summary", { currency: "USDC", extended: true }),
      client.call<Position[]>("private/get_positions", { currency: "any" }),
      client.call<Order[]>("private/get_open_orders", {}),
      client.call<{ trades: UserTrade[] }>("private/get_user_trades_by_currency", {
        currency: "any",
        count: 100,
        sorting: "desc",
      }),
    ]);
    this.id = summary.id;
    this.owner = place.owner;
    this.portfolio = summary;
    this.#positions = new Map(positions.map((each) => [each.instrument_name, each]));
    this.#orders = new Map(orders.map((each) => [each.order_id, each]));
    this.trades = trades.trades;
  }

  #take(changes: UserChanges): void {
    const orders = new Map(this.#orders);
    for (const order of changes.orders) {
      if (order.order_state === "open") orders.set(order.order_id, order);
      else orders.delete(order.order_id);
    }
    const positions = new Map(this.#positions);
    for (const position of changes.positions) {
      if (position.size) positions.set(position.instrument_name, position);
      else positions.delete(position.instrument_name);
    }
    this.#orders = orders;
    this.#positions = positions;
    this.trades = [...changes.trades.toReversed(), ...this.trades].slice(0, TRADES_KEPT);
  }

  #forget(): void {
    this.id = null;
    this.owner = null;
    this.portfolio = null;
    this.#orders = new Map();
    this.#positions = new Map();
    this.trades = [];
  }
}

export const account = new Account();
