"""What margin other positions would need: the machine's formulas on sums that are made here (spec 05)."""

from dataclasses import dataclass

from miletus.engine import layout, params
from miletus.engine.margin import compute_floor
from miletus.engine.numbers import mul_div_up
from miletus.engine.state import State
from miletus.gateway.numbers import LOTS_PER_COIN
from miletus.market.names import UNDERLYINGS
from miletus.sequencer.query import iterate_positions

SCENARIOS = int(params.SCENARIOS)
MAINTENANCE_PERMILLE = 800
"""Share of initial margin; spec 05-R04."""


@dataclass(frozen=True)
class Simulated:
    """Margin of a set of positions; `scenarios` has the value change in each of an underlying's scenarios."""

    equity_micros: int
    initial_micros: int
    maintenance_micros: int
    delta_coins: float
    scenarios: dict[str, list[int]]


def simulate(state: State, account: int, changes: dict[int, int], *, alone: bool = False) -> Simulated:
    """Margin of an account after changes (instrument: signed lots at the mark), or of the changes alone.

    Equity stays what it is, since what is added is paid for at its mark.
    """
    exists = account < state.capacity
    lots: dict[int, int] = {}
    value = 0
    if exists:
        for view in iterate_positions(state, account):
            value += view.value_micros
            if not alone:
                lots[view.instrument] = view.size_lots
    for instrument, change in changes.items():
        lots[instrument] = lots.get(instrument, 0) + change
    cash = int(state.cells[state.header(account) + layout.CASH]) if exists else 0
    initial, delta_coins, told = 0, 0.0, {}
    for underlying in range(int(state.cells[layout.UNDERLYINGS])):
        required, delta, scenarios = _require(state, underlying, lots)
        initial += required
        delta_coins += delta
        told[f"{UNDERLYINGS[underlying].lower()}_usdc"] = scenarios
    return Simulated(
        cash + value, initial, int(mul_div_up(initial, MAINTENANCE_PERMILLE, 1000)), delta_coins, told
    )


def _require(state: State, underlying: int, lots: dict[int, int]) -> tuple[int, float, list[int]]:
    """Requirement in micros, delta in coins and scenario sums of positions in one underlying (05-R03)."""
    cells, page = state.cells, state.underlying(underlying)
    sums, short, delta = [0] * SCENARIOS, 0, 0
    for instrument, size in lots.items():
        at = state.instrument(instrument)
        if cells[at + layout.INSTRUMENT_UNDERLYING] != underlying or cells[at + layout.INSTRUMENT_STATE] != 1:
            continue
        entry = state.entry(at, page)
        for place in range(SCENARIOS):
            sums[place] += size * int(cells[entry + place])
        delta += size * int(cells[entry + layout.ENTRY_DELTA])
        if size < 0 and cells[at + layout.INSTRUMENT_TYPE] <= 1:
            short -= size
    floor = int(compute_floor(short, cells[page + layout.SHEET_REFERENCE])) if short else 0
    return max(0, -min(sums)) + floor, delta / 10_000 / LOTS_PER_COIN, sums
