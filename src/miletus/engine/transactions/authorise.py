"""AUTHORISE of the signed operations (03-R05 to 03-R12)."""

from typing import Final

from mypy_extensions import i64

from miletus.engine import layout as L
from miletus.engine import params as P
from miletus.engine import segment as G
from miletus.engine.crypto import Crypto
from miletus.engine.phases import DONE
from miletus.engine.reasons import (
    BAD_SIGNATURE,
    KEY_EXPIRED,
    NONCE_USED,
    OK,
    OUT_OF_SCOPE,
    OUT_OF_TIME,
    UNKNOWN_ACCOUNT,
    UNKNOWN_KEY,
)
from miletus.engine.segment import Segment
from miletus.engine.state import State

SCOPE_TRADE: Final[i64] = 1
SCOPE_TRANSFER: Final[i64] = 2
SCOPE_WITHDRAW: Final[i64] = 4
SCOPE_KEYS: Final[i64] = 8


def refuse(s: State, reason: i64) -> None:
    """End the operation with a reason."""
    s.r_reason = reason
    s.r_phase = DONE


def exists(s: State, account: i64) -> bool:
    """Whether the account has an owner."""
    if account < P.FIRST_ACCOUNT or account >= s.capacity:
        return False
    c = s.cells
    h: i64 = s.header(account)
    return c[h] != 0 or c[h + 1] != 0 or c[h + 2] != 0 or c[h + 3] != 0


def authorise(s: State, crypto: Crypto, segment: Segment, at: i64, scope: i64) -> bool:
    """Check account, key, nonce, time and signature of the record at `at`.

    Takes the nonce and says True, or refuses and says False. In an inbox segment only the account must exist.
    """
    v = segment.records
    account: i64 = v[at + G.R_ACCOUNT]
    if not exists(s, account):
        refuse(s, UNKNOWN_ACCOUNT)
        return False
    s.r_account = account
    if segment.source == G.INBOX:
        return True
    reason: i64 = check_key(s, crypto, segment, at, scope)
    if reason != OK:
        refuse(s, reason)
        return False
    k: i64 = s.key(account, v[at + G.R_KEY])
    s.touch(k)
    s.cells[k + L.KEY_NONCE] = v[at + G.R_NONCE]
    return True


def check_key(s: State, crypto: Crypto, segment: Segment, at: i64, scope: i64) -> i64:
    """Reason that the record's key gives (03-R06 to 03-R10)."""
    c = s.cells
    v = segment.records
    account: i64 = v[at + G.R_ACCOUNT]
    key: i64 = v[at + G.R_KEY]
    if key >= P.KEYS:
        return UNKNOWN_KEY
    k: i64 = s.key(account, key)
    if is_zero(s, k, 2 * L.LIMBS):
        return UNKNOWN_KEY
    now_s: i64 = c[L.CLOCK_MS] // 1000
    expiry_s: i64 = c[k + L.KEY_EXPIRY_S]
    if expiry_s != 0 and expiry_s < now_s:
        return KEY_EXPIRED
    if c[k + L.KEY_SCOPE] // scope % 2 == 0:
        return OUT_OF_SCOPE
    if v[at + G.R_NONCE] <= c[k + L.KEY_NONCE]:
        return NONCE_USED
    if v[at + G.R_VALID_UNTIL_S] < now_s:
        return OUT_OF_TIME
    if s.rekeyed[account * P.KEYS + key] == s.run_number:
        return OK if crypto.verify_record(s, segment, at // G.RECORD, k) else BAD_SIGNATURE
    return OK if v[at + G.R_SIGNED] == 1 else BAD_SIGNATURE


def is_zero(s: State, address: i64, count: i64) -> bool:
    """Whether `count` fields from `address` are all zero."""
    k: i64 = 0
    while k < count:
        if s.cells[address + k] != 0:
            return False
        k += 1
    return True
