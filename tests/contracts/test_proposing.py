"""Who may propose, and when the rollup stops."""

import pytest

from tests.contracts.world import World, refused

SHUT = "rollup: only the sequencer may propose now"


@pytest.mark.rule("08-R07")
def test_the_sequencers_silence_opens_proposing(world: World) -> None:
    silence_s = world.rollup_parameters["silence_s"]
    world.wait(100)
    world.commit("sequencer")
    world.wait(silence_s - 1)
    for name in ("proposer", "thief", "trader"):
        with refused(SHUT):
            world.commit(name)
    assert not world.rollup.is_open()
    world.wait(1)
    assert world.rollup.is_open()
    world.commit("proposer")
    assert world.get_head().proposer == world["proposer"]


@pytest.mark.rule("08-R07")
def test_silence_counts_from_the_deployment(world: World) -> None:
    world.wait(world.rollup_parameters["silence_s"] - 1)
    with refused(SHUT):
        world.commit("proposer")
    world.wait(1)
    world.commit("proposer")


@pytest.mark.rule("08-R07")
def test_only_the_sequencer_ends_his_silence(world: World) -> None:
    """Else one who commits empty batches would shut every honest proposer out, again and again."""
    world.wait(world.rollup_parameters["silence_s"])
    for name in ("thief", "proposer", "thief", "challenger"):
        world.commit(name)
        assert world.rollup.is_open()
    last_s = world.rollup.sequencer_last_at_s()
    world.commit("sequencer")
    assert world.rollup.sequencer_last_at_s() == world.now_s > last_s
    assert not world.rollup.is_open()
    with refused(SHUT):
        world.commit("thief")


@pytest.mark.rule("08-R06")
def test_an_entry_that_is_not_served_opens_proposing(world: World) -> None:
    account = world.register("trader")
    silence_s, deadline_s = world.rollup_parameters["silence_s"], world.rollup_parameters["deadline_s"]
    world.deposit("trader", account, 1_000_000)
    for _ in range(deadline_s // (silence_s // 2) - 1):
        world.wait(silence_s // 2)
        world.commit("sequencer", world.draft(inbox_count=0))
    world.wait(silence_s // 2 - 1)
    with refused(SHUT):
        world.commit("proposer")
    world.wait(1)
    assert world.rollup.is_open()
    world.commit("proposer")
    assert not world.rollup.is_open()
    assert world.rollup.head_inbox_end() == 1
    with refused(SHUT):
        world.commit("proposer")


@pytest.mark.rule("08-R06")
def test_the_clock_of_a_consumed_entry_stands_still(world: World) -> None:
    account = world.register("trader")
    world.deposit("trader", account, 1_000_000)
    world.wait(60)
    world.commit("sequencer")
    world.wait(world.rollup_parameters["freeze_s"] + 1)
    with refused("rollup: no inbox entry has waited long enough"):
        world.rollup.freeze()


@pytest.mark.rule("08-R06", "08-R12")
def test_an_entry_that_waits_too_long_freezes_the_rollup(world: World) -> None:
    freeze_s = world.rollup_parameters["freeze_s"]
    with refused("rollup: no inbox entry has waited long enough"):
        world.rollup.freeze()
    account = world.register("trader")
    world.deposit("trader", account, 1_000_000)
    world.wait(freeze_s - 1)
    with refused("rollup: no inbox entry has waited long enough"):
        world.rollup.freeze()
    world.wait(1)
    assert world.rollup.is_open()
    assert world.rollup.frozen_at_s() == 0
    world.rollup.freeze(sender=world["trader"])
    event = world.get_event(world.rollup, "Frozen")
    assert event.entry == 0
    assert world.rollup.frozen_at_s() == world.now_s
    assert not world.rollup.is_open()
    for name in ("sequencer", "proposer"):
        with refused("rollup: frozen"):
            world.commit(name)
    with refused("rollup: frozen"):
        world.rollup.freeze()


@pytest.mark.rule("08-R06")
def test_anyone_can_save_the_rollup_from_the_freeze(world: World) -> None:
    account = world.register("trader")
    world.deposit("trader", account, 1_000_000)
    world.wait(world.rollup_parameters["freeze_s"])
    world.commit("proposer")
    with refused("rollup: no inbox entry has waited long enough"):
        world.rollup.freeze()
