"""Takers with a plausible flow: mostly orders that want to trade now, some that wait or are taken back.

Arrivals are a Poisson process. An arrival picks one of the accounts, an instrument (perpetuals and futures
now and then; of options those with a delta of about a third and a near expiry most often), a side that leans
the way the index went, and a size of a few lots with a long tail. Who holds a position often closes it.
"""

import math
import random
from dataclasses import dataclass
from typing import Final

from miletus.market.agent import Agent
from miletus.market.board import Board, Line
from miletus.market.names import InstrumentType
from miletus.market.requests import Amend, Cancel, Place, Request, Side, TimeInForce

NOW_SLOT: Final = 0
"""Slot of orders that never rest; those that may rest have the others."""

WAITING_SLOTS: Final = range(1, 33)

DAY_SECONDS: Final = 86_400


@dataclass(frozen=True, slots=True)
class TakerHabits:
    """How the takers trade."""

    accounts: int = 12
    arrivals_an_hour: float = 120.0
    most_at_once: int = 200
    """Arrivals of one call, at most: after a long pause nobody catches up."""
    most_positions: int = 60
    """Positions of an account beyond which it only closes; the machine has room for 128."""
    perpetual_share: float = 0.25
    future_share: float = 0.10
    close_share: float = 0.45
    largest_sizes: int = 40


class Takers(Agent):
    """A crowd, deterministic from its seed and from what it was told."""

    def __init__(self, name: str, seed: int, habits: TakerHabits = TakerHabits()) -> None:
        super().__init__(name, habits.accounts)
        self.habits = habits
        self._random = random.Random(f"miletus takers {seed}")
        self._last_s: int | None = None
        self._last_index: dict[int, int] = {}
        self._trend: dict[int, float] = {}

    def act(self, board: Board) -> list[Request]:
        """The arrivals since the last call; none at the first."""
        passed_s = 0 if self._last_s is None else max(0, board.time_s - self._last_s)
        self._last_s = board.time_s
        self._follow(board)
        requests: list[Request] = []
        used: set[tuple[int, int]] = set()
        for _ in range(self._draw_arrivals(passed_s)):
            account = self._random.randrange(self.accounts)
            request = self._arrive(board, account, used)
            if request is not None:
                used.add((account, request.slot))
                requests.append(request)
        return requests

    def _draw_arrivals(self, passed_s: int) -> int:
        """A Poisson number, by the exponential times between arrivals."""
        expected = self.habits.arrivals_an_hour * passed_s / 3600
        count, left = -1, expected
        while left >= 0 and count < self.habits.most_at_once:
            left -= self._random.expovariate(1.0)
            count += 1
        return count if expected else 0

    def _follow(self, board: Board) -> None:
        """Remember which way each index goes: -1 to 1, one half of it old."""
        for underlying, index_ticks in board.index_ticks.items():
            last = self._last_index.get(underlying, index_ticks)
            move = math.tanh((index_ticks / last - 1) * 200)
            self._trend[underlying] = self._trend.get(underlying, 0.0) / 2 + move / 2
            self._last_index[underlying] = index_ticks

    def _arrive(self, board: Board, account: int, used: set[tuple[int, int]]) -> Request | None:
        """One arrival; None if there is nothing to trade."""
        kind = self._random.random()
        waiting = sorted(
            key for key in self.orders if key[0] == account and key not in used and key[1] != NOW_SLOT
        )
        if waiting and kind < 0.14:
            return self._revise(board, waiting[self._random.randrange(len(waiting))], cancel=kind < 0.06)
        line, side, reduce_only = self._choose(board, account)
        if line is None:
            return None
        lots = self._draw_size(line)
        free = [s for s in WAITING_SLOTS if (account, s) not in self.orders and (account, s) not in used]
        if kind > 0.80 and free and not reduce_only:
            return self._wait(line, account, free[0], side, lots)
        return self._cross(line, account, side, lots, reduce_only)

    def _choose(self, board: Board, account: int) -> tuple[Line | None, Side, bool]:
        """Instrument and side; reduce-only if it closes a position."""
        held = sorted(number for number in self.positions[account] if number in board.lines)
        full = len(self.positions[account]) >= self.habits.most_positions
        if held and (full or self._random.random() < self.habits.close_share):
            number = held[self._random.randrange(len(held))]
            side = Side.SELL if self.positions[account][number] > 0 else Side.BUY
            return board.lines[number], side, True
        if full or not board.lines:
            return None, Side.BUY, False
        lines = list(board.lines.values())
        line = self._random.choices(lines, [self._weigh(each, lines) for each in lines])[0]
        leaning = 0.2 * self._trend[line.instrument.terms.underlying]
        rises = self._random.random() < 0.5 + leaning
        return line, Side.BUY if rises == (line.entry.delta >= 0) else Side.SELL, False

    def _weigh(self, line: Line, lines: list[Line]) -> float:
        """How often an instrument is chosen, against the others."""
        kind = line.instrument.terms.type
        if kind == InstrumentType.PERPETUAL:
            return self.habits.perpetual_share * len(lines) / 2
        near = 1 / (1 + (line.left_s or 0) / DAY_SECONDS / 14)
        if kind == InstrumentType.FUTURE:
            return self.habits.future_share * len(lines) / 10 * near
        return max(0.03, 1 - 2 * abs(abs(line.delta) - 0.33)) * near * 2

    def _draw_size(self, line: Line) -> int:
        sizes = round(self._random.lognormvariate(0.7, 0.9))
        grid = line.instrument.grid
        size = grid.min_size if line.instrument.terms.is_option else 10 * grid.min_size
        return size * max(1, min(self.habits.largest_sizes, sizes))

    def _cross(self, line: Line, account: int, side: Side, lots: int, reduce_only: bool) -> Place:
        """An order that trades now or not at all, at a price well inside the machine's band."""
        kind = self._random.random()
        far = line.mark_ticks + side.sign * line.band_ticks * 3 // 4
        return Place(
            account,
            NOW_SLOT,
            line.instrument.number,
            side,
            _to_grid(far, line, side),
            lots,
            TimeInForce.FOK if kind < 0.05 else TimeInForce.IOC,
            market=kind > 0.90,
            reduce_only=reduce_only,
        )

    def _wait(self, line: Line, account: int, slot: int, side: Side, lots: int) -> Place:
        """An order that rests near the mark for half an hour to three hours."""
        away = self._random.uniform(0.0, 0.25) * line.band_ticks
        price = _to_grid(round(line.mark_ticks - side.sign * away), line, side)
        good_for_s = self._random.randrange(1_800, 10_800)
        post_only = self._random.random() < 0.5
        return Place(
            account,
            slot,
            line.instrument.number,
            side,
            price,
            lots,
            post_only=post_only,
            good_for_s=good_for_s,
        )

    def _revise(self, board: Board, key: tuple[int, int], *, cancel: bool) -> Request:
        """Take an order back, or bring it to a mark that has moved."""
        account, slot = key
        order = self.orders[key]
        line = board.lines.get(order.instrument)
        if cancel or line is None:
            return Cancel(account, slot)
        away = self._random.uniform(0.0, 0.15) * line.band_ticks
        price = _to_grid(round(line.mark_ticks - order.side.sign * away), line, order.side)
        return Amend(account, slot, order.generation, price, order.filled_lots + order.left_lots)


def _to_grid(ticks: int, line: Line, side: Side) -> int:
    """The multiple of the tick step next to a price, to the harm of who asks; a step at least."""
    step = line.instrument.grid.tick_step
    whole = -(-ticks // step) if side == Side.BUY else ticks // step
    return max(1, whole) * step
