"""Fit of an arbitrage-free surface to a chain: slice by slice, from the last expiry to the first.

Each slice is a least-squares fit in volatilities (scipy) whose residuals also hold what must not be: negative
density, steep wings, and total variance above that of the expiry after. Where a small arbitrage is left, the
weight of those rises until none is. The later slice scaled down is always free of arbitrage, so there is one
for every expiry, however odd its quotes. The order is backwards because a late expiry has strikes far out,
and an early one, that has none there, can be held under it; forwards its guess of the wings would be a floor.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import optimize

from miletus.market.black76 import Array
from miletus.market.chains import ChainSnapshot, OptionQuote
from miletus.market.errors import SurfaceError
from miletus.market.surface import (
    GRID,
    LEE_SLOPE,
    Slice,
    Surface,
    find_butterfly_arbitrage,
    find_calendar_arbitrage,
    get_years,
    require_no_arbitrage,
)

MIN_STRIKES: Final = 5
"""A slice has five parameters; an expiry with fewer strikes is left out."""

FIT_GRID: Final[Array] = GRID[::15]
"""Where the fit looks for negative density; the result is checked on the whole of GRID."""

STARTS: Final = 2
"""Starting points of a fit: so many of the best of a grid."""

EFFORTS: Final = ((1.0, 1e-3), (30.0, 3e-3), (1e3, 1e-2))
"""Tried one after the other until no arbitrage is left: the weight of what must not be, against residuals in
volatility, and the margin that is kept from it, so that nothing between the points of the fit is beyond."""

ROOM: Final = 0.1
"""Log-moneyness beyond an expiry's strikes that its slice is meant for too: the forward moves."""

LEAST_WEIGHT: Final = 0.1
"""Weight of the farthest strike, where the nearest has 1: wings are fitted, but give way to the middle."""


@dataclass(frozen=True, slots=True)
class SliceQuality:
    """How well one slice meets its quotes, in volatility (0.01 is one point)."""

    expiry_s: int
    strikes: int
    rmse: float
    """Root of the mean square over strikes, weighted by vega."""
    rmse_all: float
    """The same with every strike equal."""
    worst: float


@dataclass(frozen=True)
class FittedSurface:
    """A surface with the quality of its slices, and what was left out."""

    surface: Surface
    quality: tuple[SliceQuality, ...]
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Smile:
    """Volatilities of one expiry by rising log-moneyness, and their weights (vega, at most 1)."""

    k: Array
    volatility: Array
    vega: Array
    years: float

    @property
    def weight(self) -> Array:
        """Weight of each strike in the fit."""
        return np.maximum(np.sqrt(self.vega), LEAST_WEIGHT)

    def make_slice(self, parameters: Array) -> Slice:
        """Make the slice with these five parameters that is meant for the smile's strikes."""
        a, b, rho, m, sigma = (float(value) for value in parameters)
        return Slice(a, b, rho, m, sigma, float(self.k.min()) - ROOM, float(self.k.max()) + ROOM)


def make_smile(quotes: Sequence[OptionQuote], forward_usdc: float, left_s: float) -> Smile:
    """Put the quotes of one expiry together: one volatility a strike, the mean of its call and its put."""
    strikes: dict[int, list[float]] = {}
    for quote in quotes:
        strikes.setdefault(quote.terms.strike_ticks, []).append(quote.volatility)
    ordered = sorted(strikes.items())
    k = np.log(np.array([strike / 100 for strike, _ in ordered]) / forward_usdc)
    volatility = np.array([math.fsum(values) / len(values) for _, values in ordered])
    years = get_years(left_s)
    deviation = volatility * math.sqrt(years)
    return Smile(k, volatility, np.exp(-((deviation / 2 - k / deviation) ** 2) / 2), years)


def fit_slice(smile: Smile, after: Slice | None = None) -> Slice:
    """Fit one slice: no butterfly arbitrage in it, and none against the slice of the expiry `after` it."""
    best = None if after is None else _fit_scaled(smile, after)
    for start in _get_starts(smile):
        for penalty, margin in EFFORTS:
            start = _minimise(smile, after, start, penalty, margin)
            part = smile.make_slice(start)
            if not find_butterfly_arbitrage(part) and not _find_calendar(part, after):
                if best is None or _compute_cost(smile, part) < _compute_cost(smile, best):
                    best = part
                break
    if best is None:
        raise SurfaceError("no arbitrage-free slice fits the last expiry: leave it out, or mend its quotes")
    return best


def fit_surface(chain: ChainSnapshot, underlying: int) -> FittedSurface:
    """Fit the surface of one underlying; SurfaceError if no expiry has MIN_STRIKES strikes."""
    slices: dict[int, Slice] = {}
    quality, left_out = [], []
    after = None
    for (each, expiry_s), forward in sorted(chain.forward_usdc.items(), reverse=True):
        if each != underlying:
            continue
        smile = make_smile(chain.of(underlying, expiry_s), forward, expiry_s - chain.time_ms / 1000)
        if len(smile.k) < MIN_STRIKES:
            left_out.append(f"expiry {expiry_s}: {len(smile.k)} strikes, fewer than {MIN_STRIKES}")
            continue
        after = slices[expiry_s] = fit_slice(smile, after)
        quality.append(measure_quality(expiry_s, smile, after))
    if not slices:
        raise SurfaceError(
            f"underlying {underlying}: no expiry has {MIN_STRIKES} strikes: give a whole chain"
        )
    surface = require_no_arbitrage(Surface(chain.time_s, dict(sorted(slices.items()))))
    return FittedSurface(surface, tuple(reversed(quality)), tuple(left_out))


def measure_quality(expiry_s: int, smile: Smile, part: Slice) -> SliceQuality:
    """Measure how far a slice is from the volatilities it was fitted to."""
    gap = part.compute_volatility(smile.k, smile.years) - smile.volatility
    weighted = math.sqrt(float(np.sum(smile.vega * gap**2) / np.sum(smile.vega)))
    return SliceQuality(
        expiry_s, len(gap), weighted, math.sqrt(float(np.mean(gap**2))), float(np.max(np.abs(gap)))
    )


def _compute_cost(smile: Smile, part: Slice) -> float:
    gap = (part.compute_volatility(smile.k, smile.years) - smile.volatility) * smile.weight
    return float(gap @ gap)


def _find_calendar(part: Slice, after: Slice | None) -> list[str]:
    return [] if after is None else find_calendar_arbitrage(part, after)


def _fit_scaled(smile: Smile, after: Slice) -> Slice:
    """The multiple of the later slice, below 1, that is nearest to the quotes."""
    later = after.compute_volatility(smile.k, smile.years)
    squared = smile.weight**2
    factor = float((squared * later) @ smile.volatility / ((squared * later) @ later)) ** 2
    part = after.scaled(min(factor, 1 - 1e-6))
    return smile.make_slice(np.array([part.a, part.b, part.rho, part.m, part.sigma]))


def _get_starts(smile: Smile) -> list[Array]:
    """Starting points: for vertices and widths on a grid the best a, b, rho (linear), and of those the best.

    S. De Marco and C. Martini, "Quasi-explicit calibration of Gatheral's SVI model" (2009).
    """
    variance = smile.volatility**2 * smile.years
    span = max(float(np.abs(smile.k).max()), 1e-3)
    # a weight in volatility is a weight in variance divided by the slope between them
    weight = smile.weight / smile.volatility
    starts = []
    for m in np.linspace(-0.6, 0.6, 7) * span:
        for sigma in np.array([0.03, 0.1, 0.3, 1.0]) * span:
            x = smile.k - m
            columns = np.stack([np.ones_like(x), x, np.sqrt(x * x + sigma * sigma)], axis=1)
            (a, tilt, b), *_ = np.linalg.lstsq(columns * weight[:, None], variance * weight, rcond=None)
            b = max(float(b), 1e-9)
            tilt = float(np.clip(tilt, -0.95 * b, 0.95 * b))
            gap = (columns @ np.array([a, tilt, b]) - variance) * weight
            starts.append((float(gap @ gap), np.array([a, b, tilt / b, m, sigma])))
    starts.sort(key=lambda each: each[0])
    return [start for _, start in starts[:STARTS]]


def _minimise(smile: Smile, after: Slice | None, start: Array, penalty: float, margin: float) -> Array:
    """One least-squares fit from `start`; the search is in (least variance, b, rho, m, sigma)."""
    top = float((smile.volatility**2).max()) * smile.years
    span = max(float(np.abs(smile.k).max()), 0.01)
    low = np.array([1e-10, 0.0, -0.999, -2 * span, span * 1e-3])
    high = np.array([2 * top, LEE_SLOPE, 0.999, 2 * span, 6 * span])
    scale = np.array([top, max(top / span, 1e-6), 1.0, span, span])
    near = np.linspace(smile.k.min() - ROOM, smile.k.max() + ROOM, 121)
    ceiling = None if after is None else after.compute_variance(near) * (1 - margin)

    def compute_residuals(p: Array) -> Array:
        part = Slice(*_from_vertex(p))
        parts = [
            (part.compute_volatility(smile.k, smile.years) - smile.volatility) * smile.weight,
            penalty * np.minimum(part.compute_density_factor(FIT_GRID) - margin, 0.0),
            np.array([penalty * max(part.wing_slope - LEE_SLOPE * 0.999, 0.0)]),
        ]
        if ceiling is not None:
            # the excess of variance, as the excess of volatility that it is
            above = np.maximum(part.compute_variance(near) - ceiling, 0.0)
            parts.append(penalty * above / (2 * np.sqrt(ceiling * smile.years)))
        return np.concatenate(parts)

    inside = np.clip(_to_vertex(start), low * (1 + 1e-9) + 1e-12, high * (1 - 1e-9))
    found = optimize.least_squares(compute_residuals, inside, bounds=(low, high), x_scale=scale, max_nfev=80)
    return _from_vertex(found.x)


def _from_vertex(p: Array) -> Array:
    """(a, b, rho, m, sigma) from the same with the least variance in place of a."""
    return np.array([p[0] - p[1] * p[4] * math.sqrt(1 - p[2] * p[2]), *p[1:]])


def _to_vertex(p: Array) -> Array:
    return np.array([p[0] + p[1] * p[4] * math.sqrt(1 - p[2] * p[2]), *p[1:]])
