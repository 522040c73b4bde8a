"""Transfer: cash from one account to another (03-R18)."""

from mypy_extensions import i64

from miletus.engine import segment as G
from miletus.engine.crypto import Crypto
from miletus.engine.phases import PAY
from miletus.engine.reasons import BAD_AMOUNT, UNKNOWN_ACCOUNT
from miletus.engine.refresh import start_refresh
from miletus.engine.segment import Segment
from miletus.engine.state import State
from miletus.engine.transactions.authorise import SCOPE_TRANSFER, authorise, exists, refuse


def apply_transfer(s: State, crypto: Crypto, segment: Segment, at: i64) -> None:
    """Begin a transfer; it ends in `withdraw.step_pay`, which checks and moves for both."""
    # AUTHORISE
    if not authorise(s, crypto, segment, at, SCOPE_TRANSFER):
        return
    # CHECK
    to: i64 = segment.records[at + G.R_FIELDS]
    s.r_amount = segment.records[at + G.R_FIELDS + 1]
    if s.r_amount < 1:
        refuse(s, BAD_AMOUNT)
        return
    if to == s.r_account or not exists(s, to):
        refuse(s, UNKNOWN_ACCOUNT)
        return
    s.r_to = to
    start_refresh(s, s.r_account, 1, PAY)
