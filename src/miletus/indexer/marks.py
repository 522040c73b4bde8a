"""Index and mark of every instrument at any word, kept from the sheets and ticks that came into force."""

from typing import NamedTuple

from miletus.engine import layout as L
from miletus.engine.margin import compute_quadratic
from miletus.engine.params import MAX_INSTRUMENTS
from miletus.engine.state import State

LISTED, SETTLED = 1, 2


class _Entry(NamedTuple):
    underlying: int
    mark_ticks: int
    delta: int
    gamma: int


class Marks:
    """What marks are computed from (spec 05-R01, 05-R02)."""

    def __init__(self, state: State) -> None:
        self._entries: dict[int, _Entry] = {}
        self._payoffs: dict[int, int] = {}
        self._index: dict[int, int] = {}
        self._reference: dict[int, int] = {}
        for instrument in range(int(MAX_INSTRUMENTS)):
            at = state.instrument(instrument)
            if state.cells[at + L.INSTRUMENT_STATE] == SETTLED:
                self._payoffs[instrument] = int(state.cells[at + L.PAYOFF])
        for underlying in range(int(state.cells[L.UNDERLYINGS])):
            self.take_tick(underlying, int(state.cells[state.underlying(underlying) + L.INDEX]))
            self.take_sheet(state, underlying)

    def take_tick(self, underlying: int, index_ticks: int) -> None:
        """The index of an underlying changed."""
        self._index[underlying] = index_ticks

    def take_sheet(self, state: State, underlying: int) -> None:
        """Another sheet is in force: read its entries from the state."""
        cells, page = state.cells, state.underlying(underlying)
        tag = cells[page + L.SHEET_TAG]
        self._reference[underlying] = int(cells[page + L.SHEET_REFERENCE])
        for number in [number for number, entry in self._entries.items() if entry.underlying == underlying]:
            del self._entries[number]
        if not tag:
            return
        for instrument in range(int(MAX_INSTRUMENTS)):
            at = state.instrument(instrument)
            if cells[at + L.INSTRUMENT_STATE] != LISTED or cells[at + L.INSTRUMENT_UNDERLYING] != underlying:
                continue
            entry = state.entry(at, page)
            if cells[entry + L.ENTRY_TAG] == tag:
                names = (L.ENTRY_MARK, L.ENTRY_DELTA, L.ENTRY_GAMMA)
                self._entries[instrument] = _Entry(underlying, *(int(cells[entry + name]) for name in names))

    def take_settlement(self, instrument: int, payoff_ticks: int) -> None:
        """An instrument is worth its payoff from now on."""
        self._payoffs[instrument] = payoff_ticks

    def get_index(self, underlying: int) -> int:
        """Index of an underlying now, 0 before the first."""
        return self._index.get(underlying, 0)

    def compute_mark(self, instrument: int) -> int:
        """Mark now, the payoff of a settled instrument, 0 where no sheet has it."""
        payoff = self._payoffs.get(instrument)
        if payoff is not None:
            return payoff
        entry = self._entries.get(instrument)
        if entry is None:
            return 0
        reference = self._reference[entry.underlying]
        most = reference // 4
        move = max(-most, min(most, self._index[entry.underlying] - reference))
        return max(0, entry.mark_ticks + compute_quadratic(entry.delta, entry.gamma, move))
