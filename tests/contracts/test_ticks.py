"""Ticks of the oracle that come through the inbox."""

import pytest

from miletus.codec import encode
from tests.contracts.reference import compute_running
from tests.contracts.world import VAULT, World, refused

TICK = int.from_bytes(
    encode.index_tick(underlying=1, time_s=1_800_000_000, index_ticks=9, cumulative=77), "big"
)
FEE_WEI = VAULT["word_fee_wei"]
WIDE = 2**248


def make_approvals(count: int) -> list[list[int]]:
    return [[0x24 << 240 | signer << 232 | 7, WIDE - 1 - signer, signer] for signer in range(count)]


@pytest.mark.rule("08-R35")
@pytest.mark.parametrize("count", [1, 2, 8])
def test_a_tick_is_one_entry_with_its_approvals(world: World, count: int) -> None:
    approvals = make_approvals(count)
    words = [TICK, *(word for approval in approvals for word in approval)]
    entry = world.vault.force_tick(TICK, approvals, sender=world["thief"], value=len(words) * FEE_WEI)
    event = world.get_event(world.vault, "EntryAdded")
    assert (entry, event.entry, event.account, event.words) == (0, 0, 0, words)
    assert bytes(event.running_keccak) == compute_running(bytes(32), words)
    assert list(world.vault.get_words(0, 1)) == words
    world.wait(60)
    commit = world.commit()
    assert commit.inbox.words == tuple(words)
    assert world.rollup.head_inbox_end() == 1
    world.finalize_all()
    assert world.vault.credit_wei(world["sequencer"]) == len(words) * FEE_WEI


@pytest.mark.rule("08-R35")
def test_what_is_no_tick_is_refused(world: World) -> None:
    good = make_approvals(2)
    cases: list[tuple[str, int, list[list[int]]]] = [
        ("vault: word is not a tick", TICK & (2**240 - 1), good),
        ("vault: word is not a tick", TICK | 1 << 252, good),
        ("vault: word is not a tick", 0x10 << 240, good),
        ("vault: tick has no approval", TICK, []),
        ("vault: word is not an approval", TICK, [good[0], [TICK, 1, 2]]),
        ("vault: word is not an approval", TICK, [[good[0][0] | 1 << 255, 1, 2]]),
        ("vault: word is wider than 31 bytes", TICK, [[good[0][0], WIDE, 2]]),
        ("vault: word is wider than 31 bytes", TICK, [[good[0][0], 2, 2**256 - 1]]),
    ]
    for reason, tick, approvals in cases:
        with refused(reason):
            value = (1 + 3 * len(approvals)) * FEE_WEI
            world.vault.force_tick(tick, approvals, sender=world["thief"], value=value)
    for value in (0, 6 * FEE_WEI, 8 * FEE_WEI):
        with refused("inbox: value is not the prepayment"):
            world.vault.force_tick(TICK, good, sender=world["thief"], value=value)
    assert world.vault.entry_count() == 0


@pytest.mark.rule("08-R35")
def test_a_tick_is_not_given_back_to_the_account_that_its_bytes_name(world: World) -> None:
    """Its bytes at the place of an account's number are the tick's own."""
    account = world.register("thief")
    tick = 0x20 << 240 | account << 216
    world.vault.force_tick(tick, make_approvals(1), sender=world["trader"], value=4 * FEE_WEI)
    world.wait(world.rollup_parameters["freeze_s"])
    world.rollup.freeze()
    with refused("vault: a tick is not given back"):
        world.vault.reclaim(0)
    assert world.vault.credit_wei(world["thief"]) == 0
    with refused("vault: rollup is frozen"):
        world.vault.force_tick(TICK, make_approvals(1), sender=world["trader"], value=4 * FEE_WEI)


@pytest.mark.rule("08-R16", "08-R35")
def test_ticks_count_among_the_words_of_a_block(world: World) -> None:
    approvals = make_approvals(8)
    for _ in range(10):
        world.vault.force_tick(TICK, approvals, sender=world["thief"], value=25 * FEE_WEI)
    with refused("inbox: this block is full, send it again"):
        world.vault.force_tick(TICK, approvals, sender=world["thief"], value=25 * FEE_WEI)
    world.vault.force_tick(TICK, approvals[:1], sender=world["thief"], value=4 * FEE_WEI)


@pytest.mark.rule("08-R05")
def test_an_entry_longer_than_what_is_left_waits_for_the_next_batch(world: World) -> None:
    for _ in range(10):
        world.vault.force_tick(TICK, make_approvals(8), sender=world["thief"], value=25 * FEE_WEI)
    world.wait(12)
    world.vault.force_tick(TICK, make_approvals(2), sender=world["thief"], value=7 * FEE_WEI)
    deadline_s = world.rollup_parameters["deadline_s"]
    world.wait(deadline_s)
    world.commit("sequencer", world.draft(inbox_count=0))
    world.commit("sequencer", world.draft(inbox_count=10))
    with refused("rollup: an inbox entry that is due is left out"):
        world.commit("sequencer", world.draft(inbox_count=0))
    world.commit("sequencer", world.draft(inbox_count=1))
