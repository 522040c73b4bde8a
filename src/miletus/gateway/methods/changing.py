"""Changing orders."""

from decimal import Decimal
from typing import Any

from miletus.gateway.errors import make_error, make_unsupported
from miletus.gateway.methods.trading import (
    Label,
    check_amount,
    check_price,
    describe_placed,
    find_order,
    require_open,
    require_time_left,
)
from miletus.gateway.orders import Order
from miletus.gateway.rpc import Call, Params, method


class EditParams(Params, kw_only=True):
    """Parameters of private/edit."""

    order_id: str
    amount: Decimal | None = None
    contracts: Decimal | None = None
    price: Decimal | None = None
    post_only: bool | None = None
    reject_post_only: bool | None = None
    reduce_only: bool | None = None
    advanced: str | None = None
    trigger_price: Decimal | None = None
    trigger_offset: Decimal | None = None
    mmp: bool | None = None
    valid_until: int | None = None
    display_amount: Decimal | None = None


_EDIT_NOTE = (
    "the amount is the new total, fills included; an order keeps post_only and reduce_only; a change that "
    "the machine refuses cancels the order, and the error's data says so"
)


@method("private/edit", "trade:read_write", matching=True, note=_EDIT_NOTE)
async def edit(call: Call, params: EditParams) -> dict[str, Any]:
    """Change the price or amount of an open order."""
    return await change(call, params, find_order(call, params.order_id))


class EditByLabelParams(Params, kw_only=True):
    """Parameters of private/edit_by_label."""

    instrument_name: str
    label: Label
    amount: Decimal | None = None
    contracts: Decimal | None = None
    price: Decimal | None = None
    post_only: bool | None = None
    reject_post_only: bool | None = None
    reduce_only: bool | None = None
    advanced: str | None = None
    trigger_price: Decimal | None = None
    trigger_offset: Decimal | None = None
    mmp: bool | None = None
    valid_until: int | None = None
    display_amount: Decimal | None = None


@method("private/edit_by_label", "trade:read_write", matching=True, note=_EDIT_NOTE)
async def edit_by_label(call: Call, params: EditByLabelParams) -> dict[str, Any]:
    """Change the one open order of a label in an instrument."""
    listing = call.gateway.exchange.listings.find(params.instrument_name)
    desk = call.gateway.get_desk(call.account)
    found = [
        each for each in desk.book.orders.get_by_label(params.label) if each.instrument == listing.number
    ]
    if len(found) != 1:
        raise make_error("order_not_found", f"{len(found)} open orders have this label; there must be one")
    return await change(call, params, found[0])


async def change(call: Call, params: EditParams | EditByLabelParams, order: Order) -> dict[str, Any]:
    """Change an order."""
    for name in ("advanced", "trigger_price", "trigger_offset"):
        if getattr(params, name) is not None:
            raise make_unsupported(f"{name}: only plain limit orders can be changed")
    for name, value in (("post_only", order.post_only), ("reduce_only", order.reduce_only)):
        if getattr(params, name) not in (None, value):
            raise make_unsupported(f"changing {name}: cancel the order and place a new one")
    require_open(order, "already_closed")
    require_time_left(call, params.valid_until)
    listing = call.gateway.exchange.listings.by_number[order.instrument]
    size, price = order.size_lots, order.price_ticks
    if params.amount is not None or params.contracts is not None:
        size = check_amount(params.amount, params.contracts, listing)
    if params.price is not None:
        price = check_price(params.price, listing)
    placed = await call.gateway.get_desk(call.account).amend(order, size, price)
    return describe_placed(call, placed)
