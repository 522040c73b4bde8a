"""The sheet: mark, delta, gamma and 16 scenarios of every instrument, in integers alone.

Anyone can compute a sheet again from its published parameters and compare it digit by digit. The routine is
stated step by step in `docs/concepts/market.md`; it is Black-76 on an SVI slice, with fixed-point numbers
of 60 fractional bits (`miletus.market.fixed`). Rounded to whole units it differs from exact arithmetic by at
most half a unit and 1/1000, in marks, deltas and scenarios; gamma is floored, and held to what the machine
takes.

Between sheets a forward moves with the index one for one, and a strike keeps its volatility. A scenario moves
the index and shifts volatilities:

    0, 1    index unmoved, volatility up, down
    2 .. 13 index +5, -5, +10, -10, +15, -15 %, each with volatility up, down
    14, 15  index +45, -45 % with volatility up, a third of the change: far enough to see short wings, and
            for a future no more than the 15 % scenario
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from miletus.engine.margin import compute_quadratic
from miletus.engine.params import (
    DAY_S,
    DELTA_ONE,
    GAMMA_INDEX_LIMIT,
    GAMMA_LIMIT,
    GAMMA_SPAN,
    PRICE_LIMIT,
)
from miletus.market.errors import SheetError
from miletus.market.fixed import BITS, ONE, log, normal_cdf, normal_density, power, sqrt
from miletus.market.instruments import Instrument
from miletus.market.names import InstrumentType, Terms
from miletus.market.parameters import PICO, ExpiryParameters, SheetParameters, check_parameters
from miletus.market.surface import AVERAGE_S

SCENARIO_MOVES: Final = (
    (0, True, 1),
    (0, False, 1),
    (5, True, 1),
    (5, False, 1),
    (-5, True, 1),
    (-5, False, 1),
    (10, True, 1),
    (10, False, 1),
    (-10, True, 1),
    (-10, False, 1),
    (15, True, 1),
    (15, False, 1),
    (-15, True, 1),
    (-15, False, 1),
    (45, True, 3),
    (-45, True, 3),
)
"""Of each scenario: index move in per cent, whether volatility rises, and what divides the change."""

SHOCK_TENTHS: Final = 11
"""Volatility shock of an expiry of a day or less, in tenths: up is x 2.1, down is / 2.1."""

SHOCK_DECAY_TENTHS: Final = 3
"""The shock falls with days^-0.3: 40 % at a month, 19 % at a year."""

_HALF: Final = ONE // 2


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a sheet, in the units of spec 01."""

    mark_ticks: int
    delta: int
    gamma: int
    scenarios: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Move:
    """Where an index move leaves the forward: in ticks, and its logarithm."""

    forward: int
    log_forward: int


class _Expiry:
    """What the strikes of one expiry share. Fixed-point values, prices in ticks."""

    def __init__(self, parameters: ExpiryParameters, index_ticks: int, time_s: int) -> None:
        self.open_s = parameters.open_s
        self.fixed_sum = parameters.fixed_sum
        self.forward = parameters.forward_ticks
        self.log_forward = log(self.forward << BITS)
        self.a, self.b, self.rho, self.m, self.sigma = (
            (value << BITS) // PICO
            for value in (
                parameters.a_pico,
                parameters.b_pico,
                parameters.rho_pico,
                parameters.m_pico,
                parameters.sigma_pico,
            )
        )
        self.stretch = ONE + compute_shock(parameters.expiry_s - time_s)
        self.moves: dict[int, _Move] = {}
        for percent in {percent for percent, _, _ in SCENARIO_MOVES}:
            forward = max(1, self.forward + index_ticks * percent // 100)
            self.moves[percent] = _Move(forward, log(forward << BITS))

    def compute_deviation(self, log_strike: int) -> int:
        """Volatility x root of years at a strike: the root of the slice's total variance there."""
        x = log_strike - self.log_forward - self.m
        root = sqrt((x * x >> BITS) + (self.sigma * self.sigma >> BITS))
        variance = self.a + (self.b * ((self.rho * x >> BITS) + root) >> BITS)
        return sqrt(max(0, variance))


def compute_shock(left_s: int) -> int:
    """Relative rise of volatility in a scenario, as a fixed-point number, for an expiry `left_s` away."""
    base = (int(DAY_S) << BITS) // max(int(DAY_S), left_s)
    return SHOCK_TENTHS * power(base, SHOCK_DECAY_TENTHS * ONE // 10) // 10


def compute_sheet(instruments: Iterable[Instrument], parameters: SheetParameters) -> dict[int, Entry]:
    """Compute the entry of each instrument, by its number, in the order given.

    SheetError if an instrument is of another underlying or expiry, or a value is wider than spec 01-R03.
    """
    check_parameters(parameters)
    expiries = {
        each.expiry_s: _Expiry(each, parameters.index_ticks, parameters.time_s)
        for each in parameters.expiries
    }
    pairs: dict[tuple[int, int], tuple[Entry, Entry]] = {}
    sheet = {}
    for instrument in instruments:
        terms = instrument.terms
        if terms.underlying != parameters.underlying:
            raise SheetError(f"{terms.name} is of another underlying: compute its sheet by itself")
        if terms.type == InstrumentType.PERPETUAL:
            entry = _compute_linear(parameters.perpetual_ticks, parameters.index_ticks, AVERAGE_S)
        elif terms.expiry_s not in expiries:
            raise SheetError(f"{terms.name}: the parameters have no such expiry: add its forward")
        else:
            entry = _compute_dated(terms, expiries[terms.expiry_s], parameters.index_ticks, pairs)
        sheet[instrument.number] = limit_entry(terms, entry, parameters.index_ticks)
    return sheet


def _compute_dated(
    terms: Terms, expiry: _Expiry, index_ticks: int, pairs: dict[tuple[int, int], tuple[Entry, Entry]]
) -> Entry:
    if terms.type == InstrumentType.FUTURE:
        total = expiry.fixed_sum + expiry.open_s * expiry.forward
        return _compute_linear((total + AVERAGE_S // 2) // AVERAGE_S, index_ticks, expiry.open_s)
    key = (terms.expiry_s, terms.strike_ticks)
    if key not in pairs:
        pairs[key] = _compute_pair(expiry, terms.strike_ticks)
    call, put = pairs[key]
    return call if terms.type == InstrumentType.CALL else put


def _compute_linear(mark_ticks: int, index_ticks: int, open_s: int) -> Entry:
    """A perpetual or a future: `open_s` of AVERAGE_S of it still move with the index."""
    scenarios = []
    for percent, _, divisor in SCENARIO_MOVES:
        change = (index_ticks * percent // 100 * open_s << BITS) // (AVERAGE_S * divisor)
        scenarios.append(_round(change))
    return Entry(mark_ticks, _round(_compute_whole_delta(open_s)), 0, tuple(scenarios))


def _compute_whole_delta(open_s: int) -> int:
    """Delta of a future, fixed-point: 1 until the settlement average begins, then what of it is to come."""
    return (int(DELTA_ONE) * open_s << BITS) // AVERAGE_S


def _round(value: int) -> int:
    """The nearest integer to a fixed-point number, halves up."""
    return (value + _HALF) >> BITS


def _compute_pair(expiry: _Expiry, strike_ticks: int) -> tuple[Entry, Entry]:
    """Call and put of one strike. Both are the out-of-the-money value and their own intrinsic value.

    Settled is (fixed_sum + open_s X) / AVERAGE_S, X the average to come. A call of strike K on that is
    open_s / AVERAGE_S calls on X, of strike (AVERAGE_S K - fixed_sum) / open_s.
    """
    short_sum = AVERAGE_S * strike_ticks - expiry.fixed_sum
    certain = expiry.open_s == 0 or short_sum <= 0
    strike = ONE if certain else (short_sum << BITS) // expiry.open_s
    log_strike = log(strike)
    deviation = 0 if certain else expiry.compute_deviation(log_strike)
    up = deviation * expiry.stretch >> BITS
    down = (deviation << BITS) // expiry.stretch

    def compute(move: _Move, spread: int) -> tuple[int, int]:
        """Value of the call and of the put, in ticks, fixed-point."""
        value = compute_time_value(move.forward, move.log_forward, strike, log_strike, spread)
        outer = value * expiry.open_s // AVERAGE_S
        gap = ((move.forward * expiry.open_s - short_sum) << BITS) // AVERAGE_S
        return outer + max(0, gap), outer + max(0, -gap)

    base = compute(_Move(expiry.forward, expiry.log_forward), deviation)
    changes: tuple[list[int], list[int]] = ([], [])
    for percent, rises, divisor in SCENARIO_MOVES:
        moved = compute(expiry.moves[percent], up if rises else down)
        for side in (0, 1):
            changes[side].append(_round((moved[side] - base[side]) // divisor))
    delta, gamma = _compute_greeks(expiry, strike, log_strike, deviation, sure=short_sum <= 0)
    call = Entry(_round(base[0]), _round(delta), gamma, tuple(changes[0]))
    other = _round(delta - _compute_whole_delta(expiry.open_s))
    put = Entry(_round(base[1]), other, gamma, tuple(changes[1]))
    return call, put


def compute_time_value(forward: int, log_forward: int, strike: int, log_strike: int, deviation: int) -> int:
    """Out-of-the-money value by Black-76, in ticks, fixed-point.

    `forward` is in whole ticks, all else fixed-point. F N(d1) - K N(d2) where the strike is not below the
    forward, else K N(-d2) - F N(-d1); never below 0.
    """
    if deviation == 0:
        return 0
    d1 = ((log_forward - log_strike) << BITS) // deviation + (deviation >> 1)
    first, second = normal_cdf(d1), normal_cdf(d1 - deviation)
    if strike >= forward << BITS:
        return max(0, forward * first - (strike * second >> BITS))
    return max(0, (strike * (ONE - second) >> BITS) - forward * (ONE - first))


def _compute_greeks(
    expiry: _Expiry, strike: int, log_strike: int, deviation: int, *, sure: bool
) -> tuple[int, int]:
    """Delta of the call, fixed-point, and gamma; `sure` if the call can only end in the money."""
    whole = _compute_whole_delta(expiry.open_s)
    if deviation == 0:
        forward = expiry.forward << BITS
        return (whole if sure or strike < forward else whole // 2 if strike == forward else 0), 0
    d1 = ((expiry.log_forward - log_strike) << BITS) // deviation + (deviation >> 1)
    scale = int(DELTA_ONE) * int(GAMMA_SPAN) * expiry.open_s
    gamma = scale * normal_density(d1) // (expiry.forward * deviation * AVERAGE_S)
    return whole * normal_cdf(d1) >> BITS, gamma


def limit_entry(terms: Terms, entry: Entry, index_ticks: int) -> Entry:
    """Hold gamma to what the machine takes; refuse what is wider than it takes."""
    gamma = min(entry.gamma, compute_gamma_limit(entry.mark_ticks, index_ticks))
    if not 0 <= entry.mark_ticks < PRICE_LIMIT or any(abs(v) >= PRICE_LIMIT for v in entry.scenarios):
        raise SheetError(
            f"{terms.name}: mark {entry.mark_ticks} or a scenario is 2^28 or more: don't list it"
        )
    return entry if gamma == entry.gamma else replace(entry, gamma=gamma)


def compute_gamma_limit(mark_ticks: int, index_ticks: int) -> int:
    """Largest gamma that is narrow and whose quadratic at half a per cent of the index is small (06-R06).

    Below 2^20 and, times the index, below 2^39: half of what spec 01-R03 takes, because the machine counts
    with its own index when the filling begins.
    """
    move, most = index_ticks // 200, max(mark_ticks, index_ticks // 100)
    low, high = 0, min(int(GAMMA_LIMIT) - 1, (int(GAMMA_INDEX_LIMIT) // 2 - 1) // index_ticks)
    if compute_quadratic(0, high, move) <= most:
        return high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if compute_quadratic(0, middle, move) <= most else (low, middle)
    return low


def hold_to_band(entry: Entry, old_mark_ticks: int, index_ticks: int, age_s: int) -> Entry:
    """Hold a mark to the machine's band around the one in force (spec 06-R06).

    `index_ticks` is the index that the machine has, `age_s` the clock's second less the time of the sheet in
    force. In a crash marks follow over several sheets; one entry outside would make all of a sheet count for
    nothing.
    """
    band = min(500, 50 + max(0, age_s) // 12)
    widest = index_ticks * band // 1000
    mark_ticks = max(old_mark_ticks - widest, min(old_mark_ticks + widest, entry.mark_ticks))
    if mark_ticks == entry.mark_ticks:
        return entry
    gamma = min(entry.gamma, compute_gamma_limit(mark_ticks, index_ticks))
    return replace(entry, mark_ticks=mark_ticks, gamma=gamma)


def find_differences(sheet: Mapping[int, Entry], other: Mapping[int, Entry]) -> list[int]:
    """Numbers of the instruments on which two sheets do not agree to the digit."""
    return sorted(number for number in sheet.keys() | other.keys() if sheet.get(number) != other.get(number))
