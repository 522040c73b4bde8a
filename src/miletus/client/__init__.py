"""The Python SDK for traders.

A thin, typed caller, with no state that the node does not also have.
"""

from miletus.client.errors import ClientError, RequestError, WalletError
from miletus.client.keys import build_typed_data, derive_trading_key, load_wallet
from miletus.client.trader import SCOPE_ALL, SCOPE_TRADE, Trader, sign_words
from miletus.market.requests import Side, TimeInForce

__all__ = [
    "SCOPE_ALL",
    "SCOPE_TRADE",
    "ClientError",
    "RequestError",
    "Side",
    "TimeInForce",
    "Trader",
    "WalletError",
    "build_typed_data",
    "derive_trading_key",
    "load_wallet",
    "sign_words",
]
