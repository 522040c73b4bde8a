"""The gateway under load: clients, gateway and node each a process, on one machine.

Order to acknowledgement: from before the request is sent on a WebSocket to after its answer is read; by then
the node has synced and signed the operation, and the gateway has checked the signature and executed it.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.gateway_load import describe
from tests.gateway.running import Market, open_market
from tests.gateway.world import NAMES

ROOT = Path(__file__).parent.parent


def start(market: Market, kind: str, *arguments: object) -> "subprocess.Popen[str]":
    """Start a client."""
    command = [sys.executable, "-m", "benchmarks.gateway_load", kind, market.websocket_url, NAMES[0]]
    return subprocess.Popen([*command, *map(str, arguments)], cwd=ROOT, stdout=subprocess.PIPE, text=True)


def finish(client: "subprocess.Popen[str]") -> Any:
    """What a client found."""
    out, _ = client.communicate(timeout=300)
    return json.loads(out.strip().splitlines()[-1])


def read_cpu_seconds(pid: int) -> float:
    """Processor time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def measure_subscribers(market: Market, subscribers: int, rate: int, seconds: float) -> dict[str, Any]:
    """From an order's sending to each subscriber's sight of it in the book."""
    watcher = start(market, "watch", subscribers, seconds + 6)
    assert watcher.stdout is not None
    watcher.stdout.readline()
    sent = finish(start(market, "pace", rate, seconds))["sent"]
    seen = finish(watcher)["seen"]
    delays = [each[price] - at for each in seen for price, at in sent.items() if price in each]
    found = {"subscribers": subscribers, "orders_a_second": rate, "messages": len(delays)}
    return found | describe(delays) | {"unseen": len(sent) * len(seen) - len(delays)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--operations", type=int, default=20_000)
    parser.add_argument("--subscribers", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory, open_market(Path(directory)) as market:
        finish(start(market, "trade", 1, 1, 500))  # warm
        one = finish(start(market, "trade", 1, 1, options.operations // 10))
        steps = [
            {"accounts": accounts, "in_flight_each": in_flight}
            | finish(start(market, "trade", accounts, in_flight, options.operations))
            for accounts, in_flight in ((1, 16), (4, 16), (4, 64), (8, 64))
        ]
        before = [read_cpu_seconds(each.process.pid) for each in (market.node, market.gateway)]
        load = finish(start(market, "trade", 8, 64, options.operations))
        after = [read_cpu_seconds(each.process.pid) for each in (market.node, market.gateway)]
        node_us, gateway_us = (
            round((b - a) / load["operations"] * 1e6) for a, b in zip(before, after, strict=True)
        )
        found = {
            "order_to_ack_alone_p50_ms": one["p50_ms"],
            "order_to_ack_alone_p99_ms": one["p99_ms"],
            "most_operations_a_second": max(step["a_second"] for step in steps),
            "gateway_cpu_us_an_operation": gateway_us,
            "node_cpu_us_an_operation": node_us,
            "under_load": steps,
            "market_data": [measure_subscribers(market, options.subscribers, 100, options.seconds)],
        }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
