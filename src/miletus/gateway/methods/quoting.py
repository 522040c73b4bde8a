"""Quotes: many orders at once, and their end."""

import asyncio
from decimal import Decimal
from typing import Annotated, Any, Literal

from msgspec import Meta as Constraint

from miletus.gateway.books import BUY, SELL
from miletus.gateway.desk import Desk, Placed, Ticket
from miletus.gateway.errors import RpcError, make_unsupported
from miletus.gateway.instruments import Listing
from miletus.gateway.methods.cancelling import cancel_many
from miletus.gateway.methods.trading import (
    check_amount,
    check_price,
    describe_placed,
    place_behind,
    require_time_left,
)
from miletus.gateway.orders import Meta
from miletus.gateway.rpc import Call, Params, method


class Quote(Params, kw_only=True):
    """One side of a quote."""

    price: Decimal
    amount: Decimal
    post_only: bool = True
    reject_post_only: bool = True


class QuotePair(Params, kw_only=True):
    """A two-sided quote of an instrument."""

    instrument_name: str
    quote_set_id: str = ""
    bid: Quote | None = None
    ask: Quote | None = None


class MassQuoteParams(Params, kw_only=True):
    """Parameters of private/mass_quote."""

    quotes: Annotated[list[QuotePair], Constraint(min_length=1, max_length=100)]
    quote_id: Annotated[str, Constraint(max_length=64)]
    mmp_group: str = ""
    detailed: bool = False
    valid_until: int | None = None


@method(
    "private/mass_quote",
    "trade:read_write",
    matching=True,
    note="carried out as one order or change for each side, not as one; quotes are orders, with a label each",
)
async def mass_quote(call: Call, params: MassQuoteParams) -> dict[str, Any]:
    """Quote many instruments at once; a side that is quoted already is changed in its place."""
    require_time_left(call, params.valid_until)
    call.gateway.charge(
        call.account, sum((pair.bid is not None) + (pair.ask is not None) for pair in params.quotes)
    )
    desk, listings = call.gateway.get_desk(call.account), call.gateway.exchange.listings
    work = []
    for pair in params.quotes:
        listing = listings.find(pair.instrument_name)
        for side, quote in ((BUY, pair.bid), (SELL, pair.ask)):
            if quote is not None:
                label = f"q:{params.mmp_group[:20]}:{pair.quote_set_id[:20]}"
                work.append((pair, side, set_quote(call, desk, listing, side, quote, label)))
    outcomes = await asyncio.gather(*(each for _, _, each in work), return_exceptions=True)
    told: dict[str, Any] = {"orders": [], "trades": [], "errors": []}
    for (pair, side, _), outcome in zip(work, outcomes, strict=True):
        if isinstance(outcome, Placed):
            described = describe_placed(call, outcome)
            told["orders"].append(described["order"] | {"quote": True, "quote_id": params.quote_id})
            told["trades"] += described["trades"]
        elif isinstance(outcome, RpcError):
            error = {"code": outcome.code, "message": outcome.message, "data": outcome.data}
            told["errors"].append(
                {"instrument_name": pair.instrument_name, "side": ("bid", "ask")[side], "error": error}
            )
        else:
            raise outcome
    return (
        told
        if params.detailed
        else {"errors": told["errors"], "orders": told["orders"], "trades": told["trades"]}
    )


async def set_quote(call: Call, desk: Desk, listing: Listing, side: int, quote: Quote, label: str) -> Placed:
    """Place or change one side of a quote."""
    size, price = check_amount(quote.amount, None, listing), check_price(quote.price, listing)
    for order in desk.book.orders.get_by_label(label):
        if order.instrument == listing.number and order.side == side:
            if (order.size_lots - order.filled_lots, order.price_ticks) == (size, price):
                return Placed(order, [])
            return await desk.amend(order, order.filled_lots + size, price)
    ticket = Ticket(listing, side, size, price, post_only=quote.post_only)
    meta = Meta(label=label, reject_post_only=quote.reject_post_only)
    if quote.post_only and not quote.reject_post_only:
        return await place_behind(desk, ticket, meta)
    return await desk.place(ticket, meta)


class CancelQuotesParams(Params, kw_only=True):
    """Parameters of private/cancel_quotes."""

    cancel_type: Literal["all", "instrument", "currency", "kind", "quote_set_id", "delta", "currency_pair"]
    instrument_name: str | None = None
    currency: str | None = None
    kind: str | None = None
    quote_set_id: str | None = None
    detailed: bool = False
    freeze_quotes: bool = False


@method("private/cancel_quotes", "trade:read_write", matching=True, note="not by delta or currency_pair")
async def cancel_quotes(call: Call, params: CancelQuotesParams) -> int:
    """Cancel orders that private/mass_quote placed; how many there were."""
    desk, listings = call.gateway.get_desk(call.account), call.gateway.exchange.listings
    orders = [order for order in desk.book.orders.get_open() if order.meta.label.startswith("q:")]
    kind = params.cancel_type
    if kind == "instrument":
        number = listings.find(params.instrument_name).number
        orders = [order for order in orders if order.instrument == number]
    elif kind in ("currency", "kind"):
        chosen = listings.select(params.currency or "any", params.kind, expired=None)
        numbers = {each.number for each in chosen}
        orders = [order for order in orders if order.instrument in numbers]
    elif kind == "quote_set_id":
        orders = [order for order in orders if order.meta.label.endswith(f":{params.quote_set_id}")]
    elif kind != "all":
        raise make_unsupported(f"cancel_type {kind}")
    return await cancel_many(desk, orders)
