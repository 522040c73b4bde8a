"""A bond pays for the proof that takes it, or there is no deployment (docs/adr/0051-bonds.md)."""

import re
from pathlib import Path

import pytest

from miletus.settlement.deployment import (
    DEFAULT_FEE_WEI,
    EDGE_GAS,
    LEAST_BOND_WEI,
    LONGEST_PATHS,
    VERDICT_GAS,
    choose_bond,
    compute_least_bond,
    deploy,
)
from miletus.settlement.errors import SettlementError
from miletus.settlement.l1 import RollupParameters
from miletus.settlement.posting import SIZES
from tests.settlement.fixture_prover import get_fixture_keys
from tests.settlement.world import GENESIS, World

ADR = Path(__file__).parents[2] / "docs" / "adr" / "0051-bonds.md"
GWEI = 10**9


@pytest.mark.rule("08-R28")
@pytest.mark.parametrize("sizes", [1, 2, 3])
def test_half_of_the_least_bond_pays_for_the_longest_path(sizes: int) -> None:
    bond_wei = choose_bond(0, sizes)
    edges = LONGEST_PATHS[sizes - 1]
    assert bond_wei // 2 >= (edges * EDGE_GAS + VERDICT_GAS) * DEFAULT_FEE_WEI
    assert choose_bond(bond_wei, sizes) == bond_wei
    assert choose_bond(bond_wei + 1, sizes) == bond_wei + 1
    with pytest.raises(SettlementError, match=f"{edges:,} edges, gas at 1 gwei") as caught:
        choose_bond(bond_wei - 1, sizes)
    assert "\n" not in str(caught.value)
    assert choose_bond(0, sizes, 50 * GWEI) == compute_least_bond(edges, 50 * GWEI) == 50 * bond_wei


def test_where_nothing_can_be_proved_any_bond_will_do() -> None:
    assert choose_bond(0, 0) == LEAST_BOND_WEI
    assert choose_bond(1, 0) == 1


def test_the_sum_is_the_one_that_is_written_down() -> None:
    rows = re.findall(r"^\| (\w+) \| \d+ \| [\d.]+ \| ([\d,]+) \| ([\d.]+) ETH \|$", ADR.read_text(), re.M)
    written = [(size, int(edges.replace(",", "")), float(eth)) for size, edges, eth in rows]
    computed = [
        (size, edges, round(choose_bond(0, place + 1) / 10**18, 1))
        for place, (size, edges) in enumerate(zip(SIZES, LONGEST_PATHS, strict=True))
    ]
    assert written == computed


@pytest.mark.rule("08-R28")
def test_a_deployment_with_a_bond_too_small_is_refused_before_anything_is_sent(world: World) -> None:
    sender = world.make_sender(world.make_wallet())
    least_wei = choose_bond(0, 1)
    parameters = RollupParameters(world.sequencer.address, GENESIS.compute_root(), bond_wei=least_wei - 1)
    with pytest.raises(
        SettlementError, match="raise it, have a key of a larger size, or take gas for cheaper"
    ):
        deploy(sender, parameters, keys=get_fixture_keys())
    assert world.node.get_nonce(sender.address) == 0
    made = deploy(sender, parameters, keys=get_fixture_keys(), fee_wei=DEFAULT_FEE_WEI // 2)
    assert made.rollup != world.deployment.rollup
