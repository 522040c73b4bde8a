"""What the exchange holds of the oracle's: what is listed, and each underlying's tick and sheet in force.

The proposer and every signer keep one of their own. After a restart, or when a bundle was refused, it is read
from the machine's state: the oracle has no other memory that its words depend on.
"""

from dataclasses import dataclass, field, replace
from typing import Final

from miletus.engine import layout
from miletus.engine.params import MAX_INSTRUMENTS
from miletus.engine.state import State
from miletus.market.errors import OracleError
from miletus.market.instruments import Catalogue, Grid, Instrument
from miletus.market.names import InstrumentType, Terms

LISTED: Final = 1
"""State of an instrument that is listed and not settled."""


@dataclass(frozen=True)
class Standing:
    """Of one underlying; all zero before the first tick, and the sheet's part before the first sheet."""

    tick_time_s: int = 0
    index_ticks: int = 0
    cumulative: int = 0
    sheet_number: int = 0
    sheet_time_s: int = 0
    marks: dict[int, int] = field(default_factory=dict)
    """Mark in force by instrument."""


class Ledger:
    """The catalogue and the standing of every underlying."""

    def __init__(self, catalogue: Catalogue, standings: dict[int, Standing]) -> None:
        self.catalogue = catalogue
        self._standings = standings

    def get(self, underlying: int) -> Standing:
        """The standing of an underlying; OracleError if there is none."""
        if underlying not in self._standings:
            raise OracleError(f"underlying {underlying} is not one of this oracle's: check its market")
        return self._standings[underlying]

    def record_tick(self, underlying: int, time_s: int, index_ticks: int, cumulative: int) -> None:
        """Take a tick; one that is not after the last is a late reading and changes nothing (spec 06-R05)."""
        standing = self.get(underlying)
        if time_s > standing.tick_time_s:
            self._standings[underlying] = replace(
                standing, tick_time_s=time_s, index_ticks=index_ticks, cumulative=cumulative
            )

    def record_sheet(self, underlying: int, number: int, time_s: int, marks: dict[int, int]) -> None:
        """Take a sheet that came into force."""
        self._standings[underlying] = replace(
            self.get(underlying), sheet_number=number, sheet_time_s=time_s, marks=marks
        )


def make_ledger(underlyings: tuple[int, ...]) -> Ledger:
    """The ledger of a deployment before its first word."""
    return Ledger(Catalogue(), {underlying: Standing() for underlying in underlyings})


def read_ledger(state: State, underlyings: tuple[int, ...]) -> Ledger:
    """Read the ledger from the machine's state.

    Numbers of settled instruments are not given out again. OracleError for an underlying that the state does
    not have.
    """
    cells = state.cells
    for underlying in underlyings:
        if underlying >= cells[layout.UNDERLYINGS]:
            raise OracleError(f"the exchange has no underlying {underlying}: leave it out of the market")
    used = [n for n in range(int(MAX_INSTRUMENTS)) if cells[state.instrument(n) + layout.INSTRUMENT_STATE]]
    listed = [
        _read_instrument(state, number)
        for number in used
        if cells[state.instrument(number) + layout.INSTRUMENT_STATE] == LISTED
    ]
    catalogue = Catalogue(max(used) + 1 if used else 0)
    for instrument in listed:
        catalogue.put(instrument)
    return Ledger(catalogue, {u: _read_standing(state, u, catalogue) for u in underlyings})


def _read_instrument(state: State, number: int) -> Instrument:
    at, cells = state.instrument(number), state.cells
    terms = Terms(
        int(cells[at + layout.INSTRUMENT_UNDERLYING]),
        int(cells[at + layout.EXPIRY_S]),
        int(cells[at + layout.STRIKE]),
        InstrumentType(int(cells[at + layout.INSTRUMENT_TYPE])),
    )
    grid = Grid(
        int(cells[at + layout.TICK_STEP]), int(cells[at + layout.LOT_STEP]), int(cells[at + layout.MIN_SIZE])
    )
    return Instrument(number, terms, grid)


def _read_standing(state: State, underlying: int, catalogue: Catalogue) -> Standing:
    at, cells = state.underlying(underlying), state.cells
    tag = cells[at + layout.SHEET_TAG]
    marks = {}
    for instrument in catalogue.of(underlying):
        entry = state.entry(state.instrument(instrument.number), at)
        if tag and cells[entry + layout.ENTRY_TAG] == tag:
            marks[instrument.number] = int(cells[entry + layout.ENTRY_MARK])
    return Standing(
        int(cells[at + layout.TICK_TIME_S]),
        int(cells[at + layout.INDEX]),
        int(cells[at + layout.CUMULATIVE]),
        int(cells[at + layout.SHEET_NUMBER]),
        int(cells[at + layout.SHEET_TIME_S]),
        marks,
    )
