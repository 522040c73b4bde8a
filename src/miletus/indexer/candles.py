"""Candles of a minute, drawn from fills."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any, Final

MINUTE_MS: Final = 60_000


@dataclass(slots=True)
class Candle:
    """A row of `candles`, in the order of its columns."""

    instrument: int
    minute: int
    id: int
    open_ticks: int
    high_ticks: int
    low_ticks: int
    close_ticks: int
    volume_lots: int
    notional_micros: int
    fills: int

    def row(self) -> tuple[Any, ...]:
        """Its values in the order of the columns."""
        row: tuple[Any, ...] = _get_row(self)
        return row


_get_row: Final = attrgetter(*(field.name for field in fields(Candle)))


class Candles:
    """The candles of the minute that runs, and those that changed since they were written.

    `before` has the rows, as they were, of candles of earlier batches that this batch changed.
    """

    def __init__(self, running: Iterable[Candle]) -> None:
        self._running = {(candle.instrument, candle.minute): candle for candle in running}
        self._changed: dict[tuple[int, int], Candle] = {}
        self._noted: set[tuple[int, int]] = set()
        self._first_id = 0
        self.before: list[tuple[Any, ...]] = []

    def begin_batch(self, first_id: int) -> None:
        """Note changes anew: a batch begins, whose rows have this id or more."""
        self._first_id = first_id
        self._noted.clear()

    def draw(self, instrument: int, time_ms: int, price_ticks: int, lots: int, fill_id: int) -> None:
        """Take a fill."""
        key = (instrument, time_ms // MINUTE_MS)
        candle = self._running.get(key)
        if candle is None:
            candle = Candle(*key, fill_id, price_ticks, price_ticks, price_ticks, price_ticks, 0, 0, 0)
            self._running[key] = candle
        elif candle.id < self._first_id and key not in self._noted:
            self._noted.add(key)
            self.before.append(candle.row())
        candle.high_ticks = max(candle.high_ticks, price_ticks)
        candle.low_ticks = min(candle.low_ticks, price_ticks)
        candle.close_ticks = price_ticks
        candle.volume_lots += lots
        candle.notional_micros += lots * price_ticks
        candle.fills += 1
        self._changed[key] = candle

    def take_changed(self, clock_ms: int) -> list[tuple[Any, ...]]:
        """Rows to be written; candles of minutes that are over are let go."""
        rows = [candle.row() for candle in self._changed.values()]
        self._changed = {}
        minute = clock_ms // MINUTE_MS
        self._running = {key: candle for key, candle in self._running.items() if key[1] >= minute}
        return rows

    def take_before(self) -> list[tuple[Any, ...]]:
        """Rows of earlier batches as they were before this one."""
        rows, self.before = self.before, []
        return rows
