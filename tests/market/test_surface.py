"""Surfaces: arbitrage is found where it is, and fits offer none."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miletus.market.black76 import YEAR_S, compute_price
from miletus.market.chains import ChainSnapshot, OptionQuote, find_snapshots, read_chain
from miletus.market.errors import SurfaceError
from miletus.market.instruments import build_chain
from miletus.market.surface import (
    Slice,
    Surface,
    compute_variance_s,
    find_arbitrage,
    find_butterfly_arbitrage,
    find_calendar_arbitrage,
    make_ssvi_slice,
    require_no_arbitrage,
)
from miletus.market.svi_fit import Smile, fit_slice, fit_surface, measure_quality
from tests.market.recorded import CHAINS, needs_chains

NOW_S = 1_769_572_847
EXPIRY_S = 1_774_598_400
DENSE = np.linspace(-1.9, 1.9, 4_001)

VOGT = Slice(a=-0.0410, b=0.1331, rho=0.3060, m=0.3586, sigma=0.4153)
"""A. Vogt's slice, for which Gatheral and Jacquier show a negative density (their section 3.2)."""

GOOD = make_ssvi_slice(0.04, -0.3, 1.0)


def compute_calls(part: Slice, k: np.ndarray) -> np.ndarray:
    """Call prices on a forward of 1, by the formula that knows nothing of g."""
    return compute_price(1.0, np.exp(k), 1.0, part.compute_volatility(k, 1.0), True)


def is_convex(part: Slice, low: float = -1.9, high: float = 1.9) -> bool:
    """Whether no butterfly of a dense chain costs less than nothing, and no call spread either."""
    strikes = np.linspace(math.exp(low), math.exp(high), 2_000)
    slope = np.diff(compute_calls(part, np.log(strikes))) / np.diff(strikes)
    return bool(np.all(np.diff(slope) > -1e-10) and slope.min() > -1 - 1e-9 and slope.max() < 1e-9)


def test_a_published_slice_with_negative_density_is_flagged() -> None:
    (found,) = find_butterfly_arbitrage(VOGT)
    assert "density is negative" in found
    assert not is_convex(VOGT)
    assert float(VOGT.compute_density_factor(np.array([0.9]))[0]) < 0
    with pytest.raises(SurfaceError, match="fit it again"):
        require_no_arbitrage(Surface(NOW_S, {EXPIRY_S: VOGT}))


@pytest.mark.parametrize(
    ("part", "told"),
    [
        (Slice(0.01, 1.5, -0.5, 0.0, 0.1), "wing rises"),
        (Slice(-0.5, 0.2, 0.0, 0.0, 0.1), "variance falls to"),
        (Slice(0.04, -0.1, 0.0, 0.0, 0.1), "out of range"),
        (Slice(0.04, 0.1, 1.0, 0.0, 0.1), "out of range"),
        (Slice(0.04, 0.1, 0.0, 0.0, 0.0), "out of range"),
        (Slice(math.nan, 0.1, 0.0, 0.0, 0.1), "not a finite number"),
        (Slice(0.04, math.inf, 0.0, 0.0, 0.1), "not a finite number"),
    ],
)
def test_slices_that_are_no_smile_are_flagged(part: Slice, told: str) -> None:
    assert told in find_butterfly_arbitrage(part)[0]


def test_variance_that_falls_with_time_is_flagged() -> None:
    late = GOOD.scaled(0.9)
    assert "falls by" in find_calendar_arbitrage(GOOD, late)[0]
    assert find_calendar_arbitrage(late, GOOD) == []
    assert len(find_arbitrage(Surface(NOW_S, {EXPIRY_S: GOOD, EXPIRY_S + 86_400: late}))) == 1


def test_calendar_is_held_where_the_earlier_expiry_has_strikes() -> None:
    steep = make_ssvi_slice(0.039, 0.0, 1.9)
    assert find_calendar_arbitrage(steep, GOOD) != []
    narrow = Slice(steep.a, steep.b, steep.rho, steep.m, steep.sigma, -0.01, 0.01)
    assert find_calendar_arbitrage(narrow, GOOD) == []


ssvi = st.tuples(st.floats(1e-4, 2.0), st.floats(-0.9, 0.9), st.floats(0.05, 1.0))


@given(ssvi, st.floats(0.01, 1.0))
def test_decay_keeps_a_slice_free_of_arbitrage(parameters: tuple[float, float, float], factor: float) -> None:
    variance, rho, share = parameters
    part = make_ssvi_slice(variance, rho, share * 2 / (1 + abs(rho)))
    assert find_butterfly_arbitrage(part) == []
    assert find_butterfly_arbitrage(part.scaled(factor)) == []
    assert is_convex(part.scaled(factor), -1.0, 1.0)


@given(st.lists(st.floats(0.1, 3.0), min_size=2, max_size=6), st.floats(0.0, 1.0), st.floats(-0.8, 0.8))
def test_decay_keeps_a_surface_free_of_arbitrage(steps: list[float], share: float, rho: float) -> None:
    slices: dict[int, Slice] = {}
    variance = 0.0
    for day, step in enumerate(steps):
        variance += step * 0.25 / 365
        slices[EXPIRY_S + 86_400 * day] = make_ssvi_slice(variance, rho, 1.0)
    surface = Surface(EXPIRY_S - 86_400, slices)
    assert find_arbitrage(surface) == []
    later = surface.decayed(surface.time_s + int(share * 86_400 * len(steps)))
    assert find_arbitrage(later) == []
    assert set(later.slices) == {expiry_s for expiry_s in slices if expiry_s > later.time_s}


def test_variance_of_the_settlement_average_has_no_jump() -> None:
    seconds = np.arange(1, 7_200)
    variance = np.array([compute_variance_s(float(each)) for each in seconds])
    assert np.all(np.diff(variance) > 0)
    assert np.max(np.diff(variance)) <= 1.0 + 1e-9
    assert compute_variance_s(1_800) == pytest.approx(600)


def test_ssvi_parameters_that_allow_arbitrage_are_refused() -> None:
    for variance, rho, eta in ((0.0, 0.0, 1.0), (0.04, 1.0, 1.0), (0.04, 0.5, 1.5), (0.04, 0.0, 0.0)):
        with pytest.raises(SurfaceError, match="take variance"):
            make_ssvi_slice(variance, rho, eta)


def make_quotes(part: Slice, k: np.ndarray, years: float) -> Smile:
    volatility = part.compute_volatility(k, years)
    deviation = volatility * math.sqrt(years)
    return Smile(k, volatility, np.exp(-((deviation / 2 - k / deviation) ** 2) / 2), years)


def test_a_fit_finds_the_slice_that_made_the_quotes() -> None:
    true = Slice(0.01, 0.12, -0.35, 0.02, 0.15)
    smile = make_quotes(true, np.linspace(-0.8, 0.7, 31), 0.2)
    part = fit_slice(smile)
    assert measure_quality(EXPIRY_S, smile, part).worst < 1e-6
    assert find_butterfly_arbitrage(part) == []


def test_a_fit_of_quotes_with_arbitrage_offers_none() -> None:
    smile = make_quotes(VOGT, np.linspace(-1.5, 1.5, 61), 1.0)
    part = fit_slice(smile)
    assert find_butterfly_arbitrage(part) == []
    assert is_convex(part)
    assert 1e-4 < measure_quality(EXPIRY_S, smile, part).rmse < 0.02


def test_a_fit_stays_below_the_expiry_after_it() -> None:
    smile = make_quotes(GOOD.scaled(1.3), np.linspace(-0.3, 0.3, 21), 0.1)
    part = fit_slice(smile, GOOD)
    assert find_calendar_arbitrage(part, GOOD) == []
    assert find_calendar_arbitrage(fit_slice(smile), GOOD) != []


@settings(max_examples=15, deadline=None)
@given(st.lists(st.floats(0.05, 3.0), min_size=5, max_size=12), st.booleans())
def test_no_quotes_however_odd_give_arbitrage(volatilities: list[float], bounded: bool) -> None:
    volatility = np.array(volatilities)
    k = np.linspace(-0.4, 0.4, len(volatility))
    smile = Smile(k, volatility, np.exp(-(k**2)), 0.1)
    after = make_ssvi_slice(0.02, -0.2, 1.2) if bounded else None
    try:
        part = fit_slice(smile, after)
    except SurfaceError:
        assert not bounded  # under a later slice there always is one
    else:
        assert find_butterfly_arbitrage(part) == []
        assert after is None or find_calendar_arbitrage(part, after) == []


def make_chain(quotes: list[OptionQuote]) -> ChainSnapshot:
    forwards = {(0, quote.terms.expiry_s): quote.forward_usdc for quote in quotes}
    return ChainSnapshot(NOW_S * 1000, {0: 1_000.0}, {0: 1_000.0}, forwards, tuple(quotes), ())


def test_an_expiry_with_few_strikes_is_left_out_and_told() -> None:
    near = build_chain(0, EXPIRY_S, range(80_000, 120_000, 2_000), False)
    far = build_chain(0, EXPIRY_S + 86_400 * 7, (90_000, 100_000, 110_000), False)
    quotes = [OptionQuote(terms, 1_000.0, 1.0, None, None, 0.5) for terms in near + far]
    fitted = fit_surface(make_chain(quotes), 0)
    assert list(fitted.surface.slices) == [EXPIRY_S]
    assert fitted.left_out == (f"expiry {EXPIRY_S + 86_400 * 7}: 3 strikes, fewer than 5",)
    assert fitted.quality[0].rmse < 2e-3
    with pytest.raises(SurfaceError, match="give a whole chain"):
        fit_surface(make_chain(quotes), 1)


def check_snapshot(chain: ChainSnapshot) -> list[float]:
    """Fit both surfaces of a real snapshot, look at them on a denser grid; returns the RMSE of each slice."""
    errors = []
    for underlying in (0, 1):
        fitted = fit_surface(chain, underlying)
        assert fitted.left_out == ()
        assert find_arbitrage(fitted.surface, DENSE) == []
        for early, late in pairwise(fitted.surface.slices.values()):
            k = DENSE[(early.low <= DENSE) & (early.high >= DENSE)]
            assert np.all(compute_calls(late, k) >= compute_calls(early, k) - 1e-12)
        for expiry_s, part in fitted.surface.slices.items():
            assert is_convex(part, max(part.low, -1.9), min(part.high, 1.9))
            if expiry_s - chain.time_s > 2 * 86_400:
                quality = next(q for q in fitted.quality if q.expiry_s == expiry_s)
                errors.append(quality.rmse)
    return errors


@needs_chains
@pytest.mark.parametrize("number", [0, 20, -1])
def test_real_chains_are_fitted_without_arbitrage(number: int) -> None:
    found = find_snapshots(CHAINS)
    errors = check_snapshot(read_chain(found[number][1]))
    assert len(errors) >= 16
    assert np.median(errors) < 0.005
    assert max(errors) < 0.035


@needs_chains
@pytest.mark.long
def test_every_real_chain_is_fitted_without_arbitrage() -> None:
    errors = [error for _, path in find_snapshots(CHAINS) for error in check_snapshot(read_chain(path))]
    assert np.median(errors) < 0.004
    assert np.percentile(errors, 95) < 0.015


def test_years_are_those_of_the_implied_volatilities() -> None:
    assert YEAR_S == 31_536_000
