"""What a sequencer confirms of a group, in one call: chain, hashes and tree (spec 09-R08, 09-R11)."""

from array import array
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from miletus.native.library import NativeLibraryError, check, ffi, get_library

HASH_BYTES: Final = 32
"""Bytes of a hash, and of what each number stands for: a tag and a word."""

ffi.cdef(
    """
    char *miletus_confirm(const void *parts, int64_t size, const void *counts, int64_t items, uint64_t number,
                          uint64_t time_ms, const void *running, void *out);
    """
)


class GroupHashes(NamedTuple):
    """Hashes of a group. `running` and `words` are those of each item, `levels` the tree: leaves first."""

    words: list[bytes]
    """keccak256 of each item's 32-byte parts."""
    running: list[bytes]
    """The running keccak after each item."""
    levels: list[list[bytes]]
    """Hashes of the leaves, then of every level above; the last level is the root alone."""


def hash_group(parts: bytes, counts: Sequence[int], number: int, time_ms: int, running: bytes) -> GroupHashes:
    """Compute the hashes of a group of items.

    `parts` are the 32 bytes of each number, of which item i has counts[i]; `number` is the first one,
    `running` the chain before it (32 bytes). Raises ValueError if the counts don't add up to the parts.
    """
    if not counts or len(running) != HASH_BYTES:
        raise ValueError(f"a group of {len(counts)} items after a chain of {len(running)} bytes")
    sizes = [len(counts)]
    while sizes[-1] > 1:
        sizes.append((sizes[-1] + 1) // 2)
    out = ffi.new("unsigned char[]", (2 * sizes[0] + sum(sizes)) * HASH_BYTES)
    own = array("q", counts)
    try:
        confirm: Any = get_library().miletus_confirm
    except AttributeError:
        raise NativeLibraryError("the native library is older than its binding: run `make native`") from None
    check(
        confirm(
            ffi.from_buffer(parts), len(parts), ffi.from_buffer(own), len(own), number, time_ms, running, out
        )
    )
    raw = bytes(ffi.buffer(out))
    hashes = [raw[at : at + HASH_BYTES] for at in range(0, len(raw), HASH_BYTES)]
    leaves, above = hashes[: 3 * sizes[0]], hashes[3 * sizes[0] :]
    levels = [leaves[2::3]]
    at = 0
    for size in sizes[1:]:
        levels.append(above[at : at + size])
        at += size
    return GroupHashes(leaves[0::3], leaves[1::3], levels)
