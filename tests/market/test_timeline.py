"""Generated and recorded markets as functions of time and seed."""

import datetime as dt
import gzip
import math
import random
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from miletus.market.chains import find_snapshots, read_chain
from miletus.market.errors import ChainError, MarketError
from miletus.market.generated import GeneratedMarket
from miletus.market.names import InstrumentType
from miletus.market.replay import ReplayMarket, make_bridge
from miletus.market.surface import find_arbitrage
from miletus.market.timeline import (
    Choice,
    Market,
    MinutePath,
    Selection,
    get_month,
    is_monthly,
    is_quarterly,
    next_expiry,
    select_terms,
)
from tests.market.recorded import CHAINS, needs_chains

START_S = 1_769_594_400


def to_date(time_s: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(time_s, dt.UTC)


@given(st.integers(0, 4_102_444_800))
def test_the_calendar_is_the_civil_one(time_s: int) -> None:
    date = to_date(time_s)
    assert get_month(time_s) == date.year * 12 + date.month - 1
    expiry_s = next_expiry(time_s)
    assert 0 < expiry_s - time_s <= 86_400
    assert to_date(expiry_s).time() == dt.time(8)
    following = to_date(expiry_s) + dt.timedelta(days=7)
    last_friday = to_date(expiry_s).weekday() == 4 and following.month != to_date(expiry_s).month
    assert is_monthly(expiry_s) == last_friday
    assert is_quarterly(expiry_s) == (last_friday and to_date(expiry_s).month in (3, 6, 9, 12))


def test_a_path_is_linear_between_its_minutes() -> None:
    nodes = {0: 600, 1: 1_200, 2: 599}
    path = MinutePath(0, 120, nodes.__getitem__)
    values = [path.get(second) for second in range(121)]
    assert values[:3] == [600, 610, 620]
    assert values[60:63] == [1_200, 1_189, 1_179]
    assert values[120] == 599
    for from_s, to_s in ((0, 120), (0, 0), (7, 113), (60, 120), (59, 61), (119, 120)):
        assert path.get_sum(from_s, to_s) == sum(values[from_s:to_s])
    for outside in (-1, 121):
        with pytest.raises(MarketError, match="outside"):
            path.get(outside)
    with pytest.raises(MarketError, match="outside"):
        path.get_sum(100, 200)


def test_a_selection_takes_the_nearest_expiries_and_strikes() -> None:
    day, first = 86_400, next_expiry(START_S)
    quarterly = 1_774_598_400
    choices = {
        first: Choice(1_000, tuple(range(700, 1_400, 50))),
        first + day: Choice(1_000, (900, 1_100)),
        first + 2 * day: Choice(1_000, (1_000,)),
        quarterly: Choice(1_100, (1_000, 1_100, 1_200)),
    }
    terms = select_terms(1, START_S, choices, Selection(2, 1, 3))
    assert terms[0].type == InstrumentType.PERPETUAL
    strikes = {
        expiry_s: [t.strike_ticks for t in terms if t.expiry_s == expiry_s and t.type == InstrumentType.PUT]
        for expiry_s in choices
    }
    assert strikes == {
        first: [950, 1_000, 1_050],
        first + day: [900, 1_100],
        first + 2 * day: [],
        quarterly: [1_000, 1_100, 1_200],
    }
    assert sum(t.type == InstrumentType.FUTURE for t in terms) == 3
    assert all(t.underlying == 1 for t in terms)
    deep = {first: Choice(1_000, (100, 1_800, 1_801, 5_000))}
    assert {t.strike_ticks for t in select_terms(1, START_S, deep, Selection())} == {0, 100, 1_800}
    late = select_terms(1, first - 7_199, choices, Selection(1, 0, 1))
    assert {t.expiry_s for t in late} == {0, first + day}


def check_market(market: Market, steps: int) -> None:
    """What holds of every market at every time."""
    times = [market.start_s + (market.end_s - market.start_s) * n // steps for n in range(steps + 1)]
    for time_s in times:
        for underlying in market.underlyings:
            state = market.get_state(underlying, time_s)
            assert state.index_ticks == market.get_index(underlying, time_s)
            assert find_arbitrage(state.surface) == []
            assert all(expiry_s > time_s for expiry_s in state.forward_ticks)
            assert set(state.surface.slices) == set(state.forward_ticks)
            for ticks in (*state.forward_ticks.values(), state.perpetual_ticks):
                assert abs(ticks / state.index_ticks - 1) < 0.1
        terms = market.get_terms(time_s)
        assert len(terms) == len(set(terms))
        for underlying in market.underlyings:
            forwards = market.get_state(underlying, time_s).forward_ticks
            assert {t.expiry_s for t in terms if t.underlying == underlying} - {0} <= set(forwards)


def test_a_generated_market_is_whole() -> None:
    market = GeneratedMarket(seed=5, days=3)
    check_market(market, 24)
    assert 280 <= len(market.get_terms(market.start_s)) <= 320
    for outside in (market.start_s - 1, market.end_s + 1):
        with pytest.raises(MarketError, match="outside"):
            market.get_state(0, outside)


def test_a_generated_market_is_a_function_of_seed_and_time() -> None:
    one, two, other = GeneratedMarket(7), GeneratedMarket(7), GeneratedMarket(8)
    times = [one.start_s + 3_607 * n for n in range(100)]
    forwards = [(one.get_state(0, t), one.get_terms(t)) for t in times]
    backwards = [(two.get_state(0, t), two.get_terms(t)) for t in reversed(times)]
    assert forwards == backwards[::-1]
    assert one.get_index(1, times[-1]) != other.get_index(1, times[-1])


def test_a_generated_market_moves_as_volatile_as_it_says() -> None:
    moves = []
    for seed in range(6):
        market = GeneratedMarket(seed, days=20)
        path = [market.get_index(0, market.start_s + 3_600 * hour) for hour in range(20 * 24)]
        moves += list(np.diff(np.log(path)))
    realised = float(np.std(moves)) * math.sqrt(365 * 24)
    assert 0.3 < realised < 0.8


def test_a_market_that_can_not_be_generated_is_refused() -> None:
    for arguments in ({"days": 0}, {"days": 10_000}, {"start_s": 0}):
        with pytest.raises(MarketError, match="give 1 to 366 days"):
            GeneratedMarket(1, **arguments)


def test_a_market_may_have_one_coin_alone() -> None:
    market = GeneratedMarket(1, underlyings=(1,))
    assert {t.underlying for t in market.get_terms(market.start_s)} == {1}
    assert market.get_index(1, market.end_s) == GeneratedMarket(1).get_index(1, market.end_s)
    for wrong in ((), (2,), (0, 0)):
        with pytest.raises(MarketError, match="choose from 0, 1, each once"):
            GeneratedMarket(1, underlyings=wrong)


def test_a_bridge_begins_and_ends_where_it_must() -> None:
    ends = []
    for seed in range(400):
        values = make_bridge(1.0, 1.2, 60, 5.0, random.Random(seed))
        assert (values[0], values[-1], len(values)) == (1.0, 1.2, 61)
        ends.append(values[30])
    # half way its mean is the middle, its variance t (T - t) / T
    deviation = 5.0 * math.sqrt(60 / 31_536_000) * math.sqrt(15)
    assert abs(np.mean(ends) - 1.1) < 4 * deviation / 20
    assert np.std(ends) == pytest.approx(deviation, rel=0.15)


@needs_chains
def test_a_replay_is_whole_and_meets_the_snapshots() -> None:
    end_s = find_snapshots(CHAINS)[5][0]
    market = ReplayMarket(CHAINS, seed=3, end_s=end_s)
    assert market.refused == ()
    check_market(market, 12)
    for time_s, path in find_snapshots(CHAINS)[:6]:
        snapshot = read_chain(path)
        at = time_s // 60 * 60
        for underlying in (0, 1):
            state = market.get_state(underlying, at)
            assert state.index_ticks == round(snapshot.index_usdc[underlying] * 100)
            for (u, expiry_s), forward in snapshot.forward_usdc.items():
                if u == underlying:
                    assert abs(state.forward_ticks[expiry_s] - forward * 100) <= 1
        listed = {t for t in market.get_terms(at) if t.is_option}
        assert listed <= {quote.terms for quote in snapshot.quotes}
        assert 250 <= len(market.get_terms(at)) <= 302


@needs_chains
def test_a_replay_is_a_function_of_seed_and_time() -> None:
    found = find_snapshots(CHAINS)
    one, two, other = (ReplayMarket(CHAINS, seed, end_s=found[2][0]) for seed in (1, 1, 2))
    times = [one.start_s + 607 * n for n in range(40)]
    forwards = [one.get_state(1, t) for t in times]
    assert forwards == [two.get_state(1, t) for t in reversed(times)][::-1]
    assert forwards[5].index_ticks != other.get_state(1, times[5]).index_ticks


@needs_chains
def test_the_volatility_of_a_replay_is_the_recorded_one() -> None:
    found = find_snapshots(CHAINS)
    market = ReplayMarket(CHAINS, end_s=found[3][0])
    path = [market.get_index(0, t) for t in range(market.start_s, market.end_s, 60)]
    realised = float(np.std(np.diff(np.log(path)))) * math.sqrt(365 * 24 * 60)
    assert 0.3 < realised < 0.55  # at the money it was 40 % then


@needs_chains
def test_a_replay_of_bad_files_says_which(tmp_path: Path) -> None:
    found = find_snapshots(CHAINS)
    with pytest.raises(ChainError, match="needs two at least"):
        ReplayMarket(CHAINS, end_s=found[0][0])
    with pytest.raises(ChainError, match="no such folder"):
        ReplayMarket(tmp_path / "absent")
    with pytest.raises(MarketError, match="choose from 0, 1"):
        ReplayMarket(CHAINS, underlyings=(2,))
    assert ReplayMarket(CHAINS, underlyings=(1,)).underlyings == (1,)
    for _, path in found[:2]:
        shutil.copyfile(path, tmp_path / path.name)
    damaged = tmp_path / found[1][1].name
    damaged.write_bytes(damaged.read_bytes()[:20_000])
    market = ReplayMarket(tmp_path)
    with pytest.raises(ChainError, match=rf"{found[1][1].name}.*damaged or cut off"):
        market.get_index(0, market.start_s)


@needs_chains
def test_a_snapshot_without_a_coin_is_refused(tmp_path: Path) -> None:
    found = find_snapshots(CHAINS)
    shutil.copyfile(found[0][1], tmp_path / found[0][1].name)
    with gzip.open(found[1][1], "rt") as file:
        lines = [line for line in file if ",ETH-" not in line]
    (tmp_path / found[1][1].stem).write_text("".join(lines))
    market = ReplayMarket(tmp_path)
    with pytest.raises(ChainError, match="no usable row of ETH"):
        market.get_index(1, market.start_s + 60)
