"""The indexer: history in a database, from a system's node and L1, or from L1 alone."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

import structlog

from miletus.cli.channel import Channel, Fields
from miletus.cli.errors import CliError
from miletus.cli.roles.base import Site
from miletus.indexer.chain import ChainFollower
from miletus.indexer.database import Database, open_database
from miletus.indexer.errors import OtherVersion
from miletus.indexer.indexer import Indexer
from miletus.indexer.service import IndexService
from miletus.indexer.writing import Closable, hold, hold_file
from miletus.sequencer.feed import BatchStore
from miletus.settlement.chain import ChainView
from miletus.settlement.deployment import check_rollup
from miletus.settlement.genesis import Genesis
from miletus.settlement.l1 import Vault
from miletus.settlement.node import MOVED_TIME, HeadRules, L1Node

DATABASE = "history.sqlite"
"""File of a system's folder, in `market`, unless another database is given."""

REPORT_SECONDS = 1.0


@dataclass(frozen=True)
class Options:
    """What the command was given. With `rpc`, `rollup` and `genesis` no folder is read."""

    folder: Path
    database: str | None = None
    l1_alone: bool = False
    rpc: str | None = None
    rollup: str | None = None
    genesis: Path | None = None
    start_block: int = 0
    moved_time: bool = False
    poll_seconds: float = 1.0
    until_batch: int = 0


def open_service(options: Options) -> tuple[IndexService, Closable]:
    """A service and its hold on the database. Raises CliError, SettlementError, IndexerError."""
    given = (options.rpc, options.rollup, options.genesis)
    if any(given) and not all(given):
        raise CliError("give --rpc, --rollup and --genesis together, or none and a --folder")
    if options.rpc and options.rollup and options.genesis:
        if options.database is None:
            raise CliError("say where rows go: --database FILE, or --database postgresql://...")
        l1 = L1Node.connect(options.rpc, MOVED_TIME if options.moved_time else HeadRules())
        genesis = Genesis.load(options.genesis)
        rollup = check_rollup(l1, options.rollup, genesis.compute_root())
        view = ChainView(rollup, Vault(l1, rollup.vault), options.start_block)
        database = open_database(options.database)
        lock = hold(database)
        indexer = Indexer(database, genesis, l1.get_chain_id(), rollup.address, off_chain=rollup.is_off_chain)
        service = IndexService(indexer, ChainFollower(indexer, view), poll_seconds=options.poll_seconds)
        return service, lock
    return open_beside(Site.open(options.folder), options)


def open_own(site: Site) -> Database:
    """The system's database; one of its folder, of another version, is begun anew, since L1 has it all."""
    if site.config.index.database:
        return open_database(site.config.index.database)
    path = site.folder.subfolder("market") / DATABASE
    try:
        return open_database(path)
    except OtherVersion:
        lock = hold_file(path)
        for each in (path, *(Path(f"{path}{end}") for end in ("-wal", "-shm"))):
            each.unlink(missing_ok=True)
        lock.close()
        structlog.get_logger().info("history of another version is begun anew", database=str(path))
        return open_database(path)


def open_beside(site: Site, options: Options) -> tuple[IndexService, Closable]:
    """A service beside a system's node."""
    l1 = site.connect_l1()
    rollup = site.deployment.check(l1)
    view = ChainView(rollup, Vault(l1, rollup.vault), site.deployment.start_block)
    database = open_database(options.database) if options.database else open_own(site)
    lock = hold(database)
    indexer = Indexer(
        database,
        site.genesis,
        site.deployment.chain_id,
        site.deployment.rollup,
        off_chain=rollup.is_off_chain,
    )
    node = None if options.l1_alone else (site.system.node_host, site.system.node_port)
    batches = None if options.l1_alone else BatchStore(site.folder.path / "node" / "batches")
    return IndexService(indexer, ChainFollower(indexer, view), node, batches, options.poll_seconds), lock


def describe(service: IndexService) -> Fields:
    """How far it came."""
    indexer, chain = service.indexer, service.chain
    return {
        "database": indexer.store.database.address,
        "batches": indexer.last_batch,
        "batches_on_l1": 0 if chain is None else chain.noted,
        "clock_ms": indexer.clock_ms,
        "node": service.connected,
    }


def run(channel: Channel, options: Options) -> None:
    """Run until told to stop, or until the batch that was asked for."""
    service, lock = open_service(options)

    async def main() -> None:
        stop = asyncio.Event()
        channel.attach(asyncio.get_running_loop())
        channel.handlers["status"] = lambda: describe(service)
        channel.ready(**describe(service))
        watcher = asyncio.create_task(watch(channel, service, stop, options.until_batch))
        try:
            await service.run(stop)
        finally:
            watcher.cancel()
            await asyncio.gather(watcher, return_exceptions=True)
            lock.close()
            service.indexer.store.database.close()

    asyncio.run(main())


async def watch(channel: Channel, service: IndexService, stop: asyncio.Event, until_batch: int) -> None:
    """Set `stop` when the role shall end; tell how far it came."""
    told: Fields = {}
    waited = REPORT_SECONDS
    while not channel.stopping:
        noted = 0 if service.chain is None else service.chain.noted
        if until_batch and noted >= until_batch:
            break
        if waited >= REPORT_SECONDS:
            waited, now = 0.0, describe(service)
            if now != told:
                channel.report(**now)
                told = now
        await asyncio.sleep(0.05)
        waited += 0.05
    channel.report(**describe(service))
    stop.set()
