"""SheetEntry: one instrument's values for the next sheet (06-R06, 06-R09)."""

from mypy_extensions import i64

from miletus.engine import layout as L
from miletus.engine import params as P
from miletus.engine import segment as G
from miletus.engine.crypto import Crypto
from miletus.engine.margin import compute_quadratic
from miletus.engine.numbers import magnitude
from miletus.engine.phases import DONE
from miletus.engine.reasons import (
    BAD_SHEET,
    DUPLICATE,
    MARK_BAND,
    NO_INDEX,
    OK,
    SHEET_GAMMA,
    UNKNOWN_INSTRUMENT,
    UNKNOWN_UNDERLYING,
    WIDTH,
)
from miletus.engine.segment import Segment
from miletus.engine.state import State
from miletus.engine.transactions.authorise import refuse


def apply_sheet_entry(s: State, crypto: Crypto, segment: Segment, at: i64) -> None:
    """Put an entry into the buffer that is not in force."""
    c = s.cells
    v = segment.records
    f: i64 = at + G.R_FIELDS
    underlying: i64 = v[f]
    instrument: i64 = v[f + 2]
    if underlying >= c[L.UNDERLYINGS]:
        refuse(s, UNKNOWN_UNDERLYING)
        return
    ua: i64 = s.underlying(underlying)
    # CHECK
    reason: i64 = check_entry(s, segment, f, ua)
    if reason != OK:
        refuse(s, reason)
        return
    # APPLY
    n: i64 = s.instrument(instrument)
    s.touch(n)
    s.touch(ua)
    if v[f + 1] == 1:
        open_filling(s, ua)
    follow_slow_mark(s, n, ua, v[f + 3])
    spare: i64 = n + L.ENTRIES + (1 - c[ua + L.SHEET_BUFFER]) * L.ENTRY_RECORD
    k: i64 = 0
    while k < P.SCENARIOS:
        c[spare + k] = v[f + 6 + k]
        k += 1
    c[spare + L.ENTRY_MARK] = v[f + 3]
    c[spare + L.ENTRY_DELTA] = v[f + 4]
    c[spare + L.ENTRY_GAMMA] = v[f + 5]
    c[spare + L.ENTRY_TAG] = c[ua + L.FILLING_TAG]
    c[ua + L.FILLING_COUNT] = c[ua + L.FILLING_COUNT] + 1
    crypto.absorb_entry(s, segment, at // G.RECORD, ua + L.FILLING_HASH)
    # PUBLISH
    s.r_phase = DONE


def open_filling(s: State, ua: i64) -> None:
    """Start a new sheet; entries of an abandoned one carry another tag and never count."""
    c = s.cells
    c[ua + L.FILLING_TAG] = c[ua + L.FILLING_TAG] + 1
    c[ua + L.FILLING_OPEN] = 1
    c[ua + L.FILLING_COUNT] = 0
    c[ua + L.FILLING_INDEX] = c[ua + L.INDEX]
    k: i64 = 0
    while k < L.LIMBS:
        c[ua + L.FILLING_HASH + k] = 0
        k += 1


def check_entry(s: State, segment: Segment, f: i64, ua: i64) -> i64:
    """Reason that an entry is refused for, or OK (06-R06)."""
    c = s.cells
    v = segment.records
    instrument: i64 = v[f + 2]
    mark: i64 = v[f + 3]
    first: bool = v[f + 1] == 1
    if not first and c[ua + L.FILLING_OPEN] == 0:
        return BAD_SHEET
    if instrument >= P.MAX_INSTRUMENTS:
        return UNKNOWN_INSTRUMENT
    n: i64 = s.instrument(instrument)
    if c[n + L.INSTRUMENT_STATE] != 1 or c[n + L.INSTRUMENT_UNDERLYING] != v[f]:
        return UNKNOWN_INSTRUMENT
    spare: i64 = n + L.ENTRIES + (1 - c[ua + L.SHEET_BUFFER]) * L.ENTRY_RECORD
    if not first and c[spare + L.ENTRY_TAG] == c[ua + L.FILLING_TAG]:
        return DUPLICATE
    index: i64 = c[ua + L.INDEX]
    if not fits(segment, f, index if first else c[ua + L.FILLING_INDEX]):
        return WIDTH
    if index == 0:
        return NO_INDEX
    e: i64 = s.entry(n, ua)
    if c[ua + L.SHEET_TAG] != 0 and c[e + L.ENTRY_TAG] == c[ua + L.SHEET_TAG]:
        age_s: i64 = c[L.CLOCK_MS] // 1000 - c[ua + L.SHEET_TIME_S]
        band: i64 = 50 + (age_s if age_s > 0 else 0) // 12
        if band > 500:
            band = 500
        if magnitude(mark - c[e + L.ENTRY_MARK]) * 1000 > index * band:
            return MARK_BAND
    highest: i64 = mark if mark > index // 100 else index // 100
    if compute_quadratic(0, v[f + 5], index // 200) > highest:
        return SHEET_GAMMA
    return OK


def fits(segment: Segment, f: i64, index: i64) -> bool:
    """Whether mark, delta, gamma and scenarios are within their widths (01-R03)."""
    v = segment.records
    if v[f + 3] >= P.PRICE_LIMIT or magnitude(v[f + 4]) > P.DELTA_LIMIT:
        return False
    if v[f + 5] >= P.GAMMA_LIMIT or v[f + 5] * index >= P.GAMMA_INDEX_LIMIT:
        return False
    k: i64 = 0
    while k < P.SCENARIOS:
        if magnitude(v[f + 6 + k]) >= P.PRICE_LIMIT:
            return False
        k += 1
    return True


def follow_slow_mark(s: State, n: i64, ua: i64, arriving: i64) -> None:
    """Let the mark in force act on the slow mark for the time that passed (06-R09)."""
    c = s.cells
    now_s: i64 = c[L.CLOCK_MS] // 1000
    e: i64 = s.entry(n, ua)
    if c[ua + L.SHEET_TAG] == 0 or c[e + L.ENTRY_TAG] != c[ua + L.SHEET_TAG]:
        c[n + L.SLOW_MARK] = arriving * P.SLOW_ONE
    else:
        dt: i64 = now_s - c[n + L.SLOW_TIME_S]
        if dt > P.SLOW_SECONDS:
            dt = P.SLOW_SECONDS
        slow: i64 = c[n + L.SLOW_MARK]
        c[n + L.SLOW_MARK] = slow + (c[e + L.ENTRY_MARK] * P.SLOW_ONE - slow) * dt // P.SLOW_SECONDS
    c[n + L.SLOW_TIME_S] = now_s
