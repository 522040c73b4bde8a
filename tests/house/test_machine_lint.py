"""The machine is pure, and gives the same in both builds: as far as its text can tell."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import build_engine
import pytest

from tests.house.machine_lint import Finding, find_impurities, find_pitfalls
from tests.house.repository import ROOT


def report(paths: list[Path], check: Callable[[str], list[Finding]]) -> list[str]:
    found = ((path, check((ROOT / path).read_text())) for path in paths)
    return [f"{path}:{line}: {text}" for path, findings in found for line, text in findings]


def test_the_engine_is_pure() -> None:
    engine = sorted((ROOT / "src" / "miletus" / "engine").rglob("*.py"))
    assert report([path.relative_to(ROOT) for path in engine], find_impurities) == []


def test_the_compiled_modules_hold_no_known_pitfall_of_mypyc() -> None:
    codec = [path for path in build_engine.get_sources() if "codec" in path.parts]
    engine = [path for path in build_engine.get_sources() if "codec" not in path.parts]
    assert report(engine, find_pitfalls) == []
    assert report(codec, partial(find_pitfalls, wide_integers=True)) == []


@pytest.mark.parametrize(
    "source",
    [
        "x = 0.5",
        "x = 1e3",
        "x = 1j",
        "x = y / 2",
        "x /= 2",
        "x: float",
        "x = float(y)",
        "x = round(y)",
        "import time",
        "import random",
        "import os.path",
        "from io import BytesIO",
        "import socket",
        "import threading",
        "from datetime import datetime",
        "import numpy as np",
        "from librt import time",
        "from miletus import codec",
        "x = id(y)",
        "x = hash(y)",
        "x = open(y)",
        "print(x)",
        "for x in {1, 2}: pass",
        "x = {1, 2}",
        "x = {y for y in z}",
        "x = set(y)",
        "x = [y for y in frozenset(z)]",
    ],
)
def test_an_impurity_is_reported(source: str) -> None:
    assert find_impurities(source) != []


@pytest.mark.parametrize(
    "source",
    [
        "x = 1 << k",
        "x = -1 << k",
        "x = WIDTH << k",
        "x = layout.WIDTH << k",
        "x = y << 64",
        "x = y >> 63",
        "for k in range(n): n = n - 1",
        "for k in range(n): n -= 1",
        "for k in range(0, n):\n    if k: n = 3",
        "for k in range(self.count): self.count -= 1",
        "for k in range(len(xs)): xs = []",
        "for k in range(n):\n    for n in range(3): pass",
        "x = i32(y)",
        "x = u8(y)",
        "x = y is 3",
        "x = y is not WIDTH",
        "def f(n):\n    for k in range(n):\n        pass\n    return k",
    ],
)
def test_a_pitfall_is_reported(source: str) -> None:
    assert find_pitfalls(source) != []


def test_wide_integers_may_be_shifted_wide_and_nothing_else() -> None:
    assert find_pitfalls("x = y << 248\nx = y >> 64", wide_integers=True) == []
    assert find_pitfalls("x = 1 << k", wide_integers=True) != []


@pytest.mark.parametrize(
    "source",
    [
        "x = y // 2\nx //= 2\nx = y % 3",
        "from typing import Final\nfrom librt.vecs import vec\nfrom mypy_extensions import i64",
        "from librt import vecs\nfrom miletus.engine.layout import PAGE\nfrom . import numbers",
        "from miletus.engine import book",
        "x = y in {1, 2}",
        "for key in table: pass",
        "x = y << 3\nx = y << k\nx = y >> 5",
        "for k in range(n): m = n",
        "for k in range(n): cells[n] = k",
        "for k in range(n): pass\nn = 3",
        "vec[u8]([0])",
        "x = y is None",
        "def f(n):\n    for k in range(n):\n        g(k)\n    for k in range(n):\n        h(k)",
        "def f(n):\n    for k in range(n):\n        g(k)\n    k = 3\n    return k",
    ],
)
def test_what_is_fine_is_not_reported(source: str) -> None:
    assert find_impurities(source) == []
    assert find_pitfalls(source) == []
