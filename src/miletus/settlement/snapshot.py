"""The watchtower's own snapshot: a verified state, deep under L1's head, and where on L1 it is.

It saves time, and is trusted for nothing else: its pages must give the root that it names, and what it says
of L1 is held against L1 when the watchtower goes on.
"""

import hashlib
import os
from pathlib import Path
from typing import Final

import msgspec

from miletus.settlement.chain import Anchor, Entry
from miletus.settlement.errors import StoreError

MAGIC: Final = b"MILETUSW"
VERSION: Final = 1
_DIGEST: Final = 32


class Totals(msgspec.Struct, frozen=True):
    """Sums over verified batches."""

    batches: int = 0
    segments: int = 0
    words: int = 0
    operations: int = 0
    fills: int = 0
    l1_bytes: int = 0
    l1_gas: int = 0
    wrong_hashes: int = 0


class Snapshot(msgspec.Struct, frozen=True):
    """What a watchtower needs to go on.

    `identity` names chain, rollup and genesis. `pages` holds the state after batch `anchor.batch_number`,
    each page 512 bytes. `waiting` are the entries up to the anchor's block that no batch consumed, `trail`
    hashes of blocks up to it.
    """

    identity: str
    anchor: Anchor
    root: bytes
    totals: Totals
    waiting: tuple[Entry, ...]
    trail: tuple[tuple[int, bytes], ...]
    numbers: tuple[int, ...]
    pages: bytes


def save_snapshot(path: Path, snapshot: Snapshot) -> None:
    """Write it whole or not at all.

    Raises:
        StoreError: no space or no right to write.

    """
    body = msgspec.msgpack.encode(snapshot)
    raw = MAGIC + bytes([VERSION]) + hashlib.sha256(body).digest() + body
    draft = path.with_suffix(".draft")
    try:
        with draft.open("wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise StoreError(
            f"{path}: {error.strerror}; free space or choose another snapshot directory"
        ) from None


def load_snapshot(path: Path, identity: str) -> Snapshot | None:
    """Read it; None if there is none.

    Raises:
        StoreError: damaged, of another version, or of another deployment.

    """
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}; check the snapshot directory") from None
    start = len(MAGIC) + 1 + _DIGEST
    body = raw[start:]
    if raw[: len(MAGIC) + 1] != MAGIC + bytes([VERSION]):
        raise StoreError(f"{path} is no snapshot of this version; remove it, everything is then read from L1")
    if hashlib.sha256(body).digest() != raw[start - _DIGEST : start]:
        raise StoreError(f"{path} is damaged; remove it, everything is then read from L1")
    try:
        snapshot = msgspec.msgpack.decode(body, type=Snapshot)
    except msgspec.MsgspecError:
        raise StoreError(f"{path} can't be read; remove it, everything is then read from L1") from None
    if snapshot.identity != identity:
        raise StoreError(f"{path} belongs to {snapshot.identity}, not {identity}; use another directory")
    return snapshot
