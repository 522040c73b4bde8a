"""Proposals of the oracle and their approval by m of its n signers (06-R01, 06-R02)."""

from mypy_extensions import i64

from miletus.engine import layout as L
from miletus.engine import segment as G
from miletus.engine.crypto import Crypto
from miletus.engine.phases import DONE
from miletus.engine.reasons import (
    ALREADY_APPROVED,
    BAD_SIGNATURE,
    NOTHING_STAGED,
    UNKNOWN_SIGNER,
)
from miletus.engine.segment import Segment
from miletus.engine.state import SIGNERS_BASE, State, get_stage
from miletus.engine.transactions.authorise import refuse
from miletus.engine.transactions.flip import carry_out_flip
from miletus.engine.transactions.index_tick import carry_out_index_tick
from miletus.engine.transactions.list_instrument import carry_out_list


def apply_proposal(s: State, segment: Segment, at: i64) -> None:
    """Put an IndexTick, Flip or List on the stage, in the place of whatever is there (06-R01)."""
    v = segment.records
    c = s.cells
    stage: i64 = get_stage(segment.source)
    s.touch(stage)
    clear_stage(s, stage)
    c[stage + L.STAGED_KIND] = s.r_kind
    k: i64 = 0
    while k < L.LIMBS:
        c[stage + L.STAGED_PAYLOAD + k] = v[at + G.R_PAYLOAD + k]
        k += 1
    k = 0
    while k < L.STAGED_COUNT:
        c[stage + L.STAGED_FIELDS + k] = v[at + G.R_FIELDS + k]
        k += 1
    if s.r_kind == G.FLIP and v[at + G.R_FIELDS] < c[L.UNDERLYINGS]:
        ua: i64 = s.underlying(v[at + G.R_FIELDS])
        k = 0
        while k < L.LIMBS:
            c[stage + L.STAGED_HASH + k] = c[ua + L.FILLING_HASH + k]
            k += 1
    s.r_phase = DONE


def clear_stage(s: State, stage: i64) -> None:
    """Empty a stage, which must be touched already."""
    k: i64 = 0
    while k < 64:
        s.cells[stage + k] = 0
        k += 1


def apply_approve(s: State, crypto: Crypto, segment: Segment, at: i64) -> None:
    """Count a signer's approval; the last that is needed carries the proposal out (06-R02)."""
    c = s.cells
    stage: i64 = get_stage(segment.source)
    signer: i64 = segment.records[at + G.R_FIELDS]
    # CHECK
    if c[stage + L.STAGED_KIND] == 0:
        refuse(s, NOTHING_STAGED)
        return
    if signer >= c[L.SIGNERS]:
        refuse(s, UNKNOWN_SIGNER)
        return
    if c[stage + L.APPROVALS] // s.pow2[signer] % 2 == 1:
        refuse(s, ALREADY_APPROVED)
        return
    # AUTHORISE
    key: i64 = SIGNERS_BASE + signer * L.KEY_RECORD
    if not crypto.verify_approval(s, segment, at // G.RECORD, key):
        refuse(s, BAD_SIGNATURE)
        return
    # APPLY
    s.touch(stage)
    c[stage + L.APPROVALS] = c[stage + L.APPROVALS] + s.pow2[signer]
    c[stage + L.APPROVAL_COUNT] = c[stage + L.APPROVAL_COUNT] + 1
    if c[stage + L.APPROVAL_COUNT] >= c[L.THRESHOLD]:
        kind: i64 = c[stage + L.STAGED_KIND]
        if kind == G.INDEX_TICK:
            s.r_reason = carry_out_index_tick(s, stage)
        elif kind == G.FLIP:
            s.r_reason = carry_out_flip(s, stage)
        else:
            s.r_reason = carry_out_list(s, stage)
        clear_stage(s, stage)
    # PUBLISH
    s.r_phase = DONE
