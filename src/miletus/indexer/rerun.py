"""Executing confirmed operations again, and what each of them did.

Operations are run in parts that end where the state must be looked at: after an approval, which may bring a
sheet into force, and after a Settle. Whoever takes the outcomes of a part sees the state as it is at its end.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from librt.vecs import vec
from mypy_extensions import i64

from miletus.codec import decode_segment
from miletus.codec.table import WORD_BYTES
from miletus.engine import layout as L
from miletus.engine import segment as G
from miletus.engine.machine import Machine, build_machine
from miletus.engine.params import MAX_SEGMENT_WORDS
from miletus.engine.reasons import Reason
from miletus.engine.segment import INBOX, RECORD, SEQUENCED, Segment
from miletus.engine.state import EVENT, RECEIPT, State
from miletus.native import NativeCrypto, OffChainCrypto, prepare, restore_signatures
from miletus.sequencer.config import FirstState

ENDS_PART: Final = frozenset((int(G.APPROVE), int(G.SETTLE)))
"""Kinds after which the state is looked at."""

FIRST_SIGNED, LAST_SIGNED = 0x10, 0x1F

MOST_BYTES: Final = int(MAX_SEGMENT_WORDS) * WORD_BYTES
"""What is decoded at once; what L1 has of a segment is longer with its signatures (policy zk)."""

CAPACITY: Final = 256
"""Accounts that there is room for at first; it grows by itself."""

PAGE_BYTES: Final = 8 * int(L.PAGE)

_RECORD, _RECEIPT, _EVENT = int(RECORD), int(RECEIPT), int(EVENT)


class RowsCrypto(NativeCrypto):
    """Cryptography without the events accumulator, which no rule reads (10-R07) and no row shows.

    Folding receipts into it takes as long as everything else that the machine does here.
    """

    def absorb_receipts(self, state: State, first: int, count: int, address: int) -> None:
        """Leave the accumulator as it is."""


class OffChainRowsCrypto(OffChainCrypto):
    """The same under policy zk, where sequenced signatures hold."""

    def absorb_receipts(self, state: State, first: int, count: int, address: int) -> None:
        """Leave the accumulator as it is."""


class Outcome(NamedTuple):
    """What one operation did. `record` is as decoded (engine/segment.py); `word` counts in the part.

    `clock_ms` is the machine's clock after it.
    """

    kind: int
    word: int
    words: int
    clock_ms: int
    record: list[int]
    reason: int
    filled_lots: int
    notional_micros: int
    detail: int
    events: list[tuple[int, ...]]


class Rerun:
    """A machine that stands at the end of some operation."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.clock_ms = self._read_clock()

    @classmethod
    def from_genesis(cls, genesis: FirstState, crypto: NativeCrypto) -> "Rerun":
        """The machine before its first word."""
        return cls(genesis.build_machine(crypto, CAPACITY))

    @classmethod
    def from_pages(cls, pages: Sequence[tuple[int, bytes]], crypto: NativeCrypto) -> "Rerun":
        """The machine that these pages were taken from."""
        raw = b"".join(fields for _, fields in pages)
        numbers, values = (
            vec[i64]([number for number, _ in pages]),
            vec[i64](memoryview(raw).cast("q").tolist()),
        )
        machine = build_machine(0, crypto, numbers, values)
        machine.take_dirty()
        return cls(machine)

    @property
    def state(self) -> State:
        """The state; another object after an operation that made the machine grow."""
        return self.machine.state

    def begin_batch(self, time_bound_ms: int, clock_floor_ms: int) -> None:
        """Give the machine the inputs of a batch."""
        self.machine.begin_batch(time_bound_ms, clock_floor_ms)

    def end_batch(self) -> None:
        """End a batch."""
        self.machine.end_batch()
        self.clock_ms = self._read_clock()

    def run(
        self, inbox: bool, operations: Sequence[bytes], reasons: Sequence[int] | None = None
    ) -> Iterator[list[Outcome]]:
        """Carry out operations, each whole; their outcomes part by part.

        `reasons` are the receipts' of a node that is believed: clients' signatures are not checked then.
        """
        at = 0
        while at < len(operations):
            end, size = at + 1, len(operations[at])
            while end < len(operations) and operations[end - 1][0] not in ENDS_PART:
                size += len(operations[end])
                if size > MOST_BYTES:
                    break
                end += 1
            part = operations[at:end]
            segment = decode_segment(INBOX if inbox else SEQUENCED, b"".join(part))
            known = reasons is not None and part[-1][0] != G.APPROVE
            if known and reasons is not None:
                mark_signed(segment, reasons[at:end])
            else:
                prepare(segment, self.machine)
            self.machine.run(segment)
            yield self._take_outcomes(segment)
            at = end

    def take_pages(self) -> list[tuple[int, bytes]]:
        """Pages that changed since the last call."""
        return split_pages(*self.machine.take_dirty()[::2])

    def export_pages(self) -> list[tuple[int, bytes]]:
        """All pages that are not zero."""
        return split_pages(*self.machine.export_pages()[::2])

    def _read_clock(self) -> int:
        return int(self.machine.state.cells[L.CLOCK_MS])

    def _take_outcomes(self, segment: Segment) -> list[Outcome]:
        state, count = self.machine.state, int(segment.count)
        receipts = memoryview(state.receipts)[: count * _RECEIPT].tolist()
        records = memoryview(segment.records)[: count * _RECORD].tolist()
        events: dict[int, list[tuple[int, ...]]] = {}
        if state.event_count:
            raw = memoryview(state.events)[: int(state.event_count) * _EVENT].tolist()
            for at in range(0, len(raw), _EVENT):
                events.setdefault(raw[at + 1], []).append((raw[at], *raw[at + 2 : at + _EVENT]))
        state.clear_outputs()
        outcomes = []
        for place in range(count):
            record = records[place * _RECORD : (place + 1) * _RECORD]
            reason, filled, notional, detail = receipts[place * _RECEIPT : (place + 1) * _RECEIPT]
            kind = record[G.R_KIND]
            if kind == G.TICK and reason == Reason.OK:
                self.clock_ms = record[G.R_FIELDS]
            outcomes.append(
                Outcome(
                    kind,
                    record[G.R_FIRST_WORD],
                    record[G.R_WORDS],
                    self.clock_ms,
                    record,
                    reason,
                    filled,
                    notional,
                    detail,
                    events.get(place, []),
                )
            )
        return outcomes


def split_operations(inbox: bool, words: bytes) -> list[bytes]:
    """The operations of a segment, one by one; what its end cuts off is the last of them."""
    segment = decode_segment(INBOX if inbox else SEQUENCED, words)
    records = memoryview(segment.records)
    found = []
    for at in range(0, int(segment.count) * _RECORD, _RECORD):
        first, count = records[at + G.R_FIRST_WORD], records[at + G.R_WORDS]
        found.append(words[first * WORD_BYTES : (first + count) * WORD_BYTES])
    return found


def split_posted(inbox: bool, words: bytes, *, off_chain: bool) -> list[bytes]:
    """The operations of a posted segment; under policy zk with zeros in the place of signatures."""
    if inbox or not off_chain:
        return split_operations(inbox, words)
    return [operation for part in restore_signatures(words) for operation in split_operations(False, part)]


def mark_signed(segment: Segment, reasons: Sequence[int]) -> None:
    """Take a node's receipts for what became of signatures: all hold but those that it refused as bad."""
    records = segment.records
    for place, reason in enumerate(reasons):
        at = place * _RECORD
        if FIRST_SIGNED <= records[at + G.R_KIND] <= LAST_SIGNED and reason != Reason.BAD_SIGNATURE:
            records[at + G.R_SIGNED] = 1


def split_pages(numbers: vec[i64], fields: vec[i64]) -> list[tuple[int, bytes]]:
    """Pages as (number, 64 integers in this machine's byte order)."""
    raw = memoryview(fields).cast("B")
    return [(int(numbers[j]), bytes(raw[j * PAGE_BYTES : (j + 1) * PAGE_BYTES])) for j in range(len(numbers))]
