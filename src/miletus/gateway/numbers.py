"""Ticks, lots and micros as the decimals of the API, and back, exactly (spec 01).

The API's numbers are JSON numbers with a fraction: 65000.0, 0.01. A float prints every price and size of ours
as written, since they have at most 15 digits; money can have more, and is then written digit by digit.
"""

from decimal import Decimal
from typing import Final

import msgspec

TICKS_PER_USDC: Final = 100
LOTS_PER_COIN: Final = 10_000
MICROS_PER_USDC: Final = 1_000_000

EXACT_MICROS: Final = 10**15
"""Below this a float has every digit of an amount of money."""

LARGEST_EXPONENT: Final = 18
"""Larger numbers are outside every field; turning 1e999999 into an integer would take all memory."""


def format_price(ticks: int) -> float:
    """A price in USDC."""
    return ticks / TICKS_PER_USDC


def format_size(lots: int) -> float:
    """A size in coins."""
    return lots / LOTS_PER_COIN


def format_money(micros: int) -> "float | msgspec.Raw":
    """An amount of USDC."""
    if -EXACT_MICROS < micros < EXACT_MICROS:
        return micros / MICROS_PER_USDC
    sign, size = ("-", -micros) if micros < 0 else ("", micros)
    return msgspec.Raw(f"{sign}{size // MICROS_PER_USDC}.{size % MICROS_PER_USDC:06}".encode())


def parse_units(value: Decimal, units: int) -> int | None:
    """A decimal in whole units, of which `units` make 1; None if it is finer than that, or no number."""
    if not value.is_finite() or value.adjusted() > LARGEST_EXPONENT or value.adjusted() < -LARGEST_EXPONENT:
        return 0 if value.is_finite() and not value else None
    scaled = value * units
    whole = int(scaled)
    return whole if whole == scaled else None


def parse_price(value: Decimal) -> int | None:
    """A price in ticks; None if it is finer than a tick."""
    return parse_units(value, TICKS_PER_USDC)


def parse_size(value: Decimal) -> int | None:
    """A size in lots; None if it is finer than a lot."""
    return parse_units(value, LOTS_PER_COIN)


def parse_money(value: Decimal) -> int | None:
    """An amount in micros; None if it is finer than a micro."""
    return parse_units(value, MICROS_PER_USDC)
