"""From L1 alone: the same state, or an alarm that names the first wrong claim."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from miletus.sequencer.feed import BatchRecord, Outgoing
from miletus.settlement.errors import L1Inconsistent, L1Unreachable, StoreError
from miletus.settlement.values import to_hex
from miletus.settlement.watching import build_report
from miletus.settlement.watchtower import Watchtower
from tests.settlement.meddler import Meddler
from tests.settlement.support import (
    change_segment,
    close_many,
    lie,
    make_polled,
    make_tower,
    poll_until,
    post,
    view_through,
)
from tests.settlement.world import (
    GENESIS,
    REORG_AGE_S,
    USDC,
    SmallSequencer,
    Trader,
    World,
    make_batcher,
)


@pytest.mark.rule("09-R07", "08-R04", "03-R16")
def test_agrees_on_every_root(world: World, alice: Trader, sequencer: SmallSequencer) -> None:
    bob = Trader.join(world)
    world.pass_time(REORG_AGE_S)
    tower = make_tower(world)
    sequencer.close([alice.transfer(bob.account, 5 * USDC), b"\x77" * 31], [alice.withdraw(7 * USDC)])
    post(world, sequencer)
    bob.deposit("more", 3 * USDC)
    world.pass_time(REORG_AGE_S)
    sequencer.close([bob.withdraw(8 * USDC)], [b"\x00" * 31 * 1_023], [alice.withdraw(1)])
    sequencer.close([b"\x30" + bytes(30)])
    post(world, sequencer)
    assert [batch.number for batch in tower.poll()] == [1, 2, 3]
    assert tower.poll() == []
    assert tower.replica.root == sequencer.replica.root
    report = build_report(tower)
    assert report["status"] == "agreed"
    assert report["roots_agreed"] is True
    assert report["conserved"] is True
    assert report["batches"] == report["batches_verified"] == 3
    assert report["segments"] == 3 + 3 + 1 + 2
    assert report["deposited_micros"] == 2_003 * USDC
    assert report["put_out_micros"] == 15 * USDC + 1
    assert report["wrong_data_hashes"] == 0
    json.dumps(report)


def test_a_batch_that_leaves_the_clock_to_the_floor(
    world: World, alice: Trader, sequencer: SmallSequencer
) -> None:
    """No Tick of it counts: END raises the clock, and the claim is of the state after that."""
    genesis_s = GENESIS.clock_ms // 1_000
    world.control.set_next_timestamp(world.get_time() + 10)
    sequencer.close([b"\x30" + bytes(30)], time_s=world.get_time())
    batch = sequencer.batches[0]
    assert genesis_s < batch.clock_ms // 1_000
    post(world, sequencer)
    tower = make_tower(world)
    tower.poll()
    assert tower.alarm is None
    assert tower.replica.clock_ms == batch.clock_ms


WRONG = b"\x07" * 32
LIES: dict[str, tuple[Callable[[BatchRecord], BatchRecord], str, int]] = {
    "root of the inbox segment": (change_segment(0, root=WRONG[:1] + bytes(31)), "root", 0),
    "root in the middle": (change_segment(1, root=WRONG[:1] + bytes(31)), "root", 1),
    "root at the end": (change_segment(2, root=bytes(31) + b"\x01"), "root", 2),
    "outbox in the middle": (change_segment(1, outbox=5), "outbox", 1),
    "outbox at the end": (change_segment(2, outbox=5), "outbox", 2),
    "a withdrawal more": (
        lambda batch: msgspec.structs.replace(batch, outbox=(*batch.outbox, Outgoing(b"\x11" * 20, 9))),
        "withdrawals",
        2,
    ),
    "a withdrawal to the thief": (
        lambda batch: msgspec.structs.replace(batch, outbox=(Outgoing(b"\x66" * 20, 7 * USDC),)),
        "withdrawals",
        2,
    ),
    "a withdrawal that is kept back": (
        lambda batch: msgspec.structs.replace(batch, outbox=batch.outbox[:1]),
        "withdrawals",
        2,
    ),
}


@pytest.mark.rule("09-R07")
@pytest.mark.parametrize("name", LIES)
def test_names_the_first_wrong_claim(
    world: World, alice: Trader, sequencer: SmallSequencer, name: str
) -> None:
    sequencer.close([alice.withdraw(1)])
    sequencer.close([alice.transfer(17, 5)], [alice.withdraw(7 * USDC), alice.withdraw(3)])
    sequencer.close([alice.withdraw(2)])
    change, kind, segment = LIES[name]
    honest = lie(sequencer, 2, change)
    post(world, sequencer)
    tower = make_tower(world)
    assert [batch.number for batch in tower.poll()] == [1]
    alarm = tower.alarm
    assert alarm is not None
    assert (alarm.kind, alarm.batch, alarm.segment) == (kind, 2, segment)
    assert alarm.proposer == world.sequencer.address
    if kind == "root":
        assert alarm.claimed == to_hex(sequencer.batches[1].segments[segment].root)
        assert alarm.computed == to_hex(honest.segments[segment].root)
    if kind == "outbox":
        assert int(alarm.claimed, 16) == 5
        assert int(alarm.computed, 16) == honest.segments[segment].outbox
    assert tower.poll() == []
    report = build_report(tower)
    assert report["status"] == "alarm"
    assert report["roots_agreed"] is False
    assert report["batches_verified"] == 1
    assert f"batch 2 ({alarm.batch_id[:12]}) segment {segment}: wrong {kind}" in report["alarm"]["message"]


def test_of_several_lies_the_first_is_named(world: World, alice: Trader, sequencer: SmallSequencer) -> None:
    sequencer.close([alice.withdraw(1)], [alice.withdraw(2)])
    lie(sequencer, 1, change_segment(2, root=bytes(32)))
    lie(sequencer, 1, change_segment(1, outbox=3))
    post(world, sequencer)
    tower = make_tower(world)
    tower.poll()
    assert tower.alarm is not None
    assert (tower.alarm.kind, tower.alarm.segment) == ("outbox", 1)


def test_words_that_were_left_out_are_a_lie_too(
    world: World, alice: Trader, sequencer: SmallSequencer
) -> None:
    """The data decide: claims about other words than those posted are wrong."""
    sequencer.close([alice.withdraw(1)], [alice.withdraw(2)])
    lie(sequencer, 1, change_segment(2, words=bytes(31)))
    post(world, sequencer)
    tower = make_tower(world)
    tower.poll()
    assert tower.alarm is not None
    assert (tower.alarm.kind, tower.alarm.segment) == ("root", 2)


@pytest.mark.rule("09-R06", "09-R07")
def test_follows_reorganisations(world: World, alice: Trader, sequencer: SmallSequencer) -> None:
    world.control.mine(5)
    tower = make_tower(world)
    batcher = make_batcher(world, sequencer)
    sequencer.close([alice.withdraw(1)])
    sequencer.close([alice.withdraw(2)])
    poll_until(batcher, world, 2)
    tower.poll()
    world.control.reorganise(5)
    tower.poll()
    assert tower.verified_number == 0
    assert tower.replica.root == world.rollup.genesis_root
    poll_until(batcher, world, 2)
    tower.poll()
    assert tower.verified_number == 2
    assert tower.replica.root == sequencer.replica.root


def test_an_alarm_ends_when_l1_forgets_the_lie(
    world: World, alice: Trader, sequencer: SmallSequencer
) -> None:
    world.control.mine(5)
    tower = make_tower(world)
    sequencer.close([alice.withdraw(1)])
    honest = lie(sequencer, 1, change_segment(1, root=bytes(32)))
    post(world, sequencer)
    tower.poll()
    assert tower.alarm is not None
    world.control.reorganise(4)
    tower.poll()
    assert tower.alarm is None
    sequencer.batches[0] = honest
    post(world, sequencer)
    tower.poll()
    assert tower.alarm is None
    assert tower.replica.root == honest.segments[-1].root


def test_goes_on_from_its_snapshot(
    world: World, alice: Trader, sequencer: SmallSequencer, tmp_path: Path
) -> None:
    path = tmp_path / "tower"
    close_many(world, alice, sequencer, 4)
    alice.deposit("waits", USDC)  # consumed by no batch before the snapshot
    world.control.mine(3)
    tower = make_tower(world, path, depth=1)
    tower.poll()
    tower.save()
    totals = tower.totals
    assert path.exists()
    with Meddler(world.node.rpc.url) as meddler:
        asked: list[str] = []

        def count(transaction: dict[str, str]) -> dict[str, str]:
            asked.append(transaction["hash"])
            return transaction

        meddler.changes = {"eth_getTransactionByHash": count}
        again = Watchtower(view_through(meddler, world), GENESIS, path, depth_blocks=1)
        assert again.verified_number == 4
        assert again.replica.root == sequencer.replica.root
        world.pass_time(REORG_AGE_S)
        sequencer.close([alice.withdraw(9)])
        assert sequencer.batches[-1].inbox_count == 1
        post(world, sequencer)
        assert [batch.number for batch in again.poll()] == [5]
        assert len(asked) == 1  # only the new batch was read
        assert again.totals.words == totals.words + 1 + 4
        assert again.replica.root == sequencer.replica.root
        assert build_report(again)["conserved"] is True


def test_a_snapshot_that_l1_took_back(
    world: World, alice: Trader, sequencer: SmallSequencer, tmp_path: Path
) -> None:
    path = tmp_path / "tower"
    start = world.node.get_head().number
    close_many(world, alice, sequencer, 3)
    world.control.mine(3)
    tower = make_tower(world, path, depth=1)
    tower.poll()
    tower.save()
    depth = world.node.get_head().number - start
    world.control.reorganise(depth)
    for one in (tower, make_tower(world, path, depth=1)):
        one.poll()
        assert one.verified_number == 0
        assert one.replica.root == world.rollup.genesis_root
    world.pass_time(REORG_AGE_S)
    poll_until(make_batcher(world, sequencer), world, 3)
    for one in (tower, make_tower(world, path, depth=1)):
        one.poll()
        assert one.verified_number == 3
        assert one.replica.root == sequencer.replica.root


def test_settles_and_prunes_as_it_goes(
    world: World, alice: Trader, sequencer: SmallSequencer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("miletus.settlement.watchtower.SNAPSHOT_BATCHES", 2)
    tower = make_tower(world, tmp_path / "tower", depth=2)
    for number in range(7):
        if number % 2:
            alice.deposit(str(number), USDC)
        sequencer.close([alice.withdraw(number + 1)])
        post(world, sequencer)
        tower.poll()
    assert tower.view.anchor is not None
    assert len(tower.view.batches) < 7
    assert tower.view.head_number == tower.verified_number == 7
    assert tower.replica.root == sequencer.replica.root
    assert tower.totals == make_polled(world).totals
    # deeper than the base: it starts over, and ends where L1 is
    world.control.reorganise(12)
    tower.poll()
    fresh = make_polled(world)
    assert tower.verified_number == fresh.verified_number < 7
    assert tower.replica.root == fresh.replica.root


@pytest.mark.parametrize("damage", ["flip", "cut", "another", "header", "empty"])
def test_damaged_snapshots(
    world: World, alice: Trader, sequencer: SmallSequencer, tmp_path: Path, damage: str
) -> None:
    path = tmp_path / "tower"
    close_many(world, alice, sequencer, 1)
    world.control.mine(3)
    tower = make_tower(world, path, depth=1)
    tower.poll()
    tower.save()
    raw = bytearray(path.read_bytes())
    match = "is damaged; remove it"
    if damage == "flip":
        raw[len(raw) // 2] ^= 1
    elif damage == "cut":
        del raw[-100:]
    elif damage == "header":
        raw[0] ^= 1
        match = "no snapshot of this version"
    elif damage == "empty":
        raw.clear()
        match = "no snapshot of this version"
    path.write_bytes(raw)
    if damage == "another":
        tower.identity = "chain 1, rollup 0x0, genesis 0x0"
        tower._unsaved = 1
        tower.save()
        match = "belongs to chain 1"
    with pytest.raises(StoreError, match=match):
        make_tower(world, path)


def test_no_room_for_the_snapshot(
    world: World, alice: Trader, sequencer: SmallSequencer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    close_many(world, alice, sequencer, 1)
    world.control.mine(3)
    tower = make_tower(world, tmp_path / "no such directory" / "tower", depth=1)
    tower.poll()
    with pytest.raises(StoreError, match="choose another snapshot directory"):
        tower.save()
    monkeypatch.setattr("miletus.settlement.watchtower.SNAPSHOT_BATCHES", 1)
    again = make_tower(world, tmp_path / "no such directory" / "tower", depth=1)
    again.poll()  # it goes on watching, and says so
    assert again.verified_number == 1
    assert "choose another snapshot directory" in again.snapshot_problem


@pytest.fixture
def meddled(world: World) -> Iterator[tuple[Meddler, Watchtower]]:
    with Meddler(world.node.rpc.url) as meddler:
        yield meddler, Watchtower(view_through(meddler, world), GENESIS)


def test_a_node_that_falsifies_data_causes_no_false_alarm(
    world: World, alice: Trader, sequencer: SmallSequencer, meddled: tuple[Meddler, Watchtower]
) -> None:
    meddler, tower = meddled
    close_many(world, alice, sequencer, 2)

    def falsify(transaction: dict[str, str]) -> dict[str, str]:
        text = transaction["input"]
        place = text.rindex("13000010")  # a Withdraw
        return {**transaction, "input": text[: place + 30] + "ff" + text[place + 32 :]}

    meddler.changes = {"eth_getTransactionByHash": falsify}
    with pytest.raises(L1Inconsistent, match="gives data of batch 1 that hash to"):
        tower.poll()
    assert tower.alarm is None
    meddler.changes = {"eth_getTransactionByHash": lambda transaction: None}
    with pytest.raises(L1Inconsistent, match="without its transaction"):
        tower.poll()
    meddler.changes = {}
    assert len(tower.poll()) == 2
    assert tower.replica.root == sequencer.replica.root


def test_input_that_is_no_commit_is_told(
    world: World, alice: Trader, sequencer: SmallSequencer, meddled: tuple[Meddler, Watchtower]
) -> None:
    """The contract refuses such inputs, so here only a node can bring them: still one clear alarm."""
    meddler, tower = meddled
    close_many(world, alice, sequencer, 1)
    meddler.changes = {"eth_getTransactionByHash": lambda transaction: {**transaction, "input": "0x12"}}
    tower.poll()
    assert tower.alarm is not None
    assert tower.alarm.kind == "unreadable"


def test_l1_goes_away_while_it_watches(
    world: World, alice: Trader, sequencer: SmallSequencer, meddled: tuple[Meddler, Watchtower]
) -> None:
    meddler, tower = meddled
    close_many(world, alice, sequencer, 3)
    refused = 0
    for failing in range(1, 40):
        seen = meddler.requests
        meddler.failures = [200] * failing + [503]
        try:
            tower.poll()
        except L1Unreachable:
            refused += 1
        else:
            if meddler.requests - seen <= failing:
                break
    assert refused > 3
    assert tower.verified_number == 3
    assert tower.replica.root == sequencer.replica.root
