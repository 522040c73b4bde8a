"""Expiry: settlement price, payoff, sweeps, the clearing account (spec 07)."""

from __future__ import annotations

import pytest

from miletus.engine import segment
from miletus.engine.params import MAINTENANCE_PERMILLE
from miletus.engine.reasons import Reason
from tests.engine import worlds as w
from tests.engine.desk import ANN, BOB, CALL, CASH, CAT, DAN, EXPIRY_S, FUTURE, INDEX, LOCK, PERP, PUT, Desk
from tests.engine.records import make

pytestmark = pytest.mark.both_builds
M = 1_000_000


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.mark.rule("07-R01")
@pytest.mark.parametrize("instrument", [PERP, 9, 4_096, 65_535])
def test_only_what_is_listed_and_dated_settles(desk: Desk, instrument: int) -> None:
    desk.expire()
    assert desk.settle(instrument) == (Reason.UNKNOWN_INSTRUMENT, 0, 0, 0)


@pytest.mark.rule("07-R01")
def test_nothing_settles_before_its_expiry(desk: Desk) -> None:
    desk.pair.begin_batch(EXPIRY_S * 1000, 0)
    desk.wait(EXPIRY_S - 1 - desk.world.clock_s)
    assert desk.settle(FUTURE).reason == Reason.TOO_EARLY
    desk.wait(1)
    assert desk.settle(FUTURE).reason == Reason.NO_READING


@pytest.mark.rule("07-R01")
@pytest.mark.parametrize("missing", [0, 1_800])
def test_both_readings_must_be_there(desk: Desk, missing: int) -> None:
    """A tick one second beside the reading's time is none."""
    desk.pair.begin_batch(EXPIRY_S * 1000, 0)
    for time_s in (EXPIRY_S - 1_800, EXPIRY_S):
        desk.wait(time_s - desk.world.clock_s)
        desk.set_index(INDEX, None if EXPIRY_S - time_s != missing else time_s - 1)
    assert desk.settle(FUTURE).reason == Reason.NO_READING
    cumulative = desk.world.underlyings[0].cumulative - missing * INDEX
    late = w.index_tick(desk.world, 0, INDEX, EXPIRY_S - missing) | {"cumulative": cumulative}
    assert desk.propose(late).reason == Reason.OK
    assert desk.settle(FUTURE).reason == Reason.OK


@pytest.mark.rule("07-R01")
def test_readings_of_the_same_day_a_month_ago_do_not_count(desk: Desk) -> None:
    desk.pair.begin_batch((w.TODAY_S + 40 * w.DAY_S) * 1000, 0)
    for time_s in (w.TODAY_S - 1_800, w.TODAY_S):
        desk.wait(time_s - desk.world.clock_s)
        desk.set_index(INDEX)
    desk.propose(w.listing(9, 2, 0, 0, w.TODAY_S + 32 * w.DAY_S))
    desk.wait(32 * w.DAY_S)
    assert desk.settle(9).reason == Reason.NO_READING


@pytest.mark.rule("07-R02")
@pytest.mark.parametrize(
    ("difference", "price"),
    [(1_800 * INDEX, INDEX), (1_800 * INDEX + 1_799, INDEX), (1_800 * INDEX - 1, INDEX - 1), (1_800, 1)],
)
def test_the_settlement_price_is_the_mean_of_the_last_half_hour(
    desk: Desk, difference: int, price: int
) -> None:
    settle_at(desk, difference)
    assert desk.settle(FUTURE) == (Reason.OK, 0, 0, price)


def settle_at(desk: Desk, difference: int) -> None:
    """Both readings, `difference` apart; late ones, so that no band bounds them."""
    desk.pair.begin_batch(EXPIRY_S * 1000 + 10_000, 0)
    desk.wait(EXPIRY_S + 1 - desk.world.clock_s)
    assert desk.set_index(INDEX).reason == Reason.OK
    for time_s, cumulative in ((EXPIRY_S - 1_800, 1 << 50), (EXPIRY_S, (1 << 50) + difference)):
        late = w.index_tick(desk.world, 0, INDEX, time_s) | {"cumulative": cumulative}
        assert desk.propose(late).reason == Reason.OK


@pytest.mark.rule("07-R02", "01-R04")
@pytest.mark.parametrize("difference", [0, 1_799, -1, -1_800 * INDEX, 1_800 << 28, 1 << 59])
def test_a_settlement_price_outside_its_width_is_refused(desk: Desk, difference: int) -> None:
    settle_at(desk, difference)
    assert desk.settle(FUTURE) == (Reason.WIDTH, 0, 0, 0)
    assert desk.instrument(FUTURE)["state"] == 1


@pytest.mark.rule("07-R02")
def test_the_greatest_settlement_price(desk: Desk) -> None:
    settle_at(desk, (1_800 << 28) - 1)
    assert desk.settle(FUTURE).detail == (1 << 28) - 1


@pytest.mark.rule("07-R02", "06-R05")
def test_attack_leaving_out_ticks_moves_no_settlement_price(desk: Desk) -> None:
    """Two histories of one cumulative index: with a tick a minute, and with none between."""
    prices = []
    for step_s in (60, 1_800):
        again = Desk(desk.pair.save())
        again.pair.begin_batch(EXPIRY_S * 1000, 0)
        again.wait(EXPIRY_S - 1_800 - again.world.clock_s)
        again.set_index(INDEX)
        start = again.world.underlyings[0].cumulative
        for passed_s in range(step_s, 1_801, step_s):
            again.wait(step_s)
            tick = w.index_tick(again.world, 0, INDEX) | {"cumulative": start + passed_s * (INDEX + 777)}
            assert again.propose(tick).reason == Reason.OK
        prices.append(again.settle(FUTURE).detail)
    assert prices == [INDEX + 777] * 2


@pytest.mark.rule("07-R03")
@pytest.mark.parametrize(
    ("price", "call", "put"), [(INDEX, 0, 0), (INDEX + 30_000, 30_000, 0), (INDEX - 30_000, 0, 30_000)]
)
def test_payoffs(desk: Desk, price: int, call: int, put: int) -> None:
    desk.expire(price)
    before = desk.view["underlyings"][0]
    assert desk.settle(CALL) == (Reason.OK, 0, 0, call)
    assert desk.settle(PUT) == (Reason.OK, 0, 0, put)
    assert desk.settle(FUTURE) == (Reason.OK, 0, 0, price)
    after = desk.view["underlyings"][0]
    assert after["listed"] == before["listed"] - 3
    assert after["risk_epoch"] == before["risk_epoch"] + 3
    item = desk.instrument(CALL)
    assert (item["state"], item["payoff"], item["slow_mark"]) == (2, call, call << 16)
    assert desk.buy(ANN, 1, 50_000, CALL).reason == Reason.EXPIRED


@pytest.mark.rule("07-R03", "05-R08")
def test_attack_an_expired_call_earns_no_more_delta(desk: Desk) -> None:
    """After the Settle the index goes up by 30 %; a Withdraw finds the payoff and nothing of the move."""
    desk.trade(ANN, BOB, 10, 50_000, CALL)
    desk.expire(INDEX + 30_000)
    desk.settle(CALL)
    desk.move_index(1_300_000)
    most = CASH - 500_000 - 3_000 + 300_000
    assert desk.withdraw(ANN, most + 1).reason == Reason.MARGIN
    assert desk.withdraw(ANN, most).reason == Reason.OK


@pytest.mark.rule("07-R05", "01-R06", "01-R07")
def test_sweeps_pay_through_the_clearing_account_which_ends_at_zero(desk: Desk) -> None:
    desk.trade(ANN, BOB, 10, 50_000, CALL)
    desk.trade(CAT, BOB, 5, 50_000, CALL)
    desk.expire(INDEX + 30_000)
    desk.settle(CALL)
    before = {account: desk.cash(account) for account in (ANN, BOB, CAT)}
    states = []
    for account in (BOB, ANN, CAT):
        assert desk.withdraw(account, 1).reason == Reason.OK
        item = desk.instrument(CALL)
        states.append((item["open_interest"], item["clearing_position"], item["clearing_cash"]))
    assert states == [(15, -15, 450_000), (5, -5, 150_000), (0, 0, 0)]
    assert desk.cash(ANN) == before[ANN] + 300_000 - 1
    assert desk.cash(BOB) == before[BOB] - 450_000 - 1
    assert desk.cash(CAT) == before[CAT] + 150_000 - 1
    assert all(desk.account(account)["positions"][0] == [] for account in (ANN, BOB, CAT))


@pytest.mark.rule("07-R05", "05-R09", "02-R07")
def test_a_sweep_takes_what_is_settled_out_of_the_middle_of_the_list(desk: Desk) -> None:
    for instrument, price in ((PUT, 40_000), (CALL, 50_000), (PERP, M)):
        desk.trade(ANN, BOB, 10, price, instrument)
    assert desk.account(ANN)["positions"][0] == [(PERP, 10), (CALL, 10), (PUT, 10)]
    desk.expire()
    desk.settle(CALL)
    desk.publish()
    desk.withdraw(ANN, 1)
    assert desk.account(ANN)["positions"][0] == [(PERP, 10), (PUT, 10)]
    assert desk.account(ANN)["risk"][0]["gross"] == 20
    desk.settle(PUT)
    desk.withdraw(ANN, 1)
    assert desk.account(ANN)["positions"][0] == [(PERP, 10)]


@pytest.mark.rule("07-R05", "04-R09")
def test_a_fill_sweeps_the_maker_it_meets(desk: Desk) -> None:
    desk.trade(ANN, BOB, 10, 50_000, CALL)
    desk.expire(INDEX + 30_000)
    desk.settle(CALL)
    desk.publish()
    desk.sell(BOB, 1, M)
    assert desk.position(BOB, CALL) == 0, "an order's owner is refreshed first"
    desk.publish()
    assert desk.buy(ANN, 1, M).filled == 1
    assert desk.position(ANN, CALL) == 0
    assert desk.instrument(CALL)["clearing_position"] == 0


@pytest.mark.rule("07-R04", "04-R17")
def test_a_settle_of_what_is_settled_clears_its_books(desk: Desk) -> None:
    for k in range(40):
        desk.buy(CAT, 1, 40_000 + k, CALL)
        desk.sell(DAN, 1, 60_000 + k, CALL)
    desk.expire(INDEX + 30_000)
    assert desk.settle(CALL) == (Reason.OK, 0, 0, 30_000)
    assert (len(desk.bids(CALL)), len(desk.asks(CALL))) == (40, 40), "the first one settles and no more"
    assert desk.settle(CALL) == (Reason.OK, 0, 0, 30_000)
    assert desk.bids(CALL) == []
    assert desk.asks(CALL) == [(DAN, 24 + k) for k in range(16)], "bids, then asks from the head, 64 in all"
    assert desk.settle(CALL).detail == 30_000
    assert desk.asks(CALL) == []
    assert (desk.cash(CAT), desk.cash(DAN)) == (CASH, CASH)
    assert desk.settle(CALL) == (Reason.OK, 0, 0, 30_000)


@pytest.mark.rule("07-R04")
def test_an_order_in_a_settled_book_can_be_cancelled(desk: Desk) -> None:
    desk.buy(CAT, 1, 40_000, CALL)
    desk.expire()
    desk.settle(CALL)
    assert desk.cash(CAT) == CASH - LOCK
    assert desk.cancel(CAT, 0).reason == Reason.OK
    assert desk.cash(CAT) == CASH


@pytest.mark.rule("07-R06", "05-R04")
@pytest.mark.parametrize("kind", [segment.LIQUIDATE, segment.FUND])
def test_what_needs_liquidation_or_funding_is_refused(desk: Desk, kind: int) -> None:
    """Maintenance margin is a number of the page until then: 800 permille of the requirement."""
    before = desk.view
    assert desk.send(make(kind)) == (Reason.NOT_SUPPORTED, 0, 0, 0)
    after = desk.view
    before["header"].pop("events"), after["header"].pop("events")
    assert after == before
    assert MAINTENANCE_PERMILLE == 800
