"""What may enter the log: whole operations of clients with good signatures and new nonces (09-R12).

Everything here reads the machine's state and changes none of it. The machine judges all of this again: intake
only keeps garbage from costing log, chain and L1 space.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from miletus.codec import decode_segment
from miletus.codec.table import BY_KIND, FIRST_SIGNED_KIND, LAST_SIGNED_KIND, WORD_BYTES
from miletus.engine import layout
from miletus.engine import segment as kinds
from miletus.engine.machine import Machine
from miletus.engine.params import MAX_SEGMENT_WORDS
from miletus.engine.reasons import Reason
from miletus.engine.segment import Segment
from miletus.engine.transactions.authorise import (
    SCOPE_KEYS,
    SCOPE_TRADE,
    SCOPE_TRANSFER,
    SCOPE_WITHDRAW,
    check_key,
    exists,
)
from miletus.native import Jobs, Started, prepare, start_prepare
from miletus.sequencer.errors import Refused
from miletus.sequencer.feed import InboxEntry

SIGNED_BYTES: Final = {
    operation.kind: operation.words * WORD_BYTES
    for operation in BY_KIND.values()
    if FIRST_SIGNED_KIND <= operation.kind <= LAST_SIGNED_KIND
}
"""Length of each signed operation, by its first byte."""

SCOPES: Final = {kind: int(SCOPE_TRADE) for kind in SIGNED_BYTES} | {
    int(kinds.TRANSFER): int(SCOPE_TRANSFER),
    int(kinds.WITHDRAW): int(SCOPE_WITHDRAW),
    int(kinds.SET_KEY): int(SCOPE_KEYS),
}

MAX_ADMITTED_WORDS: Final = int(MAX_SEGMENT_WORDS)
"""Words that `admit` takes at once."""

_RECORD: Final = int(kinds.RECORD)
_SIGNED: Final = int(kinds.R_SIGNED)
_OK: Final = int(Reason.OK)
_BAD_SIGNATURE: Final = int(Reason.BAD_SIGNATURE)


@dataclass
class Candidates:
    """Operations on their way through intake: `verdicts` so far, `places` of those that are still good.

    `segment` is those, decoded. `moment` and `keys` say under which state they were judged: how many groups
    had been executed, and how many that set keys.
    """

    operations: list[bytes]
    verdicts: list[Refused | None]
    places: list[int]
    segment: Segment
    moment: int
    keys: int


def screen(machine: Machine, operations: Sequence[bytes], moment: int = 0, keys: int = 0) -> Candidates:
    """Judge signed operations by all but their signatures. At most MAX_ADMITTED_WORDS words together."""
    verdicts: list[Refused | None] = [refuse_shape(operation) for operation in operations]
    places = [place for place, verdict in enumerate(verdicts) if verdict is None]
    segment = decode_segment(kinds.SEQUENCED, b"".join([operations[place] for place in places]))
    left = []
    for number, place in enumerate(places):
        verdicts[place] = refuse_authority(machine, segment, number)
        if verdicts[place] is None:
            left.append(place)
    if len(left) < len(places):
        segment = decode_segment(kinds.SEQUENCED, b"".join([operations[place] for place in left]))
    return Candidates(list(operations), verdicts, left, segment, moment, keys)


def verify(machine: Machine, candidates: Candidates) -> None:
    """Check the signatures, on all cores."""
    prepare(candidates.segment, machine)


def start_verify(machine: Machine, candidates: Candidates, jobs: Jobs) -> Started:
    """Begin to check the signatures.

    The machine may execute groups meanwhile. The keys are those of before; `decide` checks again when a group
    set any.
    """
    preparation = start_prepare(candidates.segment, machine, jobs)

    def finish() -> None:
        preparation.finish(jobs)

    return Started(preparation.job, finish)


def decide(
    machine: Machine,
    candidates: Candidates,
    moment: int = 0,
    keys: int = 0,
    rekeyed: set[int] | None = None,
) -> list[Refused | None]:
    """The verdict on each operation, in the order in which they are going to be executed, next.

    Nonces are taken here, by operations whose signature holds: or anyone could use up those of others. Under
    policy zk `rekeyed` are the accounts whose keys L1's inbox may set before; what such a key signed may not
    hold any more when it is executed, and neither may what follows a SetKey of the same account (09-R19).
    """
    segment, verdicts = candidates.segment, candidates.verdicts
    if keys != candidates.keys:
        prepare(segment, machine)
    taken: dict[tuple[int, int], int] = {}
    for number, place in enumerate(candidates.places):
        at = number * _RECORD
        verdict = None
        if segment.records[at + _SIGNED] != 1:
            verdict = explain(machine, segment, number, Reason.BAD_SIGNATURE)
        elif moment != candidates.moment:
            segment.records[at + _SIGNED] = 0
            verdict = refuse_authority(machine, segment, number)
        account, key, nonce = segment.records[at + 1], segment.records[at + 2], segment.records[at + 3]
        if verdict is None and nonce <= taken.get((account, key), -1):
            verdict = Refused(
                f"{BY_KIND[segment.records[at]].title}: nonce {nonce} comes after a higher one, or is sent "
                "twice: send nonces in rising order",
                Reason.NONCE_USED,
            )
        if verdict is None and rekeyed is not None:
            if account in rekeyed:
                verdict = explain_rekeyed(account)
            elif segment.records[at] == kinds.SET_KEY:
                rekeyed.add(account)
        if verdict is None:
            taken[account, key] = nonce
        verdicts[place] = verdict
    return verdicts


def explain_rekeyed(account: int) -> Refused:
    """Say that keys are about to change, where no signature may be found not to hold later."""
    return Refused(f"a key of account {account} is about to change: send it again when that is done")


def find_rekeyed(entries: Iterable[InboxEntry]) -> set[int]:
    """Accounts whose keys these entries of L1's inbox set."""
    sets_key = int(kinds.SET_KEY_INBOX)
    return {int.from_bytes(entry.words[1:4], "big") for entry in entries if entry.words[0] == sets_key}


def admit(machine: Machine, operations: Sequence[bytes]) -> list[Refused | None]:
    """Judge signed operations to be ordered next, in this order; None for one that may enter the log.

    At most MAX_ADMITTED_WORDS words together.
    """
    candidates = screen(machine, operations)
    verify(machine, candidates)
    return decide(machine, candidates)


def refuse_shape(operation: bytes) -> Refused | None:
    """Refuse what is no whole signed operation; None if it is one."""
    if operation and SIGNED_BYTES.get(operation[0]) == len(operation):
        return None
    return explain_shape(operation)


def explain_shape(operation: bytes) -> Refused:
    """Say what is wrong with what is no whole signed operation."""
    if not operation:
        return Refused("no words were sent: an operation is 93 bytes or more", Reason.INCOMPLETE)
    kind = operation[0]
    known = BY_KIND.get(kind)
    if known is None:
        return Refused(
            f"0x{kind:02x} is no kind of operation: see docs/reference/words.md", Reason.UNKNOWN_KIND
        )
    if kind not in SIGNED_BYTES:
        return explain_kind(kind, known.title)
    size, right = len(operation), SIGNED_BYTES[kind]
    if size < right:
        return Refused(f"{known.title} is {right} bytes, these are {size}: send all of it", Reason.INCOMPLETE)
    return Refused(f"{known.title} is {right} bytes, these are {size}: send one operation at a time")


def explain_kind(kind: int, title: str) -> Refused:
    """Say why clients can't send an unsigned kind."""
    if kind in (kinds.DEPOSIT, kinds.SET_KEY_INBOX):
        return Refused(f"{title} comes from L1's inbox alone: send it there", Reason.NOT_FROM_INBOX)
    if kind == kinds.TICK:
        return Refused("Tick is the sequencer's own: nobody else moves the clock")
    if kind in (kinds.LIQUIDATE, kinds.FUND):
        return Refused(f"{title} is not supported yet", Reason.NOT_SUPPORTED)
    if kind == kinds.SETTLE:
        return Refused("Settle is one word of 31 bytes, and is sent as a settlement")
    return Refused(f"{title} is taken only in a bundle that the oracle's signers approve")


def refuse_authority(machine: Machine, segment: Segment, number: int) -> Refused | None:
    """Refuse an operation by account, key, nonce or time (03-R05 to 03-R09), without its signature."""
    state, at = machine.state, number * _RECORD
    if not exists(state, segment.records[at + 1]):
        return explain(machine, segment, number, Reason.UNKNOWN_ACCOUNT)
    # the signature's flag is still 0, so a good operation gets this far and no farther
    reason = check_key(state, machine.crypto, segment, at, SCOPES[segment.records[at]])
    if reason not in (_OK, _BAD_SIGNATURE):
        return explain(machine, segment, number, Reason(reason))
    return None


def explain(machine: Machine, segment: Segment, number: int, reason: Reason) -> Refused:
    """The error line of an operation that the machine would refuse for this reason."""
    at = number * _RECORD
    kind, account, key, nonce, until_s = (segment.records[at + place] for place in range(5))
    state = machine.state
    last = (
        state.cells[state.key(account, key) + layout.KEY_NONCE] if account < state.capacity and key < 4 else 0
    )
    clock_s = state.cells[layout.CLOCK_MS] // 1000
    lines = {
        Reason.UNKNOWN_ACCOUNT: f"account {account} does not exist: deposit on L1 first",
        Reason.UNKNOWN_KEY: f"account {account} has no key in slot {key}: register one on L1",
        Reason.KEY_EXPIRED: f"key {key} of account {account} has expired: register another",
        Reason.OUT_OF_SCOPE: f"key {key} of account {account} may not do this: use one that may",
        Reason.NONCE_USED: f"nonce {nonce} is used, the last of key {key} is {last}: take a higher one",
        Reason.OUT_OF_TIME: f"valid until {until_s} s and the clock is at {clock_s} s: sign it anew",
        Reason.BAD_SIGNATURE: (
            f"the signature does not hold under key {key} of account {account}: sign for this chain and "
            "rollup, with the registered key"
        ),
    }
    return Refused(f"{BY_KIND[kind].title}: {lines[reason]}", reason)


def count_words(operations: Sequence[bytes]) -> int:
    """Words of operations."""
    return sum(map(len, operations)) // WORD_BYTES


def split_parts(operations: list[bytes]) -> list[list[bytes]]:
    """Operations in parts of at most MAX_ADMITTED_WORDS words."""
    parts: list[list[bytes]] = [[]]
    room = MAX_ADMITTED_WORDS
    for words in operations:
        room -= count_words([words])
        if room < 0:
            parts.append([])
            room = MAX_ADMITTED_WORDS - count_words([words])
        parts[-1].append(words)
    return parts
