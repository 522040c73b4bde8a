"""The node of the intake benchmark, in a process of its own: prints its port when the market is open."""

import asyncio
import json
import resource
import sys
import tempfile
from pathlib import Path

import uvloop

from benchmarks.intake_market import open_market
from miletus.sequencer.server import Server
from miletus.tuning import calm_collector


async def serve(directory: Path) -> None:
    node = open_market(directory)
    server = Server(node)
    await server.start()
    calm_collector()
    print(server.port, flush=True)
    loop = asyncio.get_running_loop()
    while True:
        line = await loop.run_in_executor(None, sys.stdin.readline)
        if not line:
            break
        usage = resource.getrusage(resource.RUSAGE_SELF)
        status = {
            "cpu_seconds": usage.ru_utime + usage.ru_stime,
            "segments_without_root": node.segments_without_root,
            "next_number": node.next_number,
        }
        print(json.dumps(status), flush=True)
    await server.stop()
    node.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as name:
        uvloop.run(serve(Path(name)))
