"""Set-up on a machine that lacks a tool: one line says which, and what to install."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.house.repository import ROOT

FILES = ("Makefile", "package.json", "package-lock.json", "pyproject.toml", "requirements.lock")


@pytest.mark.parametrize(
    ("variable", "target", "line"),
    [
        ("PYTHON", "build/stamps/python", "make: no-such-tool is missing: install Python 3.11"),
        ("NPM", "build/stamps/node", "make: no-such-tool is missing: install Node.js with npm"),
        ("GO", "build/libmiletus.so", "make: no-such-tool is missing: install Go 1."),
        ("GO", "build/stamps/staticcheck", "make: no-such-tool is missing: install Go 1."),
    ],
)
def test_a_missing_tool_is_named_with_what_to_install(
    tmp_path: Path, variable: str, target: str, line: str
) -> None:
    for name in FILES:
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "native").mkdir()
    shutil.copy(ROOT / "native" / "go.mod", tmp_path / "native" / "go.mod")
    done = subprocess.run(
        ["make", "--silent", f"{variable}=no-such-tool", target],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert done.stderr.splitlines()[0].startswith(line)
    assert not (tmp_path / target).exists()


def test_the_go_that_is_asked_for_is_the_one_that_the_modules_need() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for module in ("native", "circuits"):
        lines = (ROOT / module / "go.mod").read_text().splitlines()
        version = next(line.split()[1] for line in lines if line.startswith("go "))
        assert f"Go {'.'.join(version.split('.')[:2])} or newer" in makefile
