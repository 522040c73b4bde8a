"""What a removal does to those who did nothing wrong: users whose entries were in it, the next proposers."""

import pytest

from tests.contracts.proving import Prover, post
from tests.contracts.world import DAY_S, World, refused

SHUT = "rollup: only the sequencer may propose now"
NO_FREEZE = "rollup: no inbox entry has waited long enough"


def deposit(world: World) -> None:
    world.deposit("trader", 16, 5_000_000)


@pytest.mark.rule("08-R22", "08-R06")
def test_entries_of_a_removed_batch_wait_again_with_a_time_of_grace(proving: Prover) -> None:
    """A lie that held them for days must neither freeze the rollup nor leave them out of the next batch."""
    world = proving.world
    grace_s = world.rollup_parameters["grace_s"]
    world.register("trader")
    deposit(world)
    deposit(world)
    world.wait(60)
    bad = post(world, inbox_count=1)
    post(world, bad, inbox_count=1)
    world.wait(4 * DAY_S)
    deposit(world)
    assert world.rollup.head_inbox_end() == 2
    with refused(NO_FREEZE):
        world.rollup.freeze()
    proving.refute(bad, 0)
    assert world.rollup.head_inbox_end() == 0
    for name in ("proposer", "thief"):
        with refused(SHUT):
            world.commit(name, world.draft(inbox_count=2))
    with refused(NO_FREEZE):
        world.rollup.freeze()
    world.wait(grace_s - 1)
    with refused(NO_FREEZE):
        world.rollup.freeze()
    with refused(SHUT):
        world.commit("proposer", world.draft(inbox_count=3))
    world.wait(1)
    assert world.rollup.is_open()
    world.commit("proposer", world.draft(inbox_count=2))
    assert world.rollup.head_inbox_end() == 2


@pytest.mark.rule("08-R22", "08-R06")
def test_nobody_serves_what_came_back_and_the_rollup_freezes(proving: Prover) -> None:
    world = proving.world
    world.register("trader")
    deposit(world)
    world.wait(60)
    bad = post(world, inbox_count=1)
    world.wait(world.rollup_parameters["freeze_s"])
    proving.refute(bad, 0)
    world.wait(world.rollup_parameters["grace_s"] - 1)
    with refused(NO_FREEZE):
        world.rollup.freeze()
    world.wait(1)
    world.rollup.freeze()
    world.vault.reclaim(0)


@pytest.mark.rule("08-R22", "08-R06")
def test_grace_never_shortens_an_entrys_time(proving: Prover) -> None:
    world = proving.world
    world.register("trader")
    deposit(world)
    world.wait(60)
    proving.refute(post(world, inbox_count=1), 0)
    deadline_s, grace_s = world.rollup_parameters["deadline_s"], world.rollup_parameters["grace_s"]
    assert grace_s + 60 < deadline_s
    world.wait(deadline_s - 61)
    world.commit("sequencer", world.draft(inbox_count=0))
    with refused(SHUT):
        world.commit("proposer", world.draft(inbox_count=1))
    world.wait(1)
    world.commit("proposer", world.draft(inbox_count=1))


@pytest.mark.rule("08-R22")
def test_what_no_batch_held_gets_no_grace(proving: Prover) -> None:
    world = proving.world
    world.register("trader")
    bad = post(world)
    deposit(world)
    world.wait(world.rollup_parameters["freeze_s"])
    proving.refute(bad, 0)
    world.rollup.freeze()


@pytest.mark.rule("08-R22")
def test_a_second_removal_keeps_the_grace_of_the_first(proving: Prover) -> None:
    """Entries that the first wrong batch held and the second one left out."""
    world = proving.world
    world.register("trader")
    deposit(world)
    deposit(world)
    world.wait(60)
    first = post(world, inbox_count=2)
    world.wait(4 * DAY_S)
    proving.refute(first, 0)
    second = post(world, inbox_count=1)
    world.wait(100)
    proving.refute(second, 0)
    post(world, inbox_count=1)
    with refused(NO_FREEZE):
        world.rollup.freeze()


@pytest.mark.rule("08-R22")
def test_the_sequencer_may_post_again_before_others_once(proving: Prover) -> None:
    """Else a race of liars could keep him out; but removal after removal must not keep others out."""
    world = proving.world
    silence_s, grace_s = world.rollup_parameters["silence_s"], world.rollup_parameters["grace_s"]
    world.wait(silence_s)
    bad = post(world, name="thief")
    proving.refute(bad, 0)
    assert world.rollup.exclusive_until_s() == world.now_s + grace_s
    with refused(SHUT):
        world.commit("proposer")
    assert not world.rollup.is_open()
    world.wait(grace_s - 1)
    with refused(SHUT):
        world.commit("proposer")
    world.wait(1)
    again = post(world, name="thief")
    until_s = world.rollup.exclusive_until_s()
    proving.refute(again, 0)
    assert world.rollup.exclusive_until_s() == until_s
    world.wait(1)
    world.commit("proposer")


@pytest.mark.rule("08-R22")
def test_in_its_exclusive_time_the_sequencer_posts(proving: Prover) -> None:
    world = proving.world
    world.wait(world.rollup_parameters["silence_s"])
    proving.refute(post(world, name="thief"), 0)
    world.wait(12)
    post(world)
    assert world.get_head().proposer == world["sequencer"]


@pytest.mark.rule("08-R10", "08-R22")
def test_the_number_of_a_removed_batch_pays_what_the_next_one_put_out(proving: Prover) -> None:
    world = proving.world
    world.register("trader")
    deposit(world)
    world.wait(60)
    lie = ((int(world["thief"], 16), 5_000_000),)
    proving.refute(post(world, outbox=lie), 0)
    world.wait(12)
    truth = ((int(world["trader"], 16), 2_000_000), (int(world["trader"], 16), 1))
    good = post(world, outbox=truth)
    world.finalize_all()
    with refused("outbox: proof has a wrong length"):
        world.claim(1, lie, 0, name="thief")
    world.claim(1, truth, 0)
    assert world.rollup.put_out_micros() == 2_000_001
    proving.refute(post(world, good, outbox=lie), 0)
    world.wait(12)
    post(world)
    world.finalize_all()
    assert world.rollup.put_out_micros() == 2_000_001
