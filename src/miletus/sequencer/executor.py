"""From items to their results: the machine, and which batch and segment it is in.

The node and its replay after a crash run this same code on the same groups, so they reach the same state.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from miletus.codec import decode_segment
from miletus.engine import layout
from miletus.engine.elements import read_element
from miletus.engine.machine import Machine
from miletus.engine.segment import (
    INBOX,
    R_KIND,
    R_SIGNED,
    RECORD,
    SEQUENCED,
    SET_KEY,
    SET_KEY_INBOX,
    Segment,
)
from miletus.engine.state import EVENT, RECEIPT
from miletus.native import prepare
from miletus.sequencer.chain import Ending, Opening
from miletus.sequencer.deferring import DeferringCrypto
from miletus.sequencer.feed import (
    BatchRecord,
    Outgoing,
    SegmentRecord,
    compute_clock_floor_ms,
    compute_time_bound_ms,
)
from miletus.sequencer.frames import BATCH_OPENING, INBOX_WORDS, SEGMENT_END, SEQUENCED_WORDS, Item
from miletus.sequencer.roots import SegmentJob
from miletus.sequencer.snapshot import Position

_RECEIPT, _EVENT = int(RECEIPT), int(EVENT)

SETS_KEYS: Final = (int(SET_KEY), int(SET_KEY_INBOX))
"""Kinds after which a signature that was checked before must be checked again."""


class Result(NamedTuple):
    """What became of one operation: its receipt (03-R19), and the events of its word (`engine.events`).

    An event is (kind, a, b, c, d, e, f). Openings and ends have no result.
    """

    reason: int
    filled_lots: int
    notional_micros: int
    detail: int
    events: tuple[tuple[int, ...], ...] = ()


@dataclass
class OpenSegment:
    """A segment that may still take words."""

    number: int
    source: int
    first_number: int
    words: list[bytes] = field(default_factory=list)
    word_count: int = 0


@dataclass
class OpenBatch:
    """A batch that may still take words."""

    opening: Opening
    first_number: int
    running_keccak_before: bytes
    segment: OpenSegment
    ticked: bool = False
    sequenced_words: int = 0


class Executor:
    """A machine and its place in the order.

    `snapshot_due` says of a batch's number if a snapshot shall be made at its end.
    """

    def __init__(
        self,
        machine: Machine,
        identity: bytes,
        epoch: int,
        inbox_next: int,
        snapshot_due: Callable[[int], bool],
    ) -> None:
        if not isinstance(machine.crypto, DeferringCrypto):
            raise TypeError("the machine of a node is made with DeferringCrypto")
        self.machine = machine
        self._crypto = machine.crypto
        self.identity = identity
        self.epoch = epoch
        self.inbox_next = inbox_next
        self.batch: OpenBatch | None = None
        self.moment = 0
        """Groups that were executed."""
        self.keys = 0
        """Groups that set keys among them."""
        self._jobs: list[SegmentJob] = []
        self._snapshot_due = snapshot_due

    # ---- what the node asks

    @property
    def clock_ms(self) -> int:
        """The machine's clock."""
        return int(self.machine.state.cells[layout.CLOCK_MS])

    @property
    def batch_number(self) -> int:
        """Number of the batch that is open, or of the last one."""
        return int(self.machine.state.cells[layout.BATCH_NUMBER])

    @property
    def outbox_count(self) -> int:
        """Withdrawals of the batch."""
        return int(self.machine.state.cells[layout.OUTBOX_COUNT])

    def take_jobs(self) -> list[SegmentJob]:
        """Segments that were closed since the last call. Roots are for what is synced: hand them on then."""
        jobs, self._jobs = self._jobs, []
        return jobs

    # ---- items

    def apply(
        self, first_number: int, items: list[Item], chain: list[bytes], trusted: bool = False
    ) -> list[Result | None]:
        """Carry out the items of a group, in order; a result for each.

        `chain` is the running keccak before the group, then after each item. `trusted` says that every
        signature of the group was checked under the state before it, and holds; then it is not checked again.
        """
        results: list[Result | None] = []
        number, at = first_number, 0
        self.moment += 1
        self.keys += any(item.words[0] in SETS_KEYS for item in items)
        while at < len(items):
            tag = items[at].tag
            if tag == BATCH_OPENING:
                self._open_batch(Opening.decode(items[at]), number, chain[at])
                results.append(None)
            elif tag == SEGMENT_END:
                self._end_segment(Ending.decode(items[at]), number, chain[at + 1])
                results.append(None)
            else:
                end = at
                while end < len(items) and items[end].tag == tag:
                    end += 1
                words = [item.words for item in items[at:end]]
                results += self._run(tag, words, trusted)
                number += sum(item.word_count for item in items[at : end - 1])
                at = end - 1
            number += items[at].word_count
            at += 1
        return results

    def _open_batch(self, opening: Opening, number: int, running_keccak: bytes) -> None:
        inputs = compute_time_bound_ms(opening.time_s), compute_clock_floor_ms(opening.time_s)
        self.machine.begin_batch(*inputs)
        self.inbox_next = opening.inbox_first + opening.inbox_count
        self.batch = OpenBatch(opening, number, running_keccak, OpenSegment(0, int(INBOX), number + 1))

    def _run(self, tag: int, words: list[bytes], trusted: bool) -> list[Result | None]:
        """Carry out operations that follow each other in one segment."""
        assert self.batch is not None
        source = INBOX if tag == INBOX_WORDS else SEQUENCED
        text = b"".join(words)
        segment = decode_segment(source, text)
        if trusted:
            mark_signed(segment)
        else:
            prepare(segment, self.machine)
        self.machine.run(segment)
        part = self.batch.segment
        part.words += words
        part.word_count += len(text) // 31
        if tag == SEQUENCED_WORDS:
            self.batch.ticked = True
            self.batch.sequenced_words += len(text) // 31
        return [*take_results(self.machine, len(words))]

    def _end_segment(self, ending: Ending, number: int, running_keccak: bytes) -> None:
        """Close the segment, and the batch with it where it is the last; hand both over for their roots."""
        batch = self.batch
        assert batch is not None
        if ending.last:
            self.machine.end_batch()
        pages = self.machine.take_dirty()
        part = batch.segment
        outbox = read_element(self.machine.state, layout.OUTBOX)
        text = b"".join(part.words)

        def build(root: bytes) -> SegmentRecord:
            return SegmentRecord(
                part.number, part.source, part.first_number, number, text, root, outbox, running_keccak
            )

        job = SegmentJob(pages, self._crypto.take(), build)
        if ending.last:
            self._finish_batch(job, batch, number, running_keccak)
            self.batch = None
        else:
            batch.segment = OpenSegment(part.number + 1, int(SEQUENCED), number + 1)
        self._jobs.append(job)

    def _finish_batch(self, job: SegmentJob, batch: OpenBatch, number: int, running_keccak: bytes) -> None:
        opening, clock_ms, epoch, identity = batch.opening, self.clock_ms, self.epoch, self.identity
        outbox = tuple(
            Outgoing(owner.to_bytes(20, "big"), amount) for owner, amount in self.machine.state.outbox
        )
        inbox_next = self.inbox_next

        def finish(segments: tuple[SegmentRecord, ...]) -> BatchRecord:
            return BatchRecord(
                epoch,
                opening.batch,
                batch.first_number,
                opening.time_s,
                clock_ms,
                opening.inbox_first,
                opening.inbox_count,
                batch.running_keccak_before,
                segments,
                outbox,
            )

        def build_position(root: bytes) -> Position:
            return Position(identity, epoch, opening.batch, number + 1, running_keccak, inbox_next, root)

        job.finish = finish
        if self._snapshot_due(opening.batch):
            job.position = build_position


def mark_signed(segment: Segment) -> None:
    """Mark every signature as good: they were checked under this very state."""
    records = segment.records
    for at in range(0, int(segment.count) * int(RECORD), int(RECORD)):
        if 0x10 <= records[at + R_KIND] <= 0x1F:
            records[at + R_SIGNED] = 1


def take_results(machine: Machine, count: int) -> list[Result]:
    """Receipts and events of the `count` operations that just ran, which the machine then forgets."""
    state = machine.state
    receipts = memoryview(state.receipts)[: count * _RECEIPT].tolist()
    events: dict[int, list[tuple[int, ...]]] = {}
    if state.event_count:
        raw = memoryview(state.events)[: state.event_count * _EVENT].tolist()
        for at in range(0, len(raw), _EVENT):
            events.setdefault(raw[at + 1], []).append((raw[at], *raw[at + 2 : at + _EVENT]))
    machine.state.clear_outputs()
    results = []
    for place, at in enumerate(range(0, len(receipts), _RECEIPT)):
        reason, filled, notional, detail = receipts[at : at + _RECEIPT]
        results.append(Result(reason, filled, notional, detail, tuple(events.get(place, ()))))
    return results
