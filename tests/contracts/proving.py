"""Proofs about posted batches: public inputs by the specification, proofs of the fixture circuit."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import boa
from eth_utils.crypto import keccak

from tests.contracts.fixture import Proof, prove
from tests.contracts.reference import Commit, compute_binding, join, pack_withdrawal
from tests.contracts.world import DOMAIN, NOBODY, World, to_number

ZK = 1
OUTBOX = 17
NO_TIP = ((bytes(32), 0, 0, 0, 0, 0), bytes(32), (bytes(32), 0, 0, 0, 0, 0, 0), bytes(32))
"""What is passed where no tip of a parent is looked at."""
WRONG = 0xBAD
"""A root that no claim of the tests has."""


@dataclass(frozen=True)
class Posted:
    """A batch on L1, with what is needed to compute its id again."""

    number: int
    commit: Commit
    block: int
    inbox_first: int
    parent: "Posted | None" = None
    policy: int = 0

    @property
    def id(self) -> bytes:
        """Its id."""
        return self.commit.compute_id(self.block, self.inbox_first, self.policy)

    @property
    def preimage(self) -> tuple[Any, ...]:
        """Preimage of the id."""
        return self.commit.make_preimage(self.block, self.inbox_first)

    @property
    def tip(self) -> tuple[Any, ...]:
        """Tip of the id."""
        return self.commit.make_tip(self.block, self.inbox_first)

    @property
    def row_count(self) -> int:
        """Segments, the inbox segment among them."""
        return 1 + len(self.commit.segments)


@dataclass(frozen=True)
class Edge:
    """An edge as it is proved; None where the segment's claim, end or hash has it."""

    segment: int
    before: int = 0
    steps: int = 10
    cursor: int | None = None
    idle: bool = True
    end: bool = True
    root: int | None = None
    accumulator: int | None = None
    h: int | None = None
    size: int = 0
    payee: str = "challenger"


@dataclass
class Prover:
    """Proves whatever it is told, with the key of the circuit that says nothing.

    `change` is done to the public inputs before they are proved.
    """

    world: World
    change: Callable[[list[int]], list[int]] = field(default=lambda inputs: inputs)

    def complete(self, posted: Posted, edge: Edge) -> Edge:
        """The edge without gaps."""
        row = posted.commit.rows[edge.segment]
        return replace(
            edge,
            cursor=row[1] if edge.cursor is None else edge.cursor,
            root=row[5] if edge.root is None else edge.root,
            accumulator=row[6] if edge.accumulator is None else edge.accumulator,
            h=row[2] if edge.h is None else edge.h,
        )

    def find_start(self, posted: Posted, edge: Edge) -> tuple[int, int, bool]:
        """Root, cursor and idleness at which an edge begins."""
        if edge.before:
            fact = self.world.court.get_fact(posted.id, edge.segment, edge.before)
            return fact.root, fact.cursor, fact.idle
        if edge.segment:
            return posted.commit.rows[edge.segment - 1][5], 0, True
        if posted.parent is None:
            return int.from_bytes(self.world.rollup_parameters["genesis_root"], "big"), 0, True
        return posted.parent.commit.rows[-1][5], 0, True

    def make_inputs(self, posted: Posted, edge: Edge) -> list[int]:
        """Public inputs of an edge without gaps (08-R23)."""
        digest, count, *_ = posted.commit.rows[edge.segment]
        root, cursor, idle = self.find_start(posted, edge)
        assert edge.h is not None
        assert edge.cursor is not None
        assert edge.root is not None
        assert edge.accumulator is not None
        words = (posted.commit.inbox, *posted.commit.segments)[edge.segment].words
        z, y = compute_binding(words, edge.h)[1:]
        assert digest == keccak(join(words))
        flags = (
            edge.segment == 0,
            edge.segment == 0 and edge.before == 0,
            edge.end,
            edge.segment == posted.row_count - 1,
            posted.policy == ZK and edge.segment > 0,
            idle,
            edge.idle,
        )
        place = count | cursor << 16 | edge.cursor << 32 | edge.steps << 48
        place |= sum(flag << bit for bit, flag in enumerate(flags)) << 80
        _, _, bound_ms, floor_ms, _, _ = posted.preimage[0]
        payee = to_number(self.world[edge.payee]) if edge.payee else 0
        times = bound_ms | floor_ms << 64
        return [root, edge.root, edge.accumulator, edge.h, z, y, place, times, DOMAIN, payee]

    def call(
        self, posted: Posted, edge: Edge, proof: Proof, sender: str = "challenger", **other: Any
    ) -> None:
        """Hand a proof to the court; `other` replaces arguments."""
        edge = self.complete(posted, edge)
        tip = posted.parent.tip if posted.parent is not None else NO_TIP
        arguments = {
            "number": posted.number,
            "batch": posted.preimage,
            "parent": tip,
            "edge": (
                *(edge.segment, edge.before, edge.steps, edge.cursor, edge.idle, edge.end, edge.root),
                *(edge.accumulator, edge.h, edge.size),
                self.world[edge.payee] if edge.payee else NOBODY,
            ),
            "proof": proof,
        } | other
        self.world.court.prove(*arguments.values(), sender=self.world[sender])

    def make(self, posted: Posted, edge: Edge) -> Proof:
        """A proof of an edge."""
        return prove(self.change(self.make_inputs(posted, self.complete(posted, edge))))

    def prove(self, posted: Posted, segment: int, sender: str = "challenger", **changes: Any) -> None:
        """Prove an edge; without changes one that runs through the segment to its claim."""
        edge = Edge(segment, **changes)
        self.call(posted, edge, self.make(posted, edge), sender)

    def refute(self, posted: Posted, segment: int, **changes: Any) -> None:
        """Prove that a segment ends elsewhere."""
        self.prove(posted, segment, root=WRONG, **changes)

    def prove_segments(self, posted: Posted, **changes: Any) -> None:
        """Prove every segment as claimed."""
        for segment in range(posted.row_count):
            self.prove(posted, segment, **changes)

    def prove_all(self, posted: Posted, **changes: Any) -> None:
        """Prove a batch."""
        if posted.commit.outbox:
            self.prove_outbox(posted)
        self.prove_segments(posted, **changes)

    # ---- outboxes

    def make_outbox(self, posted: Posted, payee: str, accumulator: int | None = None) -> Proof:
        """A proof that the posted withdrawals give the claimed accumulator, or another (08-R25)."""
        claimed = posted.commit.rows[-1][6]
        number = claimed if accumulator is None else accumulator
        words = [pack_withdrawal(owner, amount) for owner, amount in posted.commit.outbox]
        _, z, y = compute_binding(words, number)
        place = to_number(self.world[payee]) | len(words) << 160
        return prove(self.change([place, z, y, number]))

    def prove_outbox(self, posted: Posted, payee: str = "challenger", proof: Proof | None = None) -> None:
        """Prove the outbox as claimed."""
        proof = self.make_outbox(posted, payee) if proof is None else proof
        self.world.court.prove_outbox(
            posted.number, posted.preimage, self.world[payee], proof, sender=self.world["challenger"]
        )

    def refute_outbox(
        self,
        posted: Posted,
        accumulator: int,
        payee: str = "challenger",
        proof: Proof | None = None,
        words: list[int] | None = None,
    ) -> None:
        """Prove that the posted withdrawals give another accumulator."""
        proof = self.make_outbox(posted, payee, accumulator) if proof is None else proof
        if words is None:
            words = [pack_withdrawal(owner, amount) for owner, amount in posted.commit.outbox]
        call = self.world.court.refute_outbox.prepare_calldata(
            posted.number, posted.preimage, accumulator, self.world[payee], proof
        )
        self.world.send("challenger", call + join(words), 0, self.world.court)

    def add_hash(self, posted: Posted, segment: int, h: int, words: tuple[int, ...] | None = None) -> None:
        """Add another hash of a segment's words."""
        if words is None:
            words = (posted.commit.inbox, *posted.commit.segments)[segment].words
        call = self.world.court.add_hash.prepare_calldata(posted.number, posted.preimage, segment, h)
        self.world.send("challenger", call + join(words), 0, self.world.court)


def post(world: World, parent: Posted | None = None, name: str = "sequencer", **changes: Any) -> Posted:
    """Commit a batch and remember what is needed to prove something of it."""
    number = world.rollup.head_number() + 1
    first = world.rollup.head_inbox_end()
    commit = world.commit(name, **changes)
    block = int(boa.env.evm.patch.block_number)
    return Posted(number, commit, block, first, parent, world.rollup_parameters["policy"])
