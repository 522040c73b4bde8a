"""What becomes of orders, positions and money, told by hand-made words on a real node."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from miletus.codec import encode
from miletus.engine import events
from miletus.engine.reasons import Reason
from miletus.indexer.database import Database, open_database
from miletus.indexer.errors import IndexerError
from miletus.indexer.feed import FeedTaker, Gap
from miletus.indexer.history import History
from miletus.indexer.indexer import Indexer
from miletus.indexer.views import InstrumentRecord
from miletus.sequencer.answers import FeedGroup
from miletus.sequencer.node import Node
from tests.indexer.tables import find_difference, read_tables
from tests.sequencer import world as w

ALICE, BOB, CAROL = 16, 17, 18


class Told:
    """A node, whose every group an indexer takes."""

    def __init__(self, directory: Path, database: Database) -> None:
        self.clock = w.Clock()
        self.groups: list[FeedGroup] = []
        self.node: Node = w.open_node(directory / "node", self.clock)
        self.node.listeners.append(self.groups.append)
        self.node.offer_inbox(w.inbox_entries(range(16, 20)))
        self.node.run_idle()
        self.clock.now_ms += 1_000
        self.node.submit_bundle(w.opening_bundle(self.clock.now_ms // 1000))
        self.traders = {account: w.Trader(account) for account in range(16, 20)}
        self.database = database
        self.indexer = self.make_indexer(database)
        self.taker = FeedTaker(self.indexer)
        self.history = History(database)

    def make_indexer(self, database: Database) -> Indexer:
        return Indexer(database, w.Genesis(), w.DEPLOYMENT.chain_id, "0x" + w.DEPLOYMENT.rollup.hex())

    def do(self, account: int, words: bytes, move_ms: int = 500) -> int:
        """Have an operation ordered; its number."""
        self.clock.now_ms += move_ms
        if move_ms > 5_000:
            self.node.submit_bundle(w.approve(w.index_tick(self.clock.now_ms // 1_000)))
        (answer,) = w.take(self.node.submit([words]))
        return answer.number

    def instruments(self) -> list[InstrumentRecord]:
        self.hear()
        return self.history.get_instruments()

    def hear(self) -> None:
        for group in self.groups:
            self.taker.take(group)
        self.taker.flush()


@pytest.fixture
def told(tmp_path: Path, database: Database) -> Iterator[Told]:
    told = Told(tmp_path, database)
    yield told
    told.node.close()


def test_an_order_is_placed_filled_amended_and_cancelled(told: Told) -> None:
    alice, bob = told.traders[ALICE], told.traders[BOB]
    price = w.INDEX_TICKS
    told.do(ALICE, alice.order(w.SELL, price + 100, 30, slot=3))
    taken = told.do(BOB, bob.order(w.BUY, price + 100, 10, slot=1, flags=w.IOC))
    told.hear()
    (resting,) = told.history.get_orders(account=ALICE, states=["open"]).rows
    assert (resting.slot, resting.filled_lots, resting.size_lots, resting.state) == (3, 10, 30, "open")
    generation = resting.generation
    words = alice.sign(
        encode.amend(**alice.header(), slot=3, generation=generation, price_ticks=price + 200, size_lots=40)
    )
    told.do(ALICE, words)
    told.hear()
    (resting,) = told.history.get_orders(account=ALICE, states=["open"]).rows
    assert (resting.id, resting.price_ticks, resting.size_lots, resting.amendments) == (
        resting.id,
        price + 200,
        40,
        1,
    )
    told.do(ALICE, alice.cancel_all())
    told.hear()
    (ended,) = told.history.get_orders(account=ALICE).rows
    assert (ended.state, ended.cause, ended.filled_lots) == ("cancelled", events.CAUSE_CANCELLED, 10)
    assert ended == told.history.find_order(ALICE, 3, generation)
    (fill,) = told.history.get_fills(account=BOB).rows
    assert (fill.number, fill.taker, fill.maker, fill.maker_order) == (taken, BOB, ALICE, ended.id)
    assert (fill.price_ticks, fill.size_lots, fill.side) == (price + 100, 10, w.BUY)
    assert (fill.index_ticks, fill.mark_ticks) == (price, price)
    assert told.history.get_fill(taken, 0) == fill
    assert told.history.get_fills(order=ended.id).rows == (fill,)
    (order,) = told.history.get_orders(account=BOB).rows
    assert (order.id, order.state, order.time_in_force) == (fill.taker_order, "filled", 1)


def test_a_refused_order_is_told_with_its_reason(told: Told) -> None:
    bob = told.traders[BOB]
    told.do(BOB, bob.order(w.BUY, w.INDEX_TICKS + 5, 10))
    told.do(BOB, bob.order(w.BUY, w.INDEX_TICKS, 10, instrument=99))
    told.do(BOB, bob.order(w.BUY, w.INDEX_TICKS, 10, flags=w.IOC))
    told.hear()
    rows = told.history.get_orders(account=BOB, states=None, oldest_first=True).rows
    assert [(row.state, row.reason) for row in rows] == [
        ("rejected", Reason.BAD_PRICE),
        ("rejected", Reason.UNKNOWN_INSTRUMENT),
        ("cancelled", Reason.NOT_FILLED),
    ]


def test_positions_tell_cost_and_profit(told: Told) -> None:
    alice, bob = told.traders[ALICE], told.traders[BOB]
    price = w.INDEX_TICKS
    for at, (side, lots, away) in enumerate(
        ((w.BUY, 10, 0), (w.BUY, 10, 100), (w.SELL, 15, 200), (w.SELL, 15, 0))
    ):
        told.do(ALICE, alice.order(1 - side, price + away, lots, slot=at))
        told.do(BOB, bob.order(side, price + away, lots, slot=at, flags=w.IOC))
        told.node.close_batch()
    told.node.close_batch()
    told.hear()
    log = told.history.get_transactions(account=BOB, kinds=["trade"], oldest_first=True).rows
    assert [row.position_lots for row in log] == [10, 20, 5, -10]
    # 20 lots cost 20 price + 1000: 15 of them 750 more than 15 price; then 5 with the rest of 250
    assert [row.profit_micros for row in log] == [0, 0, 15 * 200 - 750, -250]
    (held,) = told.history.get_holdings(BOB)
    assert (held.size_lots, held.average_ticks, held.profit_micros) == (-10, price, 3_000 - 750 - 250)
    earlier = told.history.get_holdings(BOB, log[1].time_ms + 1)
    assert [row.size_lots for row in earlier] == [20]
    everybody = [told.history.get_holdings(account)[0] for account in (ALICE, BOB)]
    assert sum(row.size_lots for row in everybody) == 0


@pytest.mark.rule("07-R03", "07-R05")
def test_an_expiry_is_told_by_instrument_and_by_holder(told: Told) -> None:
    alice, bob = told.traders[ALICE], told.traders[BOB]
    told.do(ALICE, alice.order(w.SELL, 300_000, 20, instrument=w.CALL))
    told.do(BOB, bob.order(w.BUY, 300_000, 20, slot=1, instrument=w.CALL, flags=w.IOC))
    told.node.close_batch()
    (listed,) = [row for row in told.instruments() if row.instrument == w.CALL]
    for time_s in (listed.expiry_s - 1_800, listed.expiry_s):
        told.clock.now_ms = time_s * 1_000 + 100
        told.node.submit_bundle(w.approve(w.index_tick(time_s)))
    told.clock.now_ms += 1_000
    told.node.submit_settle(encode.settle(instrument=w.CALL))
    told.node.close_batch()
    told.hear()
    (settled,) = told.history.get_settlements().rows
    assert (settled.settlement_ticks, settled.payoff_ticks) == (w.INDEX_TICKS, 0)
    assert told.history.get_delivery_prices(0) == [(listed.expiry_s, w.INDEX_TICKS)]
    for account, lots in ((ALICE, -20), (BOB, 20)):
        (delivery,) = told.history.get_deliveries(account=account).rows
        assert (delivery.size_lots, delivery.amount_micros) == (lots, 0)
        assert delivery.profit_micros == -lots * 300_000
        assert not told.history.get_transactions(account=account, kinds=["delivery"]).rows
    assert told.history.get_instruments(state=2)[0].payoff_ticks == 0
    told.do(BOB, bob.withdraw(1_000_000))  # which refreshes the account, and so sweeps its position
    told.hear()
    (moved,) = told.history.get_transactions(account=BOB, kinds=["delivery"]).rows
    assert (moved.lots, moved.change_micros, moved.profit_micros) == (-20, 0, -20 * 300_000)
    assert len(told.history.get_holdings(BOB)) == 1  # positions are told when their segment ends
    told.node.close_batch()
    told.hear()
    assert told.history.get_holdings(BOB) == []
    (withdrawal,) = told.history.get_withdrawals(account=BOB).rows
    assert (withdrawal.amount_micros, withdrawal.place, withdrawal.l1_paid_block) == (1_000_000, 0, None)
    assert withdrawal.owner == "0x" + (0xA000 + BOB).to_bytes(20, "big").hex()
    (deposit,) = told.history.get_deposits(account=BOB).rows
    assert (deposit.amount_micros, deposit.entry) == (w.DEPOSIT_MICROS, 2)


def test_candles_of_any_length_come_of_minutes(told: Told) -> None:
    alice, bob = told.traders[ALICE], told.traders[BOB]
    start_ms = told.clock.now_ms
    prices = [w.INDEX_TICKS + away * 10 for away in (0, 3, -2, 5, 1, 4)]
    for price in prices:
        told.do(ALICE, alice.order(w.SELL, price, 5, slot=0))
        told.do(BOB, bob.order(w.BUY, price, 5, slot=1, flags=w.IOC), 20_000)
    told.hear()
    for minutes in (1, 3, 60, 1_440):
        candles = told.history.get_candles(w.PERPETUAL, start_ms, told.clock.now_ms, minutes)
        assert sum(candle.volume_lots for candle in candles) == 5 * len(prices)
        assert (candles[0].open_ticks, candles[-1].close_ticks) == (prices[0], prices[-1])
        assert max(candle.high_ticks for candle in candles) == max(prices)
        assert min(candle.low_ticks for candle in candles) == min(prices)
        assert all(candle.start_ms % (60_000 * minutes) == 0 for candle in candles)
    day = told.history.get_day(w.PERPETUAL, told.clock.now_ms)
    assert (day.volume_lots, day.last_ticks, day.high_ticks) == (30, prices[-1], max(prices))
    assert told.history.get_day(77, told.clock.now_ms).last_ticks is None


def test_pages_give_every_row_once_while_more_arrive(told: Told) -> None:
    alice, bob = told.traders[ALICE], told.traders[BOB]

    def trade(times: int) -> None:
        for _ in range(times):
            told.do(ALICE, alice.order(w.SELL, w.INDEX_TICKS, 2, slot=0))
            told.do(BOB, bob.order(w.BUY, w.INDEX_TICKS, 2, slot=1, flags=w.IOC))
        told.hear()

    trade(25)
    seen: list[int] = []
    page = told.history.get_fills(account=ALICE, limit=4)
    while True:
        seen += [row.id for row in page.rows]
        if page.continuation is None:
            break
        trade(1)
        page = told.history.get_fills(account=ALICE, limit=4, continuation=page.continuation)
    assert len(seen) == 25 == len(set(seen))
    assert seen == sorted(seen, reverse=True)
    for bad in ("x", "-1", "1e9", "９", "1" * 40):
        with pytest.raises(IndexerError, match="no continuation"):
            told.history.get_fills(continuation=bad)
    for limit in (0, -1, 10_001):
        with pytest.raises(IndexerError, match="ask for 1 to"):
            told.history.get_fills(limit=limit)


@pytest.mark.parametrize("cut", [2, 3, 5])
def test_what_is_rolled_back_leaves_no_trace(told: Told, cut: int, tmp_path: Path) -> None:
    """Batches are taken back and taken again: every table and the machine are as if nothing had been."""
    chance = random.Random(cut)
    for _ in range(6):
        for account in (ALICE, BOB, CAROL):
            told.do(account, told.traders[account].random_order(chance), 30_000)
            for _ in range(5):
                told.do(account, told.traders[account].random_order(chance))
        told.do(CAROL, told.traders[CAROL].withdraw(5_000_000))
        told.node.close_batch()
    told.hear()
    whole = read_tables(told.database)
    assert len(whole["fills"]) > 5
    last = told.indexer.last_batch
    told.indexer.roll_back(cut)
    assert told.indexer.last_batch == cut - 1
    half = open_database(tmp_path / "half.sqlite")
    fresh = FeedTaker(told.make_indexer(half))
    for group in told.groups:
        if fresh.indexer.last_batch < cut - 1:
            fresh.take(group)
    fresh.indexer.roll_back(cut)
    with pytest.raises(Gap, match="taken back"):
        told.hear()  # a feed must begin anew then
    assert find_difference(read_tables(told.database), read_tables(half)) == ""
    half.close()
    told.taker = FeedTaker(told.indexer)
    told.hear()
    assert told.indexer.last_batch == last
    assert find_difference(read_tables(told.database), whole) == ""


def test_a_database_of_another_deployment_is_refused(told: Told) -> None:
    with pytest.raises(IndexerError, match="give another database"):
        Indexer(told.database, w.Genesis(), 1, "0x" + "ab" * 20)


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("mysql://x/y", "postgresql"),
        ("postgresql://nobody@127.0.0.1:1/none", "127.0.0.1"),
        ("://", "no database"),
        ("/nonexistent/folder/x.sqlite", "check the address"),
        (":memory:", "file"),
    ],
)
def test_a_bad_address_is_one_line(address: str, message: str) -> None:
    with pytest.raises(IndexerError, match=message) as raised:
        open_database(address)
    assert "\n" not in str(raised.value)
