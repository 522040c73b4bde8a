"""Matching: one head of the other side at a time (spec 04-R05 to 04-R15)."""

from __future__ import annotations

from typing import Any

import pytest

from miletus.engine.reasons import Reason
from tests.engine import worlds as w
from tests.engine.desk import ANN, BOB, CASH, CAT, DAN, FOK, GTC, IOC, LOCK, PERP, Desk

pytestmark = pytest.mark.both_builds
M = 1_000_000
"""The mark of PERP, in ticks."""


@pytest.fixture
def desk() -> Desk:
    return Desk()


def fee(lots: int, price: int) -> int:
    """A future's fee where it comes out even: 500 parts of a million."""
    assert lots * price * 500 % 1_000_000 == 0
    return lots * price * 500 // 1_000_000


@pytest.mark.rule("04-R12", "04-R17")
def test_a_fill_moves_cash_and_position_at_the_head_s_price(desk: Desk) -> None:
    desk.sell(BOB, 10, M)
    assert desk.buy(ANN, 10, M + 50) == (Reason.OK, 10, 10 * M, 1)
    assert (desk.position(ANN), desk.position(BOB)) == (10, -10)
    assert desk.cash(ANN) == CASH - 10 * M - fee(10, M)
    assert desk.cash(BOB) == CASH + 10 * M, "his lock came back"
    assert desk.cash(1) == fee(10, M)
    assert desk.instrument()["open_interest"] == 10
    assert desk.asks() == desk.bids() == []


@pytest.mark.rule("04-R12", "04-R16")
def test_what_a_head_has_left_stays_and_what_the_taker_has_left_rests(desk: Desk) -> None:
    desk.sell(BOB, 10, M)
    desk.buy(ANN, 4, M)
    order = desk.account(BOB)["orders"][0]
    assert (order["left"], order["filled"]) == (6, 4)
    assert desk.account(BOB)["locked"] == LOCK
    desk.buy(ANN, 9, M, slot=3)
    order = desk.account(ANN)["orders"][3]
    assert (order["left"], order["filled"], order["price"]) == (3, 6, M)


@pytest.mark.rule("04-R05")
def test_an_order_takes_while_it_crosses_and_no_longer(desk: Desk) -> None:
    for k in range(3):
        desk.sell(BOB, 2, M + 10 * k)
    assert desk.buy(ANN, 10, M + 10) == (Reason.OK, 4, 2 * M + 2 * (M + 10), 1)
    assert desk.asks() == [(BOB, 2)]
    assert desk.bids() == [(ANN, 0)]


@pytest.mark.rule("04-R13", "02-R08")
def test_price_then_time_decides_who_is_filled(desk: Desk) -> None:
    desk.sell(BOB, 1, M + 2)
    desk.sell(CAT, 1, M + 1)
    desk.sell(DAN, 1, M + 2)
    desk.sell(CAT, 1, M + 2)
    desk.sell(DAN, 1, M + 1)
    assert desk.asks() == [(CAT, 0), (DAN, 1), (BOB, 0), (DAN, 0), (CAT, 1)]
    desk.buy(ANN, 3, M + 2)
    assert desk.asks() == [(DAN, 0), (CAT, 1)]
    desk.buy(BOB, 1, M - 1)
    desk.buy(CAT, 1, M)
    desk.buy(DAN, 1, M - 1)
    assert desk.bids() == [(CAT, 0), (BOB, 0), (DAN, 1)]


@pytest.mark.rule("04-R05")
@pytest.mark.parametrize("tif", [GTC, IOC])
def test_64_heads_are_handled_in_one_word(desk: Desk, tif: int) -> None:
    words = [w.order(desk.world, BOB, slot, PERP, 1, M, 1) | {"nonce": 10 + slot} for slot in range(66)]
    desk.send_all(*words)
    reason = Reason.MAKER_LIMIT if tif == GTC else Reason.OK
    assert desk.buy(ANN, 66, M, tif=tif) == (reason, 64, 64 * M, 1)
    assert desk.account(ANN)["orders"] == {}, "the rest is cancelled"
    assert desk.asks() == [(BOB, 64), (BOB, 65)]
    assert desk.buy(ANN, 2, M, tif=tif) == (Reason.OK, 2, 2 * M, 2)


@pytest.mark.rule("04-R05", "04-R14")
def test_the_limit_counts_self_matches_and_evictions_but_not_refreshes(desk: Desk) -> None:
    words = [w.order(desk.world, ANN, slot, PERP, 1, M, 1) | {"nonce": 10 + slot} for slot in range(63)]
    desk.send_all(*words)
    desk.sell(BOB, 1, M)
    desk.sell(CAT, 1, M)
    desk.publish()  # everybody is stale
    assert desk.buy(ANN, 2, M, slot=99) == (Reason.MAKER_LIMIT, 1, M, 1)
    assert desk.asks() == [(CAT, 0)]
    desk.cancel(CAT, 0)
    desk.send_all(*(w.order(desk.world, ANN, k, PERP, 1, M, 1) | {"nonce": 200 + k} for k in range(64)))
    assert desk.buy(ANN, 2, M, slot=99) == (Reason.MAKER_LIMIT, 0, 0, 2), "64 are gone, nothing was filled"


@pytest.mark.rule("04-R06", "04-R17")
def test_nobody_trades_with_himself(desk: Desk) -> None:
    desk.sell(ANN, 5, M, slot=1)
    desk.sell(BOB, 5, M)
    assert desk.buy(ANN, 8, M, slot=2) == (Reason.OK, 5, 5 * M, 1)
    assert desk.asks() == []
    assert list(desk.account(ANN)["orders"]) == [2]
    assert desk.cash(ANN) == CASH - 5 * M - fee(5, M) - LOCK


@pytest.mark.rule("04-R07", "04-R17")
def test_an_order_whose_time_is_over_is_evicted_and_its_lock_is_gone(desk: Desk) -> None:
    desk.sell(BOB, 5, M, good_for_s=5)
    desk.wait(5)
    assert desk.buy(ANN, 1, M, tif=IOC).filled == 1, "the fifth second is within"
    desk.wait(1)
    fees = desk.cash(1)
    assert desk.buy(ANN, 1, M, tif=IOC) == (Reason.NOT_FILLED, 0, 0, 2)
    assert desk.asks() == []
    assert desk.cash(1) == fees + LOCK
    assert desk.account(BOB)["locked"] == 0
    assert desk.cash(BOB) == CASH + M - LOCK


@pytest.mark.rule("04-R08")
def test_attack_buying_to_close_at_a_silly_price_moves_nothing_to_an_accomplice(desk: Desk) -> None:
    """ANN is short; CAT, her accomplice, asks ten times the mark: beyond the band no fill happens."""
    desk.trade(BOB, ANN, 10, M)
    desk.sell(CAT, 10, 1_105_001)
    before = desk.cash(CAT)
    assert desk.buy(ANN, 10, 10 * M, tif=IOC) == (Reason.BAND, 0, 0, 1)
    assert desk.buy(ANN, 10, 10 * M, reduce_only=True) == (Reason.BAND, 0, 0, 2)
    assert (desk.position(ANN), desk.cash(CAT)) == (-10, before)


@pytest.mark.rule("04-R08")
def test_attack_a_silly_ask_at_the_head_does_not_block_buyers(desk: Desk) -> None:
    """An ask far below the mark is evicted, not filled, and the next head is looked at."""
    desk.sell(CAT, 1, 894_999)
    desk.sell(BOB, 1, M)
    assert desk.buy(ANN, 1, M) == (Reason.OK, 1, M, 1)
    assert desk.asks() == []
    assert desk.position(CAT) == 0
    assert desk.cash(CAT) == CASH - LOCK


@pytest.mark.rule("04-R08")
@pytest.mark.parametrize("price", [895_000, 1_105_000])
def test_the_edges_of_the_band_are_good_prices(desk: Desk, price: int) -> None:
    desk.sell(BOB, 1, price)
    assert desk.buy(ANN, 1, price).filled == 1
    desk.buy(BOB, 1, price)
    assert desk.sell(ANN, 1, price).filled == 1


@pytest.mark.rule("04-R08")
def test_the_band_holds_for_sellers_too(desk: Desk) -> None:
    desk.buy(BOB, 1, 1_105_001)
    desk.buy(CAT, 1, 894_999)
    assert desk.sell(ANN, 1, 1) == (Reason.BAND, 0, 0, 1)
    assert desk.bids() == [(CAT, 0)], "the one in her favour was evicted, the one to her harm stays"


@pytest.mark.rule("04-R09", "05-R08", "05-R09")
def test_a_stale_maker_is_refreshed_before_he_is_judged(desk: Desk) -> None:
    desk.trade(BOB, CAT, 10, M)
    desk.sell(BOB, 10, M)
    desk.publish()
    epoch = desk.view["underlyings"][0]["risk_epoch"]
    assert desk.account(BOB)["risk"][0]["epoch"] == epoch - 1
    desk.buy(ANN, 5, M)
    assert desk.account(BOB)["risk"][0]["epoch"] == epoch
    assert desk.account(ANN)["risk"][0]["epoch"] == epoch
    assert desk.account(CAT)["risk"][0]["epoch"] == epoch - 1, "nobody looked at her"


@pytest.mark.rule("04-R10")
def test_a_reduce_only_taker_stops_at_zero(desk: Desk) -> None:
    desk.trade(ANN, BOB, 6, M)
    desk.buy(CAT, 10, M)
    assert desk.sell(ANN, 10, M, reduce_only=True) == (Reason.REDUCE_ONLY, 6, 6 * M, 1)
    assert desk.position(ANN) == 0
    desk.trade(ANN, BOB, 3, M + 1)
    assert desk.sell(ANN, 10, M, reduce_only=True, tif=IOC) == (Reason.OK, 3, 3 * M, 2)


@pytest.mark.rule("04-R10")
def test_a_reduce_only_maker_is_filled_to_zero_and_evicted(desk: Desk) -> None:
    desk.trade(ANN, BOB, 6, M)
    desk.sell(ANN, 6, M + 5, reduce_only=True)
    desk.sell(ANN, 4, M + 1)  # four of the six are sold elsewhere
    desk.buy(CAT, 4, M + 1)
    fees = desk.cash(1)
    assert desk.buy(DAN, 6, M + 5, tif=IOC) == (Reason.OK, 2, 2 * M + 10, 1)
    assert desk.asks() == []
    assert desk.position(ANN) == 0
    assert desk.cash(1) == fees + 1_001 + LOCK


@pytest.mark.rule("04-R11", "01-R03", "01-R04")
def test_open_interest_has_a_limit() -> None:
    desk = Desk(w.build_brim())  # 50 lots below the limit in instrument 4
    price = desk.world.instruments[4].entries[desk.world.underlyings[0].buffer].mark
    desk.sell(16, 100, price, 4)
    assert desk.buy(17, 51, price, 4) == (Reason.WIDTH, 0, 0, 1)
    assert desk.buy(17, 50, price, 4).filled == 50
    assert desk.buy(18, 1, price, 4).reason == Reason.WIDTH
    assert desk.sell(17, 50, price, 4, slot=9).reason == Reason.OK
    assert desk.buy(16, 50, price, 4, slot=9).filled == 50, "what closes is no new interest"


@pytest.mark.rule("04-R11", "05-R05")
def test_a_maker_without_margin_is_evicted_and_the_taker_goes_on(desk: Desk) -> None:
    for slot in (0, 1):
        assert desk.buy(ANN, 60_000, M, slot=slot).reason == Reason.OK
    desk.buy(DAN, 60_000, M - 1)
    assert desk.sell(BOB, 60_000, M).filled == 60_000
    fees = desk.cash(1)
    assert desk.sell(CAT, 60_000, M - 1) == (Reason.OK, 60_000, 60_000 * (M - 1), 1)
    assert desk.position(ANN) == 60_000
    assert desk.position(DAN) == 60_000
    assert desk.account(ANN)["orders"] == {}
    assert desk.cash(1) == fees + fee(60_000, M - 1) + LOCK


@pytest.mark.rule("04-R11", "04-R14")
@pytest.mark.parametrize(
    ("tif", "reason", "filled"),
    [(GTC, Reason.MARGIN, 40_000), (IOC, Reason.OK, 40_000), (FOK, Reason.NOT_FILLED, 0)],
)
def test_a_taker_without_margin_stops(desk: Desk, tif: int, reason: Reason, filled: int) -> None:
    """ANN has margin for 40,000 lots, and not for the second head too."""
    desk.sell(BOB, 40_000, M)
    desk.sell(CAT, 40_000, M)
    assert desk.buy(ANN, 80_000, M, tif=tif) == (reason, filled, filled * M, 1)
    assert desk.position(ANN) == filled
    assert desk.position(CAT) == 0
    assert desk.buy(ANN, 70_000, M, tif=tif).filled == 0


@pytest.mark.rule("04-R14")
@pytest.mark.parametrize(("tif", "reason"), [(GTC, Reason.BAND), (IOC, Reason.OK)])
def test_the_reason_of_a_stop_after_a_fill(desk: Desk, tif: int, reason: Reason) -> None:
    desk.sell(BOB, 3, M)
    desk.sell(BOB, 3, 1_105_001)
    assert desk.buy(ANN, 6, 2 * M, tif=tif) == (reason, 3, 3 * M, 1)
    assert desk.buy(ANN, 6, 2 * M, tif=tif) == (Reason.BAND, 0, 0, 2), "nothing filled: the stop's reason"
    assert desk.account(ANN)["orders"] == {}


@pytest.mark.rule("04-R14")
def test_immediate_or_cancel_never_rests(desk: Desk) -> None:
    desk.sell(BOB, 3, M)
    assert desk.buy(ANN, 5, M, tif=IOC) == (Reason.OK, 3, 3 * M, 1)
    assert desk.buy(ANN, 5, M, tif=IOC) == (Reason.NOT_FILLED, 0, 0, 2)
    assert desk.account(ANN)["orders"] == {}


def get_frozen(desk: Desk) -> dict[str, Any]:
    """The state but for what every word changes: nonces, generations, receipts, epochs of sums."""
    view = desk.view
    view["header"].pop("events")
    for account in view["accounts"].values():
        account.pop("keys")
        account.pop("generations")
        for risk in account["risk"]:
            risk.pop("epoch")
    return view


@pytest.mark.rule("04-R15")
def test_fill_or_kill_that_falls_short_leaves_everything_as_it_was(desk: Desk) -> None:
    desk.trade(ANN, DAN, 3, M)
    desk.sell(BOB, 3, M)
    desk.sell(CAT, 4, M + 1)
    desk.sell(BOB, 5, M + 1)
    desk.sell(DAN, 2, M + 2)
    before = get_frozen(desk)
    assert desk.buy(ANN, 15, M + 2, tif=FOK) == (Reason.NOT_FILLED, 0, 0, 1)
    assert get_frozen(desk) == before
    assert desk.asks() == [(BOB, 0), (CAT, 0), (BOB, 1), (DAN, 0)]
    assert desk.buy(ANN, 14, M + 2, tif=FOK).filled == 14


@pytest.mark.rule("04-R15")
def test_fill_or_kill_stopped_by_the_band_is_undone(desk: Desk) -> None:
    desk.sell(BOB, 3, M)
    desk.sell(CAT, 3, 1_105_001)
    before = get_frozen(desk)
    assert desk.buy(ANN, 6, 2 * M, tif=FOK) == (Reason.NOT_FILLED, 0, 0, 1)
    assert get_frozen(desk) == before


@pytest.mark.rule("04-R15")
def test_evictions_and_self_matches_of_a_killed_order_stand(desk: Desk) -> None:
    desk.sell(BOB, 3, M)
    desk.sell(ANN, 3, M + 1)
    desk.sell(CAT, 3, M + 2, good_for_s=1)
    desk.sell(DAN, 3, M + 3)
    desk.wait(2)
    assert desk.buy(ANN, 7, M + 3, tif=FOK).reason == Reason.NOT_FILLED
    assert desk.asks() == [(BOB, 0), (DAN, 0)]
    assert desk.cash(ANN) == CASH
    assert desk.cash(CAT) == CASH - LOCK


@pytest.mark.rule("04-R15")
def test_a_reduce_only_maker_evicted_after_a_part_stays_away_when_the_part_is_undone(desk: Desk) -> None:
    desk.trade(ANN, BOB, 6, M)
    desk.sell(ANN, 6, M + 5, reduce_only=True, slot=7)
    desk.sell(ANN, 4, M + 1)
    desk.buy(CAT, 4, M + 1)
    assert desk.buy(DAN, 6, M + 5, tif=FOK) == (Reason.NOT_FILLED, 0, 0, 1)
    assert desk.position(ANN) == 2, "the fill is undone"
    assert desk.asks() == [], "the eviction is not"
    assert desk.account(ANN)["locked"] == 0


@pytest.mark.rule("04-R15", "02-R07")
def test_a_position_that_an_undone_fill_had_closed_is_the_newest(desk: Desk) -> None:
    desk.trade(ANN, BOB, 5, M)
    desk.trade(ANN, BOB, 5, 1_010_000, instrument=2)
    assert desk.account(ANN)["positions"][0] == [(2, 5), (PERP, 5)]
    desk.buy(CAT, 5, M)
    assert desk.sell(ANN, 6, M, tif=FOK).reason == Reason.NOT_FILLED
    assert desk.account(ANN)["positions"][0] == [(PERP, 5), (2, 5)]


@pytest.mark.rule("04-R15")
def test_64_fills_can_be_undone(desk: Desk) -> None:
    words = [
        w.order(desk.world, BOB, slot, PERP, 1, M + slot, 1) | {"nonce": 10 + slot} for slot in range(66)
    ]
    desk.send_all(*words)
    before = get_frozen(desk)
    assert desk.buy(ANN, 66, M + 66, tif=FOK) == (Reason.NOT_FILLED, 0, 0, 1)
    assert get_frozen(desk) == before
