"""The machine, run here on the words that the node confirmed: books, accounts and marks with nobody between.

The node sends what became of each operation beside its words; the mirror computes it too, and any difference
is an error, since one of the two runs another machine.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from librt.vecs import vec
from mypy_extensions import i64

from miletus.codec import decode_segment
from miletus.codec.table import WORD_BYTES
from miletus.engine import layout
from miletus.engine.machine import Machine, build_machine
from miletus.engine.reasons import Reason
from miletus.engine.segment import INBOX, R_KIND, R_SIGNED, RECORD, SEQUENCED, TICK, Segment
from miletus.engine.state import State
from miletus.native import NativeCrypto
from miletus.sequencer.answers import FeedGroup, FeedItem
from miletus.sequencer.chain import Deployment, Ending, Opening
from miletus.sequencer.errors import SequencerError
from miletus.sequencer.executor import Result, take_results
from miletus.sequencer.feed import compute_clock_floor_ms, compute_time_bound_ms
from miletus.sequencer.frames import BATCH_OPENING, INBOX_WORDS, SEGMENT_END, Item
from miletus.sequencer.handover import StateHead

EPOCH_SPAN: Final = 1 << 40
"""Numbers of an epoch; `place` counts them through all epochs."""

_RECORD, _KIND, _SIGNED = int(RECORD), int(R_KIND), int(R_SIGNED)


class MirrorError(SequencerError):
    """The feed is not what the machine makes of it, or has a gap."""


class Applied(NamedTuple):
    """An operation that was carried out: number, the machine's time, words, and what became of it."""

    number: int
    time_ms: int
    words: bytes
    result: Result


class _Crypto(NativeCrypto):
    """Leaves the events accumulator alone: no rule reads it, and no root is computed here."""

    def absorb_receipts(self, state: State, first: int, count: int, address: int) -> None:
        """Nothing."""


class Mirror:
    """A machine that follows. `next_number` is the first number that it has not seen."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.machine: Machine
        self.epoch = 0
        self.next_number = 0
        self.time_ms = 0
        self.batch = 0

    @property
    def state(self) -> State:
        """The state, for reading."""
        return self.machine.state

    @property
    def clock_ms(self) -> int:
        """The machine's clock."""
        return int(self.state.cells[layout.CLOCK_MS])

    @property
    def place(self) -> int:
        """`next_number`, counted through all epochs: it only grows."""
        return (self.epoch - 1) * EPOCH_SPAN + self.next_number

    def load(self, head: StateHead, numbers: "vec[i64]", fields: "vec[i64]") -> None:
        """Begin with a state that the node handed over."""
        crypto = _Crypto(self.deployment.chain_id, self.deployment.rollup)
        self.machine = build_machine(64, crypto, numbers, fields)
        self.machine.state.time_bound_ms = head.time_bound_ms
        self.machine.state.clock_floor_ms = head.clock_floor_ms
        self.epoch, self.next_number = head.epoch, head.next_number
        self.batch = int(self.state.cells[layout.BATCH_NUMBER])
        self.time_ms = self.clock_ms

    def apply(self, group: FeedGroup) -> list[Applied]:
        """Carry out the next group. MirrorError if it is not the next, or its results are not ours."""
        if group.epoch != self.epoch or group.first_number != self.next_number:
            raise MirrorError(
                f"the feed goes on at {group.first_number} of epoch {group.epoch}, and {self.next_number} of "
                f"{self.epoch} is next: the state must be fetched anew"
            )
        words = sum([len(item.words) // WORD_BYTES for item in group.items])
        if group.first_number + words != group.next_number:
            raise MirrorError(
                f"the group at {group.first_number} has {words} words, and the next is told to begin at "
                f"{group.next_number}: the state must be fetched anew"
            )
        done: list[Applied] = []
        number = group.first_number
        for tag, items in split_runs(group.items):
            if tag == BATCH_OPENING:
                self._open(items[0])
                number += 1
            elif tag == SEGMENT_END:
                if Ending.decode(Item(tag, items[0].words)).last:
                    self.machine.end_batch()
                number += 1
            else:
                number = self._run(tag, items, number, done)
        self.next_number, self.time_ms = group.next_number, group.time_ms
        return done

    def _open(self, item: FeedItem) -> None:
        opening = Opening.decode(Item(item.tag, item.words))
        self.machine.begin_batch(
            compute_time_bound_ms(opening.time_s), compute_clock_floor_ms(opening.time_s)
        )
        self.batch = opening.batch

    def _run(self, tag: int, items: list[FeedItem], number: int, done: list[Applied]) -> int:
        time_ms = self.clock_ms
        source = INBOX if tag == INBOX_WORDS else SEQUENCED
        segment = decode_segment(source, b"".join([item.words for item in items]))
        told = [item.result for item in items]
        mark_signatures(segment, told)
        self.machine.run(segment)
        for item, ours, theirs in zip(items, take_results(self.machine, len(items)), told, strict=True):
            if ours != theirs:
                raise MirrorError(
                    f"number {number}: the node says {theirs}, the machine here {ours}: one of them runs "
                    "another version; use the node's"
                )
            if item.words[0] == TICK and ours.reason == Reason.OK:
                time_ms = int.from_bytes(item.words[1:7])
            done.append(Applied(number, time_ms, item.words, ours))
            number += len(item.words) // WORD_BYTES
        return number


def split_runs(items: tuple[FeedItem, ...]) -> Iterator[tuple[int, list[FeedItem]]]:
    """Items that follow each other in one segment together; openings and ends by themselves."""
    run: list[FeedItem] = []
    for item in items:
        if run and (run[0].tag != item.tag or item.tag in (BATCH_OPENING, SEGMENT_END)):
            yield run[0].tag, run
            run = []
        run.append(item)
    if run:
        yield run[0].tag, run


def mark_signatures(segment: Segment, told: list[Result | None]) -> None:
    """Take the node's word for the signatures: a wrong one is in the posted batch, for all to see."""
    records = segment.records
    for place, result in enumerate(told):
        at = place * _RECORD
        if place < segment.count and 0x10 <= records[at + _KIND] <= 0x1F:
            records[at + _SIGNED] = int(result is None or result.reason != Reason.BAD_SIGNATURE)
