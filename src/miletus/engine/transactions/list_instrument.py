"""List: a new instrument, once approved (06-R10)."""

from mypy_extensions import i64

from miletus.engine import events as E
from miletus.engine import layout as L
from miletus.engine import params as P
from miletus.engine.layout import PAGE
from miletus.engine.reasons import BAD_LISTING, DUPLICATE, OK
from miletus.engine.state import State
from miletus.engine.transactions.flip import close_filling


def carry_out_list(s: State, stage: i64) -> i64:
    """List the instrument on the stage at address `stage`. Returns the reason."""
    c = s.cells
    f: i64 = stage + L.STAGED_FIELDS
    instrument: i64 = c[f]
    # CHECK
    if instrument >= P.MAX_INSTRUMENTS or not is_free(s, instrument):
        return DUPLICATE
    if not is_sound(s, stage):
        return BAD_LISTING
    # APPLY
    n: i64 = s.instrument(instrument)
    ua: i64 = s.underlying(c[f + 2])
    s.touch(n)
    s.touch(ua)
    k: i64 = 0
    while k < PAGE:
        c[n + k] = 0
        k += 1
    c[n + L.INSTRUMENT_STATE] = 1
    k = 0
    while k < 7:
        c[n + L.INSTRUMENT_TYPE + k] = c[f + 1 + k]
        k += 1
    c[ua + L.LISTED] = c[ua + L.LISTED] + 1
    close_filling(s, ua)
    # PUBLISH
    s.emit(E.LISTED, instrument, 0, 0, 0, 0, 0)
    return OK


def is_free(s: State, instrument: i64) -> bool:
    """Whether the instrument's place was never used, or all of its former one is settled and gone."""
    c = s.cells
    n: i64 = s.instrument(instrument)
    if c[n + L.INSTRUMENT_STATE] == 0:
        return True
    b: i64 = n + PAGE
    return (
        c[n + L.INSTRUMENT_STATE] == 2
        and c[b + L.OPEN_INTEREST] == 0
        and c[b + L.HEAD_BID] == 0
        and c[b + L.HEAD_ASK] == 0
        and c[b + L.CLEARING_POSITION] == 0
    )


def is_sound(s: State, stage: i64) -> bool:
    """Whether the staged definition makes sense."""
    c = s.cells
    f: i64 = stage + L.STAGED_FIELDS
    kind: i64 = c[f + 1]
    strike: i64 = c[f + 3]
    expiry_s: i64 = c[f + 4]
    lot_step: i64 = c[f + 6]
    min_size: i64 = c[f + 7]
    if kind > 3 or c[f + 2] >= c[L.UNDERLYINGS] or c[f + 5] < 1 or lot_step < 1:
        return False
    if min_size < 1 or min_size > P.MAX_ORDER_LOTS or min_size % lot_step != 0:
        return False
    if kind <= 1:
        if strike < 1 or strike >= P.PRICE_LIMIT:
            return False
    elif strike != 0:
        return False
    if kind == 3:
        return expiry_s == 0
    return expiry_s % P.DAY_S == P.EXPIRY_TIME_OF_DAY_S and expiry_s * 1000 > c[L.CLOCK_MS]
