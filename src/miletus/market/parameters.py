"""What a sheet is computed from: index, forwards and surface as integers, published beside every sheet.

A parameter of a slice is an integer of 1e-12 (`_pico`). Of the settlement average of an expiry (spec 07-R02)
`fixed_sum` is what has passed of it, in ticks x seconds, and `open_s` the seconds that are still to come.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from miletus.engine.params import PRICE_LIMIT
from miletus.market.errors import SheetError
from miletus.market.surface import AVERAGE_S, Surface

PICO: Final = 10**12

LARGEST_PICO: Final = 10**15
"""No parameter of a slice is larger than 1,000."""


@dataclass(frozen=True, slots=True)
class ExpiryParameters:
    """One expiry: its forward and its slice of total variance at the sheet's time."""

    expiry_s: int
    forward_ticks: int
    a_pico: int
    b_pico: int
    rho_pico: int
    m_pico: int
    sigma_pico: int
    fixed_sum: int = 0
    open_s: int = AVERAGE_S


@dataclass(frozen=True, slots=True)
class SheetParameters:
    """All that the sheet of one underlying is computed from."""

    underlying: int
    time_s: int
    index_ticks: int
    """The reference index of the sheet, from which prices move until the next (spec 05-R01)."""
    perpetual_ticks: int
    expiries: tuple[ExpiryParameters, ...]
    """By rising expiry."""


@dataclass(frozen=True, slots=True)
class Average:
    """How much of a settlement average has passed."""

    fixed_sum: int
    open_s: int


def quantise(
    surface: Surface,
    underlying: int,
    index_ticks: int,
    perpetual_ticks: int,
    forward_ticks: Mapping[int, int],
    averages: Mapping[int, Average] | None = None,
) -> SheetParameters:
    """Turn a surface into integers, rounded to the nearest 1e-12.

    `forward_ticks` names the expiries of the sheet, in seconds; one that the surface has no slice for is held
    without variance, which is right for an expired one. `averages` has those whose average has begun.
    """
    expiries = []
    for expiry_s, forward in sorted(forward_ticks.items()):
        part = surface.slices.get(expiry_s)
        values = (0.0,) * 5 if part is None else (part.a, part.b, part.rho, part.m, part.sigma)
        a, b, rho, m, sigma = (round(value * PICO) for value in values)
        average = (averages or {}).get(expiry_s, Average(0, AVERAGE_S))
        expiries.append(
            ExpiryParameters(expiry_s, forward, a, b, rho, m, sigma, average.fixed_sum, average.open_s)
        )
    parameters = SheetParameters(underlying, surface.time_s, index_ticks, perpetual_ticks, tuple(expiries))
    check_parameters(parameters)
    return parameters


def check_parameters(parameters: SheetParameters) -> None:
    """Raise SheetError for the first value that no sheet can be computed from."""
    prices = {"index_ticks": parameters.index_ticks, "perpetual_ticks": parameters.perpetual_ticks}
    last_s = 0
    for each in parameters.expiries:
        prices[f"forward_ticks of {each.expiry_s}"] = each.forward_ticks
        if each.expiry_s <= last_s:
            raise SheetError(f"expiry {each.expiry_s} comes after {last_s}: order expiries, each once")
        last_s = each.expiry_s
        slice_values = (each.a_pico, each.b_pico, each.rho_pico, each.m_pico, each.sigma_pico)
        if any(abs(value) > LARGEST_PICO for value in slice_values) or abs(each.rho_pico) > PICO:
            raise SheetError(f"expiry {each.expiry_s}: its slice is no smile: fit the surface again")
        if each.b_pico < 0 or each.sigma_pico < 0:
            raise SheetError(f"expiry {each.expiry_s}: b and sigma must not be negative: fit it again")
        passed_s = AVERAGE_S - each.open_s
        if not 0 <= passed_s <= AVERAGE_S or not 0 <= each.fixed_sum <= passed_s * (PRICE_LIMIT - 1):
            raise SheetError(
                f"expiry {each.expiry_s}: open_s {each.open_s} and fixed_sum {each.fixed_sum} are no average "
                f"of {AVERAGE_S} seconds: read the oracle's sum again"
            )
    for name, value in prices.items():
        if not 1 <= value < PRICE_LIMIT:
            raise SheetError(
                f"{name} {value} must be from 1 to {int(PRICE_LIMIT) - 1}: check the market data"
            )


def encode_parameters(parameters: SheetParameters) -> bytes:
    """Write parameters as JSON with one meaning and one form: sorted keys, no spaces, integers alone."""
    return msgspec.json.encode(parameters, order="sorted")


def decode_parameters(data: bytes) -> SheetParameters:
    """Read what `encode_parameters` wrote; SheetError for anything else, or for another form of the same."""
    try:
        parameters = msgspec.json.decode(data, type=SheetParameters)
        same = encode_parameters(parameters) == data
    except (msgspec.MsgspecError, RecursionError, OverflowError, UnicodeDecodeError):
        same = False
    if not same:
        raise SheetError("these are not a sheet's parameters: give the JSON that was published")
    check_parameters(parameters)
    return parameters
