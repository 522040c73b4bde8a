"""Fixed-point routines against 60-digit decimals, with the errors that they state."""

import random
from collections.abc import Iterator
from decimal import Context, Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from miletus.market import fixed

SCALE = Decimal(fixed.ONE)
STATED = Decimal(2) ** -58
PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459230781640628621")


@pytest.fixture(autouse=True, scope="module")
def digits() -> Iterator[None]:
    """90 digits, in a context of our own: the contracts' tools guard the shared one."""
    with localcontext(Context(prec=90)):
        yield


def value(x: int) -> Decimal:
    return Decimal(x) / SCALE


def compute_cdf(x: Decimal) -> Decimal:
    """The normal distribution by a route that the routine does not take: the alternating series of erf."""
    total, term, n = Decimal(0), x, 0
    while abs(term) > Decimal(10) ** -60:
        total += term / (2 * n + 1)
        n += 1
        term = -term * x * x / (2 * n)
    return Decimal("0.5") + total / (2 * PI).sqrt()


def test_constants() -> None:
    assert abs(value(fixed.LN2) - Decimal(2).ln()) < 1 / SCALE
    assert abs(value(fixed.PI) - PI) < 1 / SCALE


@given(st.integers(1, 2**100))
def test_log(x: int) -> None:
    assert abs(value(fixed.log(x)) - value(x).ln()) < STATED


@given(st.integers(0, 100 * fixed.ONE))
def test_exp_negative(x: int) -> None:
    assert abs(value(fixed.exp_negative(x)) - (-value(x)).exp()) < STATED


def test_exp_of_what_is_far_is_nothing() -> None:
    assert fixed.exp_negative(0) == fixed.ONE
    assert fixed.exp_negative(10**30) == 0


@given(st.integers(0, 2**120))
def test_sqrt_is_floored(x: int) -> None:
    root = fixed.sqrt(x)
    assert root * root <= x << fixed.BITS < (root + 1) * (root + 1)


def test_normal_cdf_keeps_its_stated_error() -> None:
    pick = random.Random(1)
    step = fixed.ONE >> fixed.NODE_BITS
    points = [pick.randrange(-8 * fixed.ONE, 8 * fixed.ONE) for _ in range(1_500)]
    for node in range(-(fixed.NODES - 1), fixed.NODES):
        # the middle between two nodes is where the series is worst and where the nodes change
        points += [node * step, node * step + step // 2 - 1, node * step + step // 2]
    assert max(abs(value(fixed.normal_cdf(x)) - compute_cdf(value(x))) for x in points) < STATED


def test_normal_cdf_agrees_with_scipy_and_never_falls() -> None:
    x = np.linspace(-9, 9, 4_001)
    ours = [fixed.normal_cdf(int(np.floor(each * 2**20)) << (fixed.BITS - 20)) for each in x]
    theirs = special.ndtr(np.floor(x * 2**20) / 2**20)
    assert max(abs(a / fixed.ONE - b) for a, b in zip(ours, theirs, strict=True)) < 1e-15
    assert ours == sorted(ours)


def test_normal_cdf_at_its_ends() -> None:
    assert fixed.normal_cdf(0) == fixed.ONE // 2
    assert fixed.normal_cdf(8 * fixed.ONE) == fixed.ONE
    assert fixed.normal_cdf(-8 * fixed.ONE) == 0
    assert fixed.normal_cdf(10**40) == fixed.ONE
    assert fixed.normal_cdf(-(10**40)) == 0
    assert 0 <= fixed.normal_cdf(-8 * fixed.ONE + 1) < 2**12


@given(st.integers(-9 * fixed.ONE, 9 * fixed.ONE))
def test_normal_cdf_is_symmetric(x: int) -> None:
    assert fixed.normal_cdf(x) + fixed.normal_cdf(-x) == fixed.ONE


@given(st.integers(-9 * fixed.ONE, 9 * fixed.ONE))
def test_normal_density(x: int) -> None:
    exact = (-(value(x) ** 2) / 2).exp() / (2 * PI).sqrt()
    assert abs(value(fixed.normal_density(x)) - exact) < STATED


@given(st.integers(fixed.ONE >> 40, fixed.ONE), st.integers(0, 4 * fixed.ONE))
def test_power(base: int, exponent: int) -> None:
    assert float(value(fixed.power(base, exponent))) == pytest.approx(
        float(value(base)) ** float(value(exponent)), abs=1e-14
    )
