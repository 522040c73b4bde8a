"""Typed clients of court and exit, and the preimages of batch ids that they are given (spec 08)."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from eth_utils.address import to_checksum_address

from miletus.settlement.chain import PostedBatch
from miletus.settlement.commitment import Commitment, bind_slots, encode_withdrawal, to_slots
from miletus.settlement.contracts import keccak256
from miletus.settlement.errors import L1Refused
from miletus.settlement.intents import Call
from miletus.settlement.l1 import Client
from miletus.settlement.node import BlockTag

OUTBOX: Final = 17
"""The outbox among a batch's parts; the others are its segments by number."""

DONE: Final = (1 << 32) - 1
"""Cursor at the end of an account (08-R33)."""

ZERO: Final = 1 << 63
"""What stands for nothing among an account's sums (08-R33)."""

_NO_HEADER: Final = (bytes(32), 0, 0, 0, 0, 0)
_NO_ROW: Final = (bytes(32), 0, 0, 0, 0, 0, 0)

Header = tuple[bytes, int, int, int, int, int]
Row = tuple[bytes, int, int, int, int, int, int]
Tip = tuple[Header, bytes, Row, bytes]

NO_TIP: Final[Tip] = (_NO_HEADER, bytes(32), _NO_ROW, bytes(32))
"""What is passed where no tip is looked at."""


@dataclass(frozen=True, slots=True)
class Preimage:
    """What a batch's id was made of: header, a row a segment, and keccak, count, z, y of the outbox."""

    header: Header
    rows: tuple[Row, ...]
    outbox: tuple[bytes, int, int, int]

    @classmethod
    def build(cls, posted: PostedBatch, commitment: Commitment, inbox_words: bytes) -> "Preimage":
        """The preimage of a batch on L1, from its transaction's input and the inbox words it consumed."""
        rows = []
        for j, segment in enumerate(commitment.segments):
            slots = to_slots(segment.words if j else inbox_words)
            digest, z, y = bind_slots(slots, segment.data_hash)
            root = int.from_bytes(segment.claim.root)
            count = len(slots) // 32
            rows.append((digest, count, segment.data_hash, z, y, root, segment.claim.outbox))
        slots = b"".join(encode_withdrawal(withdrawal) for withdrawal in commitment.outbox)
        digest, z, y = bind_slots(slots, rows[-1][-1])
        times = commitment.time_bound_ms, commitment.clock_floor_ms
        header = (posted.parent, posted.block_number, *times, posted.inbox_first, posted.inbox_end)
        return cls(header, tuple(rows), (digest, len(commitment.outbox), z, y))

    @property
    def tip(self) -> Tip:
        """The preimage with digests in the place of all that does not show the last claim."""
        digest = bytes(32)
        for row in self.rows[:-1]:
            digest = keccak256(digest + row[0] + _join(row[1:]))
        outbox = keccak256(self.outbox[0] + _join([self.outbox[1], self.rows[-1][-1], *self.outbox[2:]]))
        return self.header, digest, self.rows[-1], outbox

    def to_abi(self) -> tuple[Any, ...]:
        """As the court takes it."""
        return self.header, list(self.rows), self.outbox


@dataclass(frozen=True, slots=True)
class Edge:
    """A run of the machine within a segment, as the court takes it (08-R23).

    Attributes:
        segment: in the batch, 0 the inbox segment.
        before: steps of the fact that it begins at, 0 at the claim before the segment.
        steps: of the edge itself.
        cursor: after it, in words.
        idle: whether the machine is idle after it.
        end: whether it ends the segment.
        root: of the state after it.
        accumulator: of the outbox after it.
        h: hash of the segment's words.
        size: which key.
        payee: L1 address.

    """

    segment: int
    before: int
    steps: int
    cursor: int
    idle: bool
    end: bool
    root: int
    accumulator: int
    h: int
    size: int
    payee: str

    def to_abi(self) -> tuple[Any, ...]:
        """As the court takes it."""
        return (
            *(self.segment, self.before, self.steps, self.cursor, self.idle, self.end),
            *(self.root, self.accumulator, self.h, self.size, self.payee),
        )


@dataclass(frozen=True, slots=True)
class Fact:
    """What was proved of a part after some steps; `payee` is the zero address if nothing was."""

    root: int
    cursor: int
    idle: bool
    before: int
    edges: int
    payee: str


@dataclass(frozen=True, slots=True)
class Bounty:
    """What was offered for a batch; all zero if nothing was."""

    amount_wei: int
    number: int
    first: int
    settled: bool


class Court(Client):
    """What was proved of pending batches."""

    name = "Court"

    @cached_property
    def rollup(self) -> str:
        """Address of the rollup."""
        return self.read_address("rollup")

    @cached_property
    def domain(self) -> int:
        """Domain that proofs are made for (10-R03)."""
        return self.read_int("domain")

    def get_verifier(self, size: int) -> str:
        """Address of the key of a size of the edge circuit, the zero address if there is none."""
        return self.read_address("edge_verifier", size)

    def is_proved(self, batch_id: bytes, block: BlockTag = "latest") -> bool:
        """Whether a batch was proved as claimed."""
        return bool(self.read("is_proved", batch_id, block=block))

    def is_part_proved(self, batch_id: bytes, part: int, block: BlockTag = "latest") -> bool:
        """Whether a part of a batch was proved as claimed."""
        return bool(self.read("is_part_proved", batch_id, part, block=block))

    def is_hash_added(self, batch_id: bytes, segment: int, h: int) -> bool:
        """Whether proofs may cite another hash of a segment's words."""
        return bool(self.read("is_hash_added", batch_id, segment, h))

    def get_fact(self, batch_id: bytes, part: int, steps: int, block: BlockTag = "latest") -> Fact:
        """What was proved after some steps of a part."""
        value = self.read("get_fact", batch_id, part, steps, block=block)
        assert isinstance(value, tuple)
        root, cursor, idle, before, edges, payee = value
        return Fact(root, cursor, idle, before, edges, str(to_checksum_address(payee)))

    def find_steps(self, batch_id: bytes, part: int, first: int, last: int) -> int:
        """Most steps after which a part has a fact, by the events of some blocks; 0 without."""
        topic = self.contract.get_topic("FactProved")
        try:
            logs = self.node.get_logs([self.address], first, last, [topic])
        except L1Refused:
            if first >= last:
                raise
            middle = (first + last) // 2
            below = self.find_steps(batch_id, part, first, middle)
            return max(below, self.find_steps(batch_id, part, middle + 1, last))
        events = [event for event in map(self.contract.decode_event, logs) if event is not None]
        values = [event.values for event in events if event.values["id"] == batch_id]
        return max((value["steps"] for value in values if value["part"] == part), default=0)

    def get_bounty(self, batch_id: bytes, block: BlockTag = "latest") -> Bounty:
        """What was offered for a batch."""
        value = self.read("get_bounty", batch_id, block=block)
        assert isinstance(value, tuple)
        return Bounty(*value)

    def get_credit(self, owner: str, block: BlockTag = "latest") -> int:
        """ETH that the court owes to an address, wei."""
        return self.read_int("credit_wei", owner, block=block)

    # ---- calls

    def prove(self, number: int, batch: Preimage, parent: Tip, edge: Edge, proof: Sequence[int]) -> Call:
        """Prove an edge of a pending batch."""
        arguments = (number, batch.to_abi(), parent, edge.to_abi(), tuple(proof))
        return self.build("prove", *arguments, guarded=True)

    def prove_outbox(self, number: int, batch: Preimage, payee: str, proof: Sequence[int]) -> Call:
        """Prove the posted withdrawals of a pending batch."""
        return self.build("prove_outbox", number, batch.to_abi(), payee, tuple(proof), guarded=True)

    def refute_outbox(
        self,
        number: int,
        batch: Preimage,
        accumulator: int,
        payee: str,
        proof: Sequence[int],
        slots: bytes,
    ) -> Call:
        """Prove that the posted withdrawals (32 bytes each) give another accumulator than the claimed one."""
        arguments = (number, batch.to_abi(), accumulator, payee, tuple(proof))
        data = self.contract.encode_call("refute_outbox", *arguments) + slots
        return Call(self.address, data, guarded=True)

    def add_hash(self, number: int, batch: Preimage, segment: int, h: int, slots: bytes) -> Call:
        """Let proofs cite another hash of a segment's words (32 bytes each)."""
        data = self.contract.encode_call("add_hash", number, batch.to_abi(), segment, h) + slots
        return Call(self.address, data, guarded=True)

    def pay_reward(self, batch_id: bytes, part: int, limit: int = 64) -> Call:
        """Pay the next edges of a verdict's path."""
        return self.build("pay_reward", batch_id, part, limit, guarded=True)

    def offer_bounty(self, number: int, amount_wei: int) -> Call:
        """Offer ETH to have a pending batch final before its window."""
        return self.build("offer_bounty", number, value_wei=amount_wei)

    def settle_bounty(self, number: int) -> Call:
        """Fix whom a bounty goes to."""
        return self.build("settle_bounty", number, guarded=True)

    def pay_bounty(self, number: int, ancestor: int, part: int, limit: int = 64) -> Call:
        """Pay the next edges of one part that a settled bounty covers."""
        return self.build("pay_bounty", number, ancestor, part, limit, guarded=True)

    def return_bounty(self, batch_id: bytes) -> Call:
        """Take back what the sender offered for a batch that was removed or final by its window."""
        return self.build("return_bounty", batch_id, guarded=True)

    def withdraw_credit(self) -> Call:
        """Pay the sender's credit."""
        return self.build("withdraw_credit")


@dataclass(frozen=True, slots=True)
class ExitProgress:
    """How far an account's claim has come; `worth_micros` is what was proved up to `cursor`."""

    cursor: int
    worth_micros: int
    owed_micros: int
    owner: str
    paid: bool


class Exit(Client):
    """What accounts are owed when the rollup is frozen."""

    name = "Exit"

    def get_claims_end(self, block: BlockTag = "latest") -> int:
        """End of the claim period, L1 seconds; 0 before it began."""
        return self.read_int("claims_end_s", block=block)

    def get_root(self, block: BlockTag = "latest") -> int:
        """Root of the last final state; 0 before it was opened."""
        return self.read_int("root", block=block)

    def get_available(self, block: BlockTag = "latest") -> int:
        """What there is for all accounts, micros."""
        return self.read_int("available_micros", block=block)

    def get_owed(self, block: BlockTag = "latest") -> int:
        """Sum of what was claimed so far, micros."""
        return self.read_int("owed_micros", block=block)

    def get_progress(self, account: int, block: BlockTag = "latest") -> ExitProgress:
        """How far an account's claim has come."""
        value = self.read("get_progress", account, block=block)
        assert isinstance(value, tuple)
        cursor, total, owed, owner, paid = value
        worth = total - ZERO if cursor else 0
        return ExitProgress(cursor, worth, owed, str(to_checksum_address(owner)), paid)

    # ---- calls

    def prove_silence(
        self, tip: Tip, underlying: int, clock_ms: int, tick_time_s: int, proof: Sequence[int]
    ) -> Call:
        """Freeze the rollup because its oracle is silent."""
        return self.build("prove_silence", tip, underlying, clock_ms, tick_time_s, tuple(proof), guarded=True)

    def open(self, tip: Tip) -> Call:
        """Open the last final state for claims."""
        return self.build("open", tip, guarded=True)

    def claim(self, account: int, owner: str, cursor: int, worth_micros: int, proof: Sequence[int]) -> Call:
        """Prove what an account is worth up to a cursor."""
        arguments = (account, owner, cursor, worth_micros + ZERO, tuple(proof))
        return self.build("claim_account", *arguments, guarded=True)

    def pay(self, account: int) -> Call:
        """Pay what an account is owed."""
        return self.build("pay_account", account, guarded=True)


def _join(numbers: Sequence[int]) -> bytes:
    return b"".join(number.to_bytes(32, "big") for number in numbers)
