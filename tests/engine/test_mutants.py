"""No change of book, margin or settlement goes unnoticed: the mutation run, and that it can fail."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import mutate
import pytest
from mutation.operators import find_mutants

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.long
def test_no_mutant_of_book_margin_and_settlement_survives() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/mutate.py", "--minutes", "90"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-10_000:] + done.stderr[-2_000:]


def test_every_mutant_that_is_called_equivalent_is_one_and_has_a_reason() -> None:
    names = {mutant.name for module in mutate.MODULES for mutant in find_mutants(mutate.get_path(module))}
    equivalent = mutate.read_equivalent()
    assert set(equivalent) <= names
    assert all(equivalent.values())


def test_mutants_of_a_small_module(tmp_path: Path) -> None:
    """Each operator once: comparison, arithmetic, constant, condition, removal; none in annotations."""
    path = tmp_path / "small.py"
    path.write_text(
        "def f(a: int) -> int:\n"
        '    """Never changed."""\n'
        "    b: int = a + 2\n"
        "    if a < 3 and not b:\n"
        "        b -= 1\n"
        "        g(b)\n"
        "        return\n"
        "    return -b if b else a\n"
    )
    changes = [(mutant.before, mutant.after) for mutant in find_mutants(path)]
    assert changes == [
        ("a + 2", "a - 2"),
        ("2", "3"),
        ("2", "1"),
        ("if a < 3 and (not b):", "if True:"),
        ("if a < 3 and (not b):", "if False:"),
        ("a < 3 and (not b)", "a < 3 or not b"),
        ("a < 3", "a <= 3"),
        ("a < 3", "a >= 3"),
        ("3", "4"),
        ("3", "2"),
        ("not b", "not not b"),
        ("b -= 1", "b += 1"),
        ("b -= 1", "nothing"),
        ("1", "2"),
        ("1", "0"),
        ("g(b)", "nothing"),
        ("return", "nothing"),
        ("-b if b else a", "a if b else -b"),
        ("-b", "+b"),
    ]


def test_names_are_read_alone_or_out_of_a_report(tmp_path: Path) -> None:
    file = tmp_path / "names.txt"
    file.write_text(
        "book.link: 1 -> 2 #1\n"
        "src/miletus/engine/book.py:25: survived: book.unlink: if a: b: -> if True:\n"
        "src/miletus/engine/book.py:26: not covered: book.rest: 0 -> 1\n\n"
    )
    names = {"book.link: 1 -> 2 #1", "book.unlink: if a: b: -> if True:", "book.rest: 0 -> 1"}
    assert mutate.read_names(file) == names


def test_a_change_in_a_statement_of_many_lines_is_covered_where_the_statement_is(tmp_path: Path) -> None:
    """The interpreter says of such a statement that it passed some line of it, not always the first."""
    path = tmp_path / "small.py"
    path.write_text(
        "def f(a: int) -> None:\n    if (\n        a < 3\n        or a > 5\n    ):\n        g(a)\n"
    )
    mutant = next(mutant for mutant in find_mutants(path) if mutant.after == "if True:")
    assert mutate.find_passing(mutant, {1: [9], 4: [2, 7], 6: [8]}) == [2, 7]
    assert mutate.find_passing(mutant, {1: [9], 6: [8]}) == []
