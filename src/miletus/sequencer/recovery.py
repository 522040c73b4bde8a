"""From a directory back to what was confirmed: newest whole snapshot, then the log (09-R04, 09-R15)."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from miletus.engine.machine import Machine, build_machine
from miletus.sequencer.config import NodeConfig
from miletus.sequencer.confirmations import build_tree
from miletus.sequencer.epochs import get_epoch, get_epoch_directory, install_foreign
from miletus.sequencer.errors import LogDamaged, SnapshotDamaged
from miletus.sequencer.executor import Executor, Result
from miletus.sequencer.feed import BatchStore
from miletus.sequencer.frames import Group
from miletus.sequencer.log import Log
from miletus.sequencer.ordering import Plan, Policy
from miletus.sequencer.roots import RootKeeper
from miletus.sequencer.snapshot import Position, SnapshotStore
from miletus.sequencer.telling import warn


@dataclass
class Recovered:
    """What a node goes on with; `groups` are the last ones of the log, with their results."""

    log: Log
    roots: RootKeeper
    executor: Executor
    running_keccak: bytes
    groups: deque[tuple[Group, list[Result | None]]]

    def build_plan(self, policy: Policy, now_ms: int) -> Plan:
        """The open batch as the order has it."""
        executor = self.executor
        plan = Plan(policy, executor.clock_ms, executor.batch_number, executor.inbox_next)
        batch = executor.batch
        if batch is not None:
            part = batch.segment
            plan.resume(
                batch.opening,
                part.number,
                part.word_count,
                batch.sequenced_words,
                executor.outbox_count,
                now_ms,
            )
        return plan


def recover(
    directory: Path,
    identity: bytes,
    start_chain: Callable[[int], bytes],
    build_genesis: Callable[[], Machine],
    config: NodeConfig,
) -> Recovered:
    """Rebuild the state of a node's directory, which may be empty.

    LogDamaged or SnapshotDamaged, with the file and what to do, if it can't be had whole.
    """
    epoch = get_epoch(directory)
    home = get_epoch_directory(directory, epoch)
    log = Log(home / "log", identity, epoch, config.log_file_bytes)
    batches = BatchStore(directory / "batches")
    if epoch > 1:
        install_foreign(home, epoch, batches)
    roots = RootKeeper(batches, SnapshotStore(home / "snapshots"))
    try:
        first, position = load_state(home, epoch, identity, batches, build_genesis, config, roots)
        executor = Executor(
            first,
            identity,
            epoch,
            position.inbox_next if position else 0,
            lambda batch: batch % config.snapshot_batches == 0,
        )
        running = position.running_keccak if position else start_chain(epoch)
        number = position.next_number if position else 1
        groups: deque[tuple[Group, list[Result | None]]] = deque(maxlen=config.feed_groups)
        running = replay(log, executor, roots, number, running, groups)
    except BaseException:
        roots.close()
        log.close()
        raise
    return Recovered(log, roots, executor, running, groups)


def load_state(
    home: Path,
    epoch: int,
    identity: bytes,
    batches: BatchStore,
    build_genesis: Callable[[], Machine],
    config: NodeConfig,
    roots: RootKeeper,
) -> tuple[Machine, Position | None]:
    """The machine at the newest snapshot before the first missing batch file, or at the epoch's beginning."""
    genesis = build_genesis()
    for store in (roots.snapshots, SnapshotStore(home / "start")):
        for snapshot in store.get_newest_first(identity, find_last_batch(batches)):
            if snapshot.position.epoch != epoch:
                continue
            pages = snapshot.get_pages()
            if roots.load(pages, snapshot.position.batch) == snapshot.position.root:
                machine = build_machine(config.capacity_accounts, genesis.crypto, pages[0], pages[2])
                machine.take_dirty()  # the tree has these pages
                return machine, snapshot.position
            warn("snapshot not used: its pages give another root", batch=snapshot.position.batch)
            roots.reset()
    if epoch != 1:
        raise SnapshotDamaged(f"{home}: the first state of epoch {epoch} is damaged: restore it from a copy")
    roots.load(genesis.take_dirty())
    return genesis, None


def find_last_batch(batches: BatchStore) -> int:
    """The last batch before which no batch file is missing: a replay writes a lost one again."""
    number = 0
    while batches.get_path(number + 1).exists():
        number += 1
    return number


def replay(
    log: Log,
    executor: Executor,
    roots: RootKeeper,
    number: int,
    running_keccak: bytes,
    groups: deque[tuple[Group, list[Result | None]]],
) -> bytes:
    """Carry out the log from a number on; the running keccak after it."""
    for group in log.get_groups(number):
        chain = [group.running_keccak, *(leaf.running_keccak for leaf in build_tree(group).leaves)]
        skip, at = 0, group.first_number
        while at < number:
            at += group.items[skip].word_count
            skip += 1
        if chain[skip] != running_keccak:
            raise LogDamaged(
                f"{log.directory}: number {at} does not follow from what is before it; restore it"
            )
        results = executor.apply(at, group.items[skip:], chain[skip:])
        for job in executor.take_jobs():
            roots.put(job)
        groups.append((group._replace(first_number=at, items=group.items[skip:]), results))
        running_keccak, number = chain[-1], group.end_number
    return running_keccak
