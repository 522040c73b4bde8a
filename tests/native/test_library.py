"""Loading and calling the library when something is wrong: missing, stale, forked, killed by a panic."""

import os
import shlex
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from miletus import native
from miletus.native import library


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run code in a Python of its own, in which nothing is loaded yet."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_importing_does_not_load() -> None:
    result = run("import miletus.native as n; print(n.library._library)")
    assert result.stdout == "None\n", result.stderr


def test_a_missing_library_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(library.LIBRARY_VARIABLE, raising=False)
    monkeypatch.setattr(library, "__file__", str(tmp_path / "a" / "b" / "c" / "library.py"))
    with pytest.raises(native.NativeLibraryError, match=r"is missing .*libmiletus.so.*: run `make native`"):
        library.get_library_path()


def test_a_packaged_library_comes_before_the_checkout_s(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv(library.LIBRARY_VARIABLE, raising=False)
    monkeypatch.setattr(library, "__file__", str(tmp_path / "src" / "miletus" / "native" / "library.py"))
    built = tmp_path / "build" / "libmiletus.so"
    packaged = tmp_path / "src" / "miletus" / "native" / "libmiletus.so"
    for place in (built, packaged):
        place.parent.mkdir(parents=True)
        place.write_bytes(b"")
        assert library.get_library_path() == place


def test_the_environment_names_a_library(tmp_path: Path) -> None:
    code = "from miletus import native; print(native.hash7(1, 2))"
    good = run(code, MILETUS_NATIVE_LIBRARY=str(library.get_library_path()))
    assert good.stdout == f"{native.hash7(1, 2)}\n"
    gone = run(code, MILETUS_NATIVE_LIBRARY=str(tmp_path / "gone.so"))
    assert "gone.so: no such file, unset or correct it" in gone.stderr.splitlines()[-1]
    text = tmp_path / "text.so"
    text.write_text("this is no library")
    other = run(code, MILETUS_NATIVE_LIBRARY=str(text))
    assert "text.so is not the native library" in other.stderr.splitlines()[-1]
    assert "run `make native`" in other.stderr.splitlines()[-1]


def test_another_library_or_version_is_refused(tmp_path: Path) -> None:
    code = "from miletus import native; native.hash7(1)"
    source, built = tmp_path / "stale.c", tmp_path / "stale.so"
    for body in ("int miletus_abi(void) { return 999; }", "int something_else(void) { return 1; }"):
        source.write_text(body)
        subprocess.run(
            [*shlex.split(os.environ.get("CC", "cc")), "-shared", "-fPIC", "-o", str(built), str(source)],
            check=True,
        )
        result = run(code, MILETUS_NATIVE_LIBRARY=str(built))
        assert "run `make native`" in result.stderr.splitlines()[-1]


def test_a_fork_before_the_first_call_works() -> None:
    code = """
        import os
        from miletus import native
        pid = os.fork()
        value = native.hash7(1, 2)
        if pid:
            os.waitpid(pid, 0)
        print(value, flush=True)
    """
    result = run(code)
    assert result.stdout == f"{native.hash7(1, 2)}\n" * 2, result.stderr


def test_a_fork_after_the_first_call_is_told_so_and_does_not_hang() -> None:
    code = """
        import gc, os
        from miletus import native
        tree = native.Tree()
        pid = os.fork()
        if pid == 0:
            try:
                native.hash7(1)
            except native.NativeLibraryError as error:
                print(error, flush=True)
            del tree
            gc.collect()
            os._exit(0)
        os.waitpid(pid, 0)
        print(tree.root().hex(), flush=True)
    """
    result = run(code)
    refusal, root = result.stdout.splitlines()
    assert "forked after the native library was loaded" in refusal
    assert "spawn" in refusal
    assert root == native.Tree().root().hex()


def test_a_spawned_process_has_its_own() -> None:
    code = """
        import multiprocessing
        from miletus import native

        def work(key):
            return native.verify(*key.public, 7, key.sign(7))

        if __name__ == "__main__":
            key = native.derive_key(bytes(32))
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                print(pool.map(native.PrivateKey.sign.__get__(key), [7]) == [key.sign(7)])
    """
    result = run(code)
    assert result.stdout == "True\n", result.stderr


def test_a_panic_inside_is_an_exception_and_the_process_lives() -> None:
    """NULL for memory makes Go panic, in the caller's thread and in a worker's."""
    null, loaded = library.ffi.NULL, library.get_library()
    out = library.ffi.new("unsigned char[64]")
    calls = (
        lambda: loaded.miletus_hash7(1, null, 3, out),
        lambda: loaded.miletus_sign(null, out, out),
        lambda: loaded.miletus_derive(null, out),
        lambda: loaded.miletus_verify_many(5000, null, null, null, null),
        lambda: loaded.miletus_verify_many(-1, null, null, null, null),
        lambda: loaded.miletus_keccak(null, 10, out),
        lambda: loaded.miletus_hash15(1, null, -1, out),
    )
    for call in calls:
        with pytest.raises(native.NativeLibraryError, match="internal error in libmiletus"):
            library.check(call())
    assert native.hash7(1, 2) == native.hash7(1, 2)


def test_what_was_freed_is_an_error() -> None:
    loaded = library.get_library()
    handle = library.ffi.new("uint64_t *")
    library.check(loaded.miletus_tree_new(handle))
    library.check(loaded.miletus_tree_free(handle[0]))
    out = library.ffi.new("unsigned char[32]")
    for call in (
        lambda: loaded.miletus_tree_free(handle[0]),
        lambda: loaded.miletus_tree_root(handle[0], out, out),
        lambda: loaded.miletus_tree_prove(10**9, 0, out),
    ):
        with pytest.raises(ValueError, match="was freed already"):
            library.check(call())


def test_another_packing_is_refused() -> None:
    table = library.build_packing_table()
    loaded = library.get_library()
    library.check(loaded.miletus_set_packing(library.ffi.from_buffer(table), len(table)))
    table[-1] ^= 1
    with pytest.raises(ValueError, match="another packing of pages"):
        library.check(loaded.miletus_set_packing(library.ffi.from_buffer(table), len(table)))
    with pytest.raises(ValueError, match="packing: the table is malformed"):
        library.check(loaded.miletus_set_packing(library.ffi.from_buffer(table), len(table) - 1))


def test_trees_are_freed_with_their_objects() -> None:
    code = """
        import gc
        from miletus import native
        from miletus.engine import layout
        kind = int(layout.KIND_BOOK)
        numbers = list(range(0, 2**30, 2**20))
        fields = [1] + [0] * 63
        def fill():
            tree = native.Tree()
            tree.update(numbers, [kind] * len(numbers), fields * len(numbers))
        for _ in range(3):
            fill()
        gc.collect()
        print(native.library.get_library().miletus_tree_free(3) != native.library.ffi.NULL)
    """
    result = run(code)
    assert result.stdout == "True\n", result.stderr
