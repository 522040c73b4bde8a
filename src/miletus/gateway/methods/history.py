"""Orders of an account: what is open, and what ended."""

from collections.abc import Callable
from typing import Any, Literal

from miletus.gateway.errors import make_invalid
from miletus.gateway.instruments import Listing
from miletus.gateway.methods.trading import Label, OrderIdParams, find_order
from miletus.gateway.orders import Order
from miletus.gateway.rpc import Call, Params, method
from miletus.gateway.views import describe_order

MOST_ROWS = 1_000

Sorting = Literal["asc", "desc", "default"]

SEEN = "of what the gateway, or the index that it was given, has seen"


def check_count(count: int) -> int:
    """A number of rows. RpcError unless it is from 1 to 1,000."""
    if not 1 <= count <= MOST_ROWS:
        raise make_invalid("count", f"from 1 to {MOST_ROWS}")
    return count


# ---- open orders


class OpenParams(Params, kw_only=True):
    """Parameters of private/get_open_orders."""

    kind: str | None = None
    type: str = "all"


@method("private/get_open_orders", "trade:read")
def get_open_orders(call: Call, params: OpenParams) -> list[dict[str, Any]]:
    """Open orders."""
    return list_open(call, params.kind, params.type)


class OpenCurrencyParams(Params, kw_only=True):
    """Parameters of private/get_open_orders_by_currency."""

    currency: str
    kind: str | None = None
    type: str = "all"


@method("private/get_open_orders_by_currency", "trade:read")
def get_open_orders_by_currency(call: Call, params: OpenCurrencyParams) -> list[dict[str, Any]]:
    """Open orders in a currency's instruments."""
    listings = call.gateway.exchange.listings.select(params.currency, params.kind, expired=None)
    numbers = {each.number for each in listings}
    return list_open(call, None, params.type, lambda order: order.instrument in numbers)


class OpenInstrumentParams(Params, kw_only=True):
    """Parameters of private/get_open_orders_by_instrument."""

    instrument_name: str
    type: str = "all"


@method("private/get_open_orders_by_instrument", "trade:read")
def get_open_orders_by_instrument(call: Call, params: OpenInstrumentParams) -> list[dict[str, Any]]:
    """Open orders in an instrument."""
    number = call.gateway.exchange.listings.find(params.instrument_name).number
    return list_open(call, None, params.type, lambda order: order.instrument == number)


class OpenLabelParams(Params, kw_only=True):
    """Parameters of private/get_open_orders_by_label."""

    currency: str = "any"
    label: Label = ""


@method("private/get_open_orders_by_label", "trade:read")
def get_open_orders_by_label(call: Call, params: OpenLabelParams) -> list[dict[str, Any]]:
    """Open orders of a label."""
    return list_open(call, None, "all", lambda order: order.meta.label == params.label)


def list_open(
    call: Call, kind: str | None, type: str, chosen: Callable[[Order], bool] = lambda order: True
) -> list[dict[str, Any]]:
    """Open orders that are chosen; `type` limit and all are all that rest here."""
    exchange = call.gateway.exchange
    if type not in ("all", "limit"):
        return []
    orders = call.gateway.get_desk(call.account).book.orders.get_open()
    return [
        describe_order(exchange, order)
        for order in orders
        if chosen(order)
        and (kind in (None, "any") or exchange.listings.by_number[order.instrument].kind == kind)
    ]


# ---- an order, and those that ended


@method("private/get_order_state", "trade:read", note=SEEN)
def get_order_state(call: Call, params: OrderIdParams) -> dict[str, Any]:
    """An order by its id."""
    return describe_order(call.gateway.exchange, find_order(call, params.order_id))


class StateLabelParams(Params, kw_only=True):
    """Parameters of private/get_order_state_by_label."""

    currency: str = "any"
    label: Label


@method("private/get_order_state_by_label", "trade:read", note=SEEN)
def get_order_state_by_label(call: Call, params: StateLabelParams) -> list[dict[str, Any]]:
    """Orders of a label, open ones first."""
    orders = call.gateway.get_desk(call.account).book.orders
    ended = [order for order in orders.iterate_ended() if order.meta.label == params.label]
    found = orders.get_by_label(params.label) + ended[:MOST_ROWS]
    return [describe_order(call.gateway.exchange, order) for order in found]


class OrderHistoryParams(Params, kw_only=True):
    """Parameters of private/get_order_history_by_currency and by_instrument."""

    currency: str = "any"
    instrument_name: str | None = None
    kind: str | None = None
    count: int = 20
    offset: int = 0
    include_old: bool = False
    include_unfilled: bool = False
    with_continuation: bool = False
    continuation: str | None = None
    historical: bool = False


def list_order_history(call: Call, params: OrderHistoryParams) -> list[dict[str, Any]]:
    """Orders that ended, newest first."""
    exchange = call.gateway.exchange
    if params.instrument_name is not None:
        listings: list[Listing] = [exchange.listings.find(params.instrument_name)]
    else:
        listings = exchange.listings.select(params.currency, params.kind, expired=None)
    numbers = {each.number for each in listings}
    count, offset = check_count(params.count), max(params.offset, 0)
    rows: list[dict[str, Any]] = []
    for order in call.gateway.get_desk(call.account).book.orders.iterate_ended():
        if order.instrument in numbers and (params.include_unfilled or order.filled_lots):
            if offset:
                offset -= 1
                continue
            rows.append(describe_order(exchange, order))
            if len(rows) == count:
                break
    return rows


@method("private/get_order_history_by_currency", "trade:read", note=SEEN)
def get_order_history_by_currency(call: Call, params: OrderHistoryParams) -> list[dict[str, Any]]:
    """Orders of a currency that ended, newest first."""
    return list_order_history(call, params)


@method("private/get_order_history_by_instrument", "trade:read", note=SEEN)
def get_order_history_by_instrument(call: Call, params: OrderHistoryParams) -> list[dict[str, Any]]:
    """Orders of an instrument that ended, newest first."""
    if params.instrument_name is None:
        raise make_invalid("instrument_name", "value required")
    return list_order_history(call, params)
