"""The methods of the API, a file for each group. Importing this package fills the table in `rpc`."""

from miletus.gateway.methods import (
    account,
    history,
    market,
    miletus,
    series,
    session,
    subscriptions,
    supporting,
    trading,
    unsupported,
    wallet,
)

__all__ = [
    "account",
    "history",
    "market",
    "miletus",
    "series",
    "session",
    "subscriptions",
    "supporting",
    "trading",
    "unsupported",
    "wallet",
]
