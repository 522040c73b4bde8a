"""What an agent sees: every instrument with its value now, from the last sheet and the index since."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from miletus.engine.margin import compute_quadratic
from miletus.engine.params import BAND_INDEX_PERMILLE, BAND_MARK_PERMILLE
from miletus.market.fixed import ONE
from miletus.market.instruments import Instrument
from miletus.market.sheet import Entry, compute_shock


@dataclass(frozen=True, slots=True)
class Line:
    """One instrument: its entry in the sheet, and its mark at the index of now (spec 05-R02)."""

    instrument: Instrument
    entry: Entry
    index_ticks: int
    mark_ticks: int
    left_s: int | None
    """Seconds to its expiry; None for a perpetual."""
    vega_ticks: float
    """Change of value by volatility, for all of it: a rise by one per cent of itself is worth a hundredth."""

    @property
    def band_ticks(self) -> int:
        """How far from the mark a fill may be (spec 04-R08)."""
        return int(
            self.index_ticks * BAND_INDEX_PERMILLE // 1000 + self.mark_ticks * BAND_MARK_PERMILLE // 1000
        )

    @property
    def delta(self) -> float:
        """Delta as a fraction."""
        return self.entry.delta / 10_000


@dataclass(frozen=True)
class Board:
    """All that can be traded at one second, by instrument number."""

    time_s: int
    index_ticks: Mapping[int, int]
    """By underlying."""
    lines: Mapping[int, Line]


def make_board(
    time_s: int,
    index_ticks: Mapping[int, int],
    reference_ticks: Mapping[int, int],
    sheet: Mapping[int, Entry],
    instruments: Iterable[Instrument],
) -> Board:
    """The board of `instruments` that the sheet covers and that have not expired."""
    lines = {}
    shocks: dict[int, float] = {}
    for instrument in instruments:
        entry = sheet.get(instrument.number)
        if entry is None or instrument.is_expired(time_s):
            continue
        terms = instrument.terms
        index = index_ticks[terms.underlying]
        move = compute_quadratic(entry.delta, entry.gamma, index - reference_ticks[terms.underlying])
        vega = 0.0
        if terms.is_option:
            # scenario 0 is volatility alone, up by the shock of its expiry
            if terms.expiry_s not in shocks:
                shocks[terms.expiry_s] = compute_shock(terms.expiry_s - time_s) / ONE
            vega = entry.scenarios[0] / shocks[terms.expiry_s]
        left_s = terms.expiry_s - time_s if terms.expiry_s else None
        lines[instrument.number] = Line(
            instrument, entry, index, max(0, entry.mark_ticks + move), left_s, vega
        )
    return Board(time_s, dict(index_ticks), lines)
