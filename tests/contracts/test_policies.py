"""Deployments whose batches need a proof, and bounties for those that need none."""

import boa
import pytest

from tests.contracts.proving import OUTBOX, Edge, Prover, post
from tests.contracts.reference import Segment
from tests.contracts.world import DAY_S, ETHER, refused, to_number

WINDOW_S = 7 * DAY_S
TWO = (Segment((5, 6), 3, 13, 0), Segment((7,), 4, 14, 0))


# ---- zk


@pytest.mark.rule("08-R31")
def test_without_proof_nothing_is_final(validity: Prover) -> None:
    world = validity.world
    bond_wei = world.rollup_parameters["bond_wei"]
    with refused("rollup: no batch is pending"):
        world.rollup.expire()
    posted = post(world, segments=TWO)
    world.wait(10)
    child = post(world, posted)
    world.wait(WINDOW_S - 11)
    with refused("rollup: batch may still be proved"):
        world.rollup.expire()
    world.wait(1)
    with refused("rollup: no batch is proved or has passed its window"):
        world.rollup.finalize(1)
    with refused("court: window of the batch has passed"):
        validity.prove(posted, 0)
    world.rollup.expire(sender=world["thief"])
    event = world.get_event(world.rollup, "BatchRemoved")
    assert (event.id, event.head, event.burnt_wei) == (posted.id, 0, bond_wei)
    assert world.rollup.burnt_wei() == bond_wei
    assert world.rollup.head_number() == 0
    world.rollup.release(2)
    assert world.rollup.credit_wei(world["sequencer"]) == bond_wei
    with refused("batches: no such batch"):
        validity.prove(child, 0)


@pytest.mark.rule("08-R31", "08-R27")
def test_what_is_proved_in_time_does_not_expire(validity: Prover) -> None:
    world = validity.world
    first = post(world, segments=TWO)
    world.wait(100)
    second = post(world, first)
    validity.prove_all(second)
    world.wait(WINDOW_S - 101)
    validity.prove_all(first)
    assert world.rollup.final_number() == 2
    third = post(world, second)
    world.wait(100)
    fourth = post(world, third)
    validity.prove_all(fourth)
    world.wait(WINDOW_S - 100)
    world.rollup.expire()
    assert (world.rollup.head_number(), world.rollup.final_number()) == (2, 2)


@pytest.mark.rule("08-R31")
def test_a_proved_batch_is_final_and_does_not_expire(validity: Prover) -> None:
    """It can only wait for finality if too many became final with one call."""
    world = validity.world
    posted = post(world)
    children = [posted]
    for _ in range(65):
        children.append(post(world, children[-1]))
    for child in children[1:]:
        validity.prove_all(child)
    validity.prove_all(posted)
    assert world.rollup.final_number() == 64
    world.wait(WINDOW_S)
    with refused("rollup: batch is proved"):
        world.rollup.expire()
    assert world.rollup.finalize(64) == 2


@pytest.mark.rule("08-R31", "08-R23")
def test_segments_without_signatures_are_proved_with_them_asserted(validity: Prover) -> None:
    """Bit 4 of the place, for sequenced segments alone: what comes through the inbox is judged."""
    world = validity.world
    posted = post(world, segments=TWO)
    edges = [validity.complete(posted, Edge(segment)) for segment in range(3)]
    assert [validity.make_inputs(posted, edge)[6] >> 84 & 1 for edge in edges] == [0, 1, 1]
    validity.prove_segments(posted)
    assert world.rollup.final_number() == 1


@pytest.mark.rule("08-R31")
def test_a_wrong_batch_is_removed_before_its_deadline_too(validity: Prover) -> None:
    posted = post(validity.world, segments=TWO)
    validity.refute(posted, 1)
    assert validity.world.rollup.head_number() == 0


@pytest.mark.rule("08-R31")
def test_no_deadline_where_windows_make_final(proving: Prover) -> None:
    world = proving.world
    post(world)
    world.wait(WINDOW_S)
    with refused("rollup: policy has no deadline for proofs"):
        world.rollup.expire()


# ---- bounties


@pytest.mark.rule("08-R30")
def test_a_bounty_is_shared_by_those_who_made_the_batch_final(hybrid: Prover) -> None:
    world = hybrid.world
    outbox = ((to_number(world["trader"]), 1),)
    first = post(world)
    second = post(world, first, segments=(TWO[0], Segment((7,), 4, 14, 9)), outbox=outbox)
    world.court.offer_bounty(2, sender=world["trader"], value=ETHER)
    world.court.offer_bounty(2, sender=world["proposer"], value=2 * ETHER)
    event = world.get_event(world.court, "BountyOffered")
    assert (event.id, event.number, event.sender) == (second.id, 2, world["proposer"])
    assert (event.amount_wei, event.total_wei) == (2 * ETHER, 3 * ETHER)
    bounty = world.court.get_bounty(second.id)
    assert (bounty.amount_wei, bounty.number, bounty.first, bounty.settled) == (3 * ETHER, 2, 1, False)
    assert world.court.get_offer(second.id, world["trader"]) == ETHER
    hybrid.prove(first, 0, steps=0, payee="thief")
    hybrid.prove(second, 0, steps=2, payee="proposer")
    hybrid.prove(second, 1, steps=6, end=False, cursor=1, root=5, payee="trader")
    hybrid.prove(second, 1, before=6, steps=9)
    hybrid.prove(second, 2, steps=29)
    with refused("court: batch may still be final in time"):
        world.court.return_bounty(second.id, sender=world["trader"])
    with refused("court: batch is not final"):
        world.court.settle_bounty(2)
    with refused("court: bounty is not settled"):
        world.court.pay_bounty(2, 1, 0, 1)
    hybrid.prove_outbox(second)
    event = world.get_event(world.court, "BountySettled")
    assert (event.id, event.number, event.first, event.amount_wei) == (second.id, 2, 1, 3 * ETHER)
    weight = 1 + 3 + 7 + 10 + 30 + 2
    with refused("court: bounty does not cover that batch"):
        world.court.pay_bounty(2, 0, 0, 64)
    with refused("court: bounty does not cover that batch"):
        world.court.pay_bounty(2, 3, 0, 64)
    with refused("court: part was not proved"):
        world.court.pay_bounty(2, 1, 1, 64)
    world.court.pay_bounty(2, 1, 0, 64, sender=world["thief"])
    for part in (0, 1, 2, OUTBOX):
        world.court.pay_bounty(2, 2, part, 64)
        with refused("pots: path is paid already"):
            world.court.pay_bounty(2, 2, part, 64)
    shares = {"thief": (1,), "proposer": (3,), "trader": (7,), "challenger": (10, 30, 2)}
    for name, parts in shares.items():
        expected_wei = sum(3 * ETHER * part // weight for part in parts)
        assert world.court.credit_wei(world[name]) == expected_wei
    with refused("court: bounty is settled"):
        world.court.return_bounty(second.id, sender=world["trader"])
    with refused("court: no bounty to settle"):
        world.court.settle_bounty(2)
    with refused("court: no bounty to settle"):
        world.court.settle_bounty(1)
    paid_wei = sum(world.court.credit_wei(person) for person in world.people.values())
    assert 3 * ETHER - 6 < paid_wei <= 3 * ETHER == boa.env.get_balance(world.court.address)


@pytest.mark.rule("08-R30")
def test_a_bounty_on_a_child_is_settled_when_its_parent_comes_last(hybrid: Prover) -> None:
    world = hybrid.world
    first = post(world)
    second = post(world, first)
    world.court.offer_bounty(2, sender=world["trader"], value=ETHER)
    hybrid.prove(second, 0)
    hybrid.prove(first, 0)
    assert world.rollup.final_number() == 2
    world.court.settle_bounty(2, sender=world["thief"])
    world.court.pay_bounty(2, 1, 0, 64)
    world.court.pay_bounty(2, 2, 0, 64)
    assert world.court.credit_wei(world["challenger"]) == ETHER


@pytest.mark.rule("08-R30")
def test_a_bounty_returns_when_the_batch_is_removed(hybrid: Prover) -> None:
    world = hybrid.world
    bad = post(world)
    child = post(world, bad)
    for number, value in ((1, ETHER), (2, 2 * ETHER)):
        world.court.offer_bounty(number, sender=world["trader"], value=value)
    world.court.offer_bounty(2, sender=world["thief"], value=5)
    hybrid.refute(bad, 0)
    with refused("bounties: nothing of the sender is there"):
        world.court.return_bounty(bad.id, sender=world["thief"])
    world.court.return_bounty(bad.id, sender=world["trader"])
    event = world.get_event(world.court, "BountyReturned")
    assert (event.id, event.sender, event.amount_wei) == (bad.id, world["trader"], ETHER)
    with refused("bounties: nothing of the sender is there"):
        world.court.return_bounty(bad.id, sender=world["trader"])
    world.wait(12)
    post(world)
    post(world)  # in the place of the child
    world.court.return_bounty(child.id, sender=world["trader"])
    assert world.court.get_bounty(child.id).amount_wei == 5
    world.court.return_bounty(child.id, sender=world["thief"])
    assert world.court.credit_wei(world["trader"]) == 3 * ETHER
    assert world.court.get_offer(child.id, world["trader"]) == 0
    with refused("bounties: nothing of the sender is there"):
        world.court.return_bounty(bytes(32), sender=world["trader"])


@pytest.mark.rule("08-R30")
@pytest.mark.parametrize("proved", [False, True])
def test_a_bounty_returns_when_the_window_made_final(hybrid: Prover, proved: bool) -> None:
    """Proved too, if an ancestor that was not kept the batch from being final in time."""
    world = hybrid.world
    first = post(world)
    second = post(world, first)
    world.court.offer_bounty(2, sender=world["trader"], value=ETHER)
    if proved:
        hybrid.prove(second, 0)
    world.wait(WINDOW_S)
    with refused("court: window of the batch has passed"):
        world.court.offer_bounty(2, sender=world["trader"], value=ETHER)
    assert world.rollup.finalize(2) == 2
    with refused("court: window of the batch has passed"):
        world.court.settle_bounty(2)
    with refused("court: batch is final"):
        world.court.offer_bounty(2, sender=world["trader"], value=ETHER)
    world.court.return_bounty(second.id, sender=world["trader"])
    assert world.court.credit_wei(world["trader"]) == ETHER


@pytest.mark.rule("08-R30")
def test_bounties_that_nobody_could_earn_are_refused(hybrid: Prover, proving: Prover) -> None:
    world = hybrid.world
    with refused("batches: no such batch"):
        world.court.offer_bounty(1, sender=world["trader"], value=1)
    for _ in range(65):
        post(world)
    with refused("court: too many ancestors are not final"):
        world.court.offer_bounty(65, sender=world["trader"], value=1)
    for value in (0, 2**96):
        boa.env.set_balance(world["trader"], 2**97)
        with refused("court: bounty is zero or above 2^96"):
            world.court.offer_bounty(1, sender=world["trader"], value=value)
    world.court.offer_bounty(64, sender=world["trader"], value=2**96 - 1)
    world = proving.world
    post(world)
    with refused("court: policy has no bounties"):
        world.court.offer_bounty(1, sender=world["trader"], value=1)


@pytest.mark.rule("08-R30")
def test_a_removal_pays_its_reward_and_the_bounty_stays(hybrid: Prover) -> None:
    """Bounty and reward of one batch are different pots."""
    world = hybrid.world
    posted = post(world, segments=TWO)
    world.court.offer_bounty(1, sender=world["trader"], value=ETHER)
    hybrid.prove(posted, 0)
    hybrid.prove(posted, 1)
    hybrid.refute(posted, 2)
    reward_wei = world.rollup_parameters["bond_wei"] // 2
    assert world.court.credit_wei(world["challenger"]) == reward_wei
    world.court.return_bounty(posted.id, sender=world["trader"])
    assert boa.env.get_balance(world.court.address) == reward_wei + ETHER
