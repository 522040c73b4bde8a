"""One proof, two verdicts: what is proved as claimed is final, what is proved to be wrong is removed."""

import boa
import pytest

from tests.contracts.proving import OUTBOX, WRONG, Prover, post
from tests.contracts.reference import Segment
from tests.contracts.world import DAY_S, NOBODY, refused, to_number

TWO = (Segment((5, 6), 3, 13, 0), Segment((7,), 4, 14, 0))


@pytest.mark.rule("08-R21", "08-R27")
def test_a_batch_is_final_as_soon_as_all_of_it_is_proved(proving: Prover) -> None:
    world = proving.world
    bond_wei = world.rollup_parameters["bond_wei"]
    outbox = ((to_number(world["trader"]), 1),)
    posted = post(world, segments=(TWO[0], Segment((7,), 4, 14, 9)), outbox=outbox)
    assert posted.id == bytes(world.get_head().id)
    for part in (2, 0, 1):
        assert not world.court.is_part_proved(posted.id, part)
        proving.prove(posted, part)
        event = world.get_event(world.court, "PartProved")
        assert (event.id, event.part, event.payee) == (posted.id, part, world["challenger"])
        assert world.court.is_part_proved(posted.id, part)
        assert world.rollup.final_number() == 0
    proving.prove_outbox(posted)
    assert world.get_event(world.court, "BatchProved").id == posted.id
    assert world.get_event(world.court, "BatchFinal").id == posted.id
    assert world.court.is_proved(posted.id)
    assert world.rollup.final_number() == 1
    assert world.rollup.credit_wei(world["sequencer"]) == bond_wei
    assert not world.court.is_part_proved(posted.id, OUTBOX + 1)


@pytest.mark.rule("08-R27")
def test_a_proved_batch_waits_for_its_parent(proving: Prover) -> None:
    world = proving.world
    first = post(world)
    second = post(world, first)
    third = post(world, second)
    proving.prove_all(third)
    proving.prove_all(second)
    assert world.court.is_proved(third.id)
    assert world.rollup.final_number() == 0
    with refused("rollup: no batch is proved or has passed its window"):
        world.rollup.finalize(5)
    proving.prove_all(first)
    assert world.rollup.final_number() == 3


@pytest.mark.rule("08-R27")
def test_a_proved_batch_is_final_when_its_parent_has_waited(proving: Prover) -> None:
    world = proving.world
    first = post(world)
    world.wait(DAY_S)
    second = post(world, first)
    proving.prove_all(second)
    world.wait(6 * DAY_S)
    assert world.rollup.finalize(64) == 2


@pytest.mark.rule("08-R26")
def test_a_segment_is_proved_in_steps_by_anyone(proving: Prover) -> None:
    """Facts are shared: whoever comes goes on from anyone's."""
    world = proving.world
    posted = post(world, segments=TWO)
    proving.prove(posted, 1, end=False, steps=7, cursor=1, idle=False, root=70, payee="trader")
    event = world.get_event(world.court, "FactProved")
    assert (event.part, event.before, event.steps, event.cursor, event.root) == (1, 0, 7, 1, 70)
    fact = world.court.get_fact(posted.id, 1, 7)
    assert (fact.root, fact.cursor, fact.idle, fact.before, fact.edges) == (70, 1, False, 0, 1)
    assert fact.payee == world["trader"]
    proving.prove(posted, 1, before=7, end=False, steps=5, cursor=2, root=71, payee="thief")
    fact = world.court.get_fact(posted.id, 1, 12)
    assert (fact.root, fact.cursor, fact.idle, fact.before, fact.edges) == (71, 2, True, 7, 2)
    proving.prove(posted, 1, before=12, steps=1)
    end = world.court.get_end(posted.id, 1)
    assert (end.before, end.steps, end.edges, end.payee) == (12, 13, 3, world["challenger"])
    assert world.court.is_part_proved(posted.id, 1)
    assert world.court.get_fact(posted.id, 1, 13).payee == NOBODY


@pytest.mark.rule("08-R28")
@pytest.mark.parametrize("segment", [0, 1, 2])
def test_a_batch_that_ends_elsewhere_is_removed_with_what_is_on_it(proving: Prover, segment: int) -> None:
    world = proving.world
    bond_wei = world.rollup_parameters["bond_wei"]
    good = post(world)
    bad = post(world, good, segments=TWO)
    post(world, bad)
    post(world)
    before_wei = boa.env.get_balance(world["challenger"])
    proving.refute(bad, segment)
    event = world.get_event(world.court, "BatchRemoved")
    assert (event.number, event.id, event.proposer, event.head) == (2, bad.id, world["sequencer"], 1)
    assert event.burnt_wei == bond_wei // 2
    event = world.get_event(world.court, "Refuted")
    assert (event.id, event.part, event.root, event.accumulator) == (bad.id, segment, WRONG, 0)
    assert (event.payee, event.reward_wei) == (world["challenger"], bond_wei // 2)
    assert (world.rollup.head_number(), world.rollup.final_number()) == (1, 0)
    assert bytes(world.get_head().id) == good.id
    assert world.court.credit_wei(world["challenger"]) == bond_wei // 2
    world.court.withdraw_credit(sender=world["challenger"])
    assert boa.env.get_balance(world["challenger"]) == before_wei + bond_wei // 2
    assert boa.env.get_balance(world.court.address) == 0
    assert world.rollup.burnt_wei() == bond_wei // 2


@pytest.mark.rule("08-R28")
def test_an_outbox_accumulator_that_differs_removes_too(proving: Prover) -> None:
    world = proving.world
    posted = post(world, segments=TWO)
    proving.prove(posted, 1, accumulator=5)
    assert world.rollup.head_number() == 0
    assert world.get_event(world.court, "Refuted").accumulator == 5


@pytest.mark.rule("08-R28", "08-R26")
def test_the_reward_is_shared_by_steps(proving: Prover) -> None:
    """An edge weighs one more than its steps; what division leaves is burnt."""
    world = proving.world
    posted = post(world, segments=TWO)
    reward_wei = world.rollup_parameters["bond_wei"] // 2
    for before, steps, payee in ((0, 30, "trader"), (30, 1, "thief"), (31, 60, "trader"), (0, 9, "proposer")):
        proving.prove(
            posted, 1, before=before, steps=steps, end=False, cursor=1, root=before + 1, payee=payee
        )
    proving.refute(posted, 1, before=91, steps=4)
    weight = 95 + 4
    told = [log for log in world.court.get_logs() if type(log).__name__ == "Rewarded"]
    path = (("challenger", 5), ("trader", 61), ("thief", 2), ("trader", 31))
    assert [(log.id, log.payee, log.amount_wei) for log in told] == [
        (posted.id, world[name], reward_wei * share // weight) for name, share in path
    ]
    assert world.court.credit_wei(world["trader"]) == reward_wei * 31 // weight + reward_wei * 61 // weight
    assert world.court.credit_wei(world["thief"]) == reward_wei * 2 // weight
    assert world.court.credit_wei(world["challenger"]) == reward_wei * 5 // weight
    assert world.court.credit_wei(world["proposer"]) == 0
    paid = sum(world.court.credit_wei(person) for person in world.people.values())
    assert reward_wei - 4 < paid <= reward_wei
    with refused("pots: path is paid already"):
        world.court.pay_reward(posted.id, 1, 1)
    for id, part in ((posted.id, 0), (posted.id, 2), (bytes(32), 1)):
        with refused("court: no such verdict"):
            world.court.pay_reward(id, part, 1)


@pytest.mark.rule("08-R28")
def test_a_long_path_is_paid_in_parts(proving: Prover) -> None:
    world = proving.world
    posted = post(world, segments=TWO)
    for before in range(40):
        payee = ("trader", "thief")[before % 2]
        proving.prove(posted, 2, before=before, steps=1, end=False, cursor=0, root=before, payee=payee)
    proving.refute(posted, 2, before=40, steps=1)
    reward_wei = world.rollup_parameters["bond_wei"] // 2
    share_wei = reward_wei * 2 // (41 + 41)
    assert sum(world.court.credit_wei(person) for person in world.people.values()) == 16 * share_wei
    for limit in (0, 1, 20, 64):
        world.court.pay_reward(posted.id, 2, limit, sender=world["proposer"])
    with refused("pots: path is paid already"):
        world.court.pay_reward(posted.id, 2, 1)
    assert world.court.credit_wei(world["trader"]) == world.court.credit_wei(world["thief"]) == 20 * share_wei
    assert world.court.credit_wei(world["challenger"]) == share_wei


@pytest.mark.rule("08-R08", "08-R28")
def test_bonds_of_descendants_return_and_the_next_one_is_doubled(proving: Prover) -> None:
    world = proving.world
    bond_wei = world.rollup_parameters["bond_wei"]
    bad = post(world)
    for _ in range(3):
        post(world)
    assert world.rollup.next_bond_wei() == bond_wei
    for number in (2, 4):
        with refused("batches: batch is in the list"):
            world.rollup.release(number)
    proving.refute(bad, 0)
    assert world.rollup.next_bond_wei() == 2 * bond_wei
    with refused("batches: no bond is held there"):
        world.rollup.release(1)
    with refused("batches: no bond is held there"):
        world.rollup.release(5)
    world.rollup.release(3, sender=world["thief"])
    event = world.get_event(world.rollup, "BondReleased")
    assert (event.number, event.proposer) == (3, world["sequencer"])
    assert world.rollup.credit_wei(world["sequencer"]) == bond_wei
    with refused("batches: no bond is held there"):
        world.rollup.release(3)
    with refused("credit: less than the bond was sent"):
        world.send("sequencer", world.draft().encode(), bond_wei - 1)
    world.wait(12)
    post(world)
    assert world.rollup.credit_wei(world["sequencer"]) == bond_wei
    assert world.get_head().bond_wei == 2 * bond_wei
    post(world)  # takes the place of number 2, whose bond was still there
    assert world.get_event(world.rollup, "BondReleased").number == 2
    assert world.rollup.credit_wei(world["sequencer"]) == 2 * bond_wei
    world.rollup.release(4)
    held_wei = boa.env.get_balance(world.rollup.address)
    assert held_wei == 2 * 2 * bond_wei + 3 * bond_wei + bond_wei // 2
    assert world.finalize_all() == 2
    assert world.rollup.next_bond_wei() == bond_wei
    assert world.rollup.credit_wei(world["sequencer"]) == 7 * bond_wei


@pytest.mark.rule("08-R08")
def test_the_bond_grows_with_every_removal_up_to_a_limit(proving: Prover) -> None:
    world = proving.world
    bond_wei = world.rollup_parameters["bond_wei"]
    burnt_wei = 0
    for i in range(8):
        expected_wei = bond_wei << min(i, 6)
        assert world.rollup.next_bond_wei() == expected_wei
        proving.refute(post(world), 0)
        world.wait(12)
        burnt_wei += expected_wei // 2
    assert world.rollup.burnt_wei() == burnt_wei
    old = post(world)
    for _ in range(7):
        proving.prove_all(old)
        old = post(world, old)
    assert world.rollup.next_bond_wei() == bond_wei


@pytest.mark.rule("08-R08")
def test_old_batches_do_not_lower_the_bond(proving: Prover) -> None:
    """Only one that was committed after the removal shows that the chain goes on."""
    world = proving.world
    bond_wei = world.rollup_parameters["bond_wei"]
    good = post(world)
    proving.refute(post(world, good), 0)
    proving.prove_all(good)
    assert world.rollup.final_number() == 1
    assert world.rollup.next_bond_wei() == 2 * bond_wei


@pytest.mark.rule("08-R25")
def test_an_outbox_is_proved_once(proving: Prover) -> None:
    world = proving.world
    outbox = ((to_number(world["trader"]), 1), (to_number(world["thief"]), 2))
    posted = post(world, segments=(Segment((5, 6), 3, 13, 9),), outbox=outbox)
    proof = proving.make_outbox(posted, "challenger")
    with refused("statements: proof does not hold"):
        proving.prove_outbox(posted, "thief", proof)
    with refused("statements: nobody is the payee"):
        world.court.prove_outbox(1, posted.preimage, NOBODY, proof)
    proving.prove_outbox(posted, proof=proof)
    with refused("court: outbox is proved already"):
        proving.prove_outbox(posted)
    second = post(world, posted)
    with refused("court: outbox is empty"):
        proving.prove_outbox(second)


@pytest.mark.rule("08-R25", "08-R28")
def test_a_forged_outbox_removes_the_batch(proving: Prover) -> None:
    world = proving.world
    outbox = ((to_number(world["thief"]), 5_000_000),)
    posted = post(world, segments=(Segment((5, 6), 3, 13, 9),), outbox=outbox)
    with refused("court: accumulator is the claimed one"):
        proving.refute_outbox(posted, 9)
    with refused("court: words are not those of the outbox"):
        proving.refute_outbox(posted, 10, words=[1])
    with refused("statements: proof does not hold"):
        proving.refute_outbox(posted, 10, proof=proving.make_outbox(posted, "thief", 10))
    with refused("statements: proof does not hold"):
        proving.refute_outbox(posted, 10, proof=proving.make_outbox(posted, "challenger", 11))
    proving.refute_outbox(posted, 10)
    event = world.get_event(world.court, "Refuted")
    assert (event.part, event.accumulator, event.payee) == (OUTBOX, 10, world["challenger"])
    assert world.rollup.head_number() == 0
    assert world.court.credit_wei(world["challenger"]) == world.rollup_parameters["bond_wei"] // 2


@pytest.mark.rule("08-R29")
@pytest.mark.parametrize("kind", ["end", "fact", "outbox"])
def test_proofs_that_contradict_each_other_void_what_is_pending(proving: Prover, kind: str) -> None:
    """Only a broken proof system proves two results of a claim that is proved from the last final one on."""
    world = proving.world
    bond_wei = world.rollup_parameters["bond_wei"]
    final = post(world)
    proving.prove_all(final)
    outbox = ((to_number(world["thief"]), 5),)
    segments = (Segment((5,), 3, 13, 9), Segment((6,), 3, 14, 9), Segment((7,), 3, 15, 9))
    posted = post(world, final, segments=segments, outbox=outbox)
    for _ in range(2):
        post(world)
    proving.prove(posted, 1)
    proving.prove_outbox(posted)
    proving.prove(posted, 2, end=False, steps=4, cursor=0, root=50)
    with refused("court: another fact is known, from a start that is not proved"):
        proving.prove(posted, 2, end=False, steps=4, cursor=0, root=51)
    proving.prove(posted, 0)
    if kind == "end":
        proving.refute(posted, 1)
    elif kind == "fact":
        proving.prove(posted, 2, end=False, steps=4, cursor=0, root=51)
    else:
        proving.refute_outbox(posted, 10)
    assert world.get_event(world.court, "Contradiction").id == posted.id
    assert world.get_event(world.court, "Abandoned").final_number == 1
    assert (world.rollup.head_number(), world.rollup.final_number()) == (1, 1)
    assert world.rollup.frozen_at_s() == world.now_s
    assert world.rollup.burnt_wei() == 0
    with refused("rollup: frozen"):
        world.commit()
    world.wait(7 * DAY_S)
    with refused("rollup: no batch is proved or has passed its window"):
        world.rollup.finalize(1)
    for number in (2, 3, 4):
        world.rollup.release(number)
    assert world.rollup.credit_wei(world["sequencer"]) == 4 * bond_wei
    assert boa.env.get_balance(world.rollup.address) == 4 * bond_wei


@pytest.mark.rule("08-R29")
def test_a_contradiction_in_a_frozen_rollup(proving: Prover) -> None:
    world = proving.world
    world.deposit("trader", world.register("trader"), 5_000_000)
    posted = post(world, inbox_count=0, segments=TWO)
    world.wait(world.rollup_parameters["freeze_s"])
    world.rollup.freeze()
    frozen_at_s = world.now_s
    world.wait(100)
    proving.prove(posted, 0)
    proving.refute(posted, 0)
    assert world.rollup.frozen_at_s() == frozen_at_s
    assert world.rollup.head_number() == 0


@pytest.mark.rule("08-R29")
def test_two_results_from_a_start_that_is_not_proved_freeze_nothing(proving: Prover) -> None:
    """Attack: from a garbage claim anything follows, which says nothing about proofs. The batch goes."""
    world = proving.world
    bad = post(world, segments=(Segment((5, 6), 3, 0xBAD, 0), Segment((7,), 4, 14, 0)))
    proving.prove(bad, 2)
    proving.refute(bad, 2)
    assert world.rollup.frozen_at_s() == 0
    assert world.rollup.head_number() == 0
    assert world.court.credit_wei(world["challenger"]) == world.rollup_parameters["bond_wei"] // 2
