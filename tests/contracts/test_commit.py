"""Committing batches: what is read from the call's data, and what is refused."""

import random
from typing import Any

import boa
import pytest

from tests.contracts.reference import FIELD, Commit, Segment, compute_genesis_id, compute_root, join
from tests.contracts.world import GENESIS_ROOT, World, refused, to_number


def make_words(count: int, seed: int = 0) -> tuple[int, ...]:
    source = random.Random(seed)
    return tuple(source.getrandbits(248) for _ in range(count))


def make_segment(count: int, seed: int = 0) -> Segment:
    source = random.Random(seed + 1000)
    return Segment(make_words(count, seed), *(source.randrange(FIELD) for _ in range(3)))


@pytest.mark.rule("08-R01", "08-R17", "10-R08")
@pytest.mark.parametrize("counts", [(), (1,), (7, 31, 32, 33), (64, 1024), (1,) * 16])
def test_the_id_is_that_of_the_specification(world: World, counts: tuple[int, ...]) -> None:
    owner = to_number(world["trader"])
    outbox = tuple((owner + i, 5 + i) for i in range(len(counts)))
    segments = tuple(make_segment(count, seed) for seed, count in enumerate(counts))
    commit = world.commit(segments=segments, outbox=outbox)
    head = world.get_head()
    assert bytes(head.id) == commit.compute_id(boa.env.evm.patch.block_number, 0)
    assert commit.parent == compute_genesis_id(GENESIS_ROOT)
    assert (head.proposer, head.committed_at_s, head.inbox_end) == (world["sequencer"], world.now_s, 0)
    assert (head.outbox_count, bytes(head.outbox_root)) == (len(outbox), compute_root(outbox))


@pytest.mark.rule("08-R01", "08-R05")
def test_the_id_covers_the_inbox(world: World) -> None:
    account = world.register("trader")
    world.deposit("trader", account, 5_000_000)
    world.set_key("trader", account, 1, 7, 0, 3, 4)
    world.wait(60)
    commit = world.commit()
    assert len(commit.inbox.words) == 4
    assert bytes(world.get_head().id) == commit.compute_id(boa.env.evm.patch.block_number, 0)
    world.deposit("trader", account, 6_000_000)
    world.wait(60)
    commit = world.commit()
    assert bytes(world.get_head().id) == commit.compute_id(boa.env.evm.patch.block_number, 2)
