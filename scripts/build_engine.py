"""Compile the machine: every module of `miletus.engine` and `miletus.codec`, as one mypyc group.

One group, so that a call from one module to another stays a C call. The extension modules go beside their
sources; `MILETUS_INTERPRETED=1` makes Python prefer the sources. Nothing is done when sources, compiler and
Python are those of the last build. Without a C compiler the old extension modules are removed and the
machine runs as Python.

    build_engine.py [--force | --check]        --check only tells by its exit status if a build is needed
"""

import argparse
import fcntl
import hashlib
import json
import os
import platform
import shutil
import sys
import sysconfig
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SOURCE = Path("src")
COMPILED_FOLDERS = (SOURCE / "miletus" / "engine", SOURCE / "miletus" / "codec")
"""The same packages as `COMPILED_PACKAGES` in `src/miletus/_interpreted.py`; a test compares them."""
GROUP = "miletus_machine"
"""Name of the shared library that all compiled modules live in: `miletus_machine__mypyc`."""
WORK = Path("build") / "engine"
MANIFEST = WORK / "manifest.json"


def get_sources() -> list[Path]:
    """List the modules to compile, relative to the root; the `__init__.py` of a package stays Python."""
    found = (path for folder in COMPILED_FOLDERS for path in (ROOT / folder).rglob("*.py"))
    return sorted(path.relative_to(ROOT) for path in found if path.name != "__init__.py")


def compute_digest(sources: Iterable[Path]) -> str:
    """Hash what a build depends on: the sources, this script, mypy, librt and the Python that loads it."""
    digest = hashlib.sha256()
    tools = (version("mypy"), version("librt"), platform.python_version(), str(get_compiler()))
    digest.update(json.dumps(tools).encode())
    for path in (Path(__file__).relative_to(ROOT), *sources):
        digest.update(f"\0{path}\0".encode() + (ROOT / path).read_bytes())
    return digest.hexdigest()


def get_compiler() -> str | None:
    """Find the C compiler that setuptools would call, or None when it or Python's headers are missing."""
    command = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()[0]
    header = Path(sysconfig.get_paths()["include"]) / "Python.h"
    return shutil.which(command) if header.exists() else None


def get_extension_files() -> set[Path]:
    """List the extension modules that lie in the source tree now, built from today's sources or not."""
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    folders = (ROOT / folder for folder in COMPILED_FOLDERS)
    found = {path for folder in folders for path in folder.rglob(f"*{suffix}")}
    return found | set((ROOT / SOURCE).glob(f"{GROUP}__mypyc*{suffix}"))


def is_current() -> bool:
    """Tell if the extension modules in the tree are exactly those that today's sources give."""
    try:
        manifest = json.loads((ROOT / MANIFEST).read_text())
    except (OSError, ValueError):
        return False
    built = {str(path.relative_to(ROOT)) for path in get_extension_files()}
    return bool(manifest == {"digest": compute_digest(get_sources()), "files": sorted(built)})


def make_extensions() -> list[Any]:
    """Translate the sources to C and return setuptools' extensions. Type errors end the process."""
    from mypyc.build import mypycify

    os.environ["MYPYPATH"] = str(SOURCE)
    sources = [str(path) for path in get_sources()]
    if not sources:
        return []
    target = str(WORK / "c")
    extensions = mypycify(sources, opt_level="3", debug_level="0", group_name=GROUP, target_dir=target)
    for extension in extensions:
        # all modules are one C file: without this the compiler may not inline across its functions
        extension.extra_compile_args.append("-fno-semantic-interposition")
    return extensions


def compile_extensions(library: Path) -> set[Path]:
    """Compile into `library`, away from the tree, so that a build that fails changes nothing."""
    from setuptools import Distribution

    distribution = Distribution({"name": "miletus", "ext_modules": make_extensions()})
    command = distribution.get_command_obj("build_ext")
    command.build_lib, command.build_temp = str(library), str(WORK / "objects")
    command.ensure_finalized()
    command.run()
    return set(library.rglob("*" + sysconfig.get_config_var("EXT_SUFFIX")))


def put_in_place(built: set[Path], library: Path) -> list[str]:
    """Move new extension modules beside their sources and remove those that no source gives any more."""
    places = {path: ROOT / SOURCE / path.relative_to(library) for path in built}
    for stale in get_extension_files() - set(places.values()):
        stale.unlink()
    for path, place in places.items():
        path.replace(place)
    return sorted(str(place.relative_to(ROOT)) for place in places.values())


def build() -> None:
    """Build, or fall back to Python, and record what was done."""
    sources = get_sources()
    digest = compute_digest(sources)
    library = WORK / "library"
    shutil.rmtree(library, ignore_errors=True)
    (ROOT / MANIFEST).unlink(missing_ok=True)
    files: list[str] = []
    if get_compiler() is None:
        put_in_place(set(), library)
        print("engine: no C compiler or no Python headers, the machine will run interpreted")
    elif not sources:
        put_in_place(set(), library)
        print("engine: no sources yet")
    else:
        files = put_in_place(compile_extensions(library), library)
        print(f"engine: {len(sources)} modules compiled")
    (ROOT / MANIFEST).write_text(json.dumps({"digest": digest, "files": files}))


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--force", action="store_true", help="build even if nothing changed")
    choice.add_argument("--check", action="store_true", help="build nothing; exit 1 if a build is needed")
    arguments = parser.parse_args()
    os.chdir(ROOT)
    if arguments.check:
        return 0 if is_current() else 1
    WORK.mkdir(parents=True, exist_ok=True)
    with (WORK / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two builds at once would take each other's files
        if arguments.force or not is_current():
            build()
    return 0


if __name__ == "__main__":
    sys.exit(main())
