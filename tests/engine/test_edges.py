"""The last micro: what a rule of margin allows at its edge, and refuses beyond it (spec 05, 06-R08)."""

from __future__ import annotations

import pytest

from miletus.engine import layout, params, segment
from miletus.engine.margin import compute_quadratic
from miletus.engine.reasons import Reason
from tests.engine import worlds as w
from tests.engine.desk import ANN, BOB, CALL, CAT, DAN, FOK, INDEX, IOC, LOCK, PERP, Desk, make_entry
from tests.engine.naive_margin import PERPETUAL
from tests.engine.narrow import check_quadratic

pytestmark = pytest.mark.both_builds
M = 1_000_000
LIMIT = int(params.CASH_LIMIT_MICROS)
FUND = 0


@pytest.fixture
def desk() -> Desk:
    return Desk()


def leave(desk: Desk, account: int, cash: int) -> None:
    """Take what is more than `cash` micros from an account, by hand."""
    desk.pair.move_cash(account, FUND, desk.cash(account) - cash)


@pytest.mark.rule("05-R01", "01-R05")
def test_the_value_of_a_move_at_the_edges_of_its_roundings() -> None:
    check_quadratic(compute_quadratic)


def list_coin(desk: Desk, coin: int, number: int, index: int = INDEX) -> None:
    """A perpetual on another underlying, with a sheet."""
    w.propose(desk.pair, w.listing(number, PERPETUAL, coin, 0, 0))
    w.propose(desk.pair, w.index_tick(desk.world, coin, index))
    w.must(desk.pair, [make_entry(PERP, 1) | {"underlying": coin, "instrument": number}])
    w.propose(desk.pair, w.flip(desk.world, coin, index, 1))


# ---- the fill rule, to the micro ------------------------------------------------------------------------


@pytest.mark.rule("05-R05")
@pytest.mark.parametrize("move", [-2, -1, 0, 1, 2])
@pytest.mark.parametrize("short", [0, 1])
def test_a_taker_needs_his_requirement_to_the_micro(desk: Desk, move: int, short: int) -> None:
    """Ten lots bought at 1,000,000 are worth 10 micros more for every tick that the index moved."""
    desk.wait(1)
    desk.set_index(INDEX + move)
    desk.sell(BOB, 10, M)
    leave(desk, ANN, 10 * 160_000 + 10 * 500 - 10 * move - short)
    assert desk.buy(ANN, 10, M, tif=IOC).filled == (0 if short else 10)


@pytest.mark.rule("05-R05", "04-R11")
@pytest.mark.parametrize("short", [0, 1])
def test_a_maker_needs_his_requirement_to_the_micro(desk: Desk, short: int) -> None:
    desk.sell(BOB, 10, M)
    leave(desk, BOB, 10 * 140_000 - short)
    assert desk.buy(ANN, 10, M, tif=IOC).filled == (0 if short else 10)
    assert desk.cash(1) == (LOCK if short else 10 * 500), "one that falls short is evicted"


@pytest.mark.rule("05-R05", "04-R16")
@pytest.mark.parametrize("short", [0, 1])
def test_an_order_that_rests_needs_its_requirement_and_its_lock_to_the_micro(desk: Desk, short: int) -> None:
    leave(desk, CAT, 160_000 + LOCK - short)
    assert desk.buy(CAT, 1, M).reason == (Reason.MARGIN if short else Reason.OK)


@pytest.mark.rule("05-R05")
def test_below_the_requirement_a_fill_that_needs_no_more_is_refused_too(desk: Desk) -> None:
    """A call that loses in no scenario asks for nothing; bought cheaply it would even help."""
    desk.publish(**{f"scenario_{k}": 0 for k in range(16)})
    desk.trade(ANN, BOB, 10, M)
    leave(desk, ANN, 1_000_000 - 10 * M)
    desk.sell(BOB, 10, 45_000, CALL)
    assert desk.buy(ANN, 10, 45_000, CALL, tif=IOC).reason == Reason.MARGIN


@pytest.mark.rule("05-R05")
@pytest.mark.parametrize(("more", "filled"), [(1, 5), (0, 5), (-1, 0)])
def test_reducing_may_use_up_equity_to_the_last_micro(desk: Desk, more: int, filled: int) -> None:
    """Five lots sold 1,000 ticks below the mark cost 5,000 micros and a fee of 2,497.5 rounded up."""
    desk.trade(ANN, BOB, 10, M)
    desk.buy(BOB, 5, 999_000, reduce_only=True)
    leave(desk, ANN, 5_000 + 2_498 + more - 10 * M)
    assert desk.sell(ANN, 5, 999_000, tif=IOC).filled == filled


@pytest.mark.rule("05-R05")
def test_what_is_held_in_another_underlying_allows_no_worse_a_bargain(desk: Desk) -> None:
    """As without it: a lot that needs 100 may be sold 100 below its mark, and no lower."""
    list_coin(desk, 1, 9)
    desk.trade(ANN, BOB, 10, M, 9)
    desk.publish(**{f"scenario_{k}": 100 - 200 * (k % 2) for k in range(16)})
    desk.trade(ANN, BOB, 1_000, 50_000, CALL)
    desk.wait(61)
    assert desk.sell(ANN, 10, 49_899, CALL, reduce_only=True, slot=1).reason == Reason.MARGIN
    assert desk.sell(ANN, 10, 49_900, CALL, reduce_only=True, slot=1).reason == Reason.OK


@pytest.mark.rule("05-R03")
def test_a_requirement_counts_sixteen_scenarios_and_nothing_beside_them(desk: Desk) -> None:
    """Calls that no scenario moves need nothing, and short ones their floor, in either buffer of a sheet."""
    for times in (1, 2, 3):
        desk.publish(**{f"scenario_{k}": 0 for k in range(16)})
        desk.sell(BOB, 100, 50_000, CALL, slot=3)
        assert desk.buy(ANN, 100, 50_000, CALL, slot=3, tif=IOC).filled == 100
        assert desk.account(ANN)["risk"][0]["requirement"] == 0
        assert desk.account(BOB)["risk"][0]["requirement"] == 100 * times * 10_000


# ---- what is restricted (06-R08) ------------------------------------------------------------------------


@pytest.mark.rule("06-R08")
@pytest.mark.parametrize(("gamma", "reason"), [(5_506, Reason.OK), (5_507, Reason.STALE)])
def test_gamma_may_be_worth_a_hundredth_of_the_index_and_no_more(
    desk: Desk, gamma: int, reason: Reason
) -> None:
    """A move of 50,000: 4,200 x 50,000 / 20,000 is 10,500, a hundredth of 1,050,000; then 4,201 is more."""
    desk.publish(gamma=gamma)
    desk.move_index(INDEX + 50_000)
    assert desk.buy(ANN, 1, 40_000, CALL).reason == reason


@pytest.mark.rule("06-R08", "04-R02", "07-R01")
def test_an_index_of_a_few_ticks_is_restricted_by_a_move_of_one(desk: Desk) -> None:
    """One tick of 19 is more than 50 permille; before there is any sheet an order is refused for that."""
    pair, number = desk.pair, 9
    w.propose(pair, w.listing(number, PERPETUAL, 1, 0, 0))
    assert desk.buy(ANN, 1, 19, number).reason == Reason.NO_SHEET
    w.propose(pair, w.index_tick(desk.world, 1, 19))
    assert desk.buy(ANN, 1, 19, number).reason == Reason.NO_SHEET
    entry = make_entry(PERP, 1) | {"underlying": 1, "instrument": number, "mark": 19}
    w.must(pair, [entry | {f"scenario_{k}": k - 8 for k in range(16)}])
    w.propose(pair, w.flip(desk.world, 1, 19, 1))
    assert desk.buy(ANN, 1, 19, number).reason == Reason.OK
    for index in (20, 19, 18):
        desk.wait(50)
        w.propose(pair, w.index_tick(desk.world, 1, index))
        reason = Reason.OK if index == 19 else Reason.STALE
        assert desk.buy(BOB, 1, 19, number).reason == reason


@pytest.mark.rule("03-R17", "03-R18", "06-R08")
@pytest.mark.parametrize(
    ("tick_age_s", "sheet_age_s", "reason"),
    [(60, 60, Reason.OK), (61, 61, Reason.STALE), (0, 1_800, Reason.OK), (0, 1_801, Reason.STALE)],
)
def test_cash_leaves_while_the_oracle_is_old_by_its_limit_and_no_more(
    desk: Desk, tick_age_s: int, sheet_age_s: int, reason: Reason
) -> None:
    desk.trade(ANN, BOB, 1, M)
    desk.wait(sheet_age_s - tick_age_s or 1)
    desk.set_index(INDEX)
    if sheet_age_s == tick_age_s:
        desk.publish()
    desk.wait(tick_age_s or 0.001)
    assert desk.withdraw(ANN, 1).reason == reason
    assert desk.transfer(ANN, BOB, 1).reason == reason


# ---- widths of money ------------------------------------------------------------------------------------


@pytest.mark.rule("05-R06", "01-R03")
@pytest.mark.parametrize(("more", "filled"), [(-1, 1), (0, 0)])
def test_no_fill_brings_cash_to_its_limit(desk: Desk, more: int, filled: int) -> None:
    desk.buy(ANN, 2, M)
    desk.pair.move_cash(FUND, CAT, LIMIT - M + 500 + more - desk.cash(CAT))
    reply = desk.sell(CAT, 1, M, tif=IOC)
    assert (reply.filled, reply.reason) == (filled, Reason.OK if filled else Reason.WIDTH)
    assert desk.cash(CAT) < LIMIT


@pytest.mark.rule("05-R06", "01-R03")
@pytest.mark.parametrize(("more", "reason"), [(1, Reason.MARGIN), (0, Reason.WIDTH)])
def test_no_fill_brings_cash_to_the_other_limit(desk: Desk, more: int, reason: Reason) -> None:
    desk.sell(ANN, 2, M)
    debt = LIMIT - M - 500 - more + desk.cash(CAT)
    desk.pair.move_cash(CAT, FUND, debt // 2)
    desk.pair.move_cash(CAT, DAN, debt - debt // 2)
    assert desk.buy(CAT, 1, M, tif=IOC).reason == reason


@pytest.mark.rule("03-R13", "01-R03")
def test_no_deposit_brings_cash_to_its_limit(desk: Desk) -> None:
    """What was deposited in all is far from the limit, one account's cash is not."""
    desk.pair.move_cash(FUND, CAT, LIMIT - 100 - desk.cash(CAT))
    assert desk.deposit(CAT, 100).reason == Reason.WIDTH
    assert desk.deposit(CAT, 99).reason == Reason.OK
    assert desk.deposit(BOB, 100).reason == Reason.OK


@pytest.mark.rule("03-R18", "01-R03")
def test_a_transfer_that_has_no_margin_is_refused_for_that_wherever_it_goes(desk: Desk) -> None:
    desk.pair.move_cash(FUND, CAT, LIMIT - 100 - desk.cash(CAT))
    assert desk.transfer(BOB, CAT, desk.cash(BOB) + 1).reason == Reason.MARGIN
    assert desk.transfer(BOB, CAT, 100).reason == Reason.WIDTH
    assert desk.transfer(BOB, CAT, 99).reason == Reason.OK


@pytest.mark.rule("03-R17")
def test_a_withdrawal_goes_to_no_account_however_much_the_fund_has(desk: Desk) -> None:
    desk.pair.move_cash(CAT, FUND, LIMIT // 2)
    desk.pair.move_cash(DAN, FUND, LIMIT // 2 - 100)
    assert desk.withdraw(BOB, 1_000).reason == Reason.OK


# ---- what the book allows at its edges ------------------------------------------------------------------


@pytest.mark.rule("04-R11", "01-R03")
@pytest.mark.parametrize(
    ("taker", "maker", "bought", "change"),
    [
        (0, 0, 5, 5),
        (0, 0, -5, 5),
        (10, 0, -5, 0),
        (0, 10, 5, 0),
        (-10, 0, 15, 5),
        (0, -10, -15, 5),
        (10, 0, -15, 5),
        (0, 10, 15, 5),
        (1, 0, -2, 1),
        (0, 1, 2, 1),
        (-1, 0, 2, 1),
        (0, -1, -2, 1),
    ],
)
def test_open_interest_counts_longs_alone(
    desk: Desk, taker: int, maker: int, bought: int, change: int
) -> None:
    """A fill is allowed as long as what is long after it fits, whoever was long or short before."""
    for account, lots in ((ANN, taker), (BOB, maker)):
        if lots:
            desk.trade(*((account, CAT) if lots > 0 else (CAT, account)), abs(lots), M)
    desk.order(int(bought > 0), BOB, abs(bought), M)
    saved = desk.pair.save()
    for more in (0, 1):
        there = Desk(saved)
        there.pair.set_open_interest(PERP, int(params.MAX_OPEN_INTEREST_LOTS) - change + more)
        reply = there.order(int(bought < 0), ANN, abs(bought), M, tif=IOC)
        # a count already above its limit is no state that any word can reach
        assert reply.filled == (0 if more else abs(bought))
        assert reply.reason == (Reason.WIDTH if more else Reason.OK)


@pytest.mark.rule("04-R12", "02-R08")
def test_a_short_that_passes_from_one_to_another_leaves_the_book_s_page_alone(desk: Desk) -> None:
    """ANN buys back, in two halves, from BOB who had nothing: what is long stays as it is."""
    desk.trade(CAT, ANN, 10, M)
    desk.sell(BOB, 11, M)
    machine, book = desk.pair.machine, int(layout.INSTRUMENT_REGION) + 2 * PERP + 1
    for left in (5, 0):
        machine.take_dirty()
        assert desk.buy(ANN, 5, M, tif=IOC).filled == 5
        assert desk.position(ANN) == -left
        assert desk.instrument()["open_interest"] == 10
        assert book not in memoryview(machine.take_dirty()[0]).tolist()


@pytest.mark.rule("04-R10", "04-R16", "04-R14")
def test_a_reduce_only_order_does_not_rest_when_its_fills_left_nothing_to_reduce(desk: Desk) -> None:
    desk.trade(ANN, BOB, 5, M)
    desk.buy(CAT, 5, M)
    assert desk.sell(ANN, 10, M, reduce_only=True) == (Reason.REDUCE_ONLY, 5, 5 * M, 1)
    assert desk.asks() == []
    assert desk.position(ANN) == 0


@pytest.mark.rule("04-R10")
def test_a_reduce_only_order_takes_no_more_than_there_is(desk: Desk) -> None:
    """It could close ten lots, asks for five, and meets three and four; or is met by less than it has."""
    desk.trade(ANN, BOB, 10, M)
    desk.buy(CAT, 3, M)
    desk.buy(DAN, 4, M - 1)
    assert desk.sell(ANN, 5, M - 1, tif=IOC, reduce_only=True).filled == 5
    assert [desk.position(account) for account in (ANN, CAT, DAN)] == [5, 3, 2]
    assert desk.account(DAN)["orders"][0]["left"] == 2
    desk.cancel(DAN, 0)
    desk.sell(ANN, 4, M, reduce_only=True, slot=7)
    assert desk.buy(CAT, 1, M, tif=IOC).filled == 1
    assert desk.account(ANN)["orders"][7]["left"] == 3
    assert desk.buy(CAT, 9, M, tif=IOC).filled == 3


@pytest.mark.rule("04-R05", "04-R07")
def test_expired_orders_count_as_heads(desk: Desk) -> None:
    """64 of them use a word up, though none is filled; the next one finds what lies behind."""
    for slot in range(64):
        desk.sell(BOB, 1, M, slot=slot, good_for_s=1)
    desk.sell(CAT, 1, M)
    desk.wait(2)
    assert desk.buy(ANN, 1, M, tif=FOK).reason == Reason.NOT_FILLED
    assert desk.asks() == [(CAT, 0)]
    for slot in range(63):
        desk.sell(BOB, 1, M - 1, slot=slot, good_for_s=1)
    desk.wait(2)
    assert desk.buy(ANN, 1, M, tif=IOC).filled == 1


@pytest.mark.rule("04-R02", "04-R03", "04-R01")
def test_every_byte_of_flags(desk: Desk) -> None:
    """Into a free slot and into a taken one, across a book where both sides have orders to take."""
    desk.buy(BOB, 1_000, M - 10)
    desk.sell(BOB, 1_000, M + 10)
    send, world = desk.pair.send, desk.world
    for flags in range(256):
        price = M - 10 if flags % 2 else M + 10
        send(w.order(world, CAT, flags, PERP, flags, price, 1))
        send(w.order(world, ANN, 5, PERP, 0, M - 50, 1))
        send(w.order(world, ANN, 5, PERP, flags, price, 1))
        send(desk.sign(ANN, segment.CANCEL, mode=2, slot=0, generation=0, instrument=0))
    desk.pair.check()


@pytest.mark.rule("04-R03", "04-R08")
@pytest.mark.parametrize("mark", [5_554, 5_555, 5_556, 5_557, 5_558, 5_559, 5_560])
def test_a_market_sell_reaches_down_to_a_tick_at_least(desk: Desk, mark: int) -> None:
    """The band is 5,000 and a tenth of the mark: about 5,556 the limit leaves its floor of one tick."""
    desk.publish(mark=mark)
    limit = max(1, mark - 5_000 - mark // 10)
    desk.buy(BOB, 1, max(1, limit - 1), CALL)
    first = desk.sell(ANN, 2, 0, CALL, market=True)
    assert first.filled == (1 if limit == 1 else 0)
    desk.buy(BOB, 1, limit, CALL)
    assert desk.sell(ANN, 1, 0, CALL, market=True).filled == 1


@pytest.mark.rule("07-R01", "04-R02", "02-R01")
def test_the_place_behind_the_last_instrument_is_no_instrument(desk: Desk) -> None:
    """There the accounts begin, the first of which may hold money."""
    desk.pair.move_cash(CAT, FUND, 12_345)
    assert desk.settle(int(params.MAX_INSTRUMENTS)).reason == Reason.UNKNOWN_INSTRUMENT
    assert desk.buy(ANN, 1, M, int(params.MAX_INSTRUMENTS)).reason == Reason.UNKNOWN_INSTRUMENT
    assert desk.settle(PERP).reason == Reason.UNKNOWN_INSTRUMENT, "it has no end"
    assert desk.settle(7).reason == Reason.UNKNOWN_INSTRUMENT
