"""Amend: new price and new total size of a resting order, named by slot and generation (04-R18)."""

from mypy_extensions import i64

from miletus.engine import layout as L
from miletus.engine import segment as G
from miletus.engine.crypto import Crypto
from miletus.engine.events import CAUSE_CANCELLED, CAUSE_REPLACED, REDUCED
from miletus.engine.incoming import get_name
from miletus.engine.matching import start_unlink
from miletus.engine.phases import DONE, REENTER
from miletus.engine.reasons import EXPIRED, OK, ORDER_NOT_FOUND
from miletus.engine.segment import Segment
from miletus.engine.state import State
from miletus.engine.transactions.authorise import SCOPE_TRADE, authorise, refuse
from miletus.engine.transactions.place_order import check_grid, continue_when_fresh


def apply_amend(s: State, crypto: Crypto, segment: Segment, at: i64) -> None:
    """Reduce in place, remove, or remove and enter again."""
    # AUTHORISE
    if not authorise(s, crypto, segment, at, SCOPE_TRADE):
        return
    # CHECK
    v = segment.records
    f: i64 = at + G.R_FIELDS
    c = s.cells
    s.r_slot = v[f]
    s.r_named = 1
    o: i64 = s.order(get_name(s))
    if c[o + L.ORDER_BOOK] == 0 or c[o + L.ORDER_GENERATION] != v[f + 1]:
        refuse(s, ORDER_NOT_FOUND)
        return
    size: i64 = v[f + 3]
    filled: i64 = c[o + L.ORDER_FILLED]
    s.r_generation = c[o + L.ORDER_GENERATION]
    side: i64 = c[o + L.ORDER_BOOK] - 1
    s.r_instrument = side // 2
    s.r_side = side % 2
    s.r_terms = c[o + L.ORDER_TERMS] % 4
    s.r_expiry_s = c[o + L.ORDER_TERMS] // 4
    s.r_price = v[f + 2]
    s.r_size = size
    s.r_reason = check_amended(s, size)
    # APPLY
    if s.r_reason != OK:
        s.r_replaced = 1
        start_unlink(s, get_name(s), CAUSE_CANCELLED, DONE)
        return
    if size <= filled:
        s.r_replaced = 1
        start_unlink(s, get_name(s), CAUSE_CANCELLED, DONE)
        return
    if s.r_price == c[o + L.ORDER_PRICE] and size - filled <= c[o + L.ORDER_LEFT]:
        s.touch(o)
        c[o + L.ORDER_LEFT] = size - filled
        s.emit(REDUCED, get_name(s), size - filled, 0, 0, 0, 0)
        s.r_phase = DONE
        return
    s.r_left = size - filled
    s.r_prior = filled
    s.r_replaced = 1
    start_unlink(s, get_name(s), CAUSE_REPLACED, REENTER)


def check_amended(s: State, size: i64) -> i64:
    """Whether the order may still be changed, and to this."""
    c = s.cells
    n: i64 = s.instrument(s.r_instrument)
    expiry_s: i64 = c[n + L.EXPIRY_S]
    if c[n + L.INSTRUMENT_STATE] != 1 or (expiry_s != 0 and c[L.CLOCK_MS] >= expiry_s * 1000):
        return EXPIRED
    return check_grid(s, True, size)


def step_reenter(s: State) -> None:
    """Enter the amended order as a new arrival of the same generation."""
    continue_when_fresh(s)
