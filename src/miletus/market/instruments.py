"""Instruments with their numbers and grids, and the catalogue that gives numbers out."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from miletus.engine.params import MAX_INSTRUMENTS
from miletus.market.errors import MarketError
from miletus.market.names import InstrumentType, Terms


@dataclass(frozen=True, slots=True)
class Grid:
    """Steps that prices and sizes are multiples of (spec 04-R02)."""

    tick_step: int
    lot_step: int
    min_size: int


OPTION_GRIDS: Final = (Grid(500, 100, 100), Grid(20, 1_000, 1_000))
"""By underlying: BTC 5 USDC and 0.01 BTC; ETH 0.2 USDC and 0.1 ETH."""

FUTURE_GRIDS: Final = (Grid(50, 10, 10), Grid(5, 100, 100))
"""Futures and perpetuals by underlying: BTC 0.5 USDC and 0.001 BTC; ETH 0.05 USDC and 0.01 ETH."""


@dataclass(frozen=True, slots=True)
class Instrument:
    """A listed instrument: its number, its terms and its grid."""

    number: int
    terms: Terms
    grid: Grid

    @property
    def name(self) -> str:
        """Its name, such as BTC_USDC-27MAR26-90000-C."""
        return self.terms.name

    def is_expired(self, time_s: int) -> bool:
        """Whether it is dated and its expiry is not after `time_s`."""
        return self.terms.expiry_s != 0 and self.terms.expiry_s <= time_s


def get_grid(terms: Terms) -> Grid:
    """Get the grid that instruments of these terms are listed with."""
    return (OPTION_GRIDS if terms.is_option else FUTURE_GRIDS)[terms.underlying]


class Catalogue:
    """The instruments that are listed and not settled; numbers are given out once, rising from `first`.

    The machine would take the number of a settled and empty instrument again (spec 06-R10), but a number that
    means one thing for ever is easier on whoever reads a log; 4,096 last for some weeks of a daily chain.
    """

    def __init__(self, first: int = 0) -> None:
        self._next = first
        self._by_number: dict[int, Instrument] = {}
        self._by_terms: dict[Terms, Instrument] = {}

    def __len__(self) -> int:
        return len(self._by_number)

    def __iter__(self) -> Iterator[Instrument]:
        """Go through what is listed, by rising number."""
        return iter([self._by_number[number] for number in sorted(self._by_number)])

    def __contains__(self, terms: Terms) -> bool:
        return terms in self._by_terms

    def propose(self, terms: Terms) -> Instrument:
        """Make the instrument that `terms` would become, under the next number, without listing it.

        MarketError if it is listed already or no number is left.
        """
        if terms in self._by_terms:
            raise MarketError(f"{terms.name} is listed already: look it up in place of listing it again")
        if self._next >= MAX_INSTRUMENTS:
            raise MarketError(
                f"all {int(MAX_INSTRUMENTS)} instrument numbers are used: list fewer strikes or expiries, "
                "or begin a new deployment"
            )
        return Instrument(self._next, terms, get_grid(terms))

    def add(self, terms: Terms) -> Instrument:
        """Give `terms` the next number; MarketError if it is listed already or no number is left."""
        instrument = self.propose(terms)
        self.put(instrument)
        return instrument

    def put(self, instrument: Instrument) -> None:
        """Take in an instrument that has a number; MarketError if the number or the terms are taken."""
        if instrument.number in self._by_number or instrument.terms in self._by_terms:
            raise MarketError(
                f"{instrument.name}, number {instrument.number}: listed already, or the number is taken"
            )
        self._next = max(self._next, instrument.number + 1)
        self._by_number[instrument.number] = instrument
        self._by_terms[instrument.terms] = instrument

    def add_missing(self, many: Iterable[Terms]) -> list[Instrument]:
        """Add what is not listed yet, in the order given; returns what was added."""
        return [self.add(terms) for terms in many if terms not in self._by_terms]

    def remove(self, number: int) -> Instrument:
        """Take a settled instrument out; MarketError if there is none of this number."""
        instrument = self[number]
        del self._by_number[number]
        del self._by_terms[instrument.terms]
        return instrument

    def __getitem__(self, number: int) -> Instrument:
        if number not in self._by_number:
            raise MarketError(f"instrument {number} is not listed: it was never added, or it is settled")
        return self._by_number[number]

    def has(self, number: int) -> bool:
        """Whether something is listed under a number."""
        return number in self._by_number

    def get(self, terms: Terms) -> Instrument | None:
        """Get what is listed under `terms`."""
        return self._by_terms.get(terms)

    def of(self, underlying: int) -> list[Instrument]:
        """Get what is listed on one underlying, by rising number: what its sheet must cover (spec 06-R07)."""
        return [each for each in self if each.terms.underlying == underlying]

    def expired(self, time_s: int) -> list[Instrument]:
        """Get what has expired and waits for its settlement."""
        return [each for each in self if each.is_expired(time_s)]


def build_chain(
    underlying: int, expiry_s: int, strikes_ticks: Iterable[int], with_future: bool = True
) -> list[Terms]:
    """The terms of one expiry: a future, and a call and a put of each strike."""
    future = [Terms(underlying, expiry_s, 0, InstrumentType.FUTURE)] if with_future else []
    return future + [
        Terms(underlying, expiry_s, strike_ticks, kind)
        for strike_ticks in strikes_ticks
        for kind in (InstrumentType.CALL, InstrumentType.PUT)
    ]
