"""The write-ahead log: what is in it and synced comes back after any crash (09-R02, 09-R04).

Files are filled with zeros before use, so that a sync writes data alone and a full disk is met before an
operation is taken, not after. `append` writes, `sync` makes durable; a group is confirmed only after both.
"""

import errno
import os
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Final

from miletus.native import Jobs, Started
from miletus.sequencer.errors import LogDamaged, LogError, LogFull
from miletus.sequencer.frames import (
    FILE_HEADER_BYTES,
    MAX_FRAME_BYTES,
    FileHeader,
    Group,
    decode_file_header,
    decode_group,
    encode_file_header,
    encode_group,
    is_zero,
)
from miletus.sequencer.mark import Mark
from miletus.sequencer.telling import warn

SUFFIX: Final = ".log"
FILE_BYTES: Final = 32 * 1024 * 1024
"""Length of a file. Its zeros are written in the background, long before it is needed."""

CHUNK: Final = 1024 * 1024

FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What the system says when there is no room; anything else is a disk that fails."""


class Log:
    """The log in a directory, opened for appending after its last file was checked.

    `identity` is 32 bytes that name the deployment; a log of another one is refused. LogDamaged if bytes
    before the tail are not what was written; a torn tail, which nobody was told of, is cut.
    """

    def __init__(self, directory: Path, identity: bytes, epoch: int, file_bytes: int = FILE_BYTES) -> None:
        if file_bytes < FILE_HEADER_BYTES + 2 * MAX_FRAME_BYTES:
            raise ValueError(f"log files of {file_bytes} bytes are too small for two groups")
        self.directory = directory
        self.file_bytes = file_bytes
        self.cut_bytes = 0
        self.next_number = 1
        self._header = FileHeader(epoch, 0, 1, identity, bytes(8))
        self._offset = file_bytes
        self._descriptor = -1
        self._spare_lock = threading.Lock()
        self._synced = 0
        self._filler: threading.Thread | None = None
        directory.mkdir(parents=True, exist_ok=True)
        self._mark = Mark(directory / "mark")
        try:
            self._open_last(get_files(directory), identity)
        except BaseException:
            self._mark.close()
            self._close_file()
            raise

    @property
    def epoch(self) -> int:
        """The epoch that its numbers belong to."""
        return self._header.epoch

    # ---- writing

    def append(self, group: Group) -> None:
        """Write a group after the last one; it is not durable before `sync`.

        LogFull when there is no space for it: then nothing of it counts, and a later append may succeed.
        OSError when the disk fails.
        """
        if group.first_number != self.next_number:
            raise LogError(f"{self.directory}: group {group.first_number} where {self.next_number} is due")
        frame = encode_group(group, self._header.seed)
        if self._offset + len(frame) > self.file_bytes:
            self._start_next_file()
            frame = encode_group(group, self._header.seed)
        try:
            written = os.pwrite(self._descriptor, frame, self._offset)
        except OSError as error:
            raise self._full(error) from error
        if written != len(frame):
            raise self._full(None)
        self._offset += len(frame)
        self.next_number = group.end_number
        if self._offset > self.file_bytes // 2:
            self._fill_spare_in_background()

    def sync(self) -> None:
        """Make everything appended durable. OSError when the disk refuses: what it holds is unknown then."""
        if self._descriptor >= 0:
            os.fdatasync(self._descriptor)
            self._note_synced(self.next_number)

    def start_sync(self, jobs: Jobs) -> Started:
        """Begin to make everything appended durable; what is appended meanwhile is for the next sync.

        Its end raises OSError when the disk refuses: what it holds is unknown then.
        """
        number = self.next_number
        job = jobs.start_sync(self._descriptor)

        def finish() -> None:
            jobs.finish_sync(job)
            self._note_synced(number)

        return Started(job, finish)

    def _note_synced(self, number: int) -> None:
        """Note that all before a number is durable. That of an older file may come later."""
        if number > self._synced:
            self._synced = number
            self._mark.put(number)

    def reserve(self) -> None:
        """Make sure that one more group of any size has room. LogFull when it has not."""
        if self._offset + MAX_FRAME_BYTES > self.file_bytes:
            self._make_spare()

    def close(self) -> None:
        """Sync and close. Harmless when closed already, or when the disk refuses: nothing was promised."""
        if self._filler is not None:
            self._filler.join()
        try:
            if self._descriptor >= 0:
                self.sync()
            self._close_file()
        except OSError as error:
            self._descriptor = -1
            warn("the log could not be synced at its end", error=str(error))
        self._mark.close()

    # ---- reading

    def get_groups(self, first_number: int) -> Iterator[Group]:
        """Groups from the one that holds `first_number` on. LogDamaged if one is not what was written."""
        files = get_files(self.directory)
        starts = [read_header(path, self._header.identity).first_number for path in files]
        for path, end in zip(files, [*starts, self.next_number][1:], strict=True):
            if end > first_number:
                groups = scan(path, self._header.identity, end)
                yield from (group for group in groups if group.end_number > first_number)

    def remove_before(self, number: int) -> None:
        """Remove the files that hold only numbers before `number`, for which there is a snapshot."""
        for path, following in pairwise(get_files(self.directory)):
            if read_header(following, self._header.identity).first_number <= number:
                path.unlink()

    # ---- files

    def _open_last(self, files: list[Path], identity: bytes) -> None:
        """Check the chain of files, then find and cut the tail of the last one."""
        headers = [read_header(path, identity) for path in files]
        for path, (before, header) in zip(files[1:], pairwise(headers), strict=True):
            if header.file_number != before.file_number + 1 or header.first_number < before.first_number:
                raise LogDamaged(f"{path}: the file before it is missing; restore {self.directory}")
        if not files:
            if self._mark.get() > 1:
                raise LogDamaged(f"{self.directory}: its files are missing; restore them from a copy")
            return
        self._header = headers[-1]
        self._descriptor = os.open(files[-1], os.O_RDWR)
        self.file_bytes = os.fstat(self._descriptor).st_size
        self.next_number, self._offset = self._header.first_number, FILE_HEADER_BYTES
        raw = files[-1].read_bytes()
        for group, end in iterate_groups(raw, self._header):
            self.next_number, self._offset = group.end_number, end
        self._cut_tail(files[-1], raw)

    def _cut_tail(self, path: Path, raw: bytes) -> None:
        """Zero what a crash left of an unsynced group; refuse what cannot come from that."""
        tail = raw[self._offset :]
        confirmed = self._mark.get() > self.next_number
        if is_zero(tail) and not confirmed:
            return
        later = find_group(raw, self._offset + 1, self.next_number, self._header.seed)
        if confirmed or later is not None or not is_zero(tail[MAX_FRAME_BYTES:]):
            raise damaged(path, self._offset, self.next_number)
        self.cut_bytes = len(tail.rstrip(b"\0"))
        os.pwrite(self._descriptor, bytes(min(MAX_FRAME_BYTES, len(tail))), self._offset)
        os.fdatasync(self._descriptor)
        warn("torn tail of the log cut", file=str(path), offset=self._offset, bytes=self.cut_bytes)

    def _start_next_file(self) -> None:
        """Go on in the spare file, which gets its header and its name. The old file is synced before."""
        spare = self._make_spare()
        number = self._header.file_number + 1
        header = self._header._replace(
            file_number=number, first_number=self.next_number, salt=os.urandom(len(self._header.salt))
        )
        if self._descriptor >= 0:
            self.sync()
        try:
            with spare.open("r+b", buffering=0) as file:
                file.write(encode_file_header(header))
                os.fdatasync(file.fileno())
            path = spare.rename(self.directory / f"{number:010d}{SUFFIX}")
            sync_directory(self.directory)
        except OSError as error:
            raise self._full(error) from error
        self._close_file()
        self._descriptor = os.open(path, os.O_RDWR)
        self._offset, self._header = FILE_HEADER_BYTES, header

    def _close_file(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _make_spare(self) -> Path:
        """A file of zeros, synced, made now if the background did not. LogFull if there is no space."""
        path = self.directory / "spare"
        with self._spare_lock:
            if path.exists() and path.stat().st_size == self.file_bytes:
                return path
            draft = self.directory / "spare.draft"
            try:
                with draft.open("wb", buffering=0) as file:
                    left = self.file_bytes
                    while left:
                        left -= file.write(bytes(min(CHUNK, left)))
                    os.fsync(file.fileno())
                draft.rename(path)
            except OSError as error:
                draft.unlink(missing_ok=True)
                raise self._full(error) from error
        return path

    def _fill_spare_in_background(self) -> None:
        if self._filler is not None and self._filler.is_alive():
            return
        if not (self.directory / "spare").exists():
            self._filler = threading.Thread(target=self._try_spare, name="log-filler", daemon=True)
            self._filler.start()

    def _try_spare(self) -> None:
        try:
            self._make_spare()
        except (LogFull, OSError) as error:
            warn("no spare log file", error=str(error))

    def _full(self, error: OSError | None) -> LogFull:
        """The error for a disk without space. Raises `error` itself if that is not what is wrong."""
        if error is not None and error.errno not in FULL:
            raise error
        cause = error.strerror if error is not None else "short write"
        return LogFull(
            f"{self.directory}: {cause}: no room for more operations; free {self.file_bytes} bytes there. "
            "Nothing confirmed is lost, and it goes on by itself"
        )


def get_files(directory: Path) -> list[Path]:
    """Files of a log, in order."""
    return sorted(directory.glob(f"*{SUFFIX}"))


def damaged(path: Path, offset: int, number: int) -> LogDamaged:
    """The error for a place where a confirmed group should be and is not."""
    return LogDamaged(
        f"{path}: damaged at offset {offset}: number {number} was confirmed and is not readable; "
        "restore the file from a copy"
    )


def read_header(path: Path, identity: bytes) -> FileHeader:
    """The header of a file; LogDamaged if it is none of this deployment's log."""
    with path.open("rb") as file:
        header = decode_file_header(file.read(FILE_HEADER_BYTES))
    if header is None:
        raise LogDamaged(f"{path}: damaged at offset 0: no header of a log file; restore it from a copy")
    if header.identity != identity:
        raise LogDamaged(f"{path}: the log of another chain or rollup; give the node a directory of its own")
    return header


def scan(path: Path, identity: bytes, end_number: int) -> Iterator[Group]:
    """Groups of a file up to `end_number`. LogDamaged with file and offset where they stop before it."""
    header = read_header(path, identity)
    number, offset = header.first_number, FILE_HEADER_BYTES
    for group, end in iterate_groups(path.read_bytes(), header):
        if group.first_number >= end_number:
            return
        yield group
        number, offset = group.end_number, end
    if number < end_number:
        raise damaged(path, offset, number)


def iterate_groups(raw: bytes, header: FileHeader) -> Iterator[tuple[Group, int]]:
    """Groups of a file as far as they follow each other, each with the offset after it."""
    number, offset = header.first_number, FILE_HEADER_BYTES
    while (found := decode_group(raw, offset, header.seed)) and found[0].first_number == number:
        yield found
        number, offset = found[0].end_number, found[1]


def find_group(raw: bytes, offset: int, number: int, seed: int) -> int | None:
    """Offset of a whole group with this number or a later one, from `offset` on."""
    for at in range(offset, len(raw.rstrip(b"\0"))):
        found = decode_group(raw, at, seed)
        if found is not None and found[0].first_number >= number:
            return at
    return None


def sync_directory(directory: Path) -> None:
    """Make a rename in a directory durable."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
