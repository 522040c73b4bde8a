"""Small changes to the contracts' sources, each of which some test must notice."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SWAPS = (
    (" >= ", " > "),
    (" <= ", " < "),
    (" < ", " <= "),
    (" > ", " >= "),
    (" == ", " != "),
    (" != ", " == "),
    (" + ", " - "),
    (" - ", " + "),
    (" << ", " >> "),
    (" >> ", " << "),
    (" | ", " & "),
    (" & ", " | "),
    (" and ", " or "),
    (" or ", " and "),
    (" += ", " -= "),
    (" -= ", " += "),
    (" % ", " // "),
    (" * ", " + "),
    ("True", "False"),
    ("False", "True"),
    ("min(", "max("),
    ("max(", "min("),
)
REMOVED = re.compile(
    r"self\.\w+\(|self\..* [+-|]?= |custody\.|credit\._|outbox\._mark|accounts\._assert|words\._assert"
    r"|batches\._cut|clocks\._give|bounties\._|facts\._put|pots\._|statements\._"
    r"|origin\.|extcall|log \w+\(.*\)$"
)
"""Statements that are also left out as a whole; every assert is too."""


@dataclass(frozen=True)
class Mutant:
    """One line of one file, changed."""

    file: str
    line: int
    old: str
    new: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line + 1}: {self.old.strip()} -> {self.new.strip()}"

    def apply(self, folder: Path) -> None:
        """Change the copy of the sources in `folder`."""
        path = folder / self.file
        lines = path.read_text().split("\n")
        assert lines[self.line] == self.old
        lines[self.line] = self.new
        path.write_text("\n".join(lines))


def find_mutants(folder: Path) -> Iterator[Mutant]:
    """All mutants of the contracts in `folder`, in the order of their places."""
    for path in sorted(folder.glob("*.vy")):
        if path.stem == "TestToken":
            continue
        for number, line in find_code(path.read_text()):
            for changed in mutate(line):
                yield Mutant(path.name, number, line, changed)


def find_code(text: str) -> Iterator[tuple[int, str]]:
    """Lines that are neither empty nor comment nor docstring, with their index."""
    within = False
    for number, line in enumerate(text.split("\n")):
        stripped = line.strip()
        quotes = stripped.count('"""')
        if quotes == 1:
            within = not within
        elif not (within or quotes or not stripped or stripped[0] in "#@"):
            yield number, line


def mutate(line: str) -> Iterator[str]:
    """The line with one operator swapped, or without what it does."""
    stripped = line.strip()
    is_assert = stripped.startswith("assert ")
    code = line.split(', "')[0] if is_assert else line
    for old, new in SWAPS:
        for match in re.finditer(re.escape(old), code):
            yield line[: match.start()] + new + line[match.end() :]
    if is_assert or (REMOVED.match(stripped) and not stripped.endswith("(")):
        yield line[: len(line) - len(line.lstrip())] + "pass"
