"""The indexer itself: words in, rows out, batch by batch.

    indexer = Indexer(open_database(path), genesis, chain_id, rollup)
    indexer.begin_batch(Head(...))
    indexer.run(operations)             # as often as there are some; then flush() to let them be seen
    indexer.end_segment()
    indexer.end_segment(last=True)      # the batch is closed and written

Who calls it says where words come from: `feed` (a node) or `chain` (L1).
"""

import hashlib
from collections.abc import Sequence
from typing import Final, NamedTuple

from miletus.indexer.builder import Builder
from miletus.indexer.database import Database
from miletus.indexer.places import first_id
from miletus.indexer.rerun import OffChainRowsCrypto, Rerun, RowsCrypto
from miletus.indexer.store import Store
from miletus.native import strip_signatures
from miletus.sequencer.config import FirstState

TIME_AHEAD_S: Final = 5
CLOCK_LAG_S: Final = 3_600
"""Inputs that follow from a batch's time; spec 08-R04."""


class Head(NamedTuple):
    """What a batch begins with. `epoch` and `first_number` are 0 for a batch of another proposer."""

    number: int
    epoch: int
    first_number: int
    time_s: int
    inbox_first: int
    inbox_count: int


class Digest:
    """A hash over what a batch says, so that two sources of it can be compared."""

    def __init__(self, time_s: int, inbox_first: int, inbox_count: int) -> None:
        self._hash = hashlib.sha256(f"{time_s} {inbox_first} {inbox_count}".encode())

    def add(self, words: bytes) -> None:
        """Words of the running segment."""
        self._hash.update(words)

    def end_segment(self) -> None:
        """The segment ends."""
        self._hash.update(b" ")

    def get(self) -> str:
        """The hash so far."""
        return self._hash.hexdigest()


def compute_digest(time_s: int, inbox_first: int, inbox_count: int, segments: Sequence[bytes]) -> str:
    """The digest of a whole batch; `segments[0]` is the inbox segment. Of policy zk: without signatures."""
    digest = Digest(time_s, inbox_first, inbox_count)
    for words in segments:
        digest.add(words)
        digest.end_segment()
    return digest.get()


class Indexer:
    """Rows of one deployment. Not for several threads.

    Raises:
        IndexerError: the database can't be used, or is of another deployment.

    """

    def __init__(
        self,
        database: Database,
        genesis: FirstState,
        chain_id: int,
        rollup: str,
        *,
        off_chain: bool = False,
    ) -> None:
        """With `off_chain` L1 has no signatures, and those that a node tells hold (policy zk)."""
        self.off_chain = off_chain
        self.store = Store(database, f"chain {chain_id}, rollup {rollup.lower()}")
        self._genesis = genesis
        self._crypto = (OffChainRowsCrypto if off_chain else RowsCrypto)(chain_id, rollup)
        self.rerun: Rerun
        self.builder: Builder
        self.rollbacks = 0
        """How often batches were taken back, so that a source sees that it must begin anew."""
        self._head: Head | None = None
        self._last_batch = self._number = self._segment = self._word = 0
        self._words = self._operations = self._fills = 0
        self._digest = Digest(0, 0, 0)
        self._load()

    # ---- where it stands

    @property
    def last_batch(self) -> int:
        """Number of the last closed batch, 0 if there is none."""
        return self._last_batch

    @property
    def open_batch(self) -> int | None:
        """Number of the batch whose words are being taken, None between two."""
        return None if self._head is None else self._head.number

    @property
    def open_epoch(self) -> int | None:
        """Epoch of that batch."""
        return None if self._head is None else self._head.epoch

    @property
    def next_number(self) -> int:
        """Number that comes next of the running batch."""
        return self._number

    @property
    def clock_ms(self) -> int:
        """The machine's clock."""
        return self.rerun.clock_ms

    def get_following(self, *, foreign: bool) -> tuple[int, int]:
        """Epoch and first number of the batch after the last closed one, by counting (spec 09-R16)."""
        if foreign:
            return 0, 0
        numbered, last = self.store.get_last_numbered(), self.store.get_last_batch()
        if numbered is None:
            return (1, 1) if last is None else (2, 1)
        epoch, number = numbered
        return (epoch + 1, 1) if last is not None and not last[2] else (epoch, number)

    # ---- words

    def begin_batch(self, head: Head) -> None:
        """Begin the batch after the last closed one."""
        if head.number != self._last_batch + 1 or self._head is not None:
            raise ValueError(f"batch {head.number} after {self._last_batch}")
        self._head, self._segment, self._word = head, 0, 0
        self._number = head.first_number + 1 if head.first_number else 0
        self._words = self._operations = self._fills = 0
        self._digest = Digest(head.time_s, head.inbox_first, head.inbox_count)
        self.rerun.begin_batch(
            (head.time_s + TIME_AHEAD_S) * 1_000, max(head.time_s - CLOCK_LAG_S, 0) * 1_000
        )
        self.builder.begin_batch(head.number, head.inbox_first)

    def run(
        self,
        operations: Sequence[bytes],
        reasons: Sequence[int] | None = None,
        arrival_ms: int | None = None,
    ) -> None:
        """Carry out operations of the running segment.

        `reasons` are the receipts' of a node that is believed about signatures; None checks them.
        """
        strip = self.off_chain and self._segment > 0
        for operation in operations:
            self._digest.add(strip_signatures(operation)[0] if strip else operation)
        for outcomes in self.rerun.run(self._segment == 0, operations, reasons):
            for outcome in outcomes:
                word, number = self._word + outcome.word, 0
                if self._number:
                    number = self._number + outcome.word
                self.builder.take(outcome, word, number, self.rerun.state, arrival_ms)
            taken = sum(outcome.words for outcome in outcomes)
            self._word += taken
            self._words += taken
            self._operations += len(outcomes)
            self._number += taken if self._number else 0

    def end_segment(self, *, last: bool = False) -> None:
        """The running segment ends, and with `last` the batch, which is written then."""
        if last:
            self.rerun.end_batch()
        self._digest.end_segment()
        self.builder.end_segment(self.rerun.state, self.clock_ms)
        self._segment, self._word = self._segment + 1, 0
        self._number += 1 if self._number else 0
        if last:
            self.builder.end_batch(self.rerun.state, self.clock_ms)
            self._write(closed=True)
            assert self._head is not None
            self._last_batch, self._head = self._head.number, None

    def flush(self) -> None:
        """Write what there is of the running batch, so that it is seen before its end."""
        if self._head is not None:
            self._write(closed=False)

    def roll_back(self, batch: int) -> None:
        """Take back a batch and every later one."""
        self.store.roll_back(batch)
        self.rollbacks += 1
        self._head = None
        self._load()

    # ---- inside

    def _load(self) -> None:
        """Stand after the last closed batch, whatever was written of a later one."""
        last = self.store.get_last_batch()
        self._last_batch = 0 if last is None else last[0]
        self.store.roll_back(self._last_batch + 1)
        pages = self.store.load_pages()
        if pages:
            self.rerun = Rerun.from_pages(pages, self._crypto)
        else:
            self.rerun = Rerun.from_genesis(self._genesis, self._crypto)
            self.store.save_first_pages(self.rerun.take_pages())
        self._number = 0
        self.builder = Builder(
            self.rerun.state,
            self.store.load_resting(),
            self.store.load_candles(self.clock_ms),
            self.store.load_positions(),
            self.store.load_instruments(),
        )
        self.builder.orders.begin_batch(first_id(self._last_batch + 1))

    def _write(self, *, closed: bool) -> None:
        head, builder = self._head, self.builder
        assert head is not None
        self._fills += builder.take_fills()
        changed = {
            "orders": builder.orders.take_changed(),
            "candles": builder.candles.take_changed(self.clock_ms),
            "instruments": builder.take_listed(),
        }
        before = {
            "orders": builder.orders.take_before(),
            "candles": builder.candles.take_before(),
            "instruments": builder.take_relisted(),
        }
        values = {
            **head._asdict(),
            "clock_ms": self.clock_ms,
            "segments": self._segment,
            "words": self._words,
            "operations": self._operations,
            "fills": self._fills,
            "closed": int(closed),
            "digest": self._digest.get(),
        }
        pages = self.rerun.take_pages() if closed else []
        self.store.write(head.number, builder.take_rows(), changed, before, values, pages)
