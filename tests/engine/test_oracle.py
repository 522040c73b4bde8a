"""The oracle: proposals, approvals, index, readings (spec 06-R01 to 06-R05)."""

from __future__ import annotations

from typing import Any

import pytest

from miletus.engine import segment
from miletus.engine.reasons import Reason
from miletus.engine.segment import INBOX
from tests.engine import worlds as w
from tests.engine.desk import ANN, CALL, DAN, INDEX, PERP, Desk, make_entry
from tests.engine.pair import SIGNERS, START_MS, THRESHOLD
from tests.engine.records import Record, make

pytestmark = pytest.mark.both_builds
NOW_S = START_MS // 1000
DAY_S = 86_400
HALF_PAST_SEVEN_S = w.TODAY_S - 1_800


@pytest.fixture
def desk() -> Desk:
    return Desk()


def make_tick(desk: Desk, **changes: int) -> Record:
    """An index tick of this second, a second or more after the last."""
    return w.index_tick(desk.world, 0, INDEX) | changes


def get_coin(desk: Desk, number: int = 0) -> dict[str, Any]:
    coin = desk.view["underlyings"].get(number, {})
    assert isinstance(coin, dict)
    return coin


# ---- the stage ------------------------------------------------------------------------------------------


@pytest.mark.rule("06-R01", "06-R02")
def test_a_proposal_counts_when_enough_signers_approved_it(desk: Desk) -> None:
    desk.wait(1)
    assert desk.send(make_tick(desk, index=INDEX + 5)).reason == Reason.OK
    assert desk.view["stage"]["kind"] == segment.INDEX_TICK
    for approval in w.approvals(THRESHOLD - 1):
        assert desk.send(approval).reason == Reason.OK
        assert get_coin(desk)["index"] == INDEX
    assert desk.view["stage"]["approvals"] == [0, 1]
    assert desk.send(make(segment.APPROVE, signer=3)).reason == Reason.OK
    assert get_coin(desk)["index"] == INDEX + 5
    assert desk.view["stage"] == {}


@pytest.mark.rule("06-R02")
def test_one_signer_counts_once(desk: Desk) -> None:
    desk.wait(1)
    desk.send(make_tick(desk, index=INDEX + 5))
    desk.send(*w.approvals(2))
    for signer in (0, 1):
        assert desk.send(make(segment.APPROVE, signer=signer)).reason == Reason.ALREADY_APPROVED
    assert get_coin(desk)["index"] == INDEX


@pytest.mark.rule("06-R02")
def test_who_is_no_signer_or_has_not_signed_does_not_count(desk: Desk) -> None:
    desk.wait(1)
    desk.send(make_tick(desk, index=INDEX + 5))
    for signer in (SIGNERS, 7, 8, 63, 64, 255):
        assert desk.send(make(segment.APPROVE, signer=signer)).reason == Reason.UNKNOWN_SIGNER
    for signer in range(SIGNERS):
        assert desk.send(make(segment.APPROVE, signer=signer, signed=0)).reason == Reason.BAD_SIGNATURE
    assert desk.view["stage"]["approvals"] == []
    assert desk.propose(make_tick(desk, index=INDEX + 5)).reason == Reason.OK


@pytest.mark.rule("06-R02")
def test_an_approval_of_nothing_is_refused(desk: Desk) -> None:
    assert desk.send(make(segment.APPROVE, signer=0)).reason == Reason.NOTHING_STAGED
    assert desk.send(make(segment.APPROVE, signer=255)).reason == Reason.NOTHING_STAGED


@pytest.mark.rule("06-R01")
def test_a_new_proposal_clears_the_approvals_of_the_old_one(desk: Desk) -> None:
    desk.wait(1)
    desk.send(make_tick(desk, index=INDEX + 5), *w.approvals(2))
    desk.send(make_tick(desk, index=INDEX + 6))
    assert desk.view["stage"]["approvals"] == []
    assert desk.send(make(segment.APPROVE, signer=2)).reason == Reason.OK
    assert get_coin(desk)["index"] == INDEX
    desk.send(*w.approvals(2))
    assert get_coin(desk)["index"] == INDEX + 6


@pytest.mark.rule("06-R01", "06-R02")
def test_a_proposal_that_fails_leaves_the_stage_empty(desk: Desk) -> None:
    assert desk.propose(make_tick(desk, index=0, payload=99)).reason == Reason.BAD_PRICE
    assert desk.view["stage"] == {}
    assert desk.send(make(segment.APPROVE, signer=3)).reason == Reason.NOTHING_STAGED


@pytest.mark.rule("06-R01")
def test_inbox_and_sequencer_have_a_stage_each(desk: Desk) -> None:
    """Neither touches what the other proposes, and an approval is for the stage of where it comes from."""
    desk.wait(1)
    desk.send(make_tick(desk, index=INDEX + 5), *w.approvals(2))
    desk.send(make_tick(desk, index=INDEX + 6), *w.approvals(1), source=INBOX)
    assert [desk.view[name]["approvals"] for name in ("stage", "inbox_stage")] == [[0, 1], [0]]
    assert desk.send(make(segment.APPROVE, signer=1), source=INBOX).reason == Reason.OK
    assert get_coin(desk)["index"] == INDEX
    assert desk.send(make(segment.APPROVE, signer=2), source=INBOX).reason == Reason.OK
    assert get_coin(desk)["index"] == INDEX + 6
    assert desk.view["inbox_stage"] == {}
    assert desk.send(make(segment.APPROVE, signer=0), source=INBOX).reason == Reason.NOTHING_STAGED
    assert desk.view["stage"]["approvals"] == [0, 1]
    assert desk.send(make(segment.APPROVE, signer=2)).reason == Reason.BAD_TIME, "the later tick is there"


@pytest.mark.rule("06-R01", "03-R03")
def test_attack_a_sequencer_that_keeps_ticks_back_can_not_make_the_oracle_silent(desk: Desk) -> None:
    """What signers signed reaches the machine through L1, whatever the sequencer stages or leaves out."""
    desk.wait(1_500)
    assert desk.buy(ANN, 1, INDEX, slot=7).reason == Reason.STALE, "without a tick risk can't grow"
    tick = make_tick(desk, index=INDEX + 5, time_s=desk.world.clock_s)
    desk.send(w.index_tick(desk.world, 0, INDEX), make(segment.APPROVE, signer=0))
    replies = desk.send_all(tick, *w.approvals(THRESHOLD), source=INBOX)
    assert [reply.reason for reply in replies] == [Reason.OK] * (1 + THRESHOLD)
    assert (get_coin(desk)["index"], get_coin(desk)["tick_time_s"]) == (INDEX + 5, desk.world.clock_s)
    assert desk.view["header"]["inbox_cursor"] == len(range(ANN, DAN + 1)) * 2 + 1, "one entry"


@pytest.mark.rule("06-R01", "06-R02", "03-R03")
def test_attack_junk_through_the_inbox_is_receipts_and_nothing_else(desk: Desk) -> None:
    """Proposals without approvals, false approvals, approvals of another's tick, sheets and listings."""
    desk.wait(1)
    desk.fill_sheet()
    desk.send(w.flip(desk.world, 0, INDEX, 4), *w.approvals(THRESHOLD - 1))
    before = desk.view
    junk = [
        (make(segment.APPROVE, signer=0), Reason.NOTHING_STAGED),
        (make_tick(desk, index=1), Reason.OK),
        *((make(segment.APPROVE, signer=k, signed=0), Reason.BAD_SIGNATURE) for k in range(SIGNERS)),
        (make(segment.APPROVE, signer=255), Reason.UNKNOWN_SIGNER),
        (make_tick(desk, index=0, underlying=255), Reason.OK),
        (w.flip(desk.world, 0, INDEX, 4), Reason.NOT_FROM_SEQUENCER),
        (w.listing(9, 0, 0, INDEX, w.TODAY_S), Reason.NOT_FROM_SEQUENCER),
        (make_entry(CALL, 1), Reason.NOT_FROM_SEQUENCER),
    ]
    for record, reason in junk:
        assert desk.send(record, source=INBOX).reason == reason
    after = desk.view
    assert after["inbox_stage"].pop("approvals") == []
    for view in (before, after):
        view["header"].pop("events"), view["header"].pop("inbox_cursor"), view.pop("inbox_stage")
    assert after == before
    assert desk.send(make(segment.APPROVE, signer=THRESHOLD - 1)).reason == Reason.OK, "the flip goes on"
    assert get_coin(desk)["sheet_number"] == 2
    # a stranger's half of an entry does not help or hinder the next one
    tick = make_tick(desk, index=INDEX + 5, time_s=desk.world.clock_s)
    assert desk.send(tick, *w.approvals(THRESHOLD), source=INBOX).reason == Reason.OK
    assert get_coin(desk)["index"] == INDEX + 5


@pytest.mark.rule("06-R01")
def test_a_shorter_proposal_leaves_nothing_of_a_longer_one(desk: Desk) -> None:
    """The view's reader refuses fields beyond those of the kind; here the pages are looked at too."""
    desk.send(w.listing(9, 0, 0, INDEX, w.TODAY_S))
    desk.send(make_tick(desk, payload=(1 << 232) - 1))
    stage = desk.view["stage"]
    assert stage["fields"] == [0, NOW_S, INDEX, 0]
    assert stage["payload"] == (1 << 232) - 1


@pytest.mark.rule("06-R01")
def test_a_flip_is_staged_with_the_hash_of_its_sheet(desk: Desk) -> None:
    desk.fill_sheet()
    filling = get_coin(desk)["filling_hash"]
    assert filling != 0
    desk.send(w.flip(desk.world, 0, INDEX, 4))
    assert desk.view["stage"]["hash"] == filling
    desk.send(w.flip(desk.world, 1, INDEX, 4))
    assert desk.view["stage"]["hash"] == 0
    for unknown in (2, 4, 255):
        desk.send(w.flip(desk.world, 0, INDEX, 4) | {"underlying": unknown})
        assert desk.view["stage"]["hash"] == 0
    desk.send(make_tick(desk))
    assert desk.view["stage"]["hash"] == 0


# ---- the index ------------------------------------------------------------------------------------------


@pytest.mark.rule("06-R03")
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"underlying": 2}, Reason.UNKNOWN_UNDERLYING),
        ({"underlying": 255}, Reason.UNKNOWN_UNDERLYING),
        ({"index": 0}, Reason.BAD_PRICE),
        ({"index": 1 << 28}, Reason.BAD_PRICE),
        ({"index": (1 << 32) - 1}, Reason.BAD_PRICE),
        ({"time_s": NOW_S + 1 + 6}, Reason.BAD_TIME),
        ({"time_s": (1 << 40) - 1}, Reason.BAD_TIME),
        ({"time_s": NOW_S}, Reason.BAD_TIME),
        ({"time_s": NOW_S - 1}, Reason.BAD_TIME),
        ({"time_s": 0}, Reason.BAD_TIME),
        ({"cumulative": 2 * INDEX + 1}, Reason.BAD_TICK),
        ({"cumulative": (1 << 62) - 1}, Reason.BAD_TICK),
        ({"index": INDEX * 1012 // 1000 + 1}, Reason.TICK_BAND),
        ({"index": INDEX * 988 // 1000 - 1}, Reason.TICK_BAND),
    ],
)
def test_bad_ticks_change_nothing(desk: Desk, changes: dict[str, int], reason: Reason) -> None:
    desk.wait(1)
    before = get_coin(desk)
    assert desk.propose(make_tick(desk, **changes)).reason == reason
    assert get_coin(desk) == before


@pytest.mark.rule("06-R03", "06-R04")
@pytest.mark.parametrize(
    "changes",
    [
        {"index": INDEX * 1012 // 1000},
        {"index": INDEX * 988 // 1000},
        {"cumulative": 0},
        {"cumulative": 2 * INDEX},
        {"time_s": NOW_S + 1 + 5, "cumulative": 0},
    ],
)
def test_ticks_at_the_edge_are_good(desk: Desk, changes: dict[str, int]) -> None:
    desk.wait(1)
    tick = make_tick(desk, **changes)
    assert desk.propose(tick).reason == Reason.OK
    coin = get_coin(desk)
    assert coin["index"] == tick["index"]
    assert coin["tick_time_s"] == tick["time_s"]
    assert coin["cumulative"] == tick["cumulative"]


@pytest.mark.rule("06-R03")
def test_the_cumulative_index_may_not_fall_or_run_away(desk: Desk) -> None:
    desk.wait(10)
    assert desk.propose(make_tick(desk, cumulative=7 * INDEX)).reason == Reason.OK
    desk.wait(10)
    assert desk.propose(make_tick(desk, cumulative=7 * INDEX - 1)).reason == Reason.BAD_TICK
    assert desk.propose(make_tick(desk, cumulative=27 * INDEX + 1)).reason == Reason.BAD_TICK
    higher = INDEX + 10_000
    assert (
        desk.propose(make_tick(desk, index=higher, cumulative=7 * INDEX + 20 * higher + 1)).reason
        == Reason.BAD_TICK
    )
    assert desk.propose(make_tick(desk, index=higher, cumulative=7 * INDEX + 20 * higher)).reason == Reason.OK


@pytest.mark.rule("06-R03")
def test_the_first_tick_is_bound_by_widths_alone(desk: Desk) -> None:
    first = {"underlying": 1, "index": (1 << 28) - 1, "time_s": 1}
    assert desk.propose(make_tick(desk, **first, cumulative=1 << 60)).reason == Reason.BAD_TICK
    assert desk.propose(make_tick(desk, **first, cumulative=(1 << 60) - 1)).reason == Reason.OK
    assert get_coin(desk, 1)["index"] == (1 << 28) - 1


@pytest.mark.rule("06-R03", "01-R04")
def test_a_great_time_between_two_ticks_overflows_nothing(desk: Desk) -> None:
    """2 x 2^28 x 2^31 seconds is 2^60; a longer time counts as 2^31 s, and does not wrap to a small bound."""
    desk.pair.end_batch()
    desk.pair.begin_batch((1 << 48) - 1, 0)
    assert (
        desk.propose(make_tick(desk, underlying=1, index=(1 << 28) - 1, time_s=1, cumulative=0)).reason
        == Reason.OK
    )
    desk.send(w.tick_clock((1 << 48) - 1))
    late = {"underlying": 1, "index": (1 << 28) - 1, "time_s": desk.world.clock_s}
    assert desk.propose(make_tick(desk, **late, cumulative=1 << 60)).reason == Reason.BAD_TICK
    assert (
        desk.propose(make_tick(desk, **late, cumulative=(1 << 60) - (1 << 32) + 1)).reason == Reason.BAD_TICK
    )
    assert desk.propose(make_tick(desk, **late, cumulative=(1 << 60) - (1 << 32))).reason == Reason.OK


@pytest.mark.rule("06-R04")
@pytest.mark.parametrize(
    ("seconds", "permille"), [(1, 12), (2, 14), (30, 70), (95, 200), (96, 200), (4_000, 200)]
)
def test_the_index_may_move_by_a_band_a_unit_of_time(desk: Desk, seconds: int, permille: int) -> None:
    desk.pair.begin_batch(START_MS + 10**7, 0)
    desk.wait(seconds)
    assert desk.set_index(INDEX + INDEX * permille // 1000 + 1).reason == Reason.TICK_BAND
    assert desk.set_index(INDEX - INDEX * permille // 1000 - 1).reason == Reason.TICK_BAND
    assert desk.set_index(INDEX - INDEX * permille // 1000).reason == Reason.OK


# ---- readings ---------------------------------------------------------------------------------------------


def advance(desk: Desk, time_s: int) -> None:
    desk.pair.end_batch()
    desk.pair.begin_batch(time_s * 1000 + 10**6, 0)
    desk.wait(time_s - desk.world.clock_s)


@pytest.mark.rule("06-R05")
def test_ticks_of_two_seconds_of_the_day_are_kept(desk: Desk) -> None:
    advance(desk, HALF_PAST_SEVEN_S + 2)
    for time_s in (HALF_PAST_SEVEN_S - 1, HALF_PAST_SEVEN_S, HALF_PAST_SEVEN_S + 1):
        assert desk.set_index(INDEX, time_s).reason == Reason.OK
    kept = desk.world.underlyings[0].cumulative - INDEX
    assert get_coin(desk)["readings"] == [(HALF_PAST_SEVEN_S, kept)]
    advance(desk, w.TODAY_S)
    assert desk.set_index(INDEX).reason == Reason.OK
    assert get_coin(desk)["readings"] == [
        (HALF_PAST_SEVEN_S, kept),
        (w.TODAY_S, kept + 1_800 * INDEX),
    ]


@pytest.mark.rule("06-R05")
def test_a_late_reading_is_kept_and_moves_no_index(desk: Desk) -> None:
    advance(desk, w.TODAY_S + 60)
    assert desk.set_index(INDEX).reason == Reason.OK
    before = get_coin(desk)
    late = make_tick(desk, time_s=w.TODAY_S, index=5, cumulative=123)
    assert desk.propose(late).reason == Reason.OK
    after = get_coin(desk)
    assert after.pop("readings") == [(w.TODAY_S, 123)]
    before.pop("readings")
    assert after == before
    assert desk.propose(late | {"cumulative": 124}).reason == Reason.BAD_TIME, "it is there already"


@pytest.mark.rule("06-R05")
@pytest.mark.parametrize(
    ("days", "offset", "cumulative", "reason"),
    [
        (31, 0, 5, Reason.OK),
        (31, -1_800, 5, Reason.BAD_TIME),  # half past seven that day is more than 31 days ago
        (32, 0, 5, Reason.BAD_TIME),
        (3, 1, 5, Reason.BAD_TIME),
        (3, -1_800, 5, Reason.OK),
        (3, -1_799, 5, Reason.BAD_TIME),
        (3, 0, 1 << 60, Reason.BAD_TICK),
        (3, 0, (1 << 60) - 1, Reason.OK),
    ],
)
def test_how_late_a_reading_may_be(
    desk: Desk, days: int, offset: int, cumulative: int, reason: Reason
) -> None:
    advance(desk, w.TODAY_S)
    desk.set_index(INDEX)
    time_s = w.TODAY_S - days * DAY_S + offset
    late = make_tick(desk, time_s=time_s, cumulative=cumulative)
    assert desk.propose(late).reason == reason
    assert ((time_s, cumulative) in get_coin(desk)["readings"]) == (reason == Reason.OK)


@pytest.mark.rule("06-R05")
def test_a_reading_s_place_is_taken_again_after_32_days_by_the_newer(desk: Desk) -> None:
    for days in (0, 32):
        advance(desk, w.TODAY_S + days * DAY_S)
        desk.set_index(INDEX)
    readings = get_coin(desk)["readings"]
    assert [time_s for time_s, _ in readings] == [w.TODAY_S + 32 * DAY_S]
    advance(desk, w.TODAY_S + 33 * DAY_S)
    desk.set_index(INDEX)
    assert len(get_coin(desk)["readings"]) == 2


@pytest.mark.rule("06-R08")
def test_a_reading_that_comes_late_does_not_make_the_index_fresh(desk: Desk) -> None:
    advance(desk, w.TODAY_S + 61)
    desk.propose(make_tick(desk, time_s=w.TODAY_S))
    desk.publish()
    assert desk.buy(16, 1, 900_000, PERP).reason == Reason.STALE
