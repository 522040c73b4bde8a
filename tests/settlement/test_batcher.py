"""What the sequencer closed is on L1 once, in order, word by word, whatever L1 does."""

from pathlib import Path

import msgspec
import pytest

from miletus.sequencer.feed import BatchStore
from miletus.settlement.batcher import Batcher, Progress
from miletus.settlement.errors import (
    CallReverted,
    HeldBack,
    InboxChanged,
    L1Unreachable,
    Superseded,
)
from miletus.settlement.node import L1Node
from tests.settlement.support import count_reverted, get_closed, get_posted, poll_until
from tests.settlement.world import (
    FEES,
    REORG_AGE_S,
    SILENCE_S,
    USDC,
    WINDOW_S,
    SmallSequencer,
    Trader,
    World,
    make_batcher,
)


@pytest.mark.rule("09-R05", "08-R03")
def test_posts_what_was_closed_number_by_number(
    world: World, alice: Trader, sequencer: SmallSequencer
) -> None:
    batcher = make_batcher(world, sequencer)
    assert batcher.poll() == Progress(0, 0)
    sequencer.close([alice.transfer(17, 5)], [alice.withdraw(7 * USDC)], [b"\xff" * 31])
    sequencer.close([alice.withdraw(8 * USDC)])
    progress = poll_until(batcher, world, 2)
    assert progress == Progress(2, 0)
    assert get_posted(world) == get_closed(sequencer)
    assert count_reverted(world) == 0


def test_reads_the_sequencer_s_files(
    world: World, alice: Trader, sequencer: SmallSequencer, tmp_path: Path
) -> None:
    store = BatchStore(tmp_path / "batches")
    for amount in (1, 2):
        store.put_batch(sequencer.close([alice.withdraw(amount)]))
    batcher = Batcher(world.make_view(), world.make_sender(world.sequencer), store)
    poll_until(batcher, world, 2)
    assert get_posted(world) == get_closed(sequencer)


@pytest.mark.rule("09-R06")
def test_reorganised_before_inclusion(world: World, alice: Trader, sequencer: SmallSequencer) -> None:
    world.control.set_automine(False)
    batcher = make_batcher(world, sequencer)
    sequencer.close([alice.withdraw(1)])
    assert batcher.poll().waiting == "it is on its way"
    world.control.drop_transactions()
    world.control.mine(3)
    world.control.reorganise(2)
    poll_until(batcher, world, 1)
    assert get_posted(world) == get_closed(sequencer)


@pytest.mark.rule("09-R06")
@pytest.mark.parametrize("depth", [1, 2, 3, 6])
def test_reorganised_after_commits(
    world: World, alice: Trader, sequencer: SmallSequencer, depth: int
) -> None:
    batcher = make_batcher(world, sequencer)
    world.control.mine(5)
    for amount in (1, 2, 3):
        sequencer.close([alice.withdraw(amount)])
    poll_until(batcher, world, 3)
    before = get_posted(world)
    last = batcher.view.batches[-1].block_number
    world.control.reorganise(world.node.get_head().number - last + depth)
    assert len(get_posted(world)) < 3
    poll_until(batcher, world, 3)
    assert get_posted(world) == before == get_closed(sequencer)
    assert count_reverted(world) == 0  # what names a parent that is gone is not sent again as it was


@pytest.mark.rule("09-R06")
def test_the_other_branch_holds_part_of_it(world: World, alice: Trader, sequencer: SmallSequencer) -> None:
    batcher = make_batcher(world, sequencer)
    world.control.mine(5)
    for amount in (1, 2):
        sequencer.close([alice.withdraw(amount)])
    poll_until(batcher, world, 2)
    intent = batcher.sender.get("commit 1")
    assert intent is not None
    first = batcher.sender.store.get_attempts("commit 1", intent.nonce)[-1].raw
    world.control.reorganise(5, [(first, 1)])
    poll_until(batcher, world, 2)
    assert get_posted(world) == get_closed(sequencer)


@pytest.mark.rule("09-R06", "08-R05")
def test_reorganised_below_deposits_that_were_consumed(
    world: World, alice: Trader, sequencer: SmallSequencer
) -> None:
    sequencer.close([alice.withdraw(1)])
    world.control.mine()  # what was sent is in a block now, and the head is the newest
    start = world.node.get_head().number
    alice.deposit("second", 5 * USDC)
    world.pass_time(REORG_AGE_S)
    sequencer.close([alice.withdraw(2)])
    assert sequencer.batches[1].inbox_count == 1
    batcher = make_batcher(world, sequencer)
    poll_until(batcher, world, 1)
    world.control.mine()
    world.control.reorganise(world.node.get_head().number - start)
    progress = batcher.poll()
    world.pass_time(2 * REORG_AGE_S)  # the other branch's clock is behind
    for _ in range(4):
        world.control.mine()
        progress = batcher.poll()
    assert progress.posted == 1
    assert "L1 took back what follows" in progress.waiting
    alice.sender.poll()  # the wallet sends its deposit again
    world.control.mine()
    world.pass_time(REORG_AGE_S)
    poll_until(batcher, world, 2)
    assert get_posted(world) == get_closed(sequencer)


def test_an_inbox_that_came_back_as_another_is_not_posted(
    world: World, alice: Trader, sequencer: SmallSequencer
) -> None:
    start = world.node.get_head().number
    alice.deposit("second", 5 * USDC)
    world.pass_time(REORG_AGE_S)
    sequencer.close([alice.withdraw(2)])
    world.control.reorganise(world.node.get_head().number - start)
    other = world.make_sender(alice.wallet)
    world.do(other, "other", world.vault.deposit(alice.account, alice.wallet.address, 6 * USDC))
    world.pass_time(REORG_AGE_S)
    batcher = make_batcher(world, sequencer)
    with pytest.raises(
        InboxChanged, match="by a deep reorganisation; the sequencer must order its words anew"
    ):
        batcher.poll()
    assert get_posted(world) == []


@pytest.mark.rule("09-R06")
def test_stuck_then_repriced(world: World, alice: Trader, sequencer: SmallSequencer) -> None:
    world.control.set_automine(False)
    batcher = make_batcher(world, sequencer)
    sequencer.close([alice.withdraw(1)])
    batcher.poll()
    intent = batcher.sender.get("commit 1")
    assert intent is not None
    for attempts in (2, 3):
        world.clock.seconds += FEES.patience_seconds
        batcher.poll()
        assert len(batcher.sender.store.get_attempts("commit 1", intent.nonce)) == attempts
    world.control.mine()
    batcher.poll()
    assert get_posted(world) == get_closed(sequencer)


@pytest.mark.rule("09-R06")
def test_a_base_fee_that_leaps(world: World, alice: Trader, sequencer: SmallSequencer) -> None:
    world.control.set_automine(False)
    batcher = make_batcher(world, sequencer)
    sequencer.close([alice.withdraw(1)])
    batcher.poll()
    world.control.set_next_base_fee(80 * 10**9)
    world.control.mine()
    assert get_posted(world) == []
    world.control.set_next_base_fee(80 * 10**9)
    batcher.poll()
    world.control.mine()
    batcher.poll()
    assert get_posted(world) == get_closed(sequencer)


def test_fees_above_the_cap_hold_back_and_say_so(
    world: World, alice: Trader, sequencer: SmallSequencer
) -> None:
    world.control.set_automine(False)
    batcher = make_batcher(world, sequencer)
    sequencer.close([alice.withdraw(1)])
    world.control.set_next_base_fee(FEES.cap_wei + 1)
    assert "raise the cap or wait for lower fees" in batcher.poll().waiting
    world.control.mine()
    world.control.set_next_base_fee(10**9)
    poll_until(batcher, world, 1)


@pytest.mark.rule("09-R06")
def test_restarts_with_and_without_its_file(
    world: World, alice: Trader, sequencer: SmallSequencer, tmp_path: Path
) -> None:
    for amount in (1, 2, 3):
        sequencer.close([alice.withdraw(amount)])
    world.control.set_automine(False)
    make_batcher(world, sequencer, tmp_path / "intents").poll()
    make_batcher(world, sequencer, tmp_path / "intents").poll()  # came back while it waits
    world.control.mine()
    make_batcher(world, sequencer, tmp_path / "intents").poll()
    make_batcher(world, sequencer, tmp_path / "another").poll()  # its file was lost while the next waits
    for _ in range(4):
        world.control.mine()
        batcher = make_batcher(world, sequencer, tmp_path / "another")
        batcher.poll()
    assert batcher.poll() == Progress(3, 0)
    assert get_posted(world) == get_closed(sequencer)


@pytest.mark.rule("09-R06")
def test_a_crash_at_each_request_to_l1(
    world: World, alice: Trader, sequencer: SmallSequencer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process dies before or after the n-th request, for every n, and comes back with its file."""
    for amount in (1, 2):
        sequencer.close([alice.withdraw(amount)])
    crashes = 0
    for at in range(1, 200):
        batcher = make_batcher(world, sequencer, tmp_path / "intents")
        rpc, left = batcher.sender.node.rpc, [at]
        true_call = rpc.call

        def call(
            method: str, params: object = (), after: bool = at % 2 == 0, left: list[int] = left
        ) -> object:
            left[0] -= 1
            if left[0] == 0 and not after:
                raise KeyboardInterrupt
            result = true_call(method, params)  # type: ignore[arg-type]  # noqa: B023
            if left[0] == 0:
                raise KeyboardInterrupt
            return result

        with monkeypatch.context() as patch:
            patch.setattr(rpc, "call", call)
            try:
                batcher.poll()
            except KeyboardInterrupt:
                crashes += 1
            else:
                if batcher.view.head_number == 2:
                    break
        world.control.mine()
    assert crashes > 10
    poll_until(make_batcher(world, sequencer, tmp_path / "intents"), world, 2)
    assert get_posted(world) == get_closed(sequencer)


@pytest.mark.rule("08-R04")
def test_waits_until_l1_has_reached_its_time(world: World, alice: Trader, sequencer: SmallSequencer) -> None:
    batcher = make_batcher(world, sequencer)
    sequencer.close([alice.withdraw(1)], time_s=world.node.get_next_timestamp() + 100)
    assert "s ahead of L1" in batcher.poll().waiting
    assert get_posted(world) == []
    world.pass_time(100)
    poll_until(batcher, world, 1)


@pytest.mark.rule("08-R04")
def test_too_old_is_held_back(world: World, alice: Trader, sequencer: SmallSequencer) -> None:
    sequencer.close([alice.withdraw(1)])
    world.pass_time(world.rollup.max_delay_s + 10)
    with pytest.raises(HeldBack, match=r"batch 1 is 1?[0-9] s too old to be posted"):
        make_batcher(world, sequencer).poll()
    assert get_posted(world) == []


@pytest.mark.rule("08-R05")
def test_waits_for_entries_to_be_old_enough(world: World, alice: Trader, sequencer: SmallSequencer) -> None:
    alice.deposit("young", USDC)
    sequencer.view.poll()
    assert sequencer.inbox.get_ready(0)[-1].index == sequencer.view.entry_count - 2
    world.pass_time(REORG_AGE_S)
    sequencer.view.poll()
    assert sequencer.inbox.get_ready(0)[-1].index == sequencer.view.entry_count - 1
    sequencer.inbox.min_blocks = 3
    ready = sequencer.inbox.get_ready(0)
    assert ready[-1].block_number <= world.node.get_head().number - 3
    assert sequencer.inbox.get_ready(0, max_words=3) == ready[:1]  # a whole entry or none


def test_finalises_when_the_window_has_passed(world: World, alice: Trader, sequencer: SmallSequencer) -> None:
    batcher = make_batcher(world, sequencer)
    sequencer.close([alice.withdraw(1)])
    poll_until(batcher, world, 1)
    sequencer.close([alice.withdraw(2)])
    poll_until(batcher, world, 2)
    world.pass_time(WINDOW_S)
    for _ in range(3):
        progress = batcher.poll()
        world.control.mine()
    assert progress == Progress(2, 2)
    world.control.reorganise(5)
    poll_until(batcher, world, 2)
    world.pass_time(WINDOW_S)  # the other branch's clock is behind
    for _ in range(3):
        progress = batcher.poll()
        world.control.mine()
    assert progress == Progress(2, 2)
    assert world.rollup.get_credit(world.sequencer.address) == 2 * world.rollup.bond_wei


def test_bonds_come_from_the_credit_first(world: World, alice: Trader, sequencer: SmallSequencer) -> None:
    batcher = make_batcher(world, sequencer)
    sequencer.close([alice.withdraw(1)])
    poll_until(batcher, world, 1)
    world.pass_time(WINDOW_S)
    for _ in range(3):
        batcher.poll()
        world.control.mine()
    assert world.rollup.get_credit(world.sequencer.address) == world.rollup.bond_wei
    sequencer.close([alice.withdraw(2)])
    poll_until(batcher, world, 2)
    assert world.rollup.get_credit(world.sequencer.address) == 0


def test_somebody_else_s_batch_in_our_place(world: World, alice: Trader, sequencer: SmallSequencer) -> None:
    other = SmallSequencer(world)
    other.close([alice.withdraw(3)])
    poll_until(make_batcher(world, other), world, 1)
    sequencer.close([alice.withdraw(1)])
    with pytest.raises(Superseded, match="is not the one that the sequencer closed"):
        make_batcher(world, sequencer).poll()
    with pytest.raises(Superseded, match="not among the closed batches"):
        make_batcher(world, SmallSequencer(world)).poll()


def test_a_rollup_that_refuses_says_why(world: World, alice: Trader, sequencer: SmallSequencer) -> None:
    batch = sequencer.close([alice.withdraw(1)])
    inbox, *sequenced = batch.segments
    wrong = msgspec.structs.replace(inbox, root=b"\xff" * 32)
    sequencer.batches[0] = msgspec.structs.replace(batch, segments=(wrong, *sequenced))
    progress = make_batcher(world, sequencer).poll()
    assert "words: claim or hash is not a field element" in progress.waiting


def test_an_account_that_may_not_propose(world: World, alice: Trader, sequencer: SmallSequencer) -> None:
    sequencer.close([alice.withdraw(1)])
    thief = Batcher(world.make_view(), world.make_sender(world.make_wallet()), sequencer)
    assert "only the sequencer may propose now" in thief.poll().waiting
    with pytest.raises(CallReverted):
        thief.sender.submit("early", world.rollup.finalise())


@pytest.mark.rule("08-R07")
def test_anyone_posts_when_the_sequencer_is_silent(
    world: World, alice: Trader, sequencer: SmallSequencer
) -> None:
    world.pass_time(SILENCE_S)
    other = SmallSequencer(world)
    other.close([alice.withdraw(3)])
    proposer = Batcher(world.make_view(), world.make_sender(world.make_wallet()), other)
    poll_until(proposer, world, 1)
    sequencer.close([alice.withdraw(1)])
    batcher = make_batcher(world, sequencer)
    with pytest.raises(Superseded, match=f"by {proposer.sender.address}, is not the one"):
        batcher.poll()
    sequencer.batches = [*other.batches]  # it follows the other's batch, and goes on from it
    sequencer.replica = other.replica
    sequencer.close([alice.withdraw(1)])
    poll_until(batcher, world, 2)
    assert get_posted(world) == get_closed(sequencer)


def test_l1_goes_away_and_comes_back(world: World, alice: Trader, sequencer: SmallSequencer) -> None:
    from tests.settlement.meddler import Meddler

    sequencer.close([alice.withdraw(1)])
    with Meddler(world.node.rpc.url) as meddler:
        node = L1Node.connect(meddler.url, world.node.rules, attempts=2, pause_seconds=0.0)
        away = World(node, world.control, world.deployment, world.sequencer)
        batcher = make_batcher(away, sequencer)
        meddler.failures = [503] * 2
        with pytest.raises(L1Unreachable, match="HTTP status 503"):
            batcher.poll()
        poll_until(batcher, world, 1)
    assert get_posted(world) == get_closed(sequencer)
