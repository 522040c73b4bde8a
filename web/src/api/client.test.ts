import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Client, type Status } from "./client";
import { Disconnected, RpcError } from "./errors";

/** The other end of a connection. */
class Peer {
  static all: Peer[] = [];
  readyState = 0;
  onopen: () => void = () => {};
  onmessage: (event: { data: string }) => void = () => {};
  onclose: () => void = () => {};
  sent: { id: number; method: string; params: { channels?: string[] } }[] = [];
  refused = new Set<string>();

  constructor() {
    Peer.all.push(this);
  }

  send(text: string): void {
    const request = JSON.parse(text);
    this.sent.push(request);
    const isBad = (request.params.channels ?? []).some((each: string) => this.refused.has(each));
    queueMicrotask(() =>
      isBad
        ? this.tell({
            id: request.id,
            error: { code: 13020, message: "instrument_not_found", data: { reason: "none" } },
          })
        : this.tell({ id: request.id, result: request.params.channels ?? "ok" }),
    );
  }

  tell(message: object): void {
    this.onmessage({ data: JSON.stringify(message) });
  }

  accept(): void {
    this.readyState = 1;
    this.onopen();
  }

  close(): void {
    this.readyState = 3;
    this.onclose();
  }

  asked(method: string): string[][] {
    return this.sent.filter((each) => each.method === method).map((each) => each.params.channels ?? []);
  }
}

let client: Client;
let statuses: Status[];

const last = (): Peer => Peer.all.at(-1) as Peer;
const settle = (ms = 50): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

beforeEach(async () => {
  vi.useFakeTimers();
  Peer.all = [];
  statuses = [];
  client = new Client("ws://x", () => new Peer() as unknown as WebSocket);
  client.onStatus = (status) => statuses.push(status);
  client.connect();
  last().accept();
  await settle();
});

afterEach(() => vi.useRealTimers());

test("subscriptions made together go out as one, and end when nobody listens", async () => {
  const seen: unknown[] = [];
  const offs = ["a", "b"].map((channel) => client.subscribe(channel, (data) => seen.push(data)));
  await settle();
  expect(last().asked("public/subscribe")).toEqual([["a", "b"]]);
  last().tell({ method: "subscription", params: { channel: "a", data: 1 } });
  expect(seen).toEqual([1]);
  offs[0]?.();
  await settle();
  expect(last().asked("public/unsubscribe")).toEqual([["a"]]);
  last().tell({ method: "subscription", params: { channel: "a", data: 2 } });
  expect(seen).toEqual([1]);
});

test("a name that is refused takes no other with it", async () => {
  last().refused.add("gone");
  client.subscribe("gone", () => {});
  client.subscribe("here", () => {});
  await settle();
  expect(last().asked("public/subscribe")).toEqual([["gone", "here"], ["gone"], ["here"]]);
});

test("after a drop: connect, log in, subscribe again", async () => {
  const order: string[] = [];
  client.login = async () => void order.push("login");
  client.subscribe("user.portfolio.usdc", () => {});
  client.subscribe("ticker.A.agg2", () => {});
  await client.logIn();
  await settle();
  last().close();
  await settle(1_000);
  expect(Peer.all).toHaveLength(2);
  last().accept();
  await settle();
  expect(order).toEqual(["login", "login"]);
  expect(last().asked("private/subscribe")).toEqual([["user.portfolio.usdc", "ticker.A.agg2"]]);
  expect(statuses).toEqual(["connecting", "open", "lost", "connecting", "open"]);
});

test("an account's channels wait until there is a login", async () => {
  client.subscribe("user.portfolio.usdc", () => {});
  await settle();
  expect(last().asked("public/subscribe")).toEqual([]);
  client.login = async () => {};
  await client.logIn();
  await settle();
  expect(last().asked("private/subscribe")).toEqual([["user.portfolio.usdc"]]);
});

test("a login that no longer holds leaves a visitor", async () => {
  client.login = async () => {
    throw new RpcError(13004, "invalid_credentials", "used");
  };
  last().close();
  await settle(1_000);
  last().accept();
  await settle();
  expect(client.login).toBeNull();
  expect(statuses.at(-1)).toBe("open");
});

test("what waits for an answer fails when the connection is lost, and what is asked then at once", async () => {
  const peer = last();
  peer.send = () => {};
  const waiting = client.call("public/test");
  peer.close();
  await expect(waiting).rejects.toBeInstanceOf(Disconnected);
  await expect(client.call("public/test")).rejects.toBeInstanceOf(Disconnected);
});

test("pauses between tries grow, and a connection that is silent is given up", async () => {
  for (let tries = 0; tries < 8; tries++) {
    last().close();
    await settle(20_000);
  }
  expect(Peer.all).toHaveLength(9);
  last().accept();
  await settle();
  last().send = () => {};
  await settle(70_000);
  expect(Peer.all.length).toBeGreaterThan(9);
});

test("a refusal says why, and a heartbeat is answered", async () => {
  last().refused.add("x");
  await expect(client.call("public/subscribe", { channels: ["x"] })).rejects.toThrow(
    "none (instrument_not_found)",
  );
  last().tell({ method: "heartbeat", params: { type: "test_request" } });
  expect(last().sent.at(-1)?.method).toBe("public/test");
});
