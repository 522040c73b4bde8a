"""The Python SDK for traders: typed, async (`AsyncExchange`) and blocking (`Exchange`).

A thin caller, with no state that the node does not also have. Keys stay in the program that holds them.
"""

from typing import TYPE_CHECKING, Any

from miletus.client.errors import (
    AnswerLost,
    ClientError,
    FeedLost,
    NotYet,
    OrderRefused,
    RequestError,
    Unreachable,
    WalletError,
)
from miletus.client.exchange import AsyncExchange
from miletus.client.keys import build_typed_data, derive_trading_key, load_wallet
from miletus.client.sync import Exchange
from miletus.client.trader import SCOPE_ALL, SCOPE_TRADE, Trader, sign_words
from miletus.client.values import (
    Account,
    Book,
    Departure,
    Fill,
    Finality,
    Instrument,
    OpenOrder,
    Order,
    Placed,
    Position,
    Ticker,
    Trade,
    Withdrawal,
)
from miletus.client.venue import Venue
from miletus.market.requests import Side, TimeInForce

if TYPE_CHECKING:
    from miletus.client.money import Money

__all__ = [
    "SCOPE_ALL",
    "SCOPE_TRADE",
    "Account",
    "AnswerLost",
    "AsyncExchange",
    "Book",
    "ClientError",
    "Departure",
    "Exchange",
    "FeedLost",
    "Fill",
    "Finality",
    "Instrument",
    "Money",
    "NotYet",
    "OpenOrder",
    "Order",
    "OrderRefused",
    "Placed",
    "Position",
    "RequestError",
    "Side",
    "Ticker",
    "TimeInForce",
    "Trade",
    "Trader",
    "Unreachable",
    "Venue",
    "WalletError",
    "Withdrawal",
    "build_typed_data",
    "derive_trading_key",
    "load_wallet",
    "sign_words",
]


def __getattr__(name: str) -> Any:
    """Import what talks to L1 when it is first asked for: that takes longer than all the rest."""
    if name == "Money":
        from miletus.client.money import Money

        return Money
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
