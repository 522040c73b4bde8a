"""The methods of the API, a file for each group. Importing this package fills the table in `rpc`."""

from miletus.gateway.methods import (
    account,
    cancelling,
    changing,
    history,
    market,
    miletus,
    quoting,
    series,
    session,
    settlements,
    subscriptions,
    supporting,
    trades,
    trading,
    unsupported,
    wallet,
)

__all__ = [
    "account",
    "cancelling",
    "changing",
    "history",
    "market",
    "miletus",
    "quoting",
    "series",
    "session",
    "settlements",
    "subscriptions",
    "supporting",
    "trades",
    "trading",
    "unsupported",
    "wallet",
]
