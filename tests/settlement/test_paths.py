"""The way to a verdict is made as short as what is known allows: states of an own node, facts on L1."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from miletus.settlement import replica as replica_module
from miletus.settlement.anvil import Anvil, AnvilControl
from miletus.settlement.court import Court
from miletus.settlement.errors import L1Refused
from miletus.settlement.posting import PathGone
from miletus.settlement.proofs import Reproduction
from miletus.settlement.proving import BatchProver
from miletus.settlement.replica import Replica
from miletus.settlement.source import KnownState
from tests.settlement.fixture_prover import STEPS, FixtureProver, get_fixture_keys
from tests.settlement.support import change_segment, lie, post
from tests.settlement.test_zk import StoppedHere, stop_after
from tests.settlement.world import GENESIS, SmallSequencer, Trader, World, deploy_world

EDGES = 4


@pytest.fixture(scope="module")
def deployed_with_keys(anvil: Anvil, shared_control: AnvilControl) -> World:
    node = anvil.connect(timeout_seconds=20.0)
    return deploy_world(node, shared_control, get_fixture_keys())


@pytest.fixture
def world(deployed_with_keys: World, control: AnvilControl) -> World:
    """A deployment whose batches can be proved; the chain is put back afterwards."""
    made = deployed_with_keys
    return World(made.node, control, made.deployment, made.sequencer)


def make_prover(world: World, edges: int = EDGES, **options: object) -> BatchProver:
    sender = world.make_sender(world.make_wallet())
    return BatchProver(world.make_view(), GENESIS, sender, FixtureProver(edges), **options)  # type: ignore[arg-type]


# ---- what L1 has of the path


@pytest.mark.rule("08-R26", "08-R27")
@pytest.mark.parametrize("done", [1, 3, 4, 6])
def test_a_half_proved_batch_goes_on_where_it_stopped(
    world: World, alice: Trader, sequencer: SmallSequencer, done: int
) -> None:
    """Another machine, another wallet: only what L1 has not is proved, and each is paid for his own."""
    sequencer.close([alice.transfer(17, 5)])
    post(world, sequencer)
    first = make_prover(world)
    stop_after(first, done)
    with pytest.raises(StoppedHere):
        first.prove(1)
    second = make_prover(world)
    verdict = second.prove(1)
    assert verdict.final
    assert verdict.proofs == verdict.posted == 2 * EDGES - done
    court = Court(world.node, world.rollup.court)
    batch_id = world.rollup.get_batch(1).id
    for place in range(2 * EDGES):
        segment, edge = divmod(place, EDGES)
        if edge == EDGES - 1:
            continue  # an end is no fact
        fact = court.get_fact(batch_id, segment, (edge + 1) * STEPS // EDGES)
        assert fact.payee == (first if place < done else second).sender.address


@pytest.mark.rule("08-R26", "08-R28")
def test_a_half_refuted_segment_goes_on_where_it_stopped(
    world: World, alice: Trader, sequencer: SmallSequencer
) -> None:
    sequencer.close([alice.transfer(17, 5)])
    lie(sequencer, 1, change_segment(1, root=bytes(31) + b"\7"))
    post(world, sequencer)
    first, second = make_prover(world), make_prover(world)
    stop_after(first, 2)
    with pytest.raises(StoppedHere):
        first.prove(1)
    bond_wei = world.rollup.get_batch(1).bond_wei
    verdict = second.prove(1)
    assert (verdict.removed, verdict.proofs) == (True, EDGES - 2)
    court = Court(world.node, world.rollup.court)
    shares = [court.get_credit(prover.sender.address) for prover in (first, second)]
    assert shares[0] == shares[1] == bond_wei // 4


@pytest.mark.rule("08-R26")
def test_provers_side_by_side_do_not_stand_in_each_others_way(
    world: World, alice: Trader, sequencer: SmallSequencer
) -> None:
    """Both know of nothing when they begin; whoever is second is told, and the batch is final anyway."""
    sequencer.close([alice.transfer(17, 5)])
    post(world, sequencer)
    slow, fast = make_prover(world), make_prover(world)
    submit, started = slow.sender.resubmit, False

    def resubmit(*arguments: object, **options: object) -> object:
        nonlocal started
        if not started:
            started = True
            stop_after(fast, 3)
            with pytest.raises(StoppedHere):
                fast.prove(1)
        return submit(*arguments, **options)  # type: ignore[arg-type]

    slow.sender.resubmit = resubmit  # type: ignore[method-assign,assignment]
    verdict = slow.prove(1)
    assert verdict.final
    assert (verdict.proofs, verdict.posted) == (2 * EDGES, 2 * EDGES - 3)


@pytest.mark.rule("08-R26")
def test_a_path_is_found_where_a_node_refuses_long_ranges(
    world: World, alice: Trader, sequencer: SmallSequencer, monkeypatch: pytest.MonkeyPatch
) -> None:
    sequencer.close([alice.transfer(17, 5)])
    post(world, sequencer)
    first = make_prover(world)
    stop_after(first, 3)
    with pytest.raises(StoppedHere):
        first.prove(1)
    world.control.mine(20)
    court = first.court
    posted = first.view.get_batch(1)
    assert posted is not None
    get_logs = world.node.get_logs

    def get_few(addresses: list[str], first: int, last: int, topics: object = None) -> object:
        if last - first > 3:
            raise L1Refused("query returns more than 10000 results")
        return get_logs(addresses, first, last, topics)  # type: ignore[arg-type]

    monkeypatch.setattr(court.node, "get_logs", get_few)
    head = world.node.get_head().number
    assert court.find_steps(posted.id, 0, posted.block_number, head) == 3 * STEPS // EDGES
    assert court.find_steps(posted.id, 1, posted.block_number, head) == 0
    assert court.find_steps(bytes(32), 0, posted.block_number, head) == 0


@pytest.mark.rule("08-R26", "09-R06")
@pytest.mark.parametrize("done", [2, 5])
def test_a_reorganisation_in_the_middle_takes_back_what_the_path_stands_on(
    world: World, alice: Trader, sequencer: SmallSequencer, done: int
) -> None:
    """Somebody else's facts go for good: the path is proved anew from where L1 has it."""
    sequencer.close([alice.transfer(17, 5)])
    post(world, sequencer)
    lines: list[str] = []
    first, second = make_prover(world), make_prover(world, say=lines.append)
    world.control.mine(2)
    stop_after(first, done)
    with pytest.raises(StoppedHere):
        first.prove(1)
    posted = world.node.get_head().number - done
    reorganise_before(second, 1, lambda: world.control.reorganise(world.node.get_head().number - posted, []))
    verdict = second.prove(1)
    assert verdict.final
    assert verdict.posted == 2 * EDGES
    assert any("L1 took back what the path went on from" in line for line in lines)


def reorganise_before(prover: BatchProver, number: int, reorganise: Callable[[], object]) -> None:
    """Have a reorganisation come right before the prover's transaction of that number."""
    submit, sent = prover.sender.resubmit, 0

    def resubmit(*arguments: object, **options: object) -> object:
        nonlocal sent
        sent += 1
        if sent == number:
            reorganise()
        return submit(*arguments, **options)  # type: ignore[arg-type]

    prover.sender.resubmit = resubmit  # type: ignore[method-assign,assignment]


@pytest.mark.rule("08-R26", "09-R06")
def test_a_reorganisation_that_takes_back_our_own_edges(
    world: World, alice: Trader, sequencer: SmallSequencer
) -> None:
    """They are sent again, in their order, by whoever has them: no proof is made twice."""
    sequencer.close([alice.transfer(17, 5)])
    post(world, sequencer)
    world.control.mine(2)
    prover = make_prover(world)
    reorganise_before(prover, 4, lambda: world.control.reorganise(2))
    verdict = prover.prove(1)
    assert verdict.final
    assert verdict.proofs == 2 * EDGES


def test_a_path_that_keeps_going_is_given_up(
    world: World, alice: Trader, sequencer: SmallSequencer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an error of L1, which every loop of ours waits out."""
    sequencer.close([alice.transfer(17, 5)])
    post(world, sequencer)
    first = make_prover(world)
    stop_after(first, 2)
    with pytest.raises(StoppedHere):
        first.prove(1)
    steps = 2 * STEPS // EDGES
    prover = make_prover(world)
    fact = prover.court.get_fact(world.rollup.get_batch(1).id, 0, steps)
    world.control.reorganise(2, [])
    monkeypatch.setattr(prover.court, "find_steps", lambda *_: steps)
    monkeypatch.setattr(prover.court, "get_fact", lambda *_: fact)
    with pytest.raises(PathGone):
        prover.prove(1)


# ---- states of an own node


@dataclass
class States:
    """States of a node: after each batch of a sequencer, or whatever is put in."""

    states: dict[int, KnownState]

    def get_state(self, number: int) -> KnownState | None:
        return self.states[max(known)] if (known := [n for n in self.states if n <= number]) else None


@pytest.fixture
def executed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A list that every executed batch adds to."""
    counts: list[int] = []
    execute = Replica.execute

    def count(self: Replica, batch: replica_module.BatchInputs) -> object:
        counts.append(len(batch.segments))
        return execute(self, batch)

    monkeypatch.setattr(Replica, "execute", count)
    return counts


def close_many(alice: Trader, sequencer: SmallSequencer, count: int) -> dict[int, KnownState]:
    states = {}
    for number in range(1, count + 1):
        sequencer.close([alice.withdraw(number)])
        states[number] = KnownState(number, sequencer.replica.root, sequencer.replica.export_pages())
    return states


@pytest.mark.rule("08-R27")
def test_only_what_follows_an_own_state_is_executed(
    world: World, alice: Trader, sequencer: SmallSequencer, executed: list[int]
) -> None:
    states = close_many(alice, sequencer, 6)
    post(world, sequencer)
    executed.clear()
    view = world.make_view()
    view.poll()
    for own, number, expected in ((4, 6, 2), (5, 6, 1), (6, 6, 6), (3, 3, 3)):
        reproduction = Reproduction(view, GENESIS, States({own: states[own]}))
        posted = view.get_batch(number)
        assert posted is not None
        case = reproduction.open(posted)
        assert case.alarm is None
        assert case.root == states[number - 1].root
        assert Replica.from_pages(case.pages, world.crypto).root == case.root
        assert len(executed) == expected
        executed.clear()


@pytest.mark.rule("08-R27")
def test_a_batch_is_proved_from_an_own_state(
    world: World, alice: Trader, sequencer: SmallSequencer, executed: list[int]
) -> None:
    states = close_many(alice, sequencer, 3)
    post(world, sequencer)
    executed.clear()
    prover = make_prover(world, 1, states=States({1: states[1]}))
    for number in (2, 3, 1):
        prover.prove(number)
    assert world.rollup.get_final_number() == 3
    assert len(executed) == 2 + 1  # 2 and 3 from the own state, 1 from the first


@pytest.mark.rule("08-R28")
def test_an_own_state_that_l1_does_not_claim_is_not_begun_at(
    world: World, alice: Trader, sequencer: SmallSequencer, executed: list[int]
) -> None:
    """Of a batch that was removed, or damaged: everything is executed from the first state on."""
    states = close_many(alice, sequencer, 3)
    post(world, sequencer)
    other = dict(states[1].pages)
    number = max(other)
    other[number] = bytes([other[number][0] ^ 1]) + other[number][1:]
    view = world.make_view()
    view.poll()
    posted = view.get_batch(3)
    assert posted is not None
    bad = [
        KnownState(1, states[1].root, other),
        KnownState(1, states[2].root, states[2].pages),
        KnownState(0, GENESIS.compute_root(), {}),
    ]
    for known in bad:
        executed.clear()
        case = Reproduction(view, GENESIS, States({known.number: known})).open(posted)
        assert case.root == states[2].root
        assert len(executed) == 3
