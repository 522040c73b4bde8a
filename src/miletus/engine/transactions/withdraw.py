"""Withdraw: cash leaves to the owner's L1 address through the outbox (03-R17)."""

from mypy_extensions import i64

from miletus.engine import events as E
from miletus.engine import layout as L
from miletus.engine import params as P
from miletus.engine import segment as G
from miletus.engine.crypto import Crypto
from miletus.engine.margin import compute_equity, compute_requirement
from miletus.engine.phases import DONE, PAY
from miletus.engine.reasons import BAD_AMOUNT, MARGIN, OK, OUTBOX_FULL, STALE, WIDTH
from miletus.engine.refresh import start_refresh
from miletus.engine.segment import Segment
from miletus.engine.state import State
from miletus.engine.transactions.authorise import SCOPE_WITHDRAW, authorise, refuse


def apply_withdraw(s: State, crypto: Crypto, segment: Segment, at: i64) -> None:
    """Begin a withdrawal: every underlying of the account is refreshed first."""
    # AUTHORISE
    if not authorise(s, crypto, segment, at, SCOPE_WITHDRAW):
        return
    # CHECK
    s.r_amount = segment.records[at + G.R_FIELDS]
    if s.r_amount < 1:
        refuse(s, BAD_AMOUNT)
        return
    start_refresh(s, s.r_account, 1, PAY)


def check_leave(s: State) -> i64:
    """Whether the amount may leave the account: fresh oracle, margin at both marks (05-R10)."""
    c = s.cells
    now_s: i64 = c[L.CLOCK_MS] // 1000
    u: i64 = 0
    n: i64 = c[L.UNDERLYINGS]
    while u < n:
        ua: i64 = s.underlying(u)
        if c[s.risk(s.r_account, u) + L.GROSS] != 0 and (
            now_s - c[ua + L.TICK_TIME_S] > P.TICK_MAX_AGE_S
            or now_s - c[ua + L.SHEET_TIME_S] > P.SHEET_MAX_AGE_S
        ):
            return STALE
        u += 1
    required: i64 = compute_requirement(s, s.r_account)
    cash: i64 = c[s.header(s.r_account) + L.CASH]
    if compute_equity(s, s.r_account) - s.r_amount < required or cash + s.r_slow - s.r_amount < required:
        return MARGIN
    return OK


def step_pay(s: State, crypto: Crypto) -> None:
    """Carry out a Withdraw or a Transfer once the account is fresh."""
    c = s.cells
    reason: i64 = check_leave(s)
    to: i64 = s.r_to
    if reason == OK and s.r_kind == G.WITHDRAW and c[L.OUTBOX_COUNT] >= P.MAX_OUTBOX:
        reason = OUTBOX_FULL
    if reason == OK and s.r_kind == G.TRANSFER:
        if c[s.header(to) + L.CASH] + s.r_amount >= P.CASH_LIMIT_MICROS:
            reason = WIDTH
    if reason != OK:
        refuse(s, reason)
        return
    # APPLY
    h: i64 = s.header(s.r_account)
    s.touch(h)
    c[h + L.CASH] = c[h + L.CASH] - s.r_amount
    if s.r_kind == G.TRANSFER:
        s.touch(s.header(to))
        c[s.header(to) + L.CASH] = c[s.header(to) + L.CASH] + s.r_amount
        s.emit(E.TRANSFERRED, s.r_account, to, s.r_amount, 0, 0, 0)
    else:
        s.touch(L.OUTBOX_COUNT)
        c[L.OUTBOX_COUNT] = c[L.OUTBOX_COUNT] + 1
        c[L.WITHDRAWN] = c[L.WITHDRAWN] + s.r_amount
        crypto.absorb_withdrawal(s, h, s.r_amount, L.OUTBOX)
        append_outbox(s, h)
        s.emit(E.WITHDRAWN, s.r_account, s.r_amount, 0, 0, 0, 0)
    # PUBLISH
    s.r_phase = DONE


def append_outbox(s: State, h: i64) -> None:
    """Put (owner, amount) at the end of the batch's list, which is posted on L1."""
    c = s.cells
    owner: int = 0
    k: i64 = 3
    while k >= 0:
        owner = owner * 4_503_599_627_370_496 + int(c[h + L.OWNER + k])
        k -= 1
    s.outbox.append((owner, int(s.r_amount)))
