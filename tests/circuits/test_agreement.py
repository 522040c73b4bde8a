"""Random chunks of the engine end in the engine's root when the circuit's steps carry them out."""

import os
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from miletus.engine.reasons import Reason
from tests.circuits.lives import write_lives

CIRCUITS = Path(__file__).resolve().parents[2] / "circuits"
PARTS, PART_CHUNKS = 10, 200
"""The long test in parts, so that what is done is known and parts can run side by side."""


def run_go(folder: Path, test: str, minutes: int, *, solve: bool = False, every: bool = False) -> None:
    """Run one of the tests of circuits/edge over the chunks in a folder, and print what it counted.

    With `every`, each of the circuit's tables must be met.
    """
    wanted = {"MILETUS_CHUNKS": str(folder)}
    wanted |= {"MILETUS_CHUNKS_SOLVE": "1"} if solve else {}
    wanted |= {"MILETUS_CHUNKS_EVERY": "1"} if every else {}
    command = ["go", "test", "-count=1", "-v", f"-timeout={minutes}m", "-run", f"^{test}$", "./edge"]
    done = subprocess.run(command, cwd=CIRCUITS, env={**os.environ, **wanted}, capture_output=True, text=True)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    assert "--- SKIP" not in done.stdout
    assert f"--- PASS: {test}" in done.stdout
    print(done.stdout)


def hold_every_reason(reasons: Counter[str]) -> None:
    """Each reason that the machine knows is in a receipt of the chunks."""
    print("receipts", sum(reasons.values()), dict(reasons.most_common()))
    never = [reason.name for reason in Reason if reasons[reason.name] == 0]
    assert not never, f"no chunk has a receipt that says {', '.join(never)}"


@pytest.mark.rule("11-R01", "11-R02")
def test_steps_agree_with_the_engine_on_random_chunks(tmp_path: Path) -> None:
    hold_every_reason(write_lives(tmp_path, seed=3, chunks=300))
    run_go(tmp_path, "TestRandomChunksEndInTheEnginesRoot", minutes=20, every=True)


@pytest.mark.rule("11-R02")
def test_random_chunks_satisfy_the_circuit(tmp_path: Path) -> None:
    write_lives(tmp_path, seed=77, chunks=8)
    run_go(tmp_path, "TestRandomChunksSatisfyTheCircuit", minutes=20, solve=True)


@pytest.mark.long
@pytest.mark.rule("11-R02")
@pytest.mark.parametrize("part", range(PARTS))
def test_two_thousand_chunks_satisfy_the_circuit(tmp_path: Path, part: int) -> None:
    hold_every_reason(write_lives(tmp_path, seed=1_000 + part, chunks=PART_CHUNKS))
    run_go(tmp_path, "TestRandomChunksSatisfyTheCircuit", minutes=120, solve=True, every=True)
