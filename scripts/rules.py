"""Hold the rules of `spec/` against the tests that cite them.

A rule is a list line of `spec/*.md` that begins with its id: "- **05-R12** Initial margin is ...".
A test cites it by `@pytest.mark.rule("05-R12")`, several ids if it holds several, or in Go by a comment
`// rule: 05-R12` (several ids separated by commas).

    rules.py          print what no test cites and what does not exist, exit 1 if there is any
    rules.py --list   print every rule with the tests that cite it
"""

import argparse
import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RULE = re.compile(r"^- \*\*(\d{2}-R\d{2,})\*\*", re.MULTILINE)
GO_CITATION = re.compile(r"//\s*rule:\s*(.+)$", re.MULTILINE)
GO_FOLDERS = ("native", "circuits")


@dataclass(frozen=True)
class Place:
    """Where a rule is written or cited."""

    path: Path
    line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


Places = dict[str, list[Place]]


def find_rules(root: Path) -> Places:
    """Find every rule of the specification; an id that is written twice has two places."""
    rules: Places = defaultdict(list)
    for path in sorted((root / "spec").glob("*.md")):
        text = path.read_text()
        for match in RULE.finditer(text):
            rules[match[1]].append(get_place(root, path, text, match.start()))
    return rules


def find_citations(root: Path) -> Places:
    """Find every citation of a rule by a test, in Python and in Go."""
    citations: Places = defaultdict(list)
    for path in sorted((root / "tests").rglob("*.py")):
        for identity, line in find_python_citations(path.read_text()):
            citations[identity].append(Place(path.relative_to(root), line))
    for folder in GO_FOLDERS:
        for path in sorted((root / folder).rglob("*_test.go")):
            text = path.read_text()
            for match in GO_CITATION.finditer(text):
                for identity in match[1].replace(",", " ").split():
                    citations[identity].append(get_place(root, path, text, match.start()))
    return citations


def find_python_citations(text: str) -> Iterator[tuple[str, int]]:
    """Find the arguments of each call of `pytest.mark.rule`; anything but a literal is reported as it is."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.rule":
            for argument in node.args:
                literal = isinstance(argument, ast.Constant) and isinstance(argument.value, str)
                yield (ast.literal_eval(argument) if literal else ast.unparse(argument)), node.lineno


def get_place(root: Path, path: Path, text: str, offset: int) -> Place:
    """Turn an offset in a file into a place that a reader can open."""
    return Place(path.relative_to(root), text.count("\n", 0, offset) + 1)


def compute_complaints(rules: Places, citations: Places) -> list[str]:
    """Say what is wrong: written twice, never cited, or cited and not there."""
    twice = [
        f"{places[1]}: {identity} is already a rule at {places[0]}"
        for identity, places in rules.items()
        if len(places) > 1
    ]
    uncited = [
        f"{places[0]}: {identity} is cited by no test"
        for identity, places in rules.items()
        if identity not in citations
    ]
    unknown = [
        f"{place}: {identity} is no rule"
        for identity, places in citations.items()
        if identity not in rules
        for place in places
    ]
    return sorted(twice) + sorted(uncited) + sorted(unknown)


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--list", action="store_true", help="print every rule with the tests that cite it")
    rules, citations = find_rules(ROOT), find_citations(ROOT)
    if parser.parse_args().list:
        for identity in sorted(rules):
            print(identity, *citations.get(identity, ["-"]))
        return 0
    complaints = compute_complaints(rules, citations)
    print(*complaints, sep="\n", end="\n" if complaints else "")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
