"""Placing orders."""

from decimal import Decimal
from typing import Annotated, Any, Literal

from msgspec import Meta as Constraint

from miletus.client import TimeInForce
from miletus.engine.params import EXPIRY_TIME_OF_DAY_S, MAX_ORDER_LOTS, PRICE_LIMIT
from miletus.gateway.books import BUY, SELL
from miletus.gateway.desk import Desk, Placed, Ticket
from miletus.gateway.errors import RpcError, make_error, make_invalid, make_unsupported
from miletus.gateway.instruments import Listing
from miletus.gateway.numbers import parse_price, parse_size, parse_units
from miletus.gateway.orders import Meta, Order, parse_order_id
from miletus.gateway.rpc import Call, Params, method
from miletus.gateway.views import describe_order, describe_user_trade

Label = Annotated[str, Constraint(max_length=64)]

DAY_S = 86_400
POST_ONLY_TRIES = 4
"""How often a post-only order is moved behind the best price of the other side before it is refused."""

ORDER_TYPES = ("limit", "market")


class OrderParams(Params, kw_only=True):
    """Parameters of private/buy and private/sell."""

    instrument_name: str
    amount: Decimal | None = None
    contracts: Decimal | None = None
    type: str = "limit"
    label: Label = ""
    price: Decimal | None = None
    time_in_force: str = "good_til_cancelled"
    max_show: Decimal | None = None
    display_amount: Decimal | None = None
    post_only: bool = False
    reject_post_only: bool = False
    reduce_only: bool = False
    trigger_price: Decimal | None = None
    trigger_offset: Decimal | None = None
    trigger: str | None = None
    advanced: str | None = None
    mmp: bool = False
    valid_until: int | None = None
    linked_order_type: str | None = None
    otoco_config: Any = None


_NOTE = "limit and market orders; no triggers, icebergs, linked orders, or prices in volatility"


@method("private/buy", "trade:read_write", matching=True, note=_NOTE)
async def buy(call: Call, params: OrderParams) -> dict[str, Any]:
    """Place an order to buy."""
    return await place(call, params, BUY)


@method("private/sell", "trade:read_write", matching=True, note=_NOTE)
async def sell(call: Call, params: OrderParams) -> dict[str, Any]:
    """Place an order to sell."""
    return await place(call, params, SELL)


async def place(call: Call, params: OrderParams, side: int) -> dict[str, Any]:
    """Place an order of one side."""
    require_supported(params)
    desk = call.gateway.get_desk(call.account)
    listing = call.gateway.exchange.listings.find(params.instrument_name)
    ticket = make_ticket(call, params, side, listing)
    meta = Meta(label=params.label, reject_post_only=params.reject_post_only)
    require_time_left(call, params.valid_until)
    if ticket.post_only and not params.reject_post_only:
        placed = await place_behind(desk, ticket, meta)
    else:
        placed = await desk.place(ticket, meta)
    call.session.placed.add(placed.order.id)
    return describe_placed(call, placed)


async def place_behind(desk: Desk, ticket: Ticket, meta: Meta) -> Placed:
    """Place a post-only order; one that would trade is moved just behind the other side's best price."""
    books, wanted = desk.exchange.books, ticket.price_ticks
    for attempt in range(POST_ONLY_TRIES):
        best = books.get_best(ticket.listing.number, 1 - ticket.side)
        ticket.price_ticks = wanted
        if best is not None:
            step = ticket.listing.tick_step
            ticket.price_ticks = (
                min(wanted, best[0] - step) if ticket.side == BUY else max(wanted, best[0] + step)
            )
        if ticket.price_ticks < ticket.listing.tick_step:
            raise make_error("post_only_reject", "there is no price behind the best one")
        try:
            return await desk.place(ticket, meta)
        except RpcError as error:
            if error.message != "post_only_reject" or attempt == POST_ONLY_TRIES - 1:
                raise
    raise AssertionError("unreachable")


def require_supported(params: OrderParams) -> None:
    """RpcError for what the machine does not do."""
    if params.type not in ORDER_TYPES:
        raise make_unsupported(f"order type {params.type[:20]}: limit and market are")
    for name in (
        "trigger_price",
        "trigger_offset",
        "trigger",
        "advanced",
        "linked_order_type",
        "otoco_config",
    ):
        if getattr(params, name) is not None:
            raise make_unsupported(f"{name}: only plain limit and market orders are")
    if params.mmp:
        raise make_unsupported("mmp: market maker protection")
    shown = params.max_show if params.max_show is not None else params.display_amount
    if shown is not None and params.amount is not None and shown < params.amount:
        raise make_unsupported("max_show below amount: orders are shown whole")


def make_ticket(call: Call, params: OrderParams, side: int, listing: Listing) -> Ticket:
    """An order in the machine's units. RpcError for what is off the grid, so that it costs no word."""
    market = params.type == "market"
    force, good_for_s = parse_time_in_force(call, params.time_in_force)
    if params.post_only and (market or force is not TimeInForce.GTC):
        raise make_error("unsupported_arg_combination", "post_only is for limit orders that may rest")
    if market:
        price_ticks = 1
    elif params.price is None:
        raise make_invalid("price", "a limit order needs a price")
    else:
        price_ticks = check_price(params.price, listing)
    return Ticket(
        listing,
        side,
        check_amount(params.amount, params.contracts, listing),
        price_ticks,
        market,
        force,
        params.post_only,
        params.reduce_only,
        good_for_s,
    )


def parse_time_in_force(call: Call, text: str) -> tuple[TimeInForce, int]:
    """Time in force, and the seconds that the order may rest (0: until it is cancelled)."""
    if text == "good_til_cancelled":
        return TimeInForce.GTC, 0
    if text == "immediate_or_cancel":
        return TimeInForce.IOC, 0
    if text == "fill_or_kill":
        return TimeInForce.FOK, 0
    if text == "good_til_day":
        now_s = call.gateway.exchange.now_ms() // 1000
        return TimeInForce.GTC, DAY_S - (now_s - int(EXPIRY_TIME_OF_DAY_S)) % DAY_S
    raise make_invalid(
        "time_in_force", "one of good_til_cancelled, good_til_day, fill_or_kill, immediate_or_cancel"
    )


def check_price(price: Decimal, listing: Listing) -> int:
    """A price in ticks, on the instrument's grid."""
    ticks = parse_price(price)
    if ticks is not None and (ticks < 1 or ticks >= PRICE_LIMIT):
        raise make_invalid("price", "must be positive, and below 2684354.56")
    if ticks is None or ticks % listing.tick_step:
        raise make_error("price_wrong_tick", f"a multiple of {listing.tick_step / 100:g} is needed")
    return ticks


def check_amount(amount: Decimal | None, contracts: Decimal | None, listing: Listing) -> int:
    """A size in lots, on the instrument's grid, from an amount in coins or a number of contracts."""
    if amount is None and contracts is None:
        raise make_invalid("amount", "amount or contracts is needed")
    lots: int | None = None
    if amount is not None:
        lots = parse_size(amount)
    if contracts is not None:
        count = parse_units(contracts, 1)
        by_contracts = count * listing.lot_step if count is not None else None
        if amount is not None and by_contracts != lots:
            raise make_error("invalid_amount", "amount and contracts differ: give one of them")
        lots = by_contracts
    if lots is None or lots <= 0 or lots % listing.lot_step or lots > MAX_ORDER_LOTS:
        raise make_error("invalid_amount", f"a positive multiple of {listing.lot_step / 10_000:g} is needed")
    if lots < listing.min_size_lots:
        raise make_error("qty_too_low", f"at least {listing.min_size_lots / 10_000:g} is traded")
    return lots


def require_time_left(call: Call, valid_until_ms: int | None) -> None:
    """RpcError if a request came too late."""
    if valid_until_ms is not None and valid_until_ms < call.gateway.exchange.now_ms():
        raise make_error("retry", "valid_until has passed before the request was carried out")


def describe_placed(call: Call, placed: Placed) -> dict[str, Any]:
    """What private/buy and its kin answer."""
    exchange = call.gateway.exchange
    return {
        "trades": [describe_user_trade(exchange, trade) for trade in placed.trades],
        "order": describe_order(exchange, placed.order),
    }


class ClosePositionParams(Params, kw_only=True):
    """Parameters of private/close_position."""

    instrument_name: str
    type: Literal["limit", "market"]
    price: Decimal | None = None


@method("private/close_position", "trade:read_write", matching=True)
async def close_position(call: Call, params: ClosePositionParams) -> dict[str, Any]:
    """Place a reduce-only order of the whole position."""
    desk = call.gateway.get_desk(call.account)
    listing = call.gateway.exchange.listings.find(params.instrument_name)
    holding = desk.book.portfolio.holdings.get(listing.number)
    if holding is None or not holding.size_lots:
        raise make_error("other_reject", "there is no position to close")
    if params.type == "limit" and params.price is None:
        raise make_invalid("price", "a limit order needs a price")
    price = check_price(params.price, listing) if params.price is not None and params.type == "limit" else 1
    ticket = Ticket(
        listing,
        SELL if holding.size_lots > 0 else BUY,
        min(abs(holding.size_lots), int(MAX_ORDER_LOTS)),
        price,
        market=params.type == "market",
        reduce_only=True,
    )
    return describe_placed(call, await desk.place(ticket, Meta()))


class OrderIdParams(Params, kw_only=True):
    """Parameters of methods about one order."""

    order_id: str


def find_order(call: Call, order_id: str) -> Order:
    """An order of the caller's account by its id."""
    order = call.gateway.get_desk(call.account).book.orders.get(order_id)
    if order is not None:
        return order
    parsed = parse_order_id(order_id)
    if parsed is not None and parsed[0] != call.account:
        raise make_error("not_owner_of_order", "the order is another account's")
    raise make_error("order_not_found", "no order of this id is known")


def require_open(order: Order, message: str) -> None:
    """RpcError unless an order rests."""
    if not order.is_open:
        raise make_error(message, f"the order is {order.state}")
