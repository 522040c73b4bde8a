"""The sheet's fixed-point routine against floating-point Black-76, its limits, and what is not a sheet."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miletus.engine.margin import compute_quadratic
from miletus.engine.params import (
    BAND_INDEX_PERMILLE,
    BAND_MARK_PERMILLE,
    DELTA_LIMIT,
    GAMMA_INDEX_LIMIT,
    GAMMA_LIMIT,
    MAINTENANCE_PERMILLE,
    PRICE_LIMIT,
    SCENARIOS,
    SHORT_FLOOR_PERMILLE,
)
from miletus.market.black76 import compute_greeks, compute_price
from miletus.market.chains import ChainSnapshot, find_snapshots, read_chain
from miletus.market.errors import SheetError
from miletus.market.instruments import Catalogue, Instrument
from miletus.market.names import InstrumentType, Terms, parse_name
from miletus.market.parameters import (
    PICO,
    Average,
    ExpiryParameters,
    SheetParameters,
    quantise,
)
from miletus.market.sheet import (
    SCENARIO_MOVES,
    Entry,
    compute_gamma_limit,
    compute_sheet,
    hold_to_band,
    limit_entry,
)
from miletus.market.surface import Slice
from miletus.market.svi_fit import fit_surface
from tests.market.example import FAR_S, NEAR_S, NOW_S, make_instruments, make_parameters
from tests.market.recorded import CHAINS, needs_chains

HALF = 0.501
"""Half a unit of rounding, and the routine's stated error."""


def compute_reference(terms: Terms, p: SheetParameters) -> tuple[float, float, float, list[float]]:
    """Mark, delta, gamma and scenarios of an option in floating point, straight from the definition."""
    e = next(each for each in p.expiries if each.expiry_s == terms.expiry_s)
    part = Slice(*(v / PICO for v in (e.a_pico, e.b_pico, e.rho_pico, e.m_pico, e.sigma_pico)))
    share, call = e.open_s / 1_800, terms.type == InstrumentType.CALL
    strike = (1_800 * terms.strike_ticks - e.fixed_sum) / e.open_s
    k = np.array([math.log(strike / e.forward_ticks)])
    deviation = math.sqrt(max(0.0, float(part.compute_variance(k)[0])))
    shock = 1.1 * min(1.0, 86_400 / max(86_400, e.expiry_s - p.time_s)) ** 0.3

    def price(forward: float, volatility: float) -> float:
        return share * float(compute_price(forward, strike, 1.0, volatility, call))

    base = price(e.forward_ticks, deviation)
    scenarios = []
    for percent, rises, divisor in SCENARIO_MOVES:
        forward = max(1, e.forward_ticks + math.floor(p.index_ticks * percent / 100))
        moved = price(forward, deviation * (1 + shock) if rises else deviation / (1 + shock))
        scenarios.append((moved - base) / divisor)
    greeks = compute_greeks(e.forward_ticks, strike, 1.0, deviation, call)
    return base, share * float(greeks.delta) * 1e4, share * float(greeks.gamma) * 1e4 * 65_536, scenarios


def check_against_reference(instruments: list[Instrument], p: SheetParameters) -> dict[int, Entry]:
    sheet = compute_sheet(instruments, p)
    for instrument in instruments:
        if instrument.terms.is_option:
            entry = sheet[instrument.number]
            mark, delta, gamma, scenarios = compute_reference(instrument.terms, p)
            assert abs(entry.mark_ticks - mark) <= HALF
            assert abs(entry.delta - delta) <= HALF
            limit = compute_gamma_limit(entry.mark_ticks, p.index_ticks)
            assert entry.gamma == pytest.approx(min(math.floor(gamma), limit), abs=1)
            assert np.max(np.abs(np.array(entry.scenarios) - scenarios)) <= HALF
    return sheet


def check_limits(sheet: dict[int, Entry], p: SheetParameters) -> None:
    """What the machine asks of an entry: spec 01-R03 and 06-R06."""
    for entry in sheet.values():
        assert 0 <= entry.mark_ticks < PRICE_LIMIT
        assert abs(entry.delta) <= DELTA_LIMIT
        assert 0 <= entry.gamma < GAMMA_LIMIT
        assert len(entry.scenarios) == SCENARIOS
        assert all(abs(value) < PRICE_LIMIT for value in entry.scenarios)
        curve = compute_quadratic(0, entry.gamma, p.index_ticks // 200)
        assert curve <= max(entry.mark_ticks, p.index_ticks // 100)


@pytest.mark.rule("01-R03", "06-R06")
@pytest.mark.parametrize("underlying", [0, 1])
@pytest.mark.parametrize("before_s", [3 * 86_400, 3_600, 60])
def test_the_sheet_is_black_76(underlying: int, before_s: int) -> None:
    p = make_parameters(underlying, NEAR_S - before_s)
    check_limits(check_against_reference(make_instruments(Catalogue(), underlying), p), p)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1_000, 2**27),
    st.floats(0.3, 3.0),
    st.floats(1e-6, 4.0),
    st.floats(-0.9, 0.9),
    st.floats(0.01, 1.0),
    st.integers(60, 400 * 86_400),
    st.integers(0, 1_799),
)
def test_any_forward_strike_and_surface(
    forward: int, ratio: float, variance: float, rho: float, share: float, left_s: int, passed_s: int
) -> None:
    passed_s = passed_s if left_s < 1_800 else 0
    expiry = ExpiryParameters(
        NEAR_S,
        forward,
        round(variance / 2 * PICO),
        round(share * min(variance, 1.0) * PICO),
        round(rho * PICO),
        0,
        round(0.1 * PICO),
        passed_s * forward * 9 // 10,
        1_800 - passed_s,
    )
    p = SheetParameters(0, NEAR_S - left_s, forward, forward, (expiry,))
    strike = max(1, min(2**28 - 1, round(forward * ratio)))
    catalogue = Catalogue()
    pair = [
        catalogue.add(Terms(0, NEAR_S, strike, kind)) for kind in (InstrumentType.CALL, InstrumentType.PUT)
    ]
    if 1_800 * strike > expiry.fixed_sum:
        check_limits(check_against_reference(pair, p), p)


@pytest.mark.parametrize("underlying", [0, 1])
def test_marks_are_ordered_as_they_must_be(underlying: int) -> None:
    catalogue = Catalogue()
    p = make_parameters(underlying)
    sheet = compute_sheet(make_instruments(catalogue, underlying), p)
    for expiry in p.expiries:
        chain = [each for each in catalogue if each.terms.expiry_s == expiry.expiry_s]
        calls = [each for each in chain if each.terms.type == InstrumentType.CALL]
        marks = [sheet[each.number].mark_ticks for each in calls]
        assert marks == sorted(marks, reverse=True)
        for call in calls:
            strike = call.terms.strike_ticks
            put = catalogue.get(replace(call.terms, type=InstrumentType.PUT))
            assert put is not None
            one, other = sheet[call.number], sheet[put.number]
            assert one.mark_ticks >= max(0, expiry.forward_ticks - strike)
            assert other.mark_ticks >= max(0, strike - expiry.forward_ticks)
            # parity to the tick: the two sides are one time value
            assert one.mark_ticks - other.mark_ticks == expiry.forward_ticks - strike
            assert one.delta - other.delta == 10_000
            assert one.gamma == other.gamma
        far = zip(calls, calls[1:], calls[2:], strict=False)
        for low, middle, high in far:
            wings = sheet[low.number].mark_ticks + sheet[high.number].mark_ticks
            assert wings >= 2 * sheet[middle.number].mark_ticks - 2  # a butterfly, but for rounding


def test_futures_and_perpetuals_follow_the_index() -> None:
    catalogue = Catalogue()
    p = make_parameters()
    sheet = compute_sheet(make_instruments(catalogue), p)
    linear = [each for each in catalogue if not each.terms.is_option]
    assert [sheet[each.number].mark_ticks for each in linear] == [
        p.perpetual_ticks,
        p.expiries[0].forward_ticks,
        p.expiries[1].forward_ticks,
    ]
    for each in linear:
        entry = sheet[each.number]
        assert (entry.delta, entry.gamma) == (10_000, 0)
        assert entry.scenarios == (
            *(0, 0, 445_000, 445_000, -445_000, -445_000, 890_000, 890_000, -890_000, -890_000),
            *(1_335_000, 1_335_000, -1_335_000, -1_335_000, 1_335_000, -1_335_000),
        )


def test_between_sheets_a_mark_moves_as_the_next_sheet_says() -> None:
    """Mark + quadratic(delta, gamma, d) against the sheet computed at the moved index: spec 05-R01."""
    catalogue = Catalogue()
    instruments = make_instruments(catalogue)
    p = make_parameters()
    sheet = compute_sheet(instruments, p)
    for permille in (-5, 5):
        move = p.index_ticks * permille // 1_000
        expiries = []
        for each in p.expiries:
            # a strike keeps its volatility: the slice goes the other way by the logarithm of the move
            shift = math.log(each.forward_ticks / (each.forward_ticks + move))
            expiries.append(
                replace(
                    each,
                    forward_ticks=each.forward_ticks + move,
                    m_pico=each.m_pico + round(shift * PICO),
                )
            )
        moved = replace(
            p,
            index_ticks=p.index_ticks + move,
            perpetual_ticks=p.perpetual_ticks + move,
            expiries=tuple(expiries),
        )
        after = compute_sheet(instruments, moved)
        for each in instruments:
            entry = sheet[each.number]
            estimate = entry.mark_ticks + compute_quadratic(entry.delta, entry.gamma, move)
            # third order: half a per cent of the index costs less than 0.01 % of it
            assert abs(estimate - after[each.number].mark_ticks) < p.index_ticks // 10_000


def test_through_expiry_a_mark_becomes_the_payoff() -> None:
    catalogue = Catalogue()
    instruments = make_instruments(catalogue)
    index = 8_900_000
    for passed_s in (0, 600, 1_799, 1_800):
        average = {NEAR_S: Average(passed_s * (index + 900), 1_800 - passed_s)}
        p = make_parameters(time_s=NEAR_S - 1_800 + passed_s, averages=average)
        forward = p.expiries[0].forward_ticks
        sheet = compute_sheet(instruments, p)
        if passed_s <= 600:
            near = [each for each in instruments if each.terms.expiry_s == NEAR_S]
            assert check_against_reference(near, p) == {each.number: sheet[each.number] for each in near}
        settle = (passed_s * (index + 900) + (1_800 - passed_s) * forward + 900) // 1_800
        for each in instruments:
            if each.terms.expiry_s == NEAR_S and passed_s >= 1_799:
                entry = sheet[each.number]
                payoff = {
                    InstrumentType.CALL: max(0, settle - each.terms.strike_ticks),
                    InstrumentType.PUT: max(0, each.terms.strike_ticks - settle),
                    InstrumentType.FUTURE: settle,
                }[each.terms.type]
                assert abs(entry.mark_ticks - payoff) <= 1
                if passed_s == 1_800:
                    assert (entry.delta, entry.gamma, set(entry.scenarios)) == (0, 0, {0})


@pytest.mark.rule("06-R06")
def test_gamma_is_held_to_what_the_machine_takes() -> None:
    strike = parse_name("ETH_USDC-30JAN26-3000-C")
    instrument = Catalogue().add(strike)
    p = make_parameters(1, NEAR_S - 3_600)
    hour_before = compute_sheet([instrument], p)[0].gamma
    assert hour_before == math.floor(compute_reference(strike, p)[2]) > 100_000
    index = p.index_ticks
    held = limit_entry(strike, Entry(index // 50, 5_000, 10**9, (0,) * SCENARIOS), index)
    assert held.gamma == GAMMA_LIMIT - 1
    assert limit_entry(strike, Entry(index, 0, 10**9, (0,) * SCENARIOS), 3 * index).gamma < GAMMA_LIMIT - 1


@given(st.integers(0, 2**28 - 1), st.integers(1, 2**28 - 1))
def test_the_largest_gamma_is_found(mark: int, index: int) -> None:
    gamma, most = compute_gamma_limit(mark, index), max(mark, index // 100)
    assert compute_quadratic(0, gamma, index // 200) <= most
    widest = gamma + 1 == GAMMA_LIMIT or (gamma + 1) * index >= GAMMA_INDEX_LIMIT // 2
    assert gamma * index < GAMMA_INDEX_LIMIT // 2
    assert widest or compute_quadratic(0, gamma + 1, index // 200) > most


@pytest.mark.rule("06-R06")
@given(
    st.integers(0, 2**28 - 1), st.integers(0, 2**28 - 1), st.integers(1, 2**28 - 1), st.integers(-9, 10_000)
)
def test_a_mark_is_held_to_its_band(mark: int, old: int, index: int, age_s: int) -> None:
    entry = hold_to_band(Entry(mark, 0, 0, (0,) * 16), old, index, age_s)
    band = min(500, 50 + max(0, age_s) // 12)
    assert abs(entry.mark_ticks - old) * 1_000 <= index * band
    if abs(mark - old) * 1_000 <= index * band:
        assert entry.mark_ticks == mark
    else:
        assert (abs(entry.mark_ticks - old) + 1) * 1_000 > index * band
    assert min(mark, old) <= entry.mark_ticks <= max(mark, old)


PUBLISHED = ExpiryParameters(
    FAR_S, 8_989_000, 5_000_000_000, 60_000_000_000, -250_000_000_000, 20_000_000_000, 150_000_000_000
)


def test_the_digits_that_are_published_do_not_change() -> None:
    """Written once by this routine: a change of any digit is a change of the published routine."""
    catalogue = Catalogue()
    names = ("BTC_USDC-27MAR26-70000-P", "BTC_USDC-27MAR26-90000-C", "BTC_USDC-27MAR26-140000-C")
    instruments = [catalogue.add(parse_name(name)) for name in names]
    sheet = compute_sheet(instruments, SheetParameters(0, NOW_S, 8_900_000, 8_900_500, (PUBLISHED,)))
    assert list(sheet.values()) == EXPECTED


EXPECTED = [
    Entry(
        38_020,
        -561,
        49,
        (
            *(73_060, -29_492, 33_962, -35_092, 130_638, -15_015, 7_969, -37_081),
            *(213_389, 18_915, -8_998, -37_736, 329_051, 90_106, -12_161, 670_784),
        ),
    ),
    Entry(
        424_140,
        5_198,
        242,
        (
            *(139_518, -105_375, 401_490, 169_181, -67_650, -285_054, 712_376, 521_741),
            *(-218_851, -377_862, 1_063_548, 924_326, -318_732, -413_226, 1_191_965, -141_372),
        ),
    ),
    Entry(
        1_506,
        36,
        4,
        (
            *(14_241, -1_467, 28_076, -1_309, 6_245, -1_500, 50_402, -709),
            *(1_980, -1_506, 84_298, 1_191, -94, -1_506, 234_779, -502),
        ),
    ),
]


def test_a_sheet_names_what_it_can_not_price() -> None:
    p = make_parameters()
    catalogue = Catalogue()
    with pytest.raises(SheetError, match="add its forward"):
        compute_sheet([catalogue.add(parse_name("BTC_USDC-6FEB26-90000-C"))], p)
    with pytest.raises(SheetError, match="another underlying"):
        compute_sheet([catalogue.add(parse_name("ETH_USDC-27MAR26-3000-C"))], p)
    index = 2**28 - 10
    wide = replace(make_parameters(index_ticks=2**27), index_ticks=index, perpetual_ticks=index)
    wide = replace(wide, expiries=tuple(replace(each, forward_ticks=index) for each in wide.expiries))
    deep = catalogue.add(Terms(0, FAR_S, 1, InstrumentType.CALL))
    assert compute_sheet([deep], wide)[deep.number].mark_ticks == index - 1
    for wide_entry in (Entry(2**28, 0, 0, (0,) * 16), Entry(1, 0, 0, (0,) * 15 + (-(2**28),))):
        with pytest.raises(SheetError, match="don't list it"):
            limit_entry(deep.terms, wide_entry, index)


def list_chain(chain: ChainSnapshot, underlying: int, catalogue: Catalogue) -> list[Instrument]:
    return catalogue.add_missing(q.terms for q in chain.quotes if q.terms.underlying == underlying)


@needs_chains
@pytest.mark.rule("06-R06")
@pytest.mark.parametrize("number", [0, -1])
@pytest.mark.parametrize("underlying", [0, 1])
def test_a_real_chain_becomes_a_sheet(number: int, underlying: int) -> None:
    chain = read_chain(find_snapshots(CHAINS)[number][1])
    surface = fit_surface(chain, underlying).surface
    forwards = {e: round(f * 100) for (u, e), f in chain.forward_usdc.items() if u == underlying}
    index = round(chain.index_usdc[underlying] * 100)
    p = quantise(surface, underlying, index, index, forwards)
    catalogue = Catalogue()
    instruments = list_chain(chain, underlying, catalogue)
    sheet = check_against_reference(instruments, p)
    check_limits(sheet, p)
    assert all(each.gamma < compute_gamma_limit(each.mark_ticks, index) for each in sheet.values()), (
        "none is held"
    )
    gaps = []
    for quote in chain.quotes:
        if quote.terms.underlying == underlying:
            instrument = catalogue.get(quote.terms)
            assert instrument is not None
            gaps.append(abs(sheet[instrument.number].mark_ticks / 100 - quote.mark_usdc))
    # marks within a tenth of a per cent of the index of the venue's own, in the mean within a hundredth
    spread = np.array(gaps) / chain.index_usdc[underlying]
    assert spread.max() < 5e-3
    assert spread.mean() < 3e-4


@pytest.mark.rule("04-R08", "05-R04")
@pytest.mark.parametrize("underlying", [0, 1])
def test_the_fill_band_lies_below_the_maintenance_of_a_short_lot(underlying: int) -> None:
    """A self-trade at the band's edge must not take more than what liquidation keeps of a short."""
    catalogue = Catalogue()
    p = make_parameters(underlying)
    make_instruments(catalogue, underlying)
    for tenths in (1, 5, 15, 20):
        for kind in (InstrumentType.CALL, InstrumentType.PUT):
            catalogue.add(Terms(underlying, FAR_S, p.index_ticks * tenths // 10 + 1, kind))
    deep = catalogue.add(Terms(underlying, FAR_S, p.index_ticks * 3, InstrumentType.PUT))
    sheet = compute_sheet(catalogue, p)
    covered = {}
    for each in catalogue:
        entry, index = sheet[each.number], p.index_ticks
        band = index * BAND_INDEX_PERMILLE // 1_000 + entry.mark_ticks * BAND_MARK_PERMILLE // 1_000
        floor = index * SHORT_FLOOR_PERMILLE // 1_000 if each.terms.is_option else 0
        requirement = max(max(entry.scenarios), 0) + floor
        covered[each.number] = requirement * MAINTENANCE_PERMILLE // 1_000 > band
    assert [number for number, held in covered.items() if not held] == [deep.number]
