"""A small market that tests share: two expiries, strikes around the index, an SSVI surface."""

from miletus.market.instruments import Catalogue, Instrument, build_chain
from miletus.market.names import InstrumentType, Terms
from miletus.market.parameters import Average, SheetParameters, quantise
from miletus.market.surface import YEAR_S, Surface, compute_variance_s, make_ssvi_slice

NEAR_S = 1_769_760_000
"""30 January 2026, 08:00 UTC."""

FAR_S = 1_774_598_400
"""27 March 2026, 08:00 UTC."""

NOW_S = NEAR_S - 2 * 86_400

INDEX_TICKS = (8_900_000, 300_000)
STEP_TICKS = (100_000, 5_000)


def make_surface(time_s: int, volatility: float = 0.5) -> Surface:
    slices = {
        expiry_s: make_ssvi_slice(volatility**2 * compute_variance_s(expiry_s - time_s) / YEAR_S, -0.25, 1.1)
        for expiry_s in (NEAR_S, FAR_S)
        if expiry_s > time_s
    }
    return Surface(time_s, slices)


def make_parameters(
    underlying: int = 0,
    time_s: int = NOW_S,
    index_ticks: int | None = None,
    volatility: float = 0.5,
    averages: dict[int, Average] | None = None,
) -> SheetParameters:
    index = INDEX_TICKS[underlying] if index_ticks is None else index_ticks
    forwards = {NEAR_S: index + index // 2_000, FAR_S: index + index // 100}
    return quantise(make_surface(time_s, volatility), underlying, index, index + 7, forwards, averages)


def make_instruments(catalogue: Catalogue, underlying: int = 0, count: int = 12) -> list[Instrument]:
    """A perpetual, and for each expiry a future and the options of 2 x count + 1 strikes."""
    middle, step = INDEX_TICKS[underlying], STEP_TICKS[underlying]
    strikes = range(middle - count * step, middle + count * step + 1, step)
    terms = [Terms(underlying, 0, 0, InstrumentType.PERPETUAL)]
    for expiry_s in (NEAR_S, FAR_S):
        terms += build_chain(underlying, expiry_s, strikes)
    return catalogue.add_missing(terms)
