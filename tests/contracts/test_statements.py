"""What a proof is held to: the batch that it speaks of, where its edges begin and end, every public input."""

from typing import Any

import pytest

from tests.contracts.proving import NO_TIP, Edge, Prover, post
from tests.contracts.reference import FIELD, Segment
from tests.contracts.world import World, refused, to_number

TWO = (Segment((5, 6), 3, 13, 0), Segment((7,), 4, 14, 0))


@pytest.mark.rule("08-R21")
def test_a_proof_speaks_of_a_pending_batch_alone(proving: Prover) -> None:
    world = proving.world
    posted = post(world, segments=TWO)
    proof = proving.make(posted, Edge(1))
    with refused("batches: no such batch"):
        proving.call(posted, Edge(1), proof, number=2)
    with refused("court: batch is final"):
        proving.call(posted, Edge(1), proof, number=0)
    header, rows, outbox = posted.preimage
    for place in range(6):
        other = (*header[:place], bytes(32) if place == 0 else header[place] + 1, *header[place + 1 :])
        with refused("statements: data are not those of the batch"):
            proving.call(posted, Edge(1), proof, batch=(other, rows, outbox))
    forged: list[Any] = [rows[:2], rows[1:], [rows[1], rows[0], rows[2]], [*rows, rows[2]]]
    for row, place in ((row, place) for row in range(3) for place in range(7)):
        value = bytes(32) if place == 0 else rows[row][place] + 1
        changed = (*rows[row][:place], value, *rows[row][place + 1 :])
        forged.append([*rows[:row], changed, *rows[row + 1 :]])
    for changed_rows in forged:
        with refused("statements: data are not those of the batch"):
            proving.call(posted, Edge(1), proof, batch=(header, changed_rows, outbox))
    for place in range(4):
        other_outbox = (*outbox[:place], bytes(32) if place == 0 else outbox[place] + 1, *outbox[place + 1 :])
        with refused("statements: data are not those of the batch"):
            proving.call(posted, Edge(1), proof, batch=(header, rows, other_outbox))
    with refused("statements: batch has no row"):
        proving.call(posted, Edge(1), proof, batch=(header, [], outbox))
    proving.call(posted, Edge(1), proof)


@pytest.mark.rule("08-R23", "08-R26")
def test_edges_that_no_segment_has(proving: Prover) -> None:
    world = proving.world
    posted = post(world, segments=TWO)
    proof = proving.make(posted, Edge(1))
    cases: list[tuple[str, Edge]] = [
        ("statements: no key of that size", Edge(1, size=1)),
        ("statements: no key of that size", Edge(1, size=8)),
        ("statements: no key of that size", Edge(1, size=2**200)),
        ("statements: nobody is the payee", Edge(1, payee="")),
        ("statements: edge has too many steps", Edge(1, steps=2**32)),
        ("statements: edge does not end where its segment does", Edge(1, cursor=1)),
        ("statements: edge does not end where its segment does", Edge(1, cursor=3)),
        ("statements: edge does not end where its segment does", Edge(1, idle=False)),
        ("statements: edge has no steps", Edge(1, steps=0, end=False)),
        ("statements: cursor is beyond the segment", Edge(1, cursor=3, end=False)),
        ("statements: no fact after so many steps", Edge(1, before=1)),
        ("statements: no fact after so many steps", Edge(1, before=2**255)),
        ("statements: hash was not added", Edge(1, h=99)),
        ("verifier: public input is not a field element", Edge(1, root=FIELD)),
        ("verifier: public input is not a field element", Edge(1, accumulator=2**256 - 1)),
        ("statements: proof does not hold", Edge(1, steps=11)),
        ("statements: proof does not hold", Edge(1, root=99)),
        ("statements: proof does not hold", Edge(0)),
    ]
    for reason, edge in cases:
        with refused(reason):
            proving.call(posted, edge, proof)
    with refused("court: batch has no such segment"):
        none = (3, 0, 1, 0, True, True, 5, 0, 3, 0, world["thief"])
        world.court.prove(1, posted.preimage, NO_TIP, none, proof)
    proving.prove(posted, 1, steps=5, cursor=0, end=False, root=5)
    with refused("court: fact is known already"):
        proving.prove(posted, 1, steps=5, cursor=0, end=False, root=5, payee="thief")
    proving.prove(posted, 1)
    with refused("court: segment is proved already"):
        proving.prove(posted, 1, payee="thief")


@pytest.mark.rule("08-R23", "11-R04")
def test_an_edge_may_end_in_the_last_operation(proving: Prover) -> None:
    """All words are taken, and the machine is not at the end of what they ask for."""
    posted = post(proving.world, segments=TWO)
    proving.prove(posted, 1, steps=5, cursor=2, idle=False, end=False, root=5)
    assert proving.world.court.get_fact(posted.id, 1, 5).cursor == 2
    proving.prove(posted, 1, before=5, steps=1)
    assert proving.world.court.is_part_proved(posted.id, 1)


@pytest.mark.rule("08-R26")
def test_a_path_longer_than_its_place_is_refused(proving: Prover) -> None:
    world = proving.world
    posted = post(world, segments=TWO)
    before = 0
    for _ in range(16):
        proving.prove(posted, 1, before=before, steps=2**32 - 1, cursor=0, end=False, root=5)
        before += 2**32 - 1
    for steps in (16, 17):
        with refused("facts: path is too long"):
            proving.prove(posted, 1, before=before, steps=steps, cursor=0, end=False, root=5)
        with refused("facts: path is too long"):
            proving.prove(posted, 1, before=before, steps=steps)
    proving.prove(posted, 1, before=before, steps=15)


@pytest.mark.rule("08-R23")
def test_the_first_segment_begins_at_the_parents_last_claim(proving: Prover) -> None:
    world = proving.world
    first = post(world, segments=TWO)
    second = post(world, first)
    proof = proving.make(second, Edge(0))
    header, digest, last, outbox = first.tip
    tips = [
        NO_TIP,
        second.tip,
        ((bytes(32), *header[1:]), digest, last, outbox),
        (header, bytes(32), last, outbox),
        (header, digest, (*last[:5], 99, last[6]), outbox),
        (header, digest, last, bytes(32)),
    ]
    for tip in tips:
        with refused("statements: data are not those of the parent"):
            proving.call(second, Edge(0), proof, parent=tip)
    proving.call(second, Edge(0), proof)
    assert world.court.is_part_proved(second.id, 0)


@pytest.mark.rule("08-R23")
def test_every_input_is_that_of_the_specification(proving: Prover) -> None:
    """One proof is made for each input with another value in its place, and no one is taken."""
    posted = post(proving.world, segments=TWO)
    cases = [(place, 0, 1) for place in range(10)]
    cases += [(6, bit, 0) for bit in (*range(0, 80, 3), *range(80, 88))]
    for place, bit, more in cases:

        def change(inputs: list[int], place: int = place, bit: int = bit, more: int = more) -> list[int]:
            value = inputs[place] + 1 if more else inputs[place] ^ 1 << bit
            return [*inputs[:place], value, *inputs[place + 1 :]]

        with refused("statements: proof does not hold"):
            Prover(proving.world, change).prove(posted, 1)
    proving.prove(posted, 1)


@pytest.mark.rule("08-R20")
def test_without_keys_nothing_is_proved(world: World) -> None:
    prover = Prover(world)
    outbox = ((to_number(world["trader"]), 1),)
    posted = post(world, segments=(Segment((5, 6), 3, 13, 9),), outbox=outbox)
    with refused("statements: no key of that size"):
        prover.prove(posted, 0)
    with refused("statements: no key of outboxes"):
        prover.prove_outbox(posted)


@pytest.mark.rule("08-R23")
def test_an_empty_inbox_segment_is_proved_by_an_edge_of_no_steps(proving: Prover) -> None:
    posted = post(proving.world)
    proving.prove(posted, 0, steps=0)
    assert proving.world.rollup.final_number() == 1


@pytest.mark.rule("08-R24")
def test_another_hash_can_be_added(proving: Prover) -> None:
    """The proposer's may be the hash of nothing; then nobody could prove anything."""
    world = proving.world
    posted = post(world, segments=TWO)
    with refused("statements: hash was not added"):
        proving.prove(posted, 1, h=77)
    assert not world.court.is_hash_added(posted.id, 1, 77)
    with refused("statements: hash is not a field element"):
        proving.add_hash(posted, 1, FIELD)
    with refused("court: batch has no such segment"):
        proving.add_hash(posted, 3, 77, ())
    for words in ((), (5,), (6, 5), (5, 7)):
        with refused("statements: words are not those of the segment"):
            proving.add_hash(posted, 1, 77, words)
    call = world.court.add_hash.prepare_calldata(posted.number, posted.preimage, 1, 77)
    huge = post(world, segments=(Segment((5,) * 512, 3, 13, 0),))
    call = world.court.add_hash.prepare_calldata(huge.number, huge.preimage, 1, 77)
    with refused("statements: input has no words"):
        world.send("challenger", call, 0, world.court)
    proving.add_hash(posted, 1, 77)
    event = world.get_event(world.court, "HashAdded")
    assert (event.id, event.segment, event.h) == (posted.id, 1, 77)
    assert world.court.is_hash_added(posted.id, 1, 77)
    proving.prove(posted, 1, h=77)
    proving.prove(posted, 2)
    proving.add_hash(posted, 0, 78)  # of no words
    proving.prove(posted, 0, h=78)
    assert world.rollup.final_number() == 1
