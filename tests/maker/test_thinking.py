"""What the maker computes: fits, values, quotes, limits, wishes, profit. No exchange is asked."""

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miletus.maker.config import LimitsConfig, ProtectionConfig, QuotesConfig, SkewConfig, load_config
from miletus.maker.errors import MakerError
from miletus.maker.profit import Ledger, Look
from miletus.maker.quoting import Place, Quote, Resting, Slots, Withdraw, compute_quotes, compute_wishes
from miletus.maker.risk import LOTS, MICROS, Exposure, Guard, compute_exposure
from miletus.maker.theory import Value, compute_values, fit_underlying
from miletus.market.board import Board
from miletus.market.names import InstrumentType
from miletus.market.requests import Side
from tests.maker.boards import EXPIRY_S, INDEX, PERPETUAL, STRIKES, TIME_S, find, make_board, smile

CALL, PUT = InstrumentType.CALL, InstrumentType.PUT
BOARD = make_board()
FITS = {0: fit_underlying(BOARD, 0)}
VALUES = compute_values(BOARD, FITS)
FLAT = Exposure()
QUOTES, SKEW, LIMITS = QuotesConfig(), SkewConfig(), LimitsConfig()


def quote_all(
    positions: dict[int, int] | None = None,
    exposure: Exposure = FLAT,
    quotes: QuotesConfig = QUOTES,
    limits: LimitsConfig = LIMITS,
    board: Board = BOARD,
) -> dict[int, Quote]:
    return compute_quotes(board, VALUES, {0: exposure}, positions or {}, quotes, SKEW, limits)


# ---- theory


def test_the_fit_gives_the_smile_back() -> None:
    fit = FITS[0].expiries[EXPIRY_S]
    assert FITS[0].problems == ()
    assert fit.rmse_points < 0.2
    for strike in STRIKES:
        for kind in (CALL, PUT):
            number = find(BOARD, strike, kind)
            assert VALUES[number].volatility == pytest.approx(smile(strike), abs=0.01)
            assert VALUES[number].price_ticks == pytest.approx(
                BOARD.lines[number].mark_ticks, rel=0.02, abs=300
            )


def test_calls_and_puts_of_a_strike_are_worth_their_parity() -> None:
    for strike in STRIKES:
        call, put = (VALUES[find(BOARD, strike, kind)] for kind in (CALL, PUT))
        assert call.price_ticks - put.price_ticks == pytest.approx(INDEX - strike, abs=1)
        assert call.delta - put.delta == pytest.approx(1.0)
        assert call.gamma == pytest.approx(put.gamma)
        assert call.vega == pytest.approx(put.vega)


def test_greeks_are_what_values_do() -> None:
    """Each greek against the change that it foretells, by bumping what it is of."""
    number = find(BOARD, 9_500_000, CALL)
    value = VALUES[number]
    moved = Board(TIME_S, {0: INDEX + 1_000}, BOARD.lines)
    up = compute_values(moved, FITS)[number].price_ticks - value.price_ticks
    # the slice is one of moneyness, so its skew is in this too
    assert up == pytest.approx(1_000 * value.delta + value.gamma * 1_000**2 / 2, rel=0.05)
    points = compute_values(BOARD, FITS, edge_points=1.0)[number].price_ticks - value.price_ticks
    assert points == pytest.approx(value.vega, rel=0.01)
    later = dataclasses.replace(BOARD, time_s=TIME_S + 86_400)
    day = compute_values(later, FITS)[number].price_ticks - value.price_ticks
    assert day == pytest.approx(value.theta, rel=0.03)


def test_one_odd_mark_does_not_become_a_quote() -> None:
    number = find(BOARD, 9_000_000, CALL)
    line = BOARD.lines[number]
    odd = dataclasses.replace(line, mark_ticks=line.mark_ticks * 13 // 10)
    board = Board(TIME_S, BOARD.index_ticks, {**BOARD.lines, number: odd})
    values = compute_values(board, {0: fit_underlying(board, 0)})
    assert abs(values[number].price_ticks - line.mark_ticks) < abs(odd.mark_ticks - line.mark_ticks) * 0.8


def test_an_expiry_with_few_strikes_has_the_marks_own_volatilities() -> None:
    few = {
        n: line for n, line in BOARD.lines.items() if line.instrument.terms.strike_ticks in (0, *STRIKES[3:6])
    }
    board = Board(TIME_S, BOARD.index_ticks, few)
    fit = fit_underlying(board, 0)
    assert fit.expiries[EXPIRY_S].part is None
    for number, value in compute_values(board, {0: fit}).items():
        assert value.price_ticks == pytest.approx(few[number].mark_ticks, abs=300)


def test_what_expired_or_has_no_mark_is_left_out() -> None:
    late = make_board(time_s=EXPIRY_S + 10, expiry_s=EXPIRY_S + 20)
    assert compute_values(
        dataclasses.replace(late, time_s=EXPIRY_S + 30), {0: fit_underlying(late, 0)}
    ).keys() == {PERPETUAL}
    zero = {n: dataclasses.replace(line, mark_ticks=0) for n, line in BOARD.lines.items() if n}
    board = Board(TIME_S, BOARD.index_ticks, zero)
    assert fit_underlying(board, 0).problems
    assert compute_values(board, {0: fit_underlying(board, 0)}) == {}


# ---- quotes


def test_quotes_stand_around_fair_on_the_grid_within_the_band() -> None:
    quotes = quote_all()
    assert PERPETUAL in quotes
    assert len(quotes) > 10
    for number, quote in quotes.items():
        line = BOARD.lines[number]
        step = line.instrument.grid.tick_step
        assert quote.bid_ticks is not None
        assert quote.ask_ticks is not None
        assert quote.bid_ticks < quote.fair_ticks < quote.ask_ticks
        assert quote.bid_ticks % step == quote.ask_ticks % step == 0
        assert abs(quote.bid_ticks - line.mark_ticks) <= line.band_ticks
        assert abs(quote.ask_ticks - line.mark_ticks) <= line.band_ticks


@given(st.floats(-2, 2), st.floats(-2, 2))
def test_what_is_held_moves_quotes_away_from_more_of_it(delta: float, vega: float) -> None:
    flat = quote_all()
    held = quote_all(exposure=Exposure(delta=delta, vega=vega * 500))
    number = find(BOARD, 9_000_000, CALL)
    lean = held[number].ask_ticks, flat[number].ask_ticks
    if delta >= 0 and vega >= 0 and None not in lean:
        assert (lean[0] or 0) <= (lean[1] or 0)
    if delta <= 0 and vega <= 0 and held[number].bid_ticks is not None:
        assert (held[number].bid_ticks or 0) >= (flat[number].bid_ticks or 0)
    put = find(BOARD, 9_000_000, PUT)
    if delta > 0 and vega <= 0 and held[put].bid_ticks is not None:
        assert (held[put].bid_ticks or 0) >= (flat[put].bid_ticks or 0)  # a put bought sells delta


def test_no_side_is_quoted_that_would_go_beyond_a_limit() -> None:
    limit = int(LIMITS.position * LOTS)
    long = quote_all({PERPETUAL: limit})[PERPETUAL]
    assert (long.bid_ticks, long.ask_ticks is not None) == (None, True)
    short = quote_all({PERPETUAL: -limit})[PERPETUAL]
    assert (short.ask_ticks, short.bid_ticks is not None) == (None, True)
    full = quote_all(exposure=Exposure(delta=LIMITS.delta))
    call, put = find(BOARD, 9_000_000, CALL), find(BOARD, 9_000_000, PUT)
    assert (full[call].bid_ticks, full[put].ask_ticks, full[PERPETUAL].bid_ticks) == (None, None, None)
    assert full[call].ask_ticks is not None
    assert full[put].bid_ticks is not None
    vega = quote_all(exposure=Exposure(vega=-LIMITS.vega))
    assert (vega[call].ask_ticks, vega[put].ask_ticks) == (None, None)
    assert vega[call].bid_ticks is not None


def test_beyond_a_limit_the_way_back_stays_open() -> None:
    far = quote_all({PERPETUAL: 5 * int(LIMITS.position * LOTS)}, Exposure(delta=3 * LIMITS.delta))
    assert far[PERPETUAL].bid_ticks is None
    assert far[PERPETUAL].ask_ticks is not None


def test_only_what_was_asked_for_is_quoted() -> None:
    assert all(
        BOARD.lines[n].instrument.terms.is_option for n in quote_all(quotes=QuotesConfig(futures=False))
    )
    assert quote_all(quotes=QuotesConfig(options=False)).keys() == {PERPETUAL}
    assert quote_all(quotes=QuotesConfig(coins=("ETH",))) == {}
    narrow = quote_all(quotes=QuotesConfig(least_delta=0.4, most_delta=0.6, futures=False))
    assert narrow
    assert all(0.4 <= abs(VALUES[n].delta) <= 0.6 for n in narrow)
    assert quote_all(quotes=QuotesConfig(most_days=10.0)).keys() == {PERPETUAL}


# ---- wishes


def rest(slots: Slots, quotes: dict[int, Quote], ends_s: float = 1_000.0) -> dict[int, Resting]:
    """As if everything wished were resting."""
    wishes = compute_wishes(quotes, {}, slots, 0.0, QUOTES, 20.0)
    placed = [wish for wish in wishes if isinstance(wish, Place)]
    return {p.slot: Resting(p.slot, p.instrument, p.side, p.price_ticks, p.size_lots, ends_s) for p in placed}


def test_what_rests_as_wanted_is_left_alone() -> None:
    slots, quotes = Slots(), quote_all()
    resting = rest(slots, quotes)
    assert len(resting) == 2 * len(quotes)
    assert compute_wishes(quotes, resting, slots, 0.0, QUOTES, 20.0) == []


def test_orders_are_sent_anew_before_they_end_by_themselves() -> None:
    slots, quotes = Slots(), quote_all()
    resting = rest(slots, quotes, ends_s=1_000.0)
    assert compute_wishes(quotes, resting, slots, 989.0, QUOTES, 20.0) == []
    assert len(compute_wishes(quotes, resting, slots, 991.0, QUOTES, 20.0)) == len(resting)


def test_what_is_wanted_no_more_goes_first_and_own_orders_never_meet() -> None:
    slots, quotes = Slots(), quote_all()
    resting = rest(slots, quotes)
    number = PERPETUAL
    old = quotes[number]
    assert old.bid_ticks is not None
    assert old.ask_ticks is not None
    for shift in (100_000, -100_000):
        moved = dataclasses.replace(old, bid_ticks=old.bid_ticks + shift, ask_ticks=old.ask_ticks + shift)
        wishes = compute_wishes({number: moved}, resting, slots, 0.0, QUOTES, 20.0)
        gone = [wish for wish in wishes if isinstance(wish, Withdraw)]
        assert wishes[: len(gone)] == gone
        assert len(gone) == len(resting) - 2
        sides = [wish.side for wish in wishes if isinstance(wish, Place)]
        assert sides == ([Side.SELL, Side.BUY] if shift > 0 else [Side.BUY, Side.SELL])


def test_a_side_that_may_not_be_quoted_is_cancelled() -> None:
    slots, quotes = Slots(), quote_all()
    resting = rest(slots, quotes)
    one_sided = {
        n: dataclasses.replace(q, bid_ticks=None) if n == PERPETUAL else q for n, q in quotes.items()
    }
    assert compute_wishes(one_sided, resting, slots, 0.0, QUOTES, 20.0) == [
        Withdraw(slots.get(PERPETUAL, Side.BUY) or 0)
    ]


def test_more_instruments_than_slots_are_counted() -> None:
    slots = Slots()
    quote = quote_all()[PERPETUAL]
    many = {number: dataclasses.replace(quote, instrument=number) for number in range(140)}
    wishes = compute_wishes(many, {}, slots, 0.0, QUOTES, 20.0)
    assert len(wishes) == 256
    assert len({wish.slot for wish in wishes}) == 256
    assert slots.unquoted == 12


# ---- guard


def test_the_guard_pauses_after_too_many_fills_and_goes_on() -> None:
    guard = Guard(ProtectionConfig(fill_size=1.0, fill_seconds=5.0, pause_seconds=10.0))
    for second in range(3):
        guard.note_fill(float(second), 0, 4_000)
    assert "were filled" in guard.find_reason(2.1, 0, 0, 0)
    assert guard.find_reason(12.1, 0, 0, 0) == ""
    for second in range(0, 100, 6):
        guard.note_fill(100.0 + second, 0, 9_000)  # slowly, it is trade
    assert guard.find_reason(200.0, 0, 0, 0) == ""
    assert guard.pauses == 1


def test_the_guard_knows_stale_inputs_moves_and_refusals() -> None:
    guard = Guard(ProtectionConfig())
    assert "silent" in guard.find_reason(0, 0, 0, 6)
    assert "index is" in guard.find_reason(0, 0, 46, 0)
    assert "sheet is" in guard.find_reason(0, 901, 0, 0)
    guard.note_index(0.0, 0, 1_000_000)
    guard.note_index(1.0, 0, 1_005_000)
    assert guard.find_reason(1.0, 0, 0, 0) == ""
    guard.note_index(2.0, 0, 1_011_000)
    assert "index moved" in guard.find_reason(2.0, 0, 0, 0)
    other = Guard(ProtectionConfig(refusals=3))
    for _ in range(4):
        other.note_refusal(5.0)
    assert "refused" in other.find_reason(5.0, 0, 0, 0)


# ---- profit


@given(
    st.lists(
        st.tuples(
            st.sampled_from([PERPETUAL, 1, 2, 9, 10]), st.integers(-50_000, 50_000), st.integers(1, 10**7)
        ),
        max_size=6,
    ),
    st.lists(st.integers(-200_000, 200_000), min_size=1, max_size=4),
)
def test_profit_by_greek_adds_up_to_cash_and_fair_value(
    trades: list[tuple[int, int, int]], moves: list[int]
) -> None:
    ledger, cash, held, index, time_s = Ledger({}), 0.0, {}, INDEX, TIME_S
    ledger.look(Look.at(BOARD, VALUES))
    values = VALUES
    for place, move in enumerate(moves):
        for number, lots, price in trades[place::2]:
            ledger.note_fill(number, lots, price, 7)
            cash -= lots * price / MICROS + 7 / MICROS
            held[number] = held.get(number, 0) + lots
        index, time_s = index + move, time_s + 3_600
        board = Board(
            time_s, {0: index}, {n: dataclasses.replace(x, index_ticks=index) for n, x in BOARD.lines.items()}
        )
        values = compute_values(board, FITS)
        profit = ledger.look(Look.at(board, values))
        fair = sum(lots * values[number].price_ticks for number, lots in held.items()) / MICROS
        assert profit.total == pytest.approx(cash + fair, abs=1e-3)
        assert ledger.positions == {number: lots for number, lots in held.items() if lots}


def test_profit_of_a_small_move_is_told_by_its_greeks() -> None:
    number = find(BOARD, 9_000_000, CALL)
    ledger = Ledger({number: 10_000})
    ledger.look(Look.at(BOARD, VALUES))
    board = Board(TIME_S + 600, {0: INDEX + 9_000}, BOARD.lines)
    profit = ledger.look(Look.at(board, compute_values(board, FITS)))
    assert profit.delta == pytest.approx(10_000 * VALUES[number].delta * 9_000 / MICROS)
    assert profit.theta < 0 < profit.gamma
    assert abs(profit.residual) < 0.05 * abs(profit.total)


def test_a_settlement_is_told_once() -> None:
    ledger = Ledger({5: 10_000})
    ledger.look(Look(0, {5: Value(100.0, 0, 0, 0, 0, 0.5)}, {0: INDEX}, {5: 0}))
    ledger.note_settled(5, 250)
    assert ledger.profit.total == pytest.approx(10_000 * 150 / MICROS)
    assert ledger.positions == {}
    ledger.note_settled(5, 250)
    assert ledger.look(Look(1, {}, {0: INDEX}, {})).total == pytest.approx(10_000 * 150 / MICROS)


def test_exposure_is_of_all_that_is_held() -> None:
    call, put = find(BOARD, 9_000_000, CALL), find(BOARD, 9_000_000, PUT)
    held = compute_exposure({call: 10_000, put: 10_000, PERPETUAL: -20_000}, VALUES, BOARD)[0]
    assert held.delta == pytest.approx(VALUES[call].delta + VALUES[put].delta - 2)
    assert held.vega == pytest.approx(2 * 10_000 * VALUES[call].vega / MICROS)
    assert held.theta < 0
    assert compute_exposure({999: 5}, VALUES, BOARD) == {0: Exposure()}


# ---- configuration


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[quotes]\noption_size = 'a'", "quotes.option_size"),
        ("[quotes]\nsizes = 1", "sizes"),
        ("[quotes]\ncoins = ['DOGE']", "quotes.coins: choose of BTC, ETH"),
        ("[quotes]\nleast_delta = 0.9\nmost_delta = 0.2", "least_delta must be below"),
        ("[run]\nstep_seconds = 30\n[protection]\ngood_for_seconds = 20", "three steps"),
        ("[limits]\nloss = -1", "limits.loss"),
        ("quotes = [", "not TOML"),
    ],
)
def test_a_bad_configuration_is_one_line_that_names_the_field(
    tmp_path: Path, text: str, message: str
) -> None:
    path = tmp_path / "maker.toml"
    path.write_text(text)
    with pytest.raises(MakerError, match=message) as raised:
        load_config(path)
    assert "\n" not in str(raised.value)
    with pytest.raises(MakerError, match="no such file"):
        load_config(tmp_path / "none.toml")
