"""Where operations come to lie: which batch, which segment, with which openings, ends and ticks (09-R10).

A plan is made on a copy and taken only when the log has it, so that a full disk changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from miletus.codec import decode_segment, encode
from miletus.codec.table import BY_KIND, WORD_BYTES
from miletus.codec.view import view_operations
from miletus.engine.params import MAX_OUTBOX, MAX_SEGMENT_WORDS
from miletus.engine.segment import APPROVE, INBOX, WITHDRAW
from miletus.sequencer.chain import Ending, Opening
from miletus.sequencer.feed import TIME_AHEAD_S, InboxEntry, compute_time_bound_ms
from miletus.sequencer.frames import INBOX_WORDS, SEQUENCED_WORDS, Item

MAX_BATCH_SEGMENTS: Final = 16
"""Sequenced segments of a batch; spec 08-R03."""

MAX_INBOX_WORDS: Final = 256
"""Words of inbox that a batch consumes, at most; spec 08-R05."""

SEGMENT_WORDS: Final = int(MAX_SEGMENT_WORDS)

LEAST_BATCH_WORDS: Final = 2 + max(known.words for known in BY_KIND.values())
"""The Tick that a batch begins with, another one, and the longest operation."""


@dataclass(frozen=True)
class Policy:
    """When batches open and close, and how often the clock is told.

    `batch_ms` is the age at which a batch closes; `inbox_wait_ms` that at which one closes for entries of the
    inbox that wait, since only a new batch can take them; `tick_ms` the time after which an operation is
    preceded by a Tick. `batch_words` bounds the sequenced words of a batch: nodes of L1 pass on transactions
    of at most 128 KiB (08, "Limits of L1 itself"), and the batch's withdrawals and claims have to fit beside.
    """

    batch_ms: int = 5_000
    inbox_wait_ms: int = 1_000
    tick_ms: int = 100
    batch_words: int = 3_500

    def __post_init__(self) -> None:
        if self.batch_words < LEAST_BATCH_WORDS:
            raise ValueError(
                f"batch_words {self.batch_words}: a batch must hold the longest operation and its Tick, "
                f"{LEAST_BATCH_WORDS} words"
            )


@dataclass
class Plan:
    """The open batch as the order has it, and the items that follow next."""

    policy: Policy
    clock_ms: int
    batch: int
    inbox_next: int
    outbox: int = 0
    is_open: bool = False
    segment: int = 0
    words: int = 0
    batch_words: int = 0
    opened_ms: int = 0
    close_ms: int = 0

    def copy(self) -> "Plan":
        """A plan that may be thrown away."""
        other = object.__new__(Plan)
        other.__dict__.update(self.__dict__)
        return other

    def add(self, operations: Sequence[bytes], inbox: Sequence[InboxEntry], now_ms: int) -> list[Item]:
        """Items that order these operations next, with openings, ends and ticks where they are needed."""
        items: list[Item] = []
        now_ms = max(now_ms, self.clock_ms)
        if self.is_due(now_ms, bool(inbox)):
            items += self.close()
        for words in operations:
            if self.is_open and not self._has_room(words):
                items += self.close()
            if not self.is_open:
                items += self.open(inbox, now_ms)
            if now_ms - self.clock_ms >= self.policy.tick_ms:
                items += self._tick(now_ms)
            items += self._put(words)
            self.outbox += words[0] == WITHDRAW
        return items

    def open(self, inbox: Sequence[InboxEntry], now_ms: int) -> list[Item]:
        """Open a batch: its opening, as much of the inbox as it takes, the end of segment 0, and a Tick."""
        entries = self._take_inbox(inbox)
        now_ms = max(now_ms, self.clock_ms + 1)
        self.batch += 1
        self.is_open, self.outbox = True, 0
        self.opened_ms, self.close_ms = now_ms, now_ms + self.policy.batch_ms
        time_s = max(-(-self.close_ms // 1000) - TIME_AHEAD_S, 0)
        opening = Opening(self.batch, time_s, self.inbox_next, len(entries))
        operations = split_operations(b"".join(entry.words for entry in entries))
        texts = [Item(INBOX_WORDS, words) for words in operations]
        self.outbox += sum(text.words[0] == WITHDRAW for text in texts)
        self.inbox_next += len(entries)
        self.segment, self.words, self.batch_words = 1, 0, 0
        count = sum(text.word_count for text in texts)
        return [opening.encode(), *texts, Ending(self.batch, 0, count, False).encode(), *self._tick(now_ms)]

    def close(self) -> list[Item]:
        """Close the batch: the end of its last segment."""
        self.is_open = False
        return [Ending(self.batch, self.segment, self.words, True).encode()]

    def is_due(self, now_ms: int, inbox_waits: bool) -> bool:
        """Whether the open batch has to close before anything else, by its age."""
        if not self.is_open:
            return False
        waited = inbox_waits and now_ms - self.opened_ms >= self.policy.inbox_wait_ms
        return waited or now_ms >= self.close_ms

    def resume(
        self, opening: Opening, segment: int, words: int, batch_words: int, outbox: int, now_ms: int
    ) -> None:
        """Take up a batch that a restart found open: words of its open segment, and of all sequenced ones."""
        self.is_open, self.segment, self.words, self.outbox = True, segment, words, outbox
        self.batch_words = batch_words
        self.opened_ms = now_ms
        self.close_ms = min(compute_time_bound_ms(opening.time_s), now_ms + self.policy.batch_ms)

    def _has_room(self, words: bytes) -> bool:
        """Whether the batch can take an operation, in this segment or a new one."""
        if words[0] == WITHDRAW and self.outbox >= MAX_OUTBOX:
            return False
        count = len(words) // WORD_BYTES + 1  # a Tick may come before it
        if self.batch_words + count > self.policy.batch_words:
            return False
        return self.words + count <= SEGMENT_WORDS or self.segment < MAX_BATCH_SEGMENTS

    def _tick(self, now_ms: int) -> list[Item]:
        self.clock_ms = now_ms
        return self._put(encode.tick(time_ms=now_ms))

    def _put(self, words: bytes) -> list[Item]:
        """Put words into the segment, or into a new one."""
        items = []
        count = len(words) // WORD_BYTES
        if self.words + count > SEGMENT_WORDS:
            items.append(Ending(self.batch, self.segment, self.words, False).encode())
            self.segment, self.words = self.segment + 1, 0
        self.words += count
        self.batch_words += count
        return [*items, Item(SEQUENCED_WORDS, words)]

    def _take_inbox(self, inbox: Sequence[InboxEntry]) -> list[InboxEntry]:
        """The entries that wait and fit into a batch, in order."""
        entries: list[InboxEntry] = []
        left = MAX_INBOX_WORDS
        for entry in inbox:
            if entry.index < self.inbox_next:
                continue
            left -= len(entry.words) // WORD_BYTES
            if left < 0:
                break
            entries.append(entry)
        return entries


def split_operations(words: bytes) -> list[bytes]:
    """The operations of an inbox segment's words: those of a tick's entry are several (03-R03)."""
    views = view_operations(decode_segment(INBOX, words)) if words else []
    return [
        words[view.first_word * WORD_BYTES : (view.first_word + view.words) * WORD_BYTES] for view in views
    ]


def split_entries(words: bytes) -> tuple[bytes, ...]:
    """The entries of an inbox segment's words: an Approve belongs to that of the tick before it (03-R03)."""
    entries: list[bytes] = []
    for operation in split_operations(words):
        if operation[0] == APPROVE and entries:
            entries[-1] += operation
        else:
            entries.append(operation)
    return tuple(entries)
