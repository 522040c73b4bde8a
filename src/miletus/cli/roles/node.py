"""The sequencer's node: its network front, and what L1's inbox brings it."""

import asyncio
from dataclasses import replace
from pathlib import Path

import uvloop

from miletus.cli.channel import Channel, Fields
from miletus.cli.errors import CliError
from miletus.cli.roles.base import Site, Trouble
from miletus.cli.roles.batcher import WALLET
from miletus.sequencer.chain import Deployment
from miletus.sequencer.config import NodeConfig
from miletus.sequencer.errors import NodeStopped
from miletus.sequencer.feed import InboxEntry
from miletus.sequencer.node import Node
from miletus.sequencer.server import Server
from miletus.settlement.chain import ChainView
from miletus.settlement.errors import L1Error
from miletus.settlement.inbox import InboxFollower
from miletus.settlement.l1 import Vault
from miletus.tuning import calm_collector

INBOX_SECONDS = 1.0
"""Pause between two looks at L1's inbox in real time."""

SIMULATED_INBOX_SECONDS = 0.2


class NodeRole:
    """A node, its server and its follower of L1's inbox, in one event loop."""

    def __init__(self, channel: Channel, site: Site, config: NodeConfig, port: int) -> None:
        deployment = Deployment.of(site.deployment.chain_id, site.deployment.rollup)
        secret = site.folder.get_secret(f"wallet-{WALLET}")
        directory = site.folder.subfolder("node")
        self.channel = channel
        self.site = site
        l1 = site.connect_l1()
        rollup = site.deployment.check(l1)
        config = replace(config, signatures_off_chain=rollup.is_off_chain)
        self.node = Node(directory, deployment, site.genesis, secret, config, site.clock)
        self.server = Server(self.node)
        self._port = port
        self._view = ChainView(rollup, Vault(l1, rollup.vault), site.deployment.start_block)
        self._inbox = InboxFollower(self._view)
        self._poll_seconds = SIMULATED_INBOX_SECONDS if site.system.is_simulated else INBOX_SECONDS

    async def run(self) -> None:
        """Serve until told to stop. Raises NodeStopped when the node takes nothing any more."""
        self.channel.attach(asyncio.get_running_loop())
        try:
            await self.server.start(self.site.system.node_host, self._port)
        except OSError as error:
            raise CliError(
                f"port {self._port} of {self.site.system.node_host} can't be used "
                f"({error.strerror or error}): stop what listens there or choose another port"
            ) from None
        calm_collector()
        self.channel.ready(port=self.server.port, sequencer="0x" + self.node.signer.address.hex())
        follower = asyncio.create_task(self._follow_inbox())
        try:
            while not self.channel.stopping:
                await asyncio.sleep(0.05)
                if self.node.failure is not None:
                    raise NodeStopped(str(self.node.failure))
        finally:
            follower.cancel()
            await asyncio.gather(follower, return_exceptions=True)
            await self.server.stop()
            self.node.close()

    async def _follow_inbox(self) -> None:
        """Offer the node what is old enough in L1's inbox; L1's troubles are waited out."""
        trouble = Trouble(self.channel)
        while True:
            try:
                await asyncio.to_thread(self._view.poll)
                offered = self.node.inbox[-1].index + 1 if self.node.inbox else self.node.inbox_next
                ready = self._inbox.get_ready(offered)
                self.node.offer_inbox([InboxEntry(entry.index, entry.words) for entry in ready])
                trouble.note("")
            except L1Error as error:
                trouble.note(str(error))
            await asyncio.sleep(self._poll_seconds)

    # ---- what the parent asks

    def close_batch(self) -> Fields:
        """Close the open batch, if there is one; the number of the last batch that was opened."""
        number = self.node.open_batch
        if number is not None:
            self.server.pipeline.close_batch()
        return {"closing": number}

    def get_status(self) -> Fields:
        """Where the node stands."""
        node = self.node
        return {
            "next_number": node.next_number,
            "clock_ms": node.clock_ms,
            "open_batch": node.open_batch,
            "last_batch": node.last_batch,
            "last_root": "0x" + node.last_root.hex(),
            "inbox_next": node.inbox_next,
            "inbox_waiting": len(node.inbox),
        }


def run(channel: Channel, folder: Path, config: NodeConfig, port: int) -> None:
    """Run until told to stop."""
    role = NodeRole(channel, Site.open(folder), config, port)
    channel.handlers |= {"close_batch": role.close_batch, "status": role.get_status}
    channel.measure = role.get_status
    uvloop.run(role.run())
