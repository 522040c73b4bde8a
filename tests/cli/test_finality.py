"""What an audit says of a batch: final by proof, by its window, in its window, removed; from L1 alone."""

import pytest

from miletus.cli.audit import find_in_removed
from miletus.cli.channel import Channel
from miletus.cli.finality import PENDING, PROVED, WINDOW, Finality, describe_finality, find_finality
from miletus.cli.roles.batcher import wait_for_verdict
from miletus.settlement.anvil import Anvil, AnvilControl
from miletus.settlement.challenger import Challenger
from miletus.settlement.errors import Superseded
from miletus.settlement.proving import BatchProver
from miletus.settlement.values import to_hex
from tests.settlement.fixture_prover import FixtureProver, get_fixture_keys
from tests.settlement.support import change_segment, lie, make_tower, post
from tests.settlement.world import GENESIS, USDC, WINDOW_S, SmallSequencer, Trader, World, deploy_world


@pytest.fixture(scope="module")
def deployed_with_keys(anvil: Anvil, shared_control: AnvilControl) -> World:
    return deploy_world(anvil.connect(timeout_seconds=20.0), shared_control, get_fixture_keys())


@pytest.fixture
def world(deployed_with_keys: World, control: AnvilControl) -> World:
    """A deployment whose batches can be proved; the chain is put back afterwards."""
    made = deployed_with_keys
    return World(made.node, control, made.deployment, made.sequencer)


def make_challenger(world: World) -> Challenger:
    sender = world.make_sender(world.make_wallet())
    prover = BatchProver(world.make_view(), GENESIS, sender, FixtureProver())  # type: ignore[arg-type]
    return Challenger(make_tower(world), prover)


def look(world: World, number: int) -> Finality:
    view = world.make_view()
    view.poll()
    posted = view.get_batch(number)
    assert posted is not None
    return find_finality(view, posted)


@pytest.mark.rule("08-R27", "08-R09")
def test_a_batch_is_pending_then_proved_or_past_its_window(
    world: World, alice: Trader, sequencer: SmallSequencer
) -> None:
    for amount in (1, 2):
        sequencer.close([alice.withdraw(amount * USDC)])
    post(world, sequencer)
    pending = look(world, 1)
    assert (pending.kind, pending.final_at_s, pending.parts) == (PENDING, 0, ())
    assert 0 < pending.seconds_left <= WINDOW_S
    assert "in its window for" in describe_finality(pending, 0)["finality"]

    challenger = make_challenger(world)
    challenger.prover.prove(1)
    proved = look(world, 1)
    assert proved.kind == PROVED
    assert [part.part for part in proved.parts] == ["segment 0", "segment 1", "outbox"]
    assert {part.payee for part in proved.parts} == {challenger.prover.sender.address}
    assert proved.l1_transaction == proved.parts[-1].l1_transaction
    told = describe_finality(proved, 0)
    assert "final by proof since" in told["finality"]
    assert proved.l1_transaction in told["proofs"]

    world.pass_time(WINDOW_S)
    assert "its window has passed" in describe_finality(look(world, 2), 0)["finality"]
    world.do(world.make_sender(world.make_wallet()), "finalise", world.rollup.finalise())
    late = look(world, 2)
    assert (late.kind, late.parts, late.seconds_left) == (WINDOW, (), 0)
    assert "without a challenge" in describe_finality(late, 0)["finality"]
    assert look(world, 1).kind == PROVED


@pytest.mark.rule("08-R22", "08-R28")
def test_a_removed_batch_is_told_until_it_is_posted_again_and_after(
    world: World, alice: Trader, sequencer: SmallSequencer
) -> None:
    """What was built on the lie is told to be removed; its number is found again once it is posted anew."""
    sequencer.close([alice.withdraw(1 * USDC)])
    sequencer.close([alice.withdraw(2 * USDC)])
    honest = lie(sequencer, 1, change_segment(1, root=bytes(31) + b"\x07"))
    post(world, sequencer)
    lied = world.rollup.get_batch(1).id
    number = (
        1 + 1 + len(sequencer.batches[0].segments[0].words) // 31 + 1
    )  # its opening, inbox words and their end
    view = world.make_view()
    view.poll()
    assert find_in_removed(view, number) == ""
    challenger = make_challenger(world)
    challenger.poll()
    view.poll()
    assert view.batches == []
    told = find_in_removed(view, number)
    assert f"was in batch 1 ({to_hex(lied)[:12]})" in told
    assert "posted again" in told
    assert find_in_removed(view, 10**6) == ""

    sequencer.batches[0] = honest
    world.control.mine()
    post(world, sequencer)
    found = look(world, 1)
    assert found.kind == PENDING
    (removed,) = found.removed_before
    assert (removed.batch_id, removed.payee) == (to_hex(lied), challenger.prover.sender.address)
    assert removed.reward_wei == removed.burnt_wei > 0
    assert "proved wrong by" in describe_finality(found, 0)["removed before"]
    assert look(world, 2).removed_before == ()


@pytest.mark.rule("08-R22")
def test_a_batcher_waits_for_the_verdict_on_a_batch_of_another_until_it_is_final() -> None:
    channel = Channel({}, supervised=False)
    error = Superseded("batch 7 on L1, by 0x12, is not the one that the sequencer closed", 7)
    wait_for_verdict(channel, error, 6)
    assert "waiting for its verdict" in channel.problem
    with pytest.raises(Superseded):
        wait_for_verdict(channel, error, 7)
