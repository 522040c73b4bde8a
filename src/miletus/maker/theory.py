"""What instruments are worth: a surface fitted to the oracle's sheet, and prices and greeks from it.

The sheet's marks give volatilities, the volatilities an arbitrage-free slice an expiry (`market.svi_fit`),
and the slice prices at the index of now. So a quote moves with index and time between two sheets, and an odd
mark among good ones does not become a quote.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from miletus.market.black76 import YEAR_S, compute_greeks, compute_implied_volatility, compute_price
from miletus.market.board import Board, Line
from miletus.market.errors import SurfaceError
from miletus.market.names import InstrumentType
from miletus.market.surface import Slice, compute_variance_s
from miletus.market.svi_fit import ROOM, Smile, fit_slice

LEAST_STRIKES: Final = 5
"""Strikes of an expiry with fewer have no slice: each is priced by its own volatility."""

POINT: Final = 0.01
"""One point of volatility."""


@dataclass(frozen=True, slots=True)
class Value:
    """What one lot of an instrument is worth, in ticks, and how that changes.

    `delta` and `gamma` by the index in ticks, `vega` by one point of volatility, `theta` by a day.
    """

    price_ticks: float
    delta: float
    gamma: float
    vega: float
    theta: float
    volatility: float


@dataclass(frozen=True, slots=True)
class ExpiryFit:
    """The volatilities of one expiry as of a sheet. `left_s` is the time that its options had then."""

    part: Slice | None
    volatilities: Mapping[int, float]
    """By strike in ticks."""
    basis: float
    """Forward over index."""
    left_s: float
    rmse_points: float


@dataclass(frozen=True, slots=True)
class Fit:
    """The fitted expiries of one underlying, by expiry in seconds."""

    time_s: int
    expiries: Mapping[int, ExpiryFit]
    problems: tuple[str, ...] = ()


def fit_underlying(board: Board, underlying: int) -> Fit:
    """Fit every expiry of an underlying to the board's marks, the last one first."""
    index = board.index_ticks[underlying]
    chains: dict[int, list[Line]] = {}
    forwards: dict[int, float] = {}
    for line in board.lines.values():
        terms = line.instrument.terms
        if terms.underlying != underlying:
            continue
        if terms.is_option:
            chains.setdefault(terms.expiry_s, []).append(line)
        elif terms.type == InstrumentType.FUTURE and line.mark_ticks > 0:
            forwards[terms.expiry_s] = line.mark_ticks
    fits: dict[int, ExpiryFit] = {}
    problems: list[str] = []
    after: Slice | None = None
    for expiry_s in sorted(chains, reverse=True):
        left_s = expiry_s - board.time_s
        if left_s <= 0:
            continue
        fit, problem = _fit_expiry(
            chains[expiry_s], forwards.get(expiry_s, float(index)), index, left_s, after
        )
        after = fit.part if fit.part is not None else after
        fits[expiry_s] = fit
        if problem:
            problems.append(f"expiry {expiry_s}: {problem}")
    return Fit(board.time_s, fits, tuple(problems))


def _fit_expiry(
    lines: list[Line], forward: float, index: int, left_s: float, after: Slice | None
) -> tuple[ExpiryFit, str]:
    years = compute_variance_s(left_s) / YEAR_S
    strikes = np.array([line.instrument.terms.strike_ticks for line in lines], float)
    calls = np.array([line.instrument.terms.type == InstrumentType.CALL for line in lines])
    marks = np.array([line.mark_ticks for line in lines], float)
    implied = compute_implied_volatility(marks, forward, strikes, years, calls)
    # a mark in whole ticks says nothing of a volatility where a tick is worth many points
    vega = compute_greeks(forward, strikes, years, np.nan_to_num(implied, nan=0.5), calls).vega
    usable = np.isfinite(implied) & (implied > 0.01) & (implied < 5.0) & (vega * POINT > 1.0)
    found: dict[int, list[float]] = {}
    for strike, volatility, good in zip(strikes, implied, usable, strict=True):
        if good:
            found.setdefault(int(strike), []).append(float(volatility))
    volatilities = {strike: math.fsum(each) / len(each) for strike, each in sorted(found.items())}
    basis = forward / index
    if len(volatilities) < LEAST_STRIKES:
        problem = "" if volatilities else "no mark gives a volatility"
        return ExpiryFit(None, volatilities, basis, left_s, 0.0), problem
    smile = _make_smile(volatilities, forward, years)
    try:
        part = fit_slice(smile, after)
    except SurfaceError as error:
        return ExpiryFit(None, volatilities, basis, left_s, 0.0), str(error)
    fitted = part.compute_volatility(smile.k, years)
    rmse = float(np.sqrt(np.mean((fitted - smile.volatility) ** 2))) / POINT
    return ExpiryFit(part, volatilities, basis, left_s, rmse), ""


def _make_smile(volatilities: Mapping[int, float], forward: float, years: float) -> Smile:
    k = np.log(np.array(list(volatilities), float) / forward)
    volatility = np.array(list(volatilities.values()))
    deviation = volatility * math.sqrt(years)
    return Smile(k, volatility, np.exp(-((deviation / 2 - k / deviation) ** 2) / 2), years)


def compute_values(board: Board, fits: Mapping[int, Fit], edge_points: float = 0.0) -> dict[int, Value]:
    """What every instrument of the board is worth now, by number, as far as anything is known of it."""
    values: dict[int, Value] = {}
    chains: dict[tuple[int, int], list[Line]] = {}
    for number, line in board.lines.items():
        terms = line.instrument.terms
        if not terms.is_option:
            basis = line.mark_ticks / line.index_ticks if line.index_ticks else 1.0
            values[number] = Value(float(line.mark_ticks), basis, 0.0, 0.0, 0.0, 0.0)
        elif terms.underlying in fits and terms.expiry_s in fits[terms.underlying].expiries:
            chains.setdefault((terms.underlying, terms.expiry_s), []).append(line)
    for (underlying, expiry_s), lines in chains.items():
        fit = fits[underlying].expiries[expiry_s]
        values |= _value_chain(
            lines, fit, board.index_ticks[underlying], expiry_s - board.time_s, edge_points
        )
    return values


def _value_chain(
    lines: list[Line], fit: ExpiryFit, index: int, left_s: float, edge_points: float
) -> dict[int, Value]:
    variance_s = compute_variance_s(left_s)
    years, forward = variance_s / YEAR_S, index * fit.basis
    if years <= 0:
        return {}
    strikes = np.array([line.instrument.terms.strike_ticks for line in lines], float)
    calls = np.array([line.instrument.terms.type == InstrumentType.CALL for line in lines])
    k = np.log(strikes / forward)
    if fit.part is not None:
        decayed = fit.part.scaled(min(1.0, variance_s / compute_variance_s(fit.left_s)))
        volatility = decayed.compute_volatility(np.clip(k, fit.part.low - ROOM, fit.part.high + ROOM), years)
    else:
        volatility = np.array([fit.volatilities.get(int(strike), np.nan) for strike in strikes])
    volatility = np.maximum(volatility + edge_points * POINT, 0.01)
    prices = compute_price(forward, strikes, years, volatility, calls)
    greeks = compute_greeks(forward, strikes, years, volatility, calls)
    values = {}
    for place, line in enumerate(lines):
        if math.isfinite(prices[place]):
            values[line.instrument.number] = Value(
                float(prices[place]),
                float(greeks.delta[place]) * fit.basis,
                float(greeks.gamma[place]) * fit.basis**2,
                float(greeks.vega[place]) * POINT,
                float(greeks.theta[place]) / 365,
                float(volatility[place]),
            )
    return values
