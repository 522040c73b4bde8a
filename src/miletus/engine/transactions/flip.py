"""Flip: the sheet that was filled comes into force, once approved (06-R07)."""

from mypy_extensions import i64

from miletus.engine import events as E
from miletus.engine import layout as L
from miletus.engine import params as P
from miletus.engine.numbers import magnitude
from miletus.engine.reasons import BAD_PRICE, BAD_SHEET, BAD_TIME, OK, TICK_BAND, UNKNOWN_UNDERLYING
from miletus.engine.state import State


def carry_out_flip(s: State, stage: i64) -> i64:
    """Put the flip on the stage at address `stage` in force. Returns the reason."""
    c = s.cells
    f: i64 = stage + L.STAGED_FIELDS
    underlying: i64 = c[f]
    reference: i64 = c[f + 2]
    time_s: i64 = c[f + 3]
    # CHECK
    if underlying >= c[L.UNDERLYINGS]:
        return UNKNOWN_UNDERLYING
    ua: i64 = s.underlying(underlying)
    if not is_complete(s, stage, ua, c[f + 1], c[f + 4]):
        return BAD_SHEET
    if reference < 1 or reference >= P.PRICE_LIMIT:
        return BAD_PRICE
    index: i64 = c[ua + L.INDEX]
    if magnitude(reference - index) * 1000 > index * P.SHEET_REFERENCE_PERMILLE:
        return TICK_BAND
    if reference > 2 * c[ua + L.FILLING_INDEX]:
        return TICK_BAND
    if time_s <= c[ua + L.SHEET_TIME_S] or time_s > c[L.CLOCK_MS] // 1000 + P.ORACLE_AHEAD_S:
        return BAD_TIME
    # APPLY
    s.touch(ua)
    c[ua + L.SHEET_NUMBER] = c[f + 1]
    c[ua + L.SHEET_REFERENCE] = reference
    c[ua + L.SHEET_TIME_S] = time_s
    c[ua + L.SHEET_TAG] = c[ua + L.FILLING_TAG]
    c[ua + L.SHEET_BUFFER] = 1 - c[ua + L.SHEET_BUFFER]
    c[ua + L.RISK_EPOCH] = c[ua + L.RISK_EPOCH] + 1
    close_filling(s, ua)
    # PUBLISH
    s.emit(E.FLIPPED, underlying, c[f + 1], reference, 0, 0, 0)
    return OK


def close_filling(s: State, ua: i64) -> None:
    """Forget the filling in progress: it no longer fits what is listed, or it is in force (06-R06)."""
    c = s.cells
    c[ua + L.FILLING_OPEN] = 0
    c[ua + L.FILLING_COUNT] = 0
    c[ua + L.FILLING_INDEX] = 0
    k: i64 = 0
    while k < L.LIMBS:
        c[ua + L.FILLING_HASH + k] = 0
        k += 1


def is_complete(s: State, stage: i64, ua: i64, number: i64, count: i64) -> bool:
    """Whether the open filling is what was signed and covers every live instrument."""
    c = s.cells
    if c[ua + L.FILLING_OPEN] == 0 or number != c[ua + L.SHEET_NUMBER] + 1:
        return False
    if count == 0 or count != c[ua + L.FILLING_COUNT] or count != c[ua + L.LISTED]:
        return False
    k: i64 = 0
    while k < L.LIMBS:
        if c[ua + L.FILLING_HASH + k] != c[stage + L.STAGED_HASH + k]:
            return False
        k += 1
    return True
