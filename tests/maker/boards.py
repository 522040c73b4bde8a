"""Boards to think about: options of a known smile around an index."""

import numpy as np

from miletus.market.black76 import YEAR_S, compute_price
from miletus.market.board import Board, Line
from miletus.market.instruments import Instrument, get_grid
from miletus.market.names import InstrumentType, Terms
from miletus.market.sheet import Entry
from miletus.market.surface import compute_variance_s

TIME_S = 1_769_594_400
EXPIRY_S = 1_769_587_200 + 30 * 86_400
INDEX = 9_000_000
PERPETUAL = 0
STRIKES = tuple(range(7_000_000, 11_500_000, 500_000))


def smile(strike_ticks: int, index: int = INDEX) -> float:
    """The volatility that the oracle believes."""
    k = float(np.log(strike_ticks / index))
    return 0.5 - 0.1 * k + 0.4 * k * k


def make_line(
    number: int, terms: Terms, mark: int, delta: int = 0, time_s: int = TIME_S, index: int = INDEX
) -> Line:
    instrument = Instrument(number, terms, get_grid(terms))
    left_s = terms.expiry_s - time_s if terms.expiry_s else None
    return Line(instrument, Entry(mark, delta, 0, (0,) * 16), index, mark, left_s, 0.0)


def make_board(time_s: int = TIME_S, index: int = INDEX, expiry_s: int = EXPIRY_S) -> Board:
    """A perpetual (number 0), then a call and a put of each strike."""
    terms = Terms(0, 0, 0, InstrumentType.PERPETUAL)
    lines = {PERPETUAL: make_line(PERPETUAL, terms, index, 10_000, time_s, index)}
    years = compute_variance_s(expiry_s - time_s) / YEAR_S
    for strike in STRIKES:
        for kind in (InstrumentType.CALL, InstrumentType.PUT):
            number = len(lines)
            price = compute_price(index, strike, years, smile(strike, index), kind == InstrumentType.CALL)
            lines[number] = make_line(
                number, Terms(0, expiry_s, strike, kind), round(float(price)), time_s=time_s, index=index
            )
    return Board(time_s, {0: index}, lines)


def find(board: Board, strike: int, kind: InstrumentType) -> int:
    """Number of an option."""
    for number, line in board.lines.items():
        if (line.instrument.terms.strike_ticks, line.instrument.terms.type) == (strike, kind):
            return number
    raise KeyError(strike)
