"""How a maker quotes and how takers trade, request by request."""

import collections
from dataclasses import replace

import pytest

from miletus.engine import events
from miletus.market.agent import Agent, Fill, Order, Roster
from miletus.market.board import Board, make_board
from miletus.market.instruments import Catalogue
from miletus.market.maker import LAST_QUOTE_S, PAIRS, Inventory, Maker, MakerHabits
from miletus.market.names import InstrumentType, parse_name
from miletus.market.requests import Amend, Cancel, Place, Request, Side, TimeInForce
from miletus.market.sheet import compute_sheet
from miletus.market.takers import NOW_SLOT, TakerHabits, Takers
from tests.market.example import FAR_S, INDEX_TICKS, NEAR_S, NOW_S, make_instruments, make_parameters


def see(time_s: int = NOW_S, move_ticks: int = 0, underlyings: tuple[int, ...] = (0, 1)) -> Board:
    """The board of the example market, at an index that moved since the sheet."""
    catalogue = Catalogue()
    sheet = {}
    for underlying in underlyings:
        sheet |= compute_sheet(make_instruments(catalogue, underlying), make_parameters(underlying))
    references = {u: INDEX_TICKS[u] for u in underlyings}
    indices = {u: ticks + (move_ticks if u == 0 else 0) for u, ticks in references.items()}
    return make_board(time_s, indices, references, sheet, catalogue)


def accept(agent: Agent, requests: list[Request]) -> None:
    """An exchange on which every order rests."""
    for request in requests:
        if isinstance(request, Place):
            order = Order(request.instrument, request.side, request.price_ticks, request.size_lots, 1)
            agent.note_rested(request.account, request.slot, order)
        elif isinstance(request, Cancel):
            agent.note_removed(request.account, request.slot)


def find(board: Board, name: str) -> int:
    return next(n for n, line in board.lines.items() if line.instrument.terms == parse_name(name))


ATM = "BTC_USDC-27MAR26-89000-C"


def test_a_maker_quotes_the_whole_chain_around_its_marks() -> None:
    board, maker = see(), Maker("maker", 1)
    places = [each for each in maker.act(board) if isinstance(each, Place)]
    quoted = collections.defaultdict(dict)
    for each in places:
        line = board.lines[each.instrument]
        grid = line.instrument.grid
        assert each.price_ticks % grid.tick_step == 0
        assert each.price_ticks >= grid.tick_step
        assert each.size_lots % grid.lot_step == 0
        assert each.size_lots >= grid.min_size
        assert each.post_only
        assert each.time_in_force == TimeInForce.GTC
        # inside the band, so that the machine fills it
        assert abs(each.price_ticks - line.mark_ticks) <= line.band_ticks
        quoted[each.instrument][each.side] = each.price_ticks
    assert set(quoted) == set(board.lines)
    for number, sides in quoted.items():
        assert sides[Side.SELL] >= board.lines[number].mark_ticks * 0.99
        if Side.BUY in sides:
            assert sides[Side.BUY] < sides[Side.SELL]
        else:
            # nothing is bid for what is worth less than a step or two
            assert board.lines[number].mark_ticks < 3 * board.lines[number].instrument.grid.tick_step
    spreads = {n: s[Side.SELL] - s[Side.BUY] for n, s in quoted.items() if Side.BUY in s}
    assert spreads[find(board, ATM)] > spreads[find(board, "BTC_USDC-27MAR26-101000-C")]
    assert spreads[find(board, ATM)] > spreads[find(board, "BTC_USDC-PERPETUAL")]


def test_slots_are_dense_and_come_back() -> None:
    board, maker = see(), Maker("maker", 1)
    requests = maker.act(board)
    slots = {(r.account, r.slot // 2) for r in requests}
    assert slots == {divmod(pair, PAIRS) for pair in range(len(board.lines))}
    accept(maker, requests)
    later = replace(board, lines={n: line for n, line in board.lines.items() if n != 3})
    assert all(r.slot // 2 != 3 for r in maker.act(later) if r.account == 0)
    newcomer = replace(board.lines[3], instrument=replace(board.lines[3].instrument, number=999))
    with_new = replace(board, lines={**later.lines, 999: newcomer})
    placed = [r for r in maker.act(with_new) if isinstance(r, Place)]
    assert {(r.account, r.slot // 2, r.instrument, r.replace) for r in placed} == {(0, 3, 999, True)}


def test_what_there_is_no_slot_for_is_counted() -> None:
    maker = Maker("maker", 1, MakerHabits(accounts=0))
    board = see()
    assert maker.act(board) == []
    assert maker.unquoted == len(board.lines)


def test_only_what_moved_is_quoted_anew() -> None:
    maker = Maker("maker", 1)
    accept(maker, maker.act(see()))
    assert maker.act(see()) == []
    # 20 USDC of 89,000 move deltas near one by more than a third of their spread, and no far option
    moved = {r.instrument for r in maker.act(see(move_ticks=2_000))}
    board = see()
    assert find(board, "BTC_USDC-PERPETUAL") in moved
    assert find(board, "BTC_USDC-27MAR26-101000-C") not in moved
    assert all(board.lines[n].instrument.terms.underlying == 0 for n in moved)
    assert 0 < len(moved) < len(board.lines) / 2


@pytest.mark.parametrize("move_ticks", [300_000, -300_000])
def test_the_side_that_gives_way_goes_first(move_ticks: int) -> None:
    maker, board = Maker("maker", 1), see()
    accept(maker, maker.act(board))
    number = find(board, "BTC_USDC-PERPETUAL")
    places = [r for r in maker.act(see(move_ticks=move_ticks)) if isinstance(r, Place)]
    sides = [r.side for r in places if r.instrument == number]
    assert sides == ([Side.SELL, Side.BUY] if move_ticks > 0 else [Side.BUY, Side.SELL])


def test_what_was_filled_is_filled_up() -> None:
    maker, board = Maker("maker", 1), see()
    accept(maker, maker.act(board))
    number = find(board, ATM)
    (key,) = [k for k, o in maker.orders.items() if o.instrument == number and o.side == Side.BUY]
    size = maker.orders[key].left_lots
    maker.note_fill(*key, Fill(number, Side.BUY, size * 2 // 5, 1), resting=True)
    assert maker.act(board) == []
    maker.note_fill(*key, Fill(number, Side.BUY, size // 5, 1), resting=True)
    (again,) = [r for r in maker.act(board) if isinstance(r, Place) and r.instrument == number]
    assert (again.account, again.slot, again.side) == (*key, Side.BUY)


def test_inventory_leans_and_limits() -> None:
    board, maker = see(), Maker("maker", 1)
    line = board.lines[find(board, ATM)]
    put = board.lines[find(board, "BTC_USDC-27MAR26-89000-P")]
    flat = maker.compute_quote(line, Inventory(), NOW_S)
    long_delta = maker.compute_quote(line, Inventory(delta_lots=40_000), NOW_S)
    beyond = maker.compute_quote(line, Inventory(delta_lots=4_000_000), NOW_S)
    long_vega = maker.compute_quote(line, Inventory(vega=1e15), NOW_S)
    assert flat.bid_ticks is not None
    assert long_delta.bid_ticks is not None
    assert long_vega.bid_ticks is not None
    assert long_delta.bid_ticks < flat.bid_ticks
    assert beyond == long_delta
    assert long_vega.bid_ticks < flat.bid_ticks
    flat_put = maker.compute_quote(put, Inventory(), NOW_S)
    long_put = maker.compute_quote(put, Inventory(delta_lots=40_000), NOW_S)
    assert long_put.bid_ticks is not None
    assert flat_put.bid_ticks is not None
    assert long_put.bid_ticks > flat_put.bid_ticks
    # long up to the limit: half the size at half of it, no bid at all at the end
    number, base, largest = line.instrument.number, flat.bid_lots, maker.habits.largest_position
    maker.note_fill(0, 0, Fill(number, Side.BUY, base * largest // 2, 1), resting=True)
    half = maker.compute_quote(line, Inventory(), NOW_S)
    assert (half.bid_lots, half.ask_lots) == (base // 2, base)
    maker.note_fill(0, 0, Fill(number, Side.BUY, base * largest // 2, 1), resting=True)
    full = maker.compute_quote(line, Inventory(), NOW_S)
    assert full.bid_ticks is None
    assert full.ask_lots == base


def test_quotes_are_taken_out_before_expiry() -> None:
    maker, board = Maker("maker", 1), see()
    accept(maker, maker.act(board))
    ending = [n for n, line in board.lines.items() if line.instrument.terms.expiry_s == NEAR_S]
    requests = maker.act(see(NEAR_S - LAST_QUOTE_S))
    cancelled = [r for r in requests if isinstance(r, Cancel)]
    assert {maker.orders[r.account, r.slot].instrument for r in cancelled} == set(ending)
    accept(maker, requests)
    assert not any(order.instrument in ending for order in maker.orders.values())
    assert all(isinstance(r, Place) for r in maker.act(see(NEAR_S)))


def test_a_maker_is_the_same_with_the_same_seed() -> None:
    one, same, other = (Maker("maker", seed).act(see()) for seed in (1, 1, 2))
    assert one == same
    assert one != other


def collect(seed: int, hours: int = 60, habits: TakerHabits | None = None) -> list[Request]:
    takers = Takers("takers", seed, habits or TakerHabits())
    board = see()
    requests: list[Request] = []
    for step in range(hours + 1):
        asked = takers.act(replace(board, time_s=NOW_S + 3_600 * step))
        assert len({(r.account, r.slot) for r in asked if r.slot != NOW_SLOT}) == len(
            [r for r in asked if r.slot != NOW_SLOT]
        )
        resting = [r for r in asked if isinstance(r, Place) and r.time_in_force == TimeInForce.GTC]
        accept(takers, [r for r in [*resting, *asked] if isinstance(r, Cancel) or r in resting])
        requests += asked
    return requests


def test_takers_arrive_as_often_as_they_should() -> None:
    requests = collect(3)
    assert 0.95 < len(requests) / (60 * 120) < 1.05
    assert len({r.account for r in requests}) == TakerHabits().accounts


def test_takers_ask_for_what_can_be_had() -> None:
    board = see()
    requests = collect(4)
    kinds = collections.Counter(type(r) for r in requests)
    assert kinds[Amend] > 100
    assert kinds[Cancel] > 100
    places = [r for r in requests if isinstance(r, Place)]
    for each in places:
        line = board.lines[each.instrument]
        grid = line.instrument.grid
        assert each.price_ticks % grid.tick_step == 0
        assert each.price_ticks >= grid.tick_step
        assert each.size_lots % grid.lot_step == 0
        assert each.size_lots >= grid.min_size
        reach = line.band_ticks + grid.tick_step
        assert abs(each.price_ticks - line.mark_ticks) <= reach
        if each.time_in_force == TimeInForce.GTC:
            assert not each.market
            assert each.slot != NOW_SLOT
            assert each.good_for_s > 0
        else:
            assert each.slot == NOW_SLOT
    types = collections.Counter(board.lines[r.instrument].instrument.terms.type for r in places)
    options = types[InstrumentType.CALL] + types[InstrumentType.PUT]
    assert 0.4 < options / len(places) < 0.9
    assert types[InstrumentType.PERPETUAL] > 0.1 * len(places)
    assert types[InstrumentType.FUTURE] > 0
    near = sum(board.lines[r.instrument].instrument.terms.expiry_s == NEAR_S for r in places)
    far = sum(board.lines[r.instrument].instrument.terms.expiry_s == FAR_S for r in places)
    assert near > far
    sides = collections.Counter(r.side for r in places)
    assert 0.8 < sides[Side.BUY] / sides[Side.SELL] < 1.25


def test_takers_are_a_function_of_their_seed() -> None:
    assert collect(5, 10) == collect(5, 10)
    assert collect(5, 10) != collect(6, 10)


def test_after_a_long_pause_nobody_catches_up() -> None:
    takers = Takers("takers", 1)
    assert takers.act(see()) == []
    board = see()
    assert len(takers.act(replace(board, time_s=NOW_S + 86_400 * 365))) <= TakerHabits().most_at_once
    assert takers.act(replace(board, time_s=NOW_S)) == []  # a clock that went back is no time


def test_a_full_account_only_closes() -> None:
    board = see()
    takers = Takers("takers", 1, TakerHabits(accounts=1, most_positions=5))
    for number in list(board.lines)[:5]:
        takers.note_fill(0, 0, Fill(number, Side.BUY, 100, 1), resting=False)
    takers.act(board)
    requests = takers.act(replace(board, time_s=NOW_S + 3_600))
    assert requests
    for each in requests:
        assert isinstance(each, Place)
        assert each.reduce_only
        assert each.side == Side.SELL
        assert each.instrument in takers.positions[0]


def test_an_empty_board_is_no_market() -> None:
    empty = Board(NOW_S, {0: 1}, {})
    takers = Takers("takers", 1)
    takers.act(empty)
    assert takers.act(replace(empty, time_s=NOW_S + 3_600)) == []
    assert Maker("maker", 1).act(empty) == []


class Quiet(Agent):
    def act(self, board: Board) -> list[Request]:
        return []


def test_events_reach_the_agents_they_are_of() -> None:
    roster, one, two = Roster(), Quiet("one", 2), Quiet("two", 1)
    roster.register(one, [20, 30])
    roster.register(two, [40])
    order, other = 30 * 256 + 7, 40 * 256 + 1
    roster.note_events([(events.RESTED, order, 2 * 9 + 1, 500, 100, 3, 0)])
    assert one.orders == {(1, 7): Order(9, Side.SELL, 500, 100, 3)}
    # two buys 40 of it, 10 more from a stranger, and 5 rest
    roster.note_events(
        [
            (events.FILL, order, other, 2 * 9, 500, 40, 1),
            (events.FILL, 99 * 256, other, 2 * 9, 500, 10, 1),
            (events.RESTED, other, 2 * 9, 501, 5, 1, 0),
        ]
    )
    assert one.orders[1, 7] == Order(9, Side.SELL, 500, 60, 3, 40)
    assert two.orders == {(0, 1): Order(9, Side.BUY, 501, 5, 1, 50)}
    assert (one.get_position(9), two.get_position(9)) == (-40, 50)
    # an amend takes the order out and brings it in again, under its generation
    roster.note_events(
        [
            (events.REMOVED, other, events.CAUSE_REPLACED, 5, 18, 1, 0),
            (events.FILL, order, other, 2 * 9, 500, 3, 1),
            (events.RESTED, other, 2 * 9, 502, 7, 1, 0),
        ]
    )
    assert two.orders[0, 1] == Order(9, Side.BUY, 502, 7, 1, 53)
    roster.note_events([(events.REDUCED, other, 4, 0, 0, 0, 0)])
    assert two.orders[0, 1].left_lots == 4
    roster.note_events([(events.REMOVED, order, events.CAUSE_MARGIN, 57, 19, 3, 0)])
    assert one.orders == {}
    # a new order in the slot begins at nothing filled
    roster.note_events([(events.RESTED, other, 2 * 9, 400, 8, 2, 0)])
    assert two.orders[0, 1].filled_lots == 0
    one.note_settled(9)
    assert one.get_position(9) == 0
    roster.note_events([(events.DEPOSITED, 20, 5, 0, 0, 0, 0), (events.REMOVED, 77 * 256, 1, 0, 0, 0, 0)])
