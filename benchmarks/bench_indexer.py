"""How fast the indexer fills a database. Prints JSON on the last line.

A market of signed orders is traded on a node, its feed kept; then an indexer takes the feed, and another
takes the closed batches with every signature checked, as from L1 alone. Give --database for PostgreSQL.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from benchmarks.flow import Flow
from benchmarks.posted_market import open_posted_market, sign_operations
from miletus.indexer import schema
from miletus.indexer.database import Database, open_database
from miletus.indexer.feed import FeedTaker, take_closed
from miletus.indexer.history import History
from miletus.indexer.indexer import Indexer
from miletus.sequencer.answers import FeedGroup
from miletus.settlement.anvil import Anvil

QUESTIONS = 200


def count_rows(database: Database) -> int:
    """Rows of history in all tables."""
    total = 0
    with database.engine.connect() as connection:
        for table in (*schema.GROWING, *schema.CHANGING):
            total += connection.execute(select(func.count()).select_from(table)).scalar() or 0
    return total


def measure_questions(database: Database, accounts: int) -> float:
    """Milliseconds of a page of 100 fills of an account."""
    history = History(database)
    started = time.perf_counter()
    for number in range(QUESTIONS):
        history.get_fills(account=16 + number % accounts, limit=100)
    return (time.perf_counter() - started) / QUESTIONS * 1_000


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--operations", type=int, default=40_000)
    parser.add_argument("--accounts", type=int, default=200)
    parser.add_argument("--instruments", type=int, default=300)
    parser.add_argument("--database", default="", help="an empty database of PostgreSQL, for the feed's part")
    options = parser.parse_args()
    flow = Flow(instruments=options.instruments, accounts=options.accounts)
    result: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name, Anvil() as anvil:
        folder = Path(name)
        with open_posted_market(anvil.connect(timeout_seconds=60.0), anvil.control(), folder, flow) as market:
            market.sequencer.close_batch()
            market.sequencer.wait_for_roots()
            setup = market.sequencer.batches.get_last()
            groups: list[FeedGroup] = []
            market.sequencer.listeners.append(groups.append)
            market.trade(sign_operations(options.operations))
            market.sequencer.close_batch()
            market.sequencer.wait_for_roots()

            def make(address: str) -> tuple[Database, Indexer]:
                database = open_database(address)
                indexer = Indexer(
                    database, market.genesis, market.deployment.chain_id, market.deployment.rollup
                )
                take_closed(indexer, market.sequencer.batches, limit=setup)
                return database, indexer

            fed, indexer = make(options.database or str(folder / "feed.sqlite"))
            before, started, used = count_rows(fed), time.perf_counter(), time.process_time()
            taker = FeedTaker(indexer)
            for group in groups:
                taker.take(group)
            taker.flush()
            seconds, used = time.perf_counter() - started, time.process_time() - used
            rows = count_rows(fed) - before
            operations = sum(item.result is not None for group in groups for item in group.items)
            result |= {
                "database": fed.engine.dialect.name,
                "operations": operations,
                "rows": rows,
                "rows_per_second_from_feed": rows / seconds,
                "operations_per_second_from_feed": operations / seconds,
                "operations_per_processor_second_from_feed": operations / used,
                "milliseconds_per_page_of_100_fills": measure_questions(fed, options.accounts),
            }
            fed.close()
            closed, other = make(str(folder / "closed.sqlite"))
            started, used = time.perf_counter(), time.process_time()
            take_closed(other, market.sequencer.batches)
            seconds, used = time.perf_counter() - started, time.process_time() - used
            result["operations_per_second_with_signatures_checked"] = operations / seconds
            result["operations_per_processor_second_with_signatures_checked"] = operations / used
            result["rows_per_second_with_signatures_checked"] = rows / seconds
            closed.close()
    print(json.dumps(result))


if __name__ == "__main__":
    main()
