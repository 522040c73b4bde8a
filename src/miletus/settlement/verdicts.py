"""What L1 says of proofs: which batches were proved, by whom and when, which were removed, who left.

The events of court, rollup and exit, read anew for the blocks that a reorganisation may still change. Nothing
of the system is asked.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from miletus.settlement.contracts import Contract, Event
from miletus.settlement.court import Court, Exit
from miletus.settlement.errors import L1Inconsistent
from miletus.settlement.l1 import Rollup
from miletus.settlement.values import Log

UNSETTLED_BLOCKS = 64
"""Blocks under the head whose events are read again at each look."""


@dataclass(frozen=True, slots=True)
class PartProof:
    """A segment of a batch, or its outbox (`OUTBOX`), was proved as claimed; `payee` made its last edge."""

    batch_id: bytes
    part: int
    payee: str
    transaction_hash: bytes
    block_number: int


@dataclass(frozen=True, slots=True)
class Refutation:
    """A batch was proved wrong and removed; `reward_wei` of its bond is for those who proved it."""

    batch_id: bytes
    part: int
    payee: str
    reward_wei: int
    transaction_hash: bytes
    block_number: int


@dataclass(frozen=True, slots=True)
class Finality:
    """A batch became final, at L1's time `at_s`."""

    number: int
    batch_id: bytes
    transaction_hash: bytes
    block_number: int
    at_s: int


@dataclass(frozen=True, slots=True)
class Removed:
    """A batch left the list at L1's time `at_s`, with all that was built on it."""

    number: int
    batch_id: bytes
    proposer: str
    burnt_wei: int
    transaction_hash: bytes
    block_number: int
    at_s: int


@dataclass
class Verdicts:
    """Proofs, verdicts and exits of one rollup; `poll` reads what is new.

    Attributes:
        rollup: the rollup.
        start_block: first block that can hold an event of it.
        proofs: parts that were proved as claimed, the oldest first.
        proved: ids of batches of which every part was.
        edges: (batch id, part, payee) of each proved edge that ended within a segment.
        refutations: batches that were proved wrong.
        removed: batches that left the list, for whatever reason.
        finals: batches that became final, by id.
        offered: ids of batches that somebody put a bounty on.
        exits: micros paid to the owner of each account that left.

    """

    rollup: Rollup
    start_block: int = 0
    proofs: list[PartProof] = field(default_factory=list)
    proved: set[bytes] = field(default_factory=set)
    edges: set[tuple[bytes, int, str]] = field(default_factory=set)
    refutations: list[Refutation] = field(default_factory=list)
    removed: list[Removed] = field(default_factory=list)
    finals: dict[bytes, Finality] = field(default_factory=dict)
    offered: set[bytes] = field(default_factory=set)
    exits: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._settled: list[_Told] = []
        self._next = self.start_block
        self._head = b""
        self._times: dict[bytes, int] = {}

    @property
    def proved_batches(self) -> int:
        """Batches that are final by proof."""
        return sum(1 for batch_id in self.finals if batch_id in self.proved)

    @property
    def exit_paid_micros(self) -> int:
        """What was paid to those who left."""
        return sum(self.exits.values())

    def find_proofs(self, batch_id: bytes) -> list[PartProof]:
        """Proofs of a batch's parts, in the order of L1."""
        return [proof for proof in self.proofs if proof.batch_id == batch_id]

    def find_parts_of(self, batch_id: bytes, payee: str) -> list[int]:
        """Parts of a batch of which somebody proved something."""
        edges = {part for owner_id, part, owner in self.edges if (owner_id, owner) == (batch_id, payee)}
        ends = {proof.part for proof in self.find_proofs(batch_id) if proof.payee == payee}
        return sorted(edges | ends)

    def poll(self) -> None:
        """Read what is new.

        Raises:
            L1Error: L1 can't be used now; poll again.

        """
        node = self.rollup.node
        head = node.get_head()
        if head.hash == self._head:
            return
        if head.number < self._next:  # a reorganisation below what was taken for settled, or another chain
            self._settled, self._next = [], self.start_block
        told = self._read(self._next, head.number)
        settled_block = head.number - UNSETTLED_BLOCKS
        if settled_block >= self._next:
            self._settled += [one for one in told if one.event.log.block_number <= settled_block]
            told = [one for one in told if one.event.log.block_number > settled_block]
            self._next = settled_block + 1
        self._take([*self._settled, *told])
        self._head = head.hash

    @cached_property
    def _contracts(self) -> dict[str, Contract]:
        rollup = self.rollup
        court, leaving = Court(rollup.node, rollup.court), Exit(rollup.node, rollup.exit)
        return {each.address: each.contract for each in (rollup, court, leaving)}

    def _read(self, first: int, last: int) -> list["_Told"]:
        """Events of a range of blocks; one that became final carries its block's time."""
        node = self.rollup.node
        told = []
        for log in node.get_logs(list(self._contracts), first, last) if first <= last else []:
            event = self._contracts[log.address].decode_event(log)
            if event is None or event.name not in _KINDS:
                continue
            told.append(_Told(event, self._get_time(log) if event.name in _TIMED else 0))
        return told

    def _get_time(self, log: Log) -> int:
        """Time of an event's block, seconds."""
        if log.block_hash not in self._times:
            header = self.rollup.node.get_header(log.block_number)
            if header is None or header.hash != log.block_hash:
                raise L1Inconsistent(
                    f"L1 at {self.rollup.node.rpc.url} gave an event of block {log.block_number} that it "
                    "does not have; poll again or use another node"
                )
            self._times[log.block_hash] = header.timestamp_s
        return self._times[log.block_hash]

    def _take(self, told: Iterable["_Told"]) -> None:
        self.proofs, self.proved, self.edges, self.refutations = [], set(), set(), []
        self.removed, self.finals, self.offered, self.exits = [], {}, set(), {}
        for one in told:
            name, values, log = one.event.name, one.event.values, one.event.log
            where = (log.transaction_hash, log.block_number)
            if name == "PartProved":
                self.proofs.append(PartProof(values["id"], values["part"], values["payee"], *where))
            elif name == "BatchProved":
                self.proved.add(values["id"])
            elif name == "FactProved":
                self.edges.add((values["id"], values["part"], values["payee"]))
            elif name == "Refuted":
                self.refutations.append(
                    Refutation(values["id"], values["part"], values["payee"], values["reward_wei"], *where)
                )
            elif name == "BatchRemoved":
                self.removed.append(
                    Removed(
                        *(values["number"], values["id"], values["proposer"], values["burnt_wei"]),
                        *where,
                        one.at_s,
                    )
                )
            elif name == "BatchFinal":
                self.finals[values["id"]] = Finality(values["number"], values["id"], *where, one.at_s)
            elif name == "BountyOffered":
                self.offered.add(values["id"])
            elif name == "ExitPaid":
                self.exits[values["account"]] = values["amount_micros"]


_KINDS = frozenset(
    (
        *("PartProved", "BatchProved", "FactProved", "Refuted", "BatchRemoved", "BatchFinal"),
        *("BountyOffered", "ExitPaid"),
    )
)
_TIMED = frozenset(("BatchRemoved", "BatchFinal"))


@dataclass(frozen=True, slots=True)
class _Told:
    """An event, and the time of its block if that is asked for."""

    event: Event
    at_s: int
