"""Another proposer may post any words: rows of them are made, add up, and show nobody what he did not do."""

import random
from pathlib import Path

import pytest
from sqlalchemy import func, select

from miletus.codec.table import TABLE
from miletus.indexer import schema
from miletus.indexer.database import open_database
from miletus.indexer.history import History
from miletus.indexer.indexer import Head
from miletus.indexer.rerun import split_operations
from miletus.sequencer.query import view_account
from tests.indexer.tables import find_difference, read_tables
from tests.indexer.test_life import ALICE, BOB, Told
from tests.sequencer import world as w

KINDS = [operation.kind for operation in TABLE]


def make_garbage(chance: random.Random, told: Told, words: int) -> bytes:
    """Words of chance, words that look like operations, and real ones with a byte changed or sent twice."""
    parts: list[bytes] = []
    while sum(map(len, parts)) < words * 31:
        real = told.traders[chance.choice((ALICE, BOB))].random_order(chance)
        spoiled = bytearray(real)
        spoiled[chance.randrange(len(spoiled))] ^= 1 << chance.randrange(8)
        looks = bytes([chance.choice(KINDS)]) + (ALICE).to_bytes(3, "big") + chance.randbytes(27)
        parts.append(chance.choice((chance.randbytes(31), looks, bytes(spoiled), real, real + real)))
    return b"".join(parts)[: words * 31]


@pytest.mark.rule("03-R01", "03-R02", "03-R10")
@pytest.mark.parametrize("seed", range(4))
def test_rows_of_garbage_add_up(tmp_path: Path, seed: int) -> None:
    database = open_database(tmp_path / "history.sqlite")
    told = Told(tmp_path, database)
    told.node.close_batch()
    told.hear()
    chance, indexer = random.Random(seed), told.indexer
    before = read_tables(database)
    first = indexer.last_batch + 1
    for number in range(first, first + 3):
        indexer.begin_batch(Head(number, 0, 0, told.clock.now_ms // 1_000, 8, 0))
        indexer.end_segment()
        for segment in range(2):
            indexer.run(split_operations(False, make_garbage(chance, told, 300)))
            indexer.end_segment(last=segment == 1)
    state, history = indexer.rerun.state, History(database)
    for account in range(16, 20):
        view = view_account(state, account)
        assert view is not None
        log = history.get_transactions(account=account, limit=10_000).rows
        assert sum(row.change_micros for row in log) == view.cash_micros + view.locked_micros
        held = {row.instrument: row.size_lots for row in history.get_holdings(account)}
        assert held == {p.instrument: p.size_lots for p in view.positions}
        open_orders = history.get_orders(account=account, states=["open"], limit=10_000).rows
        assert {order.slot for order in open_orders} == {order.slot for order in view.orders}
    with database.engine.connect() as connection:
        orders = connection.execute(select(func.count()).select_from(schema.orders)).scalar() or 0
        strangers = select(func.count()).where(schema.orders.c.account.not_in([ALICE, BOB]))
        assert connection.execute(strangers).scalar() == 0  # nobody signed for them
    assert orders > 10
    indexer.roll_back(first)
    assert find_difference(read_tables(database), before) == ""
    told.node.close()
    database.close()


def test_what_an_epoch_of_another_proposer_leaves_has_no_numbers(tmp_path: Path) -> None:
    database = open_database(tmp_path / "history.sqlite")
    told = Told(tmp_path, database)
    told.node.close_batch()
    told.hear()
    indexer = told.indexer
    epoch, number = indexer.get_following(foreign=False)
    assert (epoch, number) == (1, told.node.next_number)
    indexer.begin_batch(
        Head(indexer.last_batch + 1, *indexer.get_following(foreign=True), told.clock.now_ms // 1_000, 8, 0)
    )
    indexer.end_segment()
    indexer.run([told.traders[ALICE].order(w.BUY, w.INDEX_TICKS - 100, 5)])
    indexer.end_segment(last=True)
    (order,) = History(database).get_orders(account=ALICE, states=["open"]).rows
    assert order.number == 0
    assert indexer.get_following(foreign=False) == (2, 1)
    told.node.close()
    database.close()
