"""The state tree and its proofs (spec 02, 10-R01)."""

import os
import weakref
from typing import Any, Final, NamedTuple

from miletus.engine import layout
from miletus.native.library import check, elements_bytes, ffi, get_library, int64_buffer

DEPTH: Final = 10
"""Levels of 8-ary nodes over 2^30 pages."""

ARITY: Final = 8
CELLS: Final = 16

_SIBLINGS: Final = DEPTH * (ARITY - 1)
_FIELDS: Final = int(layout.PAGE)


class Proof(NamedTuple):
    """Siblings from a page to the root: 7 a level, the page's own level first, by child number."""

    number: int
    """Page number."""
    siblings: tuple[int, ...]
    """70 hashes."""

    def compute_root(self, cells: list[int]) -> bytes:
        """Compute the root that a page of these 16 cells has. Raises ValueError for a malformed proof."""
        if len(cells) != CELLS or len(self.siblings) != _SIBLINGS:
            raise ValueError(f"{len(cells)} cells and {len(self.siblings)} siblings: a proof has 16 and 70")
        out = ffi.new("unsigned char[32]")
        siblings = elements_bytes(self.siblings)
        check(get_library().miletus_proof_root(self.number, elements_bytes(cells), siblings, out))
        return bytes(ffi.buffer(out))


def verify_proof(root: bytes, cells: list[int], proof: Proof) -> bool:
    """Whether the page of the proof's number has these cells under `root`. A malformed proof is False."""
    try:
        return proof.compute_root(cells) == root
    except (ValueError, OverflowError):
        return False


def pack_page(kind: int, fields: Any) -> list[int]:
    """Pack the 64 integers of a page into its 16 cells. Raises ValueError for a field outside its width."""
    memory, count = int64_buffer(fields)
    if count != _FIELDS:
        raise ValueError(f"a page has {_FIELDS} fields, not {count}")
    out = ffi.new("unsigned char[512]")
    check(get_library().miletus_pack(kind, memory, out))
    raw = bytes(ffi.buffer(out))
    return [int.from_bytes(raw[at : at + 32]) for at in range(0, len(raw), 32)]


class Tree:
    """The hashes of a state: what was never touched is zero and takes no room. Threads may share one."""

    def __init__(self) -> None:
        handle = ffi.new("uint64_t *")
        check(get_library().miletus_tree_new(handle))
        self._handle: Final[int] = handle[0]
        weakref.finalize(self, _free, self._handle, os.getpid())

    def update(self, numbers: Any, kinds: Any, fields: Any, patient: bool = False) -> bytes:
        """Set pages and return the new root, 32 bytes. `patient`: on one core, at low priority.

        `numbers` and `kinds` have an integer a page, `fields` 64 a page: what `Machine.take_dirty` and
        `Machine.export_pages` return, or lists. Raises ValueError, with nothing changed, for a number outside
        the tree or given twice, an unknown kind, or a field outside its width.
        """
        count, numbers_memory, kinds_memory, fields_memory = _check_pages(numbers, kinds, fields)
        out = ffi.new("unsigned char[32]")
        library = get_library()
        check(
            library.miletus_tree_update(
                self._handle, patient, count, numbers_memory, kinds_memory, fields_memory, out
            )
        )
        return bytes(ffi.buffer(out))

    def root(self) -> bytes:
        """Return the root, 32 bytes."""
        return self._read()[0]

    def __len__(self) -> int:
        """Number of pages that are not zero."""
        return self._read()[1]

    def _read(self) -> tuple[bytes, int]:
        out, count = ffi.new("unsigned char[32]"), ffi.new("int64_t *")
        check(get_library().miletus_tree_root(self._handle, out, count))
        return bytes(ffi.buffer(out)), count[0]

    def prove(self, page_number: int) -> Proof:
        """Prove a page, touched or not. Raises ValueError for a number outside the tree."""
        out = ffi.new(f"unsigned char[{32 * _SIBLINGS}]")
        check(get_library().miletus_tree_prove(self._handle, page_number, out))
        raw = bytes(ffi.buffer(out))
        return Proof(page_number, tuple(int.from_bytes(raw[at : at + 32]) for at in range(0, len(raw), 32)))


def _check_pages(numbers: Any, kinds: Any, fields: Any) -> tuple[int, Any, Any, Any]:
    """Memory of the three arrays, which must be of one number of pages."""
    if isinstance(kinds, bytes | bytearray):
        kinds = list(kinds)
    numbers_memory, count = int64_buffer(numbers)
    kinds_memory, kind_count = int64_buffer(kinds)
    fields_memory, field_count = int64_buffer(fields)
    if kind_count != count or field_count != count * _FIELDS:
        raise ValueError(f"{count} page numbers with {kind_count} kinds and {field_count} fields (64 a page)")
    return count, numbers_memory, kinds_memory, fields_memory


def _free(handle: int, process: int) -> None:
    """Free a tree, but not in a child of the process that made it: Go does not run there."""
    if os.getpid() == process:
        get_library().miletus_tree_free(handle)
