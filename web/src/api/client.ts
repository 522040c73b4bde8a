/**
 * JSON-RPC over one WebSocket to the gateway. The connection is made again whenever it is lost; then the login
 * is repeated, and every channel that someone still listens to is subscribed again.
 */

import { Disconnected, RpcError } from "./errors";

export type Status = "connecting" | "open" | "lost";

/** Takes the data of a channel's messages. */
export type Listener = (data: never) => void;

const FLUSH_MS = 15;
/** Subscriptions that begin or end within this time go out as one request. */
const HEARTBEAT_SECONDS = 15;
const FIRST_RETRY_MS = 250;
const LAST_RETRY_MS = 8_000;
const CHANNELS_AT_ONCE = 200;

interface Waiting {
  resolve: (result: unknown) => void;
  reject: (error: Error) => void;
}

interface Message {
  id?: number;
  result?: unknown;
  error?: { code: number; message: string; data?: { reason?: string; param?: string } };
  method?: string;
  params?: { channel?: string; data?: unknown; type?: string };
}

export class Client {
  /** Called when the connection opens or is lost. */
  onStatus: (status: Status) => void = () => {};
  /** Proves who one is, on each new connection; null for a visitor. */
  login: (() => Promise<void>) | null = null;

  #socket: WebSocket | null = null;
  #isOpen = false;
  #nextId = 1;
  #retryMs = FIRST_RETRY_MS;
  #lastHeard = 0;
  readonly #waiting = new Map<number, Waiting>();
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #subscribed = new Set<string>();
  #flushTimer: ReturnType<typeof setTimeout> | null = null;
  #watchdog: ReturnType<typeof setInterval> | null = null;

  constructor(
    readonly url: string,
    private readonly open: (url: string) => WebSocket = (address) => new WebSocket(address),
  ) {}

  connect(): void {
    this.onStatus("connecting");
    const socket = this.open(this.url);
    this.#socket = socket;
    socket.onopen = () => void this.#begin();
    socket.onmessage = (event) => this.#take(event.data as string);
    socket.onclose = () => this.#lose(socket);
  }

  /** Carry out a method. Throws RpcError if it is refused, Disconnected if there is no connection. */
  call<T>(method: string, params: object = {}): Promise<T> {
    const socket = this.#socket;
    if (socket?.readyState !== 1) return Promise.reject(new Disconnected());
    const id = this.#nextId++;
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (result: unknown) => void, reject });
      socket.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
    });
  }

  /** Listen to a channel until the returned function is called. */
  subscribe<T>(channel: string, listener: (data: T) => void): () => void {
    const listeners = this.#listeners.get(channel) ?? new Set();
    this.#listeners.set(channel, listeners.add(listener as Listener));
    this.#flushSoon();
    return () => {
      listeners.delete(listener as Listener);
      if (!listeners.size) this.#flushSoon();
    };
  }

  /** Begin a channel anew, whose first message is then whole. */
  async resubscribe(channel: string): Promise<void> {
    if (!this.#subscribed.delete(channel)) return;
    await this.call("public/unsubscribe", { channels: [channel] });
    this.#flushSoon();
  }

  /** Log in on the connection that is open, and subscribe to what only an account may hear. */
  async logIn(): Promise<void> {
    await this.login?.();
    this.#flushSoon();
  }

  /** Drop the connection; it is made again with the present login. */
  reconnect(): void {
    this.#socket?.close();
  }

  async #begin(): Promise<void> {
    const socket = this.#socket;
    this.#lastHeard = Date.now();
    this.#watchdog = setInterval(() => this.#watch(), HEARTBEAT_SECONDS * 1_000);
    try {
      await this.call("public/set_heartbeat", { interval: HEARTBEAT_SECONDS });
      await this.login?.();
    } catch (error) {
      if (error instanceof Disconnected) return;
      this.login = null; // what was known of the login no longer holds: go on as a visitor
    }
    if (socket !== this.#socket) return;
    this.#isOpen = true;
    this.#retryMs = FIRST_RETRY_MS;
    this.onStatus("open");
    this.#flush();
  }

  #watch(): void {
    if (Date.now() - this.#lastHeard > 3 * HEARTBEAT_SECONDS * 1_000) this.reconnect();
  }

  #lose(socket: WebSocket): void {
    if (socket !== this.#socket) return;
    this.#socket = null;
    this.#isOpen = false;
    this.#subscribed.clear();
    if (this.#watchdog) clearInterval(this.#watchdog);
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const each of waiting) each.reject(new Disconnected());
    this.onStatus("lost");
    setTimeout(() => this.connect(), this.#retryMs * (0.5 + Math.random()));
    this.#retryMs = Math.min(2 * this.#retryMs, LAST_RETRY_MS);
  }

  #take(text: string): void {
    this.#lastHeard = Date.now();
    const message = JSON.parse(text) as Message;
    if (message.method === "subscription") {
      const { channel = "", data } = message.params ?? {};
      for (const listener of this.#listeners.get(channel) ?? []) (listener as (data: unknown) => void)(data);
    } else if (message.method === "heartbeat") {
      if (message.params?.type === "test_request") this.call("public/test").catch(() => {});
    } else if (message.id !== undefined) {
      const waiting = this.#waiting.get(message.id);
      this.#waiting.delete(message.id);
      if (message.error) waiting?.reject(makeError(message.error));
      else waiting?.resolve(message.result);
    }
  }

  #flushSoon(): void {
    this.#flushTimer ??= setTimeout(() => this.#flush(), FLUSH_MS);
  }

  /** Subscribe to what is listened to, unsubscribe from what is not. */
  #flush(): void {
    this.#flushTimer = null;
    if (!this.#isOpen) return;
    for (const [channel, listeners] of this.#listeners) if (!listeners.size) this.#listeners.delete(channel);
    const ended = [...this.#subscribed].filter((channel) => !this.#listeners.has(channel));
    for (const channel of ended) this.#subscribed.delete(channel);
    if (ended.length) this.call("public/unsubscribe", { channels: ended }).catch(() => {});
    const begun = [...this.#listeners.keys()].filter((channel) => this.#may(channel));
    for (const channel of begun) this.#subscribed.add(channel);
    for (let first = 0; first < begun.length; first += CHANNELS_AT_ONCE)
      void this.#beginChannels(begun.slice(first, first + CHANNELS_AT_ONCE));
  }

  #may(channel: string): boolean {
    return !this.#subscribed.has(channel) && (this.login !== null || !channel.startsWith("user."));
  }

  /** Subscribe; if one name of many is refused, each by itself, so that it takes no other with it. */
  async #beginChannels(channels: string[]): Promise<void> {
    const method = this.login ? "private/subscribe" : "public/subscribe";
    try {
      await this.call(method, { channels });
    } catch (error) {
      if (!(error instanceof RpcError) || channels.length < 2) return;
      await Promise.all(channels.map((channel) => this.#beginChannels([channel])));
    }
  }
}

function makeError({ code, message, data }: NonNullable<Message["error"]>): RpcError {
  return new RpcError(code, message, [data?.param, data?.reason].filter(Boolean).join(": "));
}
