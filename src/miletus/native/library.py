"""Loading the Go library and calling it: the one place that knows of cffi.

The library is loaded at the first call, so that a process may fork before. After a fork Go's threads are gone
from the child: there every call is refused with a message instead of hanging for ever.
"""

import os
import threading
from array import array
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from cffi import FFI

from miletus.engine.packing import PACKING

LIBRARY_VARIABLE: Final = "MILETUS_NATIVE_LIBRARY"
"""Environment variable that names another library file."""

LIBRARY_NAME: Final = "libmiletus.so"

_ABI: Final = 2
_DECLARATIONS: Final = """
int32_t miletus_abi(void);
void miletus_free(char *message);
char *miletus_hash7(uint64_t tag, const void *elements, int64_t count, void *out);
char *miletus_hash15(uint64_t tag, const void *elements, int64_t count, void *out);
char *miletus_keccak(const void *data, int64_t size, void *out);
char *miletus_bind_data(const void *words, int64_t size, void *out);
char *miletus_absorb_receipts(int32_t patient, void *accumulator, const void *receipts, int64_t count);
char *miletus_derive(const void *seed, void *out);
char *miletus_sign(const void *key, const void *message, void *out);
char *miletus_verify_many(int64_t count, const void *publics, const void *messages, const void *signatures,
                          void *flags);
char *miletus_verify_operations(const void *domain, const void *words, int64_t size, const void *cells,
                                int64_t cell_count, const void *operations, int64_t count, void *flags);
char *miletus_set_packing(const void *values, int64_t count);
char *miletus_pack(int64_t kind, const void *fields, void *cells);
char *miletus_tree_new(void *handle);
char *miletus_tree_free(uint64_t handle);
char *miletus_tree_update(uint64_t handle, int32_t patient, int64_t count, const void *numbers,
                          const void *kinds, const void *fields, void *root);
char *miletus_tree_root(uint64_t handle, void *root, void *count);
char *miletus_tree_prove(uint64_t handle, int64_t page, void *out);
char *miletus_proof_root(int64_t page, const void *cells, const void *siblings, void *root);
"""


class NativeLibraryError(RuntimeError):
    """The Go library is missing, of another version, of no use after a fork, or failed inside."""


ffi: Any = FFI()
ffi.cdef(_DECLARATIONS)

_lock = threading.Lock()
_library: Any = None


def get_library_path() -> Path:
    """Find the library: the environment's, the one packaged beside this module, or the checkout's.

    Raises NativeLibraryError if there is none.
    """
    named = os.environ.get(LIBRARY_VARIABLE)
    if named:
        if not Path(named).is_file():
            raise NativeLibraryError(f"{LIBRARY_VARIABLE} names {named}: no such file, unset or correct it")
        return Path(named)
    here = Path(__file__).resolve().parent
    places = (here / LIBRARY_NAME, here.parents[2] / "build" / LIBRARY_NAME)
    for place in places:
        if place.is_file():
            return place
    raise NativeLibraryError(f"the native library is missing ({places[-1]}): run `make native`")


def build_packing_table() -> "array[int]":
    """The engine's PACKING as the flat table that the library reads (`tree.NewPacking`)."""
    values = [len(PACKING)]
    for cells in PACKING:
        values.append(len(cells))
        for slots in cells:
            values.append(len(slots))
            for field, bits, signed in slots:
                values += (field, bits, int(signed))
    return array("q", values)


def _load() -> Any:
    path = get_library_path()
    try:
        library = ffi.dlopen(str(path))
        abi = library.miletus_abi()
    except (OSError, AttributeError) as error:
        raise NativeLibraryError(f"{path} is not the native library ({error}): run `make native`") from None
    if abi != _ABI:
        raise NativeLibraryError(f"{path} is of version {abi}, not {_ABI}: run `make native`")
    table = build_packing_table()
    check(library.miletus_set_packing(ffi.from_buffer(table), len(table)), library)
    return library


def get_library() -> Any:
    """Return the loaded library; raises NativeLibraryError if it can't be had."""
    library = _library
    if library is not None:
        return library
    return _load_once()


def _load_once() -> Any:
    global _library
    with _lock:
        if _library is None:
            _library = _load()
    return _library


class _Forked:
    """Stands for the library in a child that was forked after it was loaded."""

    def __getattr__(self, name: str) -> Any:
        raise NativeLibraryError(
            "this process was forked after the native library was loaded, and Go can't live through that: "
            "use the start method 'spawn', or fork before the first hash, signature or tree"
        )


def _after_fork() -> None:
    global _library, _lock
    _lock = threading.Lock()
    if _library is not None:
        _library = _Forked()


os.register_at_fork(after_in_child=_after_fork)


def check(message: Any, library: Any = None) -> None:
    """Raise what a call returned: ValueError for a bad argument, NativeLibraryError for a fault inside."""
    if not message:
        return
    text = ffi.string(message).decode("utf-8", "replace")
    (library or _library).miletus_free(message)
    if text.startswith("internal error"):
        raise NativeLibraryError(text)
    raise ValueError(text)


def int64_buffer(values: Any) -> tuple[Any, int]:
    """Memory and number of 64-bit integers of a vec[i64], array, numpy array or memoryview, or of a list.

    Raises TypeError for a buffer of anything else.
    """
    if isinstance(values, list | tuple):
        values = array("q", values)
    view = memoryview(values)
    if view.format not in ("q", "l") or view.itemsize != 8 or not view.c_contiguous:
        raise TypeError(f"64-bit integers without gaps are needed, not a buffer of format {view.format!r}")
    return ffi.from_buffer(values), view.nbytes // 8


def element_bytes(element: int) -> bytes:
    """A field element as the library takes it; raises ValueError for what is no integer of 256 bits."""
    try:
        return element.to_bytes(32)
    except OverflowError:
        raise ValueError(f"{element} is not below the field's modulus") from None


def elements_bytes(elements: Iterable[int]) -> bytes:
    """Field elements, one after the other."""
    return b"".join([element_bytes(element) for element in elements])
