"""L1 changes its mind, the indexer is killed, batches become final: the rows follow."""

import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from benchmarks.flow import Flow
from benchmarks.posted_market import PostedMarket, open_posted_market, sign_operations
from miletus.indexer.chain import ChainFollower
from miletus.indexer.database import Database, open_database
from miletus.indexer.feed import FeedTaker, take_closed
from miletus.indexer.history import History
from miletus.indexer.indexer import Indexer
from miletus.settlement.anvil import AnvilControl
from miletus.settlement.node import L1Node
from tests.indexer.conftest import MakeAddress
from tests.indexer.tables import find_difference, read_tables

FLOW = Flow(instruments=8, accounts=8, makers=3)
SCRIPT = Path(__file__).parent / "follow_l1.py"


def follow(market: PostedMarket, database: Database) -> ChainFollower:
    deployment = market.deployment
    indexer = Indexer(database, market.genesis, deployment.chain_id, deployment.rollup)
    return ChainFollower(indexer, market.make_view())


def read_anew(market: PostedMarket, tmp_path: Path, name: str) -> dict[str, list[object]]:
    """The rows of who looks at L1 for the first time."""
    database = open_database(tmp_path / f"{name}.sqlite")
    follow(market, database).follow_alone()
    rows = read_tables(database)
    database.close()
    return rows


@pytest.mark.rule("09-R06")
def test_rows_of_a_batch_that_l1_took_back_go(
    node: L1Node, control: AnvilControl, tmp_path: Path, make_address: MakeAddress
) -> None:
    with open_posted_market(node, control, tmp_path, FLOW) as market:
        market.trade(sign_operations(200))
        market.post_all()
        database = open_database(make_address())
        follower = follow(market, database)
        follower.follow_alone()
        before, kept = read_tables(database), follower.indexer.last_batch
        height = node.get_head().number
        market.trade(sign_operations(200, seed=2, nonce_from=1_000))
        last = market.post_all()
        follower.follow_alone()
        assert follower.indexer.last_batch == last > kept
        assert len(read_tables(database)["fills"]) > len(before["fills"])

        control.reorganise(node.get_head().number - height)
        follower.follow_alone()
        assert follower.indexer.last_batch == kept
        assert find_difference(read_tables(database), before) == ""
        assert market.post_all() == last
        follower.follow_alone()
        assert find_difference(read_tables(database), read_anew(market, tmp_path, "anew")) == ""
        database.close()


def test_a_batch_is_told_from_confirmed_to_final(
    node: L1Node, control: AnvilControl, tmp_path: Path, make_address: MakeAddress
) -> None:
    with open_posted_market(node, control, tmp_path, FLOW) as market:
        market.trade(sign_operations(100))
        market.sequencer.close_batch()
        market.sequencer.wait_for_roots()
        database = open_database(make_address())
        follower = follow(market, database)
        history, closed = History(database), market.sequencer.batches
        take_closed(follower.indexer, closed)
        last = follower.indexer.last_batch

        def get_status() -> str:
            batch = history.get_batch(last)
            assert batch is not None
            return batch.get_status(node.get_head().timestamp_s)

        def look() -> None:
            follower.read()
            while (number := follower.next_unknown()) is not None:
                posting = follower.read_posting(number)
                assert posting is not None
                assert follower.take(posting)
            follower.settle()

        assert get_status() == "closed"
        market.post_all()
        look()
        assert get_status() == "in_window"
        batch = history.get_batch(last)
        assert batch is not None
        assert (batch.l1_gas or 0) > 21_000
        record = closed.get_batch(last)
        assert record is not None
        assert batch.l1_root == "0x" + record.segments[-1].root.hex()
        control.increase_time(market.batcher.view.rollup.window_s + 10)
        look()
        assert get_status() == "posted"
        name = control.snapshot()
        for _ in range(20):
            market.batcher.poll()
            control.mine()
        look()
        assert get_status() == "final"
        control.revert(name)
        control.mine()
        look()
        assert get_status() == "posted"
        database.close()


@pytest.mark.rule("09-R16")
def test_l1_puts_right_what_a_node_told_otherwise(
    node: L1Node, control: AnvilControl, tmp_path: Path, make_address: MakeAddress
) -> None:
    """A node's rows of a batch that is not what was posted are taken back, and made from L1."""
    with open_posted_market(node, control, tmp_path, FLOW) as market:
        market.trade(sign_operations(60))
        last = market.post_all()
        database = open_database(make_address())
        follower = follow(market, database)
        take_closed(follower.indexer, market.sequencer.batches)
        follower.indexer.roll_back(last)
        record = market.sequencer.batches.get_batch(last)
        assert record is not None
        other = market.sequencer.batches.get_batch(last)
        assert other is not None
        lying = follow_lie(follower.indexer, market)
        assert lying == last
        follower.read()
        while (number := follower.next_unknown()) is not None:
            posting = follower.read_posting(number)
            assert posting is not None
            assert follower.take(posting)
        follower.settle()
        assert find_difference(read_tables(database), read_anew(market, tmp_path, "anew")) == ""
        database.close()


def follow_lie(indexer: Indexer, market: PostedMarket) -> int:
    """Index the last batch without its last operations, as if the node had told so."""
    import msgspec

    from miletus.indexer.feed import take_record

    record = market.sequencer.batches.get_batch(indexer.last_batch + 1)
    assert record is not None
    *segments, last = record.segments
    short = msgspec.structs.replace(last, words=last.words[: -31 * 3])
    take_record(indexer, msgspec.structs.replace(record, segments=(*segments, short)))
    return indexer.last_batch


@pytest.mark.rule("09-R04")
def test_an_indexer_that_is_killed_again_and_again_has_the_same_rows(
    node: L1Node, control: AnvilControl, tmp_path: Path, make_address: MakeAddress
) -> None:
    with open_posted_market(node, control, tmp_path, FLOW) as market:
        for part in range(12):
            market.trade(sign_operations(60, seed=part, nonce_from=1 + 10_000 * part))
            market.sequencer.close_batch()
        last = market.post_all()
        assert last >= 12
        genesis, address = tmp_path / "genesis.json", make_address()
        market.genesis.save(genesis)
        deployment = market.deployment
        command = [sys.executable, str(SCRIPT), node.rpc.url, deployment.rollup, str(deployment.start_block)]
        command += [str(genesis), address, str(last)]
        chance, kills = random.Random(7), 0
        while True:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path.cwd())
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            if kills >= 8:
                process.stdout.read()
                assert process.wait() == 0
                break
            timer = threading.Timer(chance.uniform(0.0, 0.25), process.kill)
            timer.start()
            process.stdout.read()
            kills += process.wait() != 0
            timer.join()
            if process.returncode == 0:
                break
            time.sleep(0.05)
        assert kills >= 3
        database = open_database(address)
        assert find_difference(read_tables(database), read_anew(market, tmp_path, "anew")) == ""
        database.close()


def test_what_a_crash_left_of_an_open_batch_goes(
    node: L1Node, control: AnvilControl, tmp_path: Path, make_address: MakeAddress
) -> None:
    with open_posted_market(node, control, tmp_path, FLOW) as market:
        database = open_database(make_address())
        market.sequencer.close_batch()
        market.sequencer.wait_for_roots()
        indexer = follow(market, database).indexer
        take_closed(indexer, market.sequencer.batches)
        before = read_tables(database)
        taker = FeedTaker(indexer)
        groups: list[object] = []
        market.sequencer.listeners.append(taker.take)
        market.sequencer.listeners.append(groups.append)
        market.trade(sign_operations(100))
        taker.flush()
        assert len(read_tables(database)["orders"]) > len(before["orders"])
        again = follow(market, database).indexer
        assert (again.open_batch, again.last_batch) == (None, indexer.last_batch)
        assert find_difference(read_tables(database), before) == ""
        database.close()
