"""The indexer as a service: a node's feed for speed, L1 for truth, and either alone.

    service = IndexService(indexer, ChainFollower(indexer, view), node=("127.0.0.1", 8600), batches=store)
    await service.run(stop)

Everything that touches rows runs in the event loop's thread; threads only wait for L1.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Final

import structlog

from miletus.indexer.chain import ChainFollower
from miletus.indexer.feed import FeedTaker, Gap, take_closed
from miletus.indexer.indexer import Indexer
from miletus.sequencer.answers import FeedGroup
from miletus.sequencer.connection import connect
from miletus.sequencer.errors import SequencerError
from miletus.sequencer.feed import BatchFileError, BatchStore
from miletus.settlement.errors import L1Error

RETRY_SECONDS: Final = 0.5
"""Pause before a node is tried again."""

QUIET_SECONDS: Final = 0.05
"""Pause of the feed after which what was taken is written."""

WARN_SECONDS: Final = 30.0
"""Pause between two warnings about the same trouble."""


class IndexService:
    """Keeps one database up with one deployment.

    Args:
        indexer: what makes the rows.
        chain: L1, with a view of its own; None follows the node alone.
        node: host and port of a node; None reads L1 alone.
        batches: the node's folder of closed batches, if it is on this machine: what the node's memory does
            not have any more is read from there, and otherwise from L1 once it is posted.
        poll_seconds: pause between two looks at L1.

    """

    def __init__(
        self,
        indexer: Indexer,
        chain: ChainFollower | None,
        node: tuple[str, int] | None = None,
        batches: BatchStore | None = None,
        poll_seconds: float = 1.0,
    ) -> None:
        self.indexer = indexer
        self.chain = chain
        self.node = node
        self.batches = batches
        self.poll_seconds = poll_seconds
        self.connected = False
        """Whether the node's feed is being taken."""
        self._trouble = Trouble()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set. Raises IndexerError when the database can't be used."""
        tasks = [asyncio.create_task(stop.wait())]
        if self.node is not None:
            tasks.append(asyncio.create_task(self._follow_node(*self.node)))  # type: ignore[arg-type]
        if self.chain is not None:
            tasks.append(asyncio.create_task(self._follow_chain(self.chain)))  # type: ignore[arg-type]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            task.result()

    # ---- the node

    async def _follow_node(self, host: str, port: int) -> None:
        """Take the feed; connect again whenever it ends."""
        while True:
            try:
                if self.batches is not None:
                    while take_closed(self.indexer, self.batches, limit=1):
                        await asyncio.sleep(0)
                await self._take_feed(host, port)
            except (SequencerError, BatchFileError, Gap) as error:
                self._trouble.note("the node's feed is not taken", str(error))
            finally:
                self.connected = False
            await asyncio.sleep(RETRY_SECONDS)

    async def _take_feed(self, host: str, port: int) -> None:
        taker = FeedTaker(self.indexer)
        async with await connect(host, port) as connection:
            status = await connection.get_status()
            groups = connection.subscribe(taker.get_due(status.epoch))
            waiting = asyncio.ensure_future(anext(groups))
            try:
                while True:
                    done, _ = await asyncio.wait((waiting,), timeout=QUIET_SECONDS)
                    if not done:
                        taker.flush()
                        continue
                    group = await waiting
                    waiting = asyncio.ensure_future(anext(groups))
                    taker.take(group)
                    self.connected = True
                    self._trouble.clear("the node's feed is not taken")
            finally:
                waiting.cancel()
                await asyncio.gather(waiting, return_exceptions=True)
                await _close(groups)
                taker.flush()

    # ---- L1

    async def _follow_chain(self, chain: ChainFollower) -> None:
        while True:
            try:
                behind = await self._look_at_chain(chain)
                self._trouble.clear("L1 is in trouble")
            except L1Error as error:
                behind = False
                self._trouble.note("L1 is in trouble", str(error))
            await asyncio.sleep(0 if behind else self.poll_seconds)

    async def _look_at_chain(self, chain: ChainFollower) -> bool:
        """Take what is new on L1, one batch at most: whether there is more."""
        if self.node is None:
            return await self._look_alone(chain)
        await asyncio.to_thread(chain.read)
        chain.settle()
        number = chain.next_unknown()
        if number is None:
            return False
        posting = await asyncio.to_thread(chain.read_posting, number)
        if posting is None or posting.posted is not chain.view.get_batch(number):
            return True
        if not self.connected and self.indexer.open_batch == number:
            self.indexer.roll_back(number)  # begun by a feed that ended
        taken = chain.take(posting)
        if taken:
            chain.settle()
        return taken

    async def _look_alone(self, chain: ChainFollower) -> bool:
        await asyncio.to_thread(chain.read)
        return chain.take_read(limit=1) > 0


class Trouble:
    """Troubles that are waited out, each told now and then while it lasts."""

    def __init__(self) -> None:
        self._told: dict[str, float] = {}

    def note(self, event: str, problem: str) -> None:
        """Tell of a trouble, if it was not told just now."""
        now = time.monotonic()
        if now - self._told.get(event, -WARN_SECONDS) >= WARN_SECONDS:
            self._told[event] = now
            structlog.get_logger("miletus.indexer").warning(event, problem=problem)

    def clear(self, event: str) -> None:
        """The trouble is over."""
        if self._told.pop(event, None) is not None:
            structlog.get_logger("miletus.indexer").info("over", trouble=event)


async def _close(groups: AsyncIterator[FeedGroup]) -> None:
    close = getattr(groups, "aclose", None)
    if close is not None:
        with contextlib.suppress(RuntimeError):
            await close()
