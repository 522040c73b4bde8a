"""What one observer makes of a market: integers for ticks and sheets, from floating-point surfaces."""

from miletus.engine.params import PRICE_LIMIT
from miletus.market.errors import OracleError
from miletus.market.instruments import Instrument
from miletus.market.parameters import Average, SheetParameters, quantise
from miletus.market.standing import Standing
from miletus.market.surface import AVERAGE_S, Slice, Surface, compute_variance_s
from miletus.market.timeline import Market, UnderlyingState


def compute_cumulative(market: Market, underlying: int, standing: Standing, time_s: int) -> int:
    """The cumulative index at a second: the last tick's, and the sum of the index since (or less, before)."""
    if not standing.index_ticks:
        return 0
    last_s = standing.tick_time_s
    if time_s >= last_s:
        return standing.cumulative + market.get_index_sum(underlying, last_s, time_s)
    return standing.cumulative - market.get_index_sum(underlying, time_s, last_s)


def hold_index(index_ticks: int, standing: Standing, time_s: int) -> int:
    """Hold an index to the machine's band around its last (spec 06-R04): it follows over several ticks."""
    old = standing.index_ticks
    if not old:
        return max(1, min(index_ticks, int(PRICE_LIMIT) - 1))
    widest = old * min(200, 10 + 2 * max(0, time_s - standing.tick_time_s)) // 1000
    return max(1, old - widest, min(old + widest, index_ticks, int(PRICE_LIMIT) - 1))


def make_parameters(
    market: Market, underlying: int, time_s: int, index_ticks: int, instruments: list[Instrument]
) -> SheetParameters:
    """Parameters of a sheet of `instruments`, as the market is at `time_s`, around the last tick's index.

    Forwards keep their ratio to the index. An expiry that the market has no slice for (its snapshot left it
    out) takes the slice of the nearest later one, less its time; an expired one has its average alone.
    """
    state = market.get_state(underlying, time_s)
    expiries = sorted({i.terms.expiry_s for i in instruments if i.terms.expiry_s != 0})
    forwards, slices, averages = {}, {}, {}
    for expiry_s in expiries:
        forward = state.forward_ticks.get(expiry_s, state.index_ticks)
        forwards[expiry_s] = _scale(forward, index_ticks, state.index_ticks)
        if expiry_s > time_s:
            slices[expiry_s] = find_slice(state, expiry_s)
        if expiry_s - AVERAGE_S < time_s:
            until_s = min(time_s, expiry_s)
            passed = market.get_index_sum(underlying, expiry_s - AVERAGE_S, until_s)
            averages[expiry_s] = Average(passed, expiry_s - until_s)
    perpetual = _scale(state.perpetual_ticks, index_ticks, state.index_ticks)
    surface = Surface(time_s, slices)
    return quantise(surface, underlying, index_ticks, perpetual, forwards, averages)


def find_slice(state: UnderlyingState, expiry_s: int) -> Slice:
    """The slice of an expiry; where there is none, another expiry's, by the time that each has left."""
    slices = state.surface.slices
    if expiry_s in slices:
        return slices[expiry_s]
    if not slices:
        raise OracleError(f"underlying {state.underlying} has no surface at {state.time_s}: check the market")
    other_s = min((e for e in slices if e > expiry_s), default=max(slices))
    share = compute_variance_s(expiry_s - state.time_s) / compute_variance_s(other_s - state.time_s)
    return slices[other_s].scaled(share)


def _scale(ticks: int, index_ticks: int, from_ticks: int) -> int:
    return max(1, min(ticks * index_ticks // from_ticks, int(PRICE_LIMIT) - 1))
