"""Where a number that the sequencer gave lies on L1: counted again from what is posted (09-R09)."""

from collections.abc import Iterator
from dataclasses import dataclass

from miletus.codec.table import WORD_BYTES
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


def count_numbers(commitment: Commitment, inbox_words: int) -> Iterator[tuple[int, int]]:
    """For each segment of a batch (words, numbers before its first word counted from the batch's opening)."""
    offset = 1  # the opening has a number of its own
    for j, segment in enumerate(commitment.segments):
        words = inbox_words if j == 0 else len(segment.words) // WORD_BYTES
        yield words, offset
        offset += words + 1  # and so has each segment's end


def find_number(view: ChainView, number: int) -> Place:
    """Find where a number lies, on a view that was polled. NotOnL1 if nowhere, or if it is no word's."""
    first = 1
    for posted in view.batches:
        commitment = read_commitment(view, posted)
        inbox_words = len(view.get_words(posted.inbox_first, posted.inbox_end)) // WORD_BYTES
        following = first
        for j, (words, offset) in enumerate(count_numbers(commitment, inbox_words)):
            if first + offset <= number < first + offset + words:
                return Place(posted, j, number - first - offset)
            following = first + offset + words + 1
        if number < following:
            raise NotOnL1(
                f"number {number} is the opening of batch {posted.number} or the end of a segment, no order: "
                "give a fill as miletus trade prints it"
            )
        first = following
    raise NotOnL1(
        f"number {number} is not on L1: the last there is {first - 1}; wait until its batch is posted"
    )
