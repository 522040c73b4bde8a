"""Volatility surfaces: one SVI slice per expiry, and the checks that it offers no arbitrage.

A slice gives the total implied variance w (volatility^2 x years) at log-moneyness k = ln(strike / forward):

    w(k) = a + b (rho (k - m) + sqrt((k - m)^2 + sigma^2))

J. Gatheral, A. Jacquier, "Arbitrage-free SVI volatility surfaces", Quantitative Finance 14 (2014). A slice is
free of butterfly arbitrage where g(k) >= 0 (its eq. 2.1; g is the implied density but for a positive factor)
and its wings rise at most with slope 2 (R. Lee, 2004); slices are free of calendar arbitrage where w at one k
does not fall from an expiry to the next.

As time passes a slice decays in proportion (`Slice.scaled` with a factor of at most 1). That keeps both: g
is concave in the factor, and not negative at factors 0 and 1; and of two slices that each lose the same
time, the later one loses the smaller share.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np

from miletus.market.black76 import YEAR_S, Array
from miletus.market.errors import SurfaceError

GRID: Final[Array] = np.sort(np.concatenate([np.linspace(-2, 2, 1_601), np.linspace(-0.5, 0.5, 800)]))
"""Log-moneyness at which slices are checked: strikes from 0.14 to 7.4 of the forward, densest near it.
The widest real chain reaches from 0.16 to 5.8."""

LEE_SLOPE: Final = 2.0
"""Steepest wing of total variance that any distribution has."""

CALENDAR_POINTS: Final = 801
"""Log-moneyness at which two expiries are compared, from end to end of what the earlier one is meant for."""

BUTTERFLY_TOLERANCE: Final = 1e-9
"""g below minus this is an arbitrage and not rounding."""

CALENDAR_TOLERANCE: Final = 1e-12
"""So is a fall of total variance by more than this."""

AVERAGE_S: Final = 1_800
"""Length of the average that options settle to; spec 07-R02."""


@dataclass(frozen=True, slots=True)
class Slice:
    """Raw SVI parameters of one expiry; a, b, sigma in units of total variance, its slope, and k.

    `low` and `high` are the log-moneyness that it is meant for: its expiry's strikes, and some room.
    """

    a: float
    b: float
    rho: float
    m: float
    sigma: float
    low: float = -2.0
    high: float = 2.0

    def compute_variance(self, k: Array) -> Array:
        """Total variance at log-moneyness k."""
        x = k - self.m
        return self.a + self.b * (self.rho * x + np.sqrt(x * x + self.sigma * self.sigma))

    def compute_volatility(self, k: Array, years: float) -> Array:
        """Implied volatility a year at log-moneyness k, for an option of `years` to go."""
        return np.sqrt(np.maximum(self.compute_variance(k), 0.0) / years)

    def compute_density_factor(self, k: Array) -> Array:
        """g(k) of Gatheral and Jacquier: negative where a butterfly spread would cost less than nothing."""
        x = k - self.m
        root = np.sqrt(x * x + self.sigma * self.sigma)
        w = self.a + self.b * (self.rho * x + root)
        first = self.b * (self.rho + x / root)
        second = self.b * self.sigma * self.sigma / root**3
        with np.errstate(divide="ignore", invalid="ignore"):
            g = (1 - k * first / (2 * w)) ** 2 - first * first / 4 * (1 / w + 0.25) + second / 2
        return np.where(w > 0, g, -np.inf)

    def scaled(self, factor: float) -> "Slice":
        """The slice with `factor` times the total variance everywhere."""
        return replace(self, a=self.a * factor, b=self.b * factor)

    @property
    def wing_slope(self) -> float:
        """Slope of the steeper wing."""
        return self.b * (1 + abs(self.rho))

    @property
    def least_variance(self) -> float:
        """Total variance at the slice's lowest point."""
        return self.a + self.b * self.sigma * math.sqrt(max(0.0, 1 - self.rho * self.rho))


@dataclass(frozen=True)
class Surface:
    """The slices of one underlying at one time, by expiry in seconds since 1970."""

    time_s: int
    slices: Mapping[int, Slice]

    def decayed(self, time_s: int) -> "Surface":
        """The surface at a later time, with nothing new known; expired slices are gone.

        At an earlier time it is what it is at its own.
        """
        time_s = max(time_s, self.time_s)
        left = {
            expiry_s: part.scaled(
                compute_variance_s(expiry_s - time_s) / compute_variance_s(expiry_s - self.time_s)
            )
            for expiry_s, part in self.slices.items()
            if expiry_s > time_s
        }
        return Surface(time_s, left)


def compute_variance_s(left_s: float) -> float:
    """Seconds of variance that an option has `left_s` before its expiry.

    What it settles to is an average over the last AVERAGE_S, whose variance is a third of that of its end.
    """
    return left_s - AVERAGE_S * 2 / 3 if left_s >= AVERAGE_S else left_s / 3


def get_years(left_s: float) -> float:
    """Years of 365 days."""
    return left_s / YEAR_S


def find_butterfly_arbitrage(part: Slice, grid: Array = GRID) -> list[str]:
    """Say where a slice offers butterfly arbitrage; an empty list if nowhere on the grid."""
    found = []
    values = (part.a, part.b, part.rho, part.m, part.sigma)
    if not all(math.isfinite(value) for value in values):
        return ["a parameter is not a finite number"]
    if part.b < 0 or part.sigma <= 0 or abs(part.rho) >= 1:
        return [f"b {part.b}, rho {part.rho}, sigma {part.sigma} are out of range"]
    if part.least_variance < 0:
        found.append(f"total variance falls to {part.least_variance:.3g}")
    if part.wing_slope > LEE_SLOPE:
        found.append(f"a wing rises with {part.wing_slope:.3f}, more than {LEE_SLOPE}")
    g = part.compute_density_factor(grid)
    worst = int(np.argmin(g))
    if g[worst] < -BUTTERFLY_TOLERANCE:
        found.append(f"the density is negative at k = {grid[worst]:.3f} (g = {g[worst]:.3g})")
    return found


def find_calendar_arbitrage(early: Slice, late: Slice) -> list[str]:
    """Say where the later expiry has less total variance than the earlier one; empty if nowhere.

    Looked at is where the earlier one has strikes: where it has none there is nothing to trade against.
    """
    grid = np.linspace(early.low, early.high, CALENDAR_POINTS)
    gap = late.compute_variance(grid) - early.compute_variance(grid)
    worst = int(np.argmin(gap))
    if gap[worst] >= -CALENDAR_TOLERANCE:
        return []
    return [f"total variance falls by {-gap[worst]:.3g} at k = {grid[worst]:.3f}"]


def find_arbitrage(surface: Surface, grid: Array = GRID) -> list[str]:
    """Say, a line each, what arbitrage the surface offers; an empty list if none on the grid."""
    found = []
    ordered = sorted(surface.slices.items())
    for expiry_s, part in ordered:
        found += [f"expiry {expiry_s}: {what}" for what in find_butterfly_arbitrage(part, grid)]
    for (early_s, early), (late_s, late) in pairwise(ordered):
        found += [f"{early_s} to {late_s}: {what}" for what in find_calendar_arbitrage(early, late)]
    return found


def require_no_arbitrage(surface: Surface) -> Surface:
    """Give the surface back, or raise SurfaceError with the first arbitrage that it offers."""
    found = find_arbitrage(surface)
    if found:
        raise SurfaceError(f"the surface offers arbitrage, fit it again: {found[0]}")
    return surface


def make_ssvi_slice(variance: float, rho: float, eta: float) -> Slice:
    """The slice of an SSVI surface with at-the-money total variance `variance` > 0.

    phi = eta / sqrt(variance (1 + variance)): a surface of such slices with one rho and eta, eta (1 + |rho|)
    <= 2 and variance rising with the expiry is free of arbitrage (Gatheral and Jacquier, section 4).
    """
    if not (variance > 0 and abs(rho) < 1 and 0 < eta * (1 + abs(rho)) <= 2):
        raise SurfaceError(
            f"variance {variance}, rho {rho}, eta {eta}: take variance > 0, |rho| < 1, eta (1 + |rho|) <= 2"
        )
    phi = eta / math.sqrt(variance * (1 + variance))
    root = math.sqrt(1 - rho * rho)
    return Slice(variance / 2 * root * root, variance * phi / 2, rho, -rho / phi, root / phi)
