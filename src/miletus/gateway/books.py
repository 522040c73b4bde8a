"""Books by price, kept from the machine's events: what the channels of the API show (spec 04)."""

from miletus.engine import events as E
from miletus.engine import layout
from miletus.engine.params import MAX_INSTRUMENTS
from miletus.engine.state import State
from miletus.sequencer.query import PAGE

BUY, SELL = 0, 1

Level = tuple[int, int]
"""Price in ticks and lots."""

_FILL, _RESTED, _REMOVED, _REDUCED = int(E.FILL), int(E.RESTED), int(E.REMOVED), int(E.REDUCED)


class Books:
    """All books. A book is 2 x instrument + side; `touched` has the prices of each that changed lately."""

    def __init__(self) -> None:
        self.levels: dict[int, dict[int, int]] = {}
        self.changed_at: dict[int, int] = {}
        """Place in the order of words after an instrument's last change."""
        self.touched: dict[int, set[int]] = {}
        self._orders: dict[int, list[int]] = {}

    def load(self, state: State, place: int) -> None:
        """Begin with the orders that rest in a state."""
        self.levels, self.touched, self._orders, self.changed_at = {}, {}, {}, {}
        cells = state.cells
        for instrument in range(int(MAX_INSTRUMENTS)):
            page = state.instrument(instrument)
            if cells[page + layout.INSTRUMENT_STATE] == 0:
                continue
            self.changed_at[instrument] = place
            for side, head in ((BUY, layout.HEAD_BID), (SELL, layout.HEAD_ASK)):
                following = int(cells[page + PAGE + head])
                while following:
                    at = state.order(following - 1)
                    price, left = int(cells[at + layout.ORDER_PRICE]), int(cells[at + layout.ORDER_LEFT])
                    self._rest(following - 1, 2 * instrument + side, price, left)
                    following = int(cells[at + layout.ORDER_NEXT])
        self.touched = {}

    def take(self, event: tuple[int, ...], place: int) -> None:
        """Take in an event of a word; those that change no book are passed over."""
        kind = event[0]
        if kind == _FILL:
            self._shrink(event[1], event[5], place)
        elif kind == _RESTED:
            self._rest(event[1], event[2], event[3], event[4])
            self.changed_at[event[2] >> 1] = place
        elif kind == _REMOVED:
            order = self._orders.get(event[1])
            if order is not None:
                self._shrink(event[1], order[2], place)
                self._orders.pop(event[1], None)
        elif kind == _REDUCED:
            order = self._orders.get(event[1])
            if order is not None:
                self._shrink(event[1], order[2] - event[2], place)

    def get_levels(self, instrument: int, side: int, depth: int | None = None) -> list[Level]:
        """Prices of one side, best first."""
        levels = self.levels.get(2 * instrument + side)
        if not levels:
            return []
        if depth == 1:
            best = max(levels) if side == BUY else min(levels)
            return [(best, levels[best])]
        prices = sorted(levels, reverse=side == BUY)
        return [(price, levels[price]) for price in prices[:depth]]

    def get_best(self, instrument: int, side: int) -> Level | None:
        """Best price of one side with its lots, None if it is empty."""
        best = self.get_levels(instrument, side, 1)
        return best[0] if best else None

    def take_touched(self) -> dict[int, set[int]]:
        """What changed since the last call: prices by book."""
        touched, self.touched = self.touched, {}
        return touched

    def _rest(self, name: int, book: int, price: int, left: int) -> None:
        self._orders[name] = [book, price, left]
        levels = self.levels.setdefault(book, {})
        levels[price] = levels.get(price, 0) + left
        self._touch(book, price)

    def _shrink(self, name: int, lots: int, place: int) -> None:
        order = self._orders.get(name)
        if order is None or not lots:
            return
        book, price, left = order
        order[2] = left - lots
        levels = self.levels[book]
        levels[price] -= lots
        if levels[price] <= 0:
            del levels[price]
        self._touch(book, price)
        self.changed_at[book >> 1] = place

    def _touch(self, book: int, price: int) -> None:
        prices = self.touched.get(book)
        if prices is None:
            self.touched[book] = {price}
        else:
            prices.add(price)
