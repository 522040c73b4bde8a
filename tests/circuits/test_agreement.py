"""Random chunks of the engine end in the engine's root when the circuit's steps carry them out."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.circuits.chunks import write_chunks
from tests.engine.worlds import WORLDS

CIRCUITS = Path(__file__).resolve().parents[2] / "circuits"


def run_go(folder: Path, test: str, solve: bool, minutes: int) -> str:
    """Run one of the tests of circuits/edge over the chunks in a folder; gives what it says."""
    environment = {**os.environ, "MILETUS_CHUNKS": str(folder)}
    if solve:
        environment["MILETUS_CHUNKS_SOLVE"] = "1"
    command = ["go", "test", "-count=1", "-v", f"-timeout={minutes}m", "-run", f"^{test}$", "./edge"]
    done = subprocess.run(command, cwd=CIRCUITS, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    assert "--- SKIP" not in done.stdout
    assert f"--- PASS: {test}" in done.stdout
    return done.stdout


@pytest.mark.rule("11-R01", "11-R02")
def test_steps_agree_with_the_engine_on_random_chunks(tmp_path: Path) -> None:
    words = sum(write_chunks(tmp_path, world, seed, chunks=12) for seed, world in enumerate(WORLDS))
    assert words > 1_000
    said = run_go(tmp_path, "TestRandomChunksEndInTheEnginesRoot", solve=False, minutes=10)
    assert re.search(r"match:[1-9]", said)


@pytest.mark.rule("11-R02")
def test_random_chunks_satisfy_the_circuit(tmp_path: Path) -> None:
    write_chunks(tmp_path, "market", seed=77, chunks=3, words=20)
    run_go(tmp_path, "TestRandomChunksSatisfyTheCircuit", solve=True, minutes=10)


@pytest.mark.long
@pytest.mark.rule("11-R02")
def test_two_thousand_chunks_satisfy_the_circuit(tmp_path: Path) -> None:
    for seed, (world, chunks) in enumerate(
        {"market": 1_400, "brim": 250, "wide": 150, "genesis": 200}.items()
    ):
        write_chunks(tmp_path, world, 1_000 + seed, chunks, words=25)
    run_go(tmp_path, "TestRandomChunksSatisfyTheCircuit", solve=True, minutes=240)
