"""A client of the gateway that measures, as a process of its own; see bench_gateway.

`python -m benchmarks.gateway_load KIND URL INSTRUMENT ...` prints one JSON object. Times are of
CLOCK_MONOTONIC, which all processes of a machine share.
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import msgspec
import uvloop
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect


class Answer(msgspec.Struct):
    """What of a response is looked at."""

    id: int | None = None
    error: dict[str, Any] | None = None
    result: msgspec.Raw = msgspec.Raw(b"")


ANSWERS = msgspec.json.Decoder(Answer)


class Connection(WSListener):
    """A connection; `on_answer` takes each answer's id, its error and the time it came."""

    def __init__(self, on_answer: Callable[[Answer, float], None]) -> None:
        super().__init__()
        self.on_answer = on_answer

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.TEXT:
            self.on_answer(ANSWERS.decode(frame.get_payload_as_memoryview()), time.monotonic())

    def send(self, id: int, method: str, params: dict[str, Any]) -> None:
        body = {"jsonrpc": "2.0", "id": id, "method": method, "params": params}
        self.transport.send(WSMsgType.TEXT, msgspec.json.encode(body))


class Trader:
    """One account on one connection, with so many operations in flight at once: it places and cancels."""

    def __init__(self, instrument: str, account: int, in_flight: int, count: int) -> None:
        self.instrument = instrument
        self.account = account
        self.in_flight = in_flight
        self.count = count
        self.sent: dict[int, float] = {}
        self.latencies: list[float] = []
        self.errors = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._next = 1

    async def connect(self, url: str) -> None:
        _, listener = await ws_connect(lambda: Connection(self.take), url)
        assert isinstance(listener, Connection)
        self.connection = listener
        login = {"client_id": f"client-{self.account}", "client_secret": f"secret-{self.account}"}
        self.connection.send(0, "public/auth", {"grant_type": "client_credentials", **login})
        await asyncio.sleep(0.3)

    def start(self) -> None:
        for _ in range(self.in_flight):
            self.place()

    def place(self) -> None:
        """An order far from the market, below the best bid of others, so that it rests."""
        id = self._next
        self._next += 1
        self.sent[id] = time.monotonic()
        price = 60_000 + (id * 7 + self.account) % 2_000 / 2
        order = {"instrument_name": self.instrument, "amount": 0.001, "price": price, "label": str(id)}
        self.connection.send(id, "private/buy", order)

    def take(self, answer: Answer, now: float) -> None:
        if not answer.id:
            return
        sent = self.sent.pop(answer.id, None)
        if sent is None:
            return
        self.latencies.append(now - sent)
        if answer.error is not None:
            self.errors += 1
        if len(self.latencies) >= self.count:
            if not self.done.done():
                self.done.set_result(None)
            return
        if answer.error is None and answer.id % 2:
            text = bytes(answer.result)
            at = text.index(b'"order_id":"') + 12
            id = self._next + self._next % 2  # even: its answer places the next order
            self._next = id + 1
            self.sent[id] = time.monotonic()
            order_id = text[at : text.index(b'"', at)].decode()
            self.connection.send(id, "private/cancel", {"order_id": order_id})
        else:
            self._next += 1 - self._next % 2  # odd: an order
            self.place()


def describe(latencies: list[float]) -> dict[str, float]:
    """Quantiles in milliseconds."""
    ordered = sorted(latencies)

    def quantile(share: float) -> float:
        return round(ordered[min(int(len(ordered) * share), len(ordered) - 1)] * 1e3, 3)

    return {"p50_ms": quantile(0.5), "p99_ms": quantile(0.99), "max_ms": round(ordered[-1] * 1e3, 3)}


async def trade(url: str, instrument: str, accounts: int, in_flight: int, count: int) -> dict[str, Any]:
    """Operations a second and how long each took, of so many accounts at once."""
    traders = [Trader(instrument, 16 + k, in_flight, count // accounts) for k in range(accounts)]
    await asyncio.gather(*(trader.connect(url) for trader in traders))
    started = time.monotonic()
    for trader in traders:
        trader.start()
    await asyncio.gather(*(trader.done for trader in traders))
    seconds = time.monotonic() - started
    latencies = [each for trader in traders for each in trader.latencies]
    told = {"operations": len(latencies), "a_second": round(len(latencies) / seconds)}
    for trader in traders:
        trader.connection.send(0, "private/cancel_all", {})
    await asyncio.sleep(0.5)
    return told | describe(latencies) | {"errors": sum(trader.errors for trader in traders)}


class Note(msgspec.Struct):
    """What of a notification is looked at."""

    params: dict[str, Any] | None = None


NOTES = msgspec.json.Decoder(Note)


class Subscriber(WSListener):
    """A subscriber of a book; `seen` has when it first saw each price that was bid."""

    def __init__(self, instrument: str) -> None:
        super().__init__()
        self.seen: dict[float, float] = {}
        self.instrument = instrument

    def on_ws_connected(self, transport: WSTransport) -> None:
        channels = {"channels": [f"book.{self.instrument}.raw"]}
        body = {"jsonrpc": "2.0", "id": 1, "method": "public/subscribe", "params": channels}
        transport.send(WSMsgType.TEXT, msgspec.json.encode(body))

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type != WSMsgType.TEXT:
            return
        now = time.monotonic()
        note = NOTES.decode(frame.get_payload_as_memoryview())
        if note.params is not None:
            for action, price, _ in note.params["data"]["bids"]:
                if action == "new":
                    self.seen.setdefault(price, now)


async def watch(url: str, instrument: str, subscribers: int, seconds: float) -> dict[str, Any]:
    """Subscribe, say ready, listen; when each price was first seen by each subscriber."""
    pairs = [await ws_connect(lambda: Subscriber(instrument), url) for _ in range(subscribers)]
    print("ready", flush=True)
    await asyncio.sleep(seconds)
    return {"seen": [listener.seen for _, listener in pairs]}  # type: ignore[attr-defined]


async def pace(url: str, instrument: str, rate: int, seconds: float) -> dict[str, Any]:
    """Bid a new price so many times a second; when each was sent."""
    sent: dict[float, float] = {}
    answers = 0

    def take(answer: Answer, now: float) -> None:
        nonlocal answers
        answers += answer.error is None

    _, connection = await ws_connect(lambda: Connection(take), url)
    assert isinstance(connection, Connection)
    login = {"client_id": "client-20", "client_secret": "secret-20"}
    connection.send(0, "public/auth", {"grant_type": "client_credentials", **login})
    await asyncio.sleep(0.5)
    count = int(rate * seconds)
    started = time.monotonic()
    for k in range(count):
        price = 50_000 + k * 0.5
        await asyncio.sleep(max(0.0, started + k / rate - time.monotonic()))
        sent[price] = time.monotonic()
        order = {"instrument_name": instrument, "amount": 0.001, "price": price}
        connection.send(k + 1, "private/buy", order)
        if k % 100 == 99:
            connection.send(count + k, "private/cancel_all", {})
    await asyncio.sleep(1)
    connection.send(0, "private/cancel_all", {})
    await asyncio.sleep(0.5)
    return {"sent": sent, "answers": answers}


def main() -> None:
    kind, url, instrument, *rest = sys.argv[1:]
    if kind == "trade":
        told = uvloop.run(trade(url, instrument, *map(int, rest)))
    elif kind == "watch":
        told = uvloop.run(watch(url, instrument, int(rest[0]), float(rest[1])))
    else:
        told = uvloop.run(pace(url, instrument, int(rest[0]), float(rest[1])))
    print(json.dumps(told))


if __name__ == "__main__":
    main()
