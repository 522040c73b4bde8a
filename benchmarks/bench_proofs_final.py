"""From an order to its finality by proof, and from a lie to its removal. Prints JSON on the last line.

A node, a batcher and a prover in one process, the prover's program, and anvil as an L1 that includes at once.
"""

import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.flow import Flow
from benchmarks.posted_market import WINDOW_S, PostedMarket, make_wallet, open_posted_market, sign_operations
from benchmarks.report import render_table
from miletus.prover import Prover
from miletus.sequencer.answers import Answer
from miletus.sequencer.feed import BatchRecord
from miletus.settlement.anvil import Anvil
from miletus.settlement.batcher import Batcher
from miletus.settlement.keys import export_keys
from miletus.settlement.proving import BatchProver
from miletus.settlement.sender import FeePolicy, Sender, open_store
from miletus.settlement.source import BatchSource, ClosedBatch

FLOW = Flow(instruments=4, accounts=6, makers=2, requotes=0.5)
SIZE = "small"
ORDERS = (1, 1, 8)
"""Orders of the batches that are proved: the first also loads the key, as a service does once."""

LIE = 4
"""Orders of the batch that lies about the root after them."""


@dataclass
class Liar:
    """A source of batches of which one claims another root after its last segment."""

    honest: BatchSource
    number: int

    def get_batch(self, number: int) -> ClosedBatch | None:
        """A closed batch, false if it is the one."""
        batch = self.honest.get_batch(number)
        if batch is None or number != self.number:
            return batch
        assert isinstance(batch, BatchRecord)
        *before, last = batch.segments
        wrong = msgspec.structs.replace(last, root=bytes(31) + b"\x07")
        return msgspec.structs.replace(batch, segments=(*before, wrong))


def post(market: PostedMarket, batcher: Batcher, number: int) -> None:
    """Post batches up to a number, each poll in a block."""
    end = time.monotonic() + 120
    while batcher.poll().posted < number:
        if time.monotonic() > end:
            raise RuntimeError(f"batch {number} is not posted: {batcher.poll().waiting}")
        market.control.mine()


def close(market: PostedMarket, operations: Sequence[bytes]) -> tuple[int, float, float]:
    """Have operations confirmed and their batch closed: its number, seconds to answer and root."""
    start = time.perf_counter()
    answers = market.sequencer.submit(list(operations))
    confirmed = time.perf_counter() - start
    refused = [answer for answer in answers if not isinstance(answer, Answer)]
    if refused:
        raise RuntimeError(f"an order was not taken: {refused[0]}")
    market.sequencer.close_batch()
    market.sequencer.wait_for_roots()
    return market.sequencer.batches.get_last(), confirmed, time.perf_counter() - start


def measure_final(
    market: PostedMarket, challenger: BatchProver, operations: Sequence[bytes]
) -> dict[str, Any]:
    """Orders, until they are final by proof."""
    start = time.perf_counter()
    number, confirmed, closed = close(market, operations)
    post(market, market.batcher, number)
    posted = time.perf_counter() - start
    verdict = challenger.prove(number)
    if not verdict.final:
        raise RuntimeError(f"batch {number} was proved and is not final: {verdict}")
    return {
        "orders": len(operations),
        "confirmed_seconds": confirmed,
        "batch_closed_seconds": closed,
        "posted_seconds": posted,
        "final_seconds": time.perf_counter() - start,
        "proofs": verdict.proofs,
        "proving_seconds": verdict.seconds,
        "machine_steps": verdict.steps,
        "gas": verdict.gas,
        "prover_peak_bytes": verdict.peak_bytes,
    }


def measure_lie(market: PostedMarket, challenger: BatchProver, operations: Sequence[bytes]) -> dict[str, Any]:
    """A batch whose last root is wrong, from its commit until it is gone; nothing honest is lost but time."""
    number, _, _ = close(market, operations)
    honest = market.batcher
    post(market, Batcher(honest.view, honest.sender, Liar(market.sequencer.batches, number)), number)
    start = time.perf_counter()
    verdict = challenger.prove(number)
    seconds = time.perf_counter() - start
    if not verdict.removed:
        raise RuntimeError(f"the lie of batch {number} stands: {verdict}")
    return {
        "orders": len(operations),
        "removed_seconds": seconds,
        "proofs": verdict.proofs,
        "proving_seconds": verdict.seconds,
        "machine_steps": verdict.steps,
        "gas": verdict.gas,
    }


def make_final(market: PostedMarket) -> None:
    """Let the window of what was posted pass."""
    last = market.post_all()
    market.control.increase_time(WINDOW_S + 1)
    market.control.mine()
    end = time.monotonic() + 120
    while market.batcher.poll().final < last:
        if time.monotonic() > end:
            raise RuntimeError("the first batches do not become final")
        market.control.mine()


def main() -> None:
    """Open a small market, prove batches of it, then lie."""
    with tempfile.TemporaryDirectory() as name, Anvil() as anvil, Prover(setup=True) as prover:
        control, l1 = anvil.control(), anvil.connect(timeout_seconds=60.0)
        keys = export_keys(prover, [SIZE])
        with open_posted_market(l1, control, Path(name), FLOW, keys) as market:
            make_final(market)
            wallet = make_wallet(control)
            store = open_store(":memory:", l1, wallet.address)
            sender = Sender(l1, wallet, store, FeePolicy(patience_seconds=600.0))
            challenger = BatchProver(market.make_view(), market.genesis, sender, prover, SIZE)
            operations = sign_operations(sum(ORDERS) + LIE, 3)
            finals = []
            for orders in ORDERS:
                finals.append(measure_final(market, challenger, operations[:orders]))
                operations = operations[orders:]
            lie = measure_lie(market, challenger, operations)
    result = {
        "size": SIZE,
        "trade_to_final_seconds": min(final["final_seconds"] for final in finals),
        "aim_trade_to_final_seconds": 30,
        "lie_to_removal_seconds": lie["removed_seconds"],
        "aim_lie_to_removal_seconds": 60,
        "finals": finals,
        "lies": [lie],
    }
    print(render_table(result))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
