"""Decimals that people write, and the machine's integers (spec 01)."""

from decimal import Decimal, InvalidOperation
from typing import Final

from miletus.client.errors import RequestError

TICKS: Final = Decimal(100)
"""Ticks of one USDC."""

LOTS: Final = Decimal(10_000)
"""Lots of one coin."""

MICROS: Final = Decimal(1_000_000)
"""Micros of one USDC."""

Number = Decimal | str | int
"""A decimal as it is given: never a float, which is rarely the number that was meant."""


def to_units(value: Number, unit: Decimal, what: str) -> int:
    """A positive decimal in whole units. RequestError for one that is none, or is finer than the unit."""
    if isinstance(value, float | bool) or not isinstance(value, Decimal | str | int):
        raise RequestError(f"{what} {value!r}: give a str, an int or a Decimal, such as '0.1'")
    try:
        units = Decimal(value) * unit
    except InvalidOperation:
        raise RequestError(f"{what} {str(value)[:30]!r} is no number: give one such as '0.1'") from None
    if not units.is_finite() or units <= 0 or units != units.to_integral_value() or units >= 1 << 62:
        raise RequestError(f"{what} {str(value)[:30]} must be positive and a multiple of {1 / unit:f}")
    return int(units)


def from_ticks(ticks: int) -> Decimal:
    """A price in USDC."""
    return Decimal(ticks) / TICKS


def from_lots(lots: int) -> Decimal:
    """A size in coins."""
    return Decimal(lots) / LOTS


def from_micros(micros: int) -> Decimal:
    """Money in USDC."""
    return Decimal(micros) / MICROS
