"""A service of proofs: what it proves by itself, what L1 pays it, and what L1's events say of all that."""

import pytest

from miletus.prover import TooLittleMemory
from miletus.settlement.anvil import Anvil, AnvilControl
from miletus.settlement.challenger import Challenger
from miletus.settlement.court import OUTBOX, Court
from miletus.settlement.errors import CallReverted
from miletus.settlement.l1 import HYBRID
from miletus.settlement.proving import BatchProver
from miletus.settlement.rewards import Rewards
from miletus.settlement.service import REFUSED_AGAIN, Choice, ProvingService
from miletus.settlement.verdicts import Verdicts
from tests.settlement.fixture_prover import FixtureProver, get_fixture_keys
from tests.settlement.support import change_segment, lie, make_tower, post
from tests.settlement.world import (
    GENESIS,
    USDC,
    WINDOW_S,
    SmallSequencer,
    Trader,
    World,
    deploy_world,
)

ETHER = 10**18


@pytest.fixture(scope="module")
def deployed_with_keys(anvil: Anvil, shared_control: AnvilControl) -> World:
    node = anvil.connect(timeout_seconds=20.0)
    return deploy_world(node, shared_control, get_fixture_keys(), policy=HYBRID)


@pytest.fixture
def world(deployed_with_keys: World, control: AnvilControl) -> World:
    """A deployment whose batches can have bounties; the chain is put back afterwards."""
    made = deployed_with_keys
    return World(made.node, control, made.deployment, made.sequencer)


def make_service(
    world: World,
    prover: FixtureProver | None = None,
    choice: Choice = Choice.NOTHING,
    least_bounty_wei: int = 1,
) -> ProvingService:
    sender = world.make_sender(world.make_wallet())
    program = prover if prover is not None else FixtureProver()
    batch_prover = BatchProver(world.make_view(), GENESIS, sender, program)  # type: ignore[arg-type]
    challenger = Challenger(make_tower(world), batch_prover)
    return ProvingService(challenger, Rewards(world.make_view(), sender), choice, least_bounty_wei)


def get_owner(service: ProvingService) -> str:
    return service.challenger.prover.sender.address


def offer(world: World, number: int, amount_wei: int) -> None:
    sender = world.make_sender(world.make_wallet())
    world.do(sender, "bounty", Court(world.node, world.rollup.court).offer_bounty(number, amount_wei))


def close_three(world: World, alice: Trader, sequencer: SmallSequencer) -> None:
    for amount in (1, 2, 3):
        sequencer.close([alice.withdraw(amount * USDC)])
    post(world, sequencer)


@pytest.mark.rule("08-R30")
def test_a_bounty_is_earned_with_all_before_it_and_fetched(
    world: World, alice: Trader, sequencer: SmallSequencer
) -> None:
    """Batches 1 and 2 are proved for the bounty on 2; the whole of it, but for dust, is the prover's."""
    close_three(world, alice, sequencer)
    offer(world, 2, ETHER)
    service = make_service(world, FixtureProver(edges=3), Choice.BOUNTIES)
    before = world.node.get_balance(get_owner(service))
    assert [verdict.number for verdict in service.poll()] == [1]
    assert [verdict.number for verdict in service.poll()] == [2]
    assert service.poll() == []
    assert world.rollup.get_final_number() == 2
    assert ETHER - 1_000 < service.earned_wei <= ETHER
    spent = before + service.earned_wei - world.node.get_balance(get_owner(service))
    assert 0 < spent < ETHER // 10  # gas alone
    assert Court(world.node, world.rollup.court).get_credit(get_owner(service)) == 0
    assert service.rewards.collect() == 0  # nothing is paid twice


@pytest.mark.rule("08-R30")
def test_a_bounty_below_the_least_is_left_alone(
    world: World, alice: Trader, sequencer: SmallSequencer
) -> None:
    close_three(world, alice, sequencer)
    offer(world, 1, ETHER // 100)
    service = make_service(world, choice=Choice.BOUNTIES, least_bounty_wei=ETHER // 10)
    assert service.poll() == []
    assert world.rollup.get_final_number() == 0
    offer(world, 1, ETHER)
    assert [verdict.number for verdict in service.poll()] == [1]


@pytest.mark.rule("08-R30")
def test_a_bounty_is_shared_with_who_proved_the_rest(
    world: World, alice: Trader, sequencer: SmallSequencer
) -> None:
    """Each of two services fetches its own part, and no more."""
    close_three(world, alice, sequencer)
    offer(world, 2, ETHER)
    first, second = make_service(world), make_service(world)
    first.ask(1)
    assert [verdict.number for verdict in first.poll()] == [1]
    second.ask(2)
    assert [verdict.number for verdict in second.poll()] == [2]
    assert 0 < second.earned_wei < ETHER
    earned = first.rewards.collect() + first.earned_wei
    assert 0 < earned < ETHER
    assert ETHER - 1_000 < earned + second.earned_wei <= ETHER


@pytest.mark.rule("08-R28", "08-R22")
def test_a_lie_is_challenged_whatever_else_is_wanted_and_half_its_bond_fetched(
    world: World, alice: Trader, sequencer: SmallSequencer
) -> None:
    """A long path: what the verdict itself did not pay is paid by further calls."""
    close_three(world, alice, sequencer)
    honest = sequencer.batches[:]
    sequencer.batches = honest[:3]
    sequencer.close([alice.withdraw(4 * USDC)])
    lie(sequencer, 4, change_segment(1, root=bytes(31) + b"\x07"))
    post(world, sequencer)
    bond_wei = world.rollup.get_batch(4).bond_wei
    service = make_service(world, FixtureProver(edges=12))
    assert [(verdict.number, verdict.removed) for verdict in service.poll()] == [(4, True)]
    assert bond_wei // 2 - 100 < service.earned_wei <= bond_wei // 2
    verdicts = Verdicts(world.rollup, world.deployment.start_block)
    verdicts.poll()
    (refutation,) = verdicts.refutations
    (removed,) = verdicts.removed
    assert refutation.payee == get_owner(service)
    assert refutation.reward_wei == removed.burnt_wei == bond_wei // 2
    assert (removed.number, removed.proposer) == (4, world.sequencer.address)
    assert verdicts.proved_batches == 0


@pytest.mark.rule("08-R27", "08-R26")
def test_all_that_is_pending_is_proved_in_order_and_l1_tells_so(
    world: World, alice: Trader, sequencer: SmallSequencer
) -> None:
    close_three(world, alice, sequencer)
    verdicts = Verdicts(world.rollup, world.deployment.start_block)
    verdicts.poll()
    assert (verdicts.proofs, verdicts.finals) == ([], {})
    service = make_service(world, FixtureProver(edges=2), Choice.ALL)
    while service.poll():
        pass
    assert [verdict.number for verdict in service.verdicts] == [1, 2, 3]
    verdicts.poll()
    assert verdicts.proved_batches == 3
    batch = world.rollup.get_batch(2)
    assert [proof.part for proof in verdicts.find_proofs(batch.id)] == [0, 1, OUTBOX]
    assert {proof.payee for proof in verdicts.proofs} == {get_owner(service)}
    assert verdicts.find_parts_of(batch.id, get_owner(service)) == [0, 1, OUTBOX]
    final = verdicts.finals[batch.id]
    assert final.number == 2
    assert batch.committed_at_s <= final.at_s < batch.committed_at_s + WINDOW_S


@pytest.mark.rule("08-R21")
def test_what_can_not_be_final_by_proof_any_more_is_not_proved(
    world: World, alice: Trader, sequencer: SmallSequencer
) -> None:
    close_three(world, alice, sequencer)
    world.pass_time(WINDOW_S)
    prover = FixtureProver()
    service = make_service(world, prover, Choice.ALL)
    service.ask(3)
    assert service.poll() == []
    assert prover.jobs == []


@pytest.mark.rule("08-R21")
def test_a_prover_that_can_not_is_tried_again_and_a_court_that_will_not_is_left_alone(
    world: World, alice: Trader, sequencer: SmallSequencer
) -> None:
    close_three(world, alice, sequencer)
    prover = FixtureProver()
    service = make_service(world, prover, Choice.ALL)
    prover.problem = TooLittleMemory("4 GiB are needed and 1 GiB is free")
    for _ in range(2):
        with pytest.raises(TooLittleMemory):
            service.poll()
    prover.problem = None
    service.challenger.prover.prover = ForeignProver()  # type: ignore[assignment]
    for _ in range(REFUSED_AGAIN):
        with pytest.raises(CallReverted):
            service.poll()
    assert service.poll() == []
    assert service.proving is None


class ForeignProver(FixtureProver):
    """Gives proofs whose inputs are not the batch's."""

    def _cut(self, job, segment, words, root, after, outbox):  # type: ignore[no-untyped-def]
        for inputs, about in super()._cut(job, segment, words, root, after, outbox):
            yield (*inputs[:8], inputs[8] + 1, *inputs[9:]), about


@pytest.mark.rule("08-R22")
def test_a_reorganisation_takes_verdicts_back(world: World, alice: Trader, sequencer: SmallSequencer) -> None:
    close_three(world, alice, sequencer)
    verdicts = Verdicts(world.rollup, world.deployment.start_block)
    head = world.node.get_head().number
    service = make_service(world)
    service.ask(1)
    service.poll()
    verdicts.poll()
    assert verdicts.proved_batches == 1
    world.control.reorganise(world.node.get_head().number - head)
    verdicts.poll()
    assert (verdicts.proved_batches, verdicts.proofs) == (0, [])
