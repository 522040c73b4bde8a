"""Sheets, flips and restricted instruments (spec 06-R06 to 06-R08)."""

from __future__ import annotations

from typing import Any

import pytest

from miletus.engine import segment
from miletus.engine.reasons import Reason
from tests.engine import worlds as w
from tests.engine.desk import ANN, BOB, CALL, FUTURE, INDEX, PERP, PUT, Desk, make_entry
from tests.engine.naive_margin import PERPETUAL
from tests.engine.pair import START_MS
from tests.engine.records import make

pytestmark = pytest.mark.both_builds
NOW_S = START_MS // 1000
M = 1_000_000


@pytest.fixture
def desk() -> Desk:
    return Desk()


def get_coin(desk: Desk, number: int = 0) -> dict[str, Any]:
    coin = desk.view["underlyings"][number]
    assert isinstance(coin, dict)
    return coin


# ---- entries --------------------------------------------------------------------------------------------


@pytest.mark.rule("06-R06")
def test_entries_go_to_the_buffer_that_is_not_in_force(desk: Desk) -> None:
    used = get_coin(desk)["buffer"]
    before = desk.instrument(CALL)["entries"]
    assert desk.send(make_entry(CALL, 1, mark=50_500)).reason == Reason.OK
    after = desk.instrument(CALL)["entries"]
    assert after[used] == before[used]
    assert (after[1 - used]["mark"], after[1 - used]["tag"]) == (50_500, 2)
    coin = get_coin(desk)
    assert (coin["filling_tag"], coin["filling_open"], coin["filling_count"]) == (2, 1, 1)
    assert coin["filling_hash"] != 0


@pytest.mark.rule("06-R06")
def test_a_new_filling_begins_with_nothing(desk: Desk) -> None:
    desk.send(make_entry(CALL, 1), make_entry(PUT, 0))
    first = get_coin(desk)["filling_hash"]
    desk.send(make_entry(CALL, 1), make_entry(PUT, 0))
    coin = get_coin(desk)
    assert (coin["filling_tag"], coin["filling_count"], coin["filling_hash"]) == (3, 2, first)


@pytest.mark.rule("06-R06", "06-R07")
def test_nothing_of_an_abandoned_filling_can_count(desk: Desk) -> None:
    desk.send(make_entry(CALL, 1), make_entry(PUT, 0))
    desk.send(make_entry(FUTURE, 1), make_entry(PERP, 0))
    assert desk.send(make_entry(CALL, 0)).reason == Reason.OK, "it is not in this filling yet"
    assert desk.propose(w.flip(desk.world, 0, INDEX, 4)).reason == Reason.BAD_SHEET


@pytest.mark.rule("06-R06")
@pytest.mark.parametrize("first", [0, 2, 255])
def test_an_entry_needs_a_filling(desk: Desk, first: int) -> None:
    assert desk.send(make_entry(CALL, first)).reason == Reason.BAD_SHEET


@pytest.mark.rule("06-R06")
def test_an_instrument_is_once_in_a_filling(desk: Desk) -> None:
    desk.send(make_entry(CALL, 1))
    before = get_coin(desk)
    assert desk.send(make_entry(CALL, 0, mark=50_001)).reason == Reason.DUPLICATE
    assert get_coin(desk) == before


@pytest.mark.rule("06-R06", "01-R03", "01-R04")
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"underlying": 2}, Reason.UNKNOWN_UNDERLYING),
        ({"underlying": 255}, Reason.UNKNOWN_UNDERLYING),
        ({"underlying": 1, "first": 1}, Reason.UNKNOWN_INSTRUMENT),
        ({"instrument": 9}, Reason.UNKNOWN_INSTRUMENT),
        ({"instrument": 4_096}, Reason.UNKNOWN_INSTRUMENT),
        ({"instrument": 65_535}, Reason.UNKNOWN_INSTRUMENT),
        ({"mark": 1 << 28}, Reason.WIDTH),
        ({"mark": (1 << 32) - 1}, Reason.WIDTH),
        ({"delta": 12_001}, Reason.WIDTH),
        ({"delta": -12_001}, Reason.WIDTH),
        ({"gamma": 1 << 20}, Reason.WIDTH),
        ({"gamma": (1 << 24) - 1}, Reason.WIDTH),
        ({"scenario_0": 1 << 28}, Reason.WIDTH),
        ({"scenario_15": -(1 << 28)}, Reason.WIDTH),
        ({"mark": 100_001}, Reason.MARK_BAND),
        ({"mark": (1 << 28) - 1}, Reason.MARK_BAND),
    ],
)
def test_bad_entries_change_nothing(desk: Desk, changes: dict[str, int], reason: Reason) -> None:
    desk.send(make_entry(PERP, 1))
    before = desk.view
    for first in (0, 1):
        assert desk.send(make_entry(CALL, first) | changes).reason == reason
    after = desk.view
    before["header"].pop("events"), after["header"].pop("events")
    assert after == before


@pytest.mark.rule("06-R06", "01-R03")
@pytest.mark.parametrize(
    "changes",
    [
        {"delta": 12_000},
        {"delta": -12_000},
        {"gamma": (1 << 20) - 1},
        {"scenario_0": -(1 << 28) + 1, "scenario_15": (1 << 28) - 1},
        {"mark": 0},
        {"mark": 100_000},
    ],
)
def test_entries_at_the_edge_of_a_width_or_band_are_good(desk: Desk, changes: dict[str, int]) -> None:
    assert desk.send(make_entry(CALL, 1, **changes)).reason == Reason.OK


@pytest.mark.rule("06-R06")
def test_checks_of_an_entry_come_in_their_order(desk: Desk) -> None:
    desk.propose(w.listing(9, PERPETUAL, 1, 0, 0))
    worst = make_entry(CALL, 0, instrument=9, gamma=1 << 20, mark=1 << 28)
    assert desk.send(worst | {"underlying": 2}).reason == Reason.UNKNOWN_UNDERLYING
    assert desk.send(worst | {"underlying": 1}).reason == Reason.BAD_SHEET
    assert desk.send(worst | {"first": 1}).reason == Reason.UNKNOWN_INSTRUMENT
    assert desk.send(worst | {"first": 1, "underlying": 1}).reason == Reason.WIDTH
    no_index = make_entry(PERP, 1, instrument=9, underlying=1)
    assert desk.send(no_index).reason == Reason.NO_INDEX
    desk.send(make_entry(CALL, 1))
    assert desk.send(make_entry(CALL, 0, mark=1 << 28)).reason == Reason.DUPLICATE


@pytest.mark.rule("06-R06")
@pytest.mark.parametrize(
    ("seconds", "permille"), [(0, 50), (11, 50), (12, 51), (1_200, 150), (5_400, 500), (9_000, 500)]
)
def test_a_mark_may_move_by_a_band_a_unit_of_time(desk: Desk, seconds: int, permille: int) -> None:
    desk.pair.begin_batch(START_MS + 10**8, 0)
    if seconds:
        desk.wait(seconds)
        desk.set_index(INDEX)
    most = INDEX * permille // 1000
    assert desk.send(make_entry(PERP, 1, mark=M + most + 1)).reason == Reason.MARK_BAND
    assert desk.send(make_entry(PERP, 1, mark=M - most - 1)).reason == Reason.MARK_BAND
    assert desk.send(make_entry(PERP, 1, mark=M + most)).reason == Reason.OK
    assert desk.send(make_entry(PERP, 1, mark=M - most)).reason == Reason.OK


@pytest.mark.rule("06-R06")
def test_the_first_mark_of_an_instrument_has_no_band(desk: Desk) -> None:
    desk.propose(w.listing(9, PERPETUAL, 0, 0, 0))
    assert desk.send(make_entry(PERP, 1, instrument=9, mark=5)).reason == Reason.OK


@pytest.mark.rule("06-R06")
def test_attack_a_curve_that_breaks_its_bound_at_once_is_no_sheet() -> None:
    """Index 140,000,000: for a move of 700,000, gamma 3,745 gives 1,399,997 (rounded twice), 3,746 more."""
    desk = Desk(w.build_market())
    entry = w.sheet_entry(desk.world, 14, 1, 140_000_000, mark=0)

    def curve(gamma: int) -> int:
        return gamma * 700_000 // 65_536 * 700_000 // 20_000

    least = next(gamma for gamma in range(1 << 13) if curve(gamma) > 1_400_000)
    assert desk.send(entry | {"gamma": least, "mark": 1_000_000}).reason in (
        Reason.SHEET_GAMMA,
        Reason.MARK_BAND,
    )
    marked = desk.world.instruments[14].entries[desk.world.underlyings[1].buffer].mark
    assert marked < 1_400_000
    assert desk.send(entry | {"gamma": least, "mark": marked}).reason == Reason.SHEET_GAMMA
    assert desk.send(entry | {"gamma": least - 1, "mark": marked}).reason == Reason.OK
    assert desk.send(entry | {"gamma": least, "mark": curve(least)}).reason == Reason.OK
    assert desk.send(entry | {"gamma": least, "mark": curve(least) - 1}).reason == Reason.SHEET_GAMMA


@pytest.mark.rule("06-R06", "01-R03")
def test_gamma_times_the_index_of_the_filling_is_held(desk: Desk) -> None:
    """At 140,000,000 the product is at its limit long before gamma is; an open filling keeps its index."""
    market = Desk(w.build_market())
    most = ((1 << 40) - 1) // 140_000_000
    entry = w.sheet_entry(market.world, 14, 1, 140_000_000, mark=0)
    assert market.send(entry | {"gamma": most + 1}).reason == Reason.WIDTH
    assert market.send(entry | {"gamma": most}).reason == Reason.SHEET_GAMMA
    assert desk.send(make_entry(PERP, 1)).reason == Reason.OK
    assert get_coin(desk)["filling_index"] == INDEX
    desk.move_index(INDEX * 11 // 10)
    assert desk.send(make_entry(CALL, 0, gamma=(1 << 20) - 1)).reason == Reason.OK
    assert desk.send(make_entry(PERP, 1)).reason == Reason.OK
    assert get_coin(desk)["filling_index"] == INDEX * 11 // 10
    assert desk.send(make_entry(CALL, 0, gamma=(1 << 20) - 1)).reason == Reason.WIDTH


# ---- flips ------------------------------------------------------------------------------------------------


@pytest.mark.rule("06-R07", "05-R08")
def test_a_flip_puts_the_sheet_in_force(desk: Desk) -> None:
    before = get_coin(desk)
    desk.wait(1)
    desk.set_index(INDEX + 100)
    assert desk.publish(mark=50_500).reason == Reason.OK
    coin = get_coin(desk)
    assert coin["buffer"] == 1 - before["buffer"]
    assert coin["sheet_number"] == 2
    assert coin["reference"] == INDEX + 100
    assert coin["sheet_time_s"] == NOW_S + 1
    assert coin["sheet_tag"] == coin["filling_tag"] == 2
    assert coin["risk_epoch"] == before["risk_epoch"] + 1
    assert (coin["filling_open"], coin["filling_count"], coin["filling_hash"]) == (0, 0, 0)
    assert desk.send(make_entry(CALL, 0)).reason == Reason.BAD_SHEET, "the filling is closed"


@pytest.mark.rule("06-R07")
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"underlying": 2}, Reason.UNKNOWN_UNDERLYING),
        ({"underlying": 1}, Reason.BAD_SHEET),
        ({"number": 1}, Reason.BAD_SHEET),
        ({"number": 3}, Reason.BAD_SHEET),
        ({"count": 3}, Reason.BAD_SHEET),
        ({"count": 5}, Reason.BAD_SHEET),
        ({"reference_index": 0}, Reason.BAD_PRICE),
        ({"reference_index": 1 << 28}, Reason.BAD_PRICE),
        ({"reference_index": 1_020_001}, Reason.TICK_BAND),
        ({"reference_index": 979_999}, Reason.TICK_BAND),
        ({"time_s": NOW_S}, Reason.BAD_TIME),
        ({"time_s": 0}, Reason.BAD_TIME),
        ({"time_s": NOW_S + 1 + 6}, Reason.BAD_TIME),
    ],
)
def test_a_bad_flip_changes_nothing(desk: Desk, changes: dict[str, int], reason: Reason) -> None:
    desk.wait(1)
    desk.fill_sheet()
    before = get_coin(desk)
    assert desk.propose(w.flip(desk.world, 0, INDEX, 4) | changes).reason == reason
    assert get_coin(desk) == before
    assert desk.propose(w.flip(desk.world, 0, INDEX, 4)).reason == Reason.OK


@pytest.mark.rule("06-R07")
@pytest.mark.parametrize(
    "changes", [{"reference_index": 1_020_000}, {"reference_index": 980_000}, {"time_s": NOW_S + 6}]
)
def test_a_flip_at_the_edge_is_good(desk: Desk, changes: dict[str, int]) -> None:
    desk.wait(1)
    desk.fill_sheet()
    assert desk.propose(w.flip(desk.world, 0, INDEX, 4) | changes).reason == Reason.OK


@pytest.mark.rule("06-R07", "01-R01")
def test_attack_entries_of_a_low_index_are_no_sheet_at_a_high_one(desk: Desk) -> None:
    """The filling stays open while the index doubles: the reference may be twice that of its beginning."""
    desk.fill_sheet()
    desk.move_index(2 * INDEX + 1)
    assert desk.propose(w.flip(desk.world, 0, 2 * INDEX + 1, 4)).reason == Reason.TICK_BAND
    assert desk.propose(w.flip(desk.world, 0, 2 * INDEX, 4)).reason == Reason.OK
    assert get_coin(desk)["filling_index"] == 0


@pytest.mark.rule("06-R07")
def test_attack_a_sheet_that_leaves_an_instrument_out_is_never_in_force(desk: Desk) -> None:
    desk.send(make_entry(CALL, 1), make_entry(PUT, 0), make_entry(PERP, 0))
    for count in (3, 4):
        assert desk.propose(w.flip(desk.world, 0, INDEX, count)).reason == Reason.BAD_SHEET


@pytest.mark.rule("06-R07")
def test_attack_a_settle_does_not_make_a_short_sheet_whole(desk: Desk) -> None:
    """Three of four entries, then one of the three is settled: the count would fit, one is left out."""
    desk.trade(ANN, BOB, 5, M)
    desk.expire()
    desk.send(make_entry(CALL, 1), make_entry(PUT, 0), make_entry(FUTURE, 0))
    assert desk.settle(CALL).reason == Reason.OK
    assert get_coin(desk)["listed"] == get_coin(desk)["filling_count"] + 3
    assert desk.propose(w.flip(desk.world, 0, INDEX, 3)).reason == Reason.BAD_SHEET


@pytest.mark.rule("06-R07", "06-R10")
def test_a_listing_closes_the_filling(desk: Desk) -> None:
    desk.fill_sheet()
    assert desk.propose(w.listing(9, PERPETUAL, 0, 0, 0)).reason == Reason.OK
    coin = get_coin(desk)
    assert (coin["filling_open"], coin["filling_count"], coin["filling_hash"], coin["listed"]) == (0, 0, 0, 5)
    assert desk.propose(w.flip(desk.world, 0, INDEX, 4)).reason == Reason.BAD_SHEET


@pytest.mark.rule("06-R07")
def test_attack_the_sheet_that_is_flipped_is_the_one_that_was_approved(desk: Desk) -> None:
    """Two approvals of one sheet, then another is filled: the third approval must not bring it in force."""
    desk.fill_sheet()
    desk.send(w.flip(desk.world, 0, INDEX, 4), *w.approvals(2))
    desk.fill_sheet(mark=60_000)
    assert desk.send(make(segment.APPROVE, signer=2)).reason == Reason.BAD_SHEET
    assert get_coin(desk)["sheet_number"] == 1


# ---- restricted instruments -------------------------------------------------------------------------------


def may_grow(desk: Desk, instrument: int = PERP, price: int = 900_000) -> bool:
    """Whether an order that adds risk may rest, which a restricted instrument refuses."""
    reply = desk.buy(ANN, 1, price, instrument, slot=99, replace=True)
    assert reply.reason in (Reason.OK, Reason.STALE)
    return reply.reason == Reason.OK


@pytest.mark.rule("06-R08")
def test_risk_grows_for_a_minute_after_a_tick_and_half_an_hour_after_a_sheet(desk: Desk) -> None:
    desk.wait(60)
    assert may_grow(desk)
    desk.wait(1)
    assert not may_grow(desk)
    desk.set_index(INDEX)
    assert may_grow(desk)
    desk.wait(1_800 - 61)
    desk.set_index(INDEX)
    assert may_grow(desk)
    desk.wait(1)
    assert not may_grow(desk)
    desk.set_index(INDEX)
    assert not may_grow(desk), "the sheet is too old"
    desk.publish()
    assert may_grow(desk)


@pytest.mark.rule("06-R08")
@pytest.mark.parametrize("sign", [1, -1])
def test_beyond_a_move_of_50_permille_risk_can_only_fall(desk: Desk, sign: int) -> None:
    desk.move_index(INDEX + sign * 50_000)
    assert may_grow(desk)
    desk.move_index(INDEX + sign * 50_001)
    assert not may_grow(desk)
    desk.publish()
    assert may_grow(desk)


@pytest.mark.rule("06-R08")
def test_attack_at_the_money_an_hour_before_expiry_and_a_5_percent_move(desk: Desk) -> None:
    """Far away a great gamma is far from true: with its term above 1 % of the index risk can only fall."""
    desk.publish(gamma=8_191)

    def term(move: int) -> int:
        return 8_191 * move // 65_536 * move // 20_000

    move = next(move for move in range(50_000) if term(move) > (INDEX + move) // 100)
    desk.move_index(INDEX + move - 1)
    assert may_grow(desk, CALL, 1)
    desk.move_index(INDEX + move)
    assert not may_grow(desk, CALL, 1)
    assert may_grow(desk, PERP), "an instrument without such a curve goes on"
