"""Amend and Cancel (spec 04-R18, 04-R19)."""

from __future__ import annotations

import pytest

from miletus.engine import segment
from miletus.engine.reasons import Reason
from tests.engine import worlds as w
from tests.engine.desk import ANN, BOB, CALL, CASH, CAT, DAN, EXPIRY_S, FUTURE, IOC, LOCK, PERP, Desk
from tests.engine.records import make

pytestmark = pytest.mark.both_builds
LOST = 1 << 32
"""Added to the detail of a word that removed an order and left none in its place."""
M = 1_000_000


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.sell(ANN, 10, M, slot=7)
    return desk


def get_order(desk: Desk) -> tuple[int, int, int] | None:
    """Price, lots left and lots filled of ANN's order in slot 7."""
    order = desk.account(ANN)["orders"].get(7)
    return order and (order["price"], order["left"], order["filled"])


@pytest.mark.rule("04-R18")
def test_attack_amending_10_to_10_while_6_fill_must_not_trade_16(desk: Desk) -> None:
    desk.buy(BOB, 6, M, tif=IOC)
    assert desk.amend(ANN, 7, 10, M + 5) == (Reason.OK, 0, 0, 1)
    assert get_order(desk) == (M + 5, 4, 6)
    assert desk.buy(BOB, 100, M + 5, tif=IOC).filled == 4
    assert desk.position(ANN) == -10


@pytest.mark.rule("04-R18")
@pytest.mark.parametrize(("slot", "generation"), [(8, 1), (7, 2), (7, 0), (0, 0)])
def test_amend_names_slot_and_generation(desk: Desk, slot: int, generation: int) -> None:
    assert desk.amend(ANN, slot, 5, M, generation)[:3] == (Reason.ORDER_NOT_FOUND, 0, 0)
    assert get_order(desk) == (M, 10, 0)


@pytest.mark.rule("04-R18", "03-R19")
def test_amend_of_an_order_that_is_gone_tells_the_slot_s_generation(desk: Desk) -> None:
    desk.cancel(ANN, 7)
    assert desk.amend(ANN, 7, 5, M) == (Reason.ORDER_NOT_FOUND, 0, 0, 1)
    assert desk.amend(ANN, 8, 5, M) == (Reason.ORDER_NOT_FOUND, 0, 0, 0)


@pytest.mark.rule("04-R18")
def test_less_at_the_same_price_keeps_the_place(desk: Desk) -> None:
    desk.sell(BOB, 10, M)
    assert desk.amend(ANN, 7, 4, M) == (Reason.OK, 0, 0, 1)
    assert desk.asks() == [(ANN, 7), (BOB, 0)]
    assert get_order(desk) == (M, 4, 0)
    assert desk.amend(ANN, 7, 4, M) == (Reason.OK, 0, 0, 1), "as much is no more"
    assert desk.asks() == [(ANN, 7), (BOB, 0)]


@pytest.mark.rule("04-R18")
@pytest.mark.parametrize(("size", "price", "left"), [(11, M, 11), (10, M + 1, 10), (5, M + 1, 5)])
def test_more_or_another_price_loses_the_place(desk: Desk, size: int, price: int, left: int) -> None:
    desk.sell(BOB, 10, price)
    assert desk.amend(ANN, 7, size, price) == (Reason.OK, 0, 0, 1)
    assert desk.asks() == [(BOB, 0), (ANN, 7)]
    assert get_order(desk) == (price, left, 0)


@pytest.mark.rule("04-R18", "03-R19")
@pytest.mark.parametrize("size", [6, 5, 1])
def test_a_total_that_is_filled_already_removes_the_order(desk: Desk, size: int) -> None:
    desk.buy(BOB, 6, M, tif=IOC)
    assert desk.amend(ANN, 7, size, M) == (Reason.OK, 0, 0, 1 + LOST)
    assert get_order(desk) is None
    assert desk.account(ANN)["locked"] == 0


@pytest.mark.rule("04-R18", "03-R19", "04-R17")
@pytest.mark.parametrize(
    ("size", "price", "reason"),
    [
        (10, 0, Reason.BAD_PRICE),
        (10, 1 << 28, Reason.BAD_PRICE),
        (0, M, Reason.BAD_SIZE),
        ((1 << 24) + 1, M, Reason.BAD_SIZE),
        (0, 0, Reason.BAD_PRICE),
    ],
)
def test_an_amend_with_bad_fields_cancels_the_order(
    desk: Desk, size: int, price: int, reason: Reason
) -> None:
    assert desk.amend(ANN, 7, size, price) == (reason, 0, 0, 1 + LOST)
    assert get_order(desk) is None
    assert desk.cash(ANN) == CASH, "the lock is back"


@pytest.mark.rule("04-R18")
def test_an_amend_in_an_expired_instrument_cancels_the_order(desk: Desk) -> None:
    desk.sell(ANN, 5, 1_010_000, FUTURE, slot=9)
    desk.expire()
    assert desk.amend(ANN, 9, 4, 1_010_000) == (Reason.EXPIRED, 0, 0, 1 + LOST)
    assert desk.asks(FUTURE) == []


@pytest.mark.rule("04-R18")
def test_an_amended_order_takes_what_it_now_crosses(desk: Desk) -> None:
    desk.buy(BOB, 4, M - 10)
    assert desk.amend(ANN, 7, 10, M - 10) == (Reason.OK, 4, 4 * (M - 10), 1)
    assert get_order(desk) == (M - 10, 6, 4)


@pytest.mark.rule("04-R18", "04-R03")
def test_an_amended_order_keeps_its_terms(desk: Desk) -> None:
    desk.sell(ANN, 3, M + 9, slot=3, post_only=True, good_for_s=50)
    end_s = desk.account(ANN)["orders"][3]["expiry_s"]
    desk.wait(10)
    assert desk.amend(ANN, 3, 3, M + 8).reason == Reason.OK
    order = desk.account(ANN)["orders"][3]
    assert (order["post_only"], order["expiry_s"], order["generation"]) == (True, end_s, 1)
    desk.buy(BOB, 1, M - 3)
    assert desk.amend(ANN, 3, 3, M - 3) == (Reason.POST_ONLY, 0, 0, 1 + LOST)
    assert 3 not in desk.account(ANN)["orders"]


@pytest.mark.rule("04-R18", "04-R03")
def test_an_amended_reduce_only_order_still_only_reduces(desk: Desk) -> None:
    desk.trade(CAT, BOB, 5, M)
    desk.sell(CAT, 5, M + 9, slot=3, reduce_only=True)
    assert desk.amend(CAT, 3, 50, M + 8).reason == Reason.OK
    assert desk.account(CAT)["orders"][3]["left"] == 5
    desk.trade(DAN, CAT, 5, M - 1)
    assert desk.position(CAT) == 0
    assert desk.amend(CAT, 3, 50, M + 7) == (Reason.REDUCE_ONLY, 0, 0, 1 + LOST)


@pytest.mark.rule("04-R18", "04-R16")
def test_an_amend_that_has_no_margin_cancels_the_order(desk: Desk) -> None:
    assert desk.amend(ANN, 7, 1_000_000, M) == (Reason.MARGIN, 0, 0, 1 + LOST)
    assert get_order(desk) is None


@pytest.mark.rule("04-R18")
def test_less_at_the_same_price_needs_no_margin_and_no_fresh_oracle(desk: Desk) -> None:
    desk.wait(3_000)
    assert desk.amend(ANN, 7, 4, M).reason == Reason.OK
    assert desk.amend(ANN, 7, 4, M + 1).reason == Reason.STALE
    assert get_order(desk) is None


@pytest.mark.rule("04-R19")
def test_cancel_by_slot(desk: Desk) -> None:
    assert desk.cancel(ANN, 7, generation=2) == (Reason.ORDER_NOT_FOUND, 0, 0, 0)
    assert desk.cancel(ANN, 6) == (Reason.ORDER_NOT_FOUND, 0, 0, 0)
    assert desk.cancel(ANN, 7, generation=1) == (Reason.OK, 0, 0, 1)
    assert desk.cancel(ANN, 7) == (Reason.ORDER_NOT_FOUND, 0, 0, 0)
    desk.sell(ANN, 10, M, slot=7)
    assert desk.cancel(ANN, 7, generation=0) == (Reason.OK, 0, 0, 1), "0 means any"


@pytest.mark.rule("04-R19")
def test_cancel_by_instrument_and_all(desk: Desk) -> None:
    for slot in (0, 31, 32, 130, 255):
        desk.buy(ANN, 1, 900_000 + slot, slot=slot)
    desk.buy(ANN, 1, 40_000, CALL, slot=64)
    desk.buy(BOB, 1, 900_000)
    assert desk.cancel(ANN, mode=1, instrument=9) == (Reason.OK, 0, 0, 0)
    assert desk.cancel(ANN, mode=1, instrument=4_096) == (Reason.OK, 0, 0, 0)
    assert desk.cancel(ANN, mode=1, instrument=PERP) == (Reason.OK, 0, 0, 6)
    assert list(desk.account(ANN)["orders"]) == [64]
    desk.buy(ANN, 1, 900_000)
    assert desk.cancel(ANN, mode=2) == (Reason.OK, 0, 0, 2)
    assert desk.cancel(ANN, mode=2) == (Reason.OK, 0, 0, 0)
    assert desk.account(ANN)["locked"] == 0
    assert desk.bids() == [(BOB, 0)]


@pytest.mark.rule("04-R19")
@pytest.mark.parametrize("mode", [3, 255])
def test_cancel_has_three_modes(desk: Desk, mode: int) -> None:
    assert desk.cancel(ANN, 7, mode=mode, instrument=PERP) == (Reason.BAD_FLAGS, 0, 0, 0)
    assert get_order(desk) is not None


@pytest.mark.rule("04-R19", "04-R17")
def test_all_256_orders_go_in_one_word(desk: Desk) -> None:
    words = [
        w.order(desk.world, BOB, slot, PERP, 0, 900_000, 1) | {"nonce": 10 + slot} for slot in range(256)
    ]
    desk.send_all(*words)
    assert desk.account(BOB)["locked"] == 256 * LOCK
    assert desk.cancel(BOB, mode=2).detail == 256
    assert desk.cash(BOB) == CASH


@pytest.mark.rule("04-R19", "03-R12")
def test_a_cancel_is_possible_however_old_the_oracle_and_forced_from_l1(desk: Desk) -> None:
    desk.pair.begin_batch(EXPIRY_S * 1000, 0)
    desk.wait(50_000)
    fields = {"mode": 2, "slot": 0, "generation": 0, "instrument": 0}
    word = make(segment.CANCEL, account=ANN, **fields)
    assert desk.send(word, source=segment.INBOX) == (Reason.OK, 0, 0, 1)
