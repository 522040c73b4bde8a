"""Orders, trades, positions and accounts as the API writes them. Names of fields are Deribit's."""

from typing import Any

from miletus.engine import layout
from miletus.engine.margin import compute_equity, compute_requirement
from miletus.engine.numbers import mul_div_up
from miletus.engine.refresh import is_stale
from miletus.gateway.exchange import AccountBook, Exchange, UserTrade
from miletus.gateway.greeks import compute_analytics
from miletus.gateway.instruments import CURRENCY, Listing
from miletus.gateway.numbers import LOTS_PER_COIN, format_money, format_price, format_size
from miletus.gateway.orders import OPEN, Order
from miletus.gateway.portfolio import Holding
from miletus.gateway.trades import Trade
from miletus.sequencer.query import iterate_positions

SIDES = ("buy", "sell")
MAINTENANCE_PERMILLE = 800
"""Share of initial margin that is maintenance margin; spec 05-R04."""


def describe_order(exchange: Exchange, order: Order) -> dict[str, Any]:
    """An order."""
    listing = exchange.listings.by_number[order.instrument]
    average = order.notional_micros / order.filled_lots / 100 if order.filled_lots else 0.0
    price = format_price(order.price_ticks) if not order.market else round(average, 4)
    told: dict[str, Any] = {
        "web": False,
        "time_in_force": order.time_in_force,
        "risk_reducing": False,
        "replaced": order.replaced,
        "reduce_only": order.reduce_only,
        "price": price,
        "post_only": order.post_only,
        "order_type": "market" if order.market else "limit",
        "order_state": order.state,
        "order_id": order.id,
        "mmp": order.meta.mmp,
        "max_show": format_size(order.size_lots),
        "last_update_timestamp": order.updated_ms,
        "label": order.meta.label,
        "is_rebalance": False,
        "is_liquidation": False,
        "instrument_name": listing.name,
        "filled_amount": format_size(order.filled_lots),
        "direction": SIDES[order.side],
        "creation_timestamp": order.created_ms,
        "contracts": order.size_lots / listing.lot_step,
        "average_price": round(average, 4),
        "api": True,
        "amount": format_size(order.size_lots),
        "user_id": order.account,
    }
    if order.post_only:
        told["reject_post_only"] = order.meta.reject_post_only
    if order.cancel_reason:
        told["cancel_reason"] = order.cancel_reason
    return told


def describe_trade(exchange: Exchange, trade: Trade) -> dict[str, Any]:
    """A trade as everybody sees it."""
    listing = exchange.listings.by_number[trade.instrument]
    return {
        "trade_seq": trade.seq,
        "trade_id": trade.id,
        "timestamp": trade.time_ms,
        "tick_direction": trade.tick_direction,
        "price": format_price(trade.price_ticks),
        "mark_price": format_price(trade.mark_ticks),
        "instrument_name": listing.name,
        "index_price": format_price(trade.index_ticks),
        "direction": SIDES[trade.taker_side],
        "contracts": trade.size_lots / listing.lot_step,
        "amount": format_size(trade.size_lots),
    }


def describe_user_trade(exchange: Exchange, user: UserTrade) -> dict[str, Any]:
    """A trade as one of its sides sees it."""
    order = user.order
    told = describe_trade(exchange, user.trade) | {
        "user_id": order.account,
        "state": order.state if order.state == OPEN else "filled",
        "self_trade": False,
        "risk_reducing": False,
        "reduce_only": order.reduce_only,
        "profit_loss": format_money(user.realised_micros),
        "post_only": order.post_only,
        "order_type": "market" if order.market else "limit",
        "order_id": order.id,
        "mmp": order.meta.mmp,
        "matching_id": None,
        "liquidity": user.role,
        "fee_currency": CURRENCY,
        "fee": format_money(user.fee_micros),
        "direction": SIDES[order.side],
        "api": True,
    }
    if order.meta.label:
        told["label"] = order.meta.label
    return told


def describe_position(exchange: Exchange, listing: Listing, holding: Holding) -> dict[str, Any]:
    """A position, also one of size zero."""
    mark = exchange.get_mark(listing.number)
    index = exchange.get_index(listing.terms.underlying)
    size, average = holding.size_lots, holding.average_ticks
    floating = size * mark - holding.cost_micros
    cells, page = exchange.state.cells, exchange.state.instrument(listing.number)
    entry = exchange.state.entry(page, exchange.state.underlying(listing.terms.underlying))
    delta = int(cells[entry + layout.ENTRY_DELTA]) / 10_000
    coins = size / LOTS_PER_COIN
    told: dict[str, Any] = {
        "total_profit_loss": format_money(floating + holding.realised_micros),
        "size": coins,
        "settlement_price": format_price(mark),
        "realized_profit_loss": format_money(holding.realised_micros),
        "mark_price": format_price(mark),
        "maintenance_margin": 0.0,
        "kind": listing.kind,
        "instrument_name": listing.name,
        "initial_margin": 0.0,
        "index_price": format_price(index),
        "floating_profit_loss": format_money(floating),
        "direction": "zero" if not size else SIDES[size < 0],
        "delta": round(coins * delta, 8),
        "average_price": round(average / 100, 6),
    }
    if listing.terms.is_option:
        told |= {
            "average_price_usd": round(average / 100, 6),
            "floating_profit_loss_usd": format_money(floating),
        } | compute_greeks(exchange, {listing.number: size})
    else:
        told |= {
            "size_currency": coins,
            "realized_funding": 0.0,
            "open_orders_margin": 0.0,
            "leverage": 50,
            "interest_value": 0.0,
            "estimated_liquidation_price": None,
        }
    return told


def compute_greeks(exchange: Exchange, sizes: dict[int, int]) -> dict[str, float]:
    """Gamma, vega and theta of lots of options, in coins and USDC; what is no option has none."""
    listings = [exchange.listings.by_number[number] for number in sizes]
    options = [each for each in listings if each.terms.is_option and not each.is_settled]
    parts = compute_analytics(exchange, options, exchange.now_ms() / 1000)
    coins = [sizes[each.number] / LOTS_PER_COIN for each in options]
    return {
        name: round(sum(size * getattr(part, name) for size, part in zip(coins, parts, strict=True)), 8)
        for name in ("gamma", "vega", "theta")
    }


def compute_portfolio_greeks(exchange: Exchange, book: AccountBook) -> dict[str, float]:
    """Greeks of an account's options."""
    held = {number: each.size_lots for number, each in book.portfolio.holdings.items() if each.size_lots}
    return compute_greeks(exchange, held)


def compute_margins(exchange: Exchange, account: int) -> tuple[int, int, int]:
    """Equity, initial and maintenance margin of an account in micros.

    The requirement of a stale account is the machine's last (05-R08); it is refreshed by its next operation.
    """
    state = exchange.state
    if account >= state.capacity:
        return 0, 0, 0
    if is_stale(state, account):
        cash = int(state.cells[state.header(account) + layout.CASH])
        equity = cash + sum(view.value_micros for view in iterate_positions(state, account))
    else:
        equity = int(compute_equity(state, account))
    initial = int(compute_requirement(state, account))
    return equity, initial, int(mul_div_up(initial, MAINTENANCE_PERMILLE, 1000))


def describe_portfolio(exchange: Exchange, book: AccountBook) -> dict[str, Any]:
    """An account's money and risk: user.portfolio, and most of private/get_account_summary."""
    state, account = exchange.state, book.account
    exists = account < state.capacity
    cash = int(state.cells[state.header(account) + layout.CASH]) if exists else 0
    locked = int(state.cells[state.header(account) + layout.LOCKED]) if exists else 0
    equity, initial, maintenance = compute_margins(exchange, account)
    greeks = compute_portfolio_greeks(exchange, book)
    totals = {"future": [0, 0, 0.0], "option": [0, 0, 0.0]}
    deltas: dict[str, float] = {}
    value = 0
    for number, holding in book.portfolio.holdings.items():
        listing = exchange.listings.by_number.get(number)
        if listing is None:
            continue
        mark = exchange.get_mark(number)
        part = totals[listing.kind]
        part[0] += holding.size_lots * mark - holding.cost_micros
        part[1] += holding.realised_micros
        if listing.kind == "option":
            value += holding.size_lots * mark
        page = state.instrument(number)
        entry = state.entry(page, state.underlying(listing.terms.underlying))
        delta = int(state.cells[entry + layout.ENTRY_DELTA]) / 10_000 * holding.size_lots / LOTS_PER_COIN
        part[2] += delta
        deltas[listing.index_name] = deltas.get(listing.index_name, 0.0) + delta
    future, option = totals["future"], totals["option"]
    floating, realised = int(future[0] + option[0]), int(future[1] + option[1])
    available = max(0, equity - initial)
    return {
        "total_pl": format_money(floating + realised),
        "spot_reserve": 0.0,
        "session_upl": format_money(floating),
        "session_rpl": format_money(realised),
        "projected_maintenance_margin": format_money(maintenance),
        "projected_initial_margin": format_money(initial),
        "projected_delta_total": round(future[2] + option[2], 8),
        "portfolio_margining_enabled": True,
        "options_vega": greeks["vega"],
        "options_value": format_money(value),
        "options_theta": greeks["theta"],
        "options_session_upl": format_money(int(option[0])),
        "options_session_rpl": format_money(int(option[1])),
        "options_pl": format_money(int(option[0] + option[1])),
        "options_gamma": greeks["gamma"],
        "options_delta": round(option[2], 8),
        "margin_model": "segregated_pm",
        "margin_balance": format_money(equity),
        "maintenance_margin": format_money(maintenance),
        "locked_balance": format_money(locked),
        "initial_margin": format_money(initial),
        "futures_session_upl": format_money(int(future[0])),
        "futures_session_rpl": format_money(int(future[1])),
        "futures_pl": format_money(int(future[0] + future[1])),
        "fee_balance": 0.0,
        "estimated_liquidation_ratio": 0.0,
        "equity": format_money(equity),
        "delta_total": round(future[2] + option[2], 8),
        "delta_total_map": {name: round(delta, 8) for name, delta in deltas.items()},
        "currency": CURRENCY,
        "cross_collateral_enabled": False,
        "balance": format_money(cash + locked),
        "available_withdrawal_funds": format_money(max(0, min(available, cash))),
        "available_funds": format_money(available),
        "additional_reserve": 0.0,
    }
