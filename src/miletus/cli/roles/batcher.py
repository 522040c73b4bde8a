"""The batcher: posts what the sequencer closed, and makes final what has passed its window."""

from dataclasses import asdict
from pathlib import Path

from miletus.cli.channel import Channel
from miletus.cli.folder import lock_folder
from miletus.cli.roles.base import Site, follow_l1
from miletus.sequencer.feed import BatchStore
from miletus.settlement.batcher import Batcher, Progress
from miletus.settlement.chain import ChainView
from miletus.settlement.errors import Superseded
from miletus.settlement.l1 import Vault
from miletus.settlement.sender import FeePolicy, Sender, open_store

WALLET = "operator"
"""The wallet that deploys, proposes batches and locks their bonds."""

DEVELOPMENT_DEPTH = 2
"""Blocks after which a transaction is taken for settled where L1 mines only what it is asked to."""


def run(channel: Channel, folder: Path, poll_seconds: float) -> None:
    """Run until told to stop."""
    site = Site.open(folder)
    l1 = site.connect_l1()
    rollup = site.deployment.check(l1)
    wallet = site.folder.get_wallet(WALLET)
    lock = lock_folder(site.folder.subfolder("batcher"), "batcher")
    store = open_store(site.folder.subfolder("batcher") / "intents.db", l1, wallet.address)
    fees = FeePolicy(depth=DEVELOPMENT_DEPTH) if site.system.is_simulated else FeePolicy()
    sender = Sender(l1, wallet, store, fees)
    view = ChainView(rollup, Vault(l1, rollup.vault), site.deployment.start_block)
    batcher = Batcher(view, sender, BatchStore(site.folder.subfolder("node") / "batches"))
    last: Progress | None = None

    def poll() -> None:
        nonlocal last
        try:
            progress = batcher.poll()
        except Superseded as error:
            wait_for_verdict(channel, error, rollup.get_final_number())
            last = None
            return
        if progress != last:
            channel.report(**asdict(progress), problem="")
        last = progress

    def get_pause() -> float:
        return (
            poll_seconds / 4 if last is not None and last.closed else poll_seconds
        )  # soon again if one waits

    channel.ready(wallet=wallet.address)
    try:
        follow_l1(channel, poll, get_pause)
    finally:
        store.close()
        lock.close()


def wait_for_verdict(channel: Channel, error: Superseded, final_number: int) -> None:
    """Tell that another's batch is on L1, which may yet be proved wrong; raise the error once it is final."""
    if error.number <= final_number:
        raise error
    problem = f"{error}; it is not final: waiting for its verdict"
    if channel.problem != problem:
        channel.report(problem=problem)
