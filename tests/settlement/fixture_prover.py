"""A prover that runs the machine for what a job says, and proves it with the circuit that says nothing.

It takes jobs as the prover's program takes them, as JSON, and what it gives are real proofs for the real
verifier; only that they follow from the machine is left to the circuits' own tests.
"""

from base64 import b64decode
from collections.abc import Callable, Iterator
from struct import unpack
from typing import Any

from miletus.codec.table import BY_KIND
from miletus.engine import layout as L
from miletus.engine.elements import read_element
from miletus.engine.reasons import Reason
from miletus.engine.segment import INBOX, SEQUENCED
from miletus.engine.state import RECEIPT
from miletus.native import NativeCrypto, bind_data, domain, restore_signatures
from miletus.native.hashing import absorb_withdrawal
from miletus.prover import Job, JobRefused, Progress, Proof, ProverError, ProverFault
from miletus.settlement.commitment import WORD, bind_slots
from miletus.settlement.keys import (
    EDGE_INPUTS,
    EXIT_INPUTS,
    OUTBOX_INPUTS,
    SILENCE_INPUTS,
    VerifyingKey,
    VerifyingKeys,
)
from miletus.settlement.replica import PAGE_BYTES, Pages, Replica
from tests.contracts.fixture import get_fixture, prove

STEPS = 20
"""Steps that every segment takes here."""


def get_fixture_keys() -> VerifyingKeys:
    """Keys of circuits that say nothing, with the numbers of public inputs of the real ones."""
    counts = (EDGE_INPUTS, OUTBOX_INPUTS, EXIT_INPUTS, SILENCE_INPUTS)
    edge, *others = [VerifyingKey.read(get_fixture().ask(key=count)["key"]) for count in counts]
    return VerifyingKeys((edge,), *others)


class FixtureRun:
    """A job that is proved when its result is asked for."""

    peak_bytes = 0

    def __init__(self, statements: Iterator[tuple[tuple[int, ...], dict[str, Any]]]) -> None:
        self._statements = statements

    def result(self, tell: Callable[[Progress], None] | None = None) -> tuple[Proof, ...]:
        """Prove, and tell of each proof."""
        proofs = []
        for index, (inputs, about) in enumerate(self._statements):
            proofs.append(Proof("fixture", "", bytes(32), inputs, prove(inputs), about))
            if tell is not None:
                tell(Progress("proved", index, 0, "fixture", proofs[-1], 0, 0.0))
        return tuple(proofs)


class FixtureProver:
    """Proves jobs.

    Args:
        edges: how many edges it makes of a segment; all but the last end in the middle of nowhere.

    """

    def __init__(self, edges: int = 1) -> None:
        self.edges = edges
        self.jobs: list[dict[str, Any]] = []
        self.problem: ProverError | None = None

    def start(self, job: Job) -> FixtureRun:
        """Begin with a job; raises `problem` if there is one."""
        if self.problem is not None:
            raise self.problem
        raw = job.to_json()
        self.jobs.append(raw)
        return FixtureRun(prove_outbox(raw) if raw["kind"] == "outbox" else self._prove_edges(raw))

    def _prove_edges(self, job: Any) -> Iterator[tuple[tuple[int, ...], dict[str, Any]]]:
        replica = Replica.from_pages(read_pages(job), NativeCrypto(job["chain_id"], job["rollup"]))
        machine = replica.machine
        machine.state.time_bound_ms = job["time_bound_ms"]
        machine.state.clock_floor_ms = job["clock_floor_ms"]
        for segment in job["segments"]:
            root = int.from_bytes(compute_root(replica), "big")
            words = b64decode(segment["words"])
            if segment["index"] == 0:
                machine.begin_batch(job["time_bound_ms"], job["clock_floor_ms"])
            whole = put_signatures(words, segment["signatures"]) if segment.get("off_chain") else words
            count = replica.run(SEQUENCED if segment["index"] else INBOX, whole)
            reasons = machine.state.receipts[0 : count * int(RECEIPT) : int(RECEIPT)]
            if segment.get("off_chain") and Reason.BAD_SIGNATURE in list(reasons):
                raise ProverFault("a signature does not hold, and the circuit asserts each")
            if segment["last"]:
                machine.end_batch()
            machine.state.clear_outputs()
            outbox = int(read_element(machine.state, L.OUTBOX))
            after = int.from_bytes(compute_root(replica), "big")
            yield from self._cut(job, segment, words, root, after, outbox)

    def _cut(
        self, job: Any, segment: Any, words: bytes, root: int, after: int, outbox: int
    ) -> Iterator[tuple[tuple[int, ...], dict[str, Any]]]:
        count = len(words) // WORD
        _, h, z, y = bind_data(words, count)
        cursor_before, idle_before, steps = 0, True, STEPS // self.edges
        proved = segment.get("proved", {"steps": 0, "root": "0x0"})
        for j in range(self.edges):
            if (j + 1) * steps <= proved["steps"]:
                root, cursor_before, idle_before = 1_000 + j, 0, False
                if (j + 1) * steps == proved["steps"] and root != int(proved["root"], 16):
                    raise JobRefused("what is said to be proved is something else")
                continue
            end = j == self.edges - 1
            cursor, idle, target, accumulator = (
                (count, True, after, outbox) if end else (0, False, 1_000 + j, 0)
            )
            inbox = segment["index"] == 0
            off_chain = bool(segment.get("off_chain"))
            flags = (inbox, inbox and j == 0, end, segment["last"], off_chain, idle_before, idle)
            place = count | cursor_before << 16 | cursor << 32 | steps << 48
            place |= sum(flag << bit for bit, flag in enumerate(flags)) << 80
            times = job["time_bound_ms"] | job["clock_floor_ms"] << 64
            of = domain(job["chain_id"], job["rollup"])
            payee = int(job["payee"], 16)
            about = {
                "segment": segment["index"],
                "words": count,
                "steps": steps,
                "cursor_before": cursor_before,
                "cursor_after": cursor,
                "idle_after": idle,
                "end": end,
            }
            yield (root, target, accumulator, h, z, y, place, times, of, payee), about
            root, cursor_before, idle_before = target, cursor, idle


def put_signatures(words: bytes, signatures: dict[str, str]) -> bytes:
    """Words of a segment with the signatures that a job has of it."""
    whole, place = b"", 0
    for part in restore_signatures(words):
        for operation in split_operations(part):
            signature = b64decode(signatures[str(place)]) if str(place) in signatures else b""
            whole += operation[: len(operation) - len(signature)] + signature
            place += (len(operation) - len(signature)) // WORD
    return whole


def split_operations(words: bytes) -> list[bytes]:
    """Whole operations of a segment."""
    operations, at = [], 0
    while at < len(words):
        known = BY_KIND.get(words[at])
        size = (known.words if known is not None else 1) * WORD
        operations.append(words[at : at + size])
        at += size
    return operations


def prove_outbox(job: Any) -> Iterator[tuple[tuple[int, ...], dict[str, Any]]]:
    """What the withdrawals fold to."""
    accumulator, slots = 0, b""
    for one in job["withdrawals"]:
        owner, amount = int(one["owner"], 16), one["amount_micros"]
        accumulator = absorb_withdrawal(accumulator, owner, amount)
        slots += (owner << 56 | amount).to_bytes(32, "big")
    _, z, y = bind_slots(slots, accumulator)
    place = int(job["payee"], 16) | len(job["withdrawals"]) << 160
    yield (place, z, y, accumulator), {"accumulator": f"0x{accumulator:064x}"}


def read_pages(job: Any) -> Pages:
    """Pages by number."""
    numbers, raw = (b64decode(job["pages"][name]) for name in ("numbers", "fields"))
    return {
        number: raw[j * PAGE_BYTES : (j + 1) * PAGE_BYTES]
        for j, number in enumerate(unpack(f"<{len(numbers) // 8}q", numbers))
    }


def compute_root(replica: Replica) -> bytes:
    """Root of the state now."""
    return Replica.from_pages(replica.export_pages(), NativeCrypto(1, bytes(20))).root
