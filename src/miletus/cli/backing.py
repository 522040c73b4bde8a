"""What `miletus backup` and `miletus restore` do.

A copy is taken in the order in which a crash at any moment of it would leave the files: the note of what was
synced, snapshots and batches first, the log after them. So it is recovered as a node recovers that was
killed. What was confirmed after the copy is only in the batches that L1 has: a restored node follows those,
and begins a new epoch after them, so that nothing it signs contradicts what was signed before (09-R16).
"""

import hashlib
import io
import os
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from miletus.cli.errors import CliError
from miletus.cli.folder import MARKER, Folder, is_running
from miletus.cli.output import Output
from miletus.cli.roles.batcher import WALLET
from miletus.sequencer.chain import Deployment as Identity
from miletus.sequencer.config import NodeConfig
from miletus.sequencer.epochs import ForeignBatch
from miletus.sequencer.feed import BatchStore
from miletus.sequencer.node import Node
from miletus.settlement.chain import ChainView, PostedBatch
from miletus.settlement.deployment import Deployment
from miletus.settlement.genesis import Genesis
from miletus.settlement.l1 import Vault
from miletus.settlement.node import HeadRules, L1Node
from miletus.settlement.proofs import read_commitment

MANIFEST: Final = "backup.json"

VERSION: Final = 1

SMALL: Final = (
    *("genesis.json", "deployment.json", "config.json", "actors.json", "system.json", "clock"),
    *("keys", "anvil.json"),
)
"""Files and folders that are copied as they are, where they are."""

DATABASES: Final = ("batcher", "wallets", "gateway")
"""Folders of SQLite files, which are copied by SQLite itself."""

ORDER: Final = {".snapshot": 1, ".batch": 2, ".log": 3}
"""In which order the node's files are copied, by their endings; others are the first."""


class Manifest(msgspec.Struct, frozen=True):
    """What a copy holds: of which rollup, whether the system was running, and each file's sha256."""

    version: int
    chain_id: int
    rollup: str
    was_running: bool
    last_batch: int
    files: dict[str, str]


# ---- backup


def make_backup(path: Path, target: Path, as_json: bool) -> None:
    """Write a copy. CliError if there is no system, or its own L1 is running."""
    folder, output = Folder(path), Output(as_json)
    system = folder.read_system()
    assert system is not None
    config, deployment = folder.read_config(), Deployment.load(folder.deployment_path)
    running = bool(system.pid) and is_running(system.pid)
    if running and not config.l1.rpc:
        raise CliError(
            "the system's own L1 is written when it stops: stop the system, then make the backup (with an L1 "
            "of its own choosing, l1.rpc, a backup can be made while it runs)"
        )
    if target.exists():
        raise CliError(f"{target} is there already: choose another file")
    draft = target.with_name(f".{target.name}.draft")
    files: dict[str, str] = {}
    last = BatchStore(folder.path / "node" / "batches").get_last()
    try:
        with open(draft, "wb", opener=open_private) as raw, tarfile.open(fileobj=raw, mode="w:gz") as archive:
            for name, data in collect(folder):
                files[name] = hashlib.sha256(data).hexdigest()
                add(archive, name, data)
            manifest = Manifest(VERSION, deployment.chain_id, deployment.rollup, running, last, files)
            add(archive, MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)))
        draft.replace(target)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    size = target.stat().st_size
    output.line(f"{len(files)} files, {size >> 10:,} KiB in {target}, up to batch {last}: it holds the keys")
    output.result({"file": str(target), "files": len(files), "bytes": size, "last_batch": last})


def open_private(path: str, flags: int) -> int:
    """Open a file that its owner alone can read."""
    return os.open(path, flags, 0o600)


def add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    """Put a file into an archive."""
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(data), 0o600
    archive.addfile(info, io.BytesIO(data))


def collect(folder: Folder) -> Iterator[tuple[str, bytes]]:
    """Every file of a copy, in the order that keeps it consistent."""
    root = folder.path
    for name in SMALL:
        yield from read_tree(root, root / name)
    for name in DATABASES:
        for path in sorted((root / name).glob("*")):
            if path.suffix in (".db", ".sqlite"):
                yield str(path.relative_to(root)), copy_database(path)
    node = root / "node"
    found = [path for path in node.rglob("*") if path.is_file() and path.name != "lock"]
    # the note of what was synced is the first: what it says is in the log by the time that is read
    for path in sorted(found, key=lambda each: (ORDER.get(each.suffix, 0), each)):
        yield from read_tree(root, path)


def read_tree(root: Path, path: Path) -> Iterator[tuple[str, bytes]]:
    """A file, or the files of a folder; one that went meanwhile is left out."""
    if path.is_dir():
        for each in sorted(path.rglob("*")):
            if each.is_file():
                yield from read_tree(root, each)
        return
    try:
        yield str(path.relative_to(root)), path.read_bytes()
    except FileNotFoundError:
        return


def copy_database(path: Path) -> bytes:
    """The bytes of a whole copy of an SQLite file that may be written meanwhile."""
    with tempfile.TemporaryDirectory() as place:
        target = Path(place) / path.name
        source, copy = sqlite3.connect(path), sqlite3.connect(target)
        try:
            source.backup(copy)
        finally:
            source.close()
            copy.close()
        return target.read_bytes()


# ---- restore


def restore_backup(path: Path, source: Path, as_json: bool) -> None:
    """Bring a system back. CliError for a file that is no whole copy, or a folder that is not empty."""
    folder, output = Folder(path), Output(as_json)
    if folder.path.exists() and any(folder.path.iterdir()):
        raise CliError(f"{folder.path} is not empty: restore into an empty --folder")
    folder.path.mkdir(parents=True, exist_ok=True)
    try:
        manifest = unpack(source, folder.path)
        (folder.path / MARKER).touch()
        (folder.path / "logs").mkdir(exist_ok=True)
        (folder.path / "keys").chmod(0o700)
        folder.mark_stopped()
        config = folder.read_config()
        followed = follow_l1(folder) if config.l1.rpc else None
    except BaseException:
        clear(folder.path)
        raise
    told = "as its own L1 has it" if followed is None else f"{followed} batches of L1 were followed"
    output.line(f"restored up to batch {manifest.last_batch}, {told}: start it with miletus up")
    output.result({"last_batch": manifest.last_batch, "followed": followed})


def unpack(source: Path, target: Path) -> Manifest:
    """Write a copy's files, after seeing that each is whole. CliError if it is no copy of ours."""
    try:
        with tarfile.open(source, "r:gz") as archive:
            members = {member.name: member for member in archive.getmembers()}
            manifest = msgspec.json.decode(read_member(archive, members[MANIFEST]), type=Manifest)
            if manifest.version != VERSION:
                raise CliError(f"{source} was written by another version ({manifest.version}): use that one")
            for name, digest in manifest.files.items():
                data = read_member(archive, members[name])
                if hashlib.sha256(data).hexdigest() != digest:
                    raise CliError(f"{source}: {name} is damaged: restore from another copy")
                place = (target / name).resolve()
                if not place.is_relative_to(target.resolve()):
                    raise CliError(f"{source}: {name[:60]!r} leads out of the folder: this is no backup")
                place.parent.mkdir(parents=True, exist_ok=True)
                with open(place, "wb", opener=open_private) as file:
                    file.write(data)
    except FileNotFoundError:
        raise CliError(f"{source}: no such file: check the path") from None
    except (tarfile.TarError, EOFError, OSError, KeyError, msgspec.DecodeError, ValueError) as error:
        raise CliError(f"{source} is no whole backup ({error}): restore from another copy") from None
    return manifest


def read_member(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    """The bytes of a plain file of an archive. KeyError if it is something else."""
    file = archive.extractfile(member) if member.isreg() else None
    if file is None:
        raise KeyError(member.name)
    return file.read()


def clear(path: Path) -> None:
    """Remove what a restore that failed has written."""
    for each in path.iterdir():
        if each.is_dir():
            shutil.rmtree(each)
        else:
            each.unlink()


def follow_l1(folder: Folder) -> int:
    """Have the node begin a new epoch after the batches that L1 has; how many of them it had not."""
    deployment, genesis = Deployment.load(folder.deployment_path), Genesis.load(folder.genesis_path)
    l1 = L1Node.connect(folder.read_config().l1.rpc, HeadRules())
    rollup = deployment.check(l1)
    view = ChainView(rollup, Vault(l1, rollup.vault), deployment.start_block)
    view.poll()
    node = Node(
        folder.path / "node",
        Identity.of(deployment.chain_id, deployment.rollup),
        genesis,
        folder.get_secret(f"wallet-{WALLET}"),
        NodeConfig(signatures_off_chain=rollup.is_off_chain),
    )
    try:
        node.wait_for_roots()
        base = find_base(view, BatchStore(folder.path / "node" / "batches"))
        foreign = [build_foreign(view, posted) for posted in view.batches[base:]]
        node.begin_epoch(base, foreign)
    finally:
        node.close()
    return len(foreign)


def find_base(view: ChainView, batches: BatchStore) -> int:
    """The last batch that L1 has as this node closed it."""
    base = 0
    for posted in view.batches:
        own = batches.get_batch(posted.number)
        if own is None or own.segments[-1].root != posted.root:
            break
        base = posted.number
    return base


def build_foreign(view: ChainView, posted: PostedBatch) -> ForeignBatch:
    """A batch of L1 as the node follows it."""
    entries = tuple(entry.words for entry in view.entries[posted.inbox_first : posted.inbox_end])
    segments = tuple(segment.words for segment in read_commitment(view, posted).segments[1:])
    return ForeignBatch(posted.time_s, entries, segments)
