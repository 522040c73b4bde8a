"""An anvil with a deployment, as the tests of settlement have it."""

from tests.settlement.conftest import (  # noqa: F401
    alice,
    anvil,
    control,
    deployed,
    genesis_path,
    node,
    sequencer,
    shared_control,
    world,
)
