"""Channels: a book made of changes is the book, nothing is missed, an account sees what is its own."""

import asyncio
import itertools
import random
from typing import Any

import pytest

from tests.gateway.client import ApiError, Client, Socket, connect, run
from tests.gateway.running import Market
from tests.gateway.world import CALL, FUTURE, NAMES, PERPETUAL

NAME = NAMES[PERPETUAL]


class Book:
    """A book as a client keeps it from the channel."""

    def __init__(self, socket: Socket, channel: str) -> None:
        self.socket = socket
        self.channel = channel
        self.sides: dict[str, dict[float, float]] = {"bids": {}, "asks": {}}
        self.change_id = 0

    async def follow(self, until: int, seconds: float = 10) -> None:
        """Take in messages until one has the change id."""
        while self.change_id < until:
            self.take(await self.socket.next(self.channel, seconds))

    def take(self, message: dict[str, Any]) -> None:
        if message["type"] == "snapshot":
            self.sides = {"bids": {}, "asks": {}}
        else:
            assert message["prev_change_id"] == self.change_id, "a gap"
        assert message["change_id"] > self.change_id or message["type"] == "snapshot"
        self.change_id = message["change_id"]
        for name, side in self.sides.items():
            for action, price, amount in message[name]:
                if action == "delete":
                    assert amount == 0.0
                    del side[price]
                else:
                    assert (price in side) == (action == "change")
                    side[price] = amount

    def list(self, name: str) -> list[list[float]]:
        return [
            [price, self.sides[name][price]] for price in sorted(self.sides[name], reverse=name == "bids")
        ]


async def trade_at_random(sockets: list[Socket], chance: random.Random, count: int) -> None:
    """Place, change and cancel near the mark; refusals do not matter."""
    work = []
    for _ in range(count):
        socket = chance.choice(sockets)
        price = 65_000 + chance.randrange(-40, 40) * 0.5
        kind = chance.random()
        if kind < 0.75:
            side = chance.choice(["private/buy", "private/sell"])
            amount = chance.randrange(1, 20) / 1_000
            work.append(socket.start(side, instrument_name=NAME, amount=amount, price=price))
        elif kind < 0.97:
            work.append(socket.start("private/cancel_by_label", label=""))
        else:
            work.append(socket.start("private/cancel_all"))
        if len(work) % 7 == 0:
            await asyncio.sleep(0.002)
    await asyncio.gather(*work)


@pytest.mark.parametrize("interval", ["raw", "100ms", "agg2"])
def test_a_book_of_changes_is_the_book_without_a_gap(market: Market, http: Client, interval: str) -> None:
    async def play() -> None:
        channel = f"book.{NAME}.{interval}"
        async with connect(market, 18) as one, connect(market, 19) as two, connect(market) as early:
            await early.call("public/subscribe", channels=[channel])
            books = [Book(early, channel)]
            chance = random.Random(interval)
            await trade_at_random([one, two], chance, 150)
            async with connect(market) as late:
                await late.call("public/subscribe", channels=[channel])
                books.append(Book(late, channel))
                await trade_at_random([one, two], chance, 150)
                await asyncio.sleep(0.05)
                whole = await one.call("public/get_order_book", instrument_name=NAME, depth=1_000)
                for book in books:
                    await book.follow(whole["change_id"])
                    assert book.list("bids") == whole["bids"]
                    assert book.list("asks") == whole["asks"]
                assert whole["bids"] or whole["asks"]

    run(play)


def test_a_grouped_book_shows_no_price_better_than_it_is(market: Market, http: Client) -> None:
    async def play() -> None:
        async with connect(market, 16) as socket:
            for price in (60_000.5, 60_001, 60_003):
                http.call("private/buy", instrument_name=NAME, amount=0.01, price=price)
            http.call("private/sell", instrument_name=NAME, amount=0.01, price=70_000.5)
            plain, grouped = f"book.{NAME}.none.10.100ms", f"book.{NAME}.5.1.100ms"
            await socket.subscribe(plain, grouped)
            told = await socket.next(plain)
            assert told["bids"] == [[60_003.0, 0.01], [60_001.0, 0.01], [60_000.5, 0.01]]
            told = await socket.next(grouped)
            assert (told["bids"], told["asks"]) == ([[60_002.5, 0.01]], [[70_002.5, 0.01]])

    run(play)


def test_an_account_is_told_of_its_orders_trades_and_money(market: Market, http: Client) -> None:
    async def play() -> None:
        async with connect(market, 16) as socket, connect(market, 17) as other:
            orders, trades = f"user.orders.{NAME}.raw", "user.trades.any.USDC.raw"
            changes, money = "user.changes.future.BTC.100ms", "user.portfolio.usdc"
            await socket.subscribe(orders, trades, changes, money, f"user.orders.{NAME}.100ms")
            before = await socket.next(money)
            placed = await socket.call(
                "private/buy", instrument_name=NAME, amount=0.01, price=65_100, label="x"
            )
            first = await socket.next(orders)
            assert first == placed["order"]
            await other.call("private/sell", instrument_name=NAME, amount=0.004, price=65_100)
            assert (await socket.next(orders))["filled_amount"] == 0.004
            (trade,) = await socket.next(trades)
            assert (trade["liquidity"], trade["order_id"], trade["label"]) == ("M", first["order_id"], "x")
            await socket.call("private/cancel", order_id=first["order_id"])
            ended = await socket.next(orders)
            assert (ended["order_state"], ended["cancel_reason"]) == ("cancelled", "user_request")
            told = await collect(socket, changes, lambda each: each["trades"])
            assert told["trades"][0]["trade_id"] == trade["trade_id"]
            assert told["positions"][0]["instrument_name"] == NAME
            listed = await socket.next(f"user.orders.{NAME}.100ms")
            assert isinstance(listed, list)
            after = await collect(socket, money, lambda each: each["delta_total"] != before["delta_total"])
            assert after["delta_total"] == pytest.approx(before["delta_total"] + 0.004)
            assert other.told == {}

    run(play)


async def collect(socket: Socket, channel: str, done: Any) -> Any:
    """Messages of a channel until one is as wanted."""
    for _ in range(50):
        told = await socket.next(channel)
        if done(told):
            return told
    raise AssertionError(f"nothing of the kind on {channel}")


def test_market_channels_tell_what_the_methods_do(market: Market, http: Client) -> None:
    async def play() -> None:
        option = NAMES[CALL]
        async with connect(market, 16) as socket, connect(market, 17) as other:
            names = [
                f"ticker.{NAME}.100ms",
                f"incremental_ticker.{option}",
                f"quote.{NAME}",
                f"trades.{NAME}.raw",
                "trades.any.any.100ms",
                "deribit_price_index.btc_usdc",
                "markprice.options.btc_usdc",
                f"perpetual.{NAME}.100ms",
                f"chart.trades.{NAME}.1",
                "estimated_expiration_price.btc_usdc",
                "instrument.state.any.USDC",
            ]
            assert await socket.call("public/subscribe", channels=names) == names
            ticker = await socket.next(names[0])
            assert ticker["instrument_name"] == NAME
            snapshot = await socket.next(names[1])
            assert (snapshot["type"], snapshot["instrument_name"]) == ("snapshot", option)
            assert (await socket.next(names[1]))["type"] == "change"  # the index moves every second
            await socket.next(names[2])
            await other.call("private/sell", instrument_name=NAME, amount=0.01, price=65_100)
            assert (await socket.next(names[2]))["best_ask_price"] == 65_100
            bought = await socket.call("private/buy", instrument_name=NAME, amount=0.01, price=65_100)
            (trade,) = await socket.next(names[3])
            assert trade["trade_id"] == bought["trades"][0]["trade_id"]
            assert trade in await socket.next(names[4])
            index = await socket.next(names[5])
            assert 64_000 < index["price"] < 66_000
            marks = await socket.next(names[6])
            assert {each["instrument_name"] for each in marks} == set(NAMES[CALL:])
            assert all(0.1 < each["iv"] < 2 for each in marks)
            assert (await socket.next(names[7]))["index_price"] > 0
            assert (await collect(socket, names[8], lambda each: each["volume"] > 0))["close"] == 65_100
            assert (await socket.next(names[9]))["seconds"] > 0
            assert await socket.call("public/unsubscribe", channels=names[:1]) == names[:1]
            assert await socket.call("public/unsubscribe_all") == "ok"

    run(play)


@pytest.mark.parametrize(
    "channel",
    [
        "",
        "book",
        f"book.{NAME}",
        f"book.{NAME}.200ms",
        f"book.{NAME}.3.10.100ms",
        f"book.{NAME}.none.7.100ms",
        f"book.{NAME}.none.10.raw",
        "book.NO-SUCH.raw",
        f"ticker.{NAME}.raw.more",
        "trades.everything.USDC.raw",
        "trades.any.DOGE.raw",
        f"chart.trades.{NAME}.2",
        f"perpetual.{NAMES[FUTURE]}.raw",
        "deribit_price_index.doge_usd",
        "user.orders.any.any.raw",
        "user.everything",
        "__class__.__init__",
        "." * 150,
    ],
)
def test_wrong_channels_are_refused(market: Market, channel: str) -> None:
    async def play() -> None:
        async with connect(market) as socket:
            with pytest.raises(ApiError) as refused:
                await socket.call("public/subscribe", channels=[f"quote.{NAME}", channel])
            assert refused.value.code in (-32602, 13009, 13020)
            assert (await socket.call("public/test"))["version"]

    run(play)


def test_more_channels_than_allowed_are_refused(market: Market) -> None:
    async def play() -> None:
        async with connect(market) as socket:
            names = [f"book.{NAME}.{interval}" for interval in ("raw", "100ms")] * 600
            with pytest.raises(ApiError, match="-32602"):
                await socket.call("public/subscribe", channels=names)

    run(play)


def test_five_hundred_subscribers_see_the_same(market: Market, http: Client) -> None:
    async def play() -> None:
        channel = f"book.{NAME}.raw"
        async with connect(market, 18) as trader:
            managers = [connect(market) for _ in range(500)]
            sockets = [await manager.__aenter__() for manager in managers]
            await asyncio.gather(*(socket.call("public/subscribe", channels=[channel]) for socket in sockets))
            await trade_at_random([trader], random.Random(9), 40)
            whole = await trader.call("public/get_order_book", instrument_name=NAME, depth=1_000)
            books = [Book(socket, channel) for socket in sockets]
            await asyncio.gather(*(book.follow(whole["change_id"]) for book in books))
            for book in books:
                assert (book.list("bids"), book.list("asks")) == (whole["bids"], whole["asks"])
            for manager in managers:
                await manager.__aexit__(None, None, None)

    run(play, 90)


def test_numbers_of_one_connection_are_answered_in_order(market: Market, http: Client) -> None:
    """Orders that are sent without waiting are placed in the order in which they were sent."""

    async def play() -> None:
        async with connect(market, 16) as socket:
            prices = [60_000 + k for k in range(60)]
            work = [
                socket.start("private/buy", instrument_name=NAME, amount=0.001, price=price)
                for price in prices
            ]
            bodies = await asyncio.gather(*work)
            proofs = [
                (await socket.call("miletus/get_finality", order_id=body["result"]["order"]["order_id"]))[
                    "number"
                ]
                for body in bodies
            ]
            assert all(a < b for a, b in itertools.pairwise(proofs))

    run(play)
