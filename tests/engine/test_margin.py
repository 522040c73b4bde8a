"""Margin: sums, equity, requirement, the fill rule, fees, refresh (spec 05). Numbers of `desk` by hand."""

from __future__ import annotations

import pytest

from miletus.engine.reasons import Reason
from tests.engine import worlds as w
from tests.engine.desk import ANN, BOB, CALL, CASH, CAT, DAN, FUTURE, INDEX, IOC, LOCK, PERP, PUT, Desk

pytestmark = pytest.mark.both_builds
M = 1_000_000


@pytest.fixture
def desk() -> Desk:
    return Desk()


def has_free(desk: Desk, account: int, amount: int) -> bool:
    """Whether exactly this much can be withdrawn, to the micro: equity less requirement."""
    more, exact = Desk(desk.pair.save()), Desk(desk.pair.save())
    return (
        more.withdraw(account, amount + 1).reason == Reason.MARGIN
        and exact.withdraw(account, amount).reason == Reason.OK
    )


# ---- sums, marks, equity ------------------------------------------------------------------------------


@pytest.mark.rule("05-R02", "05-R03")
def test_sums_are_those_of_the_positions(desk: Desk) -> None:
    desk.trade(ANN, BOB, 10, 50_000, CALL)
    desk.trade(BOB, ANN, 4, 40_000, PUT)
    desk.trade(ANN, BOB, 3, M)
    risk = desk.account(ANN)["risk"][0]
    assert risk["mark"] == 10 * 50_000 - 4 * 40_000 + 3 * M
    assert risk["delta"] == 10 * 5_000 + 4 * 5_000 + 3 * 10_000
    assert risk["gamma"] == 10 * 100 - 4 * 100
    assert risk["scenarios"] == [
        10 * (-40_000 + 6_000 * k) - 4 * (45_000 - 6_000 * k) + 3 * 20_000 * (k - 8) for k in range(16)
    ]
    assert (risk["gross"], risk["short"]) == (17, 4)
    assert risk["requirement"] == 400_000 + 180_000 + 480_000 + 4 * 10_000
    mirrored = desk.account(BOB)["risk"][0]
    assert mirrored["scenarios"] == [-value for value in risk["scenarios"]]
    assert mirrored["short"] == 10


@pytest.mark.rule("05-R03")
@pytest.mark.parametrize(
    ("instrument", "price", "long", "short"),
    [(PERP, M, 160_000, 140_000), (CALL, 50_000, 40_000, 60_000), (PUT, 40_000, 45_000, 55_000)],
)
def test_requirement_is_the_worst_scenario_and_a_floor_on_short_options(
    desk: Desk, instrument: int, price: int, long: int, short: int
) -> None:
    desk.trade(ANN, BOB, 1, price, instrument)
    assert desk.account(ANN)["risk"][0]["requirement"] == long
    assert desk.account(BOB)["risk"][0]["requirement"] == short


@pytest.mark.rule("05-R03", "01-R05")
def test_the_floor_is_rounded_up(desk: Desk) -> None:
    desk.publish(reference=INDEX + 1)
    desk.trade(ANN, BOB, 1, 50_000, CALL)
    assert desk.account(BOB)["risk"][0]["requirement"] == 50_000 + 10_001


@pytest.mark.rule("05-R03")
def test_a_requirement_is_never_negative(desk: Desk) -> None:
    """A sheet in which a long call gains in every scenario asks for nothing, and gives nothing either."""
    changes = {f"scenario_{k}": 500 for k in range(16)}
    desk.publish(**changes)
    desk.trade(ANN, BOB, 2, 50_000, CALL)
    assert desk.account(ANN)["risk"][0]["requirement"] == 0
    assert desk.account(BOB)["risk"][0]["requirement"] == 2 * 500 + 2 * 10_000


@pytest.mark.rule("05-R02", "05-R03", "03-R17")
def test_what_can_be_withdrawn_is_equity_less_requirement(desk: Desk) -> None:
    desk.trade(ANN, BOB, 10, M)
    assert has_free(desk, ANN, CASH - 10 * 500 - 10 * 160_000)
    assert has_free(desk, BOB, CASH - 10 * 140_000)


@pytest.mark.rule("05-R02")
def test_locked_money_does_not_count(desk: Desk) -> None:
    desk.trade(ANN, BOB, 10, M)
    desk.buy(ANN, 1, 900_000)
    assert has_free(desk, ANN, CASH - 10 * 500 - 10 * 160_000 - LOCK)


@pytest.mark.rule("05-R01", "05-R02")
@pytest.mark.parametrize(
    ("index", "mark"),
    [
        (INDEX + 10_000, 50_000 + 5_000 + 7),  # gamma: 100 x 10,000 // 65,536 = 15; 15 x 10,000 // 20,000 = 7
        (INDEX + 1, 50_000),
        (INDEX - 1, 49_999),  # -5,000 x 1 / 10,000 rounded down
        (INDEX - 10_000, 50_000 - 5_000 + 7),
    ],
)
def test_a_mark_follows_the_index_by_delta_and_gamma(desk: Desk, index: int, mark: int) -> None:
    """Seen from outside: a market buy reaches exactly mark + band."""
    desk.wait(1)
    desk.set_index(index)
    edge = mark + index * 5 // 1000 + mark * 100 // 1000
    desk.sell(BOB, 1, edge + 1, CALL, slot=0)
    assert desk.buy(ANN, 1, 0, CALL, market=True).reason == Reason.NOT_FILLED
    desk.sell(BOB, 1, edge, CALL, slot=1)
    assert desk.buy(ANN, 1, 0, CALL, market=True).filled == 1


@pytest.mark.rule("05-R01", "05-R02")
@pytest.mark.parametrize(("index", "move"), [(1_300_000, 250_000), (700_000, -250_000)])
def test_the_move_is_held_to_a_quarter_of_the_reference(desk: Desk, index: int, move: int) -> None:
    """The slow mark stands at 1,000,000, so that of a long account's two values the lesser can be seen."""
    desk.trade(ANN, BOB, 10, M)
    desk.move_index(index)
    loser, sign, needed = (BOB, -1, 140_000) if move > 0 else (ANN, 1, 160_000)
    paid = 10 * 500 if loser == ANN else 0
    assert has_free(desk, loser, CASH - paid + sign * 10 * move - 10 * needed)


@pytest.mark.rule("05-R02", "01-R05")
def test_values_of_an_account_are_rounded_down(desk: Desk) -> None:
    """One short call, index one tick down: half a tick of delta counts as nothing, a dust of gamma as one."""
    desk.trade(ANN, BOB, 1, 50_000, CALL)
    desk.wait(1)
    desk.set_index(INDEX - 1)
    assert has_free(desk, BOB, CASH - 60_000 - 1)


@pytest.mark.rule("05-R02")
def test_a_mark_is_never_below_zero(desk: Desk) -> None:
    desk.publish(mark=100)
    desk.move_index(INDEX - 20_000)  # 100 - 10,000
    desk.sell(BOB, 1, 4_901, CALL)
    assert desk.buy(ANN, 1, 0, CALL, market=True).reason == Reason.NOT_FILLED
    desk.sell(BOB, 1, 4_900, CALL)  # 5 permille of 980,000, of a mark of zero
    assert desk.buy(ANN, 1, 0, CALL, market=True).filled == 1


# ---- the fill rule --------------------------------------------------------------------------------------


@pytest.mark.rule("05-R05")
def test_a_fill_needs_equity_for_the_requirement_after_it(desk: Desk) -> None:
    """A lot needs 160,000 and its fee of 500: 62,305 lots are 9,999,952,500 micros, one more is too many."""
    desk.deposit(BOB, CASH)
    desk.sell(BOB, 70_000, M)
    assert desk.buy(ANN, 62_306, M, tif=IOC).reason == Reason.MARGIN
    assert desk.buy(ANN, 62_305, M, tif=IOC).filled == 62_305


@pytest.fixture
def drowned() -> Desk:
    """ANN is long 60,000 lots; the index fell by 5 %: her equity is below her requirement, and above zero."""
    desk = Desk()
    desk.deposit(BOB, 10 * CASH)
    desk.trade(ANN, BOB, 60_000, M)
    desk.move_index(950_000)
    return desk


@pytest.mark.rule("05-R05")
def test_an_account_below_its_margin_can_reduce_and_nothing_else(drowned: Desk) -> None:
    drowned.buy(BOB, 1_000, 950_000)
    drowned.sell(BOB, 1_000, 950_010)
    assert drowned.buy(ANN, 1, 950_010, tif=IOC).reason == Reason.MARGIN
    assert drowned.sell(ANN, 1_000, 950_000, tif=IOC).filled == 1_000
    assert drowned.position(ANN) == 59_000


@pytest.mark.rule("05-R05")
def test_reducing_may_not_lower_equity_less_requirement() -> None:
    """With scenarios of 100 ticks a lot needs 100; to sell it 101 below its mark is worse than to keep it."""
    desk = Desk()
    changes = {f"scenario_{k}": 100 - 200 * (k % 2) for k in range(16)}
    desk.publish(**changes)
    desk.trade(ANN, BOB, 1_000, 50_000, CALL)
    desk.wait(61)  # restricted: only the second half of the rule is left
    desk.sell(ANN, 10, 49_899, CALL, reduce_only=True, slot=1)
    assert desk.account(ANN)["orders"] == {}
    assert desk.sell(ANN, 10, 49_899, CALL, reduce_only=True, slot=1).reason == Reason.MARGIN
    assert desk.sell(ANN, 10, 49_900, CALL, reduce_only=True, slot=1).reason == Reason.OK


@pytest.mark.rule("05-R05")
def test_reducing_may_not_make_equity_negative_or_more_negative() -> None:
    desk = Desk()
    desk.deposit(BOB, 10 * CASH)
    desk.trade(ANN, BOB, 60_000, M)
    desk.move_index(830_000)  # equity: 10^10 - 3 x 10^7 fees - 60,000 x 170,000 = -230,000,000
    assert desk.sell(ANN, 10, 829_999, reduce_only=True).reason == Reason.MARGIN
    assert desk.sell(ANN, 10, 830_000, reduce_only=True).reason == Reason.OK, "at the mark equity stays"
    desk.buy(BOB, 10, 829_999, reduce_only=True)
    assert desk.sell(ANN, 10, 829_999, tif=IOC, slot=9).reason == Reason.MARGIN
    assert desk.buy(BOB, 10, 830_000).filled == 10, "as a maker she pays no fee"
    desk.buy(BOB, 10, 830_415, reduce_only=True)  # 415 above the mark, and the fee is 415.2075 a lot
    assert desk.sell(ANN, 10, 830_415, tif=IOC).reason == Reason.MARGIN
    desk.buy(BOB, 10, 830_416, reduce_only=True)
    assert desk.sell(ANN, 10, 830_416, tif=IOC).filled == 10


@pytest.mark.rule("05-R05", "06-R08")
def test_in_a_restricted_instrument_only_what_lowers_risk_is_filled(desk: Desk) -> None:
    desk.trade(ANN, BOB, 10, M)
    desk.sell(CAT, 10, M + 5)
    desk.buy(DAN, 10, M - 5)
    desk.wait(61)
    fees = desk.cash(1)
    assert desk.buy(ANN, 5, M + 5, tif=IOC).reason == Reason.NOT_FILLED, "CAT would add risk: evicted"
    assert desk.cash(1) == fees + LOCK
    assert desk.sell(ANN, 5, M - 5, tif=IOC).reason == Reason.NOT_FILLED, "so would DAN"
    desk.sell(ANN, 10, M, reduce_only=True, slot=3)
    assert desk.buy(BOB, 10, M, tif=IOC).filled == 10, "both lower theirs"


# ---- widths --------------------------------------------------------------------------------------


@pytest.mark.rule("05-R06", "01-R03", "01-R04")
def test_the_gross_position_has_a_limit_a_taker_stops_and_a_maker_is_evicted() -> None:
    desk = Desk()
    most, chunk = 1 << 26, 1 << 24
    for account in (ANN, BOB, CAT):
        desk.deposit(account, (1 << 56) - 1)
    for k in range(4):
        desk.trade(ANN, BOB, chunk - (k == 3), M)
    assert desk.account(ANN)["risk"][0]["gross"] == most - 1
    desk.sell(CAT, 2, M)
    assert desk.buy(ANN, 2, M, tif=IOC) == (Reason.WIDTH, 0, 0, 1)
    assert desk.buy(ANN, 1, M, tif=IOC).filled == 1
    assert desk.buy(ANN, 1, 900_000).reason == Reason.WIDTH, "it could never be filled"
    assert desk.sell(ANN, 1, M).reason == Reason.OK
    desk.sell(BOB, 1, M - 1)  # one more would be within BOB's limit, two not
    desk.sell(BOB, 1, M - 1, slot=9)
    fees = desk.cash(1)
    assert desk.buy(CAT, 2, M - 1, tif=IOC).filled == 1
    assert desk.cash(1) == fees + 500 + LOCK


@pytest.mark.rule("05-R06", "01-R04")
def test_an_account_holds_at_most_128_positions() -> None:
    desk = Desk(w.build_wide())  # WHALE holds 127
    world = desk.world
    marks = [item.entries[world.underlyings[0].buffer].mark for item in world.instruments.values()]
    for number in (127, 128):
        desk.sell(16, 10, marks[number], number)
    assert desk.buy(w.WHALE, 10, marks[127], 127, tif=IOC).filled == 10
    assert len(desk.account(w.WHALE)["positions"][0]) == 128
    assert desk.buy(w.WHALE, 10, marks[128], 128, tif=IOC).reason == Reason.WIDTH
    desk.sell(16, 10, marks[0], 0, slot=9)
    assert desk.buy(w.WHALE, 10, marks[0], 0, tif=IOC).filled == 10, (
        "more of what it holds is no new position"
    )


@pytest.mark.rule("05-R06", "01-R03", "01-R04")
def test_cash_has_a_limit() -> None:
    desk = Desk(w.build_brim())  # all that can be deposited is; WHALE has nearly all of it
    room = (1 << 60) - 1 - desk.cash(w.WHALE)
    price = 6_500_000
    lots = room // (price - 3_250)  # less the fee
    desk.buy(w.WHALE + 1, 2 * lots, price, 5)
    assert desk.sell(w.WHALE, lots + 1, price, 5, tif=IOC).reason == Reason.WIDTH
    assert desk.sell(w.WHALE, lots, price, 5, tif=IOC).filled == lots
    assert (1 << 60) - price < desk.cash(w.WHALE) < 1 << 60


# ---- fees ----------------------------------------------------------------------------------------


@pytest.mark.rule("05-R07", "01-R05")
@pytest.mark.parametrize(
    ("instrument", "mark", "price", "size", "fee"),
    [
        (PERP, None, M, 3, 1_500),
        (PERP, None, 1_000_001, 1, 501),  # 500.0005
        (PERP, None, 999_999, 1, 500),  # 499.9995
        (FUTURE, None, 1_010_000, 1, 505),
        (CALL, None, 50_000, 7, 2_100),  # 300 parts of a million of the index
        (CALL, 100, 100, 1, 13),  # an eighth of the premium: 12.5
        (CALL, 2_400, 2_400, 1, 300),  # both alike
        (CALL, 2_399, 2_399, 1, 300),  # 299.875
        (CALL, 2_392, 2_392, 1, 299),
    ],
)
def test_the_taker_s_fee(
    desk: Desk, instrument: int, mark: int | None, price: int, size: int, fee: int
) -> None:
    if mark is not None:
        desk.publish(mark=mark)
    desk.sell(BOB, size, price, instrument)
    desk.buy(ANN, size, price, instrument)
    assert desk.cash(1) == fee
    assert desk.cash(ANN) == CASH - size * price - fee
    assert desk.cash(BOB) == CASH + size * price


@pytest.mark.rule("05-R07", "01-R05")
def test_the_share_of_the_index_is_rounded_up(desk: Desk) -> None:
    desk.wait(1)
    desk.set_index(INDEX + 1)  # 300.0003
    desk.trade(ANN, BOB, 1, 50_000, CALL)
    assert desk.cash(1) == 301


# ---- refresh -------------------------------------------------------------------------------------


@pytest.mark.rule("05-R08", "05-R09")
def test_a_flip_makes_sums_stale_and_a_look_forms_them_anew(desk: Desk) -> None:
    desk.trade(ANN, BOB, 10, 50_000, CALL)
    desk.publish(mark=55_000, delta=6_000, scenario_0=-45_000)
    assert desk.account(ANN)["risk"][0]["mark"] == 500_000, "nobody looked yet"
    assert desk.withdraw(ANN, 1).reason == Reason.OK
    risk = desk.account(ANN)["risk"][0]
    assert (risk["mark"], risk["delta"], risk["requirement"]) == (550_000, 60_000, 450_000)
    assert risk["epoch"] == desk.view["underlyings"][0]["risk_epoch"]


@pytest.mark.rule("05-R09")
def test_an_account_that_holds_nothing_only_takes_the_epoch(desk: Desk) -> None:
    desk.publish()
    desk.buy(CAT, 1, 900_000)
    risk = desk.account(CAT)["risk"][0]
    assert risk.pop("epoch") == 2
    assert risk.pop("scenarios") == [0] * 16
    assert set(risk.values()) == {0}


@pytest.mark.rule("05-R09")
def test_a_refused_order_has_refreshed_its_account_all_the_same(desk: Desk) -> None:
    desk.trade(ANN, BOB, 10, 50_000, CALL)
    desk.publish(mark=55_000)
    assert desk.buy(ANN, 1, 55_000, CALL, reduce_only=True).reason == Reason.REDUCE_ONLY
    assert desk.account(ANN)["risk"][0]["mark"] == 550_000


@pytest.mark.rule("05-R10", "06-R09", "03-R17")
def test_attack_a_thin_mark_pushed_up_for_a_minute_lets_no_cash_leave(desk: Desk) -> None:
    """ANN buys calls from her accomplice, and a sheet with twice the mark is in force for a minute."""
    desk.trade(ANN, BOB, 1_000, 50_000, CALL)
    desk.wait(60)
    desk.set_index(INDEX)
    free = CASH - 1_000 * 300 - 1_000 * 40_000
    assert has_free(desk, ANN, free)
    desk.publish(mark=100_000)
    desk.wait(60)
    desk.set_index(INDEX)
    desk.fill_sheet(mark=100_000)
    moved = 50_000 * 60 // 14_400  # of 50,000 ticks, what a minute of four hours weighs
    assert has_free(desk, ANN, free + 1_000 * moved)
    assert desk.transfer(ANN, BOB, free + 1_000 * moved + 1).reason == Reason.MARGIN


@pytest.mark.rule("05-R10", "01-R05")
def test_slow_values_are_rounded_against_the_account(desk: Desk) -> None:
    """After a minute at 50,001 the slow mark lies between two ticks: down for the long, up for the short."""
    desk.trade(ANN, BOB, 10, 50_000, CALL)
    desk.publish(mark=50_001)
    desk.wait(60)
    desk.set_index(INDEX)
    desk.fill_sheet(mark=50_001)
    assert 50_000 < desk.instrument(CALL)["slow_mark"] / 65_536 < 50_001
    assert has_free(desk, ANN, CASH - 3_000 - 10 * 40_000)
    assert has_free(desk, BOB, CASH - 10 - 10 * 60_000)
