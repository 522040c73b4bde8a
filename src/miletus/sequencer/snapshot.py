"""Snapshots: the pages at a batch's end, so that a restart need not replay the whole log (09-R15).

A file is a magic, length and crc32 of a head, the head (position and digest), and the pages, compressed. It
is written beside its name, synced, and renamed: there is a whole one or none.
"""

import hashlib
import os
import zlib
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
from librt.vecs import vec
from mypy_extensions import i64

from miletus.engine.packing import compute_page_kind
from miletus.sequencer.errors import SnapshotDamaged
from miletus.sequencer.log import sync_directory
from miletus.sequencer.telling import warn

MAGIC: Final = b"MILETUSS"
SUFFIX: Final = ".snapshot"
PAGE_BYTES: Final = 64 * 8


class Position(msgspec.Struct, frozen=True):
    """Where in the order a state stands: after the end of `batch`.

    `next_number` is the number that comes next, `running_keccak` the chain before it, `inbox_next` the first
    entry of L1's inbox that no batch has consumed, `root` the state's root (32 bytes).
    """

    identity: bytes
    epoch: int
    batch: int
    next_number: int
    running_keccak: bytes
    inbox_next: int
    root: bytes


class _Head(msgspec.Struct, frozen=True):
    position: Position
    pages: int
    digest: bytes


class Snapshot(NamedTuple):
    """A state: page numbers, and 64 integers a page, one after the other."""

    position: Position
    numbers: "array[int]"
    fields: "array[int]"

    def get_pages(self) -> tuple["vec[i64]", "vec[i64]", "vec[i64]"]:
        """Its pages as the machine gives them: numbers, kinds, fields."""
        numbers = self.numbers.tolist()
        kinds = [compute_page_kind(number) for number in numbers]
        return vec[i64](numbers), vec[i64](kinds), vec[i64](self.fields.tolist())


@dataclass(frozen=True)
class SnapshotStore:
    """The snapshots in a directory, of which the newest `keep` are kept."""

    directory: Path
    keep: int = 2

    def put(self, position: Position, pages: dict[int, bytes]) -> Path:
        """Write a snapshot of pages (number: 64 integers as bytes), and remove the oldest ones."""
        self.directory.mkdir(parents=True, exist_ok=True)
        numbers = sorted(pages)
        body = array("q", numbers).tobytes() + b"".join([pages[number] for number in numbers])
        digest = hashlib.blake2b(body, digest_size=32).digest()
        head = msgspec.msgpack.encode(_Head(position, len(numbers), digest))
        frame = MAGIC + len(head).to_bytes(4, "big") + zlib.crc32(head).to_bytes(4, "big") + head
        path = self.directory / f"{position.batch:010d}{SUFFIX}"
        draft = path.with_suffix(".draft")
        try:
            with draft.open("wb") as file:
                file.write(frame + zlib.compress(body, 1))
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        except OSError:
            draft.unlink(missing_ok=True)
            raise
        sync_directory(self.directory)
        for old in self.get_paths()[: -self.keep]:
            old.unlink()
        return path

    def get_paths(self) -> list[Path]:
        """The snapshots, oldest first."""
        return sorted(self.directory.glob(f"*{SUFFIX}"))

    def get_newest_first(self, identity: bytes, last_batch: int | None = None) -> Iterator[Snapshot]:
        """Whole snapshots of this deployment up to `last_batch`, newest first; a damaged one is warned of."""
        for path in reversed(self.get_paths()):
            try:
                snapshot = read_snapshot(path)
            except SnapshotDamaged as error:
                warn("snapshot not used", error=str(error))
                continue
            if snapshot.position.identity != identity:
                raise SnapshotDamaged(
                    f"{path}: of another chain or rollup; give the node a directory of its own"
                )
            if last_batch is None or snapshot.position.batch <= last_batch:
                yield snapshot


def read_snapshot(path: Path) -> Snapshot:
    """Read a snapshot. SnapshotDamaged, with the file's name, if it is not what was written."""
    raw = path.read_bytes()
    size = int.from_bytes(raw[8:12], "big")
    head_bytes, packed = raw[16 : 16 + size], raw[16 + size :]
    if raw[:8] != MAGIC or zlib.crc32(head_bytes) != int.from_bytes(raw[12:16], "big"):
        raise SnapshotDamaged(f"{path}: damaged head; remove the file, an older one or the log serves")
    head = msgspec.msgpack.decode(head_bytes, type=_Head)
    try:
        body = zlib.decompress(packed)
    except zlib.error:
        body = b""
    if hashlib.blake2b(body, digest_size=32).digest() != head.digest:
        raise SnapshotDamaged(f"{path}: damaged pages; remove the file, an older one or the log serves")
    split = head.pages * 8
    return Snapshot(head.position, array("q", body[:split]), array("q", body[split:]))
