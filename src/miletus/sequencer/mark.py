"""How far the log was synced, noted beside it without a sync of its own.

After a crash of the process the note is exact; after one of the machine it may be old. It tells a damaged
confirmed group from a torn one that nobody was told of, where the note is current.
"""

import os
import struct
import zlib
from pathlib import Path
from typing import Final

RECORD: Final = struct.Struct(">QI")


class Mark:
    """The note in a file."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        os.ftruncate(self._descriptor, RECORD.size)

    def get(self) -> int:
        """The number before which everything was synced, 0 if there is no whole note."""
        number, check = RECORD.unpack(os.pread(self._descriptor, RECORD.size, 0))
        return int(number) if check == zlib.crc32(number.to_bytes(8, "big")) else 0

    def put(self, number: int) -> None:
        """Note it."""
        raw = RECORD.pack(number, zlib.crc32(number.to_bytes(8, "big")))
        os.pwrite(self._descriptor, raw, 0)

    def close(self) -> None:
        """Close the file; harmless when it is closed."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
