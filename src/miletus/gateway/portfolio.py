"""Positions with their average prices and realised profit, as traders know them; the machine keeps only cash.

An average price is of what the gateway has seen: a position that was there before begins at its mark of then.
"""

from dataclasses import dataclass

from miletus.engine.state import State
from miletus.sequencer.query import iterate_positions


@dataclass(slots=True)
class Holding:
    """A position: lots (signed), cost of what is open (signed, micros), and what was realised (micros)."""

    size_lots: int = 0
    cost_micros: int = 0
    realised_micros: int = 0
    fees_micros: int = 0

    @property
    def average_ticks(self) -> float:
        """Average price of what is open, in ticks; 0 for none."""
        return self.cost_micros / self.size_lots if self.size_lots else 0.0

    def fill(self, lots: int, price_ticks: int) -> int:
        """Take in a fill of signed lots; what it realised, in micros."""
        before = self.size_lots
        realised = 0
        if before and (before > 0) != (lots > 0):
            closed = min(abs(before), abs(lots))
            share = self.cost_micros * closed // abs(before)
            realised = closed * price_ticks * (1 if before > 0 else -1) - share
            self.cost_micros -= share
            rest = abs(lots) - closed
            self.cost_micros += rest * price_ticks * (1 if lots > 0 else -1)
        else:
            self.cost_micros += lots * price_ticks
        self.size_lots = before + lots
        if not self.size_lots:
            self.cost_micros = 0
        self.realised_micros += realised
        return realised


class Portfolio:
    """The positions of one account, by instrument."""

    def __init__(self, account: int) -> None:
        self.account = account
        self.holdings: dict[int, Holding] = {}

    def load(self, state: State) -> None:
        """Hold what the state says; what is known already keeps its cost."""
        seen = set()
        for view in iterate_positions(state, self.account):
            seen.add(view.instrument)
            known = self.holdings.get(view.instrument)
            if known is None or known.size_lots != view.size_lots:
                self.holdings[view.instrument] = Holding(view.size_lots, view.value_micros)
        for instrument in set(self.holdings) - seen:
            self.holdings[instrument].size_lots = self.holdings[instrument].cost_micros = 0

    def fill(self, instrument: int, lots: int, price_ticks: int) -> int:
        """Take in a fill of signed lots; what it realised, in micros."""
        return self.holdings.setdefault(instrument, Holding()).fill(lots, price_ticks)

    def close(self, instrument: int, payoff_ticks: int) -> int:
        """The position was settled; what that realised, in micros."""
        holding = self.holdings.setdefault(instrument, Holding())
        return holding.fill(-holding.size_lots, payoff_ticks)
