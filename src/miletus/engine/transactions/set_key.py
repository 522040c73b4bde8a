"""SetKey: bind a trading key to an account, from L1 or by a key with that scope (03-R14)."""

from mypy_extensions import i64

from miletus.engine import layout as L
from miletus.engine import params as P
from miletus.engine import segment as G
from miletus.engine.crypto import Crypto
from miletus.engine.elements import FIELD, read_element, write_element
from miletus.engine.phases import DONE
from miletus.engine.reasons import UNKNOWN_KEY
from miletus.engine.segment import Segment
from miletus.engine.state import State
from miletus.engine.transactions.authorise import SCOPE_KEYS, authorise, refuse


def apply_set_key(s: State, crypto: Crypto, segment: Segment, at: i64) -> None:
    """Write x, y, expiry and scope of a key slot; its nonce stays."""
    v = segment.records
    f: i64 = at + G.R_FIELDS
    # AUTHORISE
    if not authorise(s, crypto, segment, at, SCOPE_KEYS):
        return
    # CHECK
    slot: i64 = v[f]
    if slot >= P.KEYS:
        refuse(s, UNKNOWN_KEY)
        return
    # APPLY
    c = s.cells
    k: i64 = s.key(s.r_account, slot)
    s.touch(k)
    j: i64 = 0
    while j < 2 * L.LIMBS:
        c[k + L.KEY_X + j] = v[f + 3 + j]
        j += 1
    # 32 bytes can hold more than an element: what is stored is the element that they stand for
    write_element(s, k + L.KEY_X, read_element(s, k + L.KEY_X) % FIELD)
    write_element(s, k + L.KEY_Y, read_element(s, k + L.KEY_Y) % FIELD)
    c[k + L.KEY_SCOPE] = v[f + 1]
    c[k + L.KEY_EXPIRY_S] = v[f + 2]
    s.rekeyed[s.r_account * P.KEYS + slot] = s.run_number
    # PUBLISH
    s.r_phase = DONE
