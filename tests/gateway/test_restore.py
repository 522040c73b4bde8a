"""A gateway that starts anew takes up, from an index, what the one before it had seen."""

from pathlib import Path
from typing import Any

import pytest

from miletus.gateway.exchange import Exchange
from miletus.gateway.mirror import Mirror
from miletus.gateway.restore import Restorer
from miletus.indexer.database import open_database
from miletus.indexer.feed import FeedTaker
from miletus.indexer.history import History
from miletus.indexer.indexer import Indexer
from tests.gateway.test_mirror import ACCOUNTS, Following, hand_over
from tests.sequencer.world import DEPLOYMENT, Genesis


@pytest.fixture
def pair(tmp_path: Path) -> Any:
    """An exchange that saw everything, and one that began at the end, with an index's history."""
    following = Following(tmp_path / "node")
    for _ in range(30):
        following.trade(30)
        following.follow()
    following.node.close_batch()
    following.follow()
    database = open_database(tmp_path / "index.sqlite")
    indexer = Indexer(database, Genesis(), DEPLOYMENT.chain_id, "0x" + DEPLOYMENT.rollup.hex())
    taker = FeedTaker(indexer)
    for group in following.node.feed:
        taker.take(group)
    taker.flush()
    mirror = Mirror(DEPLOYMENT)
    fresh = Exchange(mirror, following.clock)
    for account in ACCOUNTS:
        fresh.serve(account)
    hand_over(following.node, mirror)
    fresh.reset()
    Restorer(fresh, History(database), mirror.next_number).restore()
    yield following, fresh
    following.node.close()
    database.close()


def describe(exchange: Exchange) -> dict[str, Any]:
    """What traders ask about, but for labels."""
    told: dict[str, Any] = {}
    for number, tape in exchange.tapes.items():
        told[f"tape {number}"] = (
            [(each.id, each.seq, each.time_ms, each.price_ticks, each.size_lots) for each in tape.trades],
            [(each.taker_side, each.tick_direction, each.fee_micros) for each in tape.trades],
            tape.candles,
            tape.count,
        )
    for account, book in exchange.accounts.items():
        told[f"ended {account}"] = sorted(
            (each.id, each.state, each.filled_lots, each.notional_micros)
            for each in book.orders.ended
            if each.filled_lots
        )
        told[f"open {account}"] = sorted(
            (
                each.id,
                each.price_ticks,
                each.size_lots,
                each.filled_lots,
                each.notional_micros,
                each.created_ms,
            )
            for each in book.orders.get_open()
        )
        told[f"fills {account}"] = [
            (each.trade.id, each.order.id, each.role, each.fee_micros) for each in book.trades
        ]
        told[f"held {account}"] = {
            number: (each.size_lots, each.cost_micros)
            for number, each in book.portfolio.holdings.items()
            if each.size_lots
        }
        told[f"traded {account}"] = sum(each.change_micros for each in book.ledger if each.type == "trade")
    return told


def test_history_from_an_index_is_what_was_seen(pair: Any) -> None:
    following, fresh = pair
    before, after = describe(following.exchange), describe(fresh)
    assert before["tape 0"][0], "nothing was traded"
    for name, value in before.items():
        assert after[name] == value, name


def test_what_follows_goes_on_without_a_gap_or_a_double(pair: Any) -> None:
    following, fresh = pair
    following.trade(60)
    groups = list(following.groups)
    following.follow()
    for group in groups:
        fresh.take(group, fresh.mirror.apply(group))
    before, after = describe(following.exchange), describe(fresh)
    for name, value in before.items():
        assert after[name] == value, name
    seqs = [trade.seq for trade in fresh.get_tape(0).trades]
    assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))
