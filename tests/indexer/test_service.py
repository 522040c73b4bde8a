"""`miletus index` beside a running system, and from its L1 alone: a short market, the same rows."""

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from miletus.indexer.database import Database, open_database
from miletus.indexer.history import History
from miletus.indexer.places import first_id
from tests.cli.running import COMMAND, Ended, Running, run, up
from tests.indexer.conftest import MakeAddress
from tests.indexer.tables import find_difference, read_tables

SMALL = """
[l1]
block_time_seconds = 1
[node]
batch_seconds = 2.0
[rollup]
window_s = 6
[oracle]
step_seconds = 1.0
[gateway]
run = false
[index]
run = false
[market]
strikes = 2
expiries = 1
quarterlies = 1
takers = 16
"""


def until(what: Callable[[], Any], seconds: float = 120.0) -> Any:
    end = time.monotonic() + seconds
    while not (answer := what()):
        assert time.monotonic() < end, "it does not happen"
        time.sleep(0.2)
    return answer


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("index")
    config = folder / "miletus.toml"
    config.write_text(SMALL)
    with up(folder / "system", "--config", str(config)) as running:
        yield running


@contextmanager
def indexing(system: Running, address: str) -> Iterator[subprocess.Popen[str]]:
    command = [*COMMAND, "index", "--folder", str(system.folder), "--database", address]
    process = subprocess.Popen(
        [*command, "--poll-seconds", "0.2"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def index_alone(system: Running, address: str, last: int) -> Ended:
    facts = json.loads((system.folder / "deployment.json").read_text())
    rpc = json.loads((system.folder / "system.json").read_text())["l1_url"]
    return run(
        *("index", "--rpc", rpc, "--rollup", facts["rollup"]),
        *("--genesis", str(system.folder / "genesis.json"), "--database", address),
        *("--until-batch", str(last), "--poll-seconds", "0.2"),
    )


def read_until(database: Database, last: int) -> dict[str, list[Any]]:
    """Rows of batches up to `last`, but those that later batches change and finality, which goes on."""
    cut = first_id(last + 1)
    rows = read_tables(database, without=("arrival_ms", "l1_final_block", "l1_paid_block"))
    places = {"indices": 1, "portfolio": 1, "positions": 2, "settlements": 1, "deliveries": 2}
    grown = {
        name: [row for row in rows[name] if row[places.get(name, 0)] < cut]
        for name in ("fills", "transactions", "deposits", "withdrawals", *places)
    }
    grown["batches"] = [row for row in rows["batches"] if row[0] <= last]
    grown["orders"] = [row for row in rows["orders"] if row[0] < cut and row[21] < cut]
    return grown


@pytest.mark.rule("09-R05", "09-R07", "09-R18")
@pytest.mark.parametrize(
    "make_address", ["sqlite", pytest.param("postgresql", marks=pytest.mark.long)], indirect=True
)
def test_a_running_market_is_indexed_as_l1_alone_tells_it(system: Running, make_address: MakeAddress) -> None:
    address, other = make_address(), make_address()
    database = open_database(address)
    history = History(database)
    with indexing(system, address) as process:
        until(lambda: len(history.get_fills(limit=50).rows) >= 3)
        process.kill()  # it goes on where it was
        process.wait()
    with indexing(system, address) as process:
        many = len(history.get_fills(limit=1_000).rows)
        until(lambda: len(history.get_fills(limit=1_000).rows) >= many + 2)
        # what the feed told has the time of its arrival, what came from the folder at the start has not
        until(lambda: history.get_fills(limit=1).rows[0].arrival_ms is not None)
        newest = history.get_fills(limit=1).rows[0]
        wanted = newest.id // first_id(1)
        until(lambda: (batch := history.get_batch(wanted)) is not None and batch.l1_block is not None)
        until(lambda: (batch := history.get_batch(2)) is not None and batch.l1_final_block is not None)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    done = index_alone(system, other, wanted)
    assert done.status == 0, done.err
    alone = open_database(other)
    one, two = read_until(database, wanted), read_until(alone, wanted)
    assert len(one["fills"]) >= 5
    # an order that a later batch changed is left out where that batch is known already
    known = {row[0] for row in one["orders"]} & {row[0] for row in two["orders"]}
    assert len(known) > len(one["orders"]) // 2
    for rows in (one, two):
        rows["orders"] = [row for row in rows["orders"] if row[0] in known]
    assert find_difference(one, two) == ""
    audit = system.do("audit", newest.name)
    assert (audit.status, audit.json["batch"], audit.json["price_ticks"]) == (0, wanted, newest.price_ticks)
    database.close()
    alone.close()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--rpc", "http://127.0.0.1:1"), "give --rpc, --rollup and --genesis together"),
        (("--database", "mysql://x"), "postgresql"),
        (("--database", "postgresql://x@127.0.0.1:1/x"), "127.0.0.1"),
    ],
)
def test_a_bad_start_is_one_line(system: Running, arguments: tuple[str, ...], message: str) -> None:
    done = run("index", "--folder", str(system.folder), *arguments)
    assert (done.status, done.err.count("\n")) == (1, 1), done.err
    assert message in done.err
