"""The road of a word: confirmed by the sequencer, posted to L1 in a batch, final there.

Which batch a word lies in is seen in the feed; what L1 has of the batch is read from L1, in a thread, since
it may be slow or away. Neither is needed to trade.
"""

import asyncio
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from miletus.gateway.mirror import EPOCH_SPAN
from miletus.sequencer.answers import FeedGroup
from miletus.sequencer.chain import Opening
from miletus.sequencer.frames import BATCH_OPENING, Item

POLL_SECONDS: Final = 1.0

MOST_BATCHES: Final = 200_000

CONFIRMED, POSTED, FINAL = "confirmed", "posted", "final"


@dataclass(frozen=True)
class OnChain:
    """What L1 has of a batch. `final_at_s` is when it becomes final by itself, if nobody proves it before."""

    number: int
    transaction: str
    block: int
    committed_at_s: int
    is_final: bool
    is_proved: bool = False
    is_own: bool = True
    """Whether the sequencer posted it: another's batch of the same number holds none of its words."""


class ChainReader(Protocol):
    """Reads L1; `settlement.chain.ChainView` behind a few lines is one. Methods may take long."""

    @property
    def window_s(self) -> int:
        """Challenge window in seconds."""

    def poll(self) -> dict[int, OnChain]:
        """All batches that L1 has now, by number."""


@dataclass(frozen=True)
class Road:
    """How far a word has come."""

    number: int
    epoch: int
    state: str
    batch: int | None
    on_chain: OnChain | None
    final_at_s: int | None


class Roads:
    """Follows the batches. `places` are where each batch that was seen begins, in the order of all words."""

    def __init__(self, reader: ChainReader | None) -> None:
        self.reader = reader
        self.on_chain: dict[int, OnChain] = {}
        self._places: list[int] = []
        self._batches: list[int] = []
        self._task: asyncio.Task[None] | None = None
        self._log = structlog.get_logger()
        self.listeners: list[Callable[[], None]] = []

    def begin(self, epoch: int, number: int, batch: int) -> None:
        """The feed is followed from a number on, in a batch that began before it, or right there."""
        self._add((epoch - 1) * EPOCH_SPAN + number, batch)

    def take(self, group: FeedGroup) -> None:
        """Take in the openings of a group."""
        number = group.first_number
        for item in group.items:
            if item.tag == BATCH_OPENING:
                batch = Opening.decode(Item(item.tag, item.words)).batch
                self._add((group.epoch - 1) * EPOCH_SPAN + number, batch)
            number += len(item.words) // 31

    def find(self, epoch: int, number: int) -> Road:
        """How far a word has come; its batch is unknown if it was ordered before the feed was followed."""
        at = bisect_right(self._places, (epoch - 1) * EPOCH_SPAN + number) - 1
        batch = self._batches[at] if at >= 0 else None
        known = self.on_chain.get(batch) if batch is not None else None
        if known is None or not known.is_own:
            return Road(number, epoch, CONFIRMED, batch, None, None)
        final_at = known.committed_at_s + self.reader.window_s if self.reader is not None else None
        return Road(number, epoch, FINAL if known.is_final else POSTED, batch, known, final_at)

    def start(self) -> None:
        """Begin to read L1, if there is one to read."""
        if self.reader is not None:
            self._task = asyncio.get_running_loop().create_task(self._follow(self.reader))

    async def stop(self) -> None:
        """Read no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _add(self, place: int, batch: int) -> None:
        at = bisect_left(self._places, place)  # what was told from there on is told anew
        del self._places[at:], self._batches[at:]
        self._places.append(place)
        self._batches.append(batch)
        if len(self._places) > MOST_BATCHES:
            del self._places[: MOST_BATCHES // 10], self._batches[: MOST_BATCHES // 10]

    async def _follow(self, reader: ChainReader) -> None:
        trouble = ""
        while True:
            try:
                self.on_chain = await asyncio.to_thread(reader.poll)
                trouble = ""
            except Exception as error:  # L1 may be away in any way: trading goes on without it
                if str(error) != trouble:
                    trouble = str(error)
                    self._log.warning("L1 can't be read", error=trouble)
            await asyncio.sleep(POLL_SECONDS)
