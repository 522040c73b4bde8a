"""What an event loop awaits of the library's jobs: signatures that are checked, a log that is synced."""

import asyncio

from miletus.native import Jobs, Started


class Background:
    """Jobs of the running event loop."""

    def __init__(self) -> None:
        self.jobs = Jobs()
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._loop.add_reader(self.jobs.fileno(), self._tell)

    async def wait(self, started: Started) -> None:
        """Wait for a job that was begun with `jobs` just now, and finish it. Raises what it failed with."""
        done = self._loop.create_future()
        self._waiting[started.job] = done
        await done
        started.finish()

    def close(self) -> None:
        """Give the pipe back. Nobody may wait any more."""
        self._loop.remove_reader(self.jobs.fileno())
        self.jobs.close()

    def _tell(self) -> None:
        for job in self.jobs.take_done():
            self._waiting.pop(job).set_result(None)
