"""Fixed-point mathematics in integers alone: the same digits on every machine, in every language.

A number x is the integer floor(x 2^60); products are shifted down (floor), quotients floored. No float
enters, no constant is copied in: ln 2, pi and the table of the normal distribution are made here, by series
of integers with 100 more bits. `docs/concepts/market.md` states each routine so that it can be written again.

Stated errors, absolute, each tested over its domain: `log` and `exp_negative` 2^-58, `normal_cdf` 2^-58 (and
below -8 and above 8, where it is 0 and 1, 2^-50), `normal_density` 2^-58; `sqrt` is floored.
"""

from math import isqrt
from typing import Final

BITS: Final = 60
ONE: Final = 1 << BITS

_GUARD: Final = 100
_FINE_BITS: Final = BITS + _GUARD
_FINE: Final = 1 << _FINE_BITS
_LOG_GUARD: Final = 12

NODE_BITS: Final = 4
"""The normal distribution is tabulated 2^4 times a unit; between nodes a Taylor series serves."""

NODES: Final = 8 << NODE_BITS
"""Nodes from 0 to 8; beyond 8 standard deviations the distribution is 0 or 1 to within 2^-50."""

TERMS: Final = 10
"""Terms of the series: with steps of at most 1/32 what is left out is below 2^-62."""


def _atanh_inverse(n: int) -> int:
    """atanh(1/n) = sum of 1 / ((2i + 1) n^(2i + 1)), with _FINE_BITS."""
    total, power, i = 0, _FINE // n, 1
    while power:
        total += power // i
        power //= n * n
        i += 2
    return total


def _atan_inverse(n: int) -> int:
    """atan(1/n), the same with alternating signs."""
    total, power, i, sign = 0, _FINE // n, 1, 1
    while power:
        total += sign * (power // i)
        power //= n * n
        i += 2
        sign = -sign
    return total


_LN2_FINE: Final = 2 * _atanh_inverse(3)
_PI_FINE: Final = 16 * _atan_inverse(5) - 4 * _atan_inverse(239)

LN2: Final = _LN2_FINE >> _GUARD
PI: Final = _PI_FINE >> _GUARD


def _exp_negative_fine(x: int) -> int:
    """e^-x for x >= 0, with _FINE_BITS in and out: e^-x = 2^-n e^-r, r below ln 2, by Taylor's series."""
    n, r = divmod(x, _LN2_FINE)
    total, term, i = _FINE, _FINE, 1
    while term:
        term = (term * r >> _FINE_BITS) // i
        total += -term if i & 1 else term
        i += 1
    return total >> n


def exp_negative(x: int) -> int:
    """e^-x for x >= 0."""
    return _exp_negative_fine(x << _GUARD) >> _GUARD


def log(x: int) -> int:
    """Natural logarithm of x > 0: x = 2^n y with 1 <= y < 2, ln y = 2 atanh((y - 1) / (y + 1)).

    The series is summed with _LOG_GUARD more bits than it gives.
    """
    n = x.bit_length() - 1 - BITS
    y = x >> n if n >= 0 else x << -n
    z = ((y - ONE) << (BITS + _LOG_GUARD)) // (y + ONE)
    square = z * z >> (BITS + _LOG_GUARD)
    total, power, i = 0, z, 1
    while power:
        total += power // i
        power = power * square >> (BITS + _LOG_GUARD)
        i += 2
    return (total >> (_LOG_GUARD - 1)) + (n * _LN2_FINE >> _GUARD)


def sqrt(x: int) -> int:
    """Square root of x >= 0."""
    return isqrt(x << BITS)


def _make_table() -> tuple[tuple[int, ...], ...]:
    """For each node x: the Taylor coefficients of the distribution at x, highest power first.

    The distribution is 1/2 + phi(x) (x + x^3/3 + x^5/15 + ...), G. Marsaglia, J. Statistical Software 11
    (2004); its n-th derivative is (-1)^(n-1) He_(n-1)(x) phi(x), He the Hermite polynomials.
    """
    root_2pi = isqrt(2 * _PI_FINE << _FINE_BITS)
    rows = []
    for node in range(NODES + 1):
        x = node << (_FINE_BITS - NODE_BITS)
        square = x * x >> _FINE_BITS
        density = (_exp_negative_fine(square // 2) << _FINE_BITS) // root_2pi
        series, term, i = x, x, 3
        while term:
            term = (term * square >> _FINE_BITS) // i
            series += term
            i += 2
        coefficients = [_FINE // 2 + (density * series >> _FINE_BITS)]
        before, hermite, factorial = 0, _FINE, 1
        for n in range(1, TERMS + 1):
            factorial *= n
            sign = 1 if n & 1 else -1
            coefficients.append(sign * (density * hermite >> _FINE_BITS) // factorial)
            before, hermite = hermite, (x * hermite >> _FINE_BITS) - (n - 1) * before
        rows.append(tuple(each >> _GUARD for each in reversed(coefficients)))
    return tuple(rows)


_TABLE: Final = _make_table()
_ROOT_2PI: Final = isqrt(2 * PI << BITS)
_HALF_NODE: Final = 1 << (BITS - NODE_BITS - 1)
_LAST: Final = 8 * ONE


def normal_cdf(x: int) -> int:
    """Standard normal distribution function; 0 below -8, ONE above 8."""
    size = -x if x < 0 else x
    if size >= _LAST:
        return 0 if x < 0 else ONE
    node = (size + _HALF_NODE) >> (BITS - NODE_BITS)
    h = size - (node << (BITS - NODE_BITS))
    total = 0
    for coefficient in _TABLE[node]:
        total = (total * h >> BITS) + coefficient
    return ONE - total if x < 0 else total


def normal_density(x: int) -> int:
    """Standard normal density."""
    return (exp_negative(x * x >> (BITS + 1)) << BITS) // _ROOT_2PI


def power(base: int, exponent: int) -> int:
    """Base ** exponent for 0 < base <= ONE and exponent >= 0, both fixed-point."""
    return exp_negative(-log(base) * exponent >> BITS)
