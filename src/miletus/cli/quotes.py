"""What is traded: instruments with marks and best prices, and their books."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from miletus.cli.output import Output, format_price, format_size, get_plain
from miletus.cli.person import LISTED, find_instrument, get_view_terms, list_instruments, open_site
from miletus.cli.roles.base import Site
from miletus.cli.roles.markets import connect_node
from miletus.client.connection import CheckedConnection
from miletus.sequencer.query import InstrumentView

Result = TypeVar("Result")
Level = tuple[int, int, int]
"""Price in ticks, size in lots, number of orders."""


def print_instruments(folder: Path, prefix: str, settled: bool, as_json: bool) -> None:
    """List instruments with marks and best prices."""
    output = Output(as_json)
    found = run_with_node(open_site(folder), lambda node: find_lines(node, prefix.upper(), settled))
    rows = [
        (
            name,
            format_price(view.payoff_ticks if view.state != LISTED else view.mark_ticks),
            format_price(bid) if bid is not None else None,
            format_price(ask) if ask is not None else None,
            format_size(view.open_interest_lots),
            "settled" if view.state != LISTED else "restricted" if view.restricted else "",
        )
        for name, view, bid, ask in found
    ]
    output.table("", ("instrument", "mark", "bid", "ask", "open interest", ""), rows)
    output.line(f"[dim]{len(rows)} instruments[/]")
    output.result(
        [
            {"name": name, "bid_ticks": bid, "ask_ticks": ask, **get_plain(view)}
            for name, view, bid, ask in found
        ]
    )


async def find_lines(
    node: CheckedConnection, prefix: str, settled: bool
) -> list[tuple[str, InstrumentView, int | None, int | None]]:
    """(name, view, best bid, best ask) of the instruments whose name begins with `prefix`."""
    views = await list_instruments(node, settled=settled)
    named = [(get_view_terms(view).name, view) for view in views]
    wanted = [(name, view) for name, view in named if name.startswith(prefix)]
    books = await asyncio.gather(*(node.plain.get_book(view.instrument, 1) for _, view in wanted))
    return [
        (
            name,
            view,
            book.bids[0].price_ticks if book.bids else None,
            book.asks[0].price_ticks if book.asks else None,
        )
        for (name, view), book in zip(wanted, books, strict=True)
    ]


def print_book(folder: Path, name: str, depth: int, as_json: bool) -> None:
    """Show both sides of a book, by price."""

    async def look(
        node: CheckedConnection,
    ) -> tuple[InstrumentView, list[tuple[int, int, int]], list[tuple[int, int, int]]]:
        instrument = await find_instrument(node, name)
        book = await node.plain.get_book(instrument.instrument, 1_000)
        sides = [[(order.price_ticks, order.left_lots) for order in side] for side in (book.bids, book.asks)]
        return instrument, add_levels(sides[0], depth), add_levels(sides[1], depth)

    output = Output(as_json)
    instrument, bids, asks = run_with_node(open_site(folder), look)
    rows = []
    for place in range(max(len(bids), len(asks))):
        bid = bids[place] if place < len(bids) else None
        ask = asks[place] if place < len(asks) else None
        rows.append(
            (
                format_size(bid[1]) if bid else "",
                format_price(bid[0]) if bid else "",
                format_price(ask[0]) if ask else "",
                format_size(ask[1]) if ask else "",
            )
        )
    output.line(f"{get_view_terms(instrument).name}, mark {format_price(instrument.mark_ticks)}")
    output.table("", ("size", "bid", "ask", "size"), rows)
    levels = {
        side: [{"price_ticks": price, "size_lots": lots, "orders": count} for price, lots, count in each]
        for side, each in (("bids", bids), ("asks", asks))
    }
    output.result({"name": get_view_terms(instrument).name, "mark_ticks": instrument.mark_ticks, **levels})


def add_levels(orders: list[tuple[int, int]], depth: int) -> list[Level]:
    """(price, lots, orders) of the first `depth` prices, from orders (price, lots) in their order."""
    levels: dict[int, tuple[int, int]] = {}
    for price, lots in orders:
        before = levels.get(price, (0, 0))
        levels[price] = (before[0] + lots, before[1] + 1)
    return [(price, lots, count) for price, (lots, count) in list(levels.items())[:depth]]


def run_with_node(site: Site, look: Callable[[CheckedConnection], Awaitable[Result]]) -> Result:
    """Do something with a connection to the node."""

    async def main() -> Result:
        async with await connect_node(site) as node:
            return await look(node)

    return asyncio.run(main())
