"""A signer of the oracle: it has a market of its own, judges every proposal against it, and then signs.

What it holds to is in `Tolerance`. A sheet it computes again from the published parameters, digit by digit;
and it computes one from its own market, from which no mark may be far.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from miletus.codec import encode, payload_element, with_signature
from miletus.engine.params import DAY_S, EXPIRY_TIME_OF_DAY_S, ORACLE_AHEAD_S, SETTLEMENT_WINDOW_S
from miletus.market.errors import MarketError, OracleError
from miletus.market.instruments import Instrument, get_grid
from miletus.market.names import InstrumentType
from miletus.market.parameters import SheetParameters, decode_parameters
from miletus.market.sheet import Entry, compute_sheet, find_differences, hold_to_band
from miletus.market.standing import Ledger, Standing
from miletus.market.timeline import DEEPEST_PUT, Market
from miletus.market.view import compute_cumulative, hold_index, make_parameters
from miletus.native import PrivateKey, absorb_entry, message

CLOCK_MARGIN_S: Final = int(ORACLE_AHEAD_S)
"""Seconds by which the machine's clock may be behind a sheet's time; spec 06-R07."""

READING_TIMES_S: Final = (int(EXPIRY_TIME_OF_DAY_S - SETTLEMENT_WINDOW_S), int(EXPIRY_TIME_OF_DAY_S))
"""Seconds of the day, 07:30:00 and 08:00:00 UTC, whose cumulative index options settle to; spec 06-R05."""


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far a proposal may be from a signer's own market."""

    clock_s: int = 30
    """Seconds between a proposal's time and the signer's clock."""
    index_permille: int = 10
    cumulative_permille: int = 1
    """Of what the cumulative index gained since the last tick: this is what options settle to."""
    mark_index_permille: int = 5
    """A mark may be away by so much of the index ..."""
    mark_permille: int = 50
    """... and by so much of itself."""
    furthest_days: int = 800
    """Days to the last expiry that is listed."""


def is_reading_time(time_s: int) -> bool:
    """Whether a tick of this second is kept as a reading."""
    return time_s % int(DAY_S) in READING_TIMES_S


def encode_sheet(underlying: int, sheet: dict[int, Entry]) -> list[bytes]:
    """The SheetEntry operations of a sheet, in its order."""
    return [
        encode.sheet_entry(
            underlying=underlying,
            first=int(at == 0),
            instrument=number,
            mark_ticks=entry.mark_ticks,
            delta=entry.delta,
            gamma=entry.gamma,
            scenarios=entry.scenarios,
        )
        for at, (number, entry) in enumerate(sheet.items())
    ]


def compute_sheet_hash(entries: Sequence[bytes]) -> int:
    """The running hash of a sheet's entries (spec 10-R07)."""
    accumulator = 0
    for entry in entries:
        accumulator = absorb_entry(accumulator, entry)
    return accumulator


def compute_held_sheet(
    instruments: Sequence[Instrument], parameters: SheetParameters, standing: Standing
) -> dict[int, Entry]:
    """The sheet of `instruments`, each mark held to the machine's band around the mark in force."""
    age_s = parameters.time_s - CLOCK_MARGIN_S - standing.sheet_time_s
    return {
        number: hold_to_band(entry, standing.marks[number], standing.index_ticks, age_s)
        if number in standing.marks
        else entry
        for number, entry in compute_sheet(instruments, parameters).items()
    }


class Signer:
    """One of the n signers: its number, its key, its market, and its ledger of what the exchange holds.

    To approve changes nothing here: the ledger is told when the exchange has carried a proposal out.
    """

    def __init__(
        self,
        number: int,
        key: PrivateKey,
        domain: int,
        market: Market,
        ledger: Ledger,
        tolerance: Tolerance = Tolerance(),
    ) -> None:
        self.number = number
        self.public = key.public
        self.ledger = ledger
        self._key = key
        self._domain = domain
        self._market = market
        self._tolerance = tolerance

    def approve_tick(
        self, underlying: int, time_s: int, index_ticks: int, cumulative: int, now_s: int
    ) -> bytes:
        """Approve an index tick, or a late reading; OracleError with the reason why not."""
        standing, t = self.ledger.get(underlying), self._tolerance
        late = standing.index_ticks and time_s <= standing.tick_time_s and is_reading_time(time_s)
        if abs(time_s - now_s) > t.clock_s and not late:
            raise self._refuse(f"tick of {time_s}, now it is {now_s}")
        own = self._market.get_index(underlying, time_s)
        self._require_near("index", index_ticks, hold_index(own, standing, time_s), t.index_permille)
        if standing.index_ticks:
            gained = compute_cumulative(self._market, underlying, standing, time_s) - standing.cumulative
            proposed = cumulative - standing.cumulative
            self._require_near("gain of the cumulative index", proposed, gained, t.cumulative_permille)
        elif cumulative != 0:
            raise self._refuse(f"the cumulative index begins at 0, not at {cumulative}")
        word = encode.index_tick(
            underlying=underlying, time_s=time_s, index_ticks=index_ticks, cumulative=cumulative
        )
        return self._sign(word, 0)

    def approve_listing(self, instrument: Instrument, now_s: int) -> bytes:
        """Approve that an instrument is listed; OracleError with the reason why not."""
        terms = instrument.terms
        try:
            name = terms.name
        except MarketError as error:
            raise self._refuse(str(error)) from None
        index_ticks = self.ledger.get(terms.underlying).index_ticks
        if instrument.grid != get_grid(terms):
            raise self._refuse(f"{name} has another grid than its kind")
        if terms.expiry_s and not now_s < terms.expiry_s <= now_s + self._tolerance.furthest_days * DAY_S:
            raise self._refuse(f"{name} expires at {terms.expiry_s}, now it is {now_s}")
        if terms.is_option and not index_ticks <= 10 * terms.strike_ticks <= 100 * index_ticks:
            raise self._refuse(f"{name} is beyond a tenth and ten times the index of {index_ticks}")
        if terms.type == InstrumentType.PUT and terms.strike_ticks > DEEPEST_PUT * index_ticks:
            raise self._refuse(f"{name} is above {DEEPEST_PUT} times the index of {index_ticks}")
        if terms in self.ledger.catalogue or self.ledger.catalogue.has(instrument.number):
            raise self._refuse(f"{name} is listed already, or number {instrument.number} is taken")
        return self._sign(encode_listing(instrument), 0)

    def approve_sheet(self, published: bytes, entries: Sequence[bytes], flip: bytes, now_s: int) -> bytes:
        """Approve a sheet: its published parameters, the entries that go to the exchange, and their Flip.

        OracleError with the reason why not.
        """
        parameters = decode_parameters(published)
        underlying = parameters.underlying
        standing, instruments = self.ledger.get(underlying), self.ledger.catalogue.of(underlying)
        if abs(parameters.time_s - now_s) > self._tolerance.clock_s:
            raise self._refuse(f"sheet of {parameters.time_s}, now it is {now_s}")
        if parameters.index_ticks != standing.index_ticks:
            raise self._refuse(f"sheet around {parameters.index_ticks}, the index is {standing.index_ticks}")
        sheet = compute_held_sheet(instruments, parameters, standing)
        if list(entries) != encode_sheet(underlying, sheet):
            raise self._refuse("the entries are not what follows from the parameters")
        if flip != encode_flip(parameters, standing, len(sheet)):
            raise self._refuse("the flip is not that of these entries")
        self._compare_marks(sheet, parameters, instruments, standing)
        return self._sign(flip, compute_sheet_hash(entries))

    def _compare_marks(
        self,
        sheet: dict[int, Entry],
        parameters: SheetParameters,
        instruments: Sequence[Instrument],
        standing: Standing,
    ) -> None:
        own_parameters = make_parameters(
            self._market, parameters.underlying, parameters.time_s, standing.index_ticks, list(instruments)
        )
        if own_parameters == parameters:
            return
        own = compute_held_sheet(instruments, own_parameters, standing)
        t = self._tolerance
        for number in find_differences(sheet, own):
            mark, mine = sheet[number].mark_ticks, own[number].mark_ticks
            widest = (standing.index_ticks * t.mark_index_permille + mine * t.mark_permille) // 1000
            if abs(mark - mine) > widest:
                name = self.ledger.catalogue[number].name
                raise self._refuse(f"{name} is marked {mark}, by this signer's market {mine}")

    def _require_near(self, what: str, value: int, own: int, permille: int) -> None:
        if abs(value - own) * 1000 > abs(own) * permille:
            raise self._refuse(f"{what} {value} is more than {permille} per mille away from {own}")

    def _refuse(self, reason: str) -> OracleError:
        return OracleError(f"signer {self.number} does not approve: {reason}")

    def _sign(self, proposal: bytes, staged: int) -> bytes:
        """The Approve of a proposal (spec 10-R03)."""
        element = message(self._domain, payload_element(proposal), staged, 1)
        return with_signature(encode.approve(signer=self.number), self._key.sign(element))


def encode_listing(instrument: Instrument) -> bytes:
    """The List operation of an instrument."""
    terms, grid = instrument.terms, instrument.grid
    return encode.list_instrument(
        instrument=instrument.number,
        type=terms.type,
        underlying=terms.underlying,
        strike_ticks=terms.strike_ticks,
        expiry_s=terms.expiry_s,
        tick_step=grid.tick_step,
        lot_step=grid.lot_step,
        min_size_lots=grid.min_size,
    )


def encode_flip(parameters: SheetParameters, standing: Standing, count: int) -> bytes:
    """The Flip operation of a sheet of `count` entries."""
    return encode.flip(
        underlying=parameters.underlying,
        number=standing.sheet_number + 1,
        reference_index_ticks=parameters.index_ticks,
        time_s=parameters.time_s,
        count=count,
    )
