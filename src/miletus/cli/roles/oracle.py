"""The oracle: ticks, listings, sheets and settlements of a market, approved by m of n signers.

The signers of one process have one source, the system's market; each judges every proposal against it before
it signs. Signers elsewhere would have sources of their own.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import structlog

from miletus.cli.channel import Channel, Fields
from miletus.cli.errors import CliError
from miletus.cli.person import get_view_terms, list_instruments
from miletus.cli.roles.base import Site, drive
from miletus.cli.roles.markets import connect_node, open_market
from miletus.client.connection import CheckedConnection
from miletus.codec import encode
from miletus.codec.table import WORD_BYTES
from miletus.engine.reasons import Reason
from miletus.market.instruments import Catalogue, Grid, Instrument
from miletus.market.names import Terms, parse_name
from miletus.market.oracle import Bundle, Oracle, get_reading_times
from miletus.market.signer import Signer
from miletus.market.standing import Ledger, Standing
from miletus.native import domain
from miletus.sequencer.answers import Answer
from miletus.sequencer.errors import Refused
from miletus.sequencer.query import InstrumentView, UnderlyingView

ON_TIME_S: Final = 20
"""A reading that is older goes out after the tick of now, as a late one (06-R05)."""

logger = structlog.get_logger(__name__)


class OracleRefused(CliError):
    """Node or machine refused what the oracle proposed."""


@dataclass
class Published:
    """What one call of `publish` brought to the exchange."""

    ticks: int = 0
    listed: int = 0
    sheets: int = 0
    words: int = 0
    settled: list[Fields] = field(default_factory=list)


class OracleRole:
    """An oracle, and its way to the node."""

    def __init__(self, channel: Channel, site: Site, node: CheckedConnection) -> None:
        self.channel = channel
        self.site = site
        self.node = node
        self.market = open_market(site.config.market)
        self._keys = [site.folder.get_signer(number) for number in range(len(site.genesis.signers))]
        if tuple(key.public for key in self._keys) != site.genesis.signers:
            raise CliError(f"{site.folder.keys}: the signers' keys are not those of the genesis file")

    async def run(self) -> None:
        """Answer requests until told to stop."""
        await self.restore()
        self.channel.handlers |= {"publish": self.publish}
        self.channel.attach(asyncio.get_running_loop())
        self.channel.ready(signers=len(self._keys), threshold=self.site.genesis.threshold)
        if not self.channel.supervised:
            await drive(self.channel, self.site, self.publish)
        while not self.channel.stopping:
            await asyncio.sleep(0.05)

    async def restore(self) -> None:
        """Believe what the exchange holds: at the start, and when it refused something."""
        instruments = await list_instruments(self.node, settled=True)
        views = [await self.node.plain.get_underlying(number) for number in self.market.underlyings]
        underlyings = [view for view in views if view is not None]
        if len(underlyings) != len(views):
            raise CliError("the exchange lacks an underlying of this market: check its genesis")
        deployment = self.site.deployment
        signing_domain = domain(deployment.chain_id, deployment.rollup)
        signers = [
            Signer(number, key, signing_domain, self.market, make_ledger(instruments, underlyings))
            for number, key in enumerate(self._keys)
        ]
        threshold = self.site.genesis.threshold
        self.oracle = Oracle(self.market, signers, threshold, make_ledger(instruments, underlyings))
        last_s = max(view.tick_time_s for view in underlyings)
        self.published_s = last_s or self.market.start_s - 1

    async def publish(self, time_s: int, only: str = "") -> Fields:
        """Bring the exchange to a second: readings and ticks, settlements, listings, sheets.

        The exchange's clock must be there already. With `only`, an instrument's name, nothing but that one
        and what it takes is published. Returns what was done.
        """
        try:
            done = await (self._publish_one(parse_name(only), time_s) if only else self._publish(time_s))
        except OracleRefused:
            await self.restore()
            raise
        indices = {str(u): self.oracle.ledger.get(u).index_ticks for u in self.market.underlyings}
        listed = {str(u): len(self.oracle.catalogue.of(u)) for u in self.market.underlyings}
        return {
            "ticks": done.ticks,
            "listed": done.listed,
            "sheets": done.sheets,
            "words": done.words,
            "settled": done.settled,
            "index_ticks": indices,
            "instruments": listed,
        }

    async def _publish(self, time_s: int) -> Published:
        done = Published()
        readings = get_reading_times(self.published_s, time_s - 1)
        on_time = [at_s for at_s in readings if time_s - at_s <= ON_TIME_S]
        late = [at_s for at_s in readings if time_s - at_s > ON_TIME_S]
        for at_s in (*on_time, time_s, *late):
            bundle = Bundle()
            for underlying in self.market.underlyings:
                bundle.extend(self.oracle.tick(underlying, at_s, now_s=time_s))
                done.ticks += 1
            await self._send(bundle, done)
        self.published_s = time_s
        for instrument in self.oracle.catalogue.expired(time_s):
            done.settled.append(await self._settle(instrument))
        listing = self.oracle.list_missing(self.market.get_terms(time_s), time_s)
        await self._send(listing, done)
        done.listed += len(listing.listed)
        for underlying in self.market.underlyings:
            if self.oracle.is_sheet_due(underlying, time_s):
                await self._send(self.oracle.sheet(underlying, time_s), done)
                done.sheets += 1
        return done

    async def _publish_one(self, terms: Terms, time_s: int) -> Published:
        """A tick of one underlying, and where they are due one instrument of it and a sheet."""
        done = Published(ticks=1)
        await self._send(self.oracle.tick(terms.underlying, time_s, now_s=time_s), done)
        self.published_s = max(self.published_s, time_s)
        listing = self.oracle.list_missing([terms], time_s)
        await self._send(listing, done)
        done.listed += len(listing.listed)
        if self.oracle.is_sheet_due(terms.underlying, time_s):
            await self._send(self.oracle.sheet(terms.underlying, time_s), done)
            done.sheets += 1
        return done

    async def _settle(self, instrument: Instrument) -> Fields:
        """Settle an instrument; its name and payoff."""
        answer = await self.node.submit_settle(encode.settle(instrument=instrument.number))
        require_ok([answer], f"settlement of {instrument.name}")
        assert isinstance(answer, Answer)
        self.oracle.settled(instrument.number)
        return {"name": instrument.name, "payoff_ticks": answer.result.detail}

    async def _send(self, bundle: Bundle, done: Published) -> None:
        if bundle:
            done.words += len(bundle.words) // WORD_BYTES
            require_ok(await self.node.submit_bundle(bundle.words), "bundle")


def require_ok(outcomes: Sequence[Answer | Refused], what: str) -> None:
    """Raise OracleRefused for the first outcome that is not right."""
    for outcome in outcomes:
        if isinstance(outcome, Refused):
            raise OracleRefused(f"the node refused a {what} of the oracle: {outcome}")
        if outcome.result.reason:
            reason = Reason(outcome.result.reason).name
            raise OracleRefused(f"the machine refused a {what} of the oracle: {reason}")


def make_ledger(instruments: Iterable[InstrumentView], underlyings: Iterable[UnderlyingView]) -> Ledger:
    """A ledger from what the node tells. Marks in force are not known, so that every sheet is due at once."""
    views = list(instruments)
    catalogue = Catalogue(max((view.instrument for view in views), default=-1) + 1)
    for view in views:
        if view.state == 1:
            grid = Grid(view.tick_step, view.lot_step, view.min_size_lots)
            catalogue.put(Instrument(view.instrument, get_view_terms(view), grid))
    standings = {
        view.underlying: Standing(
            view.tick_time_s, view.index_ticks, view.cumulative, view.sheet_number, view.sheet_time_s
        )
        for view in underlyings
    }
    return Ledger(catalogue, standings)


def run(channel: Channel, folder: Path) -> None:
    """Run until told to stop."""

    async def main() -> None:
        site = Site.open(folder)
        async with await connect_node(site) as node:
            await OracleRole(channel, site, node).run()

    asyncio.run(main())
