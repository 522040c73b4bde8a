"""Which of the two builds of the machine runs: the compiled extension modules or their Python source."""

import importlib.machinery
import importlib.util
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Literal

COMPILED_PACKAGES = ("miletus.engine", "miletus.codec")
"""Packages whose modules `scripts/build_engine.py` compiles, as one group."""

BuildKind = Literal["compiled", "interpreted"]


class SourceFinder:
    """A meta path finder that sees only the `.py` files of the compiled packages, and nothing else."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find the source of `name`, or leave it to the next finder when it is not ours."""
        if path is None or not name.startswith(tuple(package + "." for package in COMPILED_PACKAGES)):
            return None
        loader = (importlib.machinery.SourceFileLoader, importlib.machinery.SOURCE_SUFFIXES)
        for entry in path:
            spec = importlib.machinery.FileFinder(entry, loader).find_spec(name, target)
            if spec is not None:
                return spec
        return None


def prefer_sources() -> None:
    """Prefer sources from now on; modules of the machine that were already imported stay as they are."""
    if SourceFinder not in sys.meta_path:
        sys.meta_path.insert(0, SourceFinder)


def build_kind(module: str = "miletus.engine.state") -> BuildKind:
    """Tell which build of `module` runs in this process, or would run if it were imported now."""
    spec = importlib.util.find_spec(module)
    origin = spec.origin if spec is not None else None
    if origin is None:
        raise ModuleNotFoundError(f"no module named {module!r}", name=module)
    return "interpreted" if origin.endswith(".py") else "compiled"
