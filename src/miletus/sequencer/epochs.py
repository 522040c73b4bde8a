"""A new epoch: another proposer's batches lie on L1 where ours were going to (09-R16).

The state is rebuilt at the last batch that stands, the others' batches are followed, and what of our own
order was displaced is ordered anew, under new numbers. All of it is prepared beside the old epoch and takes
effect with one rename: the snapshot that the new epoch starts from.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from miletus.codec.table import FIRST_SIGNED_KIND, LAST_SIGNED_KIND
from miletus.engine import layout
from miletus.engine.elements import read_element
from miletus.engine.machine import Machine, build_machine
from miletus.engine.segment import INBOX, SEQUENCED, TICK
from miletus.native import decode_parts, prepare
from miletus.sequencer.chain import Deployment
from miletus.sequencer.deferring import DeferringCrypto, FollowingCrypto, fold, write_events
from miletus.sequencer.errors import SequencerError
from miletus.sequencer.feed import (
    BatchRecord,
    BatchStore,
    Outgoing,
    SegmentRecord,
    compute_clock_floor_ms,
    compute_time_bound_ms,
)
from miletus.sequencer.frames import SEQUENCED_WORDS
from miletus.sequencer.intake import MAX_ADMITTED_WORDS, count_words
from miletus.sequencer.log import Log
from miletus.sequencer.roots import RootKeeper
from miletus.sequencer.snapshot import Position, SnapshotStore

CARRIED: Final = "carried"
"""File of an epoch with the operations that are still to be ordered anew."""


class BatchUnknown(SequencerError):
    """A batch that the new epoch shall stand on is none that this node has."""


class ForeignBatch(NamedTuple):
    """A batch of another proposer, as L1 has it.

    `time_s` is its time (08-R04), `inbox_words` the words of the entries that it consumes, by entry, and
    `segments` its sequenced words, 31 bytes each.
    """

    time_s: int
    inbox_words: tuple[bytes, ...]
    segments: tuple[bytes, ...]


class Rebuilt(NamedTuple):
    """A state at a batch's end, with the keeper of its tree."""

    machine: Machine
    roots: RootKeeper
    batch: int
    inbox_next: int


def get_epoch(directory: Path) -> int:
    """The newest epoch of a node: the first, or one whose first state is there."""
    found = [int(path.parent.parent.name) for path in directory.glob("epochs/*/start/*.snapshot")]
    return max(found, default=1)


def get_epoch_directory(directory: Path, epoch: int) -> Path:
    """Where the log and the snapshots of an epoch lie."""
    return directory / "epochs" / f"{epoch:010d}"


def prepare_epoch(
    directory: Path,
    deployment: Deployment,
    build_genesis: Callable[[], Machine],
    base: int,
    foreign: Sequence[ForeignBatch],
    off_chain: bool = False,
) -> None:
    """Write the next epoch of a node's directory: on batch `base`, after it the batches of others.

    0 is the state before the first batch. BatchUnknown, with nothing changed, if the node has not got `base`.
    With `off_chain` those batches have no signatures, which are taken as valid (policy zk): they are final by
    proof, or go.
    """
    believing = FollowingCrypto(deployment.chain_id, deployment.rollup) if off_chain else None
    before = get_epoch(directory)
    batches = BatchStore(directory / "batches")
    displaced = find_displaced(directory, deployment.identity, batches, base)
    rebuilt = rebuild(directory, deployment.identity, batches, build_genesis, base, believing)
    try:
        inbox_next, records = rebuilt.inbox_next, []
        for batch in foreign:
            records.append(
                follow_foreign(rebuilt.machine, rebuilt.roots, before + 1, inbox_next, batch, believing)
            )
            inbox_next += len(batch.inbox_words)
        position = Position(
            deployment.identity,
            before + 1,
            base + len(foreign),
            1,
            deployment.start_chain(before + 1),
            inbox_next,
            rebuilt.roots.tree.root(),
        )
        home = get_epoch_directory(directory, before + 1)
        write_epoch(home, position, rebuilt.roots.pages, records, displaced)
    finally:
        rebuilt.roots.close()


def rebuild(
    directory: Path,
    identity: bytes,
    batches: BatchStore,
    build_genesis: Callable[[], Machine],
    base: int,
    believing: FollowingCrypto | None = None,
) -> Rebuilt:
    """The state after a batch that this node has, from a snapshot of this very history where there is one."""
    machine = build_genesis()
    roots = RootKeeper(batches, SnapshotStore(directory))
    stores = [
        SnapshotStore(path) for path in directory.glob("epochs/*/*") if path.name in ("snapshots", "start")
    ]
    found = [snapshot for store in stores for snapshot in store.get_newest_first(identity, base)]
    found.sort(key=lambda snapshot: snapshot.position.batch, reverse=True)
    try:
        for snapshot in found:
            batch = batches.get_batch(snapshot.position.batch)
            if batch is None or batch.segments[-1].root != snapshot.position.root:
                continue  # of a history that was displaced
            pages = snapshot.get_pages()
            if roots.load(pages) == snapshot.position.root:
                machine = build_machine(0, machine.crypto, pages[0], pages[2])
                machine.take_dirty()
                return follow_own(machine, roots, batches, snapshot.position.batch, base, believing)
            roots.reset()
        roots.load(machine.take_dirty())
        return follow_own(machine, roots, batches, 0, base, believing)
    except BaseException:
        roots.close()
        raise


def follow_batch(
    machine: Machine,
    roots: RootKeeper,
    time_s: int,
    words: Sequence[bytes],
    believing: FollowingCrypto | None = None,
) -> list[tuple[bytes, int]]:
    """Carry out a batch whose segments are these, the inbox segment first; (root, outbox) at each end.

    `believing` is the machine's cryptography meanwhile, for a batch that has no signatures.
    """
    own = machine.crypto
    machine.crypto = believing if believing is not None else own
    try:
        return carry_out_batch(machine, roots, time_s, words)
    finally:
        machine.crypto = own


def carry_out_batch(
    machine: Machine, roots: RootKeeper, time_s: int, words: Sequence[bytes]
) -> list[tuple[bytes, int]]:
    """The same under the machine's own cryptography."""
    machine.begin_batch(compute_time_bound_ms(time_s), compute_clock_floor_ms(time_s))
    claims = []
    crypto = machine.crypto
    assert isinstance(crypto, DeferringCrypto)
    for number, text in enumerate(words):
        for part in decode_parts(crypto, SEQUENCED if number else INBOX, text):
            prepare(part, machine)
            machine.run(part)
        machine.state.clear_outputs()
        if number == len(words) - 1:
            machine.end_batch()
        outbox = read_element(machine.state, layout.OUTBOX)
        pages = machine.take_dirty()
        write_events(pages[0], pages[2], fold(roots.events, crypto.take()))
        claims.append((roots.load(pages), outbox))
    return claims


def follow_own(
    machine: Machine,
    roots: RootKeeper,
    batches: BatchStore,
    after: int,
    last: int,
    believing: FollowingCrypto | None = None,
) -> Rebuilt:
    """Carry out the batches after one, which this node has files of. BatchUnknown without."""
    inbox_next = 0
    for number in range(max(after, 1), last + 1):
        batch = batches.get_batch(number)
        if batch is None:
            raise BatchUnknown(f"{batches.directory}: batch {number} is missing: restore its file")
        inbox_next = batch.inbox_first + batch.inbox_count
        if number <= after:
            continue
        texts = [part.words for part in batch.segments]
        claims = follow_batch(machine, roots, batch.time_s, texts, believing if batch.foreign else None)
        if [root for root, _ in claims] != [part.root for part in batch.segments]:
            raise BatchUnknown(f"{batches.get_path(number)}: its words give other roots: restore it")
    return Rebuilt(machine, roots, last, inbox_next)


def follow_foreign(
    machine: Machine,
    roots: RootKeeper,
    epoch: int,
    inbox_first: int,
    batch: ForeignBatch,
    believing: FollowingCrypto | None = None,
) -> BatchRecord:
    """Carry out a batch of another proposer; its record, which has no numbers."""
    words = [b"".join(batch.inbox_words), *batch.segments]
    claims = follow_batch(machine, roots, batch.time_s, words, believing)
    cells = machine.state.cells
    segments = tuple(
        SegmentRecord(number, int(SEQUENCED if number else INBOX), 0, 0, text, root, outbox, b"")
        for number, (text, (root, outbox)) in enumerate(zip(words, claims, strict=True))
    )
    return BatchRecord(
        epoch,
        int(cells[layout.BATCH_NUMBER]),
        0,
        batch.time_s,
        int(cells[layout.CLOCK_MS]),
        inbox_first,
        len(batch.inbox_words),
        b"",
        segments,
        tuple(Outgoing(owner.to_bytes(20, "big"), amount) for owner, amount in machine.state.outbox),
        foreign=True,
    )


def write_epoch(
    home: Path,
    position: Position,
    pages: dict[int, bytes],
    foreign: Sequence[BatchRecord],
    carried: Sequence[bytes],
) -> None:
    """Write what an epoch starts from into its folder; it is there when the last file of it is."""
    home.mkdir(parents=True, exist_ok=True)
    store = BatchStore(home / "foreign")
    for batch in foreign:
        store.put_batch(batch)
    (home / CARRIED).write_bytes(msgspec.msgpack.encode(list(carried)))
    SnapshotStore(home / "start").put(position, pages)


def install_foreign(home: Path, epoch: int, batches: BatchStore) -> None:
    """Give the batches of others the places of ours that they displaced. Done again without effect."""
    foreign = BatchStore(home / "foreign")
    numbers = sorted(int(path.stem) for path in foreign.directory.glob("*.batch"))
    start = max(int(path.stem) for path in (home / "start").glob("*.snapshot"))
    stale = [number for number in batches.get_numbers() if number > start - len(numbers)]
    for number in stale:
        batch = batches.get_batch(number)
        if batch is None or batch.epoch < epoch:
            batches.get_path(number).unlink()
    for number in numbers:
        batch = foreign.get_batch(number)
        if batch is not None and batches.get_batch(number) is None:
            batches.put_batch(batch)


def read_carried(home: Path) -> list[bytes]:
    """The operations that are still to be ordered anew."""
    path = home / CARRIED
    return msgspec.msgpack.decode(path.read_bytes(), type=list[bytes]) if path.exists() else []


def order_carried(
    home: Path, submit: Callable[[list[bytes]], object], carry_out: Callable[[list[bytes]], object]
) -> None:
    """Order anew what was displaced: signed operations by `submit`, the oracle's, judged before, as they are.

    What a crash interrupts is done again: an operation that was ordered is refused by its nonce.
    """
    part: list[bytes] = []
    operations = read_carried(home)
    for words, following in zip(operations, [*operations, b""][1:], strict=True):
        part.append(words)
        alike = bool(following) and is_signed(following) == is_signed(words)
        if not alike or count_words(part) + count_words([following]) > MAX_ADMITTED_WORDS:
            (submit if is_signed(words) else carry_out)(part)
            part = []
    (home / CARRIED).unlink(missing_ok=True)


def find_displaced(directory: Path, identity: bytes, batches: BatchStore, base: int) -> list[bytes]:
    """What this node ordered after batch `base`, in order, without its own ticks.

    A signed operation that was carried over before is in two logs, and named once.
    """
    batch = batches.get_batch(base) if base else None
    start = batch.epoch if batch is not None else 1
    operations: list[bytes] = []
    for epoch in range(start, get_epoch(directory) + 1):
        log = Log(get_epoch_directory(directory, epoch) / "log", identity, epoch)
        own = batch is not None and batch.epoch == epoch and not batch.foreign
        operations += read_operations(log, batch.end_number + 1 if own and batch is not None else 1)
        log.close()
    named: set[bytes] = set()
    kept = []
    for words in operations:
        if is_signed(words) and words in named:
            continue
        named.add(words)
        kept.append(words)
    return kept


def read_operations(log: Log, first: int) -> list[bytes]:
    """Sequenced operations of a log from a number on, without ticks."""
    operations = []
    for group in log.get_groups(first):
        number = group.first_number
        for item in group.items:
            if number >= first and item.tag == SEQUENCED_WORDS and item.words[0] != TICK:
                operations.append(item.words)
            number += item.word_count
    return operations


def is_signed(words: bytes) -> bool:
    """Whether an operation is one that a client signs."""
    return FIRST_SIGNED_KIND <= words[0] <= LAST_SIGNED_KIND
