"""One anvil for all tests of a worker; each test gets the chain as it was and leaves it so."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from miletus.settlement.anvil import Anvil, AnvilControl
from miletus.settlement.node import L1Node
from tests.settlement.world import GENESIS, REORG_AGE_S, SmallSequencer, Trader, World, deploy_world


@pytest.fixture(scope="session")
def anvil() -> Iterator[Anvil]:
    # anvil writes old states to disk, and a reorganisation down to one of those loses the contracts
    with Anvil(arguments=("--prune-history", "100000")) as process:
        yield process


@pytest.fixture(scope="session")
def shared_control(anvil: Anvil) -> AnvilControl:
    return anvil.control()


@pytest.fixture
def control(shared_control: AnvilControl) -> Iterator[AnvilControl]:
    """The chain under control: automine on, nothing waiting; put back afterwards."""
    name = shared_control.snapshot()
    yield shared_control
    shared_control.set_automine(True)
    shared_control.drop_transactions()
    shared_control.revert(name)
    shared_control.set_next_base_fee(10**9)  # the snapshot does not hold it


@pytest.fixture
def node(anvil: Anvil, control: AnvilControl) -> Iterator[L1Node]:
    client = anvil.connect(timeout_seconds=20.0)
    yield client
    client.close()


@pytest.fixture(scope="session")
def deployed(anvil: Anvil, shared_control: AnvilControl) -> World:
    return deploy_world(anvil.connect(timeout_seconds=20.0), shared_control)


@pytest.fixture
def world(deployed: World, control: AnvilControl) -> World:
    """A deployment without a batch or an account; the chain is put back afterwards."""
    return World(deployed.node, control, deployed.deployment, deployed.sequencer)


@pytest.fixture
def alice(world: World) -> Trader:
    trader = Trader.join(world)
    world.pass_time(REORG_AGE_S)
    return trader


@pytest.fixture
def sequencer(world: World, alice: Trader) -> SmallSequencer:
    return SmallSequencer(world)


@pytest.fixture
def genesis_path(tmp_path: Path) -> Path:
    path = tmp_path / "genesis.json"
    GENESIS.save(path)
    return path
