"""Numbers and state: exact division, widths, page numbers, records, lists and bitmaps (spec 01, 02)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miletus.engine import layout as L
from miletus.engine import params, segment
from miletus.engine.numbers import mul_div, mul_div_up
from miletus.engine.reasons import Reason
from miletus.engine.state import State
from tests.engine import worlds as w
from tests.engine.desk import ANN, BOB, CALL, CAT, PERP, PUT, Desk
from tests.engine.narrow import check_division
from tests.engine.pair import SIGNERS, Pair, restore
from tests.engine.records import make
from tests.engine.support import get_exported_pages, get_pages

pytestmark = pytest.mark.both_builds
M = 1_000_000
MACHINE = (1 << 29) + (1 << 28)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def near(limit: int) -> st.SearchStrategy[int]:
    """Numbers up to a limit, with its neighbourhood and that of 2^31 often."""
    edges = [limit, limit - 1, 0, 1, *((1 << 31) + k for k in (-1, 0, 1) if (1 << 31) + k <= limit)]
    return st.one_of(st.sampled_from(edges), st.integers(0, limit))


@pytest.mark.rule("01-R02")
@given(near((1 << 61) - 1), st.sampled_from([1, -1]), near((1 << 31) - 1), near((1 << 31) - 1))
def test_mul_div_is_the_floor_of_the_exact_quotient(size: int, sign: int, b: int, d: int) -> None:
    a, d = sign * size, max(d, 1)
    if abs(a * b) >= d << 62:  # the result has to fit
        b = d
    assert mul_div(a, b, d) == a * b // d
    assert mul_div_up(a, b, d) == -(-a * b // d)


@pytest.mark.rule("01-R01", "01-R02")
def test_no_step_of_a_division_leaves_64_bits() -> None:
    """The source is run, whichever machine is under test, on integers that refuse to grow."""
    functions: dict[str, Any] = {}
    source = Path(__file__).resolve().parents[2] / "src" / "miletus" / "engine" / "numbers.py"
    exec(source.read_text(), functions)
    check_division(
        functions["mul_div"], functions["mul_div_up"], functions["magnitude"], functions["positive"]
    )


@pytest.mark.rule("01-R02", "01-R05")
def test_mul_div_rounds_down_and_mul_div_up_up() -> None:
    assert [mul_div(a, 1, 2) for a in (3, -3)] == [1, -2]
    assert [mul_div_up(a, 1, 2) for a in (3, -3)] == [2, -1]


def build_extreme(index: int) -> Pair:
    """The greatest marks, curve and scenarios that a sheet can have, and accounts that can bear them.

    The sheet is filled at half the index, so that its gamma may be twice as great.
    """
    pair = Pair()
    world, most = pair.naive.world, params.PRICE_LIMIT - 1
    began_at = -(-index // 2)
    w.propose(pair, w.listing(0, 0, 0, most, w.TODAY_S))
    w.propose(pair, w.index_tick(world, 0, began_at))
    gamma = min(params.GAMMA_LIMIT, params.GAMMA_INDEX_LIMIT // began_at) - 1
    values: dict[str, int] = {"mark": most, "delta": 12_000, "gamma": gamma}
    values |= {f"scenario_{k}": most * (k % 2 * 2 - 1) for k in range(16)}
    w.must(pair, [w.sheet_entry(world, 0, 1, most, **values)])
    raised = began_at
    while raised < index:
        raised = min(index, raised * 6 // 5)
        w.must(pair, [w.tick_clock(world.clock_ms + 95_000)])
        w.propose(pair, w.index_tick(world, 0, raised))
    w.propose(pair, w.flip(world, 0, index, 1))
    w.fund(pair, range(ANN, CAT), (1 << 56) - 1)
    return pair


@pytest.mark.rule("01-R01", "01-R03", "01-R04")
@pytest.mark.parametrize(("start", "sign"), [(params.PRICE_LIMIT - 1, -1), (params.PRICE_LIMIT * 2 // 3, 1)])
def test_the_widest_account_leaves_no_width(start: int, sign: int) -> None:
    """2^26 lots at the greatest of everything, the index a quarter away: all as exact integers give it."""
    desk = Desk(build_extreme(start).save())
    chunk, price = 1 << 24, params.PRICE_LIMIT - 1
    for _ in range(4):
        desk.trade(ANN, BOB, chunk, price, CALL)
    risk = desk.account(ANN)["risk"][0]
    assert risk["gross"] == 1 << 26
    assert risk["scenarios"][0] == -(1 << 26) * price
    assert risk["delta"] == (1 << 26) * 12_000
    for _ in range(2):
        desk.wait(95)  # 200 permille a tick
        index = desk.world.underlyings[0].index
        assert desk.set_index(index + sign * (index // 5)).reason == Reason.OK
    for account in (ANN, BOB):
        desk.withdraw(account, 1)
        desk.sell(account, chunk, 5, CALL, reduce_only=True)
        desk.buy(account, chunk, price, CALL, reduce_only=True)


# ---- pages ------------------------------------------------------------------------------------------------


@pytest.mark.rule("02-R01", "02-R06", "02-R08", "02-R09")
def test_pages_lie_where_the_page_says(desk: Desk) -> None:
    """Every number by hand: account x 2048 + offset, 2^29 + 2 x instrument, 2^29 + 2^28 + offset."""
    desk.trade(ANN, BOB, 3, M)
    desk.buy(ANN, 7, 900_000, slot=33, post_only=True, good_for_s=60)
    pages = get_pages(desk.pair.machine)
    header = pages[ANN * 2048]
    assert header[L.OWNER] == 0xA000 + ANN
    assert header[L.RESTING] == header[L.POSITIONS] == 1
    assert header[L.BITMAP : L.BITMAP + 8] == [0, 1 << 1, 0, 0, 0, 0, 0, 0]
    assert pages[ANN * 2048][L.GROSS] == 3
    assert pages[ANN * 2048 + 4][L.KEY_X] == 1
    assert pages[ANN * 2048 + 7][PERP * 4] == 3
    expiry_s = desk.world.clock_s + 60
    order = [1 + PERP * 2, 900_000, 7, 0, 1, expiry_s * 4 + 2, 0, 0]
    assert pages[ANN * 2048 + 6 + 8 * 4][8:16] == order
    assert pages[(1 << 29) + 2 * PERP][L.INSTRUMENT_TYPE] == 3
    assert pages[(1 << 29) + 2 * PERP + 1][L.HEAD_BID] == 1 + ANN * 256 + 33
    assert pages[MACHINE][L.CLOCK_MS] == desk.world.clock_ms
    assert pages[MACHINE + 8][L.INDEX] == M
    assert pages[MACHINE + 3][L.KEY_X] == 7, "signers"
    assert pages[MACHINE][L.SIGNERS] == SIGNERS


@pytest.mark.rule("02-R06")
def test_a_slot_keeps_its_generation_when_the_order_goes(desk: Desk) -> None:
    desk.buy(ANN, 7, 900_000, slot=255)
    desk.cancel(ANN, 255)
    assert get_pages(desk.pair.machine)[ANN * 2048 + 6 + 8 * 31][56:] == [0, 0, 0, 0, 1, 0, 0, 0]


@pytest.mark.rule("02-R07")
def test_positions_are_one_list_newest_first(desk: Desk) -> None:
    for instrument, price in ((CALL, 50_000), (PUT, 40_000), (PERP, M)):
        desk.trade(ANN, BOB, 4, price, instrument)
    assert desk.account(ANN)["positions"][0] == [(PERP, 4), (PUT, 4), (CALL, 4)]
    page = get_pages(desk.pair.machine)[ANN * 2048 + 7]
    assert page[:16] == [4, 1 + PUT, 0, 0, 4, 1 + PERP, 1 + CALL, 0, 0, 0, 0, 0, 4, 0, 1 + PUT, 0]
    desk.trade(BOB, ANN, 4, 40_000, PUT)
    assert desk.account(ANN)["positions"][0] == [(PERP, 4), (CALL, 4)]
    desk.trade(BOB, ANN, 9, 50_000, CALL)
    assert desk.account(ANN)["positions"][0] == [(PERP, 4), (CALL, -5)], "through zero it keeps its place"
    desk.trade(BOB, ANN, 4, M)
    desk.trade(ANN, BOB, 5, 50_000, CALL)
    pages = get_pages(desk.pair.machine)
    assert ANN * 2048 + 7 not in pages, "all zero"
    risk = pages[ANN * 2048][L.SUMS :]
    assert risk == [0] * (L.EPOCH - L.SUMS) + [1] + [0] * (63 - L.EPOCH)


@pytest.mark.rule("02-R02")
def test_the_machine_exports_every_page_that_is_not_zero() -> None:
    for pair in (build_busy_desk().pair, restore(w.build_wide())):
        assert get_exported_pages(pair.machine) == get_pages(pair.machine)


# ---- alarms: what is broken on purpose is seen ----------------------------------------------------


def break_field(desk: Desk, number: int, place: int, change: int = 1) -> Pair:
    """The desk with one field of one page changed in the machine alone."""
    pair = restore(desk.pair.save())
    pages = get_pages(pair.machine)
    pair.edit_page(number, {place: pages.get(number, [0] * 64)[place] + change})
    return pair


def build_busy_desk() -> Desk:
    desk = Desk()
    desk.trade(ANN, BOB, 3, M)
    desk.trade(ANN, BOB, 3, 50_000, CALL)
    for slot in range(3):
        desk.buy(ANN, 7, 900_000, slot=slot)
    desk.send(w.index_tick(desk.world, 0, M), make(segment.APPROVE, signer=1))
    return desk


@pytest.mark.rule("02-R06", "02-R07", "02-R08", "02-R09")
def test_a_change_of_any_field_of_any_page_is_seen() -> None:
    """Of every page one field after the other that is in use; what is no state at all has no field."""
    desk = build_busy_desk()
    unused = {MACHINE + 3}  # signers: their keys are not read back
    missed = []
    for number, page in get_pages(desk.pair.machine).items():
        if number in unused:
            continue
        for place, value in enumerate(page):
            if value:
                try:
                    break_field(desk, number, place).check()
                except (AssertionError, IndexError, KeyError):
                    continue
                missed.append((number, place))
    assert missed == []


@pytest.mark.rule("01-R06", "01-R07")
@pytest.mark.parametrize(
    ("number", "place", "rule"),
    [
        (ANN * 2048, L.CASH, "01-R06"),
        (ANN * 2048, L.LOCKED, "01-R06"),
        (MACHINE, L.DEPOSITED, "01-R06"),
        (MACHINE, L.WITHDRAWN, "01-R06"),
        ((1 << 29) + 2 * PERP + 1, L.CLEARING_CASH, "01-R06"),
        ((1 << 29) + 2 * PERP + 1, L.CLEARING_POSITION, "01-R07"),
        (ANN * 2048 + 7, 4 * PERP, "01-R07"),
        (BOB * 2048 + 7, 4 * CALL, "01-R07"),
    ],
)
def test_money_or_lots_from_nowhere_raise_the_alarm(number: int, place: int, rule: str) -> None:
    pair = break_field(build_busy_desk(), number, int(place))
    with pytest.raises(AssertionError, match=rule):
        pair.send(make(segment.PADDING))


def test_a_receipt_that_differs_raises_the_alarm(desk: Desk) -> None:
    """The model alone hears of a deposit: the next word of that account ends differently."""
    desk.pair.naive.world.accounts[ANN].cash += 1 << 50
    with pytest.raises(AssertionError, match="naive model"):
        desk.buy(ANN, 1_000_000, M)


@pytest.mark.rule("02-R05")
def test_a_refused_word_changes_nothing_but_receipt_and_nonce(desk: Desk) -> None:
    before = desk.view
    assert desk.buy(CAT, 1, 0).reason == Reason.BAD_PRICE
    after = desk.view
    assert after["header"].pop("events") != before["header"].pop("events")
    assert (
        after["accounts"][CAT]["keys"][0].pop("nonce") == before["accounts"][CAT]["keys"][0].pop("nonce") + 1
    )
    assert after == before


@pytest.mark.rule("02-R02")
def test_room_for_positions_grows_and_keeps_what_was_there() -> None:
    """More pages of positions than a state begins with room for, each found again under its number."""
    state = State(20)
    begun_with = state.pool_room
    wanted = [(account, group) for account in range(20) for group in range(0, 256, 5)]
    for account, group in wanted:
        state.reserve_positions()
        address = state.make_position(account, 16 * group + 3)
        state.cells[address + L.POSITION_SIZE] = 1000 * account + group
        state.touch(address)
    assert state.pool_room > begun_with
    assert state.dirty_count == state.pool_used == len(wanted)
    for account, group in wanted:
        assert state.get_position_lots(account, 16 * group + 3) == 1000 * account + group
        number = account * L.ACCOUNT_PAGES + L.ACCOUNT_POSITIONS + group * L.ACCOUNT_GROUP
        assert state.compute_address(number) == state.make_position_page(account, group)
