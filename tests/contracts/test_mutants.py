"""The unit tests notice what is changed in the contracts.

A sample of all mutants is tried, or with MILETUS_ALL_MUTANTS=1 every one, which takes an hour.
"""

import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contracts.mutation import Mutant, find_mutants, mutate
from tests.contracts.world import CONTRACTS

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = 50
PARTS = (
    *("deployment", "proposing", "commit", "finality", "vault", "attacks", "inbox"),
    *("verifier", "verdicts", "statements", "attacks_on_proofs", "removals", "policies", "exit", "ticks"),
)
FIRST = {
    "Court.vy": "verdicts",
    "Exit.vy": "exit",
    "Verifier.vy": "verifier",
    "bounties.vy": "policies",
    "clocks.vy": "removals",
    "facts.vy": "verdicts",
    "identity.vy": "commit",
    "pots.vy": "verdicts",
    "statements.vy": "statements",
    "Rollup.vy": "commit",
    "batches.vy": "finality",
    "inbox.vy": "inbox",
    "outbox.vy": "finality",
    "tail.vy": "commit",
    "words.vy": "commit",
}
"""Which tests notice most changes of a file, so that they run first; else those of the vault."""
EQUIVALENT = {
    # paying for no words pays nothing
    "if batch.inbox_end > first: -> if batch.inbox_end >= first:",
    # the sum of no withdrawals is zero, and of a batch without any it is not looked at
    "if outbox_count > 0: -> if outbox_count >= 0:",
    # a share of all that there is, is all of it
    "if self.owed_micros > self.available_micros: -> if self.owed_micros >= self.available_micros:",
    # a call has a selector and arguments before the words
    'assert len(msg.data) >= 32 * count, "statements: input has no words" -> '
    'assert len(msg.data) > 32 * count, "statements: input has no words"',
    # no point of the curve has a coordinate that is 0 modulo the base: 3 is no square and -3 no cube there
    'assert point[0] < BASE and point[1] < BASE, "verifier: point is not of the curve" -> '
    'assert point[0] <= BASE and point[1] < BASE, "verifier: point is not of the curve"',
    'assert point[0] < BASE and point[1] < BASE, "verifier: point is not of the curve" -> '
    'assert point[0] < BASE and point[1] <= BASE, "verifier: point is not of the curve"',
    # nobody proves a path of 2^20 edges: 500,000 gas each, within the window
    'assert steps < 2**STEP_BITS and fact.edges < 2**EDGE_BITS, "facts: path is too long" -> '
    'assert steps < 2**STEP_BITS and fact.edges <= 2**EDGE_BITS, "facts: path is too long"',
    'assert end.steps < 2**STEP_BITS and end.edges < 2**EDGE_BITS, "facts: path is too long" -> '
    'assert end.steps < 2**STEP_BITS and end.edges <= 2**EDGE_BITS, "facts: path is too long"',
}
"""Changes that change nothing that can be seen."""


def test_mutants_are_made_of_code_alone() -> None:
    assert list(mutate('    assert a < b, "x: a < b + c"')) == [
        '    assert a <= b, "x: a < b + c"',
        "    pass",
    ]
    assert list(mutate("x: uint256 = a + b")) == ["x: uint256 = a - b"]
    assert len(list(find_mutants(CONTRACTS))) > 300


@pytest.mark.long
def test_no_mutant_survives(tmp_path: Path) -> None:
    mutants = [mutant for mutant in find_mutants(CONTRACTS) if not is_equivalent(mutant)]
    if not os.environ.get("MILETUS_ALL_MUTANTS"):
        mutants = random.Random().sample(mutants, SAMPLE)
    survivors = [str(mutant) for mutant in mutants if survives(mutant, tmp_path / "contracts")]
    assert survivors == []


def is_equivalent(mutant: Mutant) -> bool:
    return f"{mutant.old.strip()} -> {mutant.new.strip()}" in EQUIVALENT


def survives(mutant: Mutant, folder: Path) -> bool:
    """Whether the contracts compile with the change and every test passes."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(CONTRACTS, folder)
    mutant.apply(folder)
    first = FIRST.get(mutant.file, "vault")
    files = [f"tests/contracts/test_{part}.py" for part in sorted(PARTS, key=lambda part: part != first)]
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", *files]
    environment = {**os.environ, "MILETUS_CONTRACTS": str(folder)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.returncode == 0
