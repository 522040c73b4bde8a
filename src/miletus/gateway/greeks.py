"""Implied volatilities and greeks for the tape: computed from the machine's marks, of no effect on them.

Black-76 on the forward that the future of the same expiry is marked at; where there is none, on the index.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from miletus.gateway.books import BUY, SELL
from miletus.gateway.exchange import Exchange
from miletus.gateway.instruments import Listing
from miletus.market.black76 import YEAR_S, compute_greeks, compute_implied_volatility
from miletus.market.names import InstrumentType, Terms


@dataclass(frozen=True, slots=True)
class Analytics:
    """Of one option: volatilities in per cent; greeks as Deribit scales them (vega a point, theta a day)."""

    forward_ticks: int
    mark_iv: float
    bid_iv: float
    ask_iv: float
    delta: float
    gamma: float
    vega: float
    theta: float
    rho: float


def get_forward(exchange: Exchange, listing: Listing) -> tuple[int, str]:
    """Forward of an expiry in ticks, and the name of what it is taken from."""
    terms = listing.terms
    future = Terms(terms.underlying, terms.expiry_s, 0, InstrumentType.FUTURE)
    known = exchange.listings.by_name.get(future.name)
    if known is not None and not known.is_settled:
        mark = exchange.get_mark(known.number)
        if mark:
            return mark, known.name
    return exchange.get_index(terms.underlying), "index_price"


def compute_analytics(exchange: Exchange, listings: Sequence[Listing], now_s: float) -> list[Analytics]:
    """Volatilities and greeks of options, all at once; 0 where a price gives none."""
    if not listings:
        return []
    forwards = np.array([get_forward(exchange, each)[0] for each in listings], float)
    strikes = np.array([each.terms.strike_ticks for each in listings], float)
    years = np.array([max(each.terms.expiry_s - now_s, 1.0) / YEAR_S for each in listings])
    calls = np.array([each.terms.type is InstrumentType.CALL for each in listings])
    prices = np.array([_get_prices(exchange, each) for each in listings], float).T
    with np.errstate(all="ignore"):
        volatilities = compute_implied_volatility(prices, forwards, strikes, years, calls)
        volatilities = np.where(np.isfinite(volatilities) & (prices > 0), volatilities, 0.0)
        greeks = compute_greeks(forwards, strikes, years, volatilities[0], calls)
        rho = -years * prices[0] / 100 / 100
    rows = np.nan_to_num(
        np.array(
            [
                *(volatilities * 100).round(2),
                greeks.delta.round(5),
                (greeks.gamma * 100).round(7),
                (greeks.vega / 100 / 100).round(5),
                (greeks.theta / 100 / 365).round(5),
                rho.round(5),
            ]
        )
    )
    return [
        Analytics(int(forward), *(float(value) for value in row))
        for forward, row in zip(forwards, rows.T, strict=True)
    ]


def _get_prices(exchange: Exchange, listing: Listing) -> tuple[int, int, int]:
    """Mark, best bid and best ask in ticks, 0 for none."""
    bid = exchange.books.get_best(listing.number, BUY)
    ask = exchange.books.get_best(listing.number, SELL)
    return exchange.get_mark(listing.number), bid[0] if bid else 0, ask[0] if ask else 0
