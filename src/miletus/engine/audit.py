"""What must hold after every word, counted over the whole state (01-R06, 01-R07)."""

from mypy_extensions import i64

from miletus.engine import layout as L
from miletus.engine import params as P
from miletus.engine.layout import PAGE
from miletus.engine.state import State


def compute_money(s: State) -> int:
    """Cash and locked money of all accounts plus all clearing cash, in micros."""
    total: int = 0
    a: i64 = 0
    while a < s.capacity:
        h: i64 = s.header(a)
        total += int(s.cells[h + L.CASH]) + int(s.cells[h + L.LOCKED])
        a += 1
    i: i64 = 0
    while i < P.MAX_INSTRUMENTS:
        total += int(s.cells[s.instrument(i) + PAGE + L.CLEARING_CASH])
        i += 1
    return total


def is_conserved(s: State) -> bool:
    """Whether the money in the machine is what was deposited less what was withdrawn (01-R06)."""
    return compute_money(s) == int(s.cells[L.DEPOSITED]) - int(s.cells[L.WITHDRAWN])


def compute_positions(s: State, instrument: i64) -> int:
    """Sum of all positions of an instrument, its clearing position included, in lots (01-R07)."""
    total: int = int(s.cells[s.instrument(instrument) + PAGE + L.CLEARING_POSITION])
    a: i64 = 0
    while a < s.capacity:
        total += int(s.get_position_lots(a, instrument))
        a += 1
    return total


def find_unbalanced(s: State) -> int:
    """An instrument whose positions don't sum to zero, or -1."""
    i: i64 = 0
    while i < P.MAX_INSTRUMENTS:
        if s.cells[s.instrument(i)] != 0 and compute_positions(s, i) != 0:
            return int(i)
        i += 1
    return -1
