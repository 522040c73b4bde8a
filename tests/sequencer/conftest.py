from collections.abc import Iterator
from pathlib import Path

import pytest

from miletus.sequencer.node import Node
from tests.sequencer.world import Clock, open_market


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def node(tmp_path: Path, clock: Clock) -> Iterator[Node]:
    """A node whose market is open; accounts 16 to 19 have money and a key."""
    opened = open_market(tmp_path / "node", clock)
    yield opened
    opened.close()
