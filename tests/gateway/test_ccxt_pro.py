"""ccxt's WebSocket part: it subscribes, sees its orders and fills, loses the connection and goes on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import ccxt.pro
import pytest

from tests.gateway.client import run
from tests.gateway.running import Market

PERPETUAL = "BTC/USDC:USDC"
SECONDS = 15


@asynccontextmanager
async def trade(market: Market, account: int) -> AsyncIterator[Any]:
    exchange = ccxt.pro.deribit(
        {"apiKey": f"client-{account}", "secret": f"secret-{account}", "enableRateLimit": False}
    )
    exchange.urls["api"]["rest"] = market.url
    exchange.urls["api"]["ws"] = market.websocket_url
    exchange.options["currencies"] = ["USDC"]
    try:
        await exchange.load_markets()
        yield exchange
    finally:
        await exchange.close()


async def watch_until(watch: Any, done: Any) -> Any:
    """Watch until what is told is as it should be."""

    async def loop() -> Any:
        while True:
            told = await watch()
            if done(told):
                return told

    return await asyncio.wait_for(loop(), SECONDS)


def watch_book(exchange: Any, amount: float) -> "asyncio.Task[Any]":
    """Watch from now on until so much is bid at the best price."""
    return asyncio.create_task(
        watch_until(
            lambda: exchange.watch_order_book(PERPETUAL),
            lambda book: book["bids"][:1] == [[64_900, amount, 1]],
        )
    )


def test_channels_tell_of_orders_fills_books_and_money(market: Market) -> None:
    async def play() -> None:
        async with trade(market, 18) as maker, trade(market, 19) as taker:
            book = await asyncio.wait_for(maker.watch_order_book(PERPETUAL), SECONDS)
            assert book["bids"] == []
            ticker = await asyncio.wait_for(maker.watch_ticker(PERPETUAL), SECONDS)
            assert 64_000 < ticker["markPrice"] < 66_000
            watches = {
                "orders": maker.watch_orders(PERPETUAL),
                "fills": maker.watch_my_trades(PERPETUAL),
                "trades": taker.watch_trades(PERPETUAL),
                "balance": maker.watch_balance(),
                "candles": taker.watch_ohlcv(PERPETUAL, "1m"),
            }
            tasks = {name: asyncio.create_task(watch) for name, watch in watches.items()}
            await asyncio.sleep(0.3)
            rested = watch_book(maker, 0.01)
            order = await maker.create_order(PERPETUAL, "limit", "buy", 0.01, 64_900)
            await rested
            filled = watch_book(maker, 0.006)
            await taker.create_order(PERPETUAL, "market", "sell", 0.004)
            await filled
            told = {name: await asyncio.wait_for(task, SECONDS) for name, task in tasks.items()}
            assert told["orders"][0]["id"] == order["id"]
            assert (told["fills"][0]["order"], told["fills"][0]["amount"]) == (order["id"], 0.004)
            assert told["trades"][0]["id"] == told["fills"][0]["id"]
            assert told["balance"]["info"]["equity"] > 999_000
            assert told["candles"][-1][4] == 64_900
            ended = asyncio.create_task(
                watch_until(
                    lambda: maker.watch_orders(PERPETUAL), lambda all: all[-1]["status"] == "canceled"
                )
            )
            await asyncio.sleep(0.1)
            await maker.cancel_order(order["id"])
            assert (await ended)[-1]["filled"] == 0.004

    run(play)


@pytest.mark.long
def test_a_client_goes_on_after_the_gateway_was_gone(market: Market) -> None:
    async def play() -> None:
        async with trade(market, 20) as maker:
            await asyncio.wait_for(maker.watch_order_book(PERPETUAL), SECONDS)
            order = await maker.create_order(PERPETUAL, "limit", "buy", 0.01, 64_800)
            watching = asyncio.create_task(
                watch_until(lambda: maker.watch_order_book(PERPETUAL), lambda book: False)
            )
            await asyncio.sleep(0.1)
            await asyncio.to_thread(market.restart_gateway)
            with pytest.raises(ccxt.pro.NetworkError):
                await watching
            book = await asyncio.wait_for(maker.watch_order_book(PERPETUAL), SECONDS)
            assert [64_800, 0.01, 1] in book["bids"]
            assert (await maker.fetch_order(order["id"]))["status"] == "open"
            assert (await maker.cancel_order(order["id"]))["status"] == "canceled"

    run(play)


@pytest.mark.long
def test_orders_survive_the_node(market: Market) -> None:
    """The node is killed and comes back: the gateway follows it again, clients notice a pause."""

    async def play() -> None:
        async with trade(market, 21) as maker:
            order = await maker.create_order(PERPETUAL, "limit", "buy", 0.01, 64_700)
            restart = asyncio.create_task(asyncio.to_thread(market.restart_node))
            await asyncio.sleep(0.05)
            later = await maker.create_order(PERPETUAL, "limit", "buy", 0.02, 64_600)
            await restart
            assert (await maker.fetch_order(order["id"]))["status"] == "open"
            assert later["status"] == "open"
            assert {each["id"] for each in await maker.fetch_open_orders(PERPETUAL)} == {
                order["id"],
                later["id"],
            }
            await maker.cancel_all_orders()

    run(play)
