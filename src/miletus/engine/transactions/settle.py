"""Settle: fix the payoff of an expired instrument, or clear a settled one's book (spec 07)."""

from mypy_extensions import i64

from miletus.engine import events as E
from miletus.engine import layout as L
from miletus.engine import params as P
from miletus.engine import segment as G
from miletus.engine.layout import PAGE
from miletus.engine.matching import start_unlink
from miletus.engine.numbers import positive
from miletus.engine.phases import CLEAR, DONE
from miletus.engine.reasons import NO_READING, TOO_EARLY, UNKNOWN_INSTRUMENT, WIDTH
from miletus.engine.segment import Segment
from miletus.engine.state import State
from miletus.engine.transactions.authorise import refuse
from miletus.engine.transactions.flip import close_filling
from miletus.engine.transactions.index_tick import reading


def apply_settle(s: State, segment: Segment, at: i64) -> None:
    """Settle an expired instrument (07-R01 to 07-R03)."""
    c = s.cells
    instrument: i64 = segment.records[at + G.R_FIELDS]
    s.r_instrument = instrument
    # CHECK
    if instrument >= P.MAX_INSTRUMENTS:
        refuse(s, UNKNOWN_INSTRUMENT)
        return
    n: i64 = s.instrument(instrument)
    expiry_s: i64 = c[n + L.EXPIRY_S]
    # 0 for a perpetual, and where nothing is listed
    if expiry_s == 0:
        refuse(s, UNKNOWN_INSTRUMENT)
        return
    if c[n + L.INSTRUMENT_STATE] == 2:
        s.r_detail = c[n + L.PAYOFF]
        s.r_phase = CLEAR
        return
    if c[L.CLOCK_MS] // 1000 < expiry_s:
        refuse(s, TOO_EARLY)
        return
    u: i64 = c[n + L.INSTRUMENT_UNDERLYING]
    close: i64 = reading(s, u, expiry_s)
    opens_s: i64 = expiry_s - P.SETTLEMENT_WINDOW_S
    opening: i64 = reading(s, u, opens_s)
    if c[close + L.READING_TIME_S] != expiry_s or c[opening + L.READING_TIME_S] != opens_s:
        refuse(s, NO_READING)
        return
    area: i64 = c[close + L.READING_CUMULATIVE] - c[opening + L.READING_CUMULATIVE]
    price: i64 = area // P.SETTLEMENT_WINDOW_S
    if price < 1 or price >= P.PRICE_LIMIT:
        refuse(s, WIDTH)
        return
    # APPLY
    fix_payoff(s, instrument, price)
    # PUBLISH
    s.r_phase = DONE


def compute_payoff(kind: i64, strike: i64, price: i64) -> i64:
    """Payoff of a lot, in ticks (07-R03)."""
    if kind == 0:
        return positive(price - strike)
    if kind == 1:
        return positive(strike - price)
    return price


def fix_payoff(s: State, instrument: i64, price: i64) -> None:
    """Settle at a price: payoff, slow mark, and stale sums for whoever holds it."""
    c = s.cells
    n: i64 = s.instrument(instrument)
    ua: i64 = s.underlying(c[n + L.INSTRUMENT_UNDERLYING])
    payoff: i64 = compute_payoff(c[n + L.INSTRUMENT_TYPE], c[n + L.STRIKE], price)
    s.touch(n)
    s.touch(ua)
    c[n + L.INSTRUMENT_STATE] = 2
    c[n + L.PAYOFF] = payoff
    c[n + L.SLOW_MARK] = payoff * P.SLOW_ONE
    c[ua + L.LISTED] = c[ua + L.LISTED] - 1
    close_filling(s, ua)
    c[ua + L.RISK_EPOCH] = c[ua + L.RISK_EPOCH] + 1
    s.r_detail = payoff
    s.emit(E.SETTLED, instrument, payoff, price, 0, 0, 0)


def step_clear(s: State) -> None:
    """Remove one head of a settled instrument's book (07-R04)."""
    c = s.cells
    b: i64 = s.instrument(s.r_instrument) + PAGE
    head: i64 = c[b + L.HEAD_BID]
    if head == 0:
        head = c[b + L.HEAD_ASK]
    if head == 0 or s.r_heads >= P.MAX_MAKERS:
        s.r_phase = DONE
        return
    s.r_heads += 1
    start_unlink(s, head - 1, E.CAUSE_SETTLED, CLEAR)
