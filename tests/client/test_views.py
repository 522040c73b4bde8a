"""Views say what the state says; where the state's own sums are fresh, the same numbers as the machine's."""

import pytest

from miletus.client.views import (
    view_account,
    view_book,
    view_exchange,
    view_instrument,
    view_instruments,
)
from miletus.codec import encode
from miletus.engine import segment as segments
from miletus.engine.margin import compute_equity, compute_requirement
from miletus.engine.params import REST_LOCK_MICROS
from vectors.world import (
    ALICE,
    BOB,
    BUY,
    CALL,
    CAROL,
    EXPIRY_S,
    FUTURE,
    PERPETUAL,
    POST_ONLY,
    PUT,
    REDUCE_ONLY,
    SELL,
    World,
    btc_entries,
    build_market,
)


@pytest.fixture
def world() -> World:
    """Bob sold two calls to Alice; orders rest on both sides."""
    world = build_market()
    world.place(BOB, CALL, SELL, 200_000, 500, 0)
    world.place(CAROL, CALL, SELL, 200_500, 300, 0)
    world.place(BOB, CALL, SELL, 200_500, 200, 1)
    world.place(ALICE, CALL, BUY, 200_000, 200, 0)
    world.place(ALICE, PERPETUAL, BUY | POST_ONLY, 8_999_000, 100, 7)
    world.place(ALICE, CALL, SELL | REDUCE_ONLY, 201_000, 100, 9)
    run(world)
    return world


def run(world: World) -> None:
    world.run(int(segments.SEQUENCED), world.take_words())


@pytest.mark.parametrize("account", [ALICE, BOB, CAROL])
def test_equity_and_margin_are_the_machines(world: World, account: int) -> None:
    state = world.machine.state
    view = view_account(state, account)
    assert view is not None
    assert view.equity_micros == compute_equity(state, account)
    assert view.initial_margin_micros == compute_requirement(state, account)
    assert view.available_micros == view.equity_micros - view.initial_margin_micros


def test_a_position_an_order_and_a_key_are_told(world: World) -> None:
    view = view_account(world.machine.state, ALICE)
    assert view is not None
    assert [(p.instrument, p.size_lots, p.mark_ticks, p.value_micros) for p in view.positions] == [
        (CALL, 200, 200_000, 200 * 200_000)
    ]
    first, second = view.orders
    assert (first.slot, first.side, first.price_ticks, first.left_lots) == (7, "buy", 8_999_000, 100)
    assert (first.name, first.post_only, first.reduce_only) == ("BTC_USDC-PERPETUAL", True, False)
    assert (second.slot, second.side, second.post_only, second.reduce_only) == (9, "sell", False, True)
    assert view.locked_micros == 2 * REST_LOCK_MICROS
    assert [(key.slot, key.last_nonce, key.scope) for key in view.keys] == [(0, 3, 15)]
    assert int(view.owner, 16) == 0xA000 + ALICE


def test_stale_sums_of_the_state_do_not_show(world: World) -> None:
    """After a new sheet the state's sums are old until the machine touches the account; the view is not."""
    world.tick(10)
    world.sheet(0, btc_entries(shift=1_000))
    run(world)
    state = world.machine.state
    view = view_account(state, ALICE)
    assert view is not None
    assert view.positions[0].mark_ticks == 201_000
    stale = compute_equity(state, ALICE)
    world.place(ALICE, PERPETUAL, BUY, 1_000_000, 10, 20)  # the machine refreshes her now
    run(world)
    fresh = compute_equity(world.machine.state, ALICE) + int(REST_LOCK_MICROS)
    assert view.equity_micros == fresh != stale


def test_a_book_is_told_by_price_best_first(world: World) -> None:
    book = view_book(world.machine.state, CALL)
    assert book is not None
    assert [(level.price_ticks, level.size_lots, level.orders) for level in book.asks] == [
        (200_000, 300, 1),
        (200_500, 500, 2),
        (201_000, 100, 1),
    ]
    assert book.bids == ()
    assert (book.instrument.bid_ticks, book.instrument.ask_ticks) == (None, 200_000)
    shallow = view_book(world.machine.state, CALL, depth=2)
    assert shallow is not None
    assert shallow.asks == book.asks[:2]


def test_what_is_not_there_is_none(world: World) -> None:
    state = world.machine.state
    assert view_account(state, 200) is None
    assert view_account(state, 31) is None
    assert view_account(state, -1) is None
    assert view_book(state, 4_000) is None
    assert view_instrument(state, 1 << 40) is None


def test_a_settled_instrument_has_its_payoff_and_its_positions_their_value(world: World) -> None:
    now_s = world.clock_ms // 1000
    world.tick(EXPIRY_S - 1_800 - now_s)
    world.tick(1_800)
    world.words += [encode.settle(instrument=CALL), encode.settle(instrument=PUT)]
    run(world)
    state = world.machine.state
    call = view_instrument(state, CALL)
    assert call is not None
    assert (call.state, call.mark_ticks) == ("settled", call.payoff_ticks)
    account = view_account(state, ALICE)
    assert account is not None
    (position,) = account.positions
    assert position.is_settled
    assert position.value_micros == 200 * (call.payoff_ticks or 0)
    assert {view.instrument for view in view_instruments(state)}.isdisjoint({CALL, PUT})
    assert CALL in {view.instrument for view in view_instruments(state, settled=True)}


def test_the_exchange_is_told(world: World) -> None:
    view = view_exchange(world.machine.state)
    assert view.clock_ms == world.clock_ms
    assert view.deposited_micros == 4 * 50_000_000_000
    assert view.fees_micros > 0
    btc, eth = view.underlyings
    assert (btc.index_ticks, btc.sheet_number, btc.listed) == (world.indices[0], 1, 4)
    assert eth.listed == 1
    assert view_instrument(world.machine.state, FUTURE) is not None
