"""A line to a node that is taken up again when it breaks, and what that means for operations under way.

An operation has its nonce in its signed words, so the same words may be sent again: a node that has ordered
them refuses the second time (`NONCE_USED`), and one that has not orders them then. Nothing is done twice.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from miletus.client.connection import CheckedConnection, connect
from miletus.client.errors import Unreachable
from miletus.client.venue import Venue
from miletus.engine.reasons import Reason
from miletus.sequencer.answers import Answer
from miletus.sequencer.chain import Deployment
from miletus.sequencer.connection import ConnectionEnded
from miletus.sequencer.errors import Refused

PAUSE_SECONDS: Final = (0.05, 0.1, 0.2, 0.5, 1.0)
"""Pauses between attempts to connect; the last one from then on."""

PATIENCE_SECONDS: Final = 30.0
"""How long a node is tried before Unreachable."""

T = TypeVar("T")


class Lost:
    """In the place of an answer: the operation was ordered, and its answer did not come."""


LOST: Final = Lost()

Outcome = Answer | Refused | Lost


class Line:
    """A checked connection that comes back. For one event loop."""

    def __init__(self, venue: Venue, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self.venue = venue
        self.patience_seconds = patience_seconds
        self.reconnects = 0
        self._connection: CheckedConnection | None = None
        self._lock = asyncio.Lock()
        self._closed = False

    async def get(self) -> CheckedConnection:
        """The connection, made anew if it ended. Unreachable if no node answers in time."""
        if self._connection is None:
            async with self._lock:
                if self._connection is None:
                    self._connection = await self._connect()
        return self._connection

    async def ask(self, question: Callable[[CheckedConnection], Awaitable[T]]) -> T:
        """Ask the node something that changes nothing; again if the line breaks."""
        while True:
            connection = await self.get()
            try:
                return await question(connection)
            except ConnectionEnded:
                await self._drop(connection)

    async def submit(self, operations: Sequence[bytes]) -> list[Outcome]:
        """Have operations ordered, each once; again after a break, with the same words."""
        again = False
        while True:
            connection = await self.get()
            try:
                found = await connection.submit(operations)
            except ConnectionEnded:
                again = True
                await self._drop(connection)
                continue
            if not again:
                return list(found)
            return [
                LOST if isinstance(each, Refused) and each.reason is Reason.NONCE_USED else each
                for each in found
            ]

    async def close(self) -> None:
        """Close it. Harmless when it is closed."""
        self._closed = True
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    async def _drop(self, connection: CheckedConnection) -> None:
        if self._closed:
            raise Unreachable("the exchange was closed by this program: open it anew")
        if self._connection is connection:
            self._connection = None
            self.reconnects += 1
            await connection.close()

    async def _connect(self) -> CheckedConnection:
        venue, end, attempt = self.venue, time.monotonic() + self.patience_seconds, 0
        deployment = Deployment.of(venue.chain_id, venue.rollup)
        sequencer = bytes.fromhex(venue.sequencer.removeprefix("0x")) or None
        while True:
            try:
                return await connect(venue.host, venue.port, deployment, sequencer)
            except ConnectionEnded as error:
                pause = PAUSE_SECONDS[min(attempt, len(PAUSE_SECONDS) - 1)]
                attempt += 1
                if time.monotonic() + pause > end:
                    raise Unreachable(f"{error}; tried for {self.patience_seconds:g} s") from None
                await asyncio.sleep(pause)
