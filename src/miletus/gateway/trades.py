"""Trades as they happen: the last ones of an instrument, one-minute candles, the last day in figures."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

LAST_TRADES: Final = 10_000
"""Trades of an instrument that are remembered."""

CANDLE_MINUTES: Final = 30 * 24 * 60
"""One-minute candles of an instrument that are remembered: thirty days."""

DAY_MS: Final = 86_400_000
MINUTE_MS: Final = 60_000

PLACES: Final = 1_000
"""Trades of one word are numbered below this; a word handles 64 heads (spec 04)."""


@dataclass(slots=True, eq=False)
class Trade:
    """A fill. Prices in ticks, size in lots, fee (the taker's) in micros; `taker_side` 1 sold.

    `maker` and `taker` are account x 256 + slot, with the generations of their orders.
    """

    number: int
    place: int
    seq: int
    time_ms: int
    instrument: int
    price_ticks: int
    size_lots: int
    taker_side: int
    mark_ticks: int
    index_ticks: int
    tick_direction: int
    fee_micros: int
    maker: int
    taker: int

    @property
    def id(self) -> str:
        """Its name: the number of its word and its place in it."""
        return f"USDC-{self.number * PLACES + self.place}"

    @property
    def audit_name(self) -> str:
        """What `miletus audit` takes."""
        return f"{self.number}.{self.place}"


@dataclass(slots=True)
class Candle:
    """Prices and sizes of a span of time; cost in micros."""

    open_ticks: int
    high_ticks: int
    low_ticks: int
    close_ticks: int
    volume_lots: int
    cost_micros: int

    def add(self, other: "Candle") -> None:
        """Append a later candle."""
        self.high_ticks = max(self.high_ticks, other.high_ticks)
        self.low_ticks = min(self.low_ticks, other.low_ticks)
        self.close_ticks = other.close_ticks
        self.volume_lots += other.volume_lots
        self.cost_micros += other.cost_micros


@dataclass(slots=True)
class DayStatistics:
    """What the last 24 hours saw of an instrument; None where nothing traded."""

    high_ticks: int | None = None
    low_ticks: int | None = None
    first_ticks: int | None = None
    volume_lots: int = 0
    cost_micros: int = 0


class Tape:
    """The trades of one instrument."""

    def __init__(self) -> None:
        self.trades: deque[Trade] = deque(maxlen=LAST_TRADES)
        self.candles: dict[int, Candle] = {}
        self.last_ticks: int | None = None
        self.last_direction = 0
        self.count = 0

    def compute_direction(self, price_ticks: int) -> int:
        """Direction of the next trade: 0 plus, 1 zero-plus, 2 minus, 3 zero-minus."""
        if self.last_ticks is None or price_ticks > self.last_ticks:
            return 0
        if price_ticks < self.last_ticks:
            return 2
        return 1 if self.last_direction in (0, 1) else 3

    def add(self, trade: Trade) -> None:
        """Append a trade."""
        self.trades.append(trade)
        self.count += 1
        self.last_ticks, self.last_direction = trade.price_ticks, trade.tick_direction
        minute = trade.time_ms // MINUTE_MS
        price, lots = trade.price_ticks, trade.size_lots
        fresh = Candle(price, price, price, price, lots, price * lots)
        candle = self.candles.get(minute)
        if candle is not None:
            candle.add(fresh)
            return
        self.candles[minute] = fresh
        while len(self.candles) > CANDLE_MINUTES:
            del self.candles[next(iter(self.candles))]

    def compute_day(self, now_ms: int) -> DayStatistics:
        """Statistics of the 24 hours before `now_ms`, to the minute."""
        day, since = DayStatistics(), (now_ms - DAY_MS) // MINUTE_MS
        for minute, candle in reversed(self.candles.items()):
            if minute < since:
                break
            day.high_ticks = max(candle.high_ticks, day.high_ticks or 0)
            day.low_ticks = min(candle.low_ticks, day.low_ticks or candle.low_ticks)
            day.first_ticks = candle.open_ticks
            day.volume_lots += candle.volume_lots
            day.cost_micros += candle.cost_micros
        return day

    def collect_candles(self, start_ms: int, end_ms: int, minutes: int) -> Iterator[tuple[int, Candle]]:
        """Candles of so many minutes between two times, by their start, where nothing traded too.

        An empty one has the close before it; what lies before the first trade that is known is left out.
        """
        span = minutes * MINUTE_MS
        merged = merge_candles(self.candles.items(), minutes)
        last: int | None = None
        for at, candle in merged.items():
            if at >= start_ms // span * span:
                break
            last = candle.close_ticks
        for at in range(start_ms // span * span, end_ms + 1, span):
            known = merged.get(at)
            if known is not None:
                last = known.close_ticks
                yield at, known
            elif last is not None:
                yield at, Candle(last, last, last, last, 0, 0)


def merge_candles(minutes: Iterable[tuple[int, Candle]], span: int) -> dict[int, Candle]:
    """Candles of `span` minutes by their start in milliseconds, from those of one."""
    merged: dict[int, Candle] = {}
    for minute, candle in minutes:
        at = minute // span * span * MINUTE_MS
        known = merged.get(at)
        if known is None:
            c = candle
            merged[at] = Candle(
                c.open_ticks, c.high_ticks, c.low_ticks, c.close_ticks, c.volume_lots, c.cost_micros
            )
        else:
            known.add(candle)
    return merged
