"""The way to the node: its feed into the mirror, and operations that are ordered exactly once.

An operation keeps its words, and so its nonce, until it is known what became of it. When the connection is
lost, the feed tells after reconnecting whether it was ordered; if not, the same words are sent again: the
machine takes a nonce once, so sending them twice can't trade twice.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final

import structlog

from miletus.client.connection import BadConfirmation, CheckedConnection, WrongNode, connect
from miletus.engine.reasons import Reason
from miletus.gateway.mirror import Applied, Mirror, MirrorError
from miletus.sequencer.answers import Answer, FeedGroup
from miletus.sequencer.chain import Deployment
from miletus.sequencer.confirmations import Confirmation
from miletus.sequencer.connection import ConnectionEnded
from miletus.sequencer.errors import Refused, SequencerError

MOST_TOGETHER: Final = 64
"""Operations of one request to the node: more would wait for the last of them."""

RETRY_SECONDS: Final = (0.1, 0.25, 0.5, 1.0, 2.0)
"""Pauses between attempts to connect again; the last one repeats."""

PATIENCE_SECONDS: Final = 10.0
"""After so long without an answer an operation's fate is told as unknown."""


class NodeAway(SequencerError):
    """The node can't be reached, or did not answer in time."""


class Pending:
    """An operation whose fate is not known yet."""

    __slots__ = ("applied", "confirmation", "future", "refused", "sent_at", "words")

    def __init__(self, words: bytes, future: "asyncio.Future[Ordered]") -> None:
        self.words = words
        self.future = future
        self.applied: Applied | None = None
        self.confirmation: Confirmation | None = None
        self.refused: Refused | None = None
        self.sent_at = time.monotonic()


class Ordered:
    """An operation that was ordered: what became of it, and the sequencer's word for its place if it came."""

    __slots__ = ("applied", "confirmation")

    def __init__(self, applied: Applied, confirmation: Confirmation | None) -> None:
        self.applied = applied
        self.confirmation = confirmation


class Link:
    """A connection that comes back by itself. All methods are for the event loop's thread.

    Args:
        address: host and port of the node.
        deployment: which the node must be of.
        sequencer: L1 address that must sign its answers; None takes the node's word for it.
        mirror: what the feed is fed to.
        on_group: called after each group, with what was carried out.
        on_reset: called when the mirror holds a state that does not follow from the one before.

    """

    def __init__(
        self,
        address: tuple[str, int],
        deployment: Deployment,
        sequencer: bytes | None,
        mirror: Mirror,
        on_group: Callable[[FeedGroup, list[Applied]], None],
        on_reset: Callable[[], None],
    ) -> None:
        self.address = address
        self.deployment = deployment
        self.sequencer = sequencer
        self.mirror = mirror
        self._on_group = on_group
        self._on_reset = on_reset
        self._connection: CheckedConnection | None = None
        self._pending: dict[bytes, Pending] = {}
        self._outgoing: list[Pending] = []
        self._flush_due = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._log = structlog.get_logger()
        self.is_up = False
        self.reconnects = 0

    # ---- life

    async def start(self) -> None:
        """Connect and take up the state. Raises what `connect` raises, and HandoverDamaged."""
        await self._attach(await self._connect())
        self._spawn(self._run())
        self._spawn(self._sweep())

    async def stop(self) -> None:
        """End; what is not answered fails."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._connection is not None:
            await self._connection.close()
        for pending in list(self._pending.values()):
            self._fail(pending, NodeAway("the gateway is going down"))

    def _spawn(self, work: "asyncio._CoroutineLike[None]") -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # ---- operations

    @property
    def waiting(self) -> int:
        """Operations whose fate is not known yet."""
        return len(self._pending)

    def submit(self, words: bytes) -> "asyncio.Future[Ordered]":
        """Have a signed operation ordered.

        The future gives Ordered, or raises Refused (the node did not take it) or NodeAway (unknown).
        """
        future: asyncio.Future[Ordered] = asyncio.get_running_loop().create_future()
        pending = Pending(words, future)
        self._pending[words] = pending
        self._outgoing.append(pending)
        if not self._flush_due:
            self._flush_due = True
            asyncio.get_running_loop().call_soon(self._flush)
        return future

    async def get_confirmation(self, number: int) -> Confirmation:
        """The sequencer's word for a number that was confirmed. Refused, NodeAway or ConnectionEnded."""
        if self._connection is None:
            raise NodeAway("the node is away: try again")
        found = await self._connection.plain.get_confirmations(number)
        for confirmation in found:
            if confirmation.number <= number < confirmation.number + confirmation.words:
                return confirmation
        raise NodeAway(f"the node has no confirmation of number {number}")

    def _flush(self) -> None:
        """Send what was submitted in this turn of the event loop."""
        self._flush_due = False
        if self._connection is None or not self.is_up:
            return  # all that is pending is sent when the node is back
        outgoing, self._outgoing = self._outgoing, []
        for at in range(0, len(outgoing), MOST_TOGETHER):
            self._spawn(self._send(self._connection, outgoing[at : at + MOST_TOGETHER]))

    async def _send(self, connection: CheckedConnection, batch: list[Pending]) -> None:
        try:
            outcomes = await connection.submit([pending.words for pending in batch])
        except ConnectionEnded:
            return  # they stay pending
        except BadConfirmation as error:
            self._log.error("the node's confirmation is not signed", error=str(error))
            for pending in batch:
                self._fail(pending, NodeAway(str(error)))
            return
        for pending, outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, Answer):
                pending.confirmation = outcome.confirmation
                self._settle(pending)
            elif outcome.reason is Reason.NONCE_USED and pending.sent_at < 0:
                pending.refused = outcome  # it was sent before: the feed tells, or will, that it was ordered
                self._settle(pending)
            else:
                self._fail(pending, outcome)

    def _settle(self, pending: Pending) -> None:
        """Answer once the result is here, and the sequencer's word or the certainty that it went astray."""
        if pending.applied is None or (pending.confirmation is None and pending.refused is None):
            return
        self._resolve(pending, pending.applied)

    def _resolve(self, pending: Pending, applied: Applied) -> None:
        self._pending.pop(pending.words, None)
        if not pending.future.done():
            pending.future.set_result(Ordered(applied, pending.confirmation))

    def _fail(self, pending: Pending, error: SequencerError) -> None:
        self._pending.pop(pending.words, None)
        if not pending.future.done():
            pending.future.set_exception(error)

    # ---- the feed

    async def _connect(self) -> CheckedConnection:
        connection = await connect(*self.address, self.deployment, self.sequencer)
        self.sequencer = connection.sequencer
        return connection

    async def _attach(self, connection: CheckedConnection, *, anew: bool = True) -> None:
        """Take a connection into use, with a new state if that is needed."""
        if anew:
            self.mirror.load(*await connection.plain.fetch_state())
            self._on_reset()
        self._connection = connection

    async def _run(self) -> None:
        """Follow the feed, and connect again whenever the connection is lost."""
        attempt = 0
        while True:
            connection = self._connection
            if connection is not None:
                try:
                    await self._follow(connection)
                except MirrorError as error:
                    self._log.error("the state is fetched anew", error=str(error))
                    self.mirror.epoch = 0
                except (Refused, ConnectionEnded) as error:
                    self._log.warning("the node is away", error=str(error))
                    if isinstance(error, Refused):
                        self.mirror.epoch = 0  # the feed does not reach back to where the mirror stands
                self.is_up = False
                self._connection = None
                await connection.close()
            await asyncio.sleep(RETRY_SECONDS[min(attempt, len(RETRY_SECONDS) - 1)])
            attempt += 1
            try:
                connection = await self._connect()
                status = await connection.plain.get_status()
                gone_back = status.next_number < self.mirror.next_number
                await self._attach(connection, anew=status.epoch != self.mirror.epoch or gone_back)
                self.reconnects += 1
                attempt = 0
            except WrongNode as error:
                self._log.error("another node answers", error=str(error))
            except SequencerError as error:
                self._log.info("the node is not back yet", error=str(error))

    async def _follow(self, connection: CheckedConnection) -> None:
        target = (await connection.plain.get_status()).next_number
        feed = connection.plain.subscribe(self.mirror.next_number)
        if self.mirror.next_number >= target:
            self._catch_up()
        async for group in feed:
            self._take(group)
            if not self.is_up and self.mirror.next_number >= target:
                self._catch_up()

    def _catch_up(self) -> None:
        """The mirror is where the node was: what is still pending was not ordered, and is sent again."""
        self.is_up = True
        self._outgoing = []
        for pending in list(self._pending.values()):
            if pending.applied is not None:
                self._resolve(pending, pending.applied)
            else:
                if pending.confirmation is None and self.reconnects:
                    pending.sent_at = -abs(pending.sent_at)
                self._outgoing.append(pending)
        self._flush()

    def _take(self, group: FeedGroup) -> None:
        applied = self.mirror.apply(group)
        self._on_group(group, applied)
        if self._pending:
            for each in applied:
                pending = self._pending.get(each.words)
                if pending is not None:
                    pending.applied = each
                    self._settle(pending)

    async def _sweep(self) -> None:
        """Tell those who wait too long."""
        while True:
            await asyncio.sleep(0.5)
            now = time.monotonic()
            for pending in list(self._pending.values()):
                if now - abs(pending.sent_at) <= PATIENCE_SECONDS:
                    continue
                if pending.applied is not None:
                    self._resolve(pending, pending.applied)
                else:
                    self._fail(
                        pending,
                        pending.refused
                        or NodeAway(
                            "the node did not answer in time; the operation may still be ordered until its "
                            "valid-until: look at the orders before sending it again"
                        ),
                    )
