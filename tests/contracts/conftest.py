"""Every test of the contracts gets a deployment that nobody else has touched."""

from collections.abc import Iterator

import boa
import pytest

from tests.contracts.world import World


@pytest.fixture
def world() -> Iterator[World]:
    with boa.env.anchor():
        yield World()
