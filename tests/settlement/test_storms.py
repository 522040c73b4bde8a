"""Random histories of L1 and of our own processes: posting and watching come through."""

import contextlib
import random
from pathlib import Path

import pytest

from miletus.settlement.errors import L1Error
from miletus.settlement.intents import State
from tests.settlement.support import get_closed, get_posted, make_polled, make_tower
from tests.settlement.world import FEES, USDC, SmallSequencer, Trader, World, make_batcher


@pytest.mark.rule("09-R06", "09-R05")
@pytest.mark.parametrize("seed", range(3))
def test_posting_through_a_storm(
    world: World, alice: Trader, sequencer: SmallSequencer, tmp_path: Path, seed: int
) -> None:
    """Reorganisations, drops, leaps of fees, crashes, lost files, in any order: each batch once, in order."""
    post_through_storm(world, alice, sequencer, tmp_path, random.Random(seed))


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1_000, 1_150))
def test_posting_through_many_storms(
    world: World, alice: Trader, sequencer: SmallSequencer, tmp_path: Path, seed: int
) -> None:
    post_through_storm(world, alice, sequencer, tmp_path, random.Random(seed))


def post_through_storm(
    world: World, alice: Trader, sequencer: SmallSequencer, tmp_path: Path, dice: random.Random
) -> None:
    world.control.set_automine(False)
    world.control.mine(8)
    floor = world.node.get_head().number
    path = tmp_path / "0"
    batcher = make_batcher(world, sequencer, path)
    sent: list[bytes] = []
    acts = [
        *("close", "mine", "mine", "poll", "poll", "reorganise", "other branch"),
        *("drop", "fees", "crash", "lose"),
    ]
    for step in range(40):
        act = dice.choice(acts)
        depth = world.node.get_head().number - floor
        if act == "close" and len(sequencer.batches) < 8:
            sequencer.close([alice.withdraw(step + 1)])
        elif act == "mine":
            world.control.mine(dice.randint(1, 2))
        elif act == "reorganise" and depth > 1:
            world.control.reorganise(dice.randint(1, min(depth, 5)))
        elif act == "other branch" and depth > 1 and sent:
            # what was sent before comes in again, in any order, as a branch of somebody else's may have it
            deep = dice.randint(1, min(depth, 5))
            again = dice.sample(sent, min(len(sent), 2))
            with contextlib.suppress(L1Error):  # a block can't hold what does not fit its nonces
                world.control.reorganise(deep, [(raw, dice.randrange(deep)) for raw in again])
        elif act == "drop":
            world.control.drop_transactions()
        elif act == "fees":
            world.control.set_next_base_fee(dice.randint(1, 60) * 10**9)
            world.clock.seconds += FEES.patience_seconds
        elif act == "crash":
            batcher = make_batcher(world, sequencer, path)
        elif act == "lose":
            path = tmp_path / str(step)
            batcher = make_batcher(world, sequencer, path)
        else:
            batcher.poll()
            for intent in batcher.sender.store.get_open():
                sent += [
                    attempt.raw for attempt in batcher.sender.store.get_attempts(intent.key, intent.nonce)
                ]
    sequencer.close([alice.withdraw(1_000)])
    world.control.set_next_base_fee(10**9)
    for _ in range(80):
        world.clock.seconds += FEES.patience_seconds / 4
        if batcher.poll().posted == len(sequencer.batches):
            break
        world.control.mine()
    assert get_posted(world) == get_closed(sequencer)
    world.control.mine(FEES.depth)
    batcher.poll()
    assert all(intent.state is not State.WAITING for intent in batcher.sender.store.get_open())


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1_000, 1_100))
def test_watching_through_many_storms(
    world: World,
    alice: Trader,
    sequencer: SmallSequencer,
    tmp_path: Path,
    seed: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watch_through_storm(world, alice, sequencer, tmp_path, random.Random(seed), monkeypatch)


@pytest.mark.rule("09-R06", "09-R07")
@pytest.mark.parametrize("seed", range(2))
def test_watching_through_a_storm(
    world: World,
    alice: Trader,
    sequencer: SmallSequencer,
    tmp_path: Path,
    seed: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A tower through reorganisations and restarts is always where a fresh one is."""
    watch_through_storm(world, alice, sequencer, tmp_path, random.Random(seed), monkeypatch)


def watch_through_storm(
    world: World,
    alice: Trader,
    sequencer: SmallSequencer,
    tmp_path: Path,
    dice: random.Random,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("miletus.settlement.watchtower.SNAPSHOT_BATCHES", 2)
    world.control.set_automine(False)
    world.control.mine(5)
    floor = world.node.get_head().number
    path = tmp_path / "tower"
    tower = make_tower(world, path, depth=3)
    batcher = make_batcher(world, sequencer)
    for step in range(40):
        act = dice.choice(
            ["close", "close", "post", "post", "post", "deposit", "watch", "reorganise", "restart"]
        )
        depth = world.node.get_head().number - floor
        if act == "close":
            sequencer.close([alice.withdraw(step + 1)])
        elif act == "post":
            batcher.poll()
            world.control.mine()
        elif act == "deposit":
            fresh = world.make_sender(alice.wallet)
            world.do(fresh, str(step), world.vault.deposit(alice.account, alice.wallet.address, USDC))
        elif (
            act == "reorganise"
            and depth > 1
            and not any(batch.inbox_count for batch in sequencer.batches[1:])
        ):
            world.control.reorganise(dice.randint(1, min(depth, 6)))
        elif act == "restart":
            tower.save()
            tower = make_tower(world, path, depth=3)
        else:
            tower.poll()
    try:
        tower.poll()
    except L1Error:
        tower.poll()
    fresh_tower = make_polled(world)
    assert tower.alarm is None
    assert tower.verified_number == fresh_tower.verified_number
    assert tower.replica.root == fresh_tower.replica.root
    assert tower.totals == fresh_tower.totals
