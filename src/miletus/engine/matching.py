"""MATCH and REST: how an order meets the book (spec 04)."""

from mypy_extensions import i64

from miletus.engine import events as E
from miletus.engine import layout as L
from miletus.engine import params as P
from miletus.engine.book import move_lock, remove, rest
from miletus.engine.fill_or_kill import start_publish, start_undo, write_journal
from miletus.engine.incoming import FOK, GTC, compute_band, compute_reducible, crosses, get_name, get_side
from miletus.engine.layout import PAGE
from miletus.engine.margin import (
    apply_fill,
    check_fill,
    compute_fee,
    compute_mark,
    is_restricted,
    pay_fee,
)
from miletus.engine.numbers import magnitude, positive
from miletus.engine.phases import DONE, MATCH, REST, UNLINK
from miletus.engine.reasons import (
    BAND,
    MAKER_LIMIT,
    NOT_FILLED,
    OK,
    REDUCE_ONLY,
    STALE,
    WIDTH,
)
from miletus.engine.refresh import is_stale, start_refresh
from miletus.engine.state import State


def start_unlink(s: State, name: i64, cause: i64, back: i64) -> None:
    """Make the machine remove an order and go on in phase `back`."""
    s.r_target = name
    s.r_cause = cause
    s.r_unlink_back = back
    s.r_phase = UNLINK


def step_unlink(s: State) -> None:
    """Remove one order; evictions forfeit the lock (04-R17)."""
    cause: i64 = s.r_cause
    forfeit: bool = E.CAUSE_EXPIRED <= cause <= E.CAUSE_REDUCE_ONLY
    quiet: bool = cause == E.CAUSE_FILLED and s.r_tif == FOK
    remove(s, s.r_target, cause, forfeit, quiet)
    s.r_phase = s.r_unlink_back


def step_match(s: State) -> None:
    """Look at the head of the other side once (04-R05 to 04-R12)."""
    c = s.cells
    instrument: i64 = s.r_instrument
    n: i64 = s.instrument(instrument)
    if s.r_left == 0:
        finish(s)
        return
    if s.r_heads >= P.MAX_MAKERS:
        stop(s, MAKER_LIMIT)
        return
    head: i64 = c[n + PAGE + 1 - s.r_side]
    if head == 0:
        finish(s)
        return
    o: i64 = s.order(head - 1)
    price: i64 = c[o + L.ORDER_PRICE]
    if not crosses(s, price):
        finish(s)
        return
    maker: i64 = (head - 1) >> P.SLOT_BITS
    if maker == s.r_account:
        s.r_heads += 1
        start_unlink(s, head - 1, E.CAUSE_SELF_MATCH, MATCH)
        return
    terms: i64 = c[o + L.ORDER_TERMS]
    expiry_s: i64 = terms >> 2
    if expiry_s != 0 and expiry_s < c[L.CLOCK_MS] // 1000:
        s.r_heads += 1
        start_unlink(s, head - 1, E.CAUSE_EXPIRED, MATCH)
        return
    ua: i64 = s.underlying(c[n + L.INSTRUMENT_UNDERLYING])
    mark: i64 = compute_mark(s, n, ua)
    band: i64 = compute_band(s, mark, ua)
    away: i64 = price - mark if s.r_side == 0 else mark - price
    if away < -band:
        s.r_heads += 1
        start_unlink(s, head - 1, E.CAUSE_BAND, MATCH)
        return
    if away > band:
        stop(s, BAND)
        return
    if is_stale(s, maker):
        start_refresh(s, maker, 0, MATCH)
        return
    match_head(s, head - 1, maker, terms, n, ua)


def match_head(s: State, name: i64, maker: i64, terms: i64, n: i64, ua: i64) -> None:
    """Fill against the head `name`, or evict it, or stop (04-R10 to 04-R12)."""
    c = s.cells
    o: i64 = s.order(name)
    price: i64 = c[o + L.ORDER_PRICE]
    lots: i64 = c[o + L.ORDER_LEFT]
    if s.r_left < lots:
        lots = s.r_left
    instrument: i64 = s.r_instrument
    if s.r_terms & 1 == 1:
        room: i64 = compute_reducible(s, s.r_account, instrument, s.r_side)
        if room == 0:
            stop(s, REDUCE_ONLY)
            return
        if room < lots:
            lots = room
    s.r_heads += 1
    if terms & 1 == 1:
        makers_room: i64 = compute_reducible(s, maker, instrument, 1 - s.r_side)
        if makers_room == 0:
            start_unlink(s, name, E.CAUSE_REDUCE_ONLY, MATCH)
            return
        if makers_room < lots:
            lots = makers_room
    dq: i64 = lots if s.r_side == 0 else -lots
    if compute_open_interest(s, maker, n, -dq, dq) > P.MAX_OPEN_INTEREST_LOTS:
        stop(s, WIDTH)
        return
    restricted: bool = is_restricted(s, n, ua)
    if check_fill(s, maker, instrument, -dq, price, 0, restricted) != OK:
        start_unlink(s, name, E.CAUSE_MARGIN, MATCH)
        return
    maker_part: i64 = s.f_requirement
    fee: i64 = compute_fee(s, n, ua, lots, price)
    allowed: i64 = check_fill(s, s.r_account, instrument, dq, price, fee, restricted)
    if allowed != OK:
        stop(s, allowed)
        return
    apply_match(s, name, maker, dq, price, fee, maker_part, s.f_requirement)


def compute_open_interest(s: State, maker: i64, n: i64, maker_dq: i64, taker_dq: i64) -> i64:
    """Open interest after a fill, in lots."""
    instrument: i64 = s.r_instrument
    m: i64 = s.get_position_lots(maker, instrument)
    t: i64 = s.get_position_lots(s.r_account, instrument)
    total: i64 = s.cells[n + PAGE + L.OPEN_INTEREST]
    total += positive(m + maker_dq) - positive(m)
    total += positive(t + taker_dq) - positive(t)
    return total


def apply_match(
    s: State, name: i64, maker: i64, dq: i64, price: i64, fee: i64, maker_part: i64, taker_part: i64
) -> None:
    """Carry out a fill of `dq` lots (taker's sign) against the head (04-R12)."""
    c = s.cells
    o: i64 = s.order(name)
    lots: i64 = magnitude(dq)
    if s.r_tif == FOK:
        write_journal(s, name, lots, price, fee)
    apply_fill(s, maker, s.r_instrument, -dq, price, 0, maker_part)
    apply_fill(s, s.r_account, s.r_instrument, dq, price, fee, taker_part)
    pay_fee(s, fee)
    s.touch(o)
    c[o + L.ORDER_LEFT] = c[o + L.ORDER_LEFT] - lots
    c[o + L.ORDER_FILLED] = c[o + L.ORDER_FILLED] + lots
    s.r_left -= lots
    s.r_filled += lots
    s.r_notional += lots * price
    s.r_fills += 1
    if s.r_tif != FOK:
        s.emit(E.FILL, name, get_name(s), get_side(s), price, lots, fee)
    if c[o + L.ORDER_LEFT] == 0:
        start_unlink(s, name, E.CAUSE_FILLED, MATCH)


def stop(s: State, reason: i64) -> None:
    """End matching for a reason; what is left is cancelled (04-R14)."""
    if s.r_tif == FOK:
        start_undo(s)
        return
    if s.r_filled == 0 or (s.r_tif == GTC and s.r_market == 0):
        s.r_reason = reason
    s.r_phase = DONE


def finish(s: State) -> None:
    """End matching because nothing is left or nothing crosses (04-R14)."""
    if s.r_tif == FOK:
        if s.r_left > 0:
            start_undo(s)
        else:
            start_publish(s)
        return
    if s.r_left > 0 and s.r_tif == GTC and s.r_market == 0:
        s.r_phase = REST
        return
    if s.r_filled == 0:
        s.r_reason = NOT_FILLED
    s.r_phase = DONE


def step_rest(s: State) -> None:
    """Put what is left into the book, if its owner could bear its fill (04-R16)."""
    c = s.cells
    instrument: i64 = s.r_instrument
    n: i64 = s.instrument(instrument)
    ua: i64 = s.underlying(c[n + L.INSTRUMENT_UNDERLYING])
    restricted: bool = is_restricted(s, n, ua)
    s.r_phase = DONE
    if s.r_terms & 1 == 1:
        room: i64 = compute_reducible(s, s.r_account, instrument, s.r_side)
        if room == 0:
            s.r_reason = REDUCE_ONLY
            return
        if room < s.r_left:
            s.r_left = room
    elif restricted:
        s.r_reason = STALE
        return
    dq: i64 = s.r_left if s.r_side == 0 else -s.r_left
    # the lock is out of his cash before and after the fill that is judged
    move_lock(s, s.r_account, P.REST_LOCK_MICROS)
    allowed: i64 = check_fill(s, s.r_account, instrument, dq, s.r_price, 0, restricted)
    if allowed != OK:
        move_lock(s, s.r_account, -P.REST_LOCK_MICROS)
        s.r_reason = allowed
        return
    terms: i64 = s.r_expiry_s * 4 + s.r_terms
    rest(s, get_name(s), get_side(s), s.r_price, s.r_left, s.r_prior + s.r_filled, s.r_generation, terms)
