"""A real market through a node and L1: rows from feed, folder, and L1 alone are the same."""

from pathlib import Path

import pytest
from sqlalchemy import func, select

from benchmarks.flow import Flow
from benchmarks.posted_market import PostedMarket, open_posted_market, sign_operations
from miletus.engine.state import State
from miletus.indexer import schema
from miletus.indexer.chain import ChainFollower
from miletus.indexer.database import Database, open_database
from miletus.indexer.feed import FeedTaker, take_closed
from miletus.indexer.history import History
from miletus.indexer.indexer import Indexer
from miletus.sequencer.answers import FeedGroup
from miletus.sequencer.query import iterate_positions, view_account
from miletus.settlement.anvil import AnvilControl
from miletus.settlement.node import L1Node
from tests.indexer.conftest import MakeAddress
from tests.indexer.tables import find_difference, read_tables

FLOW = Flow(instruments=8, accounts=8, makers=3)


def make_indexer(market: PostedMarket, database: Database) -> Indexer:
    return Indexer(database, market.genesis, market.deployment.chain_id, market.deployment.rollup)


def check_against_state(database: Database, state: State) -> None:
    """The rows add up to what the machine holds: money, positions, resting orders."""
    history = History(database)
    accounts = [
        number for number in range(16, int(state.capacity)) if view_account(state, number) is not None
    ]
    assert accounts
    for number in accounts:
        view = view_account(state, number)
        assert view is not None
        log = history.get_transactions(account=number, limit=10_000).rows
        assert sum(row.change_micros for row in log) == view.cash_micros + view.locked_micros
        assert log[0].balance_micros == view.cash_micros + view.locked_micros
        held = {row.instrument: row.size_lots for row in history.get_holdings(number)}
        assert held == {p.instrument: p.size_lots for p in iterate_positions(state, number)}
        resting = history.get_orders(account=number, states=["open"], limit=10_000).rows
        assert {
            (o.slot, o.generation, o.price_ticks, o.size_lots - o.filled_lots, o.filled_lots) for o in resting
        } == {(o.slot, o.generation, o.price_ticks, o.left_lots, o.filled_lots) for o in view.orders}
        assert not [row for row in log if row.kind == "adjustment"]
        last = history.get_portfolio(account=number, limit=1).rows[0]
        assert (last.cash_micros, last.locked_micros) == (view.cash_micros, view.locked_micros)


@pytest.mark.rule("09-R05", "09-R07", "03-R19")
def test_rows_of_feed_folder_and_l1_alone_are_the_same(
    node: L1Node, control: AnvilControl, tmp_path: Path, make_address: MakeAddress
) -> None:
    with open_posted_market(node, control, tmp_path, FLOW) as market:
        closed = market.sequencer.batches
        feed = open_database(make_address())
        taker = FeedTaker(make_indexer(market, feed))
        market.sequencer.close_batch()
        market.sequencer.wait_for_roots()
        assert take_closed(taker.indexer, closed) >= 1
        groups: list[FeedGroup] = []
        market.sequencer.listeners.append(groups.append)
        market.trade(sign_operations(800))
        for group in groups:
            taker.take(group)
        taker.flush()
        market.post_all()
        for group in groups:
            taker.take(group)  # those that were taken are passed over
        alone = open_database(make_address())
        chain = ChainFollower(make_indexer(market, alone), market.make_view())
        assert chain.follow_alone() == closed.get_last()
        beside = ChainFollower(taker.indexer, market.make_view())
        beside.read()
        while (number := beside.next_unknown()) is not None:
            posting = beside.read_posting(number)
            assert posting is not None
            assert beside.take(posting)
        beside.settle()
        one, other = read_tables(feed), read_tables(alone)
        assert find_difference(one, other) == ""
        assert len(one["fills"]) > 40
        assert len(one["orders"]) > 100
        with feed.engine.connect() as connection:
            seen = connection.execute(select(func.count()).where(schema.fills.c.arrival_ms.is_not(None)))
            assert seen.scalar() == len(one["fills"])
        for database in (feed, alone):
            check_against_state(database, chain.indexer.rerun.state)
            database.close()
        folder = open_database(make_address())
        assert take_closed(make_indexer(market, folder), closed) == closed.get_last()
        without = ("arrival_ms", *(c.name for c in schema.batches.columns if c.name.startswith("l1_")))
        assert (
            find_difference(read_tables(folder, without=without), read_tables(alone, without=without)) == ""
        )
        folder.close()
