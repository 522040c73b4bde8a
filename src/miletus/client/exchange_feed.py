"""The exchange as its feed shows it: what is listed, the index, the sheets in force, and what happened.

Whoever quotes needs no more than this: sheets and index ticks are words like all others, so anyone who
follows the feed has the marks and scenarios that margin is computed from.
"""

from collections.abc import Callable, Iterable

from miletus.codec import decode_segment
from miletus.codec.view import view_operations
from miletus.engine import events
from miletus.engine import segment as kinds
from miletus.market.board import Board, make_board
from miletus.market.instruments import Catalogue, Grid, Instrument
from miletus.market.names import InstrumentType, Terms
from miletus.market.sheet import Entry
from miletus.sequencer.answers import FeedGroup
from miletus.sequencer.frames import SEQUENCED_WORDS
from miletus.sequencer.query import InstrumentView, UnderlyingView

OnEvents = Callable[[int, int, tuple[tuple[int, ...], ...]], None]
"""Takes what a word did: its number, the time of its group in milliseconds, its events (engine/events.py)."""


class ExchangeFeed:
    """Follows the groups of a node, in order. `next_number` is the first number that was not seen."""

    def __init__(self, on_events: OnEvents) -> None:
        self.catalogue = Catalogue()
        self.terms: dict[int, Terms] = {}
        """Of every instrument that was ever seen, the settled ones too."""
        self.index_ticks: dict[int, int] = {}
        self.sheets: dict[int, dict[int, Entry]] = {}
        self.sheet_counts: dict[int, int] = {}
        self.next_number = 0
        self.words = 0
        self.operations = 0
        self._on_events = on_events
        self._references: dict[int, int] = {}
        self._filling: dict[int, list[bytes]] = {}
        self._staged: bytes = b""

    def restore(self, instruments: Iterable[InstrumentView], underlyings: Iterable[UnderlyingView]) -> None:
        """Begin in the middle, with what the node says is listed; sheets are known from the next one on."""
        for view in instruments:
            terms = Terms(view.underlying, view.expiry_s, view.strike_ticks, InstrumentType(view.type))
            self.terms[view.instrument] = terms
            if view.state == 1:
                grid = Grid(view.tick_step, view.lot_step, view.min_size_lots)
                self.catalogue.put(Instrument(view.instrument, terms, grid))
        for underlying in underlyings:
            self.index_ticks[underlying.underlying] = underlying.index_ticks

    def restore_sheet(self, underlying: int, entries: dict[int, Entry], reference_ticks: int) -> None:
        """Take up what marks are in force, as of an index; the next sheet takes their place."""
        self.sheets[underlying] = entries
        self._references[underlying] = reference_ticks

    def take(self, group: FeedGroup) -> None:
        """Take in the next group."""
        number = group.first_number
        for item in group.items:
            if item.tag == SEQUENCED_WORDS and item.result is not None:
                self.operations += 1
                self._take_words(item.words, item.result.reason)
            if item.result is not None and item.result.events:
                self._take_events(item.result.events)
                self._on_events(number, group.time_ms, item.result.events)
            count = len(item.words) // 31
            number += count
            self.words += count if item.result is not None else 0  # openings and ends are no words
        self.next_number = group.next_number

    def make_board(self, time_s: int) -> Board:
        """What can be traded at a second, with marks by the last sheet and index."""
        sheet = {number: entry for entries in self.sheets.values() for number, entry in entries.items()}
        known = {u: self.index_ticks[u] for u in self._references}
        instruments = [each for each in self.catalogue if each.terms.underlying in known]
        return make_board(time_s, known, self._references, sheet, instruments)

    def _take_words(self, words: bytes, reason: int) -> None:
        kind = words[0]
        if kind == kinds.LIST:
            self._staged = words
        elif kind == kinds.SHEET_ENTRY and reason == 0:
            underlying = words[1]
            if words[2] == 1:
                self._filling[underlying] = []
            self._filling.setdefault(underlying, []).append(words)

    def _take_events(self, told: tuple[tuple[int, ...], ...]) -> None:
        for event in told:
            kind = event[0]
            if kind == events.INDEXED and not event[4]:
                self.index_ticks[event[1]] = event[2]
            elif kind == events.FLIPPED:
                self._flip(event[1], event[3])
            elif kind == events.LISTED:
                self._list()
            elif kind == events.SETTLED and self.terms[event[1]] in self.catalogue:
                self.catalogue.remove(event[1])

    def _flip(self, underlying: int, reference_ticks: int) -> None:
        words = b"".join(self._filling.pop(underlying, []))
        sheet = {}
        for view in view_operations(decode_segment(kinds.SEQUENCED, words)):
            f = view.fields
            scenarios = tuple(f[f"scenario_{k}"] for k in range(16))
            sheet[f["instrument"]] = Entry(f["mark_ticks"], f["delta"], f["gamma"], scenarios)
        self.sheets[underlying] = sheet
        self.sheet_counts[underlying] = self.sheet_counts.get(underlying, 0) + 1
        self._references[underlying] = reference_ticks

    def _list(self) -> None:
        (view,) = view_operations(decode_segment(kinds.SEQUENCED, self._staged))
        f = view.fields
        terms = Terms(f["underlying"], f["expiry_s"], f["strike_ticks"], InstrumentType(f["type"]))
        grid = Grid(f["tick_step"], f["lot_step"], f["min_size_lots"])
        self.terms[f["instrument"]] = terms
        if terms not in self.catalogue:  # the feed may begin before what was restored
            self.catalogue.put(Instrument(f["instrument"], terms, grid))
