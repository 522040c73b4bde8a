"""Instruments by name and by number, as the node lists them."""

import asyncio
from collections.abc import Iterable, Iterator
from typing import Final

from miletus.client.errors import RequestError
from miletus.client.line import Line
from miletus.client.units import from_lots, from_ticks
from miletus.client.values import Instrument
from miletus.engine.params import MAX_INSTRUMENTS
from miletus.market.names import UNDERLYINGS, InstrumentType, Terms, parse_name
from miletus.sequencer.query import InstrumentView

SETTLED: Final = 2

NUMBERS_AT_ONCE: Final = 256


class Directory:
    """What is listed; it asks the node when a name or number is new."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._by_number: dict[int, Instrument] = {}
        self._by_name: dict[str, Instrument] = {}
        self.names: dict[int, str] = {}
        """Names of all instruments that were seen, by number."""

    def __iter__(self) -> Iterator[Instrument]:
        return iter(list(self._by_number.values()))

    async def find(self, name: str) -> Instrument:
        """The listed instrument of a name. RequestError or InstrumentNameError if there is none."""
        text = name.upper().replace("D5", "d5") if name not in self._by_name else name
        if text not in self._by_name:
            wanted = parse_name(name).name
            if wanted not in self._by_name:
                await self.refresh()
            text = wanted
        found = self._by_name.get(text)
        if found is None:
            raise RequestError(f"{name}: nothing is listed under this name: see get_instruments")
        return found

    async def require(self, numbers: Iterable[int]) -> None:
        """Know the names of these numbers."""
        if any(number not in self.names for number in numbers):
            await self.refresh()

    async def refresh(self) -> None:
        """Read what is listed."""
        for first in range(0, int(MAX_INSTRUMENTS), NUMBERS_AT_ONCE):
            views = await self._line.ask(
                lambda node, first=first: asyncio.gather(  # type: ignore[misc]
                    *(node.plain.get_instrument(number) for number in range(first, first + NUMBERS_AT_ONCE))
                )
            )
            here = [view for view in views if view is not None]
            for view in here:
                self._put(build_instrument(view))
            if not here:
                break

    def _put(self, instrument: Instrument) -> None:
        self._by_number[instrument.number] = instrument
        self.names[instrument.number] = instrument.name
        if not instrument.settled:
            self._by_name[instrument.name] = instrument
        elif self._by_name.get(instrument.name, instrument).number == instrument.number:
            self._by_name.pop(instrument.name, None)


def build_instrument(view: InstrumentView) -> Instrument:
    """An instrument as the SDK gives it."""
    terms = Terms(view.underlying, view.expiry_s, view.strike_ticks, InstrumentType(view.type))
    return Instrument(
        terms.name,
        view.instrument,
        terms.type,
        UNDERLYINGS[view.underlying],
        from_ticks(view.strike_ticks) if terms.is_option else None,
        view.expiry_s or None,
        from_ticks(view.tick_step),
        from_lots(view.lot_step),
        from_lots(view.min_size_lots),
        view.state == SETTLED,
    )
