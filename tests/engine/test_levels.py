"""The levels of the books, which only their lists can tell right from wrong (02-R02, 02-R08).

`Pair.check` holds them against the lists after every operation; here is what makes them go wrong if they can.
"""

from __future__ import annotations

from itertools import islice

import pytest

from miletus.engine import segment
from miletus.engine.reasons import Reason
from tests.engine import worlds as w
from tests.engine.desk import ANN, BOB, CALL, CAT, DAN, FOK, FUTURE, IOC, PERP, PUT, Desk
from tests.engine.levels import check_levels

pytestmark = pytest.mark.both_builds
M = 1_000_000


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.mark.rule("02-R02", "02-R08", "04-R13")
@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("gone", range(6))
def test_levels_follow_orders_that_come_and_go(desk: Desk, side: int, gone: int) -> None:
    """Three prices, two orders each: one goes, and who comes at its price stands behind the one left."""
    away = 2 * side - 1
    for k in range(6):
        desk.order(side, ANN + k % 2, 1, M + away * (10 + k // 2), slot=k)
    assert desk.cancel(ANN + gone % 2, gone).reason == Reason.OK
    desk.order(side, CAT, 1, M + away * (10 + gone // 2))
    names = [(ANN + k % 2, k) for k in range(6) if k != gone]
    names.insert(2 * (gone // 2) + 1, (CAT, 0))
    assert (desk.asks() if side else desk.bids()) == names
    for account, slot in names:
        assert desk.cancel(account, slot).reason == Reason.OK


@pytest.mark.rule("04-R15", "02-R02", "02-R08")
@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("sizes", [(2,), (2, 3), (2, 3, 4), (1, 1, 1, 1)])
@pytest.mark.parametrize("spread", [0, 1])
def test_a_fill_or_kill_that_is_undone_leaves_the_book_as_it_was(
    desk: Desk, side: int, sizes: tuple[int, ...], spread: int
) -> None:
    """The makers are filled up, one after the other, at one price or at several; then all come back."""
    away = 2 * side - 1
    for k, size in enumerate(sizes):
        desk.order(side, BOB + k % 3, size, M + away * spread * k, slot=k)
    before = desk.view
    reply = desk.order(1 - side, ANN, sum(sizes) + 1, M + 9 * away, tif=FOK)
    assert (reply.reason, reply.filled) == (Reason.NOT_FILLED, 0)
    assert desk.view["instruments"] == before["instruments"]
    newcomer = desk.order(side, DAN, 1, M, slot=99)
    assert newcomer.reason == Reason.OK
    assert desk.order(1 - side, ANN, sum(sizes) + 1, M + 9 * away, tif=FOK).filled == sum(sizes) + 1


@pytest.mark.rule("04-R15", "02-R02")
def test_what_is_left_of_another_side_is_not_taken_for_a_level(desk: Desk) -> None:
    """The run of one side is full, and its best price is that of the other side's only order."""
    for k in range(16):
        desk.buy(ANN, 1, M - 15 + k)
    desk.buy(BOB, 1, M, FUTURE)
    assert desk.sell(CAT, 2, M, FUTURE, tif=FOK).reason == Reason.NOT_FILLED
    assert desk.bids(FUTURE) == [(BOB, 0)]
    assert desk.sell(CAT, 1, M, FUTURE, tif=IOC).filled == 1


@pytest.mark.rule("02-R02")
def test_a_rebuilt_machine_has_the_levels_of_the_lists(desk: Desk) -> None:
    """Three sides with an order at one price, alone or not; and one with many prices."""
    desk.buy(ANN, 1, 50_000, CALL)  # the first side of all
    desk.buy(ANN, 1, 50_000, PUT)
    desk.buy(ANN, 1, M, PERP)
    desk.buy(BOB, 1, M, FUTURE)
    desk.buy(CAT, 1, M, FUTURE)
    for k in range(40):
        desk.sell(DAN, 1, M + 100 - k // 2, PERP)
    desk.pair.rebuild()
    check_levels(desk.pair.machine.state)
    assert desk.buy(DAN, 1, M - 1, FUTURE).reason == Reason.OK
    assert desk.sell(BOB, 1, M + 90, PERP).reason == Reason.OK


@pytest.mark.rule("02-R02")
def test_a_rebuilt_machine_has_the_levels_of_the_last_instrument_too() -> None:
    desk = Desk(w.build_market())
    for side in (0, 1):
        assert desk.order(side, 16, 1, 140_000_000, 4_095).reason == Reason.OK
        desk.pair.rebuild()
        assert desk.cancel(16, 0).reason == Reason.OK
        assert desk.order(side, 17, 1, 140_000_000, 4_095).reason == Reason.OK
        desk.pair.rebuild()
        assert desk.order(side, 18, 1, 140_000_000, 4_095).reason == Reason.OK
        desk.cancel(17, 0)
        desk.cancel(18, 0)


@pytest.mark.rule("02-R02", "02-R08")
def test_a_side_of_two_thousand_prices() -> None:
    """The runs outgrow their room again and again, and then the arena that all of them lie in."""
    desk = Desk(w.build_market())
    world, number, tick = desk.world, 5, 65
    places = [(account, slot) for account in range(16, 26) for slot in range(256)]
    prices = [tick * (1 + k * 1_283 % 2_053) for k in range(2_052)]  # every multiple once, in no order
    resting = iter(zip(places, prices, strict=False))

    def rest(count: int) -> None:
        orders = []
        for (account, slot), price in islice(resting, count):
            nonce = world.accounts[account].keys[0].nonce + 1 + slot
            orders.append(w.order(world, account, slot, number, 0, price, 1, nonce=nonce))
        for some in [orders[k : k + 256] for k in range(0, count, 256)]:
            assert {receipt[0] for receipt in desk.pair.send(*some)} == {Reason.OK}

    rest(1_025)
    assert desk.pair.machine.state.level_used == 4_080
    for k in range(16):
        assert desk.sell(25, 1, 7_000_000 // tick * tick + tick * k, number, slot=200 + k).reason == Reason.OK
    assert desk.cancel(25, 203).reason == Reason.OK
    assert desk.cancel(25, 200).reason == Reason.OK
    rest(1_024)
    desk.pair.check()
    assert desk.pair.machine.state.level_used > 4_096
    for account in (16, 24):
        desk.pair.send(w.sign(world, account, segment.CANCEL, mode=2, slot=0, generation=0, instrument=0))
    desk.pair.check()
