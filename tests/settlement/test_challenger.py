"""A lie is found, challenged and gone, and everybody goes on from the last good batch."""

import msgspec
import pytest

from miletus.prover import TooLittleMemory
from miletus.sequencer.feed import Outgoing
from miletus.settlement.anvil import Anvil, AnvilControl
from miletus.settlement.challenger import Challenger
from miletus.settlement.court import OUTBOX, Court
from miletus.settlement.errors import CallReverted
from miletus.settlement.proving import BatchProver, NothingToProve
from tests.settlement.fixture_prover import FixtureProver, get_fixture_keys
from tests.settlement.support import change_segment, get_closed, get_posted, lie, make_tower, poll_until, post
from tests.settlement.world import (
    GENESIS,
    REORG_AGE_S,
    USDC,
    WINDOW_S,
    SmallSequencer,
    Trader,
    World,
    deploy_world,
    make_batcher,
)


@pytest.fixture(scope="module")
def deployed_with_keys(anvil: Anvil, shared_control: AnvilControl) -> World:
    node = anvil.connect(timeout_seconds=20.0)
    return deploy_world(node, shared_control, get_fixture_keys())


@pytest.fixture
def world(deployed_with_keys: World, control: AnvilControl) -> World:
    """A deployment whose batches can be proved; the chain is put back afterwards."""
    made = deployed_with_keys
    return World(made.node, control, made.deployment, made.sequencer)


def make_challenger(world: World, prover: FixtureProver, depth: int = 64) -> Challenger:
    sender = world.make_sender(world.make_wallet())
    batch_prover = BatchProver(world.make_view(), GENESIS, sender, prover)  # type: ignore[arg-type]
    return Challenger(make_tower(world, depth=depth), batch_prover)


@pytest.mark.rule("08-R22", "08-R28", "09-R07")
@pytest.mark.parametrize("edges", [1, 3])
def test_a_lie_is_gone_and_the_sequencer_posts_again(
    world: World, alice: Trader, sequencer: SmallSequencer, edges: int
) -> None:
    """The honest batches after it are posted on the last good one, with the inbox entries that it held."""
    challenger = make_challenger(world, FixtureProver(edges))
    sequencer.close([alice.withdraw(1)])
    alice.deposit("more", 5 * USDC)
    world.pass_time(REORG_AGE_S)
    sequencer.close([alice.transfer(17, 5)], [alice.withdraw(7 * USDC)])
    sequencer.close([alice.withdraw(2)])
    honest = lie(sequencer, 2, change_segment(1, root=bytes(31) + b"\x07"))
    batcher = make_batcher(world, sequencer)
    poll_until(batcher, world, 3)
    assert [batch.number for batch in challenger.poll()] == [1]
    (verdict,) = challenger.verdicts
    assert verdict.removed
    assert verdict.proofs == verdict.posted == edges
    assert challenger.tower.alarm is None
    assert world.rollup.get_head_number() == 1
    (removal,) = challenger.tower.view.removals
    assert (removal.number, removal.wrong, len(removal.batches)) == (2, True, 2)
    assert challenger.tower.view.head_number == 1

    sequencer.batches[1] = honest
    poll_until(make_batcher(world, sequencer), world, 3)
    assert get_posted(world) == get_closed(sequencer)
    assert [batch.number for batch in challenger.poll()] == [2, 3]
    assert challenger.tower.replica.root == sequencer.replica.root


@pytest.mark.rule("08-R25", "08-R28")
def test_a_forged_list_of_withdrawals(world: World, alice: Trader, sequencer: SmallSequencer) -> None:
    challenger = make_challenger(world, FixtureProver())
    sequencer.close([alice.withdraw(7 * USDC)])
    thief = (Outgoing(b"\x66" * 20, 7 * USDC),)
    lie(sequencer, 1, lambda batch: msgspec.structs.replace(batch, outbox=thief))
    post(world, sequencer)
    assert challenger.poll() == []
    assert challenger.verdicts[0].removed
    assert world.rollup.get_head_number() == 0


@pytest.mark.rule("08-R28")
def test_two_lies_one_after_the_other(world: World, alice: Trader, sequencer: SmallSequencer) -> None:
    challenger = make_challenger(world, FixtureProver())
    sequencer.close([alice.withdraw(1)])
    honest = lie(sequencer, 1, change_segment(0, outbox=3))
    post(world, sequencer)
    assert challenger.poll() == []
    sequencer.batches[0] = honest
    lie(sequencer, 1, change_segment(1, root=bytes(31) + b"\x09"))
    world.control.mine()
    post(world, sequencer)
    assert challenger.poll() == []
    assert [verdict.removed for verdict in challenger.verdicts] == [True, True]
    assert world.rollup.get_next_bond() == 4 * world.rollup.bond_wei
    sequencer.batches[0] = honest
    world.control.mine()
    post(world, sequencer)
    assert [batch.number for batch in challenger.poll()] == [1]


@pytest.mark.rule("08-R21")
def test_a_prover_that_can_not_leaves_the_alarm(
    world: World, alice: Trader, sequencer: SmallSequencer
) -> None:
    prover = FixtureProver()
    challenger = make_challenger(world, prover)
    sequencer.close([alice.withdraw(1)])
    lie(sequencer, 1, change_segment(0, outbox=3))
    post(world, sequencer)
    prover.problem = TooLittleMemory("4 GiB are needed and 1 GiB is free")
    for _ in range(2):
        with pytest.raises(TooLittleMemory):
            challenger.poll()
    assert challenger.tower.alarm is not None
    prover.problem = None
    assert challenger.poll() == []
    assert challenger.verdicts[0].removed


@pytest.mark.rule("08-R21")
def test_nobody_challenged_in_time(world: World, alice: Trader, sequencer: SmallSequencer) -> None:
    challenger = make_challenger(world, FixtureProver())
    sequencer.close([alice.withdraw(1)])
    lie(sequencer, 1, change_segment(0, outbox=3))
    post(world, sequencer)
    world.pass_time(WINDOW_S)
    sender = world.make_sender(world.make_wallet())
    world.do(sender, "finalise", world.rollup.finalise())
    with pytest.raises(NothingToProve, match="final already"):
        challenger.poll()


@pytest.mark.rule("08-R22")
def test_a_reorganisation_takes_the_removal_back(
    world: World, alice: Trader, sequencer: SmallSequencer
) -> None:
    """The view has the batches again, the watchtower its alarm, and the challenger posts its proof again."""
    challenger = make_challenger(world, FixtureProver())
    sequencer.close([alice.withdraw(1)])
    sequencer.close([alice.withdraw(2)])
    sequencer.close([alice.withdraw(3)])
    lie(sequencer, 2, change_segment(0, outbox=3))
    post(world, sequencer)
    world.control.mine(3)
    challenger.poll()
    view = challenger.tower.view
    assert view.head_number == 1
    (removal,) = view.removals
    world.control.reorganise(world.node.get_head().number - removal.block_number + 1)
    tower = challenger.tower
    assert tower.poll() == []
    assert tower.alarm is not None
    assert tower.alarm.batch == 2
    assert (view.head_number, view.removals) == (3, [])
    challenger.poll()
    assert (view.head_number, len(view.removals)) == (1, 1)


@pytest.mark.rule("08-R31", "08-R22")
def test_a_removal_below_what_the_watchtower_has_settled(
    world: World, alice: Trader, sequencer: SmallSequencer
) -> None:
    """Right batches go too, if they are built on a wrong one or came to their deadline: all is read anew."""
    tower = make_tower(world, depth=2)
    for _ in range(18):
        sequencer.close([alice.withdraw(1)])
    post(world, sequencer)
    world.control.mine(5)
    assert len(tower.poll()) == 18
    assert tower.view.anchor is not None
    prover = make_challenger(world, FixtureProver()).prover
    # the circuit that says nothing lets a right batch be removed
    prover.prover = LyingProver()  # type: ignore[assignment]
    with pytest.raises(CallReverted, match="no such batch"):
        prover.prove(3)
    assert world.rollup.get_head_number() == 2
    assert tower.poll()
    assert (tower.view.head_number, tower.verified_number) == (2, 2)
    assert tower.alarm is None


class LyingProver(FixtureProver):
    """Says of the inbox segment that it ends elsewhere."""

    def _cut(self, job, segment, words, root, after, outbox):  # type: ignore[no-untyped-def]
        yield from super()._cut(job, segment, words, root, after + 1, outbox)


@pytest.mark.rule("08-R27")
def test_a_proved_batch_is_final(world: World, alice: Trader, sequencer: SmallSequencer) -> None:
    challenger = make_challenger(world, FixtureProver(2))
    sequencer.close([alice.withdraw(1)])
    post(world, sequencer)
    verdict = challenger.prover.prove(1)
    assert verdict.final
    assert verdict.posted == 2 + 2 + 1
    court = Court(world.node, world.rollup.court)
    assert court.is_part_proved(world.rollup.get_batch(1).id, OUTBOX)
