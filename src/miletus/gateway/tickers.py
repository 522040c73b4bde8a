"""What an instrument's market looks like now: tickers, summaries and books as the API writes them."""

from collections.abc import Sequence
from typing import Any

from miletus.engine.params import BAND_INDEX_PERMILLE, BAND_MARK_PERMILLE
from miletus.gateway.books import BUY, SELL
from miletus.gateway.exchange import Exchange
from miletus.gateway.greeks import Analytics, compute_analytics, get_forward
from miletus.gateway.instruments import CURRENCY, Listing, get_open_interest
from miletus.gateway.numbers import format_money, format_price, format_size
from miletus.gateway.trades import DayStatistics


def compute_band(index_ticks: int, mark_ticks: int) -> int:
    """Width of the fill band around the mark in ticks; spec 04-R08."""
    return index_ticks * int(BAND_INDEX_PERMILLE) // 1000 + mark_ticks * int(BAND_MARK_PERMILLE) // 1000


def describe_tickers(exchange: Exchange, listings: Sequence[Listing]) -> list[dict[str, Any]]:
    """Tickers of instruments; the greeks of all options at once."""
    options = [each for each in listings if each.terms.is_option]
    analytics = compute_analytics(exchange, options, exchange.now_ms() / 1000)
    by_number = {each.number: part for each, part in zip(options, analytics, strict=True)}
    return [describe_ticker(exchange, each, by_number.get(each.number)) for each in listings]


def describe_ticker(exchange: Exchange, listing: Listing, analytics: Analytics | None) -> dict[str, Any]:
    """The ticker of an instrument, `analytics` if it is an option."""
    number = listing.number
    mark, index = exchange.get_mark(number), exchange.get_index(listing.terms.underlying)
    bid, ask = exchange.books.get_best(number, BUY), exchange.books.get_best(number, SELL)
    tape, band = exchange.get_tape(number), compute_band(index, mark)
    told: dict[str, Any] = {
        "timestamp": exchange.mirror.time_ms,
        "stats": describe_day(tape.compute_day(exchange.now_ms()), tape.last_ticks),
        "state": "closed" if listing.is_settled else "open",
        "settlement_price": format_price(listing.payoff_ticks if listing.is_settled else mark),
        "open_interest": format_size(get_open_interest(exchange.state, number)),
        "min_price": format_price(max(mark - band, 1)),
        "max_price": format_price(mark + band),
        "mark_price": format_price(mark),
        "last_price": format_price(tape.last_ticks) if tape.last_ticks is not None else None,
        "instrument_name": listing.name,
        "index_price": format_price(index),
        "estimated_delivery_price": format_price(index),
        "best_bid_price": format_price(bid[0]) if bid else 0.0,
        "best_bid_amount": format_size(bid[1]) if bid else 0.0,
        "best_ask_price": format_price(ask[0]) if ask else 0.0,
        "best_ask_amount": format_size(ask[1]) if ask else 0.0,
    }
    if analytics is not None:
        told |= {
            "underlying_price": format_price(analytics.forward_ticks),
            "underlying_index": get_forward(exchange, listing)[1],
            "mark_iv": analytics.mark_iv,
            "bid_iv": analytics.bid_iv,
            "ask_iv": analytics.ask_iv,
            "interest_rate": 0.0,
            "greeks": {
                "vega": analytics.vega,
                "theta": analytics.theta,
                "rho": analytics.rho,
                "gamma": analytics.gamma,
                "delta": analytics.delta,
            },
        }
    elif listing.is_perpetual:
        told |= {"funding_8h": 0.0, "current_funding": 0.0, "interest_value": 0.0}
    if listing.is_settled:
        told["delivery_price"] = format_price(listing.payoff_ticks)
    return told


def describe_day(day: DayStatistics, last_ticks: int | None) -> dict[str, Any]:
    """Statistics of 24 hours."""
    change = None
    if day.first_ticks and last_ticks is not None:
        change = round((last_ticks - day.first_ticks) / day.first_ticks * 100, 4)
    return {
        "volume_usd": format_money(day.cost_micros),
        "volume_notional": format_money(day.cost_micros),
        "volume": format_size(day.volume_lots),
        "price_change": change,
        "low": format_price(day.low_ticks) if day.low_ticks is not None else None,
        "high": format_price(day.high_ticks) if day.high_ticks is not None else None,
    }


def describe_summary(exchange: Exchange, listing: Listing, analytics: Analytics | None) -> dict[str, Any]:
    """The book summary of an instrument."""
    ticker = describe_ticker(exchange, listing, analytics)
    bid, ask = ticker["best_bid_price"] or None, ticker["best_ask_price"] or None
    told = {
        "volume_usd": ticker["stats"]["volume_usd"],
        "volume_notional": ticker["stats"]["volume_notional"],
        "volume": ticker["stats"]["volume"],
        "quote_currency": CURRENCY,
        "price_change": ticker["stats"]["price_change"],
        "open_interest": ticker["open_interest"],
        "mid_price": (bid + ask) / 2 if bid and ask else None,
        "mark_price": ticker["mark_price"],
        "low": ticker["stats"]["low"],
        "last": ticker["last_price"],
        "instrument_name": listing.name,
        "high": ticker["stats"]["high"],
        "estimated_delivery_price": ticker["estimated_delivery_price"],
        "creation_timestamp": ticker["timestamp"],
        "bid_price": bid,
        "base_currency": listing.coin,
        "ask_price": ask,
    }
    names = (
        "underlying_price",
        "underlying_index",
        "mark_iv",
        "interest_rate",
        "funding_8h",
        "current_funding",
    )
    return told | {name: ticker[name] for name in names if name in ticker}


def describe_book(exchange: Exchange, listing: Listing, depth: int) -> dict[str, Any]:
    """The book of an instrument with its ticker."""
    books = exchange.books
    (ticker,) = describe_tickers(exchange, [listing])
    sides = {
        name: [
            [format_price(price), format_size(lots)]
            for price, lots in books.get_levels(listing.number, side, depth)
        ]
        for name, side in (("bids", BUY), ("asks", SELL))
    }
    change_id = books.changed_at.get(listing.number, exchange.mirror.place)
    return ticker | {"change_id": change_id} | sides
