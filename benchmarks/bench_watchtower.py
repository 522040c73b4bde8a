"""How fast the watchtower rebuilds a deployment from L1 alone. Prints JSON on the last line.

A market of signed orders is traded on a node and posted to anvil; then a watchtower, in this process, reads
everything from L1 and verifies it. What is timed is its poll, from the first request to the last root.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.flow import Flow
from benchmarks.posted_market import PostedMarket, open_posted_market, sign_operations
from miletus.settlement import verify
from miletus.settlement.anvil import Anvil
from miletus.settlement.watching import build_report
from miletus.settlement.watchtower import Watchtower

RATE = 10_000
"""Signed orders a second of the intake benchmark, to which speed is compared."""


class Stopwatch:
    """Seconds spent inside a function."""

    def __init__(self, function: Any) -> None:
        self.function = function
        self.seconds = 0.0

    def __call__(self, *arguments: Any) -> Any:
        start = time.perf_counter()
        try:
            return self.function(*arguments)
        finally:
            self.seconds += time.perf_counter() - start


def measure(market: PostedMarket, setup_batches: int) -> dict[str, Any]:
    """Verify everything that is on L1; figures of what came after the market's set-up."""
    tower = Watchtower(market.make_view(), market.genesis)
    while tower.verified_number < setup_batches:
        tower.poll(limit=1)
    before = tower.totals
    execute = Stopwatch(verify.Replica.execute)
    verify.Replica.execute = lambda *arguments: execute(*arguments)  # type: ignore[method-assign]
    start = time.perf_counter()
    tower.poll()
    seconds = time.perf_counter() - start
    verify.Replica.execute = execute.function  # type: ignore[method-assign]
    report = build_report(tower)
    if not report["roots_agreed"] or not report["conserved"]:
        raise RuntimeError(f"the watchtower does not agree: {report}")
    after = tower.totals
    words, operations = after.words - before.words, after.operations - before.operations
    batches = after.batches - before.batches
    return {
        "batches": batches,
        "words": words,
        "operations": operations,
        "fills": after.fills - before.fills,
        "seconds": seconds,
        "words_per_second": words / seconds,
        "operations_per_second": operations / seconds,
        "times_real_time_at_10k_orders": operations / seconds / RATE,
        "execution_share": execute.seconds / seconds,
        "milliseconds_per_batch": 1_000 * seconds / batches,
        "l1_bytes_per_word": (after.l1_bytes - before.l1_bytes) / words,
        "l1_gas_per_word": (after.l1_gas - before.l1_gas) / words,
        "l1_bytes_per_operation": (after.l1_bytes - before.l1_bytes) / operations,
        "l1_gas_per_operation": (after.l1_gas - before.l1_gas) / operations,
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--operations", type=int, default=40_000)
    parser.add_argument("--accounts", type=int, default=200)
    parser.add_argument("--instruments", type=int, default=300)
    options = parser.parse_args()
    flow = Flow(instruments=options.instruments, accounts=options.accounts)
    with tempfile.TemporaryDirectory() as name, Anvil() as anvil:
        control = anvil.control()
        with open_posted_market(anvil.connect(timeout_seconds=60.0), control, Path(name), flow) as market:
            setup_batches = market.post_all()
            market.trade(sign_operations(options.operations))
            market.post_all()
            print(json.dumps(measure(market, setup_batches)))


if __name__ == "__main__":
    main()
