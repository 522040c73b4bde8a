"""Black-76: price, greeks and implied volatility of options on a forward, on arrays.

F. Black, "The pricing of commodity contracts", J. Financial Economics 3 (1976). All functions broadcast their
arguments as numpy does and return arrays of float64 (0-dimensional for scalars). `discount` is the value of
one unit of money paid at expiry; 1 for the linear options of this market, which are margined like futures.

Prices are formed from the out-of-the-money side in its normalised shape (P. Jaeckel, "Let's be rational",
2015, eq. 2.4), so that a far strike keeps its relative accuracy where F N(d1) - K N(d2) cancels.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import special

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

YEAR_S: Final = 365 * 86_400
"""Seconds of a year, as Deribit's implied volatilities count them."""

MAX_ITERATIONS: Final = 100
"""Steps of the search for a volatility; bisection alone would need some 60."""

_ROOT_HALF: Final = float(np.sqrt(0.5))
_ROOT_2PI: Final = float(np.sqrt(2 * np.pi))


@dataclass(frozen=True, slots=True)
class Greeks:
    """Sensitivities of the discounted price; years and volatilities as fractions, not days or per cent."""

    delta: Array
    """By the forward."""
    gamma: Array
    """Second, by the forward."""
    vega: Array
    """By the volatility."""
    theta: Array
    """By time that passes, a year, at a fixed forward."""


def compute_price(
    forward: npt.ArrayLike,
    strike: npt.ArrayLike,
    years: npt.ArrayLike,
    volatility: npt.ArrayLike,
    is_call: npt.ArrayLike,
    discount: npt.ArrayLike = 1.0,
) -> Array:
    """Price of a call (or put where `is_call` is false); the intrinsic value where years or volatility is 0.

    NaN where an input is not finite, a price is not positive, or years or volatility is negative.
    """
    f, k, call = _as_arrays(forward, strike, is_call)
    deviation = _get_deviation(years, volatility)
    intrinsic = np.maximum(np.where(call, f - k, k - f), 0.0)
    price = np.asarray(discount, float) * (intrinsic + _compute_time_value(f, k, deviation))
    return np.where(_is_usable(f, k, deviation), price, np.nan)


def compute_greeks(
    forward: npt.ArrayLike,
    strike: npt.ArrayLike,
    years: npt.ArrayLike,
    volatility: npt.ArrayLike,
    is_call: npt.ArrayLike,
    discount: npt.ArrayLike = 1.0,
    rate: npt.ArrayLike = 0.0,
) -> Greeks:
    """The greeks; `rate` enters theta alone (theta = rate x price - F^2 gamma volatility^2 / 2).

    At years = 0 or volatility = 0 delta is the step (1/2 at the money), the others are 0.
    """
    f, k, call = _as_arrays(forward, strike, is_call)
    t, v = np.asarray(years, float), np.asarray(volatility, float)
    df = np.asarray(discount, float)
    deviation = _get_deviation(t, v)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.log(f / k) / deviation
        d1 = np.where(deviation > 0, ratio + deviation / 2, np.where(f == k, 0.0, np.copysign(np.inf, f - k)))
        density = np.exp(-d1 * d1 / 2) / _ROOT_2PI
        gamma = np.where(deviation > 0, df * density / (f * deviation), 0.0)
    delta = df * np.where(call, special.ndtr(d1), -special.ndtr(-d1))
    vega = np.where(deviation > 0, df * f * density * np.sqrt(np.maximum(t, 0.0)), 0.0)
    price = compute_price(f, k, t, v, call, df)
    theta = np.asarray(rate, float) * price - f * f * gamma * v * v / 2
    usable = _is_usable(f, k, deviation)
    return Greeks(*(np.where(usable, each, np.nan) for each in (delta, gamma, vega, theta)))


def compute_implied_volatility(
    price: npt.ArrayLike,
    forward: npt.ArrayLike,
    strike: npt.ArrayLike,
    years: npt.ArrayLike,
    is_call: npt.ArrayLike,
    discount: npt.ArrayLike = 1.0,
) -> Array:
    """The volatility at which Black-76 gives `price`: Newton's steps on the logarithm, held by a bracket.

    0 where the price is the intrinsic value; NaN where it is below that or not below what bounds it from
    above (forward for a call, strike for a put), where years is not positive or an input is not finite.
    """
    f, k, call = _as_arrays(forward, strike, is_call)
    p, f, k, t, call = np.broadcast_arrays(
        np.asarray(price, float) / np.asarray(discount, float), f, k, np.asarray(years, float), call
    )
    intrinsic = np.maximum(np.where(call, f - k, k - f), 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        value = p - intrinsic
        # what rounding of the inputs alone can leave below zero counts as zero
        value = np.where(np.abs(value) <= 4e-16 * np.maximum(p, intrinsic), 0.0, value)
        usable = _is_usable(f, k, t) & (t > 0) & np.isfinite(p)
        solvable = usable & (value > 0) & (value < np.minimum(f, k))
        exact = usable & (value == 0)
    result = np.where(exact, 0.0, np.nan)
    if solvable.any():
        moneyness = -np.abs(np.log(f[solvable] / k[solvable]))
        target = value[solvable] / np.sqrt(f[solvable] * k[solvable])
        result[solvable] = _solve(moneyness, target) / np.sqrt(t[solvable])
    return result


def _solve(moneyness: Array, target: Array) -> Array:
    """Find the deviation (volatility x root of years) at which the normalised price is `target`."""
    low = np.zeros_like(target)
    high = np.full_like(target, 80.0)
    # the inflection point of the price as a function of the deviation: Newton on either side goes inwards
    guess: Array = np.clip(np.sqrt(2 * np.abs(moneyness)), 1e-3, 8.0)
    log_target = np.log(target)
    for _ in range(MAX_ITERATIONS):
        value = _normalised(moneyness, guess)
        too_high = value > target
        high = np.where(too_high, guess, high)
        low = np.where(too_high, low, guess)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            slope = np.exp(-(moneyness**2 / guess**2 + guess**2 / 4) / 2) / _ROOT_2PI
            step = np.where(
                target < 0.01, value * (np.log(value) - log_target) / slope, (value - target) / slope
            )
            following = guess - step
        inside = np.isfinite(following) & (following > low) & (following < high)
        following = np.where(inside, following, (low + high) / 2)
        if np.all(np.abs(following - guess) <= 1e-15 * guess):
            break
        guess = following
    return guess


def _normalised(moneyness: Array, deviation: Array) -> Array:
    """Out-of-the-money price divided by root(F K); `moneyness` = -|ln F/K| <= 0, `deviation` >= 0."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        h = moneyness / deviation
        t = deviation / 2
        scale = np.exp(-(h * h + t * t) / 2)
        tail = special.erfcx(-(h + t) * _ROOT_HALF) - special.erfcx(-(h - t) * _ROOT_HALF)
        near = special.ndtr(h + t) * np.exp(moneyness / 2) - special.ndtr(h - t) * np.exp(-moneyness / 2)
    # erfcx overflows where h + t is large, and there the plain difference is accurate
    value = np.where(h + t < 0, scale * tail / 2, near)
    value = np.where((deviation > 0) & np.isfinite(value), np.maximum(value, 0.0), 0.0)
    return np.asarray(value, float)


def _compute_time_value(f: Array, k: Array, deviation: Array) -> Array:
    """What an option is worth above its intrinsic value: the price of the out-of-the-money side."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(_normalised(-np.abs(np.log(f / k)), deviation) * np.sqrt(f * k), float)


def _get_deviation(years: npt.ArrayLike, volatility: npt.ArrayLike) -> Array:
    t, v = np.asarray(years, float), np.asarray(volatility, float)
    with np.errstate(invalid="ignore"):
        return np.where((t >= 0) & (v >= 0), v * np.sqrt(np.abs(t)), np.nan)


def _is_usable(f: Array, k: Array, deviation: Array) -> Mask:
    return np.isfinite(f) & np.isfinite(k) & np.isfinite(deviation) & (f > 0) & (k > 0)


def _as_arrays(
    forward: npt.ArrayLike, strike: npt.ArrayLike, is_call: npt.ArrayLike
) -> tuple[Array, Array, Mask]:
    return np.asarray(forward, float), np.asarray(strike, float), np.asarray(is_call, bool)
