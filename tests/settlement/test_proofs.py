"""What of a batch has to be proved, and from which state: the shortest way to its verdict."""

from collections.abc import Callable

import msgspec
import pytest

from miletus.sequencer.feed import BatchRecord, Outgoing
from miletus.settlement.court import OUTBOX
from miletus.settlement.errors import SettlementError
from miletus.settlement.proofs import Case, Reproduction, compute_parts
from miletus.settlement.proving import BatchProver
from miletus.settlement.replica import Replica
from tests.settlement.support import change_segment, lie, post
from tests.settlement.world import GENESIS, USDC, SmallSequencer, Trader, World

WRONG = bytes(31) + b"\x07"

LIES: dict[str, tuple[Callable[[BatchRecord], BatchRecord], int]] = {
    "root of the inbox segment": (change_segment(0, root=WRONG), 0),
    "root in the middle": (change_segment(1, root=WRONG), 1),
    "outbox in the middle": (change_segment(1, outbox=5), 1),
    "root at the end": (change_segment(2, root=WRONG), 2),
    "a withdrawal to the thief": (
        lambda batch: msgspec.structs.replace(batch, outbox=(Outgoing(b"\x66" * 20, 7 * USDC),)),
        OUTBOX,
    ),
}


def close_two(alice: Trader, sequencer: SmallSequencer) -> None:
    """Two batches; the second has three segments and a withdrawal."""
    sequencer.close([alice.transfer(17, 1)])
    alice.deposit("more", USDC)
    alice.world.pass_time(100)
    sequencer.close([alice.transfer(17, 5)], [alice.withdraw(7 * USDC)])


def open_case(world: World, number: int) -> Case:
    view = world.make_view()
    view.poll()
    posted = view.get_batch(number)
    assert posted is not None
    return Reproduction(view, GENESIS).open(posted)


def never(part: int) -> bool:
    return False


@pytest.mark.rule("08-R27", "08-R23")
def test_of_a_right_batch_all_is_proved_that_is_not(
    world: World, alice: Trader, sequencer: SmallSequencer
) -> None:
    close_two(alice, sequencer)
    post(world, sequencer)
    case = open_case(world, 2)
    assert case.alarm is None
    whole = compute_parts(case, never)
    assert [part.segments for part in whole] == [(0, 1, 2), (OUTBOX,)]
    before = sequencer.batches[0].segments[-1].root
    assert Replica.from_pages(whole[0].state, world.crypto).root == whole[0].root == before
    rest = compute_parts(case, lambda part: part in (1, OUTBOX))
    assert [part.segments for part in rest] == [(0,), (2,)]
    middle = sequencer.batches[1].segments[1].root
    assert Replica.from_pages(rest[1].state, world.crypto).root == rest[1].root == middle
    assert compute_parts(case, lambda part: True) == []


@pytest.mark.rule("08-R28")
@pytest.mark.parametrize("name", LIES)
def test_of_a_wrong_batch_one_part_is_enough(
    world: World, alice: Trader, sequencer: SmallSequencer, name: str
) -> None:
    """It begins at the last right claim, whose state is rebuilt from L1."""
    close_two(alice, sequencer)
    change, wrong = LIES[name]
    lie(sequencer, 2, change)
    post(world, sequencer)
    (part,) = compute_parts(open_case(world, 2), never)
    assert part.segments == (wrong,)
    if wrong == OUTBOX:
        with pytest.raises(ValueError, match="begins at no state"):
            assert part.state
        return
    claims = [segment.root for batch in sequencer.batches for segment in batch.segments]
    first = len(sequencer.batches[0].segments)
    assert Replica.from_pages(part.state, world.crypto).root == part.root == claims[first + wrong - 1]


@pytest.mark.rule("08-R22")
def test_states_are_followed_over_batches_and_reorganisations(
    world: World, alice: Trader, sequencer: SmallSequencer
) -> None:
    world.control.mine(5)
    view = world.make_view()
    reproduction = Reproduction(view, GENESIS)
    close_two(alice, sequencer)
    post(world, sequencer)
    for number in (1, 2, 1, 2):
        view.poll()
        posted = view.get_batch(number)
        assert posted is not None
        case = reproduction.open(posted)
        assert case.alarm is None
        assert case.root == (
            sequencer.batches[0].segments[-1].root if number == 2 else GENESIS.compute_root()
        )
    lie(sequencer, 1, change_segment(1, root=WRONG))
    world.control.reorganise(4)
    view.poll()
    post(world, sequencer)
    view.poll()
    posted = view.get_batch(2)
    assert posted is not None
    with pytest.raises(SettlementError, match="prove batch 1 first, which is wrong"):
        reproduction.open(posted)


def test_a_deployment_without_keys_is_told(world: World, alice: Trader) -> None:
    with pytest.raises(SettlementError, match="no key of edges of size 'small'"):
        BatchProver(world.make_view(), GENESIS, alice.sender, None)  # type: ignore[arg-type]
