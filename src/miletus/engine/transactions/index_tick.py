"""IndexTick: index and cumulative index of an underlying, once approved (06-R03 to 06-R05)."""

from typing import Final

from mypy_extensions import i64

from miletus.engine import events as E
from miletus.engine import layout as L
from miletus.engine import params as P
from miletus.engine.numbers import magnitude
from miletus.engine.reasons import BAD_PRICE, BAD_TICK, BAD_TIME, OK, TICK_BAND, UNKNOWN_UNDERLYING
from miletus.engine.state import READINGS_BASE, State

_DT_LIMIT_S: Final[i64] = 2_147_483_648


def reading(s: State, underlying: i64, time_s: i64) -> i64:
    """Address of the reading for a time, or -1 if the time is not one at which readings are kept (06-R05)."""
    day: i64 = time_s // P.DAY_S
    of_day: i64 = time_s - day * P.DAY_S
    which: i64 = 0
    if of_day == P.EXPIRY_TIME_OF_DAY_S:
        which = 1
    elif of_day != P.EXPIRY_TIME_OF_DAY_S - P.SETTLEMENT_WINDOW_S:
        return -1
    return READINGS_BASE + (underlying * 64 + day % P.READING_DAYS * 2 + which) * L.READING_RECORD


def carry_out_index_tick(s: State, stage: i64) -> i64:
    """Take the tick on the stage at address `stage`. Returns the reason."""
    c = s.cells
    f: i64 = stage + L.STAGED_FIELDS
    underlying: i64 = c[f]
    time_s: i64 = c[f + 1]
    index: i64 = c[f + 2]
    cumulative: i64 = c[f + 3]
    now_s: i64 = c[L.CLOCK_MS] // 1000
    # CHECK
    if underlying >= c[L.UNDERLYINGS]:
        return UNKNOWN_UNDERLYING
    if index < 1 or index >= P.PRICE_LIMIT:
        return BAD_PRICE
    if time_s > now_s + P.ORACLE_AHEAD_S:
        return BAD_TIME
    ua: i64 = s.underlying(underlying)
    at: i64 = reading(s, underlying, time_s)
    if c[ua + L.INDEX] != 0 and time_s <= c[ua + L.TICK_TIME_S]:
        return take_late_reading(s, underlying, at, time_s, cumulative, now_s)
    reason: i64 = check_tick(s, ua, time_s, index, cumulative)
    if reason != OK:
        return reason
    # APPLY
    s.touch(ua)
    c[ua + L.INDEX] = index
    c[ua + L.TICK_TIME_S] = time_s
    c[ua + L.CUMULATIVE] = cumulative
    if at >= 0:
        keep_reading(s, at, time_s, cumulative)
    # PUBLISH
    s.emit(E.INDEXED, underlying, index, time_s, 0, 0, 0)
    return OK


def check_tick(s: State, ua: i64, time_s: i64, index: i64, cumulative: i64) -> i64:
    """Bands of a tick against the one before it."""
    c = s.cells
    if cumulative >= P.CUMULATIVE_LIMIT:
        return BAD_TICK
    old: i64 = c[ua + L.INDEX]
    if old == 0:
        return OK
    dt: i64 = time_s - c[ua + L.TICK_TIME_S]
    if dt > _DT_LIMIT_S:
        dt = _DT_LIMIT_S
    high: i64 = index if index > old else old
    last: i64 = c[ua + L.CUMULATIVE]
    if cumulative < last or cumulative > last + 2 * high * dt:
        return BAD_TICK
    band: i64 = 10 + 2 * dt
    if band > 200:
        band = 200
    if magnitude(index - old) * 1000 > old * band:
        return TICK_BAND
    return OK


def take_late_reading(s: State, underlying: i64, at: i64, time_s: i64, cumulative: i64, now_s: i64) -> i64:
    """Keep a reading that comes after a later tick; the index stays (06-R05)."""
    if at < 0 or time_s < now_s - 31 * P.DAY_S or time_s <= s.cells[at + L.READING_TIME_S]:
        return BAD_TIME
    if cumulative >= P.CUMULATIVE_LIMIT:
        return BAD_TICK
    keep_reading(s, at, time_s, cumulative)
    s.emit(E.INDEXED, underlying, 0, time_s, 1, 0, 0)
    return OK


def keep_reading(s: State, at: i64, time_s: i64, cumulative: i64) -> None:
    """Store a reading if it is newer than what its place holds."""
    c = s.cells
    if time_s > c[at + L.READING_TIME_S]:
        s.touch(at)
        c[at + L.READING_TIME_S] = time_s
        c[at + L.READING_CUMULATIVE] = cumulative
