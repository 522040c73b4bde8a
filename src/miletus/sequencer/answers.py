"""What clients and subscribers are told."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from miletus.sequencer.confirmations import Confirmation, GroupTree
from miletus.sequencer.executor import Result
from miletus.sequencer.frames import SEQUENCED_WORDS, Group, Item
from miletus.sequencer.roots import SegmentJob


class Answer(msgspec.Struct, frozen=True):
    """What became of an operation: its result, and the sequencer's word for its place."""

    result: Result
    confirmation: Confirmation

    @property
    def number(self) -> int:
        """Number of the operation's first word."""
        return self.confirmation.number


class FeedItem(msgspec.Struct, frozen=True, array_like=True):
    """An item as subscribers see it: tag (spec 09-R08), words, and the result of an operation."""

    tag: int
    words: bytes
    result: Result | None


class FeedGroup(msgspec.Struct, frozen=True):
    """A group as subscribers see it; the next one begins at `next_number`."""

    epoch: int
    first_number: int
    next_number: int
    time_ms: int
    items: tuple[FeedItem, ...]


@dataclass
class PendingGroup:
    """A group that is in the log and executed, and not yet confirmed: `places` are of what clients sent."""

    group: Group
    tree: GroupTree
    results: list[Result | None]
    jobs: list[SegmentJob]
    places: list[int]
    confirmations: list[Confirmation] = field(default_factory=list)

    def build_feed(self, epoch: int) -> FeedGroup:
        """The group as subscribers see it."""
        return build_feed_group(epoch, self.group, self.results)


def build_feed_group(epoch: int, group: Group, results: Sequence[Result | None]) -> FeedGroup:
    """A group and its results as subscribers see them."""
    pairs = zip(group.items, results, strict=True)
    items = tuple(FeedItem(item.tag, item.words, result) for item, result in pairs)
    return FeedGroup(epoch, group.first_number, group.end_number, group.time_ms, items)


def find_places(items: Sequence[Item], sent: Sequence[bytes]) -> Iterator[int]:
    """Places among items of what clients sent, which stands there in the order that they sent it."""
    place = -1
    for words in sent:
        place += 1
        while items[place].tag != SEQUENCED_WORDS or items[place].words is not words:
            place += 1
        yield place
