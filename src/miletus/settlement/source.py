"""What the batcher needs of a sequencer: its closed batches, by number.

These are shapes, met by `miletus.sequencer.feed`: settlement does not depend on how a sequencer works.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


class SegmentSource(Protocol):
    """A closed segment."""

    @property
    def words(self) -> bytes:
        """Its words, 31 bytes each."""
        ...

    @property
    def root(self) -> bytes:
        """The state's root at its end, 32 bytes."""
        ...

    @property
    def outbox(self) -> int:
        """The batch's outbox accumulator at its end."""
        ...


class WithdrawalSource(Protocol):
    """A withdrawal."""

    @property
    def owner(self) -> bytes:
        """L1 address, 20 bytes."""
        ...

    @property
    def amount_micros(self) -> int:
        """What is paid to it."""
        ...


class ClosedBatch(Protocol):
    """A closed batch, executed with the inputs that follow from its time (spec 08-R04)."""

    @property
    def number(self) -> int:
        """Its number, from 1."""
        ...

    @property
    def time_s(self) -> int:
        """Its time, with which it must be committed."""
        ...

    @property
    def inbox_first(self) -> int:
        """The first inbox entry that it consumes."""
        ...

    @property
    def inbox_count(self) -> int:
        """How many entries it consumes."""
        ...

    @property
    def segments(self) -> Sequence[SegmentSource]:
        """Its segments; the first one is the inbox segment, possibly empty."""
        ...

    @property
    def outbox(self) -> Sequence[WithdrawalSource]:
        """Its withdrawals in order."""
        ...


@dataclass(frozen=True, slots=True)
class KnownState:
    """The state after a batch: its root, 32 bytes, and its pages that are not zero."""

    number: int
    root: bytes
    pages: Mapping[int, bytes]


class StateSource(Protocol):
    """States that somebody keeps who executed the batches before them himself."""

    def get_state(self, number: int) -> KnownState | None:
        """The newest of them that is of no batch after `number`; None if there is none."""
        ...


class BatchSource(Protocol):
    """Closed batches by number, from 1."""

    def get_batch(self, number: int) -> ClosedBatch | None:
        """A closed batch, None if it is not closed yet."""
        ...
