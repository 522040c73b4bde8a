"""What a node keeps, as a prover uses it."""

from pathlib import Path

import pytest

from miletus.cli.errors import CliError
from miletus.cli.own_node import find_archive, find_states, open_archive
from miletus.native import NativeCrypto
from miletus.settlement.replica import Replica
from tests.sequencer.world import DEPLOYMENT, Clock, approve, index_tick, open_market

CRYPTO = NativeCrypto(DEPLOYMENT.chain_id, DEPLOYMENT.rollup)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A node's directory with six batches, and snapshots at every second of them."""
    clock = Clock()
    node = open_market(tmp_path, clock)
    for _ in range(6):
        clock.now_ms += 2_000
        node.close_batch()
        node.submit_bundle(approve(index_tick(clock.now_ms // 1_000)))
    node.close_batch()
    assert node.wait_for_roots(60)
    node.close()
    return tmp_path


@pytest.mark.rule("09-R15")
def test_a_snapshot_is_a_state_to_begin_at(directory: Path) -> None:
    states = find_states(directory)
    archive = find_archive(directory)
    assert states is not None
    assert archive is not None
    last = archive.get_last()
    known = states.get_state(last)
    assert known is not None
    assert known.number in (last - 1, last)
    batch = archive.get_batch(known.number)
    assert batch is not None
    assert Replica.from_pages(known.pages, CRYPTO).root == known.root == batch.segments[-1].root
    earlier = states.get_state(known.number - 1)
    assert earlier is not None
    assert earlier.number == known.number - 2
    assert states.get_state(0) is None


@pytest.mark.rule("09-R15")
def test_a_damaged_snapshot_is_passed_over(directory: Path) -> None:
    states = find_states(directory)
    assert states is not None
    newest = states.get_state(100)
    assert newest is not None
    for path in directory.glob(f"epochs/*/*/{newest.number:010d}.snapshot"):
        path.write_bytes(path.read_bytes()[:-5])
    other = states.get_state(100)
    assert other is not None
    assert other.number == newest.number - 2


def test_where_there_is_no_node(tmp_path: Path) -> None:
    assert find_states(tmp_path) is None
    assert find_archive(tmp_path) is None
    with pytest.raises(CliError, match="holds no batch files"):
        open_archive(tmp_path)
