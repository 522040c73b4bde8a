"""Snapshots and restarts: whatever is damaged, the same state comes back, or a line says what to do."""

import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miletus.engine.packing import compute_page_kind
from miletus.sequencer.epochs import get_epoch_directory
from miletus.sequencer.errors import LogDamaged, SnapshotDamaged
from miletus.sequencer.feed import BatchStore
from miletus.sequencer.log import get_files
from miletus.sequencer.node import Node
from miletus.sequencer.roots import ReplayDiffers
from miletus.sequencer.snapshot import Position, SnapshotStore, read_snapshot
from tests.sequencer.test_epochs import trade_batches
from tests.sequencer.world import DEPLOYMENT, SECRET, SMALL, Clock, Genesis, open_market, open_node


class Saved:
    """A directory of a node that was closed, and what it must come back to."""

    def __init__(self, directory: Path, clock: Clock) -> None:
        node = open_market(directory, clock)
        trade_batches(node, clock, 7)
        self.clock = clock
        self.root = node.compute_root()
        self.number = node.next_number
        self.batches = list(node.batches.get_batches(1))
        node.close()
        self.directory = directory

    def copy(self, to: Path) -> Path:
        return Path(shutil.copytree(self.directory, to))

    def check(self, directory: Path) -> None:
        """Open it, and see that all is there."""
        node = open_node(directory, self.clock)
        try:
            assert node.next_number == self.number
            assert node.compute_root() == self.root
            assert node.wait_for_roots(30)
            assert list(node.batches.get_batches(1)) == self.batches
        finally:
            node.close()


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Saved:
    return Saved(tmp_path_factory.mktemp("saved") / "node", Clock())


@pytest.fixture
def directory(saved: Saved, tmp_path: Path) -> Path:
    return saved.copy(tmp_path / "node")


def get_snapshots(directory: Path) -> list[Path]:
    return SnapshotStore(get_epoch_directory(directory, 1) / "snapshots").get_paths()


def flip_bit(path: Path, place: int) -> None:
    raw = bytearray(path.read_bytes())
    raw[place] ^= 1
    path.write_bytes(raw)


@pytest.mark.rule("09-R15", "09-R04")
def test_a_restart_takes_the_newest_snapshot(saved: Saved, directory: Path) -> None:
    paths = get_snapshots(directory)
    assert [read_snapshot(path).position.batch for path in paths] == [4, 6]
    node = open_node(directory, saved.clock)
    assert node.feed[0].first_number == read_snapshot(paths[-1]).position.next_number  # only this is replayed
    node.close()
    saved.check(directory)


@pytest.mark.rule("09-R15")
@pytest.mark.parametrize("place", [0, 9, 14, 20, 40, 200, -1])
def test_a_damaged_snapshot_gives_way_to_the_one_before(saved: Saved, directory: Path, place: int) -> None:
    path = get_snapshots(directory)[-1]
    flip_bit(path, place)
    with pytest.raises(SnapshotDamaged, match=f"{path.name}: damaged .*; remove the file, an older one"):
        read_snapshot(path)
    saved.check(directory)


@pytest.mark.rule("09-R15")
@pytest.mark.parametrize("size", [0, 5, 100, -1])
def test_a_torn_snapshot_gives_way_too(saved: Saved, directory: Path, size: int) -> None:
    path = get_snapshots(directory)[-1]
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(SnapshotDamaged, match=path.name):
        read_snapshot(path)
    saved.check(directory)


@pytest.mark.rule("09-R15")
def test_without_any_snapshot_the_log_serves(saved: Saved, directory: Path) -> None:
    for path in get_snapshots(directory):
        flip_bit(path, 30)
    saved.check(directory)


@pytest.mark.rule("09-R15")
def test_a_snapshot_whose_pages_give_another_root_is_not_used(saved: Saved, directory: Path) -> None:
    """Whole by its checksum, and wrong: only the root tells."""
    store = SnapshotStore(get_epoch_directory(directory, 1) / "snapshots")
    snapshot = read_snapshot(store.get_paths()[-1])
    fields = snapshot.fields.tobytes()
    pages = {number: fields[k * 512 : (k + 1) * 512] for k, number in enumerate(snapshot.numbers)}
    rich = max(number for number in pages if compute_page_kind(number) == 1)
    pages[rich] = pages[rich][:32] + (10**15).to_bytes(8, "little") + pages[rich][40:]  # cash
    store.put(snapshot.position, pages)
    saved.check(directory)


@pytest.mark.rule("09-R15")
def test_the_snapshot_of_another_rollup_is_refused(saved: Saved, directory: Path) -> None:
    store = SnapshotStore(get_epoch_directory(directory, 1) / "snapshots")
    snapshot = read_snapshot(store.get_paths()[-1])
    position = Position(bytes(32), 1, 9, 5, bytes(32), 0, snapshot.position.root)
    store.put(position, {})
    with pytest.raises(SnapshotDamaged, match="of another chain or rollup"):
        open_node(directory, saved.clock)


PAGES = st.dictionaries(st.integers(0, 2**30 - 1), st.binary(min_size=512, max_size=512), max_size=20)


@settings(max_examples=30, deadline=None)
@given(PAGES, st.binary(min_size=32, max_size=32))
def test_what_is_put_is_read(
    tmp_path_factory: pytest.TempPathFactory, pages: dict[int, bytes], root: bytes
) -> None:
    store = SnapshotStore(tmp_path_factory.mktemp("snapshots"))
    position = Position(bytes(32), 3, 7, 11, root, 13, root)
    snapshot = read_snapshot(store.put(position, pages))
    assert snapshot.position == position
    assert list(snapshot.numbers) == sorted(pages)
    assert snapshot.fields.tobytes() == b"".join(pages[number] for number in sorted(pages))


@pytest.mark.rule("09-R15")
@pytest.mark.parametrize("lost", [1, 3, 6, 7])
def test_a_lost_batch_file_is_written_again(saved: Saved, directory: Path, lost: int) -> None:
    BatchStore(directory / "batches").get_path(lost).unlink()
    saved.check(directory)


@pytest.mark.rule("09-R15")
def test_a_batch_file_that_the_log_contradicts_is_an_error(saved: Saved, directory: Path) -> None:
    store = BatchStore(directory / "batches")
    last = saved.batches[-1]
    store.put_batch(
        type(last)(**{name: getattr(last, name) for name in last.__struct_fields__} | {"clock_ms": 1})
    )
    node = open_node(directory, saved.clock)
    with pytest.raises(ReplayDiffers, match="the log gives another batch"):
        node.wait_for_roots(30)
    node.close()


@pytest.mark.rule("09-R04")
def test_a_damaged_log_stops_the_start_and_says_where(saved: Saved, directory: Path) -> None:
    path = get_files(get_epoch_directory(directory, 1) / "log")[-1]
    flip_bit(path, 600)
    with pytest.raises(LogDamaged, match=rf"{path.name}: damaged at offset \d+: number \d+ was confirmed"):
        open_node(directory, saved.clock)


@pytest.mark.rule("09-R04", "09-R15")
def test_a_log_that_does_not_follow_from_its_snapshot_is_an_error(saved: Saved, directory: Path) -> None:
    store = SnapshotStore(get_epoch_directory(directory, 1) / "snapshots")
    snapshot = read_snapshot(store.get_paths()[-1])
    p = snapshot.position
    fields = snapshot.fields.tobytes()
    pages = {number: fields[k * 512 : (k + 1) * 512] for k, number in enumerate(snapshot.numbers)}
    store.put(Position(p.identity, 1, p.batch, p.next_number, bytes(32), p.inbox_next, p.root), pages)
    with pytest.raises(LogDamaged, match=f"number {p.next_number} does not follow from what is before it"):
        open_node(directory, saved.clock)


def test_a_directory_of_another_deployment_is_refused(saved: Saved, directory: Path) -> None:
    other = type(DEPLOYMENT)(1, DEPLOYMENT.rollup)
    with pytest.raises(LogDamaged, match="another chain or rollup; give the node a directory of its own"):
        Node(directory, other, Genesis(), SECRET, SMALL, saved.clock)
