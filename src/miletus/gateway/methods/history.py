"""Orders and trades of an account and of everybody: what is open, and what was."""

from collections.abc import Callable, Iterable
from typing import Any, Literal

from miletus.gateway.errors import make_error, make_invalid
from miletus.gateway.exchange import UserTrade
from miletus.gateway.instruments import Listing
from miletus.gateway.methods.trading import Label, OrderIdParams, find_order
from miletus.gateway.orders import Order
from miletus.gateway.rpc import Call, Params, method
from miletus.gateway.trades import Trade
from miletus.gateway.views import describe_order, describe_trade, describe_user_trade

MOST_ROWS = 1_000

Sorting = Literal["asc", "desc", "default"]

_SEEN = "of what the gateway has seen since it started"


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


@method("private/get_order_state", "trade:read", note=_SEEN)
def get_order_state(call: Call, params: OrderIdParams) -> dict[str, Any]:
    """An order by its id."""
    return describe_order(call.gateway.exchange, find_order(call, params.order_id))


class StateLabelParams(Params, kw_only=True):
    """Parameters of private/get_order_state_by_label."""

    currency: str = "any"
    label: Label


@method("private/get_order_state_by_label", "trade:read", note=_SEEN)
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


@method("private/get_order_history_by_currency", "trade:read", note=_SEEN)
def get_order_history_by_currency(call: Call, params: OrderHistoryParams) -> list[dict[str, Any]]:
    """Orders of a currency that ended, newest first."""
    return list_order_history(call, params)


@method("private/get_order_history_by_instrument", "trade:read", note=_SEEN)
def get_order_history_by_instrument(call: Call, params: OrderHistoryParams) -> list[dict[str, Any]]:
    """Orders of an instrument that ended, newest first."""
    if params.instrument_name is None:
        raise make_invalid("instrument_name", "value required")
    return list_order_history(call, params)


# ---- trades


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


@method("public/get_last_trades_by_instrument", note=_SEEN)
def get_last_trades_by_instrument(call: Call, params: TradesParams) -> dict[str, Any]:
    """Last trades of an instrument."""
    require_instrument(params)
    return list_trades(call, params)


@method("public/get_last_trades_by_instrument_and_time", note=_SEEN)
def get_last_trades_by_instrument_and_time(call: Call, params: TradesTimeParams) -> dict[str, Any]:
    """Trades of an instrument between two times."""
    require_instrument(params)
    return list_trades(call, params)


@method("public/get_last_trades_by_currency", note=_SEEN)
def get_last_trades_by_currency(call: Call, params: TradesParams) -> dict[str, Any]:
    """Last trades of a currency."""
    return list_trades(call, params)


@method("public/get_last_trades_by_currency_and_time", note=_SEEN)
def get_last_trades_by_currency_and_time(call: Call, params: TradesTimeParams) -> dict[str, Any]:
    """Trades of a currency between two times."""
    return list_trades(call, params)


@method("private/get_user_trades_by_instrument", "trade:read", note=_SEEN)
def get_user_trades_by_instrument(call: Call, params: TradesParams) -> dict[str, Any]:
    """Own trades of an instrument."""
    require_instrument(params)
    return list_user_trades(call, params)


@method("private/get_user_trades_by_instrument_and_time", "trade:read", note=_SEEN)
def get_user_trades_by_instrument_and_time(call: Call, params: TradesTimeParams) -> dict[str, Any]:
    """Own trades of an instrument between two times."""
    require_instrument(params)
    return list_user_trades(call, params)


@method("private/get_user_trades_by_currency", "trade:read", note=_SEEN)
def get_user_trades_by_currency(call: Call, params: TradesParams) -> dict[str, Any]:
    """Own trades of a currency."""
    return list_user_trades(call, params)


@method("private/get_user_trades_by_currency_and_time", "trade:read", note=_SEEN)
def get_user_trades_by_currency_and_time(call: Call, params: TradesTimeParams) -> dict[str, Any]:
    """Own trades of a currency between two times."""
    return list_user_trades(call, params)


class OrderTradesParams(Params, kw_only=True):
    """Parameters of private/get_user_trades_by_order."""

    order_id: str
    sorting: Sorting = "default"
    historical: bool = False


@method("private/get_user_trades_by_order", "trade:read", note=_SEEN)
def get_user_trades_by_order(call: Call, params: OrderTradesParams) -> list[dict[str, Any]]:
    """Own trades of an order."""
    order = find_order(call, params.order_id)
    told = list_user_trades(call, TradesParams(count=MOST_ROWS, sorting=params.sorting), order.id)
    trades: list[dict[str, Any]] = told["trades"]
    return trades


class SettlementParams(Params, kw_only=True):
    """Parameters of the methods about settlements."""

    currency: str = "any"
    instrument_name: str | None = None
    type: Literal["settlement", "delivery", "bankruptcy"] | None = None
    count: int = 20
    continuation: str | None = None
    search_start_timestamp: int | None = None


def list_settlements(call: Call, params: SettlementParams) -> dict[str, Any]:
    """Settlements of instruments, newest first. An instrument is settled once, at its expiry."""
    exchange = call.gateway.exchange
    if params.instrument_name is not None:
        listings = [exchange.listings.find(params.instrument_name)]
    else:
        listings = exchange.listings.select(params.currency, None, expired=True)
    since = params.search_start_timestamp or 0
    settled = [each for each in listings if each.is_settled and each.expiration_ms >= since]
    settled.sort(key=lambda each: (-each.terms.expiry_s, each.number))
    rows = [
        {
            "type": "delivery",
            "timestamp": each.settled_ms or each.expiration_ms,
            "session_profit_loss": 0.0,
            "profit_loss": 0.0,
            "position": 0.0,
            "mark_price": each.payoff_ticks / 100,
            "instrument_name": each.name,
            "index_price": get_delivery_price(call, each),
        }
        for each in settled
        if params.type in (None, "delivery")
    ]
    return {"settlements": rows[: check_count(params.count)]}


def get_delivery_price(call: Call, listing: Listing) -> float:
    """Settlement price of an instrument's expiry; 0 if the gateway did not see it."""
    delivered = dict(call.gateway.exchange.deliveries.get(listing.terms.underlying, ()))
    return delivered.get(listing.terms.expiry_s, 0) / 100


@method("public/get_last_settlements_by_currency")
def get_last_settlements_by_currency(call: Call, params: SettlementParams) -> dict[str, Any]:
    """Settlements of a currency's instruments."""
    return list_settlements(call, params)


@method("public/get_last_settlements_by_instrument")
def get_last_settlements_by_instrument(call: Call, params: SettlementParams) -> dict[str, Any]:
    """Settlements of an instrument."""
    if params.instrument_name is None:
        raise make_invalid("instrument_name", "value required")
    return list_settlements(call, params)


class MySettlementParams(SettlementParams, kw_only=True):
    """Parameters of the methods about an account's settlements."""


def list_own_settlements(call: Call, params: MySettlementParams) -> dict[str, Any]:
    """Settlements of the account's positions, newest first."""
    exchange = call.gateway.exchange
    number = exchange.listings.find(params.instrument_name).number if params.instrument_name else None
    rows = []
    for entry in reversed(call.gateway.get_desk(call.account).book.ledger):
        if entry.instrument is None or entry.type not in ("delivery", "settlement"):
            continue
        listing = exchange.listings.by_number[entry.instrument]
        if number is not None and entry.instrument != number:
            continue
        if params.type is not None and params.type != entry.type:
            continue
        rows.append(
            {
                "type": entry.type,
                "timestamp": entry.time_ms,
                "profit_loss": entry.change_micros / 1_000_000,
                "session_profit_loss": entry.change_micros / 1_000_000,
                "position": entry.position_lots / 10_000,
                "mark_price": listing.payoff_ticks / 100,
                "instrument_name": listing.name,
                "index_price": get_delivery_price(call, listing),
            }
        )
    return {"settlements": rows[: check_count(params.count)]}


@method("private/get_settlement_history_by_currency", "trade:read", note=_SEEN)
def get_settlement_history_by_currency(call: Call, params: MySettlementParams) -> dict[str, Any]:
    """Settlements of own positions."""
    return list_own_settlements(call, params)


@method("private/get_settlement_history_by_instrument", "trade:read", note=_SEEN)
def get_settlement_history_by_instrument(call: Call, params: MySettlementParams) -> dict[str, Any]:
    """Settlements of own positions in an instrument."""
    if params.instrument_name is None:
        raise make_error("Invalid params", "value required", param="instrument_name")
    return list_own_settlements(call, params)
