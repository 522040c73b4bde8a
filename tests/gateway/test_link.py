"""The node dies and comes back while orders are on their way: none is lost, none is placed twice."""

import asyncio
import collections
import signal

import pytest

from miletus.client.connection import CheckedConnection
from miletus.gateway.errors import RpcError
from miletus.gateway.gateway import Gateway
from miletus.gateway.service import methods
from tests.gateway.client import ApiError, Client, connect, run
from tests.gateway.running import Market
from tests.gateway.world import FIRST, NAMES, make_settings

assert methods
ORDERS = 120


@pytest.mark.long
@pytest.mark.rule("03-R08", "09-R04")
def test_orders_on_their_way_while_the_node_is_killed_are_placed_once(market: Market, http: Client) -> None:
    async def play() -> None:
        async with connect(market, FIRST) as socket:
            outcomes: dict[str, str] = {}

            async def place(number: int) -> None:
                label = f"order-{number}"
                try:
                    order = {"instrument_name": NAMES[0], "amount": 0.001, "price": 60_000 + number}
                    placed = await asyncio.wait_for(socket.start("private/buy", label=label, **order), 60)
                    outcomes[label] = placed["result"]["order"]["order_id"] if "result" in placed else "error"
                    if "error" in placed:
                        assert placed["error"]["code"] == 10040, placed
                except ApiError as error:
                    outcomes[label] = str(error)

            async def kill() -> None:
                for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
                    await asyncio.sleep(0.4)
                    await asyncio.to_thread(market.restart_node, number)
                    await asyncio.sleep(0.6)

            killing = asyncio.create_task(kill())
            work = []
            for number in range(ORDERS):
                work.append(asyncio.create_task(place(number)))
                await asyncio.sleep(0.04)
            await asyncio.gather(*work)
            await killing
            open_orders = await socket.call("private/get_open_orders")
            labels = collections.Counter(order["label"] for order in open_orders)
            assert max(labels.values()) == 1, "an order was placed twice"
            acknowledged = {label for label, outcome in outcomes.items() if outcome.startswith("USDC-")}
            assert acknowledged <= set(labels), "an acknowledged order is gone"
            assert len(acknowledged) > ORDERS * 0.8, outcomes
            book = await socket.call("public/get_order_book", instrument_name=NAMES[0], depth=1_000)
            assert len(book["bids"]) == len(open_orders)

    run(play, 240)


def test_an_operation_whose_connection_ends_is_sent_again_and_counts_once(market: Market) -> None:
    """The connection is cut after the words left and before the answer: the feed tells what became."""

    async def play() -> None:
        gateway = Gateway(make_settings(market.node.port))
        await gateway.start()
        try:
            desk = gateway.get_desk(FIRST + 6)
            link = gateway.link
            while not link.is_up:
                await asyncio.sleep(0.01)
            for _ in range(5):
                words = desk._trader.cancel_all()
                future = link.submit(words)
                await asyncio.sleep(0)
                connection = link._connection
                assert isinstance(connection, CheckedConnection)
                connection.plain._transport.abort()
                ordered = await asyncio.wait_for(future, 20)
                assert ordered.applied.words == words
            assert link.reconnects >= 5
        finally:
            await gateway.stop()

    run(play)


async def cancel_all(gateway: Gateway) -> int:
    """Cancel all orders of an account that has none; errors as clients see them."""
    try:
        return await gateway.get_desk(FIRST + 7).cancel_all()
    except RpcError as error:
        raise ApiError({"code": error.code, "message": error.message, "data": error.data}) from None


def test_an_operation_is_told_as_unknown_when_the_node_hangs(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def play() -> None:
        monkeypatch.setattr("miletus.gateway.link.PATIENCE_SECONDS", 1.0)
        gateway = Gateway(make_settings(market.node.port))
        await gateway.start()
        try:
            while not gateway.link.is_up:
                await asyncio.sleep(0.01)
            market.node.process.send_signal(signal.SIGSTOP)
            with pytest.raises(ApiError, match="may still be ordered"):
                await asyncio.wait_for(cancel_all(gateway), 10)
            assert gateway.link.waiting == 0
            market.node.process.send_signal(signal.SIGCONT)
            assert await cancel_all(gateway) == 0
        finally:
            market.node.process.send_signal(signal.SIGCONT)
            await gateway.stop()

    run(play)
