"""Names of instruments, as Deribit names its linear products, and the terms that they stand for.

    BTC_USDC-PERPETUAL   BTC_USDC-27MAR26   BTC_USDC-27MAR26-90000-C   ETH_USDC-6FEB26-2512d5-P

A dated instrument expires at 08:00:00 UTC of its day. A strike is in USDC; `d` is its decimal point.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Final

from miletus.engine.params import DAY_S, EXPIRY_TIME_OF_DAY_S, PRICE_LIMIT
from miletus.market.errors import InstrumentNameError

UNDERLYINGS: Final = ("BTC", "ETH")
"""Coins by the machine's number of the underlying; spec 01, MAX_UNDERLYINGS."""

TICKS_PER_USDC: Final = 100
"""One tick of price is 0.01 USDC; spec 01."""

_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_NAME: Final = re.compile(
    r"(?P<coin>[A-Z]+)_USDC-"
    r"(?:PERPETUAL|(?P<day>[1-9]\d?)(?P<month>[A-Z]{3})(?P<year>\d\d)"
    r"(?:-(?P<strike>[1-9]\d{0,6}|0)(?:d(?P<cents>\d[1-9]|[1-9]))?-(?P<side>[CP]))?)",
    re.ASCII,
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class InstrumentType(IntEnum):
    """Type of an instrument, with the number that a List word gives it (spec 03)."""

    CALL = 0
    PUT = 1
    FUTURE = 2
    PERPETUAL = 3


OPTION_TYPES: Final = (InstrumentType.CALL, InstrumentType.PUT)


@dataclass(frozen=True, slots=True, order=True)
class Terms:
    """What an instrument is. `strike_ticks` is 0 but for an option, `expiry_s` is 0 for a perpetual."""

    underlying: int
    expiry_s: int
    strike_ticks: int
    type: InstrumentType

    @property
    def is_option(self) -> bool:
        """Whether it is a call or a put."""
        return self.type in OPTION_TYPES

    @property
    def name(self) -> str:
        """The name; see `format_name`."""
        return format_name(self)


def parse_name(name: str) -> Terms:
    """Read a name; InstrumentNameError says what is wrong with one that is not an instrument's."""
    match = _NAME.fullmatch(name)
    if match is None or match["coin"] not in UNDERLYINGS:
        raise InstrumentNameError(
            f"{name[:40]!r} is no instrument: write it like BTC_USDC-PERPETUAL, BTC_USDC-27MAR26 or "
            f"ETH_USDC-27MAR26-3000-C, with a coin of {', '.join(UNDERLYINGS)}"
        )
    underlying = UNDERLYINGS.index(match["coin"])
    if match["day"] is None:
        return Terms(underlying, 0, 0, InstrumentType.PERPETUAL)
    expiry_s = _parse_expiry(name, match["day"], match["month"], match["year"])
    if match["side"] is None:
        return Terms(underlying, expiry_s, 0, InstrumentType.FUTURE)
    strike_ticks = int(match["strike"]) * TICKS_PER_USDC + int((match["cents"] or "0").ljust(2, "0"))
    if not 1 <= strike_ticks < PRICE_LIMIT:
        raise InstrumentNameError(
            f"{name!r}: its strike must be from 0.01 to {(int(PRICE_LIMIT) - 1) / TICKS_PER_USDC} USDC"
        )
    kind = InstrumentType.CALL if match["side"] == "C" else InstrumentType.PUT
    return Terms(underlying, expiry_s, strike_ticks, kind)


def format_name(terms: Terms) -> str:
    """Write the name of `terms`; the inverse of `parse_name`."""
    if not 0 <= terms.underlying < len(UNDERLYINGS):
        raise InstrumentNameError(
            f"underlying {terms.underlying} has no coin: use 0 to {len(UNDERLYINGS) - 1}"
        )
    pair = f"{UNDERLYINGS[terms.underlying]}_USDC"
    if terms.type == InstrumentType.PERPETUAL:
        return f"{pair}-PERPETUAL"
    name = f"{pair}-{format_expiry(terms.expiry_s)}"
    if terms.type == InstrumentType.FUTURE:
        return name
    usdc, cents = divmod(terms.strike_ticks, TICKS_PER_USDC)
    decimals = f"d{cents:02}".rstrip("0") if cents else ""
    return f"{name}-{usdc}{decimals}-{'C' if terms.type == InstrumentType.CALL else 'P'}"


def format_expiry(expiry_s: int) -> str:
    """Write an expiry, in seconds since 1970, as a name does: 27MAR26."""
    if expiry_s <= 0 or expiry_s % DAY_S != EXPIRY_TIME_OF_DAY_S:
        raise InstrumentNameError(f"expiry {expiry_s} is not at 08:00:00 UTC: give the second of an expiry")
    day = _EPOCH + timedelta(seconds=expiry_s)
    if not 2000 <= day.year < 2100:
        raise InstrumentNameError(f"expiry {expiry_s} is in the year {day.year}: names go from 2000 to 2099")
    return f"{day.day}{_MONTHS[day.month - 1]}{day.year % 100:02}"


def _parse_expiry(name: str, day: str, month: str, year: str) -> int:
    try:
        number = _MONTHS.index(month) + 1
        date = datetime(2000 + int(year), number, int(day), tzinfo=UTC)
    except ValueError:
        raise InstrumentNameError(f"{name!r}: {day}{month}{year} is no day: write it like 6FEB26") from None
    return int((date - _EPOCH).total_seconds()) + int(EXPIRY_TIME_OF_DAY_S)
