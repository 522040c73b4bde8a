"""What an operator and a page look at: processes, batches, fees, a portfolio over time."""

import asyncio
import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest

from miletus.cli.channel import Channel
from miletus.cli.telemetry import TelemetryServer
from miletus.gateway.access import Grant, make_credential
from miletus.gateway.errors import RpcError
from miletus.gateway.gateway import Gateway
from miletus.gateway.methods.observing import (
    BatchesParams,
    PortfolioHistoryParams,
    get_batches,
    get_portfolio_history,
    get_services,
)
from miletus.gateway.rpc import Call, Params
from miletus.gateway.services import Services, parse_figures, read_service
from miletus.indexer.database import open_database
from miletus.indexer.feed import FeedTaker
from miletus.indexer.history import History
from miletus.indexer.indexer import Indexer
from tests.gateway.client import Client
from tests.gateway.test_mirror import ACCOUNTS, Following
from tests.gateway.world import make_settings
from tests.sequencer.world import DEPLOYMENT, Genesis

ALL = {"account": 2, "trade": 2, "wallet": 2}


def make_call(history: History | None, account: int | None = None, scopes: dict[str, int] = ALL) -> Call:
    gateway = Gateway(dataclasses.replace(make_settings(1), history=history))
    grant = None
    if account is not None:
        grant = Grant(make_credential(account), scopes, "", "", 0.0)
    return Call(gateway, gateway.make_http_session(), grant)


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Following, History]]:
    """A node that traded for three batches, and its index."""
    folder = tmp_path_factory.mktemp("indexed")
    following = Following(folder / "node")
    for _ in range(3):
        for _ in range(5):
            following.trade(20)
        following.node.close_batch()
    database = open_database(folder / "index.sqlite")
    indexer = Indexer(database, Genesis(), DEPLOYMENT.chain_id, "0x" + DEPLOYMENT.rollup.hex())
    taker = FeedTaker(indexer)
    for group in following.node.feed:
        taker.take(group)
    taker.flush()
    yield following, History(database)
    following.node.close()
    database.close()


def test_batches_are_told_newest_first_and_page_by_page(indexed: tuple[Following, History]) -> None:
    call = make_call(indexed[1])
    first = asyncio.run(get_batches(call, BatchesParams(count=2)))
    numbers = [each["number"] for each in first["batches"]]
    assert numbers == sorted(numbers, reverse=True)
    rest = asyncio.run(get_batches(call, BatchesParams(count=200, continuation=first["continuation"])))
    assert [each["number"] for each in rest["batches"]] == list(range(numbers[-1] - 1, 0, -1))
    assert rest["continuation"] is None
    batch = next(each for each in [*first["batches"], *rest["batches"]] if each["fills"])
    assert (batch["state"], batch["transaction"], batch["window_end"]) == ("closed", None, None)
    assert batch["words"] >= batch["operations"] > 0


def test_a_portfolio_is_told_to_its_account_alone(indexed: tuple[Following, History]) -> None:
    _, history = indexed
    account = ACCOUNTS[0]
    told = asyncio.run(get_portfolio_history(make_call(history, account), PortfolioHistoryParams()))
    rows = history.get_portfolio(account=account).rows
    assert [each["timestamp"] for each in told["points"]] == [row.time_ms for row in rows]
    assert told["points"][0]["equity"] == pytest.approx(rows[0].equity_micros / 1e6, abs=0.01)
    end = told["points"][-1]["timestamp"]
    before = PortfolioHistoryParams(end_timestamp=end)
    part = asyncio.run(get_portfolio_history(make_call(history, account), before))
    assert {each["timestamp"] for each in part["points"]} == {end}
    for call, message in (
        (make_call(history), "unauthorized"),
        (make_call(history, account, {"account": 0, "trade": 2}), "forbidden"),
    ):
        with pytest.raises(RpcError) as refused:
            asyncio.run(get_portfolio_history(call, PortfolioHistoryParams()))
        assert refused.value.message == message


def test_without_an_index_and_beyond_the_limits_it_is_said(indexed: tuple[Following, History]) -> None:
    with pytest.raises(RpcError, match="run miletus index"):
        asyncio.run(get_batches(make_call(None), BatchesParams()))
    for count in (0, -1, 201):
        with pytest.raises(RpcError, match="1 to 200"):
            asyncio.run(get_batches(make_call(indexed[1]), BatchesParams(count=count)))
    account = make_call(indexed[1], ACCOUNTS[0])
    with pytest.raises(RpcError, match="1 to 1000"):
        asyncio.run(get_portfolio_history(account, PortfolioHistoryParams(count=1_001)))


def test_processes_are_told_with_what_they_serve_and_whether_they_answer() -> None:
    channel = Channel({}, supervised=False)
    server = TelemetryServer("node", channel, "127.0.0.1", 0)
    channel.measure = lambda: {"next_number": 7}
    channel.ready(port=1)
    addresses = {"node": f"http://127.0.0.1:{server.port}/health", "gone": "http://127.0.0.1:9/health"}

    async def ask() -> list[dict[str, Any]]:
        call = make_call(None)
        call.gateway.settings.services = Services(lambda: addresses)
        first = await get_services(call, Params())
        assert await get_services(call, Params()) == first
        return first

    try:
        gone, node = asyncio.run(ask())
        assert (node["name"], node["status"], node["figures"]["next_number"]) == ("node", "ok", 7)
        assert gone["name"] == "gone"
        assert gone["status"].startswith("does not answer")
        channel.report(problem="L1 is away")
        assert read_service("node", addresses["node"]).status == "L1 is away"
    finally:
        server.close()
    assert asyncio.run(get_services(make_call(None), Params())) == []


def test_only_a_service_s_own_figures_are_told() -> None:
    text = "process_open_fds 7\nmiletus_up 1\nmiletus_node_a 1.5\nmiletus_batcher_a 3\n"
    assert parse_figures("node", text) == {"a": 1.5}
    with pytest.raises(ValueError, match="could not convert"):
        parse_figures("node", "miletus_node_a many")


def test_fees_are_counted(http: Client) -> None:
    fund = http.call("miletus/get_fund")
    assert fund["account"] == 1
    assert fund["balance"] >= 0
