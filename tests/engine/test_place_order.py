"""PlaceOrder: the checks before matching, rule by rule (spec 04-R01 to 04-R04, 04-R16, 04-R17)."""

from __future__ import annotations

import pytest

from miletus.engine import segment
from miletus.engine.reasons import Reason
from tests.engine import worlds as w
from tests.engine.desk import ANN, BOB, CALL, CASH, EXPIRY_S, FOK, FUTURE, INDEX, IOC, LOCK, PERP, Desk

REPLACED = 1 << 32
pytestmark = pytest.mark.both_builds


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.mark.rule("04-R01")
def test_a_slot_holds_one_order() -> None:
    desk = Desk()
    assert desk.buy(ANN, 10, 900_000, slot=5) == (Reason.OK, 0, 0, 1)
    assert desk.buy(ANN, 10, 910_000, slot=5) == (Reason.SLOT_TAKEN, 0, 0, 1)
    assert desk.account(ANN)["orders"][5]["price"] == 900_000


@pytest.mark.rule("04-R01", "03-R19")
def test_replace_removes_the_old_order_first(desk: Desk) -> None:
    desk.buy(ANN, 10, 900_000, slot=5)
    assert desk.buy(ANN, 7, 910_000, slot=5, replace=True) == (Reason.OK, 0, 0, 2)
    order = desk.account(ANN)["orders"][5]
    assert (order["price"], order["left"], order["generation"]) == (910_000, 7, 2)
    assert desk.bids() == [(ANN, 5)]


@pytest.mark.rule("04-R01", "04-R02", "03-R19")
@pytest.mark.parametrize("flags", [64 + 128, 64 + 6, 64 + 8 + 16])
def test_replace_removes_even_if_the_new_order_is_refused(desk: Desk, flags: int) -> None:
    desk.buy(ANN, 10, 900_000, slot=5)
    word = w.order(desk.world, ANN, 5, PERP, flags, 900_000, 10)
    assert desk.send(word) == (Reason.BAD_FLAGS, 0, 0, 1 + REPLACED)
    assert desk.bids() == []
    assert desk.cash(ANN) == CASH
    assert desk.account(ANN)["locked"] == 0


@pytest.mark.rule("04-R01", "03-R19")
def test_replace_by_what_fills_nothing_and_rests_nothing_says_so(desk: Desk) -> None:
    desk.buy(ANN, 10, 900_000, slot=5)
    assert desk.buy(ANN, 10, 900_000, slot=5, replace=True, tif=IOC) == (
        Reason.NOT_FILLED,
        0,
        0,
        2 + REPLACED,
    )
    desk.buy(ANN, 10, 900_000, slot=6)
    desk.sell(BOB, 10, 1_000_000)
    assert desk.buy(ANN, 10, 1_000_000, slot=6, replace=True, tif=IOC) == (Reason.OK, 10, 10_000_000, 2)
    assert desk.buy(ANN, 5, 900_000, slot=7, replace=True) == (Reason.OK, 0, 0, 1), (
        "nothing to replace is no error"
    )


@pytest.mark.rule("04-R02")
@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"flags": 128}, Reason.BAD_FLAGS),
        ({"flags": 6}, Reason.BAD_FLAGS),
        ({"flags": 8 + 16}, Reason.BAD_FLAGS),
        ({"flags": 16 + 2}, Reason.BAD_FLAGS),
        ({"flags": 16 + 4}, Reason.BAD_FLAGS),
        ({"instrument": 9}, Reason.UNKNOWN_INSTRUMENT),
        ({"instrument": 4_096}, Reason.UNKNOWN_INSTRUMENT),
        ({"instrument": 65_535}, Reason.UNKNOWN_INSTRUMENT),
        ({"price": 0}, Reason.BAD_PRICE),
        ({"price": 1 << 28}, Reason.BAD_PRICE),
        ({"price": (1 << 32) - 1}, Reason.BAD_PRICE),
        ({"size": 0}, Reason.BAD_SIZE),
        ({"size": (1 << 24) + 1}, Reason.BAD_SIZE),
        ({"size": (1 << 32) - 1}, Reason.BAD_SIZE),
    ],
)
def test_bad_fields_are_refused_and_change_nothing(desk: Desk, wrong: dict[str, int], reason: Reason) -> None:
    before = desk.account(ANN)
    good = w.order(desk.world, ANN, 0, PERP, 0, 900_000, 10)
    assert desk.send(good | wrong) == (reason, 0, 0, 0)
    after = desk.account(ANN)
    assert after.pop("keys")[0]["nonce"] == before.pop("keys")[0]["nonce"] + 1
    assert after == before


@pytest.mark.rule("04-R02", "01-R03")
def test_the_greatest_price_and_size_are_good() -> None:
    desk = Desk()
    assert desk.sell(ANN, 1, (1 << 28) - 1).reason == Reason.OK
    desk.deposit(ANN, 1 << 55)
    assert desk.buy(ANN, 1 << 24, 1).reason == Reason.OK


@pytest.mark.rule("04-R02")
def test_checks_come_in_their_order(desk: Desk) -> None:
    """Each word has one mistake less than the one before it; the first mistake is what it is told."""
    desk.buy(ANN, 1, 900_000, slot=3)
    desk.propose(w.listing(9, 0, 0, INDEX, EXPIRY_S, tick_step=10, lot_step=10))
    bad = {"flags": 128, "instrument": 8, "price": 15, "size": 15, "slot": 3}
    good = {"flags": 0, "instrument": PERP, "price": 900_000, "size": 10, "slot": 4}

    def send(**fields: int) -> Reason:
        return desk.send(w.sign(desk.world, ANN, segment.PLACE_ORDER, good_for_s=0, **fields)).reason

    assert send(**bad) == Reason.BAD_FLAGS
    assert send(**(bad | {"flags": 0})) == Reason.UNKNOWN_INSTRUMENT
    assert send(**(bad | {"flags": 0, "instrument": 9})) == Reason.NO_SHEET
    assert send(**(bad | {"flags": 0, "instrument": PERP, "price": 0, "size": 0})) == Reason.BAD_PRICE
    assert send(**(good | {"size": 0, "slot": 3})) == Reason.BAD_SIZE
    assert send(**(good | {"slot": 3})) == Reason.SLOT_TAKEN
    assert send(**good) == Reason.OK


@pytest.mark.rule("04-R02")
def test_price_and_size_lie_on_the_instrument_s_grid() -> None:
    desk = Desk(w.build_market())
    item = desk.world.instruments[0]  # steps of 130 ticks and 10 lots
    assert (item.tick_step, item.lot_step) == (130, 10)
    assert desk.sell(16, 10, 130 * 3_000, 0).reason == Reason.OK
    assert desk.sell(16, 10, 130 * 3_000 + 1, 0).reason == Reason.BAD_PRICE
    assert desk.sell(16, 11, 130 * 3_000, 0).reason == Reason.BAD_SIZE
    assert desk.sell(16, 9, 130 * 3_000, 0).reason == Reason.BAD_SIZE


@pytest.mark.rule("04-R02")
def test_a_dated_instrument_takes_orders_until_its_last_second(desk: Desk) -> None:
    desk.pair.begin_batch(EXPIRY_S * 1000 + 10_000, 0)
    desk.wait(EXPIRY_S - 1 - desk.world.clock_s)
    desk.set_index(INDEX)
    desk.publish()
    assert desk.buy(ANN, 1, 900_000, FUTURE).reason == Reason.OK
    desk.wait(1)
    assert desk.buy(ANN, 1, 900_000, FUTURE).reason == Reason.EXPIRED
    assert desk.buy(ANN, 1, 900_000, PERP).reason == Reason.OK


@pytest.mark.rule("04-R02", "06-R07")
def test_an_instrument_without_an_entry_in_force_takes_no_order(desk: Desk) -> None:
    desk.propose(w.listing(9, 3, 0, 0, 0))
    assert desk.buy(ANN, 1, 900_000, 9).reason == Reason.NO_SHEET


@pytest.mark.rule("04-R03")
def test_a_market_order_s_price_is_not_read_and_it_never_rests(desk: Desk) -> None:
    desk.sell(BOB, 4, 1_105_000)
    assert desk.buy(ANN, 10, 0, market=True) == (Reason.OK, 4, 4_420_000, 1)
    assert desk.account(ANN)["orders"] == {}
    assert desk.buy(ANN, 10, 0, market=True).reason == Reason.NOT_FILLED


@pytest.mark.rule("04-R03")
def test_a_market_order_goes_to_the_edge_of_the_band_and_no_further(desk: Desk) -> None:
    """Mark 1,000,000; band 5 permille of the index and 100 permille of the mark: 105,000."""
    desk.sell(BOB, 1, 1_105_001)
    assert desk.buy(ANN, 1, 0, market=True).reason == Reason.NOT_FILLED
    desk.buy(BOB, 1, 894_999)
    assert desk.sell(ANN, 1, 0, market=True).reason == Reason.NOT_FILLED
    desk.buy(BOB, 1, 895_000)
    assert desk.sell(ANN, 1, 0, market=True) == (Reason.OK, 1, 895_000, 3)


@pytest.mark.rule("04-R03")
def test_a_market_sell_asks_for_one_tick_at_least(desk: Desk) -> None:
    """A mark of 2 with a band of 5,000 would reach below zero; nothing that rests has such a price."""
    desk.publish(mark=2)
    assert desk.sell(ANN, 1, 0, CALL, market=True).reason == Reason.NOT_FILLED
    desk.buy(BOB, 1, 1, CALL)
    assert desk.sell(ANN, 1, 0, CALL, market=True) == (Reason.OK, 1, 1, 2)


@pytest.mark.rule("04-R03")
def test_a_market_fill_or_kill_stays_a_fill_or_kill(desk: Desk) -> None:
    desk.sell(BOB, 4, 1_000_000)
    assert desk.buy(ANN, 5, 0, market=True, tif=FOK) == (Reason.NOT_FILLED, 0, 0, 1)
    assert desk.buy(ANN, 4, 0, market=True, tif=FOK) == (Reason.OK, 4, 4_000_000, 2)


@pytest.mark.rule("04-R03")
def test_post_only_never_takes(desk: Desk) -> None:
    desk.sell(BOB, 10, 1_000_000)
    assert desk.buy(ANN, 10, 1_000_000, post_only=True) == (Reason.POST_ONLY, 0, 0, 0)
    assert desk.buy(ANN, 10, 999_999, post_only=True).reason == Reason.OK
    assert desk.account(ANN)["orders"][0]["post_only"] is True


@pytest.mark.rule("04-R03")
def test_post_only_is_refused_by_its_owner_s_own_head_too(desk: Desk) -> None:
    desk.sell(ANN, 10, 1_000_000)
    assert desk.buy(ANN, 10, 1_000_000, post_only=True).reason == Reason.POST_ONLY
    assert desk.asks() == [(ANN, 0)]


@pytest.mark.rule("04-R03", "04-R16")
def test_reduce_only_needs_a_position_of_the_other_side(desk: Desk) -> None:
    assert desk.sell(ANN, 10, 1_000_000, reduce_only=True).reason == Reason.REDUCE_ONLY
    desk.trade(ANN, BOB, 6, 1_000_000)
    assert desk.buy(ANN, 10, 1_000_000, reduce_only=True).reason == Reason.REDUCE_ONLY
    assert desk.sell(ANN, 10, 1_000_000, reduce_only=True).reason == Reason.OK
    order = desk.account(ANN)["orders"][0]
    assert (order["left"], order["reduce_only"]) == (6, True), "cut to what can be reduced"


@pytest.mark.rule("04-R04")
def test_the_generation_grows_with_every_order_that_passes_its_checks(desk: Desk) -> None:
    assert desk.buy(ANN, 10, 900_000, slot=9).detail == 1
    desk.cancel(ANN, 9)
    assert desk.account(ANN)["generations"] == {9: 1}, "the slot keeps it"
    assert desk.buy(ANN, 10, 900_000, slot=9, tif=IOC).detail == 2
    assert desk.buy(ANN, 0, 900_000, slot=9).detail == 2, "refused: not counted"
    assert desk.sell(ANN, 1, 900_000, slot=9, reduce_only=True).detail == 2
    assert desk.buy(ANN, 10, 900_000, slot=9).detail == 3


@pytest.mark.rule("04-R04", "04-R19")
def test_the_generation_wraps_at_32_bits(desk: Desk) -> None:
    desk.set_generation(ANN, 9, (1 << 32) - 1)
    assert desk.buy(ANN, 10, 900_000, slot=9).detail == 0
    assert desk.cancel(ANN, 9, generation=0).reason == Reason.OK


@pytest.mark.rule("04-R16", "04-R17")
def test_resting_locks_a_fee_that_comes_back(desk: Desk) -> None:
    desk.buy(ANN, 10, 900_000)
    assert (desk.cash(ANN), desk.account(ANN)["locked"]) == (CASH - LOCK, LOCK)
    desk.cancel(ANN)
    assert (desk.cash(ANN), desk.account(ANN)["locked"]) == (CASH, 0)


@pytest.mark.rule("04-R16")
def test_to_rest_an_order_needs_margin_for_it_alone_with_the_lock_out(desk: Desk) -> None:
    """A long lot at the mark needs 160,000: 62,500 lots take all of 10,000 USDC, and none is left to lock."""
    assert desk.buy(ANN, 62_500, 1_000_000).reason == Reason.MARGIN
    assert desk.buy(ANN, 62_499, 1_000_000).reason == Reason.OK
    assert desk.buy(ANN, 62_499, 1_000_000).reason == Reason.OK, "for it alone"


@pytest.mark.rule("04-R16")
def test_a_price_against_the_owner_needs_more_margin(desk: Desk) -> None:
    """At 1,040,000 a long lot loses 40,000 to the mark at once: 200,000 a lot."""
    desk.sell(BOB, 1, 1_100_000)
    assert desk.buy(ANN, 50_000, 1_040_000).reason == Reason.MARGIN
    assert desk.buy(ANN, 49_999, 1_040_000).reason == Reason.OK


@pytest.mark.rule("04-R16")
def test_good_for_is_kept_as_the_second_it_ends(desk: Desk) -> None:
    desk.buy(ANN, 10, 900_000, slot=0)
    desk.buy(ANN, 10, 900_000, slot=1, good_for_s=30)
    orders = desk.account(ANN)["orders"]
    assert orders[0]["expiry_s"] == 0
    assert orders[1]["expiry_s"] == desk.world.clock_s + 30


@pytest.mark.rule("04-R16", "06-R08")
def test_a_restricted_instrument_takes_only_reduce_only_orders_to_rest(desk: Desk) -> None:
    desk.trade(ANN, BOB, 6, 1_000_000)
    desk.wait(61)  # the index is older than a minute
    assert desk.buy(ANN, 1, 900_000).reason == Reason.STALE
    assert desk.sell(ANN, 1, 1_000_000).reason == Reason.STALE
    assert desk.sell(ANN, 1, 1_000_000, reduce_only=True).reason == Reason.OK


@pytest.mark.rule("04-R16")
def test_every_slot_of_an_account_can_hold_an_order(desk: Desk) -> None:
    words = [w.order(desk.world, ANN, slot, PERP, 0, 900_000 + slot, 1) for slot in range(256)]
    words = [word | {"nonce": 2 + k} for k, word in enumerate(words)]
    assert {reply.reason for reply in desk.send_all(*words)} == {Reason.OK}
    assert len(desk.account(ANN)["orders"]) == 256
    assert desk.bids()[0] == (ANN, 255)
