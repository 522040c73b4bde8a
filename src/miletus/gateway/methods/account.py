"""Positions, money and margin of an account."""

from decimal import Decimal
from typing import Any

import msgspec

from miletus.engine.margin import compute_fee
from miletus.gateway.errors import make_error, make_invalid
from miletus.gateway.exchange import Entry
from miletus.gateway.instruments import CURRENCY, parse_currency
from miletus.gateway.methods.history import check_count
from miletus.gateway.methods.trading import check_amount, check_price
from miletus.gateway.numbers import format_money, format_price, format_size, parse_size
from miletus.gateway.portfolio import Holding
from miletus.gateway.rpc import Call, Params, method
from miletus.gateway.simulation import simulate
from miletus.gateway.views import describe_portfolio, describe_position, describe_user_trade


class PositionParams(Params, kw_only=True):
    """Parameters of private/get_position."""

    instrument_name: str


@method("private/get_position", "trade:read", note="average prices are of fills that the gateway has seen")
def get_position(call: Call, params: PositionParams) -> dict[str, Any]:
    """The position in an instrument, of size 0 if there is none."""
    exchange = call.gateway.exchange
    listing = exchange.listings.find(params.instrument_name)
    holdings = call.gateway.get_desk(call.account).book.portfolio.holdings
    return describe_position(exchange, listing, holdings.get(listing.number, Holding()))


class PositionsParams(Params, kw_only=True):
    """Parameters of private/get_positions."""

    currency: str = "any"
    kind: str | None = None
    subaccount_id: int | None = None


@method("private/get_positions", "trade:read", note="average prices are of fills that the gateway has seen")
def get_positions(call: Call, params: PositionsParams) -> list[dict[str, Any]]:
    """Open positions."""
    exchange = call.gateway.exchange
    holdings = call.gateway.get_desk(call.account).book.portfolio.holdings
    return [
        describe_position(exchange, listing, holdings[listing.number])
        for listing in exchange.listings.select(params.currency, params.kind, expired=None)
        if listing.number in holdings and holdings[listing.number].size_lots
    ]


class SummaryParams(Params, kw_only=True):
    """Parameters of private/get_account_summary."""

    currency: str = CURRENCY
    subaccount_id: int | None = None
    extended: bool = False


_MARGIN_NOTE = "an account has one balance, in USDC; other currencies are shown empty"


@method("private/get_account_summary", "account:read", note=_MARGIN_NOTE)
def get_account_summary(call: Call, params: SummaryParams) -> dict[str, Any]:
    """Money and margin of the account in a currency."""
    summary = summarise(call, params.currency)
    return summary | describe_owner(call) if params.extended else summary


class SummariesParams(Params, kw_only=True):
    """Parameters of private/get_account_summaries."""

    subaccount_id: int | None = None
    extended: bool = False


@method("private/get_account_summaries", "account:read", note=_MARGIN_NOTE)
def get_account_summaries(call: Call, params: SummariesParams) -> dict[str, Any]:
    """Money and margin of the account, and whose it is."""
    return describe_owner(call) | {"summaries": [summarise(call, CURRENCY)]}


def summarise(call: Call, currency: str) -> dict[str, Any]:
    """The summary of one currency."""
    coin = parse_currency(currency)
    book, exchange = call.gateway.get_desk(call.account).book, call.gateway.exchange
    told = describe_portfolio(exchange, book)
    if coin is not None:
        empty = {name: 0.0 for name, value in told.items() if not isinstance(value, bool | str | dict)}
        told |= empty | {"currency": coin, "delta_total_map": {}}
    limits = call.gateway.limits
    rates = {
        "non_matching_engine": {"rate": limits.other.rate, "burst": limits.other.burst},
        "matching_engine": {
            "trading": {"total": {"rate": limits.matching.rate, "burst": limits.matching.burst}}
        },
    }
    return told | {
        "limits": {"limits_per_currency": False, **rates},
        "estimated_liquidation_ratio_map": {},
        "options_gamma_map": {},
        "options_theta_map": {},
        "options_vega_map": {},
        "has_non_block_chain_equity": False,
        "total_equity_usd": told["equity"],
        "total_initial_margin_usd": told["initial_margin"],
        "total_maintenance_margin_usd": told["maintenance_margin"],
        "total_margin_balance_usd": told["margin_balance"],
        "total_delta_total_usd": 0.0,
    }


def describe_owner(call: Call) -> dict[str, Any]:
    """Whose account it is."""
    name = f"account-{call.account}"
    return {
        "id": call.account,
        "username": name,
        "system_name": name,
        "type": "main",
        "email": "",
        "creation_timestamp": 0,
        "login_enabled": True,
        "mmp_enabled": False,
        "block_rfq_self_match_prevention": False,
        "interuser_transfers_enabled": True,
        "referrer_id": None,
        "security_keys_enabled": False,
        "self_trading_reject_mode": "cancel_maker",
        "self_trading_extended_to_subaccounts": False,
    }


class SubaccountsParams(Params, kw_only=True):
    """Parameters of private/get_subaccounts."""

    with_portfolio: bool = False


@method(
    "private/get_subaccounts", "account:read", note="one account: subaccounts are accounts of their own here"
)
def get_subaccounts(call: Call, params: SubaccountsParams) -> list[dict[str, Any]]:
    """The account itself."""
    told = describe_owner(call) | {
        "is_password": False,
        "margin_model": "segregated_pm",
        "receive_notifications": False,
        "security_keys_assignments": [],
        "proof_id": "",
        "proof_id_signature": "",
    }
    if params.with_portfolio:
        portfolio = describe_portfolio(call.gateway.exchange, call.gateway.get_desk(call.account).book)
        names = (
            *("available_funds", "available_withdrawal_funds", "balance", "currency", "equity"),
            *("initial_margin", "maintenance_margin", "margin_balance"),
        )
        told["portfolio"] = {CURRENCY.lower(): {name: portfolio[name] for name in names}}
    return [told]


class SubaccountDetailsParams(Params, kw_only=True):
    """Parameters of private/get_subaccounts_details."""

    currency: str = "any"
    with_open_orders: bool = False


@method("private/get_subaccounts_details", "account:read")
def get_subaccounts_details(call: Call, params: SubaccountDetailsParams) -> list[dict[str, Any]]:
    """Positions of the account, and its open orders."""
    from miletus.gateway.methods.history import list_open

    told: dict[str, Any] = {"uid": call.account, "positions": get_positions(call, PositionsParams())}
    if params.with_open_orders:
        told["open_orders"] = list_open(call, None, "all")
    return [told]


# ---- the transaction log


class LogParams(Params, kw_only=True):
    """Parameters of private/get_transaction_log."""

    currency: str = "any"
    start_timestamp: int
    end_timestamp: int
    query: str | None = None
    count: int = 100
    subaccount_id: int | None = None
    continuation: int | None = None


@method(
    "private/get_transaction_log",
    "account:read",
    note="of what the gateway, or the index that it was given, has seen",
)
def get_transaction_log(call: Call, params: LogParams) -> dict[str, Any]:
    """What moved the account's cash, newest first."""
    count = check_count(params.count)
    wanted = (params.query or "").split(",")[0].strip().lower()
    rows: list[dict[str, Any]] = []
    continuation = None
    for entry in reversed(call.gateway.get_desk(call.account).book.ledger):
        if params.continuation is not None and entry.id > params.continuation:
            continue
        if not params.start_timestamp <= entry.time_ms <= params.end_timestamp:
            continue
        if wanted and wanted not in (entry.type, *(["maker", "taker"] if entry.trade else [])):
            continue
        if len(rows) == count:
            continuation = entry.id
            break
        rows.append(describe_entry(call, entry))
    return {"logs": rows, "continuation": continuation}


def describe_entry(call: Call, entry: Entry) -> dict[str, Any]:
    """A line of the transaction log."""
    exchange = call.gateway.exchange
    told: dict[str, Any] = {
        "username": f"account-{call.account}",
        "user_seq": entry.id,
        "user_role": "taker",
        "user_id": call.account,
        "type": entry.type,
        "trade_id": None,
        "timestamp": entry.time_ms,
        "side": "-",
        "position": None,
        "order_id": None,
        "instrument_name": None,
        "info": {"number": entry.number},
        "id": entry.id,
        "equity": format_money(entry.cash_micros),
        "currency": CURRENCY,
        "commission": 0.0,
        "change": format_money(entry.change_micros),
        "cashflow": format_money(entry.change_micros),
        "balance": format_money(entry.cash_micros),
        "amount": format_money(abs(entry.change_micros)),
    }
    if entry.instrument is not None:
        told["instrument_name"] = exchange.listings.by_number[entry.instrument].name
        told["position"] = format_size(entry.position_lots)
    if entry.trade is not None:
        trade = describe_user_trade(exchange, entry.trade)
        told |= {
            "user_role": "maker" if entry.trade.role == "M" else "taker",
            "trade_id": trade["trade_id"],
            "side": trade["direction"],
            "order_id": trade["order_id"],
            "price": trade["price"],
            "price_currency": CURRENCY,
            "mark_price": trade["mark_price"],
            "index_price": trade["index_price"],
            "commission": trade["fee"],
            "contracts": trade["contracts"],
            "amount": trade["amount"],
            "profit_as_cashflow": False,
            "fee_role": "maker" if entry.trade.role == "M" else "taker",
        }
    return told


# ---- margin


class MarginsParams(Params, kw_only=True):
    """Parameters of private/get_margins."""

    instrument_name: str
    amount: Decimal
    price: Decimal


@method(
    "private/get_margins", "trade:read", note="what the account's requirement would grow by, not standalone"
)
def get_margins(call: Call, params: MarginsParams) -> dict[str, Any]:
    """Margin that an order would need, for buying and for selling."""
    exchange = call.gateway.exchange
    listing = exchange.listings.find(params.instrument_name)
    lots = check_amount(params.amount, None, listing)
    price = check_price(params.price, listing)
    before = simulate(exchange.state, call.account, {})
    buying = simulate(exchange.state, call.account, {listing.number: lots})
    selling = simulate(exchange.state, call.account, {listing.number: -lots})
    state = exchange.state
    page, underlying = state.instrument(listing.number), state.underlying(listing.terms.underlying)
    fee = int(compute_fee(state, page, underlying, lots, price))
    return {
        "sell": format_money(max(0, selling.initial_micros - before.initial_micros)),
        "buy": format_money(max(0, buying.initial_micros - before.initial_micros)),
        "min_price": format_price(max(1, exchange.get_mark(listing.number) - get_band(call, listing.number))),
        "max_price": format_price(exchange.get_mark(listing.number) + get_band(call, listing.number)),
        "fee": format_money(fee),
    }


def get_band(call: Call, number: int) -> int:
    """Width of the fill band in ticks."""
    from miletus.gateway.tickers import compute_band

    exchange = call.gateway.exchange
    index = exchange.get_index(exchange.listings.by_number[number].terms.underlying)
    return compute_band(index, exchange.get_mark(number))


class SimulateParams(Params, kw_only=True):
    """Parameters of private/simulate_portfolio."""

    currency: str = CURRENCY
    add_positions: bool = True
    simulated_positions: dict[str, Decimal] = msgspec.field(default_factory=dict)


@method("private/simulate_portfolio", "account:read", note="simulated positions are filled at their marks")
def simulate_portfolio(call: Call, params: SimulateParams) -> dict[str, Any]:
    """Margin of the account with other positions: added to its own, or in their place."""
    exchange = call.gateway.exchange
    if len(params.simulated_positions) > 200:
        raise make_invalid("simulated_positions", "at most 200")
    changes: dict[int, int] = {}
    for name, amount in params.simulated_positions.items():
        listing = exchange.listings.find(name)
        lots = parse_size(amount)
        if lots is None or abs(lots) > 2**26:
            raise make_error("invalid_amount", f"{name}: the size is no number of lots")
        changes[listing.number] = lots
    result = simulate(exchange.state, call.account, changes, alone=not params.add_positions)
    book = call.gateway.get_desk(call.account).book
    told = describe_portfolio(exchange, book)
    available = max(0, result.equity_micros - result.initial_micros)
    return told | {
        "initial_margin": format_money(result.initial_micros),
        "projected_initial_margin": format_money(result.initial_micros),
        "maintenance_margin": format_money(result.maintenance_micros),
        "projected_maintenance_margin": format_money(result.maintenance_micros),
        "equity": format_money(result.equity_micros),
        "margin_balance": format_money(result.equity_micros),
        "available_funds": format_money(available),
        "available_withdrawal_funds": format_money(available),
        "delta_total": round(result.delta_coins, 8),
        "projected_delta_total": round(result.delta_coins, 8),
        "scenarios": {name: list(map(format_money, values)) for name, values in result.scenarios.items()},
    }
