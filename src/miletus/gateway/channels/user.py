"""user.orders, user.trades, user.changes and user.portfolio: what happens to an account."""

from collections.abc import Callable
from typing import Any

from miletus.gateway.channels.base import Channel, family, parse_interval, reject_form, require_account
from miletus.gateway.channels.trades import Selection
from miletus.gateway.exchange import AccountChanges, Changes, Exchange
from miletus.gateway.instruments import CURRENCY, Listing, parse_currency
from miletus.gateway.orders import Order
from miletus.gateway.portfolio import Holding
from miletus.gateway.views import (
    describe_order,
    describe_portfolio,
    describe_position,
    describe_user_trade,
)

Chosen = Callable[[Listing], bool]


class UserChannel(Channel):
    """Of an account's changes, those in the instruments that are chosen."""

    def __init__(self, exchange: Exchange, name: str, interval: float, account: int, chosen: Chosen) -> None:
        super().__init__(exchange, name, interval, [("account", account)])
        self.account = account
        self._chosen = chosen
        self._waiting: list[AccountChanges] = []

    def note(self, changes: Changes) -> None:
        """Keep what is to be told; orders are described now, since they go on changing."""
        self._waiting.append(changes.accounts[self.account])

    def take_waiting(self) -> list[AccountChanges]:
        """What was not told yet."""
        waiting, self._waiting = self._waiting, []
        return waiting

    def has(self, instrument: int) -> bool:
        """Whether an instrument is chosen."""
        return self._chosen(self.exchange.listings.by_number[instrument])

    def collect_orders(self, waiting: list[AccountChanges]) -> list[dict[str, Any]]:
        """Orders that changed, as they are now, each once."""
        orders: dict[str, Order] = {}
        for changes in waiting:
            orders |= {id: order for id, order in changes.orders.items() if self.has(order.instrument)}
        return [describe_order(self.exchange, order) for order in orders.values()]

    def collect_trades(self, waiting: list[AccountChanges]) -> list[dict[str, Any]]:
        """Trades."""
        return [
            describe_user_trade(self.exchange, trade)
            for changes in waiting
            for trade in changes.trades
            if self.has(trade.trade.instrument)
        ]


class UserOrdersChannel(UserChannel):
    """Orders that changed: one a message for raw, else a list."""

    @property
    def splits(self) -> bool:  # type: ignore[override]
        """Whether it is raw."""
        return not self.interval

    def build(self) -> Any:
        """Orders since the last message."""
        return self.collect_orders(self.take_waiting()) or None


class UserTradesChannel(UserChannel):
    """Trades of an account."""

    def build(self) -> Any:
        """Trades since the last message."""
        return self.collect_trades(self.take_waiting()) or None


class UserChangesChannel(UserChannel):
    """Orders, trades and positions of an account together."""

    def build(self) -> Any:
        """What changed since the last message."""
        waiting = self.take_waiting()
        orders, trades = self.collect_orders(waiting), self.collect_trades(waiting)
        numbers = {number for changes in waiting for number in changes.positions if self.has(number)}
        if not orders and not trades and not numbers:
            return None
        listings = self.exchange.listings.by_number
        holdings = self.exchange.accounts[self.account].portfolio.holdings
        positions = [
            describe_position(self.exchange, listings[number], holdings.get(number, Holding()))
            for number in sorted(numbers)
        ]
        names = [each["instrument_name"] for each in (*orders, *trades, *positions)]
        return {"instrument_name": names[0], "trades": trades, "positions": positions, "orders": orders}


class PortfolioChannel(Channel):
    """Money and risk of an account."""

    def __init__(self, exchange: Exchange, name: str, account: int, is_empty: bool) -> None:
        topics = [("account", account), ("index", 0), ("index", 1)]
        super().__init__(exchange, name, 1.0, topics)
        self.account = account
        self.is_empty = is_empty

    def build(self) -> Any:
        """The portfolio; of a currency that nothing is held in, zeros."""
        told = describe_portfolio(self.exchange, self.exchange.accounts[self.account])
        if self.is_empty:
            currency = self.name.split(".")[2].upper()
            told |= {key: 0.0 for key, value in told.items() if not isinstance(value, bool | str | dict)}
            told |= {"currency": currency, "delta_total_map": {}}
        return told

    def begin(self) -> Any:
        """The same."""
        return self.build()


def choose(exchange: Exchange, name: str, parts: list[str]) -> tuple[float, Chosen]:
    """Interval and instruments of a name: either an instrument, or a kind and a currency."""
    if len(parts) == 4:
        number = exchange.listings.find(parts[2]).number
        return parse_interval(parts[3]), lambda listing: listing.number == number
    if len(parts) == 5:
        return parse_interval(parts[4]), Selection(parts[2], parts[3]).has
    reject_form(name)
    raise AssertionError("unreachable")


@family("user.orders", "user.orders.{instrument_name}.{interval}", "user.orders.{kind}.{currency}.{interval}")
def make_orders(exchange: Exchange, name: str, parts: list[str], account: int | None) -> Channel:
    """Orders that changed: one a message for raw, else a list."""
    interval, chosen = choose(exchange, name, parts)
    return UserOrdersChannel(exchange, name, interval, require_account(account), chosen)


@family("user.trades", "user.trades.{instrument_name}.{interval}", "user.trades.{kind}.{currency}.{interval}")
def make_user_trades(exchange: Exchange, name: str, parts: list[str], account: int | None) -> Channel:
    """Own trades."""
    interval, chosen = choose(exchange, name, parts)
    return UserTradesChannel(exchange, name, interval, require_account(account), chosen)


@family(
    "user.changes", "user.changes.{instrument_name}.{interval}", "user.changes.{kind}.{currency}.{interval}"
)
def make_changes(exchange: Exchange, name: str, parts: list[str], account: int | None) -> Channel:
    """Own orders, trades and positions that changed, together."""
    interval, chosen = choose(exchange, name, parts)
    return UserChangesChannel(exchange, name, interval, require_account(account), chosen)


@family("user.portfolio", "user.portfolio.{currency}")
def make_portfolio(exchange: Exchange, name: str, parts: list[str], account: int | None) -> Channel:
    """Money and margin of the account, at most once a second."""
    if len(parts) != 3:
        reject_form(name)
    is_empty = parse_currency(parts[2]) is not None and parts[2].upper() != CURRENCY
    return PortfolioChannel(exchange, name, require_account(account), is_empty)
