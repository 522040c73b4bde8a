"""A node that serves a small market, in a thread of its own, which tests stop and start again."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from miletus.client import Venue
from miletus.sequencer.node import Node
from miletus.sequencer.server import Server
from tests.sequencer import world as w

T = TypeVar("T")


class Serving:
    """A market whose accounts 16 to 19 have money and keys; real time."""

    def __init__(self, directory: Path) -> None:
        self.clock = w.Clock()
        self.directory = directory / "node"
        self.node: Node = w.open_market(self.directory, self.clock)
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.start()

    @property
    def venue(self) -> Venue:
        signer = "0x" + self.node.signer.address.hex()
        rollup = "0x" + w.DEPLOYMENT.rollup.hex()
        return Venue("127.0.0.1", self.port, w.DEPLOYMENT.chain_id, rollup, signer)

    def start(self) -> None:
        """Serve, on the port of before if there was one."""
        self.server = Server(self.node)
        self._run(self.server.start("127.0.0.1", self.port))
        self.port = self.server.port

    def stop(self) -> None:
        """Stop serving; every connection ends."""
        self._run(self.server.stop())

    def restart(self) -> None:
        """End the node, and open it again on its directory."""
        self.stop()
        self.node.close()
        self.node = w.open_node(self.directory, self.clock)
        self.start()

    def do(self, act: Callable[[], T]) -> T:
        """Do something with the node in its thread."""

        async def main() -> T:
            return act()

        return self._run(main())

    def tick(self, index_ticks: int = w.INDEX_TICKS) -> None:
        """Move time on by a second, with a new index."""
        self.clock.now_ms += 1_000

        def submit() -> None:
            words = w.approve(w.index_tick(self.clock.now_ms // 1_000, index_ticks))
            self.server.pipeline.put_bundle(words, lambda outcomes: None)

        self.do(submit)

    def close(self) -> None:
        self.stop()
        self.node.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)
