"""The oracle: ticks, listings, sheets and settlements of a market, approved by m of n signers.

The signers of one process have one source, the system's market; each judges every proposal against it before
it signs. Signers elsewhere would have sources of their own.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import structlog

from miletus.cli.channel import Channel, Fields
from miletus.cli.errors import CliError
from miletus.cli.roles.base import Site
from miletus.cli.roles.markets import connect_node, open_market
from miletus.client.connection import CheckedConnection
from miletus.codec import encode
from miletus.market.oracle import Bundle, Oracle, get_reading_times, make_oracle
from miletus.native import domain
from miletus.sequencer.answers import Answer
from miletus.sequencer.errors import Refused

logger = structlog.get_logger(__name__)


class OracleRole:
    """An oracle, and its way to the node."""

    def __init__(self, channel: Channel, site: Site) -> None:
        self.channel = channel
        self.site = site
        count, threshold = len(site.genesis.signers), site.genesis.threshold
        keys = [site.folder.get_signer(number) for number in range(count)]
        if tuple(key.public for key in keys) != site.genesis.signers:
            raise CliError(f"{site.folder.keys}: the signers' keys are not those of the genesis file")
        self.market = open_market(site.config.market)
        deployment = site.deployment
        self.oracle: Oracle = make_oracle(
            self.market, keys, threshold, domain(deployment.chain_id, deployment.rollup)
        )
        self.published_s = self.market.start_s - 1
        self._node: CheckedConnection | None = None

    async def run(self) -> None:
        """Answer requests until told to stop."""
        self._node = await connect_node(self.site)
        self.channel.handlers |= {"publish": self.publish}
        self.channel.attach(asyncio.get_running_loop())
        self.channel.ready(signers=len(self.site.genesis.signers), threshold=self.site.genesis.threshold)
        while not self.channel.stopping:
            await asyncio.sleep(0.05)
        await self._node.close()

    async def publish(self, time_s: int, sheets: bool = True) -> Fields:
        """Bring the exchange to a second: readings that are due, ticks, settlements, listings, sheets.

        The exchange's clock must be there already. Returns what was done.
        """
        oracle, done = self.oracle, {"ticks": 0, "listed": 0, "sheets": 0, "words": 0}
        bundle = Bundle()
        times = [*get_reading_times(self.published_s, time_s - 1), time_s]
        for at_s in times:
            for underlying in self.market.underlyings:
                bundle.extend(oracle.tick(underlying, at_s, now_s=time_s))
                done["ticks"] += 1
        await self._send(bundle)
        self.published_s = time_s
        done["words"] += len(bundle.words) // 31
        settled = await self._settle(time_s)
        if sheets:
            listing = oracle.list_missing(self.market.get_terms(time_s), time_s)
            await self._send(listing)
            done["listed"] += len(listing.listed)
            done["words"] += len(listing.words) // 31
            for underlying in self.market.underlyings:
                if oracle.is_sheet_due(underlying, time_s):
                    sheet = oracle.sheet(underlying, time_s)
                    await self._send(sheet)
                    done["sheets"] += 1
                    done["words"] += len(sheet.words) // 31
        indices = {str(u): oracle.ledger.get(u).index_ticks for u in self.market.underlyings}
        listed = {str(u): len(oracle.catalogue.of(u)) for u in self.market.underlyings}
        return {**done, "settled": settled, "index_ticks": indices, "instruments": listed}

    async def _settle(self, time_s: int) -> list[Fields]:
        """Settle what has expired; name, payoff and settlement price of each."""
        assert self._node is not None
        settled = []
        for instrument in self.oracle.catalogue.expired(time_s):
            answer = await self._node.submit_settle(encode.settle(instrument=instrument.number))
            self._require([answer], f"settlement of {instrument.name}")
            assert isinstance(answer, Answer)
            self.oracle.settled(instrument.number)
            settled.append({"name": instrument.name, "payoff_ticks": answer.result.detail})
        return settled

    async def _send(self, bundle: Bundle) -> None:
        assert self._node is not None
        if bundle:
            self._require(await self._node.submit_bundle(bundle.words), "bundle")

    def _require(self, outcomes: Sequence[Answer | Refused], what: str) -> None:
        """Raise CliError for the first outcome that is not right."""
        for outcome in outcomes:
            if isinstance(outcome, Refused):
                raise CliError(f"the node refused a {what} of the oracle: {outcome}")
            if outcome.result.reason:
                raise CliError(f"the machine refused a {what} of the oracle: reason {outcome.result.reason}")


def run(channel: Channel, folder: Path) -> None:
    """Run until told to stop."""
    role = OracleRole(channel, Site.open(folder))
    asyncio.run(role.run())
