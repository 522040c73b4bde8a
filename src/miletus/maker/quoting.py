"""What a maker wants to have resting, and the requests that bring it there."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from miletus.maker.config import LimitsConfig, QuotesConfig, SkewConfig
from miletus.maker.risk import LOTS, Exposure, find_forbidden
from miletus.maker.theory import Value
from miletus.market.board import Board, Line
from miletus.market.names import UNDERLYINGS
from miletus.market.requests import Side


@dataclass(frozen=True, slots=True)
class Quote:
    """One instrument's quote: prices None where a side is not quoted."""

    instrument: int
    bid_ticks: int | None
    ask_ticks: int | None
    bid_lots: int
    ask_lots: int
    half_ticks: float
    fair_ticks: float


@dataclass(frozen=True, slots=True)
class Resting:
    """An order of the maker's that rests, with the second at which it ends by itself."""

    slot: int
    instrument: int
    side: Side
    price_ticks: int
    left_lots: int
    ends_s: float


@dataclass(frozen=True, slots=True)
class Place:
    """An order to be sent, in place of what is in its slot."""

    slot: int
    instrument: int
    side: Side
    price_ticks: int
    size_lots: int


@dataclass(frozen=True, slots=True)
class Withdraw:
    """An order to be cancelled."""

    slot: int


Wish = Place | Withdraw

SLOTS: Final = 256


def is_wanted(line: Line, value: Value, config: QuotesConfig) -> bool:
    """Whether an instrument is one that is to be quoted."""
    terms = line.instrument.terms
    if UNDERLYINGS[terms.underlying] not in config.coins:
        return False
    if line.left_s is not None and not config.least_minutes * 60 < line.left_s < config.most_days * 86_400:
        return False
    if not terms.is_option:
        return config.futures
    return config.options and config.least_delta <= abs(value.delta) <= config.most_delta


def compute_quote(
    line: Line,
    value: Value,
    exposure: Exposure,
    positions: Mapping[int, int],
    config: QuotesConfig,
    skew: SkewConfig,
    limits: LimitsConfig,
) -> Quote:
    """The quote of one instrument: fair value, half spread, skew, size, and no side beyond a limit."""
    terms, grid = line.instrument.terms, line.instrument.grid
    hedge = abs(value.delta) * line.index_ticks * config.hedge_share
    risk = value.vega * config.volatility_points if terms.is_option else 0.0
    half = risk + hedge + grid.tick_step / 2
    half = min(half, line.band_ticks / 2, max(grid.tick_step, value.price_ticks * config.widest_share))
    leaning = _clamp(exposure.delta / limits.delta) * skew.delta * (1 if value.delta >= 0 else -1)
    middle = value.price_ticks - leaning * min(hedge, half)
    if terms.is_option:
        middle -= _clamp(exposure.vega / limits.vega) * skew.vega * min(risk, half)
    step = grid.tick_step
    bid = math.floor((middle - half) / step) * step
    ask = max(math.ceil((middle + half) / step) * step, bid + step)
    wanted = (config.option_size if terms.is_option else config.future_size) * LOTS
    lots = max(int(wanted) // grid.lot_step * grid.lot_step, grid.min_size)
    forbidden = find_forbidden(line.instrument.number, positions, value, exposure, lots, limits)
    band = line.band_ticks
    bid = min(bid, line.mark_ticks + band)
    has_bid = bid >= step and bid >= line.mark_ticks - band and Side.BUY not in forbidden
    has_ask = ask <= line.mark_ticks + band and Side.SELL not in forbidden
    return Quote(
        line.instrument.number,
        bid if has_bid else None,
        ask if has_ask else None,
        lots,
        lots,
        half,
        value.price_ticks,
    )


def compute_quotes(
    board: Board,
    values: Mapping[int, Value],
    exposures: Mapping[int, Exposure],
    positions: Mapping[int, int],
    config: QuotesConfig,
    skew: SkewConfig,
    limits: LimitsConfig,
) -> dict[int, Quote]:
    """Quotes of everything that is wanted, by number."""
    quotes = {}
    for number, line in board.lines.items():
        value = values.get(number)
        if value is not None and is_wanted(line, value, config):
            exposure = exposures[line.instrument.terms.underlying]
            quotes[number] = compute_quote(line, value, exposure, positions, config, skew, limits)
    return quotes


class Slots:
    """A pair of slots for each instrument that is quoted: a bid and an ask."""

    def __init__(self) -> None:
        self._pairs: dict[int, int] = {}
        self._free = list(range(SLOTS // 2 - 1, -1, -1))
        self.unquoted = 0
        """Instruments that there was no pair for."""

    def assign(self, quotes: Mapping[int, Quote], resting: Mapping[int, Resting]) -> None:
        """Give pairs to what is quoted; one whose orders still rest is kept."""
        busy = {order.slot // 2 for order in resting.values()}
        for number in [number for number in self._pairs if number not in quotes]:
            if self._pairs[number] not in busy:
                self._free.append(self._pairs.pop(number))
        self.unquoted = 0
        for number in quotes:
            if number not in self._pairs:
                if self._free:
                    self._pairs[number] = self._free.pop()
                else:
                    self.unquoted += 1

    def get(self, number: int, side: Side) -> int | None:
        """The slot of an instrument's side, None if it has none."""
        pair = self._pairs.get(number)
        return None if pair is None else 2 * pair + side


def compute_wishes(
    quotes: Mapping[int, Quote],
    resting: Mapping[int, Resting],
    slots: Slots,
    now_s: float,
    config: QuotesConfig,
    good_for_s: float,
) -> list[Wish]:
    """What must be sent so that what rests is what is wanted; `resting` by slot.

    An order is sent anew when its price moved too far, it has less than half of its size left, or half of its
    life is over. What gives way goes first, so that own orders never meet.
    """
    slots.assign(quotes, resting)
    kept: set[int] = set()
    wishes: list[Wish] = []
    for number, quote in quotes.items():
        pair: list[Wish] = []
        rising = False
        sides = ((Side.BUY, quote.bid_ticks, quote.bid_lots), (Side.SELL, quote.ask_ticks, quote.ask_lots))
        for side, ticks, lots in sides:
            slot = slots.get(number, side)
            if slot is None or ticks is None:
                continue
            kept.add(slot)
            order = resting.get(slot)
            if order is None or _is_stale(order, number, side, ticks, lots, quote, now_s, config, good_for_s):
                pair.append(Place(slot, number, side, ticks, lots))
                rising = rising or (side is Side.BUY and order is not None and ticks > order.price_ticks)
        wishes += pair[::-1] if rising else pair
    gone: list[Wish] = [Withdraw(slot) for slot in sorted(resting) if slot not in kept]
    return gone + wishes


def _is_stale(
    order: Resting,
    number: int,
    side: Side,
    ticks: int,
    lots: int,
    quote: Quote,
    now_s: float,
    config: QuotesConfig,
    good_for_s: float,
) -> bool:
    if order.instrument != number or order.side is not side:
        return True
    moved = abs(order.price_ticks - ticks) > quote.half_ticks * config.requote_share
    return moved or 2 * order.left_lots < lots or order.ends_s - now_s < good_for_s / 2


def _clamp(value: float) -> float:
    return max(-1.0, min(1.0, value))
