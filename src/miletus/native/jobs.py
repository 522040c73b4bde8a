"""Work that the library does beside Python: begun with a call that returns at once, told of on a pipe.

    jobs = Jobs()
    job = jobs.start_sync(descriptor)
    ...                                   # jobs.fileno() can be read when a job is done
    for job in jobs.take_done(): ...
    jobs.finish_sync(job)

No thread of Python takes part, so that none waits for Python's lock.
"""

import os
from array import array
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from miletus.native.library import check, ffi, get_library, int64_buffer

_HANDLE_BYTES: Final = 8
_MOST_AT_ONCE: Final = 512

ffi.cdef(
    """
    char *miletus_start_verify(int notify, const void *domain, const void *words, int64_t size,
                               const void *cells, int64_t cell_count, const void *operations, int64_t count,
                               void *handle);
    char *miletus_start_sync(int notify, int file, void *handle);
    char *miletus_finish_job(uint64_t handle, void *flags, int64_t count, void *number);
    """
)


class Started(NamedTuple):
    """A job, and what is to be called when it is done."""

    job: int
    finish: Callable[[], None]


class Jobs:
    """Jobs that tell one reader of their end. Each that is started has to be finished."""

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)

    def fileno(self) -> int:
        """A descriptor that can be read when a job is done, for a selector."""
        return self._reader

    def take_done(self) -> list[int]:
        """Jobs that were done since the last call."""
        try:
            raw = os.read(self._reader, _HANDLE_BYTES * _MOST_AT_ONCE)
        except BlockingIOError:
            return []
        return memoryview(raw).cast("Q").tolist()

    def start_verify(self, domain: bytes, words: bytes, cells: Any, operations: "array[int]") -> int:
        """Begin to check signed operations: first word, words and address of the key in `cells`, of each.

        Keys and words are taken as they are now. Raises ValueError for a place that is not there.
        """
        memory, size = int64_buffer(cells)
        places, count = int64_buffer(operations)
        handle = ffi.new("uint64_t *")
        own, start = ffi.from_buffer(words), get_library().miletus_start_verify
        check(start(self._writer, domain, own, len(words), memory, size, places, count // 3, handle))
        return int(handle[0])

    def finish_verify(self, job: int, count: int) -> bytes:
        """Wait for a check: a byte for each of its `count` operations, 1 if the signature holds."""
        flags = ffi.new("unsigned char[]", max(count, 1))
        self._finish(job, flags, count)
        return bytes(ffi.buffer(flags, count))

    def start_sync(self, descriptor: int) -> int:
        """Begin to make durable what was written to a file until now; it may be closed meanwhile."""
        handle = ffi.new("uint64_t *")
        check(get_library().miletus_start_sync(self._writer, descriptor, handle))
        return int(handle[0])

    def finish_sync(self, job: int) -> None:
        """Wait for a sync. Raises OSError when the disk refused."""
        number = self._finish(job, ffi.NULL, 0)
        if number:
            raise OSError(number, os.strerror(number))

    def close(self) -> None:
        """Give the pipe back. Every job must be finished."""
        os.close(self._reader)
        os.close(self._writer)

    def _finish(self, job: int, flags: Any, count: int) -> int:
        number = ffi.new("int64_t *")
        check(get_library().miletus_finish_job(job, flags, count, number))
        return int(number[0])
