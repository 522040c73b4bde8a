"""What an own node keeps that saves a prover work: its batches with all their words, and its states."""

from dataclasses import dataclass
from pathlib import Path

from miletus.cli.errors import CliError
from miletus.sequencer.errors import SnapshotDamaged
from miletus.sequencer.feed import BatchStore
from miletus.sequencer.snapshot import SUFFIX, read_snapshot
from miletus.settlement.source import KnownState


@dataclass(frozen=True)
class OwnStates:
    """The snapshots of a node in a directory; what is damaged or just went is passed over."""

    directory: Path

    def get_state(self, number: int) -> KnownState | None:
        """The newest state that is of no batch after `number`; None if there is none."""
        paths = [path for path in self.directory.glob(f"epochs/*/*/*{SUFFIX}") if int(path.stem) <= number]
        for path in sorted(paths, key=lambda path: (int(path.stem), path), reverse=True):
            try:
                snapshot = read_snapshot(path)
            except (SnapshotDamaged, OSError):
                continue
            pages = memoryview(snapshot.fields).cast("B").cast("B")
            size = len(pages) // max(len(snapshot.numbers), 1)
            return KnownState(
                snapshot.position.batch,
                snapshot.position.root,
                {page: bytes(pages[at * size : (at + 1) * size]) for at, page in enumerate(snapshot.numbers)},
            )
        return None


def find_archive(directory: Path) -> BatchStore | None:
    """Closed batches of the node in a directory; None if there is no node."""
    store = BatchStore(directory / "batches")
    return store if store.directory.is_dir() else None


def find_states(directory: Path) -> OwnStates | None:
    """States of the node in a directory; None if there is no node."""
    return OwnStates(directory) if (directory / "epochs").is_dir() else None


def open_archive(directory: Path) -> BatchStore:
    """Batch files in a directory that somebody names. CliError if there are none."""
    store = BatchStore(directory)
    if not store.get_numbers():
        raise CliError(f"{directory} holds no batch files: name a node's folder of batches, or a copy of it")
    return store
