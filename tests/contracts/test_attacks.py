"""Holes that a design of L1 can have, each as somebody would try it."""

from typing import Any

import boa
import pytest

from tests.contracts.reference import FIELD, Segment, compute_binding, join, make_forced_word
from tests.contracts.world import CONTRACTS, SOURCES, World, get_deployer, refused, to_number


@pytest.fixture
def binder() -> Any:
    """The module that binds words, alone."""
    return get_deployer(CONTRACTS / "words.vy").deploy()


@pytest.mark.rule("08-R03", "08-R04", "08-R17")
def test_attack_a_batch_that_cannot_be_proved_becomes_final_by_silence(world: World) -> None:
    """What is not a word, a claim or an input of the machine makes no batch: every batch has a proof."""
    fine = world.draft(segments=(Segment((5,)),))
    unprovable = [
        fine.changed(segments=(Segment((2**248,)),)),
        fine.changed(segments=(Segment((5,), h=FIELD),)),
        fine.changed(segments=(Segment((5,), root=FIELD + 5),)),
        fine.changed(segments=(Segment((5,), accumulator=FIELD),)),
        fine.changed(segments=(Segment(()),)),
        fine.changed(segments=(Segment((5,) * 1025),)),
        fine.changed(segments=(Segment((5,)),) * 17),
        fine.changed(inbox=Segment((make_forced_word(0x13, 16),))),
        fine.changed(time_s=fine.time_s + 1),
        fine.changed(time_s=0),
        fine.changed(outbox=((1, 1),) * 257),
        fine.changed(outbox=((0, 1),)),
    ]
    for commit in unprovable:
        with pytest.raises(boa.BoaError):
            world.commit(draft=commit)
    assert world.rollup.head_number() == 0
    world.commit(draft=fine)


@pytest.mark.rule("08-R17", "10-R08")
def test_attack_words_padded_with_zeros_give_the_same_y_where_the_length_is_free(
    world: World, binder: Any
) -> None:
    """At one z a polynomial without a leading one has the same value with zeros in front."""
    z = 12_345
    naive = [fold(0, z, words) for words in ((7, 8), (0, 7, 8), (0, 0, 7, 8))]
    assert len(set(naive)) == 1
    assert len({fold(1, z, words) for words in ((7, 8), (0, 7, 8), (0, 0, 7, 8))}) == 3

    bindings = [binder.internal._bind_listed(list(words), 5) for words in ((7, 8), (0, 7, 8), (7, 8, 0))]
    for binding, words in zip(bindings, ((7, 8), (0, 7, 8), (7, 8, 0)), strict=True):
        assert (bytes(binding.words_keccak), binding.z, binding.y) == compute_binding(words, 5)
        assert binding.y == fold(1, binding.z, words)
    ids = set()
    for words in ((7, 8), (0, 7, 8), (7, 8, 0)):
        with boa.env.anchor():
            world.commit(segments=(Segment(words),))
            ids.add(bytes(world.get_head().id))
    assert len(ids) == 3


def fold(start: int, z: int, words: tuple[int, ...]) -> int:
    y = start
    for word in words:
        y = (y * z + word) % FIELD
    return y


@pytest.mark.rule("08-R01")
def test_attack_what_was_proved_of_a_removed_batch_speaks_of_the_one_in_its_place(world: World) -> None:
    """The same data at the same place of the list, a block later, is another batch."""
    draft = world.draft(segments=(Segment((5,)),))
    ids = []
    for _ in range(2):
        with boa.env.anchor():
            world.commit(draft=draft)
            assert world.rollup.head_number() == 1
            ids.append(bytes(world.get_head().id))
        boa.env.evm.patch.block_number += 1
    assert ids[0] != ids[1]


@pytest.mark.rule("08-R05", "08-R06")
def test_attack_the_sequencer_serves_everything_but_one_users_exit(world: World) -> None:
    """He can wait until the deadline: then his own batches are refused, and anyone may propose."""
    account = world.register("trader")
    world.deposit("thief", account, 1_000_000)
    exit_entry = world.force("trader", make_forced_word(0x13, account))
    world.deposit("thief", account, 2_000_000)
    deadline_s = world.rollup_parameters["deadline_s"]
    world.wait(deadline_s)
    world.commit("sequencer", world.draft(inbox_count=1))
    with refused("rollup: an inbox entry that is due is left out"):
        world.commit("sequencer", world.draft(inbox_count=0))
    words = world.draft(inbox_count=2).inbox.words
    with refused("tail: inbox words are not those that were executed"):
        world.commit("sequencer", world.draft(inbox_count=2).changed(inbox=Segment(words[1:])))
    with refused("tail: inbox words are not those that were executed"):
        world.commit("sequencer", world.draft(inbox_count=2).changed(inbox=Segment(words[:1])))
    assert world.rollup.is_open()
    world.commit("proposer", world.draft(inbox_count=2))
    assert world.rollup.head_inbox_end() == exit_entry + 2


@pytest.mark.rule("08-R02")
def test_attack_data_hidden_behind_a_contract(world: World) -> None:
    """A watchtower with a plain RPC must find every word in the transaction's own input."""
    forwarder = get_deployer(SOURCES / "Forwarder.vy").deploy()
    world.wait(world.rollup_parameters["silence_s"])
    for sender in (world["sequencer"], world["thief"]):
        with refused("origin: sender is not the transaction's origin"):
            forwarder.forward(world.rollup.address, world.draft().encode(), sender=sender, value=10**18)


@pytest.mark.rule("08-R17")
def test_attack_two_readings_of_one_input(world: World) -> None:
    """Missing ends, extra data, other counts: what lax decoders accept is refused."""
    data = world.draft(segments=(Segment((5, 6)), Segment((7,)))).encode()
    rows = [data[at : at + 32] for at in range(4, len(data), 32)]
    longer = data[:4] + b"".join([*rows, bytes(32)])
    shorter = data[:4] + b"".join(rows[:-1])
    other_count = data[:4] + b"".join([*rows[:9], join([3]), *rows[10:]])
    for forged, reason in (
        (longer, "tail: input is too long"),
        (shorter, "words: input is too short"),
        (other_count, "words: input is too short"),
    ):
        with refused(reason):
            world.send("sequencer", forged)


@pytest.mark.rule("08-R10", "08-R18")
def test_attack_the_same_withdrawal_in_two_batches(world: World) -> None:
    """What was paid in one batch is not paid again from another's list beyond what was deposited."""
    world.deposit("trader", world.register("trader"), 5_000_000)
    world.wait(60)
    outbox = ((to_number(world["thief"]), 4_000_000),)
    world.commit(outbox=outbox)
    world.commit(outbox=outbox)
    world.finalize_all()
    world.claim(1, outbox, 0, name="thief")
    with refused("vault: more than was deposited"):
        world.claim(2, outbox, 0, name="thief")


@pytest.mark.rule("08-R09")
def test_attack_a_batch_overtakes_its_parent(world: World) -> None:
    """The order holds whoever calls, and however many wait."""
    world.commit()
    world.wait(10)
    outbox = ((to_number(world["thief"]), 1),)
    world.commit(outbox=outbox)
    world.wait(world.rollup_parameters["window_s"] - 10)
    assert world.rollup.finalize(64) == 1
    with refused("rollup: batch is not final"):
        world.claim(2, outbox, 0, name="thief")


@pytest.mark.rule("08-R14", "08-R16")
def test_attack_a_flood_of_entries_freezes_the_rollup(world: World) -> None:
    """Three full blocks of entries are served by three batches in one block, long before the freeze."""
    account = world.register("thief")
    word = make_forced_word(0x12, account)
    for _ in range(3):
        for _ in range(256):
            world.force("thief", word)
        world.wait(12)
    world.wait(60)
    for _ in range(3):
        world.commit("sequencer", world.draft(inbox_count=256))
    world.wait(world.rollup_parameters["freeze_s"])
    with refused("rollup: no inbox entry has waited long enough"):
        world.rollup.freeze(sender=world["thief"])
