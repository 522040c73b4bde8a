"""Where a number that the sequencer gave lies on L1: counted again from what is posted (09-R09, 09-R16)."""

from collections.abc import Iterator
from dataclasses import dataclass

from miletus.codec.table import WORD_BYTES
from miletus.native import restore_signatures
from miletus.settlement.chain import ChainView, PostedBatch
from miletus.settlement.commitment import Commitment
from miletus.settlement.errors import SettlementError
from miletus.settlement.proofs import read_commitment


class NotOnL1(SettlementError):
    """L1 has no word of this number."""


@dataclass(frozen=True)
class Place:
    """Where a number lies: its batch, the segment there, the word in it."""

    posted: PostedBatch
    segment: int
    word: int


@dataclass(frozen=True)
class _Counted:
    """A batch's numbers: its epoch (0 if it is not the sequencer's), and (first, words) of each segment."""

    posted: PostedBatch
    epoch: int
    segments: tuple[tuple[int, int], ...]
    following: int


class Numbering:
    """The numbers of all words on L1, batch by batch; each batch's data is fetched once.

    Args:
        view: a view of L1, which somebody else polls.

    """

    def __init__(self, view: ChainView) -> None:
        self._view = view
        self._counted: list[_Counted] = []

    def find(self, number: int, epoch: int | None = None) -> Place:
        """Find where a number lies, of an epoch or of the last one that has it.

        Raises:
            NotOnL1: it is nowhere there, or it is no word's.
            L1Error: L1 can't be used now.

        """
        self._count()
        for each in reversed(self._counted):
            if not each.epoch or epoch not in (None, each.epoch):
                continue
            if each.segments[0][0] - 1 <= number < each.following:
                return self._find_in(each, number)
        last = max((each.following - 1 for each in self._counted if each.epoch), default=0)
        raise NotOnL1(
            f"number {number} is not on L1: the last there is {last}; wait until its batch is posted"
        )

    def find_in(self, posted: PostedBatch, first: int, number: int) -> Place:
        """Find where a number lies in a batch whose opening has the number `first`; no other batch is read.

        Raises:
            NotOnL1: it is no word of that batch.
            L1Error: L1 can't be used now.

        """
        segments = self._count_segments(posted, first)
        return self._find_in(_Counted(posted, 1, segments, sum(segments[-1]) + 1), number)

    def _find_in(self, counted: _Counted, number: int) -> Place:
        for j, (first, words) in enumerate(counted.segments):
            if first <= number < first + words:
                return Place(counted.posted, j, number - first)
        raise NotOnL1(
            f"number {number} is the opening of batch {counted.posted.number} or the end of a segment, no "
            "order: give a fill as miletus trade prints it"
        )

    def _count(self) -> None:
        batches = self._view.batches
        same = 0
        for counted, posted in zip(self._counted, batches, strict=False):
            if counted.posted.id != posted.id:
                break
            same += 1
        del self._counted[same:]
        for posted in batches[same:]:
            self._counted.append(self._count_batch(posted))

    def _count_batch(self, posted: PostedBatch) -> _Counted:
        if posted.proposer.lower() != self._view.rollup.sequencer.lower():
            return _Counted(posted, 0, (), 0)
        epoch, first = 1, 1
        own = [each for each in self._counted if each.epoch]
        if own:
            epoch, first = own[-1].epoch, own[-1].following
        if self._counted and not self._counted[-1].epoch:  # somebody else's batch ends an epoch
            epoch, first = epoch + 1, 1
        segments = self._count_segments(posted, first)
        return _Counted(posted, epoch, segments, sum(segments[-1]) + 1)

    def _count_segments(self, posted: PostedBatch, first: int) -> tuple[tuple[int, int], ...]:
        commitment = read_commitment(self._view, posted)
        inbox_words = len(self._view.get_words(posted.inbox_first, posted.inbox_end)) // WORD_BYTES
        off_chain = self._view.rollup.is_off_chain
        return tuple(
            (first + offset, words) for words, offset in count_numbers(commitment, inbox_words, off_chain)
        )


def count_numbers(
    commitment: Commitment, inbox_words: int, off_chain: bool = False
) -> Iterator[tuple[int, int]]:
    """For each segment of a batch (words, numbers before its first word counted from the batch's opening).

    Signatures have numbers too, posted or not (`off_chain`).
    """
    offset = 1  # the opening has a number of its own
    for j, segment in enumerate(commitment.segments):
        words = inbox_words if j == 0 else len(segment.words) // WORD_BYTES
        if j and off_chain:
            words = sum(len(part) for part in restore_signatures(segment.words)) // WORD_BYTES
        yield words, offset
        offset += words + 1  # and so has each segment's end


def find_number(view: ChainView, number: int) -> Place:
    """Find where a number lies, on a view that was polled. NotOnL1 if nowhere, or if it is no word's."""
    return Numbering(view).find(number)
