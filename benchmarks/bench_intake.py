"""From a signed order to its durable signed answer: latency at a given rate, and the highest rate.

The node is a process of its own; this one is all its clients, on the same cores. Latency is counted from the
moment when an order was due to be sent, so a client that falls behind hides nothing. Prints JSON.
"""

import argparse
import asyncio
import gc
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.intake_market import sign_flow
from miletus.sequencer.protocol import Submit, encode_frame

ROOT = Path(__file__).parent.parent
CONNECTIONS = 8


class Light(msgspec.Struct, array_like=True, tag="Submitted"):
    """A Submitted whose outcomes are not looked into."""

    id: int
    outcomes: msgspec.Raw


light_decoder = msgspec.msgpack.Decoder(Light)


class Client(asyncio.Protocol):
    """One connection of the load."""

    def __init__(self, load: "Load") -> None:
        self.load = load
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        buffer = self.buffer + data
        at = 0
        while len(buffer) - at >= 4:
            size = int.from_bytes(buffer[at : at + 4], "big")
            if len(buffer) - at - 4 < size:
                break
            answer = light_decoder.decode(memoryview(buffer)[at + 4 : at + 4 + size])
            self.load.take(answer, now)
            at += 4 + size
        self.buffer = buffer[at:]


class Load:
    """Sends frames, and notes when each was due and answered."""

    def __init__(self, operations: list[bytes]) -> None:
        self.frames = [encode_frame(Submit(n, (words,))) for n, words in enumerate(operations)]
        # one account, one connection: its nonces must arrive in order
        self.routes = [int.from_bytes(words[1:4], "big") % CONNECTIONS for words in operations]
        frames = self.frames
        self.due = [0.0] * len(frames)
        self.latency = [0.0] * len(frames)
        self.sent = 0
        self.answered = 0
        self.declined = 0
        self.in_flight_target = 0
        self.clients: list[Client] = []

    async def connect(self, port: int) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(CONNECTIONS):
            _, client = await loop.create_connection(lambda: Client(self), "127.0.0.1", port)
            self.clients.append(client)

    def send(self, due: float) -> None:
        place = self.sent
        self.due[place] = due
        self.sent += 1
        self.clients[self.routes[place]].transport.write(self.frames[place])

    def take(self, answer: Light, now: float) -> None:
        self.latency[answer.id] = now - self.due[answer.id]
        self.answered += 1
        self.declined += b"Accepted" not in bytes(answer.outcomes)[:12]
        if self.in_flight_target and self.sent < len(self.frames):
            self.send(now)

    async def run_open(self, first: int, rate: float, seconds: float) -> dict[str, Any]:
        """Send at a rate, whatever comes back."""
        start = time.perf_counter()
        count = int(rate * seconds)
        while self.sent - first < count:
            now = time.perf_counter()
            while self.sent - first < count and (due := start + (self.sent - first) / rate) <= now:
                self.send(due)
            await asyncio.sleep(0.0002)
        deadline = time.perf_counter() + 20
        while self.answered < self.sent and time.perf_counter() < deadline:
            await asyncio.sleep(0.001)
        took = time.perf_counter() - start
        skip = count // 5  # the first fifth warms up
        return {"offered_per_s": rate, "answered_per_s": count / took} | describe(
            self.latency[first + skip : first + count]
        )

    async def run_closed(self, in_flight: int, seconds: float) -> dict[str, Any]:
        """Keep so many orders in flight."""
        first, start = self.sent, time.perf_counter()
        self.in_flight_target = in_flight
        for _ in range(in_flight):
            self.send(time.perf_counter())
        await asyncio.sleep(seconds)
        self.in_flight_target = 0
        done, took = self.answered - first, time.perf_counter() - start
        while self.answered < self.sent:
            await asyncio.sleep(0.001)
        return {"in_flight": in_flight, "answered_per_s": done / took} | describe(
            self.latency[first : first + done]
        )


def describe(latency: list[float]) -> dict[str, float]:
    """Percentiles in milliseconds."""
    ordered = sorted(latency)
    places = {"p50_ms": 0.5, "p90_ms": 0.9, "p99_ms": 0.99, "p999_ms": 0.999}
    return {name: round(1_000 * ordered[int(len(ordered) * p)], 3) for name, p in places.items()}


def ask(node: "subprocess.Popen[str]") -> dict[str, float]:
    assert node.stdin is not None
    assert node.stdout is not None
    node.stdin.write("\n")
    node.stdin.flush()
    status: dict[str, float] = json.loads(node.stdout.readline())
    return status


async def measure(port: int, node: "subprocess.Popen[str]", options: argparse.Namespace) -> dict[str, Any]:
    count = int(sum(options.rates) * options.seconds + options.seconds * 30_000)
    operations = sign_flow(count, 1, 0)
    load = Load(operations)
    await load.connect(port)
    gc.freeze()
    result: dict[str, Any] = {"open": [], "closed": []}
    for rate in options.rates:
        before = ask(node)
        measured = await load.run_open(load.sent, rate, options.seconds)
        after = ask(node)
        measured["node_cores"] = round((after["cpu_seconds"] - before["cpu_seconds"]) / options.seconds, 2)
        measured["segments_without_root"] = after["segments_without_root"]
        result["open"].append(measured)
        await asyncio.sleep(1)
    for in_flight in (64, 1_024):
        result["closed"].append(await load.run_closed(in_flight, options.seconds / 2))
    result["declined"] = load.declined
    return result


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rates", type=lambda text: [float(rate) for rate in text.split(",")], default=None)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument(
        "--directory", help="where the node's log goes; the system's temporary folder if not given"
    )
    options = parser.parse_args()
    options.rates = options.rates or [2_000.0, 5_000.0, 10_000.0]
    command = [
        sys.executable,
        "-m",
        "benchmarks.intake_node",
        *([options.directory] if options.directory else []),
    ]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as node:
        assert node.stdout is not None
        port = int(node.stdout.readline())
        result = asyncio.run(measure(port, node, options))
        assert node.stdin is not None
        node.stdin.close()
    print(json.dumps(result))


if __name__ == "__main__":
    main()
