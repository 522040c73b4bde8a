"""Cancelling orders, by all that names them."""

import asyncio
from typing import Any

from miletus.gateway.desk import Desk
from miletus.gateway.errors import RpcError
from miletus.gateway.instruments import parse_currency
from miletus.gateway.methods.trading import (
    Label,
    OrderIdParams,
    find_order,
    require_open,
)
from miletus.gateway.orders import Order
from miletus.gateway.rpc import Call, Params, method
from miletus.gateway.views import describe_order


@method("private/cancel", "trade:read_write", matching=True)
async def cancel(call: Call, params: OrderIdParams) -> dict[str, Any]:
    """Cancel an order."""
    order = find_order(call, params.order_id)
    require_open(order, "not_open_order")
    return describe_order(call.gateway.exchange, await call.gateway.get_desk(call.account).cancel(order))


class CancelAllParams(Params, kw_only=True):
    """Parameters of private/cancel_all."""

    detailed: bool = False
    freeze_quotes: bool = False


@method("private/cancel_all", "trade:read_write", matching=True)
async def cancel_all(call: Call, params: CancelAllParams) -> Any:
    """Cancel all orders of the account; how many there were."""
    count = await call.gateway.get_desk(call.account).cancel_all()
    return [] if params.detailed else count


class CancelInstrumentParams(Params, kw_only=True):
    """Parameters of private/cancel_all_by_instrument."""

    instrument_name: str
    type: str = "all"
    detailed: bool = False
    include_combos: bool = False
    freeze_quotes: bool = False


@method("private/cancel_all_by_instrument", "trade:read_write", matching=True)
async def cancel_all_by_instrument(call: Call, params: CancelInstrumentParams) -> int:
    """Cancel all orders in an instrument; how many there were."""
    if params.type not in ("all", "limit"):
        return 0
    listing = call.gateway.exchange.listings.find(params.instrument_name)
    return await call.gateway.get_desk(call.account).cancel_instrument(listing.number)


class CancelCurrencyParams(Params, kw_only=True):
    """Parameters of private/cancel_all_by_currency."""

    currency: str
    kind: str = "any"
    type: str = "all"
    detailed: bool = False
    freeze_quotes: bool = False


@method("private/cancel_all_by_currency", "trade:read_write", matching=True)
async def cancel_all_by_currency(call: Call, params: CancelCurrencyParams) -> int:
    """Cancel all orders in a currency's instruments; how many there were."""
    desk = call.gateway.get_desk(call.account)
    if parse_currency(params.currency) is None and params.kind in ("any", "all"):
        return await desk.cancel_all()
    listings = call.gateway.exchange.listings.select(params.currency, params.kind, expired=None)
    numbers = {each.number for each in listings}
    return await cancel_many(
        desk, [order for order in desk.book.orders.get_open() if order.instrument in numbers]
    )


class CancelKindParams(Params, kw_only=True):
    """Parameters of private/cancel_all_by_kind_or_type."""

    currency: str | list[str] = "any"
    kind: str = "any"
    type: str = "all"
    detailed: bool = False


@method("private/cancel_all_by_kind_or_type", "trade:read_write", matching=True)
async def cancel_all_by_kind_or_type(call: Call, params: CancelKindParams) -> int:
    """Cancel all orders of a kind; how many there were."""
    currencies = [params.currency] if isinstance(params.currency, str) else params.currency
    desk, listings = call.gateway.get_desk(call.account), call.gateway.exchange.listings
    numbers = {
        each.number for name in currencies for each in listings.select(name, params.kind, expired=None)
    }
    return await cancel_many(
        desk, [order for order in desk.book.orders.get_open() if order.instrument in numbers]
    )


class CancelLabelParams(Params, kw_only=True):
    """Parameters of private/cancel_by_label."""

    label: Label
    currency: str | None = None


@method("private/cancel_by_label", "trade:read_write", matching=True)
async def cancel_by_label(call: Call, params: CancelLabelParams) -> int:
    """Cancel all orders of a label; how many there were."""
    desk = call.gateway.get_desk(call.account)
    return await cancel_many(desk, desk.book.orders.get_by_label(params.label))


async def cancel_many(desk: Desk, orders: list[Order]) -> int:
    """Cancel orders at once; how many of them still rested."""
    outcomes = await asyncio.gather(*(desk.cancel(order) for order in orders), return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException) and not isinstance(outcome, RpcError):
            raise outcome
    return sum(isinstance(outcome, Order) for outcome in outcomes)
