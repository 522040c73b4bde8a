"""A view holds what L1 holds, through every change of mind, and notices what a node keeps back."""

import random
from collections.abc import Iterator
from typing import Any

import pytest

from miletus.settlement.chain import ChainView
from miletus.settlement.errors import L1Inconsistent, L1Refused
from miletus.settlement.follower import EventFollower
from miletus.settlement.l1 import Rollup, Vault
from miletus.settlement.node import MOVED_TIME, BlockTag, L1Node
from tests.settlement.meddler import Meddler
from tests.settlement.world import REORG_AGE_S, USDC, SmallSequencer, Trader, World, make_batcher


@pytest.fixture
def meddler(world: World) -> Iterator[Meddler]:
    with Meddler(world.node.rpc.url) as proxy:
        yield proxy


def make_view_through(meddler: Meddler, world: World, lag_seconds: float = 0.0) -> ChainView:
    node = L1Node.connect(meddler.url, MOVED_TIME, attempts=1)
    rollup, vault = Rollup(node, world.rollup.address), Vault(node, world.vault.address)
    return ChainView(rollup, vault, world.deployment.start_block, lag_seconds)


def assert_same(view: ChainView, world: World) -> None:
    fresh = world.make_view()
    fresh.poll()
    assert (view.entries, view.batches, view.finals, view.paid) == (
        fresh.entries,
        fresh.batches,
        fresh.finals,
        fresh.paid,
    )
    assert view.entry_count == world.vault.get_entry_count()


@pytest.mark.rule("09-R06")
@pytest.mark.parametrize("seed", range(4))
def test_any_history_of_blocks_reorganisations_and_rollbacks(world: World, seed: int) -> None:
    dice = random.Random(seed)
    trader = Trader.join(world)
    world.control.mine(5)
    floor = world.node.get_head().number
    view = world.make_view()
    followed: list[tuple[int, int]] = []
    for step in range(25):
        depth = world.node.get_head().number - floor
        act = dice.choice(["deposit", "deposit", "mine", "reorganise", "roll back", "poll", "poll"])
        if act == "deposit":
            # a sender of its own each time: what a reorganisation takes back stays gone
            fresh = world.make_sender(trader.wallet)
            world.do(
                fresh, f"deposit {step}", world.vault.deposit(trader.account, trader.wallet.address, USDC)
            )
        elif act == "mine":
            world.control.mine(dice.randint(1, 3))
        elif act == "reorganise" and depth > 1:
            world.control.reorganise(dice.randint(1, min(depth, 6)))
        elif act == "roll back" and depth > 1:
            world.control.roll_back(dice.randint(1, min(depth, 6)))
        else:
            update = view.poll()
            followed.append((update.head.number, len(view.entries)))
            assert_same(view, world)
    view.poll()
    assert_same(view, world)
    assert followed


def test_a_head_that_goes_back_on_its_own_chain(world: World) -> None:
    now = [0.0]
    follower = EventFollower(world.node, [world.vault.address], 0, lag_seconds=60.0, monotonic=lambda: now[0])
    world.control.mine(5)
    follower.poll()
    position = follower.position
    world.control.roll_back(3)
    for now[0] in (0.0, 59.0):
        with pytest.raises(L1Inconsistent, match=f"went back from block {position} to {position - 3}"):
            follower.poll()
        assert follower.position == position
    now[0] = 60.0
    assert follower.poll().reverted_to == position - 3  # long enough: it is the chain now
    world.control.mine(1)
    assert follower.poll().reverted_to is None


def test_a_head_that_goes_back_and_grows_again_is_no_reorganisation(world: World, meddler: Meddler) -> None:
    view = make_view_through(meddler, world, lag_seconds=60.0)
    Trader.join(world)
    view.poll()
    entries = list(view.entries)
    older = world.node.get_head().number - 2

    def answer(block: Any) -> Any:
        return world.node.rpc.call("eth_getBlockByNumber", [hex(older), False])

    meddler.changes = {"eth_getBlockByNumber": answer}
    with pytest.raises(L1Inconsistent, match="went back"):
        view.poll()
    meddler.changes = {}
    assert view.poll().reverted_to is None
    assert view.entries == entries


def test_parents_that_do_not_fit(world: World, meddler: Meddler) -> None:
    view = make_view_through(meddler, world)
    view.poll()
    world.control.mine(3)

    def break_link(block: Any) -> Any:
        number = int(block["number"], 16)
        return {**block, "parentHash": "0x" + "ab" * 32} if number == view._follower.position + 2 else block

    meddler.changes = {"eth_getBlockByNumber": break_link}
    with pytest.raises(L1Inconsistent, match="the parent of block"):
        view.poll()
    meddler.changes = {}
    view.poll()
    assert_same(view, world)


def drop(logs: Any, number: int) -> Any:
    return logs[:number] + logs[number + 1 :]


def post_two_batches(world: World) -> None:
    trader = Trader.join(world)
    world.pass_time(REORG_AGE_S)
    sequencer = SmallSequencer(world)
    batcher = make_batcher(world, sequencer)
    for amount in (1, 2):
        sequencer.close([trader.withdraw(amount)])
    while batcher.poll().posted < 2:
        world.control.mine()


@pytest.mark.parametrize(
    ("event", "match"), [("EntryAdded", "inbox entry"), ("BatchCommitted", "left out a batch")]
)
def test_events_left_out_in_the_middle(world: World, meddler: Meddler, event: str, match: str) -> None:
    post_two_batches(world)
    view = make_view_through(meddler, world)
    contract = (view.vault if event == "EntryAdded" else view.rollup).contract
    topics = {"0x" + topic.hex() for topic, entry in contract._events.items() if entry["name"] == event}

    def leave_out_first(logs: Any) -> Any:
        places = [place for place, log in enumerate(logs) if log["topics"][0] in topics]
        return drop(logs, places[0]) if places else logs

    meddler.changes = {"eth_getLogs": leave_out_first}
    for _ in range(2):
        with pytest.raises(L1Inconsistent, match=match):
            view.poll()
        assert not view.entries
        assert not view.batches
    meddler.changes = {}
    view.poll()
    assert_same(view, world)


def test_the_last_events_kept_back(world: World, meddler: Meddler) -> None:
    post_two_batches(world)
    view = make_view_through(meddler, world)
    own = world.rollup.address.lower()
    meddler.changes = {"eth_getLogs": lambda logs: [log for log in logs if log["address"] != own]}
    with pytest.raises(L1Inconsistent, match="the rollup's last batch is 2"):
        view.poll()
    meddler.changes = {"eth_getLogs": lambda logs: [log for log in logs if log["address"] == own]}
    with pytest.raises(L1Inconsistent, match="the inbox has 2 entries, its events give 0"):
        view.poll()
    meddler.changes = {}
    view.poll()
    assert_same(view, world)


def test_words_of_entries(world: World) -> None:
    trader = Trader.join(world)
    view = world.make_view()
    view.poll()
    assert view.get_words(0, 2) == world.vault.get_words(0, 2)
    assert len(view.get_words(0, 2)) == 4 * 31
    assert view.entries[0].account == trader.account
    with pytest.raises(IndexError):
        view.get_words(0, 3)


def test_a_node_that_gives_few_events_at_once(world: World, meddler: Meddler) -> None:
    Trader.join(world)
    view = make_view_through(meddler, world)
    meddler.refuses = lambda method, values: (
        method == "eth_getLogs" and int(values[0]["toBlock"], 16) - int(values[0]["fromBlock"], 16) > 1
    )
    view.poll()
    assert_same(view, world)
    refused = make_view_through(meddler, world)
    meddler.refuses = lambda method, values: method == "eth_getLogs"
    with pytest.raises(L1Refused, match="too much at once"):
        refused.poll()


def test_a_head_without_the_contracts(world: World, meddler: Meddler) -> None:
    Trader.join(world)
    view = make_view_through(meddler, world)
    meddler.changes = {"eth_call": lambda result: "0x"}
    with pytest.raises(L1Inconsistent, match="it lags, or use another node"):
        view.poll()
    meddler.changes = {}
    view.poll()
    assert_same(view, world)


@pytest.mark.rule("09-R06")
def test_a_node_that_is_taking_in_a_block_is_asked_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gave the number of the batch of that block with the head before it, and then no such batch."""
    view = world.make_view()
    asked: list[int] = []
    true = view.rollup.get_head_number

    def get_head_number(block: BlockTag = "latest") -> int:
        asked.append(true(block) + (not asked))
        return asked[-1]

    monkeypatch.setattr(view.rollup, "get_head_number", get_head_number)
    view.poll()
    assert asked == [1, 0]
    monkeypatch.setattr(view.rollup, "get_head_number", lambda block="latest": 1)
    world.control.mine()
    with pytest.raises(L1Inconsistent, match="no such batch"):
        view.poll()
