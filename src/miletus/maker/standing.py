"""What the maker has on the exchange, by what the exchange told: orders that rest, positions, fills."""

from collections.abc import Callable, Iterable
from typing import Final

from miletus.engine import events
from miletus.maker.quoting import Resting
from miletus.market.requests import Side

SLOTS: Final = 256

OnFill = Callable[[int, int, int, int, bool], None]
"""Takes an own fill: instrument, lots (negative: sold), price in ticks, fee in micros, if it had rested."""


class Standing:
    """Of one account. Nothing is believed until the exchange has told it."""

    def __init__(self, account: int, positions: dict[int, int], on_fill: OnFill) -> None:
        self.account = account
        self.positions = {number: lots for number, lots in positions.items() if lots}
        self.resting: dict[int, Resting] = {}
        """By slot."""
        self.fills = 0
        self.volume_lots = 0
        self._on_fill = on_fill
        self._ends: dict[int, float] = {}

    def note_sent(self, slot: int, ends_s: float) -> None:
        """An order was sent that ends by itself at a second."""
        self._ends[slot] = ends_s

    def take(self, told: Iterable[tuple[int, ...]]) -> None:
        """Take what a word did."""
        for event in told:
            kind = event[0]
            if kind == events.FILL:
                self._take_fill(event)
            elif kind in (events.RESTED, events.REMOVED, events.REDUCED):
                account, slot = divmod(event[1], SLOTS)
                if account == self.account:
                    self._take_order(kind, slot, event)
            elif kind == events.SETTLED:
                self.positions.pop(event[1], None)

    def _take_order(self, kind: int, slot: int, event: tuple[int, ...]) -> None:
        if kind == events.REMOVED:
            self.resting.pop(slot, None)
        elif kind == events.RESTED:
            instrument, side = divmod(event[2], 2)
            ends_s = self._ends.get(slot, 0.0)
            self.resting[slot] = Resting(slot, instrument, Side(side), event[3], event[4], ends_s)
        else:
            self._reduce(slot, event[2])

    def _take_fill(self, event: tuple[int, ...]) -> None:
        _, maker, taker, book, price, lots, fee = event
        instrument, side = divmod(book, 2)
        bought = -lots if side else lots
        for name, change, paid, passive in ((maker, -bought, 0, True), (taker, bought, fee, False)):
            account, slot = divmod(name, SLOTS)
            if account != self.account:
                continue
            held = self.positions.get(instrument, 0) + change
            if held:
                self.positions[instrument] = held
            else:
                self.positions.pop(instrument, None)
            self.fills += 1
            self.volume_lots += lots
            if passive and slot in self.resting:
                self._reduce(slot, self.resting[slot].left_lots - lots)
            self._on_fill(instrument, change, price, paid, passive)

    def _reduce(self, slot: int, left_lots: int) -> None:
        order = self.resting.get(slot)
        if order is not None:
            self.resting[slot] = Resting(
                slot, order.instrument, order.side, order.price_ticks, left_lots, order.ends_s
            )
