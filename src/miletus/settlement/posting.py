"""The proofs of one batch: what they are asked to show, and posting them in their order."""

from typing import Protocol

from miletus.prover import EdgesJob, OutboxJob, Progress, Proof, Prover, SegmentJob
from miletus.settlement.chain import ChainView
from miletus.settlement.commitment import encode_withdrawal, to_slots
from miletus.settlement.court import NO_TIP, OUTBOX, Court, Edge, Preimage, Tip
from miletus.settlement.errors import CallReverted, L1Error
from miletus.settlement.intents import Call, State
from miletus.settlement.proofs import Case, Part, read_commitment
from miletus.settlement.sender import Sender
from miletus.settlement.signatures import Signed
from miletus.settlement.values import NOBODY, to_hex

SIZES = ("small", "medium", "large")
"""Sizes of the circuit of edges in the order of a deployment's keys."""

OTHERS_WERE_FIRST = (
    "court: segment is proved already",
    "court: outbox is proved already",
    "court: fact is known already",
    "court: batch is final",
)
"""Reasons of the court that say that somebody else proved the same."""

FACT_IS_GONE = "statements: no fact after so many steps"
"""Reason of the court while a reorganisation has taken back what the edge begins at."""

ATTEMPTS = 5
"""How often an edge is posted again whose beginning L1 took back."""


class PathGone(L1Error):
    """L1 took back a fact that somebody else had proved, and that our path went on from."""


class Owner(Protocol):
    """Who proves: `BatchProver`."""

    view: ChainView
    sender: Sender
    court: Court
    prover: Prover
    size: str
    chain_id: int
    address: bytes

    def say(self, line: str) -> None:
        """Tell a line about what happens."""
        ...


class Work:
    """The proofs of one batch, made and posted.

    Under policy zk `signed` has the batch's signatures.
    """

    def __init__(self, owner: Owner, case: Case, *, post: bool) -> None:
        self._owner = owner
        self._batch = case.posted
        self._commitment = case.commitment
        self._texts = case.texts
        self._post = post
        self._payee = bytes.fromhex(owner.sender.address.removeprefix("0x"))
        self._preimage = Preimage.build(case.posted, case.commitment, case.texts[0])
        self._parent = self._build_parent_tip()
        self._before: dict[int, int] = {}
        self.signed: Signed | None = None
        self.proofs = self.posted = self.steps = self.peak_bytes = self.gas = 0
        self.seconds = 0.0

    def do(self, part: Part) -> None:
        """Prove a part and post its proofs in their order, each as soon as those before it are there."""
        job = self._build_outbox_job() if part.segments == (OUTBOX,) else self._build_edges_job(part)
        run = self._owner.prover.start(job)
        waiting: dict[int, Proof] = {}
        done = 0

        def tell(progress: Progress) -> None:
            nonlocal done
            self._tell(progress)
            if progress.proof is None:
                return
            waiting[progress.index] = progress.proof
            while done in waiting:
                self._take(waiting.pop(done))
                done += 1

        run.result(tell)
        self.peak_bytes = max(self.peak_bytes, run.peak_bytes)

    # ---- jobs

    def _build_edges_job(self, part: Part) -> EdgesJob:
        owner, last = self._owner, len(self._texts) - 1
        claims = [segment.claim for segment in self._commitment.segments]
        return EdgesJob(
            size=owner.size,
            chain_id=owner.chain_id,
            rollup=owner.address,
            payee=self._payee,
            time_bound_ms=self._commitment.time_bound_ms,
            clock_floor_ms=self._commitment.clock_floor_ms,
            root_before=part.root,
            pages=part.state,
            segments=[
                SegmentJob(
                    j,
                    self._texts[j],
                    last=j == last,
                    claim=(claims[j].root, claims[j].outbox),
                    signatures=self.signed.signatures[j] if self.signed is not None and j else None,
                    proved=self._find_proved(j),
                )
                for j in part.segments
            ],
        )

    def _find_proved(self, segment: int) -> tuple[int, int] | None:
        """(steps, root) of the farthest point of a segment that is proved already."""
        first, last = self._batch.block_number, self._owner.view.head
        assert last is not None
        court = self._owner.court
        steps = court.find_steps(self._batch.id, segment, first, last.number)
        fact = court.get_fact(self._batch.id, segment, steps)
        if fact.payee == NOBODY:
            return None
        self._before[segment] = steps
        self._owner.say(f"segment {segment}: {steps:,} steps of it are proved already")
        return steps, fact.root

    def _build_outbox_job(self) -> OutboxJob:
        return OutboxJob(
            payee=self._payee,
            withdrawals=[(entry.owner, entry.amount_micros) for entry in self._commitment.outbox],
            claimed=self._commitment.segments[-1].claim.outbox,
        )

    def _build_parent_tip(self) -> Tip:
        """The tip of the parent's id; anything if that is genesis."""
        view = self._owner.view
        parent = view.get_batch(self._batch.number - 1)
        if parent is None:
            return NO_TIP
        inbox = view.get_words(parent.inbox_first, parent.inbox_end)
        return Preimage.build(parent, read_commitment(view, parent), inbox).tip

    # ---- proofs

    def _tell(self, progress: Progress) -> None:
        peak = f"peak memory {progress.peak_bytes >> 20} MiB"
        if progress.kind == "loading":
            self._owner.say(f"reading the keys of {progress.circuit}")
        elif progress.proof is not None:
            about = progress.proof.about
            what = "outbox"
            if "segment" in about:
                what = (
                    f"segment {about['segment']}, words {about['cursor_before']} to {about['cursor_after']} "
                    f"of {about['words']}, {about['steps']} steps"
                )
            self._owner.say(f"proof {progress.index + 1}: {what}: {progress.proof.seconds:.1f} s, {peak}")

    def _take(self, proof: Proof) -> None:
        """Count a proof and post it."""
        self.proofs += 1
        self.seconds += proof.seconds
        if "segment" not in proof.about:
            if self._post:
                self._send_outbox(proof)
            return
        segment, steps = int(proof.about["segment"]), int(proof.about["steps"])
        before = self._before.get(segment, 0)
        self._before[segment] = before + steps
        self.steps += steps
        if self._post:
            self._send_edge(proof, segment, before, steps)

    def _send_edge(self, proof: Proof, segment: int, before: int, steps: int) -> None:
        owner, about, inputs = self._owner, proof.about, proof.public_inputs
        edge = Edge(
            segment=segment,
            before=before,
            steps=steps,
            cursor=int(about["cursor_after"]),
            idle=bool(about["idle_after"]),
            end=bool(about["end"]),
            root=inputs[1],
            accumulator=inputs[2],
            h=inputs[3],
            size=SIZES.index(owner.size),
            payee=owner.sender.address,
        )
        number, batch_id = self._batch.number, self._batch.id
        if edge.h != self._commitment.segments[segment].data_hash:
            self._add_hash(segment, edge.h)
        if not edge.end and owner.court.get_fact(batch_id, segment, before + steps).payee != NOBODY:
            return
        call = owner.court.prove(number, self._preimage, self._parent, edge, proof.words)
        self._send(f"{segment} {before} {'end' if edge.end else before + steps}", call)

    def _add_hash(self, segment: int, h: int) -> None:
        """The proposer's hash is none of these words (08-R24)."""
        court, words = self._owner.court, self._texts[segment]
        if not court.is_hash_added(self._batch.id, segment, h):
            call = court.add_hash(self._batch.number, self._preimage, segment, h, to_slots(words))
            self._send(f"{segment} hash", call)

    def _send_outbox(self, proof: Proof) -> None:
        court, payee = self._owner.court, self._owner.sender.address
        accumulator = proof.public_inputs[3]
        if accumulator == self._commitment.segments[-1].claim.outbox:
            call = court.prove_outbox(self._batch.number, self._preimage, payee, proof.words)
        else:
            slots = b"".join(encode_withdrawal(entry) for entry in self._commitment.outbox)
            call = court.refute_outbox(
                self._batch.number, self._preimage, accumulator, payee, proof.words, slots
            )
        self._send("outbox", call)

    def _send(self, name: str, call: Call) -> None:
        """Have a call included; what somebody else did first is no error."""
        sender, key = self._owner.sender, f"prove {to_hex(self._batch.id)[2:]} {name}"
        for attempt in range(ATTEMPTS):
            known = sender.get(key)
            try:
                if known is None or known.state not in (State.INCLUDED, State.SETTLED):
                    sender.resubmit(key, call)
                receipt = sender.wait(key)
            except CallReverted as error:
                if error.reason in OTHERS_WERE_FIRST:
                    self._owner.say(f"somebody else was first: {error.reason.removeprefix('court: ')}")
                    return
                if error.reason != FACT_IS_GONE:
                    raise
                if attempt == ATTEMPTS - 1:
                    raise PathGone(
                        "L1 took back what the path went on from: what is left is proved anew"
                    ) from None
                sender.poll()  # L1 took back the edge before this one: it is sent again
                continue
            self.posted += 1
            self.gas += receipt.gas_used
            return
