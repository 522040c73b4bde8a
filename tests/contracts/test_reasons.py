"""Every reason for which a contract can refuse is named after its module and provoked by a test."""

import ast
import re
from pathlib import Path

from tests.contracts.world import CONTRACTS

REASON = re.compile(r'assert .*?, "([^"]*)"$', re.MULTILINE)
BARE = re.compile(r"^\s*assert [^,]*$", re.MULTILINE)
SOURCES = sorted(path for path in CONTRACTS.glob("*.vy") if path.stem != "TestToken")


def get_literals(path: Path) -> set[str]:
    nodes = ast.walk(ast.parse(path.read_text()))
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def test_every_reason_begins_with_its_module() -> None:
    reasons = {path: REASON.findall(path.read_text()) for path in SOURCES}
    assert sum(map(len, reasons.values())) > 50
    for path, found in reasons.items():
        assert len(found) == path.read_text().count("    assert "), f"{path.name}: an assert has no reason"
        for reason in found:
            assert reason.startswith(f"{path.stem.lower()}: "), f"{path.name}: {reason}"


def test_every_reason_is_provoked_by_a_test() -> None:
    tests = Path(__file__).parent.glob("test_*.py")
    provoked = set().union(*(get_literals(path) for path in tests if path != Path(__file__)))
    reasons = {reason for path in SOURCES for reason in REASON.findall(path.read_text())}
    assert sorted(reasons - provoked) == []
