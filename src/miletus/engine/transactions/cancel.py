"""Cancel: one order, those of an instrument, or all of an account (04-R19)."""

from mypy_extensions import i64

from miletus.engine import layout as L
from miletus.engine import params as P
from miletus.engine import segment as G
from miletus.engine.crypto import Crypto
from miletus.engine.events import CAUSE_CANCELLED
from miletus.engine.incoming import get_name
from miletus.engine.matching import start_unlink
from miletus.engine.phases import DONE, SCAN
from miletus.engine.reasons import BAD_FLAGS, ORDER_NOT_FOUND
from miletus.engine.segment import Segment
from miletus.engine.state import State
from miletus.engine.transactions.authorise import SCOPE_TRADE, authorise, refuse


def apply_cancel(s: State, crypto: Crypto, segment: Segment, at: i64) -> None:
    """Remove one order, or begin to walk the account's slots."""
    # AUTHORISE
    if not authorise(s, crypto, segment, at, SCOPE_TRADE):
        return
    # CHECK
    v = segment.records
    f: i64 = at + G.R_FIELDS
    s.r_mode = v[f]
    if s.r_mode > 2:
        refuse(s, BAD_FLAGS)
        return
    # APPLY
    if s.r_mode == 0:
        s.r_slot = v[f + 1]
        o: i64 = s.order(get_name(s))
        generation: i64 = v[f + 2]
        c = s.cells
        if c[o + L.ORDER_BOOK] == 0 or (generation != 0 and generation != c[o + L.ORDER_GENERATION]):
            refuse(s, ORDER_NOT_FOUND)
            return
        s.r_detail = 1
        start_unlink(s, get_name(s), CAUSE_CANCELLED, DONE)
        return
    s.r_instrument = v[f + 3]
    s.r_phase = SCAN


def step_scan(s: State) -> None:
    """Remove the next order that is meant, or be done when no slot is left."""
    slot: i64 = find_taken_slot(s, s.r_slot)
    if slot >= P.SLOTS:
        s.r_phase = DONE
        return
    s.r_slot = slot + 1
    name: i64 = s.r_account * P.SLOTS + slot
    book: i64 = s.cells[s.order(name) + L.ORDER_BOOK]
    if s.r_mode == 2 or (book - 1) // 2 == s.r_instrument:
        s.r_detail += 1
        start_unlink(s, name, CAUSE_CANCELLED, SCAN)


def find_taken_slot(s: State, first: i64) -> i64:
    """The first slot from `first` on that holds an order, or SLOTS."""
    c = s.cells
    h: i64 = s.header(s.r_account)
    slot: i64 = first
    while slot < P.SLOTS:
        limb: i64 = slot // 32
        rest: i64 = c[h + L.BITMAP + limb] // s.pow2[slot - limb * 32]
        if rest == 0:
            slot = (limb + 1) * 32
        elif rest % 2 == 1:
            return slot
        else:
            slot += 1
    return P.SLOTS
