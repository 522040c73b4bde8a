"""The network front of a node: clients on TCP, the operator on a socket file in its directory (09-R17).

    server = Server(node)
    await server.start("127.0.0.1", 0)      # port 0: any that is free; server.port tells which
    ...
    await server.stop()

Nothing that a client sends ends more than its own connection.
"""

import asyncio
import os
import sys
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from miletus.sequencer.answers import FeedGroup
from miletus.sequencer.errors import NodeStopped
from miletus.sequencer.handover import HandoverDesk
from miletus.sequencer.node import Node
from miletus.sequencer.pipeline import Pipeline
from miletus.sequencer.protocol import MAX_FRAME_BYTES, State, Told, encode_frame
from miletus.sequencer.session import Session, next_group

OPERATOR_SOCKET: Final = "operator.sock"
"""Name of the operator's socket in a node's directory; only its owner may connect."""

SWITCH_SECONDS: Final = 0.0001
"""How long one thread keeps Python while another waits for it."""


@dataclass(frozen=True)
class Limits:
    """What one client may do to a node.

    `in_flight` operations may wait for their answers before the client is not read any more. A connection
    ends that keeps `buffer_bytes` unread, `frame_seconds` inside a frame, or sends `bad_signatures` of them.
    """

    connections: int = 256
    frame_bytes: int = MAX_FRAME_BYTES
    frame_seconds: float = 10.0
    buffer_bytes: int = 8 << 20
    in_flight: int = 8_192
    bad_signatures: int = 1_000


DEFAULT_LIMITS: Final = Limits()


class Server:
    """Serves one node. All methods are for the event loop's thread."""

    def __init__(self, node: Node, limits: Limits = DEFAULT_LIMITS, group_words: int = 768) -> None:
        self.node = node
        self.limits = limits
        self.pipeline = Pipeline(node, group_words)
        self.sessions: set[Session] = set()
        self.subscribers: set[Session] = set()
        self.history: OrderedDict[int, tuple[int, bytes]] = OrderedDict()
        self.handovers = HandoverDesk(
            lambda: (node.epoch, node.next_number, node.machine), lambda: next_group(self)
        )
        self.port = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._servers: list[asyncio.Server] = []
        self._sweeper: asyncio.Task[None] | None = None

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen. OSError if the port is taken, the address not ours, or the directory's path too long."""
        sys.setswitchinterval(SWITCH_SECONDS)
        loop = asyncio.get_running_loop()
        self._servers.append(await loop.create_server(self._make_session(False), host, port))
        self.port = self._servers[0].sockets[0].getsockname()[1]
        path = self.node.directory / OPERATOR_SOCKET
        path.unlink(missing_ok=True)
        before = os.umask(0o177)
        try:
            self._servers.append(await loop.create_unix_server(self._make_session(True), str(path)))
        finally:
            os.umask(before)
        for group in self.node.feed:
            self._remember(group)
        self.node.listeners.append(self._tell)
        self.pipeline.start()
        self._sweeper = asyncio.create_task(self._sweep())

    async def stop(self) -> None:
        """Take no more, answer what is ordered, close every connection. The node stays open."""
        for server in self._servers:
            server.close()
        if self._sweeper is not None:
            self._sweeper.cancel()
        await self.pipeline.stop()
        for task in self._tasks:
            task.cancel()
        for session in list(self.sessions):
            session.finish()
        await asyncio.sleep(0)
        (self.node.directory / OPERATOR_SOCKET).unlink(missing_ok=True)
        if self._tell in self.node.listeners:
            self.node.listeners.remove(self._tell)

    async def wait_until_failed(self) -> None:
        """Return when the node takes nothing any more. NodeStopped says why."""
        while self.node.failure is None:
            await asyncio.sleep(0.05)
        raise NodeStopped(str(self.node.failure))

    # ---- the feed

    def get_oldest(self) -> int:
        """Number of the oldest group that is remembered; the next one's if there is none."""
        return next(iter(self.history), self.node.next_number)

    def _remember(self, group: FeedGroup) -> None:
        self.history[group.first_number] = (group.next_number, encode_frame(Told(group)))
        while len(self.history) > self.node.config.feed_groups:
            self.history.popitem(last=False)

    def _tell(self, group: FeedGroup) -> None:
        self._remember(group)
        self.handovers.note_group()
        for session in list(self.subscribers):
            session.pump()

    def hand_over(self, session: Session, id: int) -> None:
        """Tell a follower of a state that it may fetch, once that is confirmed."""

        async def answer() -> None:
            handover = await self.handovers.get()
            session.send(State(id, handover.head))

        task = asyncio.create_task(answer())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # ---- connections

    def _make_session(self, operator: bool) -> Callable[[], Session]:
        return lambda: Session(self, operator)

    async def _sweep(self) -> None:
        """Look for clients that stay inside a frame."""
        while True:
            await asyncio.sleep(self.limits.frame_seconds / 4)
            for session in list(self.sessions):
                session.check_age()
