"""Black-76 against published tables, itself, and inputs that have no price."""

import csv
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from miletus.market.black76 import compute_greeks, compute_implied_volatility, compute_price
from tests.market.recorded import VECTORS, needs_vectors

HAUG = "haug_bsm_{}_from_quantlib.csv"


def get_forward(row: dict[str, str]) -> tuple[float, float]:
    """Forward and discount of a spot with a dividend yield."""
    rate, dividend, years = (float(row[name]) for name in ("rate_r", "div_q", "t_years"))
    return float(row["spot"]) * np.exp((rate - dividend) * years), np.exp(-rate * years)


@needs_vectors
def test_haug_values() -> None:
    with (VECTORS / HAUG.format("values")).open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 43
    for row in rows:
        forward, discount = get_forward(row)
        years, volatility, strike = (float(row[name]) for name in ("t_years", "vol", "strike"))
        price = compute_price(forward, strike, years, volatility, row["type"] == "Call", discount)
        assert abs(price - float(row["value"])) <= float(row["tol"]), row


@needs_vectors
def test_haug_greeks() -> None:
    with (VECTORS / HAUG.format("greeks")).open() as file:
        rows = list(csv.DictReader(file))
    seen = set()
    for row in rows:
        forward, discount = get_forward(row)
        spot, rate, dividend = (float(row[name]) for name in ("spot", "rate_r", "div_q"))
        years, volatility, strike = (float(row[name]) for name in ("t_years", "vol", "strike"))
        call = row["type"] == "Call"
        price = compute_price(forward, strike, years, volatility, call, discount)
        greeks = compute_greeks(forward, strike, years, volatility, call, discount, rate)
        growth = forward / spot
        theta = greeks.theta - (rate - dividend) * forward * greeks.delta
        values = {
            "delta": greeks.delta * growth,
            "gamma": greeks.gamma * growth**2,
            "vega": greeks.vega,
            "theta": theta,
            "theta_per_day": theta / 365,
            "elasticity": greeks.delta * growth * spot / price,
        }
        if row["greek"] in values:
            assert abs(values[row["greek"]] - float(row["expected"])) < 6e-5, row
            seen.add(row["greek"])
    assert seen == set(values)


@needs_vectors
def test_py_vollib_table() -> None:
    table = json.loads((VECTORS / "py_vollib_test_data.json").read_text())
    columns = np.array(table["data"], float).T
    data = dict(zip(table["columns"], columns, strict=True))
    spot, strike, rate, years, volatility = (data[name] for name in ("S", "K", "R", "t", "v"))
    growth, discount = np.exp(rate * years), np.exp(-rate * years)
    forward = spot * growth
    for call, price, delta, gamma, theta, vega in (
        (True, "bs_call", "CD", "CG", "CT", "CV"),
        (False, "bs_put", "PD", "PG", "PT", "PV"),
    ):
        value = compute_price(forward, strike, years, volatility, call, discount)
        assert np.allclose(value, data[price], rtol=2e-9, atol=1e-8)
        greeks = compute_greeks(forward, strike, years, volatility, call, discount, rate)
        assert np.allclose(greeks.delta * growth, data[delta], rtol=1e-7, atol=1e-9)
        assert np.allclose(greeks.gamma * growth**2, data[gamma], rtol=1e-6, atol=1e-9)
        assert np.allclose(greeks.vega, data[vega], rtol=1e-7, atol=1e-7)
        spot_theta = greeks.theta - rate * forward * greeks.delta
        assert np.allclose(spot_theta, data[theta], rtol=1e-7, atol=1e-6)
    assert np.allclose(compute_price(forward, strike, years, volatility, True, discount), data["call_vals"])


deviations = st.floats(1e-3, 4.0)
moneyness = st.floats(-6.0, 6.0)


@given(moneyness, deviations, st.booleans())
def test_implied_volatility_finds_the_volatility_back(x: float, deviation: float, call: bool) -> None:
    forward, strike = 1_000.0, 1_000.0 * np.exp(x)
    price = compute_price(forward, strike, 1.0, deviation, call)
    intrinsic = max(forward - strike, 0.0) if call else max(strike - forward, 0.0)
    # what the price itself can tell: one unit in its last place, as a change of volatility
    vega = compute_greeks(forward, strike, 1.0, deviation, call).vega
    if price - intrinsic > 1e-280 and vega > 0:
        told = 4 * np.spacing(price) / vega
        if told < 1e-3 * deviation:
            found = compute_implied_volatility(price, forward, strike, 1.0, call)
            assert abs(found - deviation) <= told + 1e-11 * deviation


@given(moneyness, deviations)
def test_put_call_parity(x: float, deviation: float) -> None:
    forward, strike = 1_000.0, 1_000.0 * np.exp(x)
    call = compute_price(forward, strike, 1.0, deviation, True)
    put = compute_price(forward, strike, 1.0, deviation, False)
    assert call - put == pytest.approx(forward - strike, abs=1e-9 * max(forward, strike))
    assert max(forward - strike, 0) <= call <= forward
    assert max(strike - forward, 0) <= put <= strike


@given(st.floats(-1.5, 1.5), st.floats(0.05, 2.0), st.booleans())
def test_greeks_are_the_derivatives_of_the_price(x: float, volatility: float, call: bool) -> None:
    forward, strike, years, h = 1_000.0, 1_000.0 * np.exp(x), 0.5, 1e-3
    greeks = compute_greeks(forward, strike, years, volatility, call)

    def price(f: float = forward, t: float = years, v: float = volatility) -> float:
        return float(compute_price(f, strike, t, v, call))

    step = forward * h
    delta = (price(forward + step) - price(forward - step)) / (2 * step)
    gamma = (price(forward + step) - 2 * price() + price(forward - step)) / step**2
    vega = (price(v=volatility + h) - price(v=volatility - h)) / (2 * h)
    theta = -(price(t=years + h) - price(t=years - h)) / (2 * h)
    assert greeks.delta == pytest.approx(delta, abs=2e-4)
    assert greeks.gamma == pytest.approx(gamma, rel=5e-3, abs=1e-6)
    assert greeks.vega == pytest.approx(vega, rel=2e-3, abs=2e-2)
    assert greeks.theta == pytest.approx(theta, rel=2e-3, abs=2e-2)


def test_a_far_strike_keeps_its_relative_accuracy() -> None:
    # F N(d1) - K N(d2) for F = 1, K = e^4, deviation 0.3, by a continued fraction with 90 digits
    price = float(compute_price(1.0, np.exp(4.0), 1.0, 0.3, True))
    assert price == pytest.approx(1.2043881051935283e-41, rel=1e-11)
    assert compute_implied_volatility(price, 1.0, np.exp(4.0), 1.0, True) == pytest.approx(0.3, rel=1e-10)


def test_at_expiry_an_option_is_worth_its_intrinsic_value() -> None:
    forwards = np.array([90.0, 100.0, 110.0])
    assert compute_price(forwards, 100.0, 0.0, 0.5, True).tolist() == [0.0, 0.0, 10.0]
    assert compute_price(forwards, 100.0, 1.0, 0.0, False).tolist() == [10.0, 0.0, 0.0]
    greeks = compute_greeks(forwards, 100.0, 0.0, 0.5, True)
    assert greeks.delta.tolist() == [0.0, 0.5, 1.0]
    assert greeks.gamma.tolist() == [0.0, 0.0, 0.0]


def test_prices_that_no_volatility_explains_are_nan() -> None:
    prices = np.array([-1.0, 9.99, 10.0, 100.0, np.nan, np.inf, 11.0])
    found = compute_implied_volatility(prices, 100.0, 90.0, 1.0, True)
    assert np.isnan(found[[0, 1, 3, 4, 5]]).all()
    assert found[2] == 0.0
    assert found[6] > 0.0
    puts = compute_implied_volatility([90.0, 89.0], 100.0, 90.0, 1.0, False)
    assert np.isnan(puts[0])
    assert puts[1] > 0.0
    assert np.isnan(compute_implied_volatility(11.0, 100.0, 90.0, [0.0, -1.0, np.nan], True)).all()


@pytest.mark.parametrize(
    "inputs",
    [(0.0, 1.0, 1.0, 0.5), (1.0, -1.0, 1.0, 0.5), (1.0, 1.0, -1.0, 0.5), (1.0, 1.0, 1.0, -0.5)]
    + [tuple(np.nan if i == j else 1.0 for j in range(4)) for i in range(4)],
)
def test_inputs_without_a_price_give_nan_and_no_error(inputs: tuple[float, float, float, float]) -> None:
    assert np.isnan(compute_price(*inputs, True))
    greeks = compute_greeks(*inputs, False)
    assert all(np.isnan(each) for each in (greeks.delta, greeks.gamma, greeks.vega, greeks.theta))
