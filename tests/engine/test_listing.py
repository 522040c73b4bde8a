"""Slow marks, listing, and listing again (spec 06-R09, 06-R10)."""

from __future__ import annotations

from typing import Any

import pytest

from miletus.engine.reasons import Reason
from tests.engine import worlds as w
from tests.engine.desk import ANN, BOB, CALL, EXPIRY_S, INDEX, IOC, PERP, Desk, make_entry
from tests.engine.naive_margin import CALL as CALL_TYPE
from tests.engine.naive_margin import FUTURE as FUTURE_TYPE
from tests.engine.naive_margin import PERPETUAL
from tests.engine.pair import START_MS

pytestmark = pytest.mark.both_builds
NOW_S = START_MS // 1000


@pytest.fixture
def desk() -> Desk:
    return Desk()


def get_coin(desk: Desk, number: int = 0) -> dict[str, Any]:
    coin = desk.view["underlyings"][number]
    assert isinstance(coin, dict)
    return coin


# ---- slow marks ----------------------------------------------------------------------------------


@pytest.mark.rule("06-R09")
def test_the_slow_mark_begins_at_the_first_mark(desk: Desk) -> None:
    assert desk.instrument(CALL)["slow_mark"] == 50_000 << 16
    desk.propose(w.listing(9, PERPETUAL, 1, 0, 0))
    desk.propose(w.index_tick(desk.world, 1, INDEX))
    for mark in (7, 9):  # before any is in force it follows what arrives
        desk.send(make_entry(PERP, 1, underlying=1, instrument=9, mark=mark))
        assert desk.instrument(9)["slow_mark"] == mark << 16


@pytest.mark.rule("06-R09")
def test_the_mark_in_force_weighs_by_the_time_it_held(desk: Desk) -> None:
    desk.publish(mark=60_000)
    assert desk.instrument(CALL)["slow_mark"] == 50_000 << 16, "what arrives never weighs"
    desk.pair.begin_batch(START_MS + 10**8, 0)
    desk.wait(3_600)
    desk.set_index(INDEX)
    desk.send(make_entry(CALL, 1, mark=90_000))
    item = desk.instrument(CALL)
    assert item["slow_mark"] == 52_500 << 16, "a quarter of the way"
    assert item["slow_time_s"] == NOW_S + 3_600
    desk.send(make_entry(CALL, 1, mark=90_000))
    assert desk.instrument(CALL)["slow_mark"] == 52_500 << 16, "no time has passed"
    desk.wait(50_000)
    desk.send(make_entry(CALL, 1, mark=60_000))
    assert desk.instrument(CALL)["slow_mark"] == 60_000 << 16, "never beyond the mark in force"


@pytest.mark.rule("06-R09", "01-R05")
def test_the_slow_mark_is_rounded_down(desk: Desk) -> None:
    desk.publish(mark=49_999)
    desk.wait(7)
    desk.send(make_entry(CALL, 1))
    assert desk.instrument(CALL)["slow_mark"] == (50_000 << 16) - 32  # 65,536 x 7 / 14,400 = 31.86


# ---- listing -------------------------------------------------------------------------------------


@pytest.mark.rule("06-R10")
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"instrument": 4_096}, Reason.DUPLICATE),
        ({"instrument": 65_535}, Reason.DUPLICATE),
        ({"instrument": PERP}, Reason.DUPLICATE),
        ({"type": 4}, Reason.BAD_LISTING),
        ({"type": 255}, Reason.BAD_LISTING),
        ({"underlying": 2}, Reason.BAD_LISTING),
        ({"underlying": 255}, Reason.BAD_LISTING),
        ({"tick_step": 0}, Reason.BAD_LISTING),
        ({"lot_step": 0}, Reason.BAD_LISTING),
        ({"min_size": 0}, Reason.BAD_LISTING),
        ({"lot_step": 10, "min_size": 15}, Reason.BAD_LISTING),
        ({"min_size": (1 << 24) + 1}, Reason.BAD_LISTING),
        ({"strike": 0}, Reason.BAD_LISTING),
        ({"strike": 1 << 28}, Reason.BAD_LISTING),
        ({"type": FUTURE_TYPE}, Reason.BAD_LISTING),
        ({"expiry_s": EXPIRY_S + 1}, Reason.BAD_LISTING),
        ({"expiry_s": EXPIRY_S - 1_800}, Reason.BAD_LISTING),
        ({"expiry_s": w.TODAY_S - w.DAY_S}, Reason.BAD_LISTING),
        ({"expiry_s": 0}, Reason.BAD_LISTING),
        ({"type": PERPETUAL, "strike": 0}, Reason.BAD_LISTING),
    ],
)
def test_bad_listings_change_nothing(desk: Desk, changes: dict[str, int], reason: Reason) -> None:
    assert desk.propose(w.listing(9, CALL_TYPE, 0, INDEX, EXPIRY_S) | changes).reason == reason
    assert get_coin(desk)["listed"] == 4
    assert 9 not in desk.view["instruments"]


@pytest.mark.rule("06-R10")
@pytest.mark.parametrize(
    "changes",
    [
        {"min_size": 1 << 24},
        {"tick_step": (1 << 32) - 1},
        {"strike": 1},
        {"strike": (1 << 28) - 1},
        {"type": FUTURE_TYPE, "strike": 0},
        {"type": PERPETUAL, "strike": 0, "expiry_s": 0},
        {"expiry_s": w.TODAY_S},
        {"instrument": 4_095},
    ],
)
def test_listings_at_the_edge_are_good(desk: Desk, changes: dict[str, int]) -> None:
    record = w.listing(9, CALL_TYPE, 0, INDEX, EXPIRY_S) | changes
    assert desk.propose(record).reason == Reason.OK
    assert desk.instrument(record["instrument"])["min_size"] == record["min_size"]
    assert get_coin(desk)["listed"] == 5


@pytest.mark.rule("06-R10")
def test_an_expiry_must_lie_after_the_clock(desk: Desk) -> None:
    desk.pair.begin_batch(w.TODAY_S * 1000, 0)
    desk.wait(w.TODAY_S - desk.world.clock_s)
    assert desk.propose(w.listing(9, CALL_TYPE, 0, INDEX, w.TODAY_S)).reason == Reason.BAD_LISTING
    assert desk.propose(w.listing(9, CALL_TYPE, 0, INDEX, EXPIRY_S)).reason == Reason.OK


@pytest.mark.rule("06-R10")
def test_a_settled_place_is_listed_again_only_when_nothing_is_left_of_it(desk: Desk) -> None:
    desk.trade(ANN, BOB, 5, 50_000, CALL)
    desk.sell(BOB, 5, 60_000, CALL)
    desk.expire()
    again = w.listing(CALL, CALL_TYPE, 0, INDEX, EXPIRY_S + w.DAY_S)
    assert desk.propose(again).reason == Reason.DUPLICATE, "not settled"
    desk.settle(CALL)
    assert desk.propose(again).reason == Reason.DUPLICATE, "an order and positions"
    desk.settle(CALL)
    assert desk.propose(again).reason == Reason.DUPLICATE, "positions"
    desk.withdraw(ANN, 1)
    assert desk.propose(again).reason == Reason.DUPLICATE, "a short position, which is no open interest"
    desk.withdraw(BOB, 1)
    assert desk.propose(again).reason == Reason.OK


@pytest.mark.rule("06-R10", "06-R07")
def test_attack_a_place_listed_again_is_not_covered_by_the_old_entry(desk: Desk) -> None:
    desk.expire()
    desk.settle(CALL)
    assert desk.propose(w.listing(CALL, PERPETUAL, 0, 0, 0)).reason == Reason.OK
    item = desk.instrument(CALL)
    assert [entry["tag"] for entry in item["entries"]] == [0, 0]
    assert (item["payoff"], item["slow_mark"], item["slow_time_s"]) == (0, 0, 0)
    assert desk.buy(ANN, 1, 50_000, CALL, tif=IOC).reason == Reason.NO_SHEET
