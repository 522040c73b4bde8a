"""book: the book of an instrument, as changes that miss nothing, or as its first prices grouped."""

from typing import Any

from miletus.gateway.books import BUY, SELL
from miletus.gateway.channels.base import Channel, family, parse_interval, reject_form
from miletus.gateway.errors import make_invalid
from miletus.gateway.exchange import Changes, Exchange
from miletus.gateway.instruments import Listing
from miletus.gateway.numbers import format_price, format_size

GROUPS = ("none", "1", "2", "5", "10", "25", "100", "250")
DEPTHS = ("1", "10", "20")


class BookChannel(Channel):
    """Changes of a book. `change_id` counts words of the exchange; each message names the one before it."""

    def __init__(self, exchange: Exchange, name: str, interval: float, listing: Listing) -> None:
        super().__init__(exchange, name, interval, [("book", listing.number)])
        self.listing = listing
        self._sent: tuple[dict[int, int], dict[int, int]] = ({}, {})
        self._touched: tuple[set[int], set[int]] = (set(), set())
        self._change_id = 0
        self._take_up()

    def note(self, changes: Changes) -> None:
        """Remember which prices changed."""
        for side in (BUY, SELL):
            self._touched[side].update(changes.books.get(2 * self.listing.number + side, ()))

    def build(self) -> Any:
        """The prices that are not what was told last."""
        sides = [self._compare(side) for side in (BUY, SELL)]
        if not any(sides):
            return None
        previous, self._change_id = self._change_id, self._get_place()
        return {
            "type": "change",
            "timestamp": self.exchange.mirror.time_ms,
            "prev_change_id": previous,
            "instrument_name": self.listing.name,
            "change_id": self._change_id,
            "bids": sides[BUY],
            "asks": sides[SELL],
        }

    def begin(self) -> Any:
        """The whole book."""
        return {
            "type": "snapshot",
            "timestamp": self.exchange.mirror.time_ms,
            "instrument_name": self.listing.name,
            "change_id": self._change_id,
            "bids": [
                ["new", *format_level(level)] for level in sorted(self._sent[BUY].items(), reverse=True)
            ],
            "asks": [["new", *format_level(level)] for level in sorted(self._sent[SELL].items())],
        }

    def reset(self) -> Any:
        """The whole book of the new state."""
        self._take_up()
        return self.begin()

    def _get_place(self) -> int:
        return self.exchange.books.changed_at.get(self.listing.number, self.exchange.mirror.place)

    def _take_up(self) -> None:
        levels, book = self.exchange.books.levels, 2 * self.listing.number
        self._sent = dict(levels.get(book, {})), dict(levels.get(book + 1, {}))
        self._touched = (set(), set())
        self._change_id = self._get_place()

    def _compare(self, side: int) -> list[list[Any]]:
        levels = self.exchange.books.levels.get(2 * self.listing.number + side, {})
        sent, rows = self._sent[side], []
        for price in sorted(self._touched[side], reverse=side == BUY):
            lots, before = levels.get(price, 0), sent.get(price, 0)
            if lots == before:
                continue
            if not lots:
                del sent[price]
                rows.append(["delete", format_price(price), 0.0])
            else:
                sent[price] = lots
                rows.append(["change" if before else "new", format_price(price), format_size(lots)])
        self._touched[side].clear()
        return rows


class GroupedBookChannel(Channel):
    """The first prices of a book, whole each time; prices can be grouped."""

    def __init__(
        self, exchange: Exchange, name: str, interval: float, listing: Listing, group: int, depth: int
    ) -> None:
        super().__init__(exchange, name, interval, [("book", listing.number)])
        self.listing = listing
        self.group = group
        self.depth = depth

    def build(self) -> Any:
        """The first prices."""
        return {
            "timestamp": self.exchange.mirror.time_ms,
            "instrument_name": self.listing.name,
            "change_id": self.exchange.books.changed_at.get(self.listing.number, self.exchange.mirror.place),
            "bids": self._collect(BUY),
            "asks": self._collect(SELL),
        }

    def begin(self) -> Any:
        """The first prices."""
        return self.build()

    def _collect(self, side: int) -> list[list[float]]:
        levels = self.exchange.books.get_levels(self.listing.number, side, None if self.group else self.depth)
        if self.group:
            merged: dict[int, int] = {}
            for price, lots in levels:  # away from the middle, so that no price looks better than it is
                step = price // self.group if side == BUY else -(-price // self.group)
                merged[step * self.group] = merged.get(step * self.group, 0) + lots
            levels = list(merged.items())[: self.depth]
        return [format_level(level) for level in levels]


def format_level(level: tuple[int, int]) -> list[float]:
    """A price and its size."""
    return [format_price(level[0]), format_size(level[1])]


@family(
    "book",
    "book.{instrument_name}.{interval}",
    "book.{instrument_name}.{group}.{depth}.{interval}",
)
def make_book(exchange: Exchange, name: str, parts: list[str], account: int | None) -> Channel:
    """Changes of a book with change_id and prev_change_id, or its first prices, grouped by ticks."""
    if len(parts) == 3:
        return BookChannel(exchange, name, parse_interval(parts[2]), exchange.listings.find(parts[1]))
    if len(parts) != 5:
        reject_form(name)
    listing = exchange.listings.find(parts[1])
    if parts[2] not in GROUPS:
        raise make_invalid("channels", f"group {parts[2][:20]!r}: one of {', '.join(GROUPS)}")
    if parts[3] not in DEPTHS:
        raise make_invalid("channels", f"depth {parts[3][:20]!r}: one of {', '.join(DEPTHS)}")
    group = 0 if parts[2] == "none" else int(parts[2]) * listing.tick_step
    interval = parse_interval(parts[4], ("100ms", "agg2"))
    return GroupedBookChannel(exchange, name, interval, listing, group, int(parts[3]))
