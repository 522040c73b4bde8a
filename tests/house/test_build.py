"""The machine in two builds from one source, and how Python chooses between them."""

import os
import shutil
import subprocess
import sys
import sysconfig
from importlib.machinery import PathFinder
from pathlib import Path

import build_engine
import pytest

import miletus
from miletus._interpreted import COMPILED_PACKAGES, SourceFinder
from tests.house.repository import ROOT

SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")
CONSTANTS = """
from typing import Final
from librt.vecs import vec
from mypy_extensions import i64
WIDTH: Final[i64] = 8
def get_cells(count: i64) -> vec[i64]:
    return vec[i64]([0] * (count * WIDTH))
"""
STATE = """
from mypy_extensions import i64
from miletus.engine.constants import WIDTH, get_cells
def compute_size(count: i64) -> i64:
    return i64(len(get_cells(count))) + WIDTH
"""
WORDS = """
from miletus.engine.state import compute_size
TOTAL = compute_size(2)
"""

needs_compiler = pytest.mark.skipif(
    build_engine.get_compiler() is None, reason="no C compiler, so there is only the interpreted build"
)


def test_the_finder_and_the_build_name_the_same_packages() -> None:
    folders = {
        str(folder.relative_to("src")).replace(os.sep, ".") for folder in build_engine.COMPILED_FOLDERS
    }
    assert folders == set(COMPILED_PACKAGES)


@pytest.mark.both_builds
@pytest.mark.parametrize("source", build_engine.get_sources(), ids=str)
def test_every_module_of_the_machine_runs_in_the_build_that_was_asked_for(source: Path) -> None:
    module = ".".join(source.relative_to("src").with_suffix("").parts)
    asked_for_source = os.environ.get("MILETUS_INTERPRETED", "") not in ("", "0")
    built = bool(build_engine.get_extension_files())
    assert miletus.build_kind(module) == ("interpreted" if asked_for_source or not built else "compiled")


def test_the_finder_prefers_a_source_only_in_the_packages_that_are_compiled(tmp_path: Path) -> None:
    (tmp_path / "state.py").touch()
    (tmp_path / f"state{SUFFIX}").touch()
    path = [str(tmp_path)]
    for name, found in {"miletus.engine.state": True, "miletus.market.state": False, "state": False}.items():
        spec = SourceFinder.find_spec(name, path)
        assert (spec is not None) == found
        if spec is not None:
            assert spec.origin == str(tmp_path / "state.py")
    usual = PathFinder.find_spec("miletus.engine.state", path)
    assert usual is not None
    assert usual.origin == str(tmp_path / f"state{SUFFIX}")


def test_the_kind_of_a_module_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(ModuleNotFoundError, match="nonsense"):
        miletus.build_kind("miletus.engine.nonsense")


class Tree:
    """A repository of its own with three small modules."""

    def __init__(self, root: Path) -> None:
        self.root = root
        engine, codec = root / "src/miletus/engine", root / "src/miletus/codec"
        for folder in (engine, codec, root / "scripts"):
            folder.mkdir(parents=True)
        for name in ("__init__.py", "_interpreted.py"):
            shutil.copy(ROOT / "src/miletus" / name, root / "src/miletus")
        shutil.copy(ROOT / "scripts/build_engine.py", root / "scripts")
        for package in (engine, codec):
            (package / "__init__.py").touch()
        self.constants, self.state, self.words = (
            engine / "constants.py",
            engine / "state.py",
            codec / "words.py",
        )
        self.constants.write_text(CONSTANTS)
        self.state.write_text(STATE)
        self.words.write_text(WORDS)

    def build(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return self.run("scripts/build_engine.py", *arguments, **environment)

    def ask(self, **environment: str) -> str:
        code = "import miletus, miletus.codec.words as w; print(miletus.build_kind(), w.TOTAL)"
        result = self.run("-c", code, **environment)
        assert result.returncode == 0, result.stderr
        return result.stdout.strip()

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        clean = {name: value for name, value in os.environ.items() if name != "MILETUS_INTERPRETED"}
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.root,
            env=clean | {"PYTHONPATH": str(self.root / "src")} | environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def get_extensions(self) -> dict[str, int]:
        return {
            path.name.split(".")[0]: path.stat().st_mtime_ns for path in self.root.rglob(f"src/**/*{SUFFIX}")
        }


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    tree = Tree(tmp_path_factory.mktemp("compiled"))
    result = tree.build()
    assert result.returncode == 0, result.stdout + result.stderr
    return tree


@pytest.fixture
def tree(compiled: Tree, tmp_path: Path) -> Tree:
    """A copy of the compiled tree that a test may spoil."""
    copy = Tree(tmp_path / "tree")
    shutil.copytree(compiled.root, copy.root, dirs_exist_ok=True)
    return copy


@needs_compiler
def test_all_modules_are_compiled_into_one_library(compiled: Tree) -> None:
    assert set(compiled.get_extensions()) == {"constants", "state", "words", "miletus_machine__mypyc"}
    assert compiled.ask() == "compiled 24"


@needs_compiler
def test_the_variable_makes_the_same_tree_run_its_sources(compiled: Tree) -> None:
    assert compiled.ask(MILETUS_INTERPRETED="1") == "interpreted 24"
    assert compiled.ask(MILETUS_INTERPRETED="0") == "compiled 24"


@needs_compiler
def test_nothing_is_built_twice_and_a_change_is_noticed(tree: Tree) -> None:
    before = tree.get_extensions()
    assert tree.build("--check").returncode == 0
    assert tree.build().stdout == ""
    assert tree.get_extensions() == before
    tree.state.write_text(STATE + "\n# changed\n")
    assert tree.build("--check").returncode == 1


@needs_compiler
def test_a_module_that_is_gone_leaves_no_extension_behind(tree: Tree) -> None:
    tree.words.unlink()
    assert tree.build("--check").returncode == 1
    assert tree.build().returncode == 0
    assert set(tree.get_extensions()) == {"constants", "state", "miletus_machine__mypyc"}


@needs_compiler
def test_a_type_error_stops_the_build_and_the_old_one_counts_as_stale(tree: Tree) -> None:
    before = tree.get_extensions()
    tree.state.write_text(STATE.replace("+ WIDTH", "+ 'eight'"))
    result = tree.build()
    assert result.returncode != 0
    assert "state.py" in result.stdout + result.stderr
    assert tree.get_extensions() == before
    assert tree.build("--check").returncode == 1


@needs_compiler
def test_without_a_compiler_the_machine_runs_as_python(tree: Tree) -> None:
    result = tree.build(CC="no-such-compiler")
    assert result.returncode == 0
    assert "no C compiler" in result.stdout
    assert tree.get_extensions() == {}
    assert tree.ask() == "interpreted 24"
