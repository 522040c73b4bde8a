"""From a signed order to its durable signed answer: latency at a given rate, and the highest rate.

The node is a process of its own; this one is all its clients, on the same cores. Orders are signed and framed
before the clock runs. Latency is counted from the moment when an order was due to be sent, so a client that
falls behind hides nothing. Prints JSON.
"""

import argparse
import asyncio
import gc
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, cast

import uvloop

from benchmarks.intake_market import sign_flow
from miletus.sequencer.protocol import Submit, encode_frame
from miletus.tuning import build_environment

ROOT = Path(__file__).parent.parent
CONNECTIONS = 8
PULSE_SECONDS = 0.0002
"""How often the load looks at what is due. Event loops wait whole milliseconds: a thread keeps the time."""

MOST_PER_S = 15_000
"""Orders a second that are made ready for the search of the highest rate."""

IN_FLIGHT = (64, 1_024)

HEAD = b"\x93\xa9Submitted"
"""Start of a Submitted: an array of three, the first of which is its name."""


def read_id(buffer: bytes, at: int) -> tuple[int, int]:
    """A MessagePack integer of at most 32 bits, and the place after it."""
    first = buffer[at]
    size = {0xCC: 1, 0xCD: 2, 0xCE: 4}.get(first, 0)
    return (int.from_bytes(buffer[at + 1 : at + 1 + size], "big") if size else first), at + 1 + size


class Client(asyncio.Protocol):
    """One connection of the load."""

    def __init__(self, load: "Load") -> None:
        self.load = load
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        buffer = self.buffer + data if self.buffer else data
        at, size = 0, len(buffer)
        while size - at >= 4:
            end = at + 4 + int.from_bytes(buffer[at : at + 4], "big")
            if end > size:
                break
            self.load.take(buffer, at + 4, now)
            at = end
        self.buffer = buffer[at:]


class Load:
    """Sends frames, and notes when each was due and answered."""

    def __init__(self, operations: list[bytes]) -> None:
        self.frames = [encode_frame(Submit(n, (words,))) for n, words in enumerate(operations)]
        # one account, one connection: its nonces must arrive in order
        self.routes = [int.from_bytes(words[1:4], "big") % CONNECTIONS for words in operations]
        self.due = [0.0] * len(self.frames)
        self.latency = [0.0] * len(self.frames)
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

    def take(self, buffer: bytes, at: int, now: float) -> None:
        """Take an answer: an array of the name Submitted, the id, and outcomes of which the first is told."""
        id, at = read_id(buffer, at + len(HEAD))
        self.latency[id] = now - self.due[id]
        self.answered += 1
        self.declined += buffer[at + 3 : at + 11] != b"Accepted"
        if self.in_flight_target and self.sent < len(self.frames):
            self.send(now)

    async def run_open(self, first: int, rate: float, seconds: float) -> dict[str, Any]:
        """Send at a rate, whatever comes back."""
        count = int(rate * seconds)
        pulse = Pulse()
        start = time.perf_counter()
        while self.sent - first < count:
            await pulse.wait()
            now = time.perf_counter()
            while self.sent - first < count and (due := start + (self.sent - first) / rate) <= now:
                self.send(due)
        pulse.stop()
        await self.drain()
        took = time.perf_counter() - start
        skip = count // 5  # the first fifth warms up
        return {"offered_per_s": rate, "answered_per_s": count / took} | describe(
            self.latency[first + skip : first + count]
        )

    async def run_closed(self, in_flight: int, seconds: float) -> dict[str, Any]:
        """Keep so many orders in flight, until the time is over or no order is left."""
        first, start = self.sent, time.perf_counter()
        last = min(first + int(MOST_PER_S * seconds), len(self.frames))
        self.in_flight_target = in_flight
        for _ in range(in_flight):
            self.send(time.perf_counter())
        while time.perf_counter() - start < seconds and self.sent < last:
            await asyncio.sleep(0.01)
        done, took = self.answered - first, time.perf_counter() - start
        self.in_flight_target = 0
        await self.drain()
        return {"in_flight": in_flight, "answered_per_s": done / took} | describe(
            self.latency[first : first + done]
        )

    async def drain(self) -> None:
        """Wait for the answers to all that was sent."""
        deadline = time.perf_counter() + 60
        while self.answered < self.sent:
            if time.perf_counter() > deadline:
                raise TimeoutError(f"{self.sent - self.answered} orders have no answer")
            await asyncio.sleep(0.001)


class Pulse:
    """Wakes the running event loop every PULSE_SECONDS, by a thread that sleeps in between."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        self._beat = asyncio.Event()
        self._loop.add_reader(self._reader, self._take)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    async def wait(self) -> None:
        """Wait for the next beat."""
        self._beat.clear()
        await self._beat.wait()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()
        self._loop.remove_reader(self._reader)
        os.close(self._reader)
        os.close(self._writer)

    def _take(self) -> None:
        os.read(self._reader, 4096)
        self._beat.set()

    def _run(self) -> None:
        while not self._stopped.is_set():
            time.sleep(PULSE_SECONDS)
            os.write(self._writer, b"x")


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


def measure_disk(directory: str | None) -> dict[str, float]:
    """What one fdatasync of a group's bytes takes here, alone: less than this no answer can take."""
    took = []
    with tempfile.TemporaryFile(dir=directory, buffering=0) as file:
        file.write(bytes(8 << 20))
        os.fsync(file.fileno())
        for number in range(400):
            os.pwrite(file.fileno(), os.urandom(4_096), number * 4_096)
            start = time.perf_counter()
            os.fdatasync(file.fileno())
            took.append(time.perf_counter() - start)
    return {
        f"fdatasync_{name}": value for name, value in describe(took).items() if name in ("p50_ms", "p99_ms")
    }


async def measure(port: int, node: "subprocess.Popen[str]", options: argparse.Namespace) -> dict[str, Any]:
    closed_seconds = options.seconds / 2
    count = int(sum(options.rates) * options.seconds + len(IN_FLIGHT) * closed_seconds * MOST_PER_S)
    sys.setswitchinterval(PULSE_SECONDS)
    load = Load(sign_flow(count + sum(IN_FLIGHT), 1, 0))
    await load.connect(port)
    gc.collect()
    gc.freeze()
    gc.disable()
    result: dict[str, Any] = measure_disk(options.directory) | {"open": [], "closed": []}
    for rate in options.rates:
        before = ask(node)
        own = time.process_time()
        measured = await load.run_open(load.sent, rate, options.seconds)
        own = time.process_time() - own
        after = ask(node)
        orders = rate * options.seconds
        measured["node_us_an_order"] = round((after["cpu_seconds"] - before["cpu_seconds"]) / orders * 1e6, 1)
        measured["client_us_an_order"] = round(own / orders * 1e6, 1)
        measured["segments_without_root"] = after["segments_without_root"]
        result["open"].append(measured)
        await asyncio.sleep(1)
    for in_flight in IN_FLIGHT:
        result["closed"].append(await load.run_closed(in_flight, closed_seconds))
    result["declined"] = load.declined
    return result


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rates", type=lambda text: [float(rate) for rate in text.split(",")], default=None)
    parser.add_argument("--seconds", type=float, default=5.0)
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
        command,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=build_environment(),
    ) as node:
        assert node.stdout is not None
        port = int(node.stdout.readline())
        result = uvloop.run(measure(port, node, options))
        assert node.stdin is not None
        node.stdin.close()
    print(json.dumps(result))


if __name__ == "__main__":
    main()
