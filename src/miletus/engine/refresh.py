"""REFRESH: rebuild an account's sums after a sheet or a settlement, step by step (05-R09, 05-R10, 07-R05)."""

from mypy_extensions import i64

from miletus.engine import layout as L
from miletus.engine import params as P
from miletus.engine.events import SWEPT
from miletus.engine.layout import PAGE
from miletus.engine.margin import add_entry, compute_floor, compute_short, compute_worst, unlink_position
from miletus.engine.numbers import magnitude
from miletus.engine.phases import REFRESH
from miletus.engine.state import State


def find_stale(s: State, account: i64, first: i64) -> i64:
    """First underlying from `first` on in which the account's sums are stale, or their number."""
    c = s.cells
    n: i64 = c[L.UNDERLYINGS]
    u: i64 = first
    while u < n:
        if c[s.risk(account, u) + L.EPOCH] != c[s.underlying(u) + L.RISK_EPOCH]:
            return u
        u += 1
    return n


def is_stale(s: State, account: i64) -> bool:
    """Whether the account must be refreshed before it is judged (05-R08)."""
    return find_stale(s, account, 0) < s.cells[L.UNDERLYINGS]


def start_refresh(s: State, account: i64, force: i64, back: i64) -> None:
    """Make the machine refresh `account` and go on in phase `back`.

    `force` = 1 rebuilds every underlying; with 0 the account must be stale.
    """
    s.r_refresh = account
    s.r_refresh_back = back
    s.r_force = force
    s.r_slow = 0
    s.r_underlying = 0 if force == 1 else find_stale(s, account, 0)
    s.r_phase = REFRESH


def step_refresh(s: State) -> None:
    """One step: begin an underlying, add or sweep one position, or finish the underlying.

    `r_position` is 0 before an underlying is begun, then 1 + instrument of the position that is next, and
    -1 when the list is at its end.
    """
    if s.r_position == 0:
        begin_underlying(s)
    else:
        take_position(s, s.r_position - 1)
    if s.r_position == -1:
        finish_underlying(s)


def begin_underlying(s: State) -> None:
    """Set the sums to zero and stand before the first position."""
    c = s.cells
    r: i64 = s.risk(s.r_refresh, s.r_underlying)
    first: i64 = c[r + L.FIRST_POSITION]
    s.touch(r)
    k: i64 = L.SUMS
    while k < L.EPOCH:
        c[r + k] = 0
        k += 1
    s.r_position = first if first != 0 else -1


def take_position(s: State, instrument: i64) -> None:
    """Add one position to the sums, or sweep it if its instrument is settled."""
    c = s.cells
    account: i64 = s.r_refresh
    n: i64 = s.instrument(instrument)
    r: i64 = s.risk(account, s.r_underlying)
    p: i64 = s.position(account, instrument)
    following: i64 = c[p + L.POSITION_NEXT]
    lots: i64 = c[p + L.POSITION_SIZE]
    s.touch(r)
    if c[n + L.INSTRUMENT_STATE] == 2:
        sweep(s, account, instrument)
    else:
        e: i64 = s.entry(n, s.underlying(s.r_underlying))
        add_entry(s, r, e, lots)
        c[r + L.GROSS] = c[r + L.GROSS] + magnitude(lots)
        c[r + L.SHORT] = c[r + L.SHORT] + compute_short(c[n + L.INSTRUMENT_TYPE], lots)
        slow: i64 = c[n + L.SLOW_MARK]
        if lots > 0:
            s.r_slow += lots * (slow // P.SLOW_ONE)
        else:
            s.r_slow += lots * ((slow + P.SLOW_ONE - 1) // P.SLOW_ONE)
    s.r_position = following if following != 0 else -1


def sweep(s: State, account: i64, instrument: i64) -> None:
    """Pay a position's payoff from the instrument's clearing account and close it (07-R05)."""
    c = s.cells
    n: i64 = s.instrument(instrument)
    book: i64 = n + PAGE
    h: i64 = s.header(account)
    p: i64 = s.position(account, instrument)
    lots: i64 = c[p + L.POSITION_SIZE]
    payoff: i64 = c[n + L.PAYOFF]
    s.touch(h)
    s.touch(p)
    s.touch(book)
    c[h + L.CASH] = c[h + L.CASH] + lots * payoff
    c[book + L.CLEARING_CASH] = c[book + L.CLEARING_CASH] - lots * payoff
    c[book + L.CLEARING_POSITION] = c[book + L.CLEARING_POSITION] + lots
    if lots > 0:
        c[book + L.OPEN_INTEREST] = c[book + L.OPEN_INTEREST] - lots
    c[p + L.POSITION_SIZE] = 0
    unlink_position(s, account, s.r_underlying, instrument)
    s.emit(SWEPT, account, instrument, lots, payoff, 0, 0)


def finish_underlying(s: State) -> None:
    """Store requirement and epoch, and go to the next underlying or back to the phase that asked.

    The page is touched already: this comes in the step that began the underlying or took its last position.
    """
    c = s.cells
    account: i64 = s.r_refresh
    u: i64 = s.r_underlying
    r: i64 = s.risk(account, u)
    ua: i64 = s.underlying(u)
    if c[r + L.GROSS] != 0:
        c[r + L.REQUIREMENT] = compute_worst(s, r, r, 0) + compute_floor(
            c[r + L.SHORT], c[ua + L.SHEET_REFERENCE]
        )
    c[r + L.EPOCH] = c[ua + L.RISK_EPOCH]
    s.r_underlying = u + 1 if s.r_force == 1 else find_stale(s, account, u + 1)
    s.r_position = 0
    if s.r_underlying >= c[L.UNDERLYINGS]:
        s.r_phase = s.r_refresh_back
