"""What L1 computes, written once more from spec 08 and 10 in plain Python, to hold the contracts against."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from eth_abi.abi import encode
from eth_utils.crypto import keccak

FIELD = 21888242871839275222246405745257275088548364400416034343698204186575808495617
ZERO = bytes(32)
SELECTOR = keccak(text="commit(bytes32,uint256,uint256,bytes32,uint256,uint256)")[:4]


@dataclass(frozen=True)
class Segment:
    """Words of a segment (integers below 2^248) and the claim at its end."""

    words: tuple[int, ...] = ()
    h: int = 1
    root: int = 2
    accumulator: int = 0


@dataclass(frozen=True)
class Commit:
    """A call of commit; `inbox.words` are those that the proposer executed, which the call does not carry."""

    parent: bytes
    time_s: int
    inbox_count: int = 0
    inbox: Segment = field(default_factory=Segment)
    segments: tuple[Segment, ...] = ()
    outbox: tuple[tuple[int, int], ...] = ()

    def encode(self) -> bytes:
        """The call's data."""
        head = encode(
            ["bytes32", "uint256", "uint256", "bytes32", "uint256", "uint256"],
            [
                self.parent,
                self.time_s,
                self.inbox_count,
                keccak(join(self.inbox.words)),
                len(self.segments),
                len(self.outbox),
            ],
        )
        rows: list[int] = list(get_claim(self.inbox))
        for segment in self.segments:
            rows += [len(segment.words), *get_claim(segment), *segment.words]
        rows += [pack_withdrawal(owner, amount) for owner, amount in self.outbox]
        return SELECTOR + head + join(rows)

    @property
    def rows(self) -> list[tuple[bytes, int, int, int, int, int, int]]:
        """What the id says of each segment: keccak, count, h, z, y, root, accumulator."""
        return [make_row(segment) for segment in (self.inbox, *self.segments)]

    def make_header(self, block: int, inbox_first: int) -> tuple[bytes, int, int, int, int, int]:
        """Parent, block, time bound, clock floor, first inbox entry, end of them."""
        times = (self.time_s + 5) * 1000, max(self.time_s - 3600, 0) * 1000
        return (self.parent, block, *times, inbox_first, inbox_first + self.inbox_count)

    def make_outbox(self) -> tuple[bytes, int, int, int]:
        """Keccak, count, z and y of the withdrawals."""
        words = [pack_withdrawal(owner, amount) for owner, amount in self.outbox]
        digest, z, y = compute_binding(words, self.rows[-1][-1])
        return digest, len(words), z, y

    def make_preimage(self, block: int, inbox_first: int) -> tuple[Any, ...]:
        """Preimage of the id, as the court takes it."""
        return self.make_header(block, inbox_first), self.rows, self.make_outbox()

    def make_tip(self, block: int, inbox_first: int) -> tuple[Any, ...]:
        """The id's preimage with nothing of the segments but the last one's row."""
        digest = ZERO
        for row in self.rows[:-1]:
            digest = keccak(digest + row[0] + join(row[1:]))
        outbox_keccak, *outbox = self.make_outbox()
        outbox_digest = keccak(outbox_keccak + join([outbox[0], self.rows[-1][-1], *outbox[1:]]))
        return self.make_header(block, inbox_first), digest, self.rows[-1], outbox_digest

    def compute_id(self, block: int, inbox_first: int, policy: int = 0, version: int = 1) -> bytes:
        """The batch's id when this call is in L1 block `block` (08-R01)."""
        return self.compute_id_with(block, inbox_first, (self.time_s + 5) * 1000, policy, version)

    def compute_id_with(self, block: int, first: int, bound_ms: int, policy: int, version: int) -> bytes:
        """The same with the time bound given."""
        segments = ZERO
        for segment in (self.inbox, *self.segments):
            segments = keccak(segments + compute_row(segment))
        last = (self.inbox, *self.segments)[-1]
        outbox = [pack_withdrawal(owner, amount) for owner, amount in self.outbox]
        digest, z, y = compute_binding(outbox, last.accumulator)
        outbox_digest = keccak(digest + join([len(outbox), last.accumulator, z, y]))
        floor_ms = max(self.time_s - 3600, 0) * 1000
        end = first + self.inbox_count
        numbers = [block, bound_ms, floor_ms, policy, version, first, end]
        return keccak(self.parent + join(numbers) + segments + outbox_digest)

    def changed(self, **changes: object) -> "Commit":
        """A copy with other fields."""
        return replace(self, **changes)  # type: ignore[arg-type]


def join(numbers: Sequence[int]) -> bytes:
    """Numbers as 32-byte words, one after the other."""
    return b"".join(number.to_bytes(32, "big") for number in numbers)


def get_claim(segment: Segment) -> tuple[int, int, int]:
    """The claim's part of the tail."""
    return segment.h, segment.root, segment.accumulator


def pack_withdrawal(owner: int, amount_micros: int) -> int:
    """A word of the outbox."""
    return owner << 56 | amount_micros


def compute_binding(words: Sequence[int], h: int) -> tuple[bytes, int, int]:
    """Keccak, z and y of a list of words (10-R08)."""
    digest = keccak(join(words))
    z = int.from_bytes(keccak(digest + join([h])), "big") % FIELD
    y = 1
    for word in words:
        y = (y * z + word) % FIELD
    return digest, z, y


def make_row(segment: Segment) -> tuple[bytes, int, int, int, int, int, int]:
    """What the id says of a segment."""
    digest, z, y = compute_binding(segment.words, segment.h)
    return digest, len(segment.words), segment.h, z, y, segment.root, segment.accumulator


def compute_row(segment: Segment) -> bytes:
    """The same as it is hashed."""
    digest, *numbers = make_row(segment)
    return digest + join(numbers)


def compute_genesis_id(genesis_root: int) -> bytes:
    """Id that the first batch names as its parent."""
    return keccak(join([genesis_root]))


def compute_levels(outbox: Sequence[tuple[int, int]]) -> list[list[bytes]]:
    """The Merkle tree of an outbox, leaves first; no padding is stored."""
    levels = [[keccak(join([pack_withdrawal(owner, amount)])) for owner, amount in outbox]]
    while len(levels[-1]) > 1:
        nodes = levels[-1] + [ZERO] * (len(levels[-1]) % 2)
        levels.append([keccak(nodes[i] + nodes[i + 1]) for i in range(0, len(nodes), 2)])
    return levels


def compute_root(outbox: Sequence[tuple[int, int]]) -> bytes:
    """Root of the tree; zero when the outbox is empty."""
    return compute_levels(outbox)[-1][0] if outbox else ZERO


def compute_proof(outbox: Sequence[tuple[int, int]], index: int) -> list[bytes]:
    """Siblings of a withdrawal, from the leaf upwards."""
    proof = []
    for level in compute_levels(outbox)[:-1]:
        sibling = index ^ 1
        proof.append(level[sibling] if sibling < len(level) else ZERO)
        index //= 2
    return proof


def make_deposit_word(account: int, owner: int, amount_micros: int) -> int:
    """Deposit as spec 03 lays it out: kind, account 3, owner 20, amount 7."""
    return int.from_bytes(
        bytes([0x01])
        + account.to_bytes(3, "big")
        + owner.to_bytes(20, "big")
        + amount_micros.to_bytes(7, "big"),
        "big",
    )


def make_key_words(account: int, slot: int, scope: int, expiry_s: int, x: int, y: int) -> list[int]:
    """SetKey (inbox) as spec 03 lays it out: kind, account 3, key, scope, expiry 4, x_high, y_high; x; y."""
    x_bytes, y_bytes = x.to_bytes(32, "big"), y.to_bytes(32, "big")
    first = bytes([0x02]) + account.to_bytes(3, "big") + bytes([slot, scope]) + expiry_s.to_bytes(4, "big")
    first += x_bytes[:1] + y_bytes[:1]
    return [int.from_bytes(part, "big") for part in (first.ljust(31, b"\0"), x_bytes[1:], y_bytes[1:])]


def make_forced_word(kind: int, account: int, rest: bytes = b"") -> int:
    """First word of a signed kind: kind, account 3, then the rest of the header and the kind's own fields."""
    return int.from_bytes((bytes([kind]) + account.to_bytes(3, "big") + rest).ljust(31, b"\0"), "big")


def compute_running(running: bytes, words: Sequence[int]) -> bytes:
    """The inbox's hash chain after an entry (08-R15)."""
    return keccak(running + join(words))
