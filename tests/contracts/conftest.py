"""Every test of the contracts gets a deployment that nobody else has touched."""

from collections.abc import Iterator

import boa
import pytest

from tests.contracts.proving import Prover
from tests.contracts.world import World


@pytest.fixture
def world() -> Iterator[World]:
    with boa.env.anchor():
        yield World()


@pytest.fixture(scope="module")
def deployed() -> dict[int, Prover]:
    """Deployments with keys, one a policy, that no test changes."""
    return {policy: Prover(World(keys=True, rollup={"policy": policy})) for policy in (0, 1, 2)}


@pytest.fixture
def proving(deployed: dict[int, Prover]) -> Iterator[Prover]:
    """A deployment with keys, and somebody who proves whatever he is told."""
    with boa.env.anchor():
        yield deployed[0]


@pytest.fixture
def validity(deployed: dict[int, Prover]) -> Iterator[Prover]:
    """The same where nothing is final without proof."""
    with boa.env.anchor():
        yield deployed[1]


@pytest.fixture
def hybrid(deployed: dict[int, Prover]) -> Iterator[Prover]:
    """The same with bounties."""
    with boa.env.anchor():
        yield deployed[2]
