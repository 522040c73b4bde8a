"""The unmodified ccxt, pointed at the gateway by its own settings, trades here as it does at Deribit."""

import time
from collections.abc import Iterator
from typing import Any

import ccxt
import pytest

from tests.gateway.running import Market
from tests.gateway.world import EXPIRY_S, NAMES

PERPETUAL = "BTC/USDC:USDC"


def make_exchange(market: Market, account: int) -> Any:
    exchange = ccxt.deribit(
        {"apiKey": f"client-{account}", "secret": f"secret-{account}", "enableRateLimit": False}
    )
    exchange.urls["api"]["rest"] = market.url
    exchange.load_markets()
    return exchange


@pytest.fixture(scope="module")
def buyer(market: Market) -> Any:
    return make_exchange(market, 16)


@pytest.fixture(scope="module")
def seller(market: Market) -> Any:
    return make_exchange(market, 17)


@pytest.fixture(autouse=True)
def clean(buyer: Any, seller: Any) -> Iterator[None]:
    yield
    for exchange in (buyer, seller):
        exchange.cancel_all_orders()


def test_markets_are_loaded_with_their_terms(buyer: Any) -> None:
    by_id = {market["id"]: market for market in buyer.markets.values()}
    assert set(by_id) == set(NAMES)
    perpetual, future, call, put = (by_id[name] for name in NAMES)
    assert (perpetual["type"], future["type"], call["type"]) == ("swap", "future", "option")
    assert perpetual["linear"]
    assert perpetual["settle"] == "USDC"
    assert perpetual["precision"] == {"amount": 0.001, "price": 0.5}
    assert (call["strike"], call["optionType"], call["expiry"]) == (66_000, "call", EXPIRY_S * 1000)
    assert (put["strike"], put["optionType"]) == (64_000, "put")
    assert set(buyer.fetch_currencies()) == {"BTC", "ETH", "USDC"}
    assert abs(buyer.fetch_time() - time.time() * 1000) < 600_000
    assert buyer.fetch_status()["status"] == "ok"


def test_an_order_is_placed_changed_filled_in_part_and_cancelled(buyer: Any, seller: Any) -> None:
    order = buyer.create_order(PERPETUAL, "limit", "buy", 0.01, 64_900, {"label": "mine"})
    assert (order["status"], order["price"], order["amount"], order["filled"]) == ("open", 64_900, 0.01, 0)
    assert [each["id"] for each in buyer.fetch_open_orders(PERPETUAL)] == [order["id"]]
    assert buyer.fetch_order_book(PERPETUAL)["bids"] == [[64_900, 0.01]]
    taken = seller.create_order(PERPETUAL, "market", "sell", 0.004)
    assert (taken["status"], taken["filled"], taken["average"]) == ("closed", 0.004, 64_900)
    (trade,) = taken["trades"]
    assert (trade["takerOrMaker"], trade["price"], trade["fee"]["cost"]) == ("taker", 64_900, 0.1298)
    after = buyer.fetch_order(order["id"])
    assert (after["filled"], after["remaining"], after["status"]) == (0.004, 0.006, "open")
    changed = buyer.edit_order(order["id"], PERPETUAL, "limit", "buy", 0.02, 64_950)
    assert (changed["id"], changed["price"], changed["amount"], changed["filled"]) == (
        order["id"],
        64_950,
        0.02,
        0.004,
    )
    assert buyer.fetch_order_book(PERPETUAL)["bids"] == [[64_950, 0.016]]
    assert buyer.cancel_order(order["id"])["status"] == "canceled"
    assert buyer.fetch_open_orders(PERPETUAL) == []
    assert order["id"] in [each["id"] for each in buyer.fetch_closed_orders(PERPETUAL)]


def test_fills_and_positions_and_money_agree(buyer: Any, seller: Any) -> None:
    before = {"buyer": hold(buyer), "seller": hold(seller)}
    order = seller.create_order(PERPETUAL, "limit", "sell", 0.02, 65_100)
    bought = buyer.create_order(PERPETUAL, "limit", "buy", 0.02, 65_100)
    assert bought["status"] == "closed"
    mine, theirs = buyer.fetch_my_trades(PERPETUAL)[-1], seller.fetch_my_trades(PERPETUAL)[-1]
    assert mine["id"] == theirs["id"] == buyer.fetch_trades(PERPETUAL)[-1]["id"]
    assert (mine["side"], theirs["side"]) == ("buy", "sell")
    assert (mine["takerOrMaker"], theirs["takerOrMaker"]) == ("taker", "maker")
    assert (mine["order"], theirs["order"]) == (bought["id"], order["id"])
    assert hold(buyer) == pytest.approx(before["buyer"] + 0.02)
    assert hold(seller) == pytest.approx(before["seller"] - 0.02)
    balance = buyer.fetch_balance({"code": "USDC"})["USDC"]
    assert balance["total"] == pytest.approx(1_000_000, rel=0.001)
    assert 0 < balance["used"] < balance["total"]
    ticker = buyer.fetch_ticker(PERPETUAL)
    assert ticker["last"] == 65_100
    assert ticker["info"]["open_interest"] == str(abs(hold(buyer)))
    candles = buyer.fetch_ohlcv(PERPETUAL, "1m")
    assert candles[-1][2] >= 65_100
    assert sum(candle[5] for candle in candles) > 0


def hold(exchange: Any) -> float:
    """Signed size of the position in the perpetual."""
    raw = exchange.privateGetGetPosition({"instrument_name": NAMES[0]})["result"]
    return float(raw["size"])


def test_option_greeks_and_chain(buyer: Any, seller: Any) -> None:
    symbol = buyer.markets_by_id[NAMES[2]][0]["symbol"]
    seller.create_order(symbol, "limit", "sell", 0.05, 3_050)
    buyer.create_order(symbol, "limit", "buy", 0.05, 2_950)
    greeks = buyer.fetch_greeks(symbol)
    assert 0.4 < greeks["delta"] < 0.6
    assert min(greeks["gamma"], greeks["vega"], -greeks["theta"]) > 0
    assert greeks["bidImpliedVolatility"] < greeks["markImpliedVolatility"] < greeks["askImpliedVolatility"]
    option = buyer.fetch_option(symbol)
    assert (option["bidPrice"], option["askPrice"]) == (2_950, 3_050)
    assert symbol in buyer.fetch_option_chain("BTC")


def test_immediate_orders(buyer: Any, seller: Any) -> None:
    nothing = buyer.create_order(PERPETUAL, "limit", "buy", 0.01, 64_000, {"timeInForce": "IOC"})
    assert (nothing["status"], nothing["filled"]) == ("canceled", 0)
    seller.create_order(PERPETUAL, "limit", "sell", 0.01, 65_100)
    killed = buyer.create_order(PERPETUAL, "limit", "buy", 0.02, 65_100, {"timeInForce": "FOK"})
    assert (killed["status"], killed["filled"]) == ("canceled", 0)
    part = buyer.create_order(PERPETUAL, "limit", "buy", 0.02, 65_100, {"timeInForce": "IOC"})
    assert (part["status"], part["filled"]) == ("canceled", 0.01)


@pytest.mark.parametrize(
    ("arguments", "error", "code"),
    [
        ((PERPETUAL, "limit", "buy", 1_000, 64_900), ccxt.InsufficientFunds, 10009),
        ((PERPETUAL, "stop_limit", "buy", 0.01, 64_900, {"stopLossPrice": 66_000}), ccxt.NotSupported, 10033),
        ((PERPETUAL, "limit", "sell", 0.01, 65_100, {"reduceOnly": True}), ccxt.ExchangeError, 11030),
    ],
)
def test_refusals_are_told_by_their_codes(
    buyer: Any, arguments: tuple[Any, ...], error: type[Exception], code: int
) -> None:
    with pytest.raises(error, match=f'"code":{code}'):
        make_fresh(buyer).create_order(*arguments)


def make_fresh(buyer: Any) -> Any:
    """Another account, which never traded."""
    fresh = ccxt.deribit({"apiKey": "client-23", "secret": "secret-23", "enableRateLimit": False})
    fresh.urls["api"]["rest"] = buyer.urls["api"]["rest"]
    fresh.load_markets()
    return fresh


def test_orders_that_are_not_there(buyer: Any, seller: Any) -> None:
    with pytest.raises(ccxt.OrderNotFound):
        buyer.cancel_order("USDC-999999999999999")
    order = buyer.create_order(PERPETUAL, "limit", "buy", 0.01, 64_900)
    with pytest.raises(ccxt.OrderNotFound, match="10029"):
        seller.cancel_order(order["id"])
    buyer.cancel_order(order["id"])
    with pytest.raises(ccxt.InvalidOrder, match="11044"):
        buyer.cancel_order(order["id"])
    with pytest.raises(ccxt.OrderNotFound, match="10010"):
        buyer.edit_order(order["id"], PERPETUAL, "limit", "buy", 0.02, 64_950)


def test_a_wrong_secret_is_refused(market: Market) -> None:
    exchange = ccxt.deribit({"apiKey": "client-16", "secret": "no", "enableRateLimit": False})
    exchange.urls["api"]["rest"] = market.url
    with pytest.raises(ccxt.AuthenticationError, match="13004"):
        exchange.fetch_balance({"code": "USDC"})
