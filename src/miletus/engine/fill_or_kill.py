"""Fill-or-kill: a journal of fills, told of when they stand, taken back when they do not (04-R15)."""

from mypy_extensions import i64

from miletus.engine import events as E
from miletus.engine import layout as L
from miletus.engine import params as P
from miletus.engine.book import move_lock, relink_head, set_slot
from miletus.engine.incoming import get_name, get_side
from miletus.engine.margin import apply_fill, compute_part, pay_fee
from miletus.engine.phases import DONE, PUBLISH, UNDO
from miletus.engine.reasons import NOT_FILLED
from miletus.engine.state import JOURNAL_BASE, State


def journal(fill: i64) -> i64:
    """Address of the journal's record of the order's `fill`-th fill."""
    return JOURNAL_BASE + fill * L.JOURNAL_RECORD


def write_journal(s: State, name: i64, lots: i64, price: i64, fee: i64) -> None:
    """Remember a fill that may have to be undone, with what its maker's order was before it."""
    c = s.cells
    o: i64 = s.order(name)
    j: i64 = journal(s.r_fills)
    s.touch(j)
    c[j + L.JOURNAL_ORDER] = name + 1
    c[j + L.JOURNAL_LOTS] = lots
    c[j + L.JOURNAL_PRICE] = price
    c[j + L.JOURNAL_FEE] = fee
    c[j + L.JOURNAL_TERMS] = c[o + L.ORDER_TERMS]
    c[j + L.JOURNAL_FILLED] = c[o + L.ORDER_FILLED]
    c[j + L.JOURNAL_WHOLE] = 1 if c[o + L.ORDER_LEFT] == lots else 0


def wipe_journal(s: State, j: i64) -> None:
    """Set a journal record to zero."""
    s.touch(j)
    k: i64 = j
    while k < j + L.JOURNAL_RECORD:
        s.cells[k] = 0
        k += 1


def start_publish(s: State) -> None:
    """Begin to tell of the fills, which stand now; an order that is filled has at least one."""
    s.r_phase = PUBLISH


def step_publish(s: State) -> None:
    """Tell of one fill and wipe its record."""
    c = s.cells
    j: i64 = journal(s.r_count)
    name: i64 = c[j + L.JOURNAL_ORDER] - 1
    price: i64 = c[j + L.JOURNAL_PRICE]
    s.emit(E.FILL, name, get_name(s), get_side(s), price, c[j + L.JOURNAL_LOTS], c[j + L.JOURNAL_FEE])
    if c[j + L.JOURNAL_WHOLE] == 1:
        side: i64 = s.r_instrument * 2 + 1 - s.r_side
        s.emit(E.REMOVED, name, E.CAUSE_FILLED, 0, side, c[s.order(name) + L.ORDER_GENERATION], 0)
    wipe_journal(s, j)
    s.r_count += 1
    if s.r_count == s.r_fills:
        s.r_phase = DONE


def start_undo(s: State) -> None:
    """Begin to take the fills of a fill-or-kill order back (04-R15)."""
    s.r_reason = NOT_FILLED
    s.r_phase = UNDO if s.r_fills > 0 else DONE


def step_undo(s: State) -> None:
    """Take the last fill back (04-R15)."""
    c = s.cells
    s.r_fills -= 1
    j: i64 = journal(s.r_fills)
    name: i64 = c[j + L.JOURNAL_ORDER] - 1
    lots: i64 = c[j + L.JOURNAL_LOTS]
    price: i64 = c[j + L.JOURNAL_PRICE]
    fee: i64 = c[j + L.JOURNAL_FEE]
    maker: i64 = name >> P.SLOT_BITS
    dq: i64 = lots if s.r_side == 0 else -lots
    take_back(s, s.r_account, -dq, price, -fee)
    take_back(s, maker, dq, price, 0)
    pay_fee(s, -fee)
    o: i64 = s.order(name)
    s.touch(o)
    if c[j + L.JOURNAL_WHOLE] == 1:
        restore_order(s, name, j)
    # an order that was evicted after the fill stays away
    if c[o + L.ORDER_BOOK] != 0:
        c[o + L.ORDER_LEFT] = c[o + L.ORDER_LEFT] + lots
        c[o + L.ORDER_FILLED] = c[j + L.JOURNAL_FILLED]
    s.r_left += lots
    s.r_filled -= lots
    s.r_notional -= lots * price
    wipe_journal(s, j)
    if s.r_fills == 0:
        s.r_phase = DONE


def take_back(s: State, account: i64, dq: i64, price: i64, cost: i64) -> None:
    """Reverse one side of a fill; its requirement is computed anew from the sums, nothing is judged."""
    c = s.cells
    n: i64 = s.instrument(s.r_instrument)
    u: i64 = c[n + L.INSTRUMENT_UNDERLYING]
    part: i64 = compute_part(s, s.risk(account, u), n, s.get_position_lots(account, s.r_instrument), dq)
    apply_fill(s, account, s.r_instrument, dq, price, cost, part)


def restore_order(s: State, name: i64, j: i64) -> None:
    """Put a maker's order that was filled up back at the head of its side, with its lock."""
    c = s.cells
    o: i64 = s.order(name)
    side: i64 = s.r_instrument * 2 + 1 - s.r_side
    c[o + L.ORDER_BOOK] = side + 1
    c[o + L.ORDER_PRICE] = c[j + L.JOURNAL_PRICE]
    c[o + L.ORDER_TERMS] = c[j + L.JOURNAL_TERMS]
    relink_head(s, name, side, c[j + L.JOURNAL_PRICE])
    set_slot(s, name, True)
    move_lock(s, name >> P.SLOT_BITS, P.REST_LOCK_MICROS)
