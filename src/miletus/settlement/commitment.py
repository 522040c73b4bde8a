"""The input of `commit`: what is posted for a batch, byte for byte (docs/reference/contracts.md).

Encoding and decoding are inverse, and a decoder that fails says where: the contract refuses such inputs, so
on an honest chain none is ever seen. Words are 31 bytes each, concatenated, as everywhere outside of L1; on
L1 each lies in a slot of 32 bytes whose first is zero.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from miletus.settlement.contracts import keccak256

WORD: Final = 31
SLOT: Final = 32
FIELD: Final = 21888242871839275222246405745257275088548364400416034343698204186575808495617
"""Order of BN254's scalar field; spec 10."""

MAX_SEGMENTS: Final = 16
MAX_SEGMENT_WORDS: Final = 1_024
MAX_OUTBOX: Final = 256
TIME_AHEAD_S: Final = 5
"""A Tick may be this far ahead of the batch's time; spec 08-R04."""

CLOCK_LAG_S: Final = 3_600
"""The clock is at most this far behind the batch's time at its end; spec 08-R04."""

_SIGNATURE: Final = b"commit(bytes32,uint256,uint256,bytes32,uint256,uint256)"
SELECTOR: Final = keccak256(_SIGNATURE)[:4]
_HEAD: Final = 4 + 6 * SLOT
_AMOUNT_BITS: Final = 56


class MalformedCommit(ValueError):
    """Input of a commit that the contract would refuse."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a proposer says of the state at a segment's end."""

    root: bytes
    outbox: int


@dataclass(frozen=True, slots=True)
class PostedSegment:
    """A segment as it is posted; the inbox segment's words are L1's own and are not in it."""

    words: bytes
    data_hash: int
    claim: Claim


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """One payment of a batch's outbox. `owner` is an L1 address, 20 bytes."""

    owner: bytes
    amount_micros: int


@dataclass(frozen=True, slots=True)
class Commitment:
    """Everything that `commit` is given. `segments[0]` is the inbox segment."""

    parent: bytes
    time_s: int
    inbox_count: int
    inbox_keccak: bytes
    segments: tuple[PostedSegment, ...]
    outbox: tuple[Withdrawal, ...]

    @property
    def time_bound_ms(self) -> int:
        """Latest time of a Tick; spec 08-R04."""
        return (self.time_s + TIME_AHEAD_S) * 1_000

    @property
    def clock_floor_ms(self) -> int:
        """Least clock after the batch; spec 08-R04."""
        return max(self.time_s - CLOCK_LAG_S, 0) * 1_000

    @property
    def word_count(self) -> int:
        """Words that are posted."""
        return sum(len(segment.words) for segment in self.segments) // WORD


def to_slots(words: bytes) -> bytes:
    """Words of 31 bytes as slots of 32."""
    return b"".join(b"\0" + words[at : at + WORD] for at in range(0, len(words), WORD))


def from_slots(slots: bytes) -> bytes:
    """Slots of 32 bytes as words of 31. Raises MalformedCommit where one is wider."""
    if any(slots[::SLOT]):
        raise MalformedCommit("a word is wider than 31 bytes")
    return b"".join(slots[at + 1 : at + SLOT] for at in range(0, len(slots), SLOT))


def encode_commit(batch: Commitment) -> bytes:
    """Input of the transaction."""
    inbox, *sequenced = batch.segments
    head = [
        batch.parent,
        _number(batch.time_s),
        _number(batch.inbox_count),
        batch.inbox_keccak,
        _number(len(sequenced)),
        _number(len(batch.outbox)),
    ]
    return SELECTOR + b"".join(head) + encode_tail(inbox, sequenced, batch.outbox)


def encode_tail(
    inbox: PostedSegment, sequenced: Sequence[PostedSegment], outbox: Sequence[Withdrawal]
) -> bytes:
    """What follows the arguments: claims, words, withdrawals."""
    parts = [_encode_claim(inbox)]
    for segment in sequenced:
        parts += [_number(len(segment.words) // WORD), _encode_claim(segment), to_slots(segment.words)]
    parts += [encode_withdrawal(withdrawal) for withdrawal in outbox]
    return b"".join(parts)


def encode_withdrawal(withdrawal: Withdrawal) -> bytes:
    """A withdrawal as a slot: owner x 2^56 + amount."""
    return _number(int.from_bytes(withdrawal.owner, "big") << _AMOUNT_BITS | withdrawal.amount_micros)


def decode_commit(data: bytes) -> Commitment:
    """What a transaction committed to. Raises MalformedCommit."""
    if len(data) < _HEAD or data[:4] != SELECTOR:
        raise MalformedCommit("the input is not that of a commit")
    parent, inbox_keccak = data[4:36], data[100:132]
    time_s, inbox_count, segment_count, outbox_count = (_read(data, at) for at in (36, 68, 132, 164))
    if segment_count > MAX_SEGMENTS or outbox_count > MAX_OUTBOX:
        raise MalformedCommit(f"{segment_count} segments and {outbox_count} withdrawals are too many")
    segments = [_decode_segment(data, _HEAD, 0)]
    at = _HEAD + 3 * SLOT
    for _ in range(segment_count):
        count = _read(data, at)
        if not 1 <= count <= MAX_SEGMENT_WORDS:
            raise MalformedCommit(f"a segment has {count} words")
        segments.append(_decode_segment(data, at + SLOT, count))
        at += (4 + count) * SLOT
    if len(data) != at + outbox_count * SLOT:
        raise MalformedCommit(f"the input has {len(data)} bytes, its counts give {at + outbox_count * SLOT}")
    outbox = tuple(_decode_withdrawal(_read(data, at + j * SLOT)) for j in range(outbox_count))
    return Commitment(parent, time_s, inbox_count, inbox_keccak, tuple(segments), outbox)


def compute_batch_id(
    batch: Commitment,
    inbox_words: bytes,
    inbox_first: int,
    block_number: int,
    policy: int,
    machine_version: int,
) -> bytes:
    """Id of the batch (spec 08-R01) if it is committed in that block."""
    digest = bytes(SLOT)
    for j, segment in enumerate(batch.segments):
        slots = to_slots(segment.words if j else inbox_words)
        row = bind_slots(slots, segment.data_hash)
        claim = segment.claim
        digest = keccak256(
            digest
            + row[0]
            + _numbers(len(slots) // SLOT, segment.data_hash, row[1], row[2])
            + claim.root
            + _number(claim.outbox)
        )
    accumulator = batch.segments[-1].claim.outbox
    words_keccak, z, y = bind_slots(b"".join(encode_withdrawal(entry) for entry in batch.outbox), accumulator)
    outbox = keccak256(words_keccak + _numbers(len(batch.outbox), accumulator, z, y))
    inputs = _numbers(
        block_number,
        batch.time_bound_ms,
        batch.clock_floor_ms,
        policy,
        machine_version,
        inbox_first,
        inbox_first + batch.inbox_count,
    )
    return keccak256(batch.parent + inputs + digest + outbox)


def compute_withdrawal_proof(outbox: Sequence[Withdrawal], index: int) -> tuple[bytes, list[bytes]]:
    """(root, siblings from the leaf upwards) of a withdrawal in a batch's outbox (spec 08-R10)."""
    if not 0 <= index < len(outbox):
        raise IndexError(f"the batch has {len(outbox)} withdrawals, no number {index}")
    nodes = [keccak256(encode_withdrawal(withdrawal)) for withdrawal in outbox]
    proof = []
    while len(nodes) > 1:
        nodes += [bytes(SLOT)] * (len(nodes) % 2)
        proof.append(nodes[index ^ 1])
        nodes = [keccak256(nodes[j] + nodes[j + 1]) for j in range(0, len(nodes), 2)]
        index //= 2
    return nodes[0], proof


def bind_slots(slots: bytes, data_hash: int) -> tuple[bytes, int, int]:
    """(keccak, z, y) of words in slots (spec 10-R08)."""
    words_keccak = keccak256(slots)
    z = int.from_bytes(keccak256(words_keccak + _number(data_hash)), "big") % FIELD
    y = 1
    for at in range(0, len(slots), SLOT):
        y = (y * z + int.from_bytes(slots[at : at + SLOT], "big")) % FIELD
    return words_keccak, z, y


def _encode_claim(segment: PostedSegment) -> bytes:
    return _number(segment.data_hash) + segment.claim.root + _number(segment.claim.outbox)


def _decode_segment(data: bytes, at: int, count: int) -> PostedSegment:
    """Hash, claim and `count` words from offset `at` on."""
    data_hash, root, outbox = (_read(data, at + j * SLOT) for j in range(3))
    if max(data_hash, root, outbox) >= FIELD:
        raise MalformedCommit("a claim or hash is not a field element")
    first = at + 3 * SLOT
    slots = data[first : first + count * SLOT]
    if len(slots) != count * SLOT:
        raise MalformedCommit("the input is too short")
    return PostedSegment(from_slots(slots), data_hash, Claim(_number(root), outbox))


def _decode_withdrawal(slot: int) -> Withdrawal:
    owner, amount = slot >> _AMOUNT_BITS, slot & (1 << _AMOUNT_BITS) - 1
    if not 0 < owner < 1 << 160 or not amount:
        raise MalformedCommit("a withdrawal has no owner, no amount, or is wider than one")
    return Withdrawal(owner.to_bytes(20, "big"), amount)


def _read(data: bytes, at: int) -> int:
    if at + SLOT > len(data):
        raise MalformedCommit("the input is too short")
    return int.from_bytes(data[at : at + SLOT], "big")


def _number(value: int) -> bytes:
    return value.to_bytes(SLOT, "big")


def _numbers(*values: int) -> bytes:
    return b"".join(_number(value) for value in values)
