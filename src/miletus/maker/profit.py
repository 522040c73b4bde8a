"""Profit and loss since the start, and by greek what it came from.

Between two looks the value of what was held changes: by delta, gamma, vega and theta as they stood at the
first look, and by the rest, which is what greeks do not tell (higher orders, a surface that changed its
shape). What was traded since earns its edge: fair value less price; fees go off. All sums are in USDC, and
they add up to the change of cash plus positions at fair value.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields

from miletus.maker.risk import MICROS
from miletus.maker.theory import Value
from miletus.market.board import Board

DAY_S = 86_400


@dataclass(slots=True)
class Profit:
    """Where the profit came from, in USDC."""

    delta: float = 0.0
    gamma: float = 0.0
    vega: float = 0.0
    theta: float = 0.0
    edge: float = 0.0
    fees: float = 0.0
    residual: float = 0.0

    @property
    def total(self) -> float:
        """All of it."""
        return math.fsum(getattr(self, each.name) for each in fields(self))


@dataclass(frozen=True, slots=True)
class Look:
    """Values, indices and time at a moment."""

    time_s: float
    values: Mapping[int, Value]
    index_ticks: Mapping[int, int]
    underlyings: Mapping[int, int]
    """Of each instrument."""

    @classmethod
    def at(cls, board: Board, values: Mapping[int, Value]) -> "Look":
        """The look of a board."""
        return cls(
            board.time_s,
            dict(values),
            dict(board.index_ticks),
            {number: line.instrument.terms.underlying for number, line in board.lines.items()},
        )


class Ledger:
    """Keeps the profit of one account. `positions` are those at its start."""

    def __init__(self, positions: Mapping[int, int]) -> None:
        self.profit = Profit()
        self.positions = dict(positions)
        self._last: Look | None = None
        self._last_value: dict[int, float] = {}
        self._waiting: list[tuple[int, int, int]] = []

    def note_fill(self, instrument: int, lots: int, price_ticks: int, fee_micros: int) -> None:
        """Lots were bought (negative: sold); what they are worth is seen at the next look."""
        self._waiting.append((instrument, lots, price_ticks))
        self.profit.fees -= fee_micros / MICROS

    def note_settled(self, instrument: int, payoff_ticks: int) -> None:
        """An instrument is worth its payoff for good: what that changes no greek tells."""
        for _, lots, price in self._take_waiting(instrument):
            self.profit.edge += lots * (payoff_ticks - price) / MICROS
        lots = self.positions.pop(instrument, 0)
        last = self._last_value.pop(instrument, None)
        if lots and last is not None:
            self.profit.residual += lots * (payoff_ticks - last) / MICROS

    def look(self, now: Look) -> Profit:
        """Take what changed since the last look."""
        for number, lots in self.positions.items():
            self._attribute(number, lots, now)
        for number, lots, price in self._take_waiting():
            value = now.values.get(number)
            fair = value.price_ticks if value is not None else self._last_value.get(number, float(price))
            self.profit.edge += lots * (fair - price) / MICROS
            self._last_value[number] = fair
            self.positions[number] = self.positions.get(number, 0) + lots
            if not self.positions[number]:
                del self.positions[number]
        self._last = now
        return self.profit

    def _attribute(self, number: int, lots: int, now: Look) -> None:
        after = now.values.get(number)
        if after is None:
            return
        before = self._last.values.get(number) if self._last is not None else None
        last = self._last_value.get(number)
        self._last_value[number] = after.price_ticks
        if last is None:
            return
        change = lots * (after.price_ticks - last) / MICROS
        if before is None or self._last is None:
            self.profit.residual += change
            return
        underlying = now.underlyings[number]
        move = now.index_ticks[underlying] - self._last.index_ticks.get(underlying, 0)
        points = (after.volatility - before.volatility) * 100
        days = (now.time_s - self._last.time_s) / DAY_S
        parts = (
            lots * before.delta * move / MICROS,
            lots * before.gamma * move * move / 2 / MICROS,
            lots * before.vega * points / MICROS,
            lots * before.theta * days / MICROS,
        )
        profit = self.profit
        profit.delta += parts[0]
        profit.gamma += parts[1]
        profit.vega += parts[2]
        profit.theta += parts[3]
        profit.residual += change - sum(parts)

    def _take_waiting(self, instrument: int | None = None) -> list[tuple[int, int, int]]:
        taken = [each for each in self._waiting if instrument is None or each[0] == instrument]
        self._waiting = [each for each in self._waiting if instrument is not None and each[0] != instrument]
        return taken
