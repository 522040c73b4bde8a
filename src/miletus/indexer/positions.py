"""Positions with what they cost, and what was made by closing them."""

from typing import NamedTuple


class Position(NamedTuple):
    """Lots held (negative: short), what they cost (of a short: less than nothing), what closing has made."""

    size_lots: int = 0
    cost_micros: int = 0
    profit_micros: int = 0

    def traded(self, lots: int, price_ticks: int) -> "Position":
        """The position after a trade of `lots`, positive for a buy.

        What is closed takes its share of the cost with it, rounded down; fees are not in it.
        """
        size, cost, profit = self
        if size == 0 or (size > 0) == (lots > 0):
            return Position(size + lots, cost + lots * price_ticks, profit)
        closed = min(abs(lots), abs(size))
        closing = closed if lots > 0 else -closed
        released = cost * closed // abs(size)
        profit += -closing * price_ticks - released
        opened = lots - closing
        return Position(size + lots, cost - released + opened * price_ticks, profit)

    def settled(self, payoff_ticks: int) -> "Position":
        """The position after it was paid out."""
        return self.traded(-self.size_lots, payoff_ticks) if self.size_lots else self


FLAT = Position()
