"""What the page's mathematics must give, from the code that the exchange itself runs.

    python -m tests.page.analysis_cases     # writes web/tests/data/analysis.json anew

Options are described as the gateway describes them to the page: prices in USDC, volatility in per cent with
two decimals, the forward from the future's mark. So the comparison covers what that rounding costs too.
"""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import special

from miletus.engine.margin import compute_floor
from miletus.engine.numbers import mul_div_up
from miletus.engine.params import MAINTENANCE_PERMILLE
from miletus.market.black76 import YEAR_S, compute_greeks, compute_implied_volatility, compute_price
from miletus.market.fixed import ONE
from miletus.market.instruments import Catalogue, Instrument
from miletus.market.names import InstrumentType
from miletus.market.parameters import SheetParameters
from miletus.market.sheet import SCENARIO_MOVES, Entry, compute_sheet, compute_shock
from tests.house.repository import ROOT
from tests.market.example import make_instruments, make_parameters

PATH = ROOT / "web" / "tests" / "data" / "analysis.json"

LOTS_PER_COIN = 10_000
PORTFOLIOS = 24


def make_cases() -> dict[str, Any]:
    """All cases, the same each time."""
    random = np.random.default_rng(76)
    return {
        "year_s": YEAR_S,
        "scenarios": [
            {"percent": percent, "rises": rises, "divisor": divisor}
            for percent, rises, divisor in SCENARIO_MOVES
        ],
        "shocks": [
            {"left_s": left_s, "shock": compute_shock(left_s) / ONE}
            for left_s in (60, 86_400, 100_000, 604_800, 2_592_000, 31_536_000)
        ],
        "normal": [
            {"x": float(x), "cdf": float(special.ndtr(x))}
            for x in [*np.linspace(-12, 12, 97), *random.normal(0, 2, 30)]
        ],
        "prices": make_prices(random),
        "markets": [make_market(random, underlying) for underlying in (0, 1)],
    }


def make_prices(random: np.random.Generator) -> list[dict[str, Any]]:
    """Prices and greeks by Black-76, from near and far options."""
    cases = []
    for _ in range(80):
        forward = float(np.exp(random.uniform(2, 12)))
        strike = forward * float(np.exp(random.normal(0, 0.4)))
        years = float(np.exp(random.uniform(-9, 1)))
        volatility = float(random.uniform(0.05, 2))
        call = bool(random.integers(2))
        greeks = compute_greeks(forward, strike, years, volatility, call)
        cases.append(
            {"forward": forward, "strike": strike, "years": years, "volatility": volatility, "is_call": call}
            | {"price": float(compute_price(forward, strike, years, volatility, call))}
            | {name: float(getattr(greeks, name)) for name in ("delta", "gamma", "vega", "theta")}
        )
    return cases


def make_market(random: np.random.Generator, underlying: int) -> dict[str, Any]:
    """Instruments of an underlying with their scenarios by the sheet, and margins of portfolios of them."""
    parameters = make_parameters(underlying)
    instruments = make_instruments(Catalogue(), underlying, count=5)
    sheet = compute_sheet(instruments, parameters)
    return {
        "index": parameters.index_ticks / 100,
        "now_ms": parameters.time_s * 1000,
        "quotes": [describe_quote(each, sheet, instruments, parameters) for each in instruments],
        "portfolios": [make_portfolio(random, instruments, sheet, parameters) for _ in range(PORTFOLIOS)],
    }


def describe_quote(
    instrument: Instrument,
    sheet: dict[int, Entry],
    instruments: Sequence[Instrument],
    parameters: SheetParameters,
) -> dict[str, Any]:
    """An instrument as the gateway's ticker has it, and its scenarios in ticks."""
    terms, entry = instrument.terms, sheet[instrument.number]
    kind = {InstrumentType.CALL: "call", InstrumentType.PUT: "put"}.get(terms.type, "linear")
    forward, volatility = entry.mark_ticks, 0.0
    if terms.is_option:
        (future,) = [
            each
            for each in instruments
            if each.terms.type is InstrumentType.FUTURE and each.terms.expiry_s == terms.expiry_s
        ]
        forward = sheet[future.number].mark_ticks
        years = (terms.expiry_s - parameters.time_s) / YEAR_S
        implied = compute_implied_volatility(
            entry.mark_ticks, forward, terms.strike_ticks, years, kind == "call"
        )
        volatility = round(float(np.nan_to_num(implied)) * 100, 2)
    return {
        "name": terms.name,
        "kind": kind,
        "strike": terms.strike_ticks / 100,
        "expiry_ms": terms.expiry_s * 1000 or None,
        "mark": entry.mark_ticks / 100,
        "forward": forward / 100,
        "mark_iv": volatility,
        "delta": entry.delta,
        "scenarios": list(entry.scenarios),
    }


def make_portfolio(
    random: np.random.Generator,
    instruments: Sequence[Instrument],
    sheet: dict[int, Entry],
    parameters: SheetParameters,
) -> dict[str, Any]:
    """Lots of some instruments, and what the machine asks for them by its whole numbers (05-R03, 05-R04)."""
    chosen = random.choice(len(instruments), size=int(random.integers(1, 7)), replace=False)
    legs = [(instruments[int(place)], int(random.integers(-50, 51)) * 100) for place in chosen]
    sums = [sum(lots * sheet[each.number].scenarios[n] for each, lots in legs) for n in range(16)]
    short = sum(-lots for each, lots in legs if lots < 0 and each.terms.is_option)
    floor = int(compute_floor(short, parameters.index_ticks))
    initial = max(0, -min(sums)) + floor
    return {
        "legs": [{"name": each.terms.name, "size": lots / LOTS_PER_COIN} for each, lots in legs],
        "sums": [value / 1e6 for value in sums],
        "short": short / LOTS_PER_COIN,
        "floor": floor / 1e6,
        "initial": initial / 1e6,
        "maintenance": int(mul_div_up(initial, int(MAINTENANCE_PERMILLE), 1000)) / 1e6,
    }


def encode_cases() -> str:
    """The file's text."""
    return json.dumps(make_cases(), separators=(",", ":")).replace('{"', '\n{"') + "\n"


if __name__ == "__main__":
    PATH.write_text(encode_cases())
