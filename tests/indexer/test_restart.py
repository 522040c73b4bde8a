"""A node is stopped in the middle of a batch and started again on its log: the service goes on by itself."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from miletus.client import Exchange
from miletus.indexer.database import open_database
from miletus.indexer.history import History
from miletus.indexer.indexer import Indexer
from miletus.indexer.service import IndexService
from miletus.sequencer.query import iterate_positions, view_account
from tests.client.serving import Serving
from tests.indexer.tables import find_difference, read_tables
from tests.sequencer import world as w

ALICE, BOB = 16, 17
PERPETUAL = "BTC_USDC-PERPETUAL"
SECONDS = 120.0


async def until(what: Callable[[], bool]) -> None:
    end = asyncio.get_running_loop().time() + SECONDS
    while not what():
        assert asyncio.get_running_loop().time() < end, "it does not happen"
        await asyncio.sleep(0.02)


def trade(serving: Serving, count: int) -> list[str]:
    """Trades between two accounts; the names of their fills."""
    names = []
    price = w.INDEX_TICKS // 100
    with (
        Exchange.open(serving.venue, key=w.get_key(ALICE), account=ALICE) as alice,
        Exchange.open(serving.venue, key=w.get_key(BOB), account=BOB) as bob,
    ):
        for _ in range(count):
            alice.sell(PERPETUAL, "0.001", price)
            names.append(bob.buy(PERPETUAL, "0.001", price).fills[0].id)
        alice.buy(PERPETUAL, "0.002", price - 100)  # rests over the restart
    return names


def make_service(serving: Serving, path: Path) -> IndexService:
    deployment = w.DEPLOYMENT
    indexer = Indexer(open_database(path), w.Genesis(), deployment.chain_id, "0x" + deployment.rollup.hex())
    return IndexService(indexer, None, node=("127.0.0.1", serving.port))


def test_a_node_that_is_restarted_is_followed_again(tmp_path: Path) -> None:
    serving = Serving(tmp_path)
    service = make_service(serving, tmp_path / "history.sqlite")
    database = service.indexer.store.database
    history = History(database)

    def list_names() -> list[str]:
        return [row.name for row in history.get_fills(oldest_first=True, limit=1_000).rows]

    names: list[str] = []

    async def main() -> None:
        stop = asyncio.Event()
        running = asyncio.create_task(service.run(stop))
        for turn in range(3):
            names.extend(await asyncio.to_thread(trade, serving, 3))
            await until(lambda: list_names() == names)
            assert service.connected
            if turn == 0:
                await asyncio.to_thread(serving.restart)
            elif turn == 1:  # away for a while, with trades that nobody was told of yet
                await asyncio.to_thread(serving.stop)
                await until(lambda: not service.connected)
                await asyncio.to_thread(serving.start)
        number = serving.do(lambda: serving.node.open_batch)
        assert number is not None  # rows of positions and money come with the end of a segment
        serving.do(serving.server.pipeline.close_batch)
        await until(lambda: service.indexer.last_batch >= number)
        stop.set()
        await running

    asyncio.run(main())
    state = serving.node.machine.state
    for account in (ALICE, BOB):
        view = view_account(state, account)
        assert view is not None
        held = {row.instrument: row.size_lots for row in history.get_holdings(account)}
        assert held == {each.instrument: each.size_lots for each in iterate_positions(state, account)}
        log = history.get_transactions(account=account, limit=10_000).rows
        assert sum(row.change_micros for row in log) == view.cash_micros + view.locked_micros
        resting = history.get_orders(account=account, states=["open"]).rows
        assert {(each.slot, each.generation) for each in resting} == {
            (each.slot, each.generation) for each in view.orders
        }
    rows = read_tables(database)
    database.close()
    fresh = make_service(serving, tmp_path / "fresh.sqlite")

    async def catch_up() -> None:
        stop = asyncio.Event()
        running = asyncio.create_task(fresh.run(stop))
        other = History(fresh.indexer.store.database)
        await until(lambda: len(other.get_fills(limit=1_000).rows) == len(rows["fills"]))
        stop.set()
        await running

    asyncio.run(catch_up())
    for name in ("fills", "orders", "transactions"):
        again = read_tables(fresh.indexer.store.database)
        assert find_difference({name: again[name]}, {name: rows[name]}) == ""
    fresh.indexer.store.database.close()
    serving.close()
