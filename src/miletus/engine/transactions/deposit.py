"""Deposit: money that arrived on L1 (03-R13). Inbox only."""

from mypy_extensions import i64

from miletus.engine import events as E
from miletus.engine import layout as L
from miletus.engine import params as P
from miletus.engine import segment as G
from miletus.engine.phases import DONE
from miletus.engine.reasons import BAD_ACCOUNT, BAD_AMOUNT, WIDTH
from miletus.engine.segment import Segment
from miletus.engine.state import State
from miletus.engine.transactions.authorise import refuse


def apply_deposit(s: State, segment: Segment, at: i64) -> None:
    """Add an amount to an account, and give a new account its owner. The machine has made room for it."""
    v = segment.records
    c = s.cells
    f: i64 = at + G.R_FIELDS
    account: i64 = v[at + G.R_ACCOUNT]
    amount: i64 = v[f + 4]
    # AUTHORISE: the source of the segment is all
    # CHECK
    if account < P.FIRST_ACCOUNT or account >= P.MAX_ACCOUNTS:
        refuse(s, BAD_ACCOUNT)
        return
    h: i64 = s.header(account)
    fresh: bool = True
    same: bool = True
    named: bool = False
    k: i64 = 0
    while k < 4:
        if c[h + k] != 0:
            fresh = False
        if c[h + k] != v[f + k]:
            same = False
        if v[f + k] != 0:
            named = True
        k += 1
    if not named or not (fresh or same):
        refuse(s, BAD_ACCOUNT)
        return
    if amount < 1:
        refuse(s, BAD_AMOUNT)
        return
    if c[h + L.CASH] + amount >= P.CASH_LIMIT_MICROS or c[L.DEPOSITED] + amount >= P.CASH_LIMIT_MICROS:
        refuse(s, WIDTH)
        return
    # APPLY: the machine's header was touched when the inbox's cursor moved
    s.touch(h)
    k = 0
    while k < 4:
        c[h + k] = v[f + k]
        k += 1
    c[h + L.CASH] = c[h + L.CASH] + amount
    c[L.DEPOSITED] = c[L.DEPOSITED] + amount
    # PUBLISH
    s.emit(E.DEPOSITED, account, amount, 0, 0, 0, 0)
    s.r_phase = DONE
