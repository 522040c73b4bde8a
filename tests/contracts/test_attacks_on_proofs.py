"""Holes that a settlement by proofs can have, each as somebody would try it."""

import boa
import pytest

from tests.contracts.proving import OUTBOX, WRONG, Edge, Prover, post
from tests.contracts.reference import FIELD, Segment, compute_binding, make_forced_word, pack_withdrawal
from tests.contracts.world import DAY_S, ETHER, SOURCES, get_deployer, refused, to_number

WINDOW_S = 7 * DAY_S
GARBAGE = 0x66
"""A root that no state has."""
TWO = (Segment((5, 6), 3, 13, 0), Segment((7,), 4, 14, 0))


@pytest.mark.rule("08-R21")
def test_attack_a_proof_after_finality(proving: Prover) -> None:
    """Neither verdict counts once the window has passed, whether somebody has called finalize or not."""
    world = proving.world
    posted = post(world, segments=TWO)
    proofs = [
        (edge, proving.make(posted, edge)) for edge in (Edge(1), Edge(1, root=WRONG), Edge(1, end=False))
    ]
    world.wait(WINDOW_S)
    for edge, proof in proofs:
        with refused("court: window of the batch has passed"):
            proving.call(posted, edge, proof)
    world.rollup.finalize(1)
    for edge, proof in proofs:
        with refused("court: batch is final"):
            proving.call(posted, edge, proof)
    assert world.rollup.head_number() == world.rollup.final_number() == 1


@pytest.mark.rule("08-R21")
def test_a_proof_in_the_last_second_counts_and_finality_comes_in_the_next(proving: Prover) -> None:
    """No moment belongs to both, and none to neither."""
    world = proving.world
    posted = post(world, segments=TWO)
    world.wait(WINDOW_S - 1)
    with refused("rollup: no batch is proved or has passed its window"):
        world.rollup.finalize(1)
    with boa.env.anchor():
        proving.refute(posted, 1)
        assert world.rollup.head_number() == 0
    boa.env.timestamp += 1
    with refused("court: window of the batch has passed"):
        proving.refute(posted, 1)
    assert world.rollup.finalize(1) == 1


@pytest.mark.rule("08-R01", "08-R22")
def test_attack_two_siblings(proving: Prover) -> None:
    """Of two batches on one parent one at most is ever in the list, and facts of one are not the other's."""
    world = proving.world
    first = post(world, segments=TWO)
    with refused("rollup: parent is not the head"):
        world.commit("sequencer", first.commit)
    proving.prove(first, 1)
    proving.prove(first, 2, end=False, steps=4, cursor=0, root=5)
    proving.refute(first, 0)
    world.wait(12)
    second = post(world, draft=first.commit)
    assert second.number == first.number
    assert second.id != first.id
    assert not world.court.is_part_proved(second.id, 1)
    with refused("statements: no fact after so many steps"):
        proving.call(second, Edge(2, before=4), (0,) * 12)
    with refused("statements: data are not those of the batch"):
        proving.prove(first, 1)
    assert not world.court.is_proved(first.id)
    proving.prove_all(second)
    assert world.rollup.final_number() == 1


@pytest.mark.rule("08-R22", "08-R28")
def test_attack_a_removed_batch_comes_back_in_the_same_block(proving: Prover) -> None:
    """With the same id its verdict would be paid already, and nobody could remove it a second time."""
    world = proving.world
    bad = post(world, segments=TWO)
    proving.refute(bad, 1)
    with refused("rollup: batch was removed"):
        world.commit("sequencer", bad.commit)
    world.wait(12)
    again = post(world, draft=bad.commit)
    proving.refute(again, 1)
    assert world.rollup.head_number() == 0


@pytest.mark.rule("08-R23")
def test_attack_a_copied_proof(proving: Prover) -> None:
    """Whoever sees a proof wait can send it first, and pays the gas of him whom it names."""
    world = proving.world
    posted = post(world, segments=TWO)
    proof = proving.make(posted, Edge(1, root=WRONG))
    with refused("statements: proof does not hold"):
        proving.call(posted, Edge(1, root=WRONG, payee="thief"), proof, sender="thief")
    proving.call(posted, Edge(1, root=WRONG), proof, sender="thief")
    assert world.court.credit_wei(world["thief"]) == 0
    assert world.court.credit_wei(world["challenger"]) == world.rollup_parameters["bond_wei"] // 2


@pytest.mark.rule("08-R23")
def test_attack_a_stale_parent(proving: Prover) -> None:
    """A proof from a state that the batch is not built on."""
    world = proving.world
    first = post(world)
    proving.prove_all(first)
    second = post(world, first, inbox=Segment((), 11, 15, 0))
    third = post(world, second)
    for parent in (first, None):
        stale = proving.make(third.__class__(**{**third.__dict__, "parent": parent}), Edge(0))
        with refused("statements: proof does not hold"):
            proving.call(third, Edge(0), stale)
        with refused("statements: data are not those of the parent"):
            proving.call(third, Edge(0), stale, parent=first.tip)
    with refused("rollup: parent is not the head"):
        world.commit("sequencer", world.draft(parent=first.id))


@pytest.mark.rule("08-R21", "08-R26")
def test_attack_a_challenge_that_delays_others(proving: Prover) -> None:
    """Facts, however many and whatever they say, put nothing off."""
    world = proving.world
    first = post(world, segments=TWO)
    world.wait(1)
    second = post(world, first, segments=TWO)
    for steps in range(1, 9):
        for posted in (first, second):
            proving.prove(posted, 1, steps=steps, end=False, cursor=0, root=steps, payee="thief")
    world.wait(WINDOW_S - 1)
    assert world.rollup.finalize(64) == 1
    world.wait(1)
    assert world.rollup.finalize(64) == 1


@pytest.mark.rule("08-R28", "08-R08")
def test_attack_a_proposer_refutes_himself(proving: Prover) -> None:
    """To be first at his own lie costs him half of the bond, and every next one twice as much."""
    world = proving.world
    world.wait(world.rollup_parameters["silence_s"])
    before_wei = boa.env.get_balance(world["thief"])
    lost_wei = 0
    for i in range(4):
        proving.refute(post(world, name="thief"), 0, payee="thief")
        world.court.withdraw_credit(sender=world["thief"])
        lost_wei += world.rollup_parameters["bond_wei"] << i
        assert before_wei - boa.env.get_balance(world["thief"]) == lost_wei // 2
        world.wait(world.rollup_parameters["grace_s"])


@pytest.mark.rule("08-R26")
def test_attack_facts_of_the_liar_in_the_way_of_the_challenger(proving: Prover) -> None:
    """A path of the liar's payees to a point only has to be left out: any other number of steps does."""
    world = proving.world
    posted = post(world, segments=TWO)
    for steps in range(1, 6):
        proving.prove(posted, 1, before=steps - 1, steps=1, end=False, cursor=0, root=steps, payee="thief")
    with refused("court: fact is known already"):
        proving.prove(posted, 1, steps=5, end=False, cursor=0, root=5)
    proving.prove(posted, 1, steps=6, end=False, cursor=0, root=6)
    proving.refute(posted, 1, before=6, steps=4)
    assert world.court.credit_wei(world["thief"]) == 0
    reward_wei = world.rollup_parameters["bond_wei"] // 2
    assert world.court.credit_wei(world["challenger"]) == reward_wei * 7 // 12 + reward_wei * 5 // 12


@pytest.mark.rule("08-R29")
def test_attack_a_cheap_freeze_by_facts_from_garbage(proving: Prover) -> None:
    """The liar owns a claim that no state has, so he proves of it what he likes, also two things at once."""
    world = proving.world
    world.wait(world.rollup_parameters["silence_s"])
    honest = post(world, name="proposer")
    garbage = post(
        world, honest, name="thief", segments=(Segment((5,), 3, GARBAGE, 0), Segment((6,), 4, 14, 0))
    )
    proving.prove(garbage, 2, end=False, steps=3, cursor=0, root=1, payee="thief")
    with refused("court: another fact is known, from a start that is not proved"):
        proving.prove(garbage, 2, end=False, steps=3, cursor=0, root=2, payee="thief")
    proving.prove(garbage, 2, payee="thief")
    proving.refute(garbage, 2, payee="thief")
    assert world.rollup.frozen_at_s() == 0
    assert world.rollup.head_number() == 1
    world.commit()


@pytest.mark.rule("08-R29", "08-R21")
def test_attack_a_child_of_garbage_is_proved_from_garbage(proving: Prover) -> None:
    """It is final with its parent or not at all."""
    world = proving.world
    garbage = post(world, inbox=Segment((), 11, GARBAGE, 0))
    child = post(world, garbage)
    proving.prove_all(child)
    assert world.court.is_proved(child.id)
    assert world.rollup.final_number() == 0
    proving.refute(garbage, 0)
    assert world.rollup.head_number() == 0
    world.wait(12)
    post(world, draft=garbage.commit)
    with refused("rollup: no batch is proved or has passed its window"):
        world.rollup.finalize(2)


@pytest.mark.rule("08-R25")
def test_attack_other_words_with_the_same_y(proving: Prover) -> None:
    """At the claim's z a prover is free: two words solve one equation. So z must follow from what he says."""
    world = proving.world
    outbox = ((to_number(world["trader"]), 5), (to_number(world["challenger"]), 6))
    honest = post(world, segments=(Segment((5,), 3, 13, 9),), outbox=outbox)
    words = [pack_withdrawal(owner, amount) for owner, amount in outbox]
    _, z, y = compute_binding(words, 9)
    other = [words[0] + 1, (words[1] - z) % FIELD]
    assert ((z + other[0]) * z + other[1]) % FIELD == y  # which gives y at the old z
    place = to_number(world["thief"]) | 2 << 160
    proof = Prover(world, lambda _: [place, z, y, 10]).make_outbox(honest, "thief")
    with refused("statements: proof does not hold"):
        proving.refute_outbox(honest, 10, "thief", proof)
    assert world.rollup.head_number() == 1


@pytest.mark.rule("08-R24", "08-R31")
def test_attack_a_batch_whose_hash_is_none(validity: Prover) -> None:
    """Where only proof makes final, a wrong h would cost the users the batch."""
    posted = post(validity.world, segments=(Segment((5, 6), 999, 13, 0),))
    validity.add_hash(posted, 1, 3)
    validity.prove(posted, 0)
    validity.prove(posted, 1, h=3)
    assert validity.world.rollup.final_number() == 1


@pytest.mark.rule("08-R24")
def test_attack_words_of_another_segment_under_a_hash(proving: Prover) -> None:
    posted = post(proving.world, segments=TWO)
    with refused("statements: words are not those of the segment"):
        proving.add_hash(posted, 1, 4, TWO[1].words)
    proving.add_hash(posted, 1, 4)
    with refused("statements: hash was not added"):
        proving.prove(posted, 2, h=3)
    assert not proving.world.court.is_hash_added(posted.id, 2, 4)


@pytest.mark.rule("08-R10")
def test_attack_an_outbox_is_kept_back(proving: Prover) -> None:
    """Withdrawals that the machine put out and nobody posted: L1 itself sees that."""
    with refused("tail: claim has an outbox and none is posted"):
        proving.world.commit(segments=(Segment((5,), 3, 13, 9),))


@pytest.mark.rule("08-R27")
def test_attack_a_batch_is_final_without_its_outbox(proving: Prover) -> None:
    world = proving.world
    outbox = ((to_number(world["thief"]), 10**12),)
    lie = post(world, segments=(Segment((5,), 3, 13, 9),), outbox=outbox)
    proving.prove_segments(lie)
    assert world.rollup.final_number() == 0
    proving.refute_outbox(lie, 10)
    assert world.rollup.head_number() == 0
    assert not world.court.is_part_proved(lie.id, OUTBOX)


@pytest.mark.rule("08-R23")
def test_attack_a_forced_operation_of_junk(proving: Prover) -> None:
    """Its words are in the inbox segment like any others, and an edge is proved over them."""
    world = proving.world
    world.register("thief")
    for kind in range(0x10, 0x15):
        world.force("thief", make_forced_word(kind, 16, b"\xff" * 27))
    world.wait(60)
    posted = post(world)
    assert posted.commit.rows[0][1] == 5
    proving.prove(posted, 0)
    assert world.rollup.final_number() == 1


@pytest.mark.rule("08-R28")
def test_attack_a_payee_that_refuses_eth(proving: Prover) -> None:
    """He harms himself alone: money is fetched, never sent."""
    world = proving.world
    forwarder = get_deployer(SOURCES / "Forwarder.vy").deploy()
    world.people["forwarder"] = forwarder.address
    posted = post(world, segments=TWO)
    proving.prove(posted, 1, steps=4, end=False, cursor=0, root=5, payee="forwarder")
    proving.refute(posted, 1, before=4, steps=4)
    del world.people["forwarder"]
    reward_wei = world.rollup_parameters["bond_wei"] // 2
    assert world.court.credit_wei(world["challenger"]) == reward_wei * 5 // 10
    with refused("credit: the sender refused the payment"):
        forwarder.forward(world.court.address, world.court.withdraw_credit.prepare_calldata())
    assert boa.env.get_balance(world.court.address) == reward_wei


@pytest.mark.rule("08-R21")
def test_attack_malformed_calldata(proving: Prover) -> None:
    """Cut short at any place, or with heads that point elsewhere: refused, and nothing is removed."""
    world = proving.world
    posted = post(world, segments=TWO)
    edge = proving.complete(posted, Edge(1, root=WRONG))
    proof = proving.make(posted, edge)
    call = world.court.prove.prepare_calldata(
        posted.number,
        posted.preimage,
        ((bytes(32), 0, 0, 0, 0, 0), bytes(32), (bytes(32), 0, 0, 0, 0, 0, 0), bytes(32)),
        (
            *(edge.segment, edge.before, edge.steps, edge.cursor, edge.idle, edge.end, edge.root),
            *(edge.accumulator, edge.h, edge.size, world[edge.payee]),
        ),
        proof,
    )
    for length in range(0, len(call) - 32, 97):
        with boa.env.anchor(), pytest.raises(boa.BoaError):
            world.send("thief", call[:length], 0, world.court)
    for at in range(4, len(call), 32):
        for value in (2**256 - 1, 2**255, 5):
            forged = call[:at] + value.to_bytes(32, "big") + call[at + 32 :]
            if forged == call:
                continue
            with boa.env.anchor():
                try:
                    world.send("thief", forged, 0, world.court)
                except boa.BoaError:
                    continue
                # what is taken must be what was meant: only words that this call does not look at may differ
                assert world.rollup.head_number() == 0
                assert 32 * 2 + 4 <= at < 32 * 17 + 4, at


@pytest.mark.rule("08-R28")
def test_attack_value_that_is_sent_to_the_court(proving: Prover) -> None:
    with refused("court: sender is not the rollup"):
        proving.world.send("thief", b"", ETHER, proving.world.court)
