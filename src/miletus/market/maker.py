"""A market maker who quotes a whole chain around the surface.

- Spread: a share of volatility (so an option's half spread goes with its vega), a share of the index for what
  its delta costs to hedge, and half a step of the grid; not wider than half the machine's band.
- Skew: the middle goes down as the maker's delta in the underlying is long, by the option's delta; and down
  as its vega is long, by the option's vega. At the limit it is a whole half spread away.
- Size: less on the side that would make a position larger, nothing beyond the limit.
- Slots: an instrument has a pair of slots in one account, a bid and an ask, from the first free pair on; a
  pair is free again when its instrument is gone.
- A quote is sent anew only if it has moved by more than a third of the half spread, or has less than half of
  its size left. What expires within half an hour is not quoted.
"""

import heapq
import random
from dataclasses import dataclass
from typing import Final

from miletus.engine.params import MAX_POSITIONS
from miletus.market.agent import SLOT_COUNT, Agent, Order
from miletus.market.board import Board, Line
from miletus.market.requests import Cancel, Place, Request, Side
from miletus.market.timeline import HOUR_S

PAIRS: Final = min(SLOT_COUNT // 2, int(MAX_POSITIONS))
"""Instruments that one account can quote: it may come to hold a position in each."""

LAST_QUOTE_S: Final = 1_800
"""Seconds before expiry at which a maker takes the quotes of an instrument out."""

WIDEST_SHARE: Final = 0.4
"""Half spread of a cheap option, at most, as a share of its mark."""


@dataclass(frozen=True, slots=True)
class MakerHabits:
    """How a maker quotes. By underlying where there are two."""

    accounts: int = 4
    volatility_permille: int = 20
    """Half spread as a share of the volatility itself: 20 is 0.9 points at 45 %."""
    index_ppm: int = 150
    """Half spread per unit of delta, of the index."""
    opinion_permille: int = 4
    """How far the maker's own volatility may be from the surface, changing every hour."""
    option_lots: tuple[int, int] = (2_000, 20_000)
    future_lots: tuple[int, int] = (3_000, 60_000)
    largest_position: int = 10
    """Sizes of a quote that a position in one instrument may reach."""
    delta_limit_lots: tuple[int, int] = (40_000, 800_000)
    """Net delta of all positions in an underlying at which the skew is largest."""
    vega_limit_sizes: int = 60
    """The same for vega, in quotes of an option at the money for a month."""


@dataclass(frozen=True, slots=True)
class Quote:
    """What a maker wants to have resting; None for no order on that side."""

    bid_ticks: int | None
    ask_ticks: int | None
    bid_lots: int
    ask_lots: int
    half_ticks: float


@dataclass
class Inventory:
    """Net risk in one underlying: lots of delta, and vega in ticks x lots."""

    delta_lots: float = 0.0
    vega: float = 0.0


class Maker(Agent):
    """Quotes every instrument of the board that there is a pair of slots for, deterministic from its seed."""

    def __init__(self, name: str, seed: int, habits: MakerHabits = MakerHabits()) -> None:
        super().__init__(name, habits.accounts)
        self.habits = habits
        self.unquoted = 0
        """Instruments of the last board that there was no pair of slots for."""
        self._seed = seed
        self._pairs: dict[int, tuple[int, int]] = {}
        self._free = [(account, pair) for account in range(habits.accounts) for pair in range(PAIRS)]
        self._opinions: dict[tuple[int, int], float] = {}

    def act(self, board: Board) -> list[Request]:
        """Cancel, replace and place what has moved."""
        self._assign_pairs(board)
        inventories = self._take_stock(board)
        requests: list[Request] = []
        for number, (account, pair) in self._pairs.items():
            line = board.lines[number]
            quote = self.compute_quote(line, inventories[line.instrument.terms.underlying], board.time_s)
            requests += self._adjust(line, account, pair, quote)
        return requests

    def compute_quote(self, line: Line, inventory: Inventory, time_s: int) -> Quote:
        """Bid, ask and sizes for one instrument."""
        habits, underlying = self.habits, line.instrument.terms.underlying
        grid, vega = line.instrument.grid, line.vega_ticks
        base = (habits.option_lots if line.instrument.terms.is_option else habits.future_lots)[underlying]
        spread_vega = vega * habits.volatility_permille / 1000
        spread_delta = abs(line.delta) * line.index_ticks * habits.index_ppm / 1e6
        half = spread_vega + spread_delta + grid.tick_step / 2
        half = min(half, line.band_ticks / 2, max(grid.tick_step, line.mark_ticks * WIDEST_SHARE))
        usual_vega = 0.11 * line.index_ticks * habits.option_lots[underlying] * habits.vega_limit_sizes
        leaning = _clamp(inventory.delta_lots / habits.delta_limit_lots[underlying])
        middle = line.mark_ticks + vega * self._get_opinion(underlying, time_s)
        middle -= leaning * spread_delta * (1 if line.delta >= 0 else -1)
        middle -= _clamp(inventory.vega / usual_vega) * spread_vega
        position = self.get_position(line.instrument.number)
        bid = int((middle - half) // grid.tick_step) * grid.tick_step
        ask = max(int(-((-middle - half) // grid.tick_step)) * grid.tick_step, bid + grid.tick_step)
        bid_lots, ask_lots = (self._get_size(line, base, position * side.sign) for side in Side)
        return Quote(
            bid if bid >= grid.tick_step and bid_lots else None,
            ask if ask >= grid.tick_step and ask_lots else None,
            bid_lots,
            ask_lots,
            half,
        )

    def _get_size(self, line: Line, base: int, toward: int) -> int:
        """Size of a side; `toward` is the position, positive if a fill of this side would make it larger."""
        grid = line.instrument.grid
        largest = base * self.habits.largest_position
        wanted = base if toward <= 0 else base * (largest - toward) // largest
        wanted = wanted // grid.lot_step * grid.lot_step
        return wanted if wanted >= grid.min_size else 0

    def _get_opinion(self, underlying: int, time_s: int) -> float:
        """How much higher than the surface the maker believes volatility to be, as a share of it."""
        key = (underlying, time_s // HOUR_S)
        if key not in self._opinions:
            draw = random.Random(f"miletus maker {self._seed} {key}")
            self._opinions[key] = draw.uniform(-1, 1) * self.habits.opinion_permille / 1000
        return self._opinions[key]

    def _assign_pairs(self, board: Board) -> None:
        """Free the pairs of what is gone, give pairs to what is new, from the first free one on."""
        for number in [number for number in self._pairs if number not in board.lines]:
            heapq.heappush(self._free, self._pairs.pop(number))
        self.unquoted = 0
        for number, line in board.lines.items():
            if number not in self._pairs and not _is_ending(line):
                if self._free:
                    self._pairs[number] = heapq.heappop(self._free)
                else:
                    self.unquoted += 1

    def _take_stock(self, board: Board) -> dict[int, Inventory]:
        """Net delta and vega of each underlying, over all accounts."""
        inventories = {underlying: Inventory() for underlying in board.index_ticks}
        for position in self.positions:
            for number, lots in position.items():
                line = board.lines.get(number)
                if line is not None:
                    inventory = inventories[line.instrument.terms.underlying]
                    inventory.delta_lots += lots * line.delta
                    inventory.vega += lots * line.vega_ticks
        return inventories

    def _adjust(self, line: Line, account: int, pair: int, quote: Quote) -> list[Request]:
        """Requests that bring the two orders of an instrument to the quote."""
        sides = (
            (Side.BUY, quote.bid_ticks, quote.bid_lots),
            (Side.SELL, quote.ask_ticks, quote.ask_lots),
        )
        requests: list[Request] = []
        for side, ticks, lots in sides:
            slot = 2 * pair + side
            order = self.orders.get((account, slot))
            if ticks is None or _is_ending(line):
                if order is not None:
                    requests.append(Cancel(account, slot))
            elif order is None or _is_stale(order, line, ticks, lots, quote.half_ticks):
                number = line.instrument.number
                requests.append(Place(account, slot, number, side, ticks, lots, post_only=True, replace=True))
        held = self.orders.get((account, 2 * pair))
        rising = held is not None and quote.bid_ticks is not None and quote.bid_ticks > held.price_ticks
        # the side that gives way goes first, so that the maker's own orders never meet
        return requests[::-1] if rising else requests


def _is_ending(line: Line) -> bool:
    """Whether an instrument is too near to its expiry to be quoted."""
    return line.left_s is not None and line.left_s <= LAST_QUOTE_S


def _is_stale(order: Order, line: Line, ticks: int, lots: int, half_ticks: float) -> bool:
    """Whether an order is too far from what is wanted, or an older instrument's that had the slot."""
    moved = abs(order.price_ticks - ticks) > half_ticks / 3
    return moved or 2 * order.left_lots < lots or order.instrument != line.instrument.number


def _clamp(value: float) -> float:
    return max(-1.0, min(1.0, value))
