"""What the maker reads before it begins: what is listed and in force."""

import asyncio
from typing import Final

from miletus.client.exchange_feed import ExchangeFeed
from miletus.client.line import Line
from miletus.engine.params import MAX_INSTRUMENTS
from miletus.market.names import UNDERLYINGS
from miletus.market.sheet import Entry
from miletus.sequencer.query import InstrumentView, UnderlyingView

NUMBERS_AT_ONCE: Final = 256

NO_SCENARIOS: Final = (0,) * 16
"""Scenarios are for margin; what is quoted needs marks and greeks alone."""


async def read_market(line: Line, feed: ExchangeFeed) -> dict[int, UnderlyingView]:
    """Take up in a feed what is listed and the marks of now; underlyings that have an index."""
    views = await read_instruments(line)
    found: dict[int, UnderlyingView] = {}
    for number in range(len(UNDERLYINGS)):
        underlying = await line.ask(
            lambda node, number=number: node.plain.get_underlying(number)  # type: ignore[misc]
        )
        if underlying is None or not underlying.index_ticks:
            continue
        own = [view for view in views if view.underlying == number]
        feed.restore(own, [underlying])
        entries = {
            view.instrument: Entry(view.mark_ticks, view.delta, view.gamma, NO_SCENARIOS)
            for view in own
            if view.state == 1 and view.covered
        }
        if entries:
            feed.restore_sheet(number, entries, underlying.index_ticks)
            feed.sheet_counts[number] = 1
        found[number] = underlying
    return found


async def read_instruments(line: Line) -> list[InstrumentView]:
    """Everything that was ever listed; numbers are given out from 0 on."""
    views: list[InstrumentView] = []
    for first in range(0, int(MAX_INSTRUMENTS), NUMBERS_AT_ONCE):
        found = await line.ask(
            lambda node, first=first: asyncio.gather(  # type: ignore[misc]
                *(node.plain.get_instrument(number) for number in range(first, first + NUMBERS_AT_ONCE))
            )
        )
        here = [view for view in found if view is not None]
        views += here
        if not here:
            break
    return views
