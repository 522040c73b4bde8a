"""Proofs about batches on anvil, with the key of the circuit that says nothing."""

from typing import Any

from miletus.settlement.rpc import JsonRpc
from tests.contracts.fixture import Proof
from tests.contracts.live import LiveWorld, Receipt
from tests.contracts.proving import NO_TIP, Edge, Posted, Prover
from tests.contracts.reference import Commit
from tests.contracts.world import GENESIS_ROOT, NOBODY


class People:
    """As much of a World as the prover of proofs looks at."""

    def __init__(self, live: LiveWorld) -> None:
        self.rollup_parameters = {"genesis_root": GENESIS_ROOT.to_bytes(32, "big")}
        self._people = live.people

    def __getitem__(self, name: str) -> str:
        return str(self._people[name])


class LiveProver(Prover):
    """Proves whatever it is told, on anvil."""

    def __init__(self, live: LiveWorld) -> None:
        super().__init__(People(live))  # type: ignore[arg-type]
        self.live = live

    @property
    def rpc(self) -> JsonRpc:
        """The node."""
        return self.live.rpc

    def find_start(self, posted: Posted, edge: Edge) -> tuple[int, int, bool]:
        """Root, cursor and idleness at which an edge begins; of a fact, as L1 has it."""
        if edge.before:
            arguments = posted.id, edge.segment, edge.before
            root, cursor, idle, *_ = self.live.get(self.live.court, "get_fact", *arguments)
            return root, cursor, idle
        return super().find_start(posted, edge)

    def encode(self, posted: Posted, edge: Edge, proof: Proof) -> bytes:
        """Input of the call that hands a proof to the court."""
        edge = self.complete(posted, edge)
        tip = posted.parent.tip if posted.parent is not None else NO_TIP
        abi = (
            *(edge.segment, edge.before, edge.steps, edge.cursor, edge.idle, edge.end, edge.root),
            *(edge.accumulator, edge.h, edge.size),
            self.live.people[edge.payee] if edge.payee else NOBODY,
        )
        header, rows, outbox = posted.preimage
        return self.live.court.encode("prove", posted.number, (header, rows, outbox), tip, abi, proof)

    def send(self, posted: Posted, edge: Edge, proof: Proof | None = None) -> Receipt:
        """Prove an edge in a transaction."""
        proof = self.make(posted, edge) if proof is None else proof
        return self.live.send("challenger", self.live.court.address, self.encode(posted, edge, proof))


def post_live(live: LiveWorld, commit: Commit, parent: Posted | None = None) -> Posted:
    """Commit a batch and remember what is needed to prove something of it."""
    inbox_first: Any = live.get(live.rollup, "head_inbox_end")
    receipt = live.commit("sequencer", commit)
    number = live.get(live.rollup, "head_number")
    policy = live.rollup_parameters["policy"]
    return Posted(number, commit, int(receipt["blockNumber"], 16), inbox_first, parent, policy)
