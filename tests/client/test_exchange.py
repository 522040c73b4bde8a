"""The SDK against a real node: what it says, what it refuses, and what it does when the line breaks."""

import asyncio
import threading
from collections.abc import Iterator
from decimal import Decimal

import pytest

from miletus.client import (
    AsyncExchange,
    ClientError,
    Exchange,
    Order,
    OrderRefused,
    Placed,
    RequestError,
    Side,
    TimeInForce,
    Unreachable,
    Venue,
)
from miletus.client.connection import WrongNode
from miletus.client.errors import AnswerLost, FeedLost
from miletus.engine.reasons import Reason
from miletus.sequencer.connection import ConnectionEnded
from tests.client.serving import Serving
from tests.sequencer import world as w

PERPETUAL = "BTC_USDC-PERPETUAL"
ALICE, BOB = 16, 17
PRICE = Decimal(w.INDEX_TICKS) / 100


@pytest.fixture
def alice(serving: Serving) -> Iterator[Exchange]:
    with Exchange.open(serving.venue, key=w.get_key(ALICE), account=ALICE) as exchange:
        yield exchange


@pytest.fixture
def bob(serving: Serving) -> Iterator[Exchange]:
    with Exchange.open(serving.venue, key=w.get_key(BOB), account=BOB) as exchange:
        yield exchange


@pytest.mark.rule("04-R16", "04-R18", "04-R19", "09-R03")
def test_an_order_rests_is_amended_filled_and_cancelled(alice: Exchange, bob: Exchange) -> None:
    placed = alice.sell(PERPETUAL, "0.01", PRICE, post_only=True)
    assert (placed.rests, placed.filled, placed.reason) == (True, 0, Reason.OK)
    amended = alice.amend(placed, size="0.02", price=PRICE + 1)
    assert (amended.slot, amended.price, amended.rests) == (placed.slot, PRICE + 1, True)
    assert alice.get_book(PERPETUAL).asks == ((PRICE + 1, Decimal("0.02")),)
    taken = bob.buy(PERPETUAL, "0.005")
    assert (taken.filled, taken.average_price, taken.rests) == (Decimal("0.005"), PRICE + 1, False)
    assert [(fill.size, fill.price) for fill in taken.fills] == [(Decimal("0.005"), PRICE + 1)]
    assert taken.fills[0].id == f"{taken.number}.0"
    (order,) = alice.get_open_orders(PERPETUAL)
    assert (order.left, order.filled, order.side) == (Decimal("0.015"), Decimal("0.005"), Side.SELL)
    alice.cancel(order)
    assert alice.get_open_orders() == ()
    with pytest.raises(OrderRefused, match="ORDER_NOT_FOUND") as refused:
        alice.cancel(order)
    assert refused.value.reason is Reason.ORDER_NOT_FOUND
    (position,) = bob.get_account().positions
    assert (position.name, position.size) == (PERPETUAL, Decimal("0.005"))


def test_market_data_is_exact(alice: Exchange) -> None:
    names = {each.name for each in alice.get_instruments()}
    assert PERPETUAL in names
    assert len(names) == 2
    alice.buy(PERPETUAL, "0.01", PRICE - 1)
    ticker = alice.get_ticker(PERPETUAL)
    assert (ticker.index, ticker.mark, ticker.bid, ticker.ask) == (PRICE, PRICE, PRICE - 1, None)
    assert ticker.bid_size == Decimal("0.01")
    instrument = alice.get_instrument(PERPETUAL.lower().upper())
    assert (instrument.price_step, instrument.size_step) == (Decimal("0.1"), Decimal("0.0001"))
    account = alice.get_account()
    assert account.cash + account.locked == Decimal(w.DEPOSIT_MICROS) / 1_000_000


@pytest.mark.parametrize(
    ("size", "price", "message"),
    [
        ("0.00001", PRICE, "multiple of 0.0001"),
        ("-1", PRICE, "positive"),
        ("x", PRICE, "is no number"),
        ("nan", PRICE, "positive"),
        ("1e400", PRICE, "positive"),
        ("0.01", "0.05", "multiples of 0.1"),
        ("0.01", "1e-9", "multiple of 0.01"),
    ],
)
def test_what_is_off_the_grid_is_never_sent(
    alice: Exchange, serving: Serving, size: str, price: str, message: str
) -> None:
    before = serving.node.next_number
    with pytest.raises(RequestError, match=message):
        alice.buy(PERPETUAL, size, price)
    with pytest.raises(RequestError, match="give a str"):
        alice.buy(PERPETUAL, 0.01, PRICE)  # type: ignore[arg-type]
    with pytest.raises(ClientError, match="nothing is listed"):
        alice.buy("ETH_USDC-PERPETUAL", "1")
    assert serving.node.next_number == before


def test_a_refusal_says_why_and_frees_its_slot(alice: Exchange, bob: Exchange) -> None:
    for _ in range(300):  # more than there are slots
        with pytest.raises(OrderRefused, match="NOT_FILLED"):
            bob.buy(PERPETUAL, "0.01", PRICE, time_in_force=TimeInForce.IOC)
    with pytest.raises(OrderRefused, match="MARGIN") as refused:
        alice.buy(PERPETUAL, "1600", PRICE)
    assert (refused.value.reason, refused.value.number is not None) == (Reason.MARGIN, True)


def test_slots_run_out_with_one_clear_error_and_come_back(alice: Exchange) -> None:
    orders = [Order(PERPETUAL, Side.BUY, "0.0001", PRICE - 1) for _ in range(128)]
    for _ in range(2):
        assert all(isinstance(placed, Placed) for placed in alice.place_many(orders))
    with pytest.raises(RequestError, match="0 are free: cancel orders first"):
        alice.buy(PERPETUAL, "0.0001", PRICE - 1)
    assert alice.cancel_all() == 256
    assert alice.buy(PERPETUAL, "0.0001", PRICE - 1).rests


@pytest.mark.rule("03-R08", "09-R18")
def test_many_operations_at_once_keep_their_nonces(serving: Serving) -> None:
    async def main() -> None:
        async with await AsyncExchange.open(serving.venue, key=w.get_key(ALICE), account=ALICE) as exchange:
            placed = await asyncio.gather(
                *(exchange.buy(PERPETUAL, "0.0001", PRICE - 1 - number) for number in range(100))
            )
            assert len({each.slot for each in placed}) == 100
            assert [each.number for each in placed] == sorted(each.number for each in placed)
            await asyncio.gather(*(exchange.cancel(each) for each in placed))
            assert await exchange.get_open_orders() == ()

    asyncio.run(main())


def test_two_programs_with_one_key_are_told_apart(serving: Serving, alice: Exchange) -> None:
    """A second program with the same key moves its nonce on: the first one's next is refused, plainly."""
    with Exchange.open(serving.venue, key=w.get_key(ALICE), account=ALICE) as other:
        for _ in range(3):
            other.buy(PERPETUAL, "0.0001", PRICE - 1)
    with pytest.raises(OrderRefused) as refused:
        alice.buy(PERPETUAL, "0.0001", PRICE - 2)
    assert refused.value.reason is Reason.NONCE_USED


def test_a_key_that_is_not_the_accounts_is_refused(serving: Serving) -> None:
    with pytest.raises(ClientError, match="has another key in slot 0"):
        Exchange.open(serving.venue, key=w.get_key(BOB), account=ALICE)
    with pytest.raises(ClientError, match="is not on the exchange yet"):
        Exchange.open(serving.venue, key=w.get_key(BOB), account=5_000, patience_seconds=0.2)
    with Exchange.open(serving.venue) as exchange, pytest.raises(ClientError, match="without an account"):
        exchange.buy(PERPETUAL, "0.01", PRICE)


def test_another_venue_is_noticed(serving: Serving) -> None:
    venue = serving.venue
    strange = Venue(venue.host, venue.port, venue.chain_id, "0x" + "11" * 20, venue.sequencer)
    with pytest.raises(WrongNode, match="check address and deployment"):
        Exchange.open(strange)
    liar = Venue(venue.host, venue.port, venue.chain_id, venue.rollup, "0x" + "22" * 20)
    with pytest.raises(WrongNode, match="signs as"):
        Exchange.open(liar)
    with pytest.raises(Unreachable, match="tried for"):
        Exchange.open(Venue("127.0.0.1", 1, 1, venue.rollup), patience_seconds=0.1)


@pytest.mark.rule("09-R04")
def test_the_line_comes_back_after_a_restart(serving: Serving, alice: Exchange) -> None:
    first = alice.buy(PERPETUAL, "0.01", PRICE - 1)
    serving.restart()
    second = alice.buy(PERPETUAL, "0.01", PRICE - 2)
    assert {order.slot for order in alice.get_open_orders()} == {first.slot, second.slot}


@pytest.mark.rule("03-R11")
def test_an_operation_whose_answer_is_lost_is_done_once(serving: Serving) -> None:
    """The node orders an operation, and the line breaks before its answer: it is not done twice."""

    async def main() -> None:
        async with await AsyncExchange.open(serving.venue, key=w.get_key(ALICE), account=ALICE) as exchange:
            connection = await exchange.line.get()
            whole = connection.plain.submit

            async def submit_and_break(operations: list[bytes]) -> object:
                await whole(operations)
                raise ConnectionEnded("the line broke")

            connection.plain.submit = submit_and_break  # type: ignore[method-assign, assignment]
            with pytest.raises(AnswerLost, match="was ordered"):
                await exchange.buy(PERPETUAL, "0.01", PRICE - 1)
            assert exchange.line.reconnects == 1
            assert len(await exchange.get_open_orders()) == 1
            assert (await exchange.buy(PERPETUAL, "0.01", PRICE - 2)).rests
            assert len(await exchange.get_open_orders()) == 2

    asyncio.run(main())


def test_an_operation_that_never_arrived_is_sent_again(serving: Serving) -> None:
    async def main() -> None:
        async with await AsyncExchange.open(serving.venue, key=w.get_key(ALICE), account=ALICE) as exchange:
            connection = await exchange.line.get()

            async def break_at_once(operations: list[bytes]) -> object:
                raise ConnectionEnded("the line broke")

            connection.plain.submit = break_at_once  # type: ignore[method-assign, assignment]
            assert (await exchange.buy(PERPETUAL, "0.01", PRICE - 1)).rests

    asyncio.run(main())


@pytest.mark.rule("09-R18")
def test_trades_are_told_once_each_across_a_break(serving: Serving, alice: Exchange, bob: Exchange) -> None:
    seen: list[str] = []
    own: list[bool] = []
    start = serving.node.next_number

    def watch() -> None:
        with Exchange.open(serving.venue, key=w.get_key(BOB), account=BOB) as watcher:
            for trade in watcher.trades(PERPETUAL, from_number=start):
                seen.append(trade.id)
                own.append(trade.own)
                if len(seen) == 6:
                    return

    thread = threading.Thread(target=watch)
    thread.start()
    numbers = []
    for number in range(6):
        if number == 3:
            serving.stop()
            serving.start()
        alice.sell(PERPETUAL, "0.0001", PRICE)
        numbers.append(bob.buy(PERPETUAL, "0.0001", PRICE).fills[0].id)
    thread.join(20)
    assert seen == numbers
    assert all(own)


def test_a_stream_that_would_have_a_gap_ends(serving: Serving) -> None:
    with Exchange.open(serving.venue) as exchange, pytest.raises(FeedLost, match="begin the stream anew"):
        next(exchange.trades(from_number=10**12))
