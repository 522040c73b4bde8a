"""The oracle's words, and Settle: unsigned, so taken only when they will do something (09-R13)."""

from typing import Final

from miletus.codec import CodecError, decode_segment, get_signature, payload_element
from miletus.codec.table import BY_KIND, WORD_BYTES
from miletus.codec.view import view_operations
from miletus.engine import layout, params
from miletus.engine import segment as kinds
from miletus.engine.elements import read_element
from miletus.engine.machine import Machine
from miletus.engine.reasons import Reason
from miletus.engine.state import SIGNERS_BASE, State
from miletus.engine.transactions.index_tick import reading
from miletus.native import NativeCrypto, absorb_entry, message, verify_many
from miletus.sequencer.errors import Refused

PROPOSALS: Final = (int(kinds.INDEX_TICK), int(kinds.FLIP), int(kinds.LIST))
MAX_BUNDLE_WORDS: Final = 16_384
"""Words of a bundle, at most: a sheet of every instrument and its approvals."""


def admit_bundle(machine: Machine, words: bytes, now_s: int) -> list[bytes]:
    """Split a bundle of the oracle into its operations; Refused if it may not enter the log.

    A bundle is any number of IndexTick, List or Flip, each followed by Approve of at least m distinct
    signers; before a Flip come the entries of its sheet. `now_s` is the second that the clock will be at.
    """
    operations = split_bundle(words)
    state = machine.state
    crypto = machine.crypto
    assert isinstance(crypto, NativeCrypto)
    hashes: dict[int, int] = {}
    entries: set[int] = set()
    at = 0
    while at < len(operations):
        kind = operations[at][0]
        if kind == kinds.SHEET_ENTRY:
            underlying = operations[at][1]
            hashes[underlying] = compute_sheet_hash(state, hashes.get(underlying), operations[at])
            entries.add(underlying)
            at += 1
        elif kind in PROPOSALS:
            end = at + 1
            while end < len(operations) and operations[end][0] == kinds.APPROVE:
                end += 1
            underlying = operations[at][1]
            staged = 0
            if kind == kinds.FLIP:
                entries.discard(underlying)
                staged = hashes.get(underlying, read_filling_hash(state, underlying))
            require_new(state, operations[at], now_s)
            require_approved(state, crypto.domain, operations[at], staged, operations[at + 1 : end])
            at = end
        else:
            raise Refused(f"a bundle holds no {get_title(kind)} there: entries, a proposal, its approvals")
    if entries:
        raise Refused("sheet entries without an approved Flip after them: send the whole sheet in one bundle")
    return operations


def split_bundle(words: bytes) -> list[bytes]:
    """Operations of a bundle; Refused if they are not whole."""
    count = len(words) // WORD_BYTES
    if not words or len(words) % WORD_BYTES or count > MAX_BUNDLE_WORDS:
        raise Refused(f"a bundle is 1 to {MAX_BUNDLE_WORDS} words of 31 bytes, this is {len(words)} bytes")
    operations, at = [], 0
    while at < count:
        known = BY_KIND.get(words[at * WORD_BYTES])
        size = known.words if known is not None else 1
        if at + size > count:
            raise Refused(f"the bundle ends inside {get_title(words[at * WORD_BYTES])}", Reason.INCOMPLETE)
        operations.append(words[at * WORD_BYTES : (at + size) * WORD_BYTES])
        at += size
    return operations


def compute_sheet_hash(state: State, before: int | None, entry: bytes) -> int:
    """The running hash of a sheet after an entry (10-R07); `before` is None for the bundle's first."""
    if entry[2] == 1:
        before = 0
    elif before is None:
        before = read_filling_hash(state, entry[1])
    return absorb_entry(before, entry)


def read_filling_hash(state: State, underlying: int) -> int:
    """The running hash of the sheet that is being filled, 0 for an underlying that there is none of."""
    if underlying >= params.MAX_UNDERLYINGS:
        return 0
    return read_element(state, state.underlying(underlying) + layout.FILLING_HASH)


def require_new(state: State, proposal: bytes, now_s: int) -> None:
    """Refused if the proposal was carried out before: anyone can send its approvals again."""
    (view,) = view_operations(decode_segment(kinds.SEQUENCED, proposal))
    fields, cells, title = view.fields, state.cells, get_title(proposal[0])
    if proposal[0] == kinds.LIST:
        instrument = fields["instrument"]
        if instrument >= params.MAX_INSTRUMENTS or cells[state.instrument(instrument)] == 1:
            raise Refused(f"List: instrument {instrument} is taken or beyond the last", Reason.DUPLICATE)
        return
    if fields["underlying"] >= cells[layout.UNDERLYINGS]:
        raise Refused(f"{title}: there is no underlying {fields['underlying']}", Reason.UNKNOWN_UNDERLYING)
    page = state.underlying(fields["underlying"])
    if proposal[0] == kinds.FLIP:
        due = cells[page + layout.SHEET_NUMBER] + 1
        if fields["number"] != due:
            raise Refused(f"Flip: sheet {fields['number']}, and {due} is due", Reason.BAD_SHEET)
        return
    time_s, last_s = fields["time_s"], cells[page + layout.TICK_TIME_S]
    kept = reading(state, fields["underlying"], time_s)
    late = kept >= 0 and cells[kept + layout.READING_TIME_S] < time_s
    if time_s > now_s + params.ORACLE_AHEAD_S or (time_s <= last_s and not late):
        raise Refused(f"IndexTick: time {time_s} s; the last is {last_s} s, now {now_s} s", Reason.BAD_TIME)


def require_approved(state: State, domain: int, proposal: bytes, staged: int, approvals: list[bytes]) -> None:
    """Refused unless every approval holds, and enough distinct signers approve."""
    threshold, signers = int(state.cells[layout.THRESHOLD]), int(state.cells[layout.SIGNERS])
    title = get_title(proposal[0])
    names = [approval[1] for approval in approvals]
    if len(set(names)) != len(names) or len(names) < threshold:
        raise Refused(f"{title}: approved by {len(set(names))} signers, {threshold} must: collect more")
    for name in names:
        if name >= signers:
            raise Refused(f"{title}: signer {name} of {signers} does not exist", Reason.UNKNOWN_SIGNER)
    at = [SIGNERS_BASE + name * layout.KEY_RECORD for name in names]
    keys = [(read_element(state, a + layout.KEY_X), read_element(state, a + layout.KEY_Y)) for a in at]
    text = message(domain, payload_element(proposal), staged, 1)
    try:
        signatures = [get_signature(approval) for approval in approvals]
    except (
        CodecError
    ) as error:  # unreachable for whole Approves; kept so that no bundle can raise anything else
        raise Refused(f"{title}: {error}") from None
    for name, holds in zip(names, verify_many(keys, [text] * len(keys), signatures), strict=True):
        if not holds:
            raise Refused(
                f"{title}: the signature of signer {name} does not hold: sign the proposal's payload and the "
                "running hash of its sheet",
                Reason.BAD_SIGNATURE,
            )


def admit_settle(machine: Machine, word: bytes) -> None:
    """Refused unless this is a Settle that would do something now (07-R01, 07-R04)."""
    if len(word) != WORD_BYTES or word[0] != kinds.SETTLE:
        raise Refused(f"Settle is one word of {WORD_BYTES} bytes, and nothing else is sent as a settlement")
    instrument = int.from_bytes(word[1:3], "big")
    state = machine.state
    if instrument >= params.MAX_INSTRUMENTS:
        raise Refused(f"Settle: there is no instrument {instrument}", Reason.UNKNOWN_INSTRUMENT)
    cells, page = state.cells, state.instrument(instrument)
    expiry_s = cells[page + layout.EXPIRY_S]
    if cells[page + layout.INSTRUMENT_STATE] == 0 or expiry_s == 0:
        raise Refused(f"Settle: instrument {instrument} is none that expires", Reason.UNKNOWN_INSTRUMENT)
    if cells[page + layout.INSTRUMENT_STATE] == 2:
        book = page + layout.PAGE
        if cells[book + layout.HEAD_BID] == 0 and cells[book + layout.HEAD_ASK] == 0:
            raise Refused(f"Settle: instrument {instrument} is settled already and its book is empty")
        return
    if cells[layout.CLOCK_MS] // 1000 < expiry_s:
        raise Refused(f"Settle: instrument {instrument} expires at {expiry_s} s", Reason.TOO_EARLY)
    underlying = cells[page + layout.INSTRUMENT_UNDERLYING]
    for time_s in (expiry_s, expiry_s - params.SETTLEMENT_WINDOW_S):
        if cells[reading(state, underlying, time_s) + layout.READING_TIME_S] != time_s:
            raise Refused(f"Settle: the index at {time_s} s is not there yet", Reason.NO_READING)


def get_title(kind: int) -> str:
    """Name of a kind for an error line."""
    known = BY_KIND.get(kind)
    return known.title if known is not None else f"kind 0x{kind:02x}"
