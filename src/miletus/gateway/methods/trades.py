"""Trades, of everybody and of an account."""

from collections.abc import Callable, Iterable
from typing import Any

from miletus.gateway.errors import make_invalid
from miletus.gateway.exchange import UserTrade
from miletus.gateway.instruments import Listing
from miletus.gateway.methods.history import MOST_ROWS, SEEN, Sorting, check_count
from miletus.gateway.methods.trading import find_order
from miletus.gateway.rpc import Call, Params, method
from miletus.gateway.trades import Trade
from miletus.gateway.views import describe_trade, describe_user_trade


class TradesParams(Params, kw_only=True):
    """Parameters of the methods about trades; each reads those that it has."""

    currency: str = "any"
    instrument_name: str | None = None
    kind: str | None = None
    start_seq: int | None = None
    end_seq: int | None = None
    start_id: str | None = None
    end_id: str | None = None
    start_timestamp: int | None = None
    end_timestamp: int | None = None
    count: int = 10
    include_old: bool = False
    sorting: Sorting = "default"
    historical: bool = False
    subaccount_id: int | None = None


class TradesTimeParams(TradesParams, kw_only=True):
    """Parameters of the methods about trades between two times."""

    start_timestamp: int
    end_timestamp: int


def parse_trade_id(text: str | None, name: str) -> int | None:
    """The number in a trade's id, by which trades are in order."""
    if text is None:
        return None
    digits = text.removeprefix("USDC-")
    if not digits.isascii() or not digits.isdigit() or len(digits) > 19:
        raise make_invalid(name, "the id of a trade is such as USDC-48213000")
    return int(digits)


def make_filter(params: TradesParams) -> Callable[[Trade], bool]:
    """Whether a trade is within what was asked for."""
    first, last = parse_trade_id(params.start_id, "start_id"), parse_trade_id(params.end_id, "end_id")

    def chosen(trade: Trade) -> bool:
        id = int(trade.id[5:])
        return (
            (params.start_timestamp is None or trade.time_ms >= params.start_timestamp)
            and (params.end_timestamp is None or trade.time_ms <= params.end_timestamp)
            and (params.start_seq is None or trade.seq >= params.start_seq)
            and (params.end_seq is None or trade.seq <= params.end_seq)
            and (first is None or id >= first)
            and (last is None or id <= last)
        )

    return chosen


def choose_listings(call: Call, params: TradesParams) -> list[Listing]:
    """The instruments that were asked for."""
    listings = call.gateway.exchange.listings
    if params.instrument_name is not None:
        return [listings.find(params.instrument_name)]
    return listings.select(params.currency, params.kind, expired=None)


def page(rows: list[Any], params: TradesParams) -> dict[str, Any]:
    """The rows that are shown, from all in rising order, and whether there are more.

    By default the newest come first; with a start they are taken from there on.
    """
    count = check_count(params.count)
    has_start = (
        params.start_timestamp is not None or params.start_seq is not None or params.start_id is not None
    )
    rising = params.sorting == "asc" or (params.sorting == "default" and has_start)
    taken = rows[:count] if rising else rows[-count:][::-1]
    return {"trades": taken, "has_more": len(rows) > count}


def list_trades(call: Call, params: TradesParams) -> dict[str, Any]:
    """Trades of everybody."""
    exchange, chosen = call.gateway.exchange, make_filter(params)
    found: list[Trade] = []
    for listing in choose_listings(call, params):
        tape = exchange.tapes.get(listing.number)
        if tape is not None:
            found += [trade for trade in tape.trades if chosen(trade)]
    found.sort(key=lambda trade: (trade.number, trade.place))
    told = page(found, params)
    return told | {"trades": [describe_trade(exchange, trade) for trade in told["trades"]]}


def list_user_trades(call: Call, params: TradesParams, order_id: str | None = None) -> dict[str, Any]:
    """Trades of the caller's account."""
    exchange, chosen = call.gateway.exchange, make_filter(params)
    numbers = {each.number for each in choose_listings(call, params)}
    trades: Iterable[UserTrade] = call.gateway.get_desk(call.account).book.trades
    found = [
        each
        for each in trades
        if each.trade.instrument in numbers
        and chosen(each.trade)
        and (order_id is None or each.order.id == order_id)
    ]
    told = page(found, params)
    return told | {"trades": [describe_user_trade(exchange, each) for each in told["trades"]]}


def require_instrument(params: TradesParams) -> None:
    """RpcError unless an instrument was named."""
    if params.instrument_name is None:
        raise make_invalid("instrument_name", "value required")


@method("public/get_last_trades_by_instrument", note=SEEN)
def get_last_trades_by_instrument(call: Call, params: TradesParams) -> dict[str, Any]:
    """Last trades of an instrument."""
    require_instrument(params)
    return list_trades(call, params)


@method("public/get_last_trades_by_instrument_and_time", note=SEEN)
def get_last_trades_by_instrument_and_time(call: Call, params: TradesTimeParams) -> dict[str, Any]:
    """Trades of an instrument between two times."""
    require_instrument(params)
    return list_trades(call, params)


@method("public/get_last_trades_by_currency", note=SEEN)
def get_last_trades_by_currency(call: Call, params: TradesParams) -> dict[str, Any]:
    """Last trades of a currency."""
    return list_trades(call, params)


@method("public/get_last_trades_by_currency_and_time", note=SEEN)
def get_last_trades_by_currency_and_time(call: Call, params: TradesTimeParams) -> dict[str, Any]:
    """Trades of a currency between two times."""
    return list_trades(call, params)


@method("private/get_user_trades_by_instrument", "trade:read", note=SEEN)
def get_user_trades_by_instrument(call: Call, params: TradesParams) -> dict[str, Any]:
    """Own trades of an instrument."""
    require_instrument(params)
    return list_user_trades(call, params)


@method("private/get_user_trades_by_instrument_and_time", "trade:read", note=SEEN)
def get_user_trades_by_instrument_and_time(call: Call, params: TradesTimeParams) -> dict[str, Any]:
    """Own trades of an instrument between two times."""
    require_instrument(params)
    return list_user_trades(call, params)


@method("private/get_user_trades_by_currency", "trade:read", note=SEEN)
def get_user_trades_by_currency(call: Call, params: TradesParams) -> dict[str, Any]:
    """Own trades of a currency."""
    return list_user_trades(call, params)


@method("private/get_user_trades_by_currency_and_time", "trade:read", note=SEEN)
def get_user_trades_by_currency_and_time(call: Call, params: TradesTimeParams) -> dict[str, Any]:
    """Own trades of a currency between two times."""
    return list_user_trades(call, params)


class OrderTradesParams(Params, kw_only=True):
    """Parameters of private/get_user_trades_by_order."""

    order_id: str
    sorting: Sorting = "default"
    historical: bool = False


@method("private/get_user_trades_by_order", "trade:read", note=SEEN)
def get_user_trades_by_order(call: Call, params: OrderTradesParams) -> list[dict[str, Any]]:
    """Own trades of an order."""
    order = find_order(call, params.order_id)
    told = list_user_trades(call, TradesParams(count=MOST_ROWS, sorting=params.sorting), order.id)
    trades: list[dict[str, Any]] = told["trades"]
    return trades
