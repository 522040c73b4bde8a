"""The exchange's time, shared by all processes of a system.

A running system has real time. A demonstration simulates days in minutes: its director moves one clock that
all its processes read, a few bytes of a mapped file. Between moves that clock runs at the pace of real time,
so that what happens within a moment stays in order; a move is always forwards.
"""

import mmap
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from miletus.cli.errors import CliError

Clock = Callable[[], int]
"""Gives the time in milliseconds since 1970."""

_LAYOUT: Final = struct.Struct("<8sQqq")
"""Magic, count of writes (odd while one is under way), base in ms, monotonic time of the base in ns."""
_MAGIC: Final = b"MILCLOCK"

_TRIES: Final = 10_000
"""Reads of a clock that is being written, before its writer is taken for dead; a write takes microseconds."""


def get_real_time_ms() -> int:
    """The machine's own time."""
    return time.time_ns() // 1_000_000


class SharedClock:
    """A clock in a file, which one process moves and all read. Calling it gives milliseconds since 1970.

    Raises:
        CliError: the file is missing or is no clock.

    """

    def __init__(self, path: Path) -> None:
        try:
            with path.open("r+b") as file:
                self._map = mmap.mmap(file.fileno(), _LAYOUT.size)
        except (OSError, ValueError):
            raise CliError(f"{path}: no clock of a running system: start it with miletus up") from None
        if self._map[:8] != _MAGIC:
            raise CliError(f"{path}: not a clock: remove the folder and start again")

    @classmethod
    def create(cls, path: Path, time_ms: int) -> "SharedClock":
        """Write a new clock that stands at `time_ms`, and open it."""
        path.write_bytes(_LAYOUT.pack(_MAGIC, 0, time_ms, time.monotonic_ns()))
        return cls(path)

    def __call__(self) -> int:
        """The time now."""
        for _ in range(_TRIES):
            before = self._map[:]
            _, count, base_ms, base_ns = _LAYOUT.unpack(before)
            if count % 2 == 0 and self._map[:] == before:  # no write was under way
                return int(base_ms + (time.monotonic_ns() - base_ns) // 1_000_000)
        raise CliError("the clock's writer died in the middle of a move: start the system again")

    def move(self, time_ms: int) -> int:
        """Set the time unless it is that late already; returns what it is. Only one process may move it."""
        now_ms = self()
        if time_ms > now_ms:
            _, count, _, _ = _LAYOUT.unpack(self._map[:])
            self._map[8:16] = struct.pack("<Q", count + 1)
            self._map[16:32] = struct.pack("<qq", time_ms, time.monotonic_ns())
            self._map[8:16] = struct.pack("<Q", count + 2)
            now_ms = time_ms
        return now_ms
