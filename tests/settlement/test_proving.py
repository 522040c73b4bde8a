"""Batches are proved, and lies removed, by real proofs of the real circuits on a real chain.

The first run makes development keys of the circuits, which are kept by the circuit's hash in build/keys.
"""

from collections.abc import Iterator

import msgspec
import pytest

from miletus.prover import Prover
from miletus.sequencer.feed import Outgoing
from miletus.settlement.anvil import Anvil, AnvilControl
from miletus.settlement.court import OUTBOX, Court
from miletus.settlement.errors import SettlementError
from miletus.settlement.keys import export_keys
from miletus.settlement.proving import BatchProver, NothingToProve
from tests.settlement.support import change_segment, lie, post
from tests.settlement.world import GENESIS, REORG_AGE_S, USDC, SmallSequencer, Trader, World, deploy_world

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def prover() -> Iterator[Prover]:
    with Prover(setup=True, niceness=5) as running:
        yield running


@pytest.fixture(scope="module")
def deployed_with_keys(anvil: Anvil, shared_control: AnvilControl, prover: Prover) -> World:
    node = anvil.connect(timeout_seconds=20.0)
    return deploy_world(node, shared_control, export_keys(prover, ["small"]))


@pytest.fixture
def world(deployed_with_keys: World, control: AnvilControl) -> World:
    """A deployment whose batches can be proved; the chain is put back afterwards."""
    made = deployed_with_keys
    return World(made.node, control, made.deployment, made.sequencer)


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def challenger(world: World, prover: Prover, told: list[str]) -> BatchProver:
    sender = world.make_sender(world.make_wallet())
    return BatchProver(world.make_view(), GENESIS, sender, prover, say=told.append)


@pytest.mark.rule("08-R21", "08-R23", "08-R25", "08-R27", "11-R02")
def test_a_proved_batch_is_final_before_its_window(
    world: World, alice: Trader, sequencer: SmallSequencer, challenger: BatchProver, told: list[str]
) -> None:
    """Deposit and key through the inbox, a transfer, a forged signature and a withdrawal: edge by edge."""
    forged = bytearray(alice.transfer(17, 1))
    forged[-1] ^= 1
    sequencer.close([alice.transfer(17, 5 * USDC), bytes(forged)], [alice.withdraw(7 * USDC)])
    post(world, sequencer)
    assert challenger.find_next() == 1
    committed_at_s = world.rollup.get_batch(1).committed_at_s
    verdict = challenger.prove(1)
    assert verdict.final
    assert verdict.wrong == ""
    assert verdict.proofs == verdict.posted >= 4  # three segments and the outbox
    assert world.rollup.get_final_number() == 1
    assert world.get_time() < committed_at_s + world.rollup.window_s
    court = Court(world.node, world.rollup.court)
    batch_id = world.rollup.get_batch(1).id
    assert all(court.is_part_proved(batch_id, part) for part in (0, 1, 2, OUTBOX))
    assert "peak memory" in told[-1]
    assert verdict.peak_bytes > 100 << 20
    with pytest.raises(NothingToProve, match="final already"):
        challenger.prove(1)
    with pytest.raises(NothingToProve, match="there is no batch 2 on L1"):
        challenger.prove(2)


@pytest.mark.rule("08-R22", "08-R28", "08-R24")
def test_a_lying_batch_is_removed_by_proof(
    world: World, alice: Trader, sequencer: SmallSequencer, challenger: BatchProver
) -> None:
    """Only the segment before the first wrong claim is proved, and half of the bond is the challenger's."""
    sequencer.close([alice.transfer(17, 5 * USDC)], [alice.withdraw(7 * USDC)])
    lie(sequencer, 1, change_segment(1, root=bytes(31) + b"\x07"))
    post(world, sequencer)
    bond_wei = world.rollup.get_batch(1).bond_wei
    verdict = challenger.prove(1)
    assert verdict.removed
    assert not verdict.final
    assert "segment 1: wrong root" in verdict.wrong
    assert world.rollup.get_head_number() == 0
    court = Court(world.node, world.rollup.court)
    assert court.get_credit(challenger.sender.address) == bond_wei // 2


@pytest.mark.rule("08-R25", "08-R28")
def test_a_forged_list_of_withdrawals_is_removed_by_proof(
    world: World, alice: Trader, sequencer: SmallSequencer, challenger: BatchProver
) -> None:
    sequencer.close([alice.withdraw(7 * USDC)])
    thief = (Outgoing(b"\x66" * 20, 7 * USDC),)
    lie(sequencer, 1, lambda batch: msgspec.structs.replace(batch, outbox=thief))
    post(world, sequencer)
    verdict = challenger.prove(1)
    assert (verdict.removed, verdict.proofs, verdict.steps) == (True, 1, 0)
    assert "wrong withdrawals" in verdict.wrong
    assert world.rollup.get_head_number() == 0


@pytest.mark.rule("08-R22", "08-R27")
def test_what_is_built_on_a_lie_is_not_proved_before_it(
    world: World, alice: Trader, sequencer: SmallSequencer, challenger: BatchProver
) -> None:
    sequencer.close([alice.transfer(17, 1)])
    sequencer.close([alice.transfer(17, 2)])
    lie(sequencer, 1, change_segment(0, outbox=3))
    post(world, sequencer)
    with pytest.raises(SettlementError, match="prove batch 1 first, which is wrong"):
        challenger.prove(2)
    assert challenger.prove(1).removed
    world.pass_time(REORG_AGE_S)
    assert world.rollup.get_head_number() == 0
