"""What lies beside a record is not read for it (spec 02).

Such as the last slots of the account before, the keys after the fourth underlying, the limbs of an owner.
"""

from __future__ import annotations

from functools import cache

import pytest

from miletus.engine import layout, params
from miletus.engine.reasons import Reason
from miletus.engine.segment import INBOX
from tests.engine import worlds as w
from tests.engine.desk import ANN, BOB, CALL, CASH, CAT, DAN, FOK, INDEX, IOC, LOCK, PERP, Desk, make_entry
from tests.engine.naive_margin import PERPETUAL
from tests.engine.pair import Pair
from tests.engine.support import get_pages
from tests.engine.test_margin import has_free

pytestmark = pytest.mark.both_builds
M = 1_000_000
COINS = range(4)
FUND = 0


@pytest.fixture
def desk() -> Desk:
    return Desk()


# ---- the last slots of the account before -----------------------------------------------------------------


@pytest.fixture
def beside() -> Desk:
    """ANN's slot 252 holds an order that is filled in part, has an end, and has another one before it.

    Its record lies where a risk page of BOB's, one before his first, would have gross, requirement and epoch.
    """
    desk = Desk()
    desk.buy(ANN, 10, M - 10, slot=252, good_for_s=5_000)
    desk.sell(DAN, 3, M - 10, tif=IOC)
    desk.buy(ANN, 1, M - 5, slot=251)
    return desk


@pytest.mark.rule("05-R02", "05-R03", "03-R17", "02-R01")
def test_what_one_account_may_take_out_is_not_read_from_another_s_orders(beside: Desk) -> None:
    beside.trade(BOB, CAT, 10, M)
    assert has_free(beside, BOB, CASH - 10 * 500 - 10 * 160_000)
    beside.wait(1)
    beside.set_index(INDEX - 100)  # below the slow mark
    assert has_free(beside, BOB, CASH - 10 * 500 - 10 * 100 - 10 * 160_000)
    beside.wait(1)
    beside.set_index(INDEX + 100)  # above it
    assert has_free(beside, BOB, CASH - 10 * 500 - 10 * 160_000)


@pytest.mark.rule("05-R05", "05-R08", "05-R09", "02-R01")
@pytest.mark.parametrize("short", [0, 1])
def test_nor_what_it_may_buy_nor_whether_it_is_stale(beside: Desk, short: int) -> None:
    beside.trade(BOB, CAT, 10, M)
    beside.publish()
    beside.sell(CAT, 10, M)
    beside.pair.move_cash(BOB, FUND, beside.cash(BOB) - (20 * 160_000 + 10 * 500 - 10 * M - short))
    assert beside.buy(BOB, 10, M, tif=IOC).filled == (0 if short else 10)
    assert beside.cancel(ANN, 252).reason == Reason.OK


@pytest.mark.rule("03-R17", "06-R08")
def test_nor_how_old_its_oracle_is(beside: Desk) -> None:
    beside.wait(61)
    assert beside.withdraw(BOB, CASH).reason == Reason.OK


@pytest.mark.rule("02-R06", "04-R06", "04-R12")
@pytest.mark.parametrize("slot", [0, 7, 8, 254, 255])
def test_an_order_belongs_to_its_account_whatever_its_slot(desk: Desk, slot: int) -> None:
    desk.sell(ANN, 2, M, slot=slot)
    assert desk.buy(BOB, 1, M, tif=IOC).filled == 1
    assert desk.position(ANN) == -1
    assert desk.buy(ANN, 1, M, tif=IOC).reason == Reason.NOT_FILLED
    assert desk.asks() == [], "her own order: it goes"


# ---- four underlyings, four keys --------------------------------------------------------------------------


@cache
def build_coins() -> bytes:
    """A perpetual on each of four underlyings, and traders whose four keys are as wide as keys are."""
    pair = Pair(underlyings=len(COINS))
    world = pair.naive.world
    for coin in COINS:
        w.propose(pair, w.listing(coin, PERPETUAL, coin, 0, 0))
        w.propose(pair, w.index_tick(world, coin, INDEX))
        w.must(pair, [make_entry(PERP, 1) | {"underlying": coin, "instrument": coin}])
        w.propose(pair, w.flip(world, coin, INDEX, 1))
    w.fund(pair, range(ANN, DAN + 1), CASH)
    wide = (1 << 253) - 1
    keys = [w.set_key(account, slot, x=wide, y=wide) for account in range(ANN, DAN + 1) for slot in range(4)]
    w.must(pair, keys, INBOX)
    pair.check()
    return pair.save()


@pytest.fixture
def coins() -> Desk:
    """ANN holds 10 lots in each underlying."""
    desk = Desk(build_coins())
    for coin in COINS:
        desk.trade(ANN, BOB, 10, M, coin)
    return desk


@pytest.mark.rule("05-R02", "05-R03", "05-R10", "03-R17")
def test_every_underlying_counts_and_nothing_behind_the_last(coins: Desk) -> None:
    assert has_free(coins, ANN, CASH - 40 * 500 - 40 * 160_000)
    assert has_free(coins, BOB, CASH - 40 * 140_000)
    assert has_free(coins, CAT, CASH)
    coins.wait(1)
    coins.set_index(INDEX - 100)
    assert has_free(coins, ANN, CASH - 40 * 500 - 10 * 100 - 40 * 160_000)


@pytest.mark.rule("05-R05")
@pytest.mark.parametrize("coin", COINS)
@pytest.mark.parametrize("short", [0, 1])
def test_a_fill_in_one_underlying_counts_the_others(coins: Desk, coin: int, short: int) -> None:
    """50 lots need 160,000 each; what was paid for 40 of them is worth what was paid."""
    coins.sell(BOB, 10, M, coin)
    need = 50 * 160_000 + 10 * 500 - 40 * M
    coins.pair.move_cash(ANN, FUND, coins.cash(ANN) - need + short)
    assert coins.buy(ANN, 10, M, coin, tif=IOC).filled == (0 if short else 10)


@pytest.mark.rule("05-R09", "07-R05")
def test_each_underlying_is_refreshed_by_itself(coins: Desk) -> None:
    """New sheets in two of four; ANN and BOB meet in a third."""
    for coin in (1, 3):
        w.must(coins.pair, [make_entry(PERP, 1) | {"underlying": coin, "instrument": coin}])
        w.propose(coins.pair, w.flip(coins.world, coin, INDEX, 1))
    coins.sell(BOB, 1, M, 0)
    coins.buy(CAT, 1, M - 1, 2)
    assert coins.buy(ANN, 1, M, 0, tif=IOC).filled == 1
    epochs = [risk["epoch"] for risk in coins.account(ANN)["risk"]]
    assert epochs == [1, 2, 1, 2]


# ---- owners as wide as owners are -------------------------------------------------------------------------

WIDE = (1 << 160) - 1


@pytest.mark.rule("03-R13", "03-R17", "02-R01")
@pytest.mark.parametrize("owner", [WIDE, 1 << 159, 1 << 104, 1 << 52, (1 << 156) + 1, (1 << 104) + 1, 1])
def test_cash_goes_to_the_whole_owner_and_to_nobody_else(desk: Desk, owner: int) -> None:
    """All 160 bits of an owner are kept, compared and put into the outbox."""
    number = 40
    assert desk.deposit(number, 5_000, owner).reason == Reason.OK
    for bit in (0, 51, 52, 103, 104, 155, 156, 159):
        if owner != 1 << bit:
            assert desk.deposit(number, 7, owner ^ 1 << bit).reason == Reason.BAD_ACCOUNT, bit
    assert desk.deposit(number, 1_000, owner).reason == Reason.OK
    w.must(desk.pair, [w.set_key(number)], INBOX)
    assert desk.withdraw(number, 6_000).reason == Reason.OK
    assert list(desk.pair.machine.state.outbox) == [(owner, 6_000)]


@pytest.mark.rule("03-R13", "02-R01")
def test_a_new_account_is_new_whatever_lies_before_it(desk: Desk) -> None:
    """Slot 255 of the account before holds an order: its fields end where the owner's begin."""
    desk.buy(DAN, 1, M - 7, slot=254, good_for_s=50)
    desk.buy(DAN, 1, M - 8, slot=255, good_for_s=50)
    desk.buy(CAT, 1, M - 9)
    assert desk.deposit(DAN + 1, 50, 1 << 52).reason == Reason.OK
    assert desk.deposit(DAN + 1, 50, 1 << 104).reason == Reason.BAD_ACCOUNT
    assert desk.deposit(DAN + 1, 50, 1 << 52).reason == Reason.OK


@pytest.mark.rule("03-R13", "03-R05")
def test_only_accounts_that_a_person_can_own_take_deposits(desk: Desk) -> None:
    for account in (0, 1, 15, int(params.MAX_ACCOUNTS), int(params.MAX_ACCOUNTS) + 1, (1 << 24) - 1):
        assert desk.deposit(account, 5).reason == Reason.BAD_ACCOUNT
    assert desk.deposit(int(params.FIRST_ACCOUNT), 5).reason == Reason.OK


@pytest.mark.rule("03-R13", "02-R03")
@pytest.mark.parametrize("limits", [[1], [2], [3]])
def test_a_machine_that_is_taken_up_within_a_segment_makes_room_as_before(
    desk: Desk, limits: list[int]
) -> None:
    """Deposits to accounts beyond what a machine has room for, with a stop between them."""
    deposits = [w.deposit(account, 1_000) for account in (30, 60, 31, 99, 262_143 // 2_000)]
    for receipt in desk.pair.send_stepwise(deposits, limits, INBOX):
        assert receipt[0] == Reason.OK
    desk.pair.check()


# ---- a fill-or-kill order's journal ------------------------------------------------------------------------


@pytest.mark.rule("04-R15", "06-R05")
def test_a_journal_that_is_wiped_leaves_the_readings_before_it() -> None:
    """The last reading of the last underlying lies just before the journal."""
    desk = Desk(build_coins())
    page = (1 << 29) + (1 << 28) + 23
    desk.pair.edit_page(page, {62: 86_400 * 31 + 28_800, 63: 12_345})
    reading = {(31, 1): (86_400 * 31 + 28_800, 12_345)}
    desk.world.underlyings[3].readings.update(reading)
    desk.sell(BOB, 1, M)
    desk.sell(CAT, 1, M)
    desk.buy(ANN, 3, M, 0, tif=FOK)
    assert desk.buy(ANN, 1, M, 0, tif=FOK).filled == 0
    assert get_pages(desk.pair.machine)[page][62:] == [86_400 * 31 + 28_800, 12_345]


@pytest.mark.rule("04-R15")
def test_an_undone_order_has_its_filled_count_and_its_owner_his_sums() -> None:
    """In the second underlying; the maker was filled in part before, and is filled up and undone."""
    desk = Desk(build_coins())
    desk.trade(BOB, CAT, 4, M, 0)
    desk.sell(BOB, 10, M, 1, slot=3)
    assert desk.buy(DAN, 4, M, 1, tif=IOC).filled == 4
    desk.sell(CAT, 5, M + 1, 1)
    before = desk.view["accounts"]
    assert desk.buy(ANN, 12, M + 1, 1, tif=FOK, slot=9).reason == Reason.NOT_FILLED
    assert desk.buy(ANN, 8, M, 1, tif=FOK, slot=9).reason == Reason.NOT_FILLED
    after = desk.view["accounts"]
    assert after[BOB] == before[BOB]
    assert desk.account(BOB)["orders"][3]["filled"] == 4
    assert desk.amend(BOB, 3, 7, M).reason == Reason.OK
    assert desk.account(BOB)["orders"][3]["left"] == 3
    assert desk.amend(BOB, 3, 9, M + 2).reason == Reason.OK
    assert desk.account(BOB)["orders"][3]["left"] == 5


@pytest.mark.rule("04-R18")
def test_an_amended_order_keeps_its_end_whatever_the_second(desk: Desk) -> None:
    for k in range(5):
        desk.sell(ANN, 2, M + 9, slot=k, good_for_s=50 + k, post_only=bool(k % 2))
        assert desk.amend(ANN, k, 3, M + 10 + k).reason == Reason.OK
        order = desk.account(ANN)["orders"][k]
        assert (order["expiry_s"], order["post_only"]) == (desk.world.clock_s + 50 + k, bool(k % 2))


# ---- refresh, step by step ------------------------------------------------------------------------


@pytest.mark.rule("05-R10", "01-R05")
def test_slow_values_of_one_lot_and_of_shorts_are_rounded_against_the_account(desk: Desk) -> None:
    """One lot long, one short, of a slow mark between two ticks."""
    desk.trade(ANN, BOB, 1, 50_000, CALL)
    desk.trade(CAT, DAN, 1, M, PERP)
    desk.publish(mark=50_003)
    desk.wait(60)
    desk.set_index(INDEX)
    desk.fill_sheet(mark=50_003)
    slow = desk.instrument(CALL)["slow_mark"]
    assert slow % 65_536
    assert 50_000 < slow / 65_536 < 50_001
    assert has_free(desk, ANN, CASH - 300 - 40_000)
    assert has_free(desk, BOB, CASH - 3 - 60_000)


@pytest.mark.rule("05-R10", "01-R05")
@pytest.mark.parametrize(("parts", "long", "short"), [(0, 0, 0), (1, 0, 1), (65_535, 0, 1)])
def test_any_part_of_a_tick_counts_against_the_account(desk: Desk, parts: int, long: int, short: int) -> None:
    """The slow mark is set by hand to this many parts of a tick above the mark; so much is rounded away."""
    desk.trade(ANN, BOB, 1, 50_000, CALL)
    slow = (50_000 << 16) + parts
    desk.pair.edit_page(int(layout.INSTRUMENT_REGION) + 2 * CALL, {int(layout.SLOW_MARK): slow})
    desk.world.instruments[CALL].slow_mark = slow
    assert has_free(desk, ANN, CASH - 300 - 40_000 + long)
    assert has_free(desk, BOB, CASH - 60_000 - short)


@pytest.mark.rule("05-R09", "04-R09")
def test_two_stale_makers_are_refreshed_in_one_word(desk: Desk) -> None:
    desk.trade(ANN, BOB, 3, M)
    desk.trade(CAT, BOB, 2, 50_000, CALL)
    desk.trade(CAT, BOB, 2, 40_000, 1)
    desk.sell(ANN, 2, M + 1)
    desk.sell(CAT, 2, M + 2)
    desk.publish(mark=50_003)
    desk.wait(60)
    desk.set_index(INDEX)
    desk.fill_sheet(mark=50_003)
    assert desk.buy(DAN, 4, M + 2, tif=IOC).filled == 4
    assert desk.cash(1) >= LOCK


@pytest.mark.rule("02-R03", "07-R05", "05-R09")
def test_a_position_that_is_settled_in_a_later_underlying_is_swept_with_its_cash() -> None:
    """Cash lies on the page of the first underlying's risk, the sums on that of the second's."""
    desk = Desk(w.build_market())
    future = 16
    price = desk.world.instruments[future].entries[desk.world.underlyings[1].buffer].mark
    desk.trade(16, w.WHALE, 2, price, future)
    desk.trade(17, w.WHALE, 2, price, future)
    for time_s in (w.TODAY_S - 1_800, w.TODAY_S):
        desk.pair.end_batch()
        desk.pair.begin_batch(time_s * 1_000 + 3_600_000, 0)
        desk.wait(time_s - desk.world.clock_s)
        w.propose(desk.pair, w.index_tick(desk.world, 1, desk.world.underlyings[1].index))
    assert desk.settle(future).reason == Reason.OK
    assert desk.cancel(16, 0).reason == Reason.ORDER_NOT_FOUND
    assert desk.position(16, future) == 2, "nobody looked yet"
    desk.buy(16, 1, 100 * 65, 5)
    desk.withdraw(17, 1)
    assert desk.position(16, future) == desk.position(17, future) == 0
