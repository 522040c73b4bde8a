"""Streams of what happens, across breaks of the line."""

from collections.abc import AsyncIterator

from miletus.client.connection import connect
from miletus.client.directory import Directory
from miletus.client.errors import FeedLost
from miletus.client.line import Line
from miletus.client.units import from_lots, from_ticks
from miletus.client.values import Trade
from miletus.engine import events
from miletus.market.requests import Side
from miletus.sequencer.answers import FeedGroup
from miletus.sequencer.chain import Deployment
from miletus.sequencer.connection import ConnectionEnded
from miletus.sequencer.errors import Refused


async def follow_groups(line: Line, from_number: int = 0) -> AsyncIterator[FeedGroup]:
    """Groups from a number on (0: from the next one), each once, over a connection of their own.

    Raises:
        FeedLost: the node does not remember what comes next, or began another epoch.
        Unreachable: no node answers.

    """
    venue, number, epoch = line.venue, from_number, None
    deployment = Deployment.of(venue.chain_id, venue.rollup)
    while True:
        await line.get()  # which waits for a node that is away
        try:
            async with await connect(venue.host, venue.port, deployment) as node:
                async for group in node.plain.subscribe(number):
                    if epoch is not None and group.epoch != epoch:
                        raise FeedLost("the node began another epoch: begin the stream anew")
                    if group.first_number >= number:
                        yield group
                    epoch, number = group.epoch, group.next_number
        except Refused as error:
            raise FeedLost(f"{error}: begin the stream anew") from None
        except ConnectionEnded:
            continue


async def follow_trades(
    line: Line, directory: Directory, instrument: int | None, account: int, from_number: int
) -> AsyncIterator[Trade]:
    """Every fill, of one instrument if that is not None; `account` is the one whose fills are own."""
    async for group in follow_groups(line, from_number):
        number = group.first_number
        for item in group.items:
            told = item.result.events if item.result is not None else ()
            place = 0
            for event in told:
                if event[0] != events.FILL:
                    continue
                _, maker, taker, book, price, lots, _ = event
                if instrument is None or book // 2 == instrument:
                    await directory.require([book // 2])
                    yield Trade(
                        f"{number}.{place}",
                        group.time_ms,
                        directory.names[book // 2],
                        Side(book % 2),
                        from_ticks(price),
                        from_lots(lots),
                        account in (maker // 256, taker // 256),
                    )
                place += 1
            number += len(item.words) // 31
