"""Exact integer arithmetic of the machine (spec 01)."""

from typing import Final

from mypy_extensions import i64

_HALF: Final[i64] = 2_147_483_648
"""2^31: products of two numbers below it fit 62 bits."""


def mul_div(a: i64, b: i64, d: i64) -> i64:
    """floor(a x b / d) without leaving 64 bits (spec 01-R02).

    |a| < 2^61, 0 <= b < 2^31, 0 < d < 2^31, and the result must be below 2^62 in size.
    """
    if -_HALF < a < _HALF:
        return a * b // d
    high: i64 = a // _HALF
    low: i64 = a - high * _HALF
    top: i64 = high * b
    quotient: i64 = top // d
    rest: i64 = top - quotient * d
    return quotient * _HALF + (rest * _HALF + low * b) // d


def mul_div_up(a: i64, b: i64, d: i64) -> i64:
    """Ceiling of a x b / d; bounds as `mul_div`."""
    return -mul_div(-a, b, d)


def magnitude(x: i64) -> i64:
    """|x|, without leaving native integers."""
    return -x if x < 0 else x


def positive(x: i64) -> i64:
    """x, or 0 if it is less."""
    return x if x > 0 else 0
