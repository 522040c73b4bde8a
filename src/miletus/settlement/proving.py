"""Proving batches on L1: from what was posted to a verdict, with nothing but L1's data and the first state.

A batch is executed again from its parent's state. If all its claims are right, each of its segments and its
outbox are proved as claimed, and the batch is final as soon as the last proof is on L1. At the first claim
that is wrong only the segment before it is proved, from the last right claim on: the shortest way there is.
"""

from collections.abc import Callable
from dataclasses import dataclass

from miletus.native import NativeCrypto
from miletus.prover import EdgesJob, OutboxJob, Progress, Proof, Prover, SegmentJob
from miletus.settlement.chain import ChainView, PostedBatch
from miletus.settlement.commitment import Commitment, encode_withdrawal, to_slots
from miletus.settlement.court import NO_TIP, OUTBOX, Court, Edge, Preimage, Tip
from miletus.settlement.errors import CallReverted, SettlementError
from miletus.settlement.genesis import Genesis
from miletus.settlement.intents import Call, State
from miletus.settlement.proofs import Part, Reproduction, compute_parts, read_commitment
from miletus.settlement.sender import Sender
from miletus.settlement.values import to_hex

SIZES = ("small", "medium", "large")
"""Sizes of the circuit of edges in the order of a deployment's keys."""

ZK = 1
"""Policy under which signatures are not on L1 (08-R31)."""

NOBODY = "0x" + 40 * "0"

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


class NothingToProve(SettlementError):
    """There is no such batch, or a proof of it changes nothing any more."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a batch.

    Attributes:
        number, batch_id: which batch.
        wrong: the first claim that was wrong, in one line; empty if all are right.
        proofs: how many were made.
        posted: how many of them L1 took; others had been proved by somebody else.
        steps: of the machine, in all edges.
        seconds: that the proofs took, side by side or not.
        peak_bytes: the most memory that the prover had.
        gas: of all calls.
        final: whether the batch is final now.
        removed: whether it is gone.

    """

    number: int
    batch_id: bytes
    wrong: str
    proofs: int
    posted: int
    steps: int
    seconds: float
    peak_bytes: int
    gas: int
    final: bool
    removed: bool


class BatchProver:
    """Proves batches of one rollup and posts the proofs; whoever owns the sender's wallet is paid for them.

    Args:
        view: its own view of L1; it polls it.
        genesis: the published first state.
        sender: sender of the account that pays for gas and is the proofs' payee.
        prover: the program.
        size: of the circuit of edges.
        say: told lines about what happens.

    Raises:
        SettlementError: the deployment has no key of that size, or its signatures are not on L1.

    """

    def __init__(
        self,
        view: ChainView,
        genesis: Genesis,
        sender: Sender,
        prover: Prover,
        size: str = "small",
        say: Callable[[str], None] | None = None,
    ) -> None:
        rollup = view.rollup
        self.view = view
        self.sender = sender
        self.court = Court(rollup.node, rollup.court)
        self._prover = prover
        self._size = size
        self._say = say if say is not None else lambda line: None
        self._chain_id = rollup.node.get_chain_id()
        self._rollup = bytes.fromhex(rollup.address.removeprefix("0x"))
        self._payee = bytes.fromhex(sender.address.removeprefix("0x"))
        self._reproduction = Reproduction(view, genesis, NativeCrypto(self._chain_id, rollup.address))
        if rollup.policy == ZK:
            raise SettlementError(
                "this rollup keeps signatures off L1 (policy zk), so L1 alone is not enough: prove on the "
                "sequencer's node"
            )
        if size not in SIZES or self.court.get_verifier(SIZES.index(size)) == NOBODY:
            raise SettlementError(
                f"this deployment has no key of edges of size {size!r}: choose another, or deploy with it"
            )

    def find_next(self) -> int | None:
        """Number of the first pending batch that is not proved, None if there is none. Polls L1."""
        self.view.poll()
        final = self.view.rollup.get_final_number()
        for posted in self.view.batches:
            if posted.number > final and not self.court.is_proved(posted.id):
                return posted.number
        return None

    def prove(self, number: int, *, post: bool = True) -> Verdict:
        """Prove a pending batch, or that it is wrong; its parents must be right.

        Args:
            number: place of the batch.
            post: whether the proofs are posted.

        Raises:
            NothingToProve: there is no such batch, it is final, or a batch before it is wrong.
            L1Error: L1 can't be used now; what was posted stays, prove again.
            ProverError: there is no proof; its line says why.

        """
        self.view.poll()
        posted = self.view.get_batch(number)
        if posted is None:
            raise NothingToProve(
                f"there is no batch {number} on L1, the last one is {self.view.head_number}: give its number"
            )
        if number <= self.view.rollup.get_final_number():
            raise NothingToProve(f"batch {number} is final already: nothing can be proved of it any more")
        case = self._reproduction.open(posted)
        self._say(
            f"batch {number} ({to_hex(posted.id)[:12]}): "
            + (f"wrong at segment {case.alarm.segment}" if case.alarm else "every claim is right")
        )
        work = _Work(self, posted, case.commitment, case.texts, post=post)
        for part in compute_parts(case, lambda part: self.court.is_part_proved(posted.id, part)):
            work.do(part)
        removed = bool(case.alarm) and self._is_removed(posted)
        return Verdict(
            number=number,
            batch_id=posted.id,
            wrong=str(case.alarm) if case.alarm else "",
            proofs=work.proofs,
            posted=work.posted,
            steps=work.steps,
            seconds=work.seconds,
            peak_bytes=work.peak_bytes,
            gas=work.gas,
            final=not removed and number <= self.view.rollup.get_final_number(),
            removed=removed,
        )

    def _is_removed(self, posted: PostedBatch) -> bool:
        rollup = self.view.rollup
        return rollup.get_head_number() < posted.number or rollup.get_batch(posted.number).id != posted.id


class _Work:
    """The proofs of one batch, made and posted."""

    def __init__(
        self,
        owner: BatchProver,
        posted: PostedBatch,
        commitment: Commitment,
        texts: tuple[bytes, ...],
        *,
        post: bool,
    ) -> None:
        self._owner = owner
        self._batch = posted
        self._commitment = commitment
        self._texts = texts
        self._post = post
        self._preimage = Preimage.build(posted, commitment, texts[0])
        self._parent = self._build_parent_tip()
        self._before: dict[int, int] = {}
        self.proofs = self.posted = self.steps = self.peak_bytes = self.gas = 0
        self.seconds = 0.0

    def do(self, part: Part) -> None:
        """Prove a part and post its proofs in their order, each as soon as those before it are there."""
        job = self._build_outbox_job() if part.segments == (OUTBOX,) else self._build_edges_job(part)
        run = self._owner._prover.start(job)
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
            size=owner._size,
            chain_id=owner._chain_id,
            rollup=owner._rollup,
            payee=owner._payee,
            time_bound_ms=self._commitment.time_bound_ms,
            clock_floor_ms=self._commitment.clock_floor_ms,
            root_before=part.root,
            pages=part.state,
            segments=[
                SegmentJob(j, self._texts[j], last=j == last, claim=(claims[j].root, claims[j].outbox))
                for j in part.segments
            ],
        )

    def _build_outbox_job(self) -> OutboxJob:
        return OutboxJob(
            payee=self._owner._payee,
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
            self._owner._say(f"reading the keys of {progress.circuit}")
        elif progress.proof is not None:
            about = progress.proof.about
            what = "outbox"
            if "segment" in about:
                what = (
                    f"segment {about['segment']}, words {about['cursor_before']} to {about['cursor_after']} "
                    f"of {about['words']}, {about['steps']} steps"
                )
            self._owner._say(f"proof {progress.index + 1}: {what}: {progress.proof.seconds:.1f} s, {peak}")

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
            size=SIZES.index(owner._size),
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
                    self._owner._say(f"somebody else was first: {error.reason.removeprefix('court: ')}")
                    return
                if error.reason != FACT_IS_GONE or attempt == ATTEMPTS - 1:
                    raise
                sender.poll()  # L1 took back the edge before this one: it is sent again
                continue
            self.posted += 1
            self.gas += receipt.gas_used
            return
