"""A node in a process of its own, for tests that kill it: `serve_node.py DIRECTORY`, prints its port."""

import asyncio
import signal
import sys
from pathlib import Path

from miletus.sequencer.config import NodeConfig
from miletus.sequencer.node import Node
from miletus.sequencer.ordering import Policy
from miletus.sequencer.server import Server
from tests.sequencer.world import DEPLOYMENT, SECRET, Genesis

QUICK = NodeConfig(
    Policy(batch_ms=250, inbox_wait_ms=50, tick_ms=5),
    capacity_accounts=64,
    snapshot_batches=3,
    log_file_bytes=320 * 1024,
)


async def serve(directory: Path) -> None:
    node = Node(directory, DEPLOYMENT, Genesis(), SECRET, QUICK)
    server = Server(node)
    await server.start()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    print(server.port, flush=True)
    await stop.wait()
    await server.stop()
    node.close()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
