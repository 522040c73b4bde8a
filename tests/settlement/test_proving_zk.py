"""Policy zk with real proofs of the real circuits: signatures are proved that L1 never sees."""

from collections.abc import Iterator

import pytest

from miletus.prover import Prover
from miletus.settlement.anvil import Anvil, AnvilControl
from miletus.settlement.keys import export_keys
from miletus.settlement.l1 import ZK
from miletus.settlement.proving import BatchProver
from miletus.settlement.signatures import SignatureInvalid, SignaturesMissing
from tests.settlement.support import post
from tests.settlement.world import GENESIS, USDC, SmallSequencer, Trader, World, deploy_world

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def prover() -> Iterator[Prover]:
    with Prover(setup=True, niceness=5) as running:
        yield running


@pytest.fixture(scope="module")
def deployed_zk(anvil: Anvil, shared_control: AnvilControl, prover: Prover) -> World:
    node = anvil.connect(timeout_seconds=20.0)
    return deploy_world(node, shared_control, export_keys(prover, ["small"]), policy=ZK)


@pytest.fixture
def world(deployed_zk: World, control: AnvilControl) -> World:
    """A deployment of policy zk; the chain is put back afterwards."""
    made = deployed_zk
    return World(made.node, control, made.deployment, made.sequencer)


@pytest.mark.rule("08-R31", "11-R08", "08-R27")
def test_a_batch_is_final_by_proofs_of_signatures_that_l1_has_not(
    world: World, alice: Trader, sequencer: SmallSequencer, prover: Prover
) -> None:
    """What comes through the inbox is whole; a transfer and a withdrawal are posted bare."""
    sequencer.close([alice.transfer(17, 5 * USDC)], [alice.withdraw(7 * USDC)])
    post(world, sequencer)
    sender = world.make_sender(world.make_wallet())
    with pytest.raises(SignaturesMissing):
        BatchProver(world.make_view(), GENESIS, sender, prover).prove(1)
    verdict = BatchProver(world.make_view(), GENESIS, sender, prover, archive=sequencer).prove(1)
    assert verdict.final
    assert verdict.proofs == verdict.posted >= 4
    assert world.rollup.get_final_number() == 1


@pytest.mark.rule("08-R31", "11-R08", "11-R02")
def test_the_circuit_has_no_proof_of_a_signature_that_does_not_hold(
    world: World, alice: Trader, sequencer: SmallSequencer, prover: Prover, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even for who leaves out our own check of it, and claims what would follow if it held."""
    forged = bytearray(alice.withdraw(999 * USDC))
    forged[-1] ^= 1
    thief = SmallSequencer(world, off_chain=True)
    assert thief.close([bytes(forged)]).outbox
    post(world, thief)
    sender = world.make_sender(world.make_wallet())
    batch_prover = BatchProver(world.make_view(), GENESIS, sender, prover, archive=thief)
    with pytest.raises(SignatureInvalid):
        batch_prover.prove(1)
    monkeypatch.setattr("miletus.settlement.proving.check_signatures", lambda *_: None)
    with pytest.raises(Exception, match="segment 1") as caught:
        batch_prover.prove(1)
    assert type(caught.value).__module__.startswith("miletus.prover")
    assert world.rollup.get_final_number() == 0
