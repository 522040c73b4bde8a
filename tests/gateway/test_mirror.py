"""What the gateway makes of the feed is what the node's machine holds, and a feed that lies is found out."""

import random
from pathlib import Path
from typing import Any

import msgspec
import pytest

from miletus.codec import encode
from miletus.gateway.books import BUY, SELL
from miletus.gateway.exchange import Exchange
from miletus.gateway.mirror import Mirror, MirrorError
from miletus.gateway.orders import make_order_id, parse_order_id
from miletus.native import Tree
from miletus.sequencer.answers import FeedGroup
from miletus.sequencer.frames import SEQUENCED_WORDS
from miletus.sequencer.handover import pack_state, unpack_state
from miletus.sequencer.node import Node
from miletus.sequencer.query import iterate_orders, iterate_positions, view_book
from tests.sequencer.world import DEPLOYMENT, FIRST_TRADER, Clock, Trader, open_market

ACCOUNTS = range(FIRST_TRADER, FIRST_TRADER + 4)
GTC_FOK = 2 << 1


def hand_over(node: Node, mirror: Mirror) -> None:
    """Give a mirror the node's state, by the way of the network's parts."""
    numbers, _, fields = node.machine.export_pages()
    body = memoryview(numbers).tobytes() + memoryview(fields).tobytes()
    state = node.machine.state
    bounds = int(state.time_bound_ms), int(state.clock_floor_ms)
    made = pack_state(node.epoch, node.next_number, bounds, body)
    mirror.load(made.head, *unpack_state(made.head, list(made.parts)))


class Following:
    """A node, and an exchange that follows it."""

    def __init__(self, directory: Path) -> None:
        self.clock = Clock()
        self.node = open_market(directory, self.clock)
        self.mirror = Mirror(DEPLOYMENT)
        self.exchange = Exchange(self.mirror, self.clock)
        for account in ACCOUNTS:
            self.exchange.serve(account)
        hand_over(self.node, self.mirror)
        self.exchange.reset()
        self.groups: list[FeedGroup] = []
        self.node.listeners.append(self.groups.append)
        self.traders = [Trader(account) for account in ACCOUNTS]
        self.chance = random.Random(3)

    def draw(self) -> bytes:
        """An operation: mostly orders near the index, also changes, cancels and fill-or-kill."""
        chance, trader = self.chance, self.chance.choice(self.traders)
        kind = chance.random()
        if kind < 0.6:
            return trader.random_order(chance)
        if kind < 0.7:
            price = 6_500_000 + chance.randrange(-20, 20) * 10
            return trader.order(chance.randrange(2), price, chance.randrange(1, 60), slot=9, flags=GTC_FOK)
        if kind < 0.95:
            slot = chance.randrange(8)
            generation = generation_of(self, trader, slot)
            return trader.sign(self._amend(trader, slot, generation))
        return trader.cancel_all()

    def _amend(self, trader: Trader, slot: int, generation: int) -> bytes:
        return encode.amend(
            **trader.header(),
            slot=slot,
            generation=generation,
            price_ticks=6_500_000 + self.chance.randrange(-40, 40) * 10,
            size_lots=self.chance.randrange(1, 60),
        )

    def trade(self, count: int) -> None:
        self.node.submit([self.draw() for _ in range(count)])
        self.clock.now_ms += 40
        self.node.run_idle()

    def follow(self) -> None:
        """Take in what the node told."""
        for group in self.groups:
            self.exchange.take(group, self.mirror.apply(group))
        self.groups.clear()


@pytest.fixture
def following(tmp_path: Path) -> Any:
    made = Following(tmp_path / "node")
    yield made
    made.node.close()


def generation_of(following: Following, trader: Trader, slot: int) -> int:
    """Generation of what rests in a slot; 1 if nothing does."""
    for each in iterate_orders(following.node.machine.state, trader.account):
        if each.slot == slot:
            return each.generation
    return 1


def compute_root(machine: Any) -> bytes:
    """Root of a machine but for its events accumulator, which a mirror does not keep."""
    from miletus.sequencer.deferring import write_events

    numbers, kinds, fields = machine.export_pages()
    write_events(numbers, fields, 0)
    return Tree().update(numbers, kinds, fields)


@pytest.mark.rule("09-R18")
def test_a_mirror_holds_what_the_node_holds(following: Following) -> None:
    for _ in range(30):
        following.trade(40)
        following.follow()
        assert following.mirror.next_number == following.node.next_number
    assert compute_root(following.mirror.machine) == compute_root(following.node.machine)


def test_books_orders_and_positions_are_the_machines(following: Following) -> None:
    state = following.node.machine.state
    for _ in range(40):
        following.trade(25)
        following.follow()
        for instrument in (0, 1):
            for side in (BUY, SELL):
                levels: dict[int, int] = {}
                for order in view_book(state, instrument, side, 1_000):
                    levels[order.price_ticks] = levels.get(order.price_ticks, 0) + order.left_lots
                assert following.exchange.books.get_levels(instrument, side) == sorted(
                    levels.items(), reverse=side == BUY
                )
        for account in ACCOUNTS:
            book = following.exchange.accounts[account]
            assert {
                slot: (
                    order.generation,
                    order.price_ticks,
                    order.size_lots - order.filled_lots,
                    order.filled_lots,
                )
                for slot, order in book.orders.by_slot.items()
            } == {
                view.slot: (view.generation, view.price_ticks, view.left_lots, view.filled_lots)
                for view in iterate_orders(state, account)
            }
            held = {each.instrument: each.size_lots for each in iterate_positions(state, account)}
            known = {number: each.size_lots for number, each in book.portfolio.holdings.items()}
            assert {number: size for number, size in known.items() if size} == held


def test_every_order_ends_once_and_its_fills_add_up(following: Following) -> None:
    start = {account: following.exchange.get_cash(account) for account in ACCOUNTS}
    for _ in range(40):
        following.trade(25)
        following.follow()
    for account in ACCOUNTS:
        book = following.exchange.accounts[account]
        ended = list(book.orders.ended)
        assert len({order.id for order in ended}) == len(ended)
        assert not {order.id for order in ended} & {order.id for order in book.orders.get_open()}
        for order in [*ended, *book.orders.get_open()]:
            fills = [each for each in book.trades if each.order is order]
            assert sum(each.trade.size_lots for each in fills) == order.filled_lots
            assert (
                sum(each.trade.size_lots * each.trade.price_ticks for each in fills) == order.notional_micros
            )
            assert order.filled_lots <= order.size_lots or order.state == "cancelled"
        moved = sum(entry.change_micros for entry in book.ledger)
        assert start[account] + moved - following.exchange.get_cash(account) == lost_locks(following, account)
    trades = following.exchange.get_tape(0).trades
    assert [trade.seq for trade in trades] == list(range(1, len(trades) + 1))
    assert len({trade.id for trade in trades}) == len(trades)


def lost_locks(following: Following, account: int) -> int:
    """What evictions of the account's orders cost it: 0.001 USDC each (04-R17)."""
    evicted = ("margin_insufficient", "price_out_of_band", "reduce_only", "good_til_date_expired")
    ended = following.exchange.accounts[account].orders.ended
    return 1_000 * sum(order.cancel_reason in evicted for order in ended)


def test_a_state_that_is_fetched_anew_keeps_what_is_known(following: Following) -> None:
    following.trade(60)
    following.follow()
    book = following.exchange.accounts[FIRST_TRADER]
    labelled = book.orders.get_open()[0]
    labelled.meta.label = "mine"
    filled = labelled.filled_lots
    following.trade(60)  # what is told meanwhile is lost
    following.groups.clear()
    hand_over(following.node, following.mirror)
    following.exchange.reset()
    state = following.node.machine.state
    assert {order.id for order in book.orders.get_open()} == {
        make_order_id(view.account, view.slot, view.generation)
        for view in iterate_orders(state, FIRST_TRADER)
    }
    if labelled.is_open:
        assert book.orders.by_id[labelled.id].meta.label == "mine"
        assert labelled.filled_lots >= filled
    else:
        assert labelled.cancel_reason == "unknown"


def change_result(group: FeedGroup, **changes: int) -> FeedGroup:
    """The group with another result of its first operation."""
    items = list(group.items)
    place = next(k for k, item in enumerate(items) if item.tag == SEQUENCED_WORDS and item.words[0] == 0x10)
    result = items[place].result
    assert result is not None
    items[place] = msgspec.structs.replace(items[place], result=result._replace(**changes))
    return msgspec.structs.replace(group, items=tuple(items))


@pytest.mark.parametrize(
    "lie",
    [
        lambda group: change_result(group, filled_lots=7_777),
        lambda group: change_result(group, reason=16),
        lambda group: change_result(group, notional_micros=-1),
        lambda group: msgspec.structs.replace(group, first_number=group.first_number + 1),
        lambda group: msgspec.structs.replace(group, first_number=group.first_number - 1),
        lambda group: msgspec.structs.replace(group, epoch=2),
        lambda group: msgspec.structs.replace(group, items=group.items[1:]),
    ],
)
def test_a_feed_that_lies_or_has_a_gap_is_found_out(following: Following, lie: Any) -> None:
    following.trade(10)
    following.follow()
    following.trade(30)
    group = next(each for each in following.groups if len(each.items) > 5)
    at = following.groups.index(group)
    for before in following.groups[:at]:
        following.mirror.apply(before)
    lied = lie(group)
    with pytest.raises(MirrorError, match=r"anew|version"):
        following.mirror.apply(lied)


@pytest.mark.parametrize(
    "text", ["", "USDC-", "USDC-x", "USDC--5", "BTC-5", "USDC-" + "9" * 30, "USDC-٣", "5"]
)
def test_what_is_no_order_id_is_none(text: str) -> None:
    assert parse_order_id(text) is None


@pytest.mark.parametrize("order", [(16, 0, 1), (262_143, 255, 2**32 - 1), (16, 255, 0)])
def test_order_ids_are_read_back(order: tuple[int, int, int]) -> None:
    assert parse_order_id(make_order_id(*order)) == order
