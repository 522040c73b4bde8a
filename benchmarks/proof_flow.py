"""Markets of signed operations as jobs of the prover, and what each uses of the circuit's tables."""

import json
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks import intake_market
from benchmarks.flow import Flow
from benchmarks.intake_market import build_bundle, build_inbox, get_key, sign_flow
from miletus.codec import decode_segment
from miletus.engine import layout as L
from miletus.engine import segment as G
from miletus.engine.genesis import apply_genesis
from miletus.engine.machine import Machine
from miletus.native import NativeCrypto, Tree, prepare
from miletus.prover import EdgesJob, SegmentJob
from miletus.sequencer.ordering import split_operations

ROOT = Path(__file__).parent.parent
CLOCK_MS = 1_770_000_000_000
WORD = 31
SEGMENT_WORDS = 1_024
"""Most words of a segment; spec 08-R03."""

OPERATIONS = 150
"""Of a segment while a market is set up; none of them has more than six words."""

PAYEE = b"\x34" * 20
MAKERS = Flow()
"""The engine benchmark's market: makers requote (65 %), others place, cancel and take."""

RETAIL = Flow(makers=20, requotes=0.08, limits=0.42, cancels=0.2)
"""Many accounts that place, cancel and take (30 %), and few quotes."""


class Market:
    """A machine with real keys that has been trading for a while."""

    def __init__(self, flow: Flow, warm_up: int) -> None:
        """A market of a flow after so many of its operations."""
        intake_market.FLOW = flow
        self.crypto = NativeCrypto(intake_market.CHAIN_ID, intake_market.ROLLUP)
        self.machine = Machine(flow.accounts + 16, self.crypto)
        apply_genesis(self.machine.state, [get_key(0).public], 1, 2, CLOCK_MS)
        self.machine.begin_batch(CLOCK_MS + 10**9, 0)
        self.run_all([entry.words for entry in build_inbox()], int(G.INBOX))
        self.run_all(split(build_bundle(CLOCK_MS // 1_000)))
        self.operations = sign_flow(warm_up + SEGMENT_WORDS, 1, 0)
        self.run_all(self.operations[:warm_up])
        self.operations = self.operations[warm_up:]

    def run_all(self, operations: Sequence[bytes], source: int = int(G.SEQUENCED)) -> None:
        """Carry operations out, in as many segments as it takes."""
        for at in range(0, len(operations), OPERATIONS):
            self.run(b"".join(operations[at : at + OPERATIONS]), source)

    def run(self, words: bytes, source: int = int(G.SEQUENCED)) -> list[int]:
        """Carry words out; the reasons of their receipts."""
        segment = decode_segment(source, words)
        prepare(segment, self.machine)
        self.machine.run(segment)
        state = self.machine.state
        reasons = [int(state.receipts[4 * k]) for k in range(state.receipt_count)]
        state.clear_outputs()
        return reasons

    def make_job(self, size: str = "small", words: int = SEGMENT_WORDS) -> EdgesJob:
        """The next operations as a segment of at most so many words."""
        text, taken = b"", 0
        while taken < len(self.operations) and len(text + self.operations[taken]) <= words * WORD:
            text += self.operations[taken]
            taken += 1
        return make_job(self.machine, text, size)


def make_job(machine: Machine, words: bytes, size: str = "small", index: int = 1) -> EdgesJob:
    """What proves words after a machine's present state."""
    numbers, kinds, fields = machine.export_pages()
    raw = bytes(memoryview(fields))
    width = 8 * int(L.PAGE)
    pages = {int(number): raw[k * width : (k + 1) * width] for k, number in enumerate(numbers)}
    return EdgesJob(
        size=size,
        chain_id=intake_market.CHAIN_ID,
        rollup=bytes.fromhex(intake_market.ROLLUP[2:]),
        payee=PAYEE,
        time_bound_ms=int(machine.state.time_bound_ms),
        clock_floor_ms=0,
        root_before=Tree().update(numbers, kinds, fields),
        pages=pages,
        segments=[SegmentJob(index=index, words=words, last=False)],
    )


def split(words: bytes) -> list[bytes]:
    """Cut operations apart, of more words than a segment may have."""
    operations: list[bytes] = []
    while words:
        here = split_operations(words[: SEGMENT_WORDS * WORD])
        operations += here[:-1] or here  # the last one may go on behind the cut
        words = words[sum(map(len, here[:-1] or here)) :]
    return operations


@cache
def build_costs() -> Path:
    """The program that counts (`circuits/internal/costs`), built if it has to be."""
    path = ROOT / "build" / "costs"
    command = ["go", "build", "-o", str(path), "./internal/costs"]
    subprocess.run(command, cwd=ROOT / "circuits", check=True)
    return path


def count(job: EdgesJob, *edges: str) -> list[dict[str, Any]]:
    """What each operation uses; or each edge of a size."""
    command = [str(build_costs()), *edges]
    text = json.dumps(job.to_json())
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip())
    counted: list[dict[str, Any]] = json.loads(done.stdout)
    return counted


def sum_used(parts: Sequence[dict[str, Any]]) -> dict[str, int]:
    """Rows by table of steps, of all parts."""
    used: dict[str, int] = {}
    for part in parts:
        for name, rows in part["used"].items():
            used[name] = used.get(name, 0) + rows
    return used
