"""Committing batches: what is read from the call's data, and what is refused."""

import random
from typing import Any

import boa
import pytest

from tests.contracts.reference import FIELD, Segment, compute_genesis_id, compute_root, join
from tests.contracts.world import GENESIS_ROOT, SOURCES, World, get_deployer, get_reason, refused, to_number


def make_words(count: int, seed: int = 0) -> tuple[int, ...]:
    source = random.Random(seed)
    return tuple(source.getrandbits(248) for _ in range(count))


def make_segment(count: int, seed: int = 0, accumulator: int | None = None) -> Segment:
    """Anything, but for the accumulator if one is given: 0 is that of a batch without withdrawals."""
    source = random.Random(seed + 1000)
    h, root, other = (source.randrange(FIELD) for _ in range(3))
    return Segment(make_words(count, seed), h, root, other if accumulator is None else accumulator)


def get_block() -> int:
    return int(boa.env.evm.patch.block_number)


@pytest.mark.rule("08-R01", "08-R03", "08-R17", "10-R08")
@pytest.mark.parametrize("counts", [(), (1,), (7, 31, 32, 33), (64, 1024), (1,) * 16])
def test_the_id_is_that_of_the_specification(world: World, counts: tuple[int, ...]) -> None:
    owner = to_number(world["trader"])
    outbox = tuple((owner + i, 5 + i) for i in range(len(counts)))
    segments = tuple(make_segment(count, seed) for seed, count in enumerate(counts))
    commit = world.commit(segments=segments, outbox=outbox)
    head = world.get_head()
    assert bytes(head.id) == commit.compute_id(get_block(), 0)
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
    assert bytes(world.get_head().id) == commit.compute_id(get_block(), 0)
    world.deposit("trader", account, 6_000_000)
    world.wait(60)
    commit = world.commit()
    assert bytes(world.get_head().id) == commit.compute_id(get_block(), 2)


@pytest.mark.rule("08-R01", "08-R17")
@pytest.mark.parametrize("part", ["words", "h", "root", "accumulator", "time_s", "outbox", "order"])
def test_every_part_of_a_batch_changes_its_id(world: World, part: str) -> None:
    first, second = make_segment(3, 1), make_segment(3, 2)
    owner = to_number(world["trader"])
    changes: dict[str, Any] = {
        "words": {
            "segments": (Segment((*first.words[:2], 9), *(first.h, first.root, first.accumulator)), second)
        },
        "h": {"segments": (Segment(first.words, 9, first.root, first.accumulator), second)},
        "root": {"segments": (Segment(first.words, first.h, 9, first.accumulator), second)},
        "accumulator": {"segments": (Segment(first.words, first.h, first.root, 9), second)},
        "time_s": {"time_s": world.now_s - 1},
        "outbox": {"outbox": ((owner, 8),)},
        "order": {"segments": (second, first)},
    }
    usual = world.draft(segments=(first, second), outbox=((owner, 7),))
    ids = []
    for draft in (usual, usual.changed(**changes[part])):
        with boa.env.anchor():
            world.commit(draft=draft)
            ids.append(bytes(world.get_head().id))
    assert ids[0] != ids[1]


@pytest.mark.rule("08-R01")
def test_a_batch_follows_the_head(world: World) -> None:
    genesis = world.draft()
    world.commit(draft=genesis)
    with refused("rollup: parent is not the head"):
        world.commit(draft=genesis)
    with refused("rollup: parent is not the head"):
        world.commit(parent=bytes(32))
    world.commit()
    assert world.rollup.head_number() == 2
    with refused("batches: no such batch"):
        world.rollup.get_batch(3)


@pytest.mark.rule("08-R02")
def test_a_contract_cannot_commit(world: World) -> None:
    """Its data would be in no transaction's input."""
    forwarder = get_deployer(SOURCES / "Forwarder.vy").deploy()
    data = world.draft().encode()
    world.wait(world.rollup_parameters["silence_s"])
    assert world.rollup.is_open()
    with refused("origin: sender is not the transaction's origin"):
        forwarder.forward(world.rollup.address, data, sender=world["sequencer"], value=10**18)


@pytest.mark.rule("08-R02")
def test_a_delegated_account_cannot_commit(world: World) -> None:
    """Anyone could call it within any transaction (EIP-7702)."""
    forwarder = get_deployer(SOURCES / "Forwarder.vy").deploy()
    boa.env.set_code(world["sequencer"], bytes.fromhex("ef0100" + str(forwarder.address)[2:]))
    with refused("origin: sender has code"):
        world.commit()
    boa.env.set_code(world["sequencer"], b"")
    world.commit()


@pytest.mark.rule("08-R03", "08-R17")
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"segments": (Segment(()),)}, "tail: segment does not have 1 to 1024 words"),
        ({"segments": (Segment((1,) * 1025),)}, "tail: segment does not have 1 to 1024 words"),
        ({"segments": (Segment((1,)),) * 17}, "tail: more than 16 segments"),
        ({"segments": (Segment((1, 2**248)),)}, "words: word is wider than 31 bytes"),
        ({"segments": (Segment((2**255,) + (1,) * 32),)}, "words: word is wider than 31 bytes"),
        ({"segments": (Segment((1,) * 31 + (2**248,) + (1,) * 5),)}, "words: word is wider than 31 bytes"),
        ({"segments": (Segment((1,), h=FIELD),)}, "words: claim or hash is not a field element"),
        ({"segments": (Segment((1,), root=FIELD),)}, "words: claim or hash is not a field element"),
        (
            {"segments": (Segment((1,), accumulator=2**256 - 1),)},
            "words: claim or hash is not a field element",
        ),
        ({"inbox": Segment((), h=FIELD)}, "words: claim or hash is not a field element"),
        ({"inbox": Segment((), root=FIELD)}, "words: claim or hash is not a field element"),
        ({"outbox": ((1, 1),) * 257}, "tail: more than 256 withdrawals"),
        ({"outbox": ((1, 1), (0, 1))}, "outbox: withdrawal has no owner"),
        ({"outbox": ((1, 0),)}, "outbox: withdrawal has no amount"),
        ({"outbox": ((2**160, 1),)}, "outbox: word is wider than a withdrawal"),
    ],
)
def test_malformed_data_is_refused(world: World, change: dict[str, Any], reason: str) -> None:
    with refused(reason):
        world.commit(**change)
    assert world.rollup.head_number() == 0


@pytest.mark.rule("08-R03", "08-R17")
def test_the_widest_values_are_taken(world: World) -> None:
    widest = Segment((2**248 - 1,) * 1024, FIELD - 1, FIELD - 1, FIELD - 1)
    outbox = ((2**160 - 1, 2**56 - 1),) * 256
    commit = world.commit(
        inbox=Segment((), FIELD - 1, FIELD - 1, FIELD - 1), segments=(widest,), outbox=outbox
    )
    assert bytes(world.get_head().id) == commit.compute_id(get_block(), 0)
    assert bytes(world.get_head().outbox_root) == compute_root(outbox)


@pytest.mark.rule("08-R17")
def test_the_input_has_exactly_the_length_that_its_counts_give(world: World) -> None:
    data = world.draft(segments=(make_segment(2),), outbox=((1, 1),)).encode()
    for cut in range(1, 32):
        with refused("words: input is too short"):
            world.send("sequencer", data[:-cut])
    for rows in (1, 3, 4, 5, 7, 8, 10):
        with refused("words: input is too short"):
            world.send("sequencer", data[: -32 * rows])
    for more in (b"\0", bytes(32), data[196:]):
        with refused("tail: input is too long"):
            world.send("sequencer", data + more)
    world.send("sequencer", data)


@pytest.mark.rule("08-R17")
def test_garbage_is_refused_and_costs_nothing(world: World) -> None:
    """Random counts and rows after a valid head: no batch, no bond taken."""
    source = random.Random(5)
    head = world.draft().encode()[:132]  # selector and the first four arguments
    balance_wei = boa.env.get_balance(world["sequencer"])
    for _ in range(200):
        small = [
            source.choice([0, 1, 2, 5, 17, 1024, 1025, 2**256 - 1]) for _ in range(source.randrange(2, 40))
        ]
        with pytest.raises(boa.BoaError) as caught:
            world.send("sequencer", head + join(small) + source.randbytes(source.randrange(1, 31)))
        assert get_reason(caught.value).split(": ")[0] in ("tail", "words", "outbox")
    assert world.rollup.head_number() == 0
    assert boa.env.get_balance(world["sequencer"]) == balance_wei
    assert world.rollup.credit_wei(world["sequencer"]) == 0


@pytest.mark.rule("08-R04")
def test_a_batch_carries_a_time_of_its_own_within_limits(world: World) -> None:
    delay_s = world.rollup_parameters["max_delay_s"]
    with refused("rollup: time is ahead of L1"):
        world.commit(time_s=world.now_s + 1)
    with refused("rollup: time is too old"):
        world.commit(time_s=world.now_s - delay_s - 1)
    with refused("rollup: time is ahead of L1"):
        world.commit(time_s=2**255)
    commit = world.commit(time_s=world.now_s - delay_s)
    assert bytes(world.get_head().id) == commit.compute_id(get_block(), 0)
    bounds_ms = (commit.time_s + 5) * 1000 + 1, (world.now_s + 5) * 1000
    for bound_ms in bounds_ms:
        assert bytes(world.get_head().id) != commit.compute_id_with(get_block(), 0, bound_ms, 0, 1)


@pytest.mark.rule("08-R04")
def test_the_machine_version_is_an_input() -> None:
    with boa.env.anchor():
        world = World(rollup={"machine_version": 7})
        commit = world.commit()
        assert bytes(world.get_head().id) == commit.compute_id(get_block(), 0, version=7)
        assert bytes(world.get_head().id) != commit.compute_id(get_block(), 0, version=1)


@pytest.mark.rule("08-R08")
def test_a_batch_needs_its_bond(world: World) -> None:
    bond_wei = world.rollup_parameters["bond_wei"]
    with refused("credit: less than the bond was sent"):
        world.send("sequencer", world.draft().encode(), bond_wei - 1)
    world.send("sequencer", world.draft().encode(), 2 * bond_wei)
    assert world.rollup.credit_wei(world["sequencer"]) == bond_wei
    world.send("sequencer", world.draft().encode(), 0)
    assert world.rollup.credit_wei(world["sequencer"]) == 0
    with refused("credit: less than the bond was sent"):
        world.send("sequencer", world.draft().encode(), 0)
    assert boa.env.get_balance(world.rollup.address) == 2 * bond_wei


def test_a_commit_tells_what_a_watcher_needs(world: World) -> None:
    owner = to_number(world["trader"])
    account = world.register("trader")
    world.deposit("trader", account, 5_000_000)
    world.wait(60)
    segments = (make_segment(3), make_segment(4, 1))
    commit = world.commit(segments=segments, outbox=((owner, 7),))
    event = world.get_event(world.rollup, "BatchCommitted")
    assert (event.number, event.proposer, bytes(event.parent)) == (1, world["sequencer"], commit.parent)
    assert bytes(event.id) == commit.compute_id(get_block(), 0)
    assert (event.time_s, event.inbox_first, event.inbox_end) == (commit.time_s, 0, 1)
    assert (event.segment_count, event.outbox_count) == (2, 1)
    assert int.from_bytes(event.root, "big") == segments[-1].root
