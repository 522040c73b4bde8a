"""A node as a source: closed batches from its folder, then every group as it is confirmed.

    taker = FeedTaker(indexer)
    taker.take(group)           # groups in order, without a gap

What the node says is believed about signatures, since L1 shows later whether it was true (`chain`).
"""

from collections.abc import Sequence
from typing import Final

from miletus.codec.table import WORD_BYTES
from miletus.indexer.errors import IndexerError
from miletus.indexer.indexer import Head, Indexer, compute_digest
from miletus.indexer.rerun import split_posted
from miletus.native import strip_signatures
from miletus.sequencer.answers import FeedGroup, FeedItem
from miletus.sequencer.chain import Ending, Opening
from miletus.sequencer.feed import BatchRecord, BatchStore
from miletus.sequencer.frames import BATCH_OPENING, SEGMENT_END, Item

FLUSH_OPERATIONS: Final = 2_000
"""Operations after which rows are written although more groups wait."""


class Gap(IndexerError):
    """The feed went on with another batch or number than is due: read closed batches first."""


class FeedTaker:
    """Takes groups of a node's feed."""

    def __init__(self, indexer: Indexer) -> None:
        self.indexer = indexer
        self.unwritten = 0
        """Operations since the last write."""
        self._rollbacks = indexer.rollbacks

    def get_due(self, epoch: int) -> int:
        """The number that the feed of an epoch must go on with.

        Raises:
            Gap: the rows end in an earlier epoch, and where this one begins is not known.

        """
        indexer = self.indexer
        if indexer.open_batch is not None:
            if indexer.open_epoch != epoch:
                raise Gap(f"the node is in epoch {epoch}, the rows are in {indexer.open_epoch}")
            return indexer.next_number
        following, number = indexer.get_following(foreign=False)
        return number if following == epoch else 1

    def take(self, group: FeedGroup) -> None:
        """Take in a group; items that were taken already are passed over. Gap if one is missing."""
        if self.indexer.rollbacks != self._rollbacks:
            raise Gap("batches were taken back: read closed ones first")
        number = group.first_number
        due = self.get_due(group.epoch)
        waiting: list[FeedItem] = []
        for item in group.items:
            if number >= due:
                if number > due:
                    raise Gap(f"the feed goes on with {number}, due is {due}")
                due += len(item.words) // WORD_BYTES
                if item.tag in (BATCH_OPENING, SEGMENT_END):
                    self._run(waiting, group.time_ms)
                    waiting = []
                    self._take_frame(item, group.epoch, number)
                else:
                    waiting.append(item)
            number += len(item.words) // WORD_BYTES
        self._run(waiting, group.time_ms)
        if self.unwritten >= FLUSH_OPERATIONS:
            self.flush()

    def flush(self) -> None:
        """Write what was taken."""
        if self.unwritten:
            self.unwritten = 0
            self.indexer.flush()

    def _run(self, items: Sequence[FeedItem], time_ms: int) -> None:
        if items:
            reasons = [0 if item.result is None else item.result.reason for item in items]
            self.indexer.run([item.words for item in items], reasons, time_ms)
            self.unwritten += len(items)

    def _take_frame(self, item: FeedItem, epoch: int, number: int) -> None:
        """An opening or an end."""
        frame = Item(item.tag, item.words)
        if item.tag == BATCH_OPENING:
            opening = Opening.decode(frame)
            if opening.batch != self.indexer.last_batch + 1:
                raise Gap(f"the feed opens batch {opening.batch} after {self.indexer.last_batch}")
            self.indexer.begin_batch(
                Head(opening.batch, epoch, number, opening.time_s, opening.inbox_first, opening.inbox_count)
            )
        else:
            ending = Ending.decode(frame)
            self.indexer.end_segment(last=ending.last)
            if ending.last:
                self.unwritten = 0


def take_closed(indexer: Indexer, store: BatchStore, limit: int = 0) -> int:
    """Take closed batches from a node's folder; how many, at most `limit` if that is not 0.

    What the folder has otherwise than the rows is taken back first. Raises BatchFileError, IndexerError.
    """
    last = indexer.last_batch
    while last and not _agrees(indexer, store, last):
        last -= 1
    if last < indexer.last_batch:
        indexer.roll_back(last + 1)
    taken = 0
    while (record := store.get_batch(indexer.last_batch + 1)) is not None and (not limit or taken < limit):
        if indexer.open_batch is not None:
            indexer.roll_back(indexer.last_batch + 1)
        take_record(indexer, record)
        taken += 1
    return taken


def take_record(indexer: Indexer, record: BatchRecord) -> None:
    """Take a closed batch, which must follow the last one."""
    epoch, first = (0, 0) if record.foreign else (record.epoch, record.first_number)
    indexer.begin_batch(
        Head(record.number, epoch, first, record.time_s, record.inbox_first, record.inbox_count)
    )
    for segment in record.segments:
        if segment.words:
            # of a batch of another proposer the node has what L1 has
            posted = record.foreign and indexer.off_chain
            indexer.run(split_posted(segment.is_inbox, segment.words, off_chain=posted))
        indexer.end_segment(last=segment is record.segments[-1])


def _agrees(indexer: Indexer, store: BatchStore, number: int) -> bool:
    """Whether rows and folder have the same batch; what the folder does not have is not compared."""
    record = store.get_batch(number)
    if record is None:
        return True
    strip = indexer.off_chain and not record.foreign
    segments = [
        strip_signatures(segment.words)[0] if strip and not segment.is_inbox else segment.words
        for segment in record.segments
    ]
    digest = compute_digest(record.time_s, record.inbox_first, record.inbox_count, segments)
    return digest == indexer.store.get_digest(number)
