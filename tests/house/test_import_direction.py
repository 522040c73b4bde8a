import pytest

from tests.house.import_direction import BELOW, find_wrong_imports, get_module
from tests.house.repository import ROOT

SOURCE_ROOT = ROOT / "src"


def test_every_module_imports_only_what_lies_below_it() -> None:
    wrong = [
        complaint
        for path in sorted(SOURCE_ROOT.rglob("*.py"))
        for complaint in find_wrong_imports(
            path.read_text(), get_module(path, SOURCE_ROOT), is_package=path.name == "__init__.py"
        )
    ]
    assert wrong == []


def test_the_direction_has_no_circle() -> None:
    for package, below in BELOW.items():
        assert package not in below
        for lower in below:
            assert BELOW[lower] <= below, f"{package} may import {lower}, but not what that imports"


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("miletus.engine.state", "import miletus.codec"),
        ("miletus.engine.state", "from miletus import codec"),
        ("miletus.engine.state", "from miletus import errors"),
        ("miletus.engine.state", "from ..codec import words"),
        ("miletus.engine.transactions.place_order", "from ...market import surface"),
        ("miletus.engine.state", "def late() -> None:\n    from miletus.lab import study"),
        ("miletus.codec.words", "from miletus.native import library"),
        ("miletus.native.library", "from miletus.sequencer.log import Log"),
        ("miletus.market.oracle", "from miletus.settlement import client"),
        ("miletus.sequencer.intake", "from miletus.gateway import server"),
        ("miletus.gateway.server", "from miletus.cli import main"),
        ("miletus.errors", "from miletus.engine import state"),
        ("miletus.unknown.thing", "import json"),
    ],
)
def test_an_import_against_the_direction_is_reported(module: str, source: str) -> None:
    assert len(find_wrong_imports(source, module)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("miletus.engine.state", "from miletus.engine import book\nfrom . import numbers\nimport typing"),
        ("miletus.codec.words", "from miletus.engine.layout import PAGE\nfrom miletus.errors import Bad"),
        ("miletus.cli.main", "from miletus.lab import study\nfrom miletus import __version__, build_kind"),
    ],
)
def test_an_import_along_the_direction_is_not_reported(module: str, source: str) -> None:
    assert find_wrong_imports(source, module) == []
