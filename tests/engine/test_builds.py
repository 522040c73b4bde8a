"""The compiled machine and its own source, interpreted, end in the same state, page by page (spec 01-R01)."""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from miletus import build_kind
from tests.engine.flow import ITEM, Flow
from tests.engine.pair import Pair, restore
from tests.engine.support import get_pages
from tests.engine.worlds import WORLDS

ROOT = Path(__file__).resolve().parents[2]
RUNS = [("market", 300), ("brim", 150), ("wide", 60), ("genesis", 100)]
"""Worlds, and items of flow in each."""


def compute_digest(pair: Pair) -> str:
    """Hash every page and every receipt's accumulator."""
    pages = sorted(get_pages(pair.machine).items())
    return hashlib.sha256(json.dumps(pages).encode()).hexdigest()


def run_flows() -> list[str]:
    """Run one flow in each world and give the digests of its end, and of the state after every 20 items."""
    digests = []
    for seed, (world, items) in enumerate(RUNS):
        pair = restore(WORLDS[world]())
        flow, dice = Flow(pair), random.Random(seed)
        for number in range(items):
            flow.step(dice.randbytes(ITEM))
            if number % 20 == 19:
                digests.append(compute_digest(pair))
    return digests


@pytest.mark.rule("01-R01", "02-R03")
def test_both_builds_end_in_the_same_state() -> None:
    if build_kind() != "compiled":
        pytest.skip("there is no compiled machine here to compare with: make build")
    environment = os.environ | {"MILETUS_INTERPRETED": "1", "PYTHONPATH": f"{ROOT}:{ROOT / 'scripts'}"}
    command = [sys.executable, "-m", "tests.engine.test_builds"]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stderr
    other = json.loads(done.stdout)
    assert other["build"] == "interpreted"
    assert other["digests"] == run_flows()


if __name__ == "__main__":
    print(json.dumps({"build": build_kind(), "digests": run_flows()}))
