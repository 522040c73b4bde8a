"""Exact division in 64 bits: every step of `mul_div` looked at, which Python's own integers would hide."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Self

LIMIT = 1 << 63


class Narrow(int):
    """An integer that refuses to leave a signed 64-bit word, where the compiled machine would wrap."""

    def __new__(cls, value: int) -> Self:
        if not -LIMIT <= value < LIMIT:
            raise OverflowError(f"{value} does not fit 64 bits")
        return super().__new__(cls, value)

    def __add__(self, other: int) -> Narrow:
        return Narrow(int(self) + other)

    def __sub__(self, other: int) -> Narrow:
        return Narrow(int(self) - other)

    def __mul__(self, other: int) -> Narrow:
        return Narrow(int(self) * other)

    def __floordiv__(self, other: int) -> Narrow:
        return Narrow(int(self) // other)

    def __neg__(self) -> Narrow:
        return Narrow(-int(self))


Divide = Callable[[int, int, int], int]
HALF = 1 << 31


def around(*values: int) -> list[int]:
    return sorted({value + change for value in values for change in (-1, 0, 1)})


SIZES = [a for a in around(0, 10_007, HALF, 3 << 40, 1 << 60, (1 << 61) - 2) if a >= 0]
FACTORS = [b for b in around(0, 9_999, 65_536, 20_000, (1 << 30) + 7, HALF - 2) if 0 <= b < HALF]


def check_division(
    mul_div: Divide, mul_div_up: Divide, magnitude: Callable[[int], int], positive: Callable[[int], int]
) -> None:
    """Compare with exact integers wherever 01-R02 promises a result; no step may leave 64 bits."""
    for size, sign, b, d in product(SIZES, (1, -1), FACTORS, FACTORS):
        a = sign * size
        if d > 0 and abs(a * b // d) < 1 << 62 and abs(-a * b // d) < 1 << 62:
            arguments = (Narrow(a), Narrow(b), Narrow(d))
            assert mul_div(*arguments) == a * b // d, (a, b, d)
            assert mul_div_up(*arguments) == -(-a * b // d), (a, b, d)
        assert magnitude(Narrow(a)) == size
        assert positive(Narrow(a)) == max(a, 0)


SUMS = [*around(0, 10_000, 65_536, 15 * 65_536), 19_999 * 65_536 + 1, 20_000 * 65_536 - 1, 80_000_000_001]
MOVES = [*around(0, 100, 250_000), (1 << 26) - 1]


def check_quadratic(compute: Divide) -> None:
    """Compare with 05-R01: delta part plus gamma part, each division rounded down, the gamma part even."""
    for delta, gamma, size, sign in product(SUMS, SUMS, MOVES, (1, -1)):
        for d, g in ((delta, gamma), (-delta, -gamma)):
            expected = d * size * sign // 10_000 + (g * abs(size) // 65_536) * abs(size) // 20_000
            assert compute(d, g, size * sign) == expected, (d, g, size * sign)
