"""Proving batches on L1: from what was posted to a verdict, with nothing but L1's data and the first state.

A batch is executed again from its parent's state. If all its claims are right, each of its segments and its
outbox are proved as claimed, and the batch is final as soon as the last proof is on L1. At the first claim
that is wrong only the segment before it is proved, from the last right claim on: the shortest way there is.
What L1 has of the way already, from whomever, is not proved again. An own node makes it shorter still: its
states save executing everything from the first one on, and under policy zk it has the signatures.
"""

from collections.abc import Callable
from dataclasses import dataclass

from miletus.native import NativeCrypto
from miletus.prover import Prover
from miletus.settlement.chain import ChainView, PostedBatch
from miletus.settlement.court import Court
from miletus.settlement.errors import CallReverted, SettlementError, TransactionReverted
from miletus.settlement.genesis import Genesis
from miletus.settlement.posting import SIZES, PathGone, Work
from miletus.settlement.proofs import Reproduction, compute_parts
from miletus.settlement.sender import Sender
from miletus.settlement.signatures import check_signatures, find_signatures
from miletus.settlement.source import BatchSource, StateSource
from miletus.settlement.values import NOBODY, to_hex

ATTEMPTS = 3
"""How often a batch is proved anew because L1 took back a part of its path that somebody else had posted."""


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
        archive: closed batches with all their words; under policy zk it has the signatures.
        states: states of an own node, to begin at.

    Raises:
        SettlementError: the deployment has no key of that size.

    """

    def __init__(
        self,
        view: ChainView,
        genesis: Genesis,
        sender: Sender,
        prover: Prover,
        size: str = "small",
        say: Callable[[str], None] | None = None,
        archive: BatchSource | None = None,
        states: StateSource | None = None,
    ) -> None:
        rollup = view.rollup
        self.view = view
        self.sender = sender
        self.court = Court(rollup.node, rollup.court)
        self.prover = prover
        self.size = size
        self.say = say if say is not None else lambda line: None
        self.chain_id = rollup.node.get_chain_id()
        self.address = bytes.fromhex(rollup.address.removeprefix("0x"))
        self._archive = archive
        self._reproduction = Reproduction(view, genesis, states)
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
            SignaturesMissing, SignatureInvalid: under policy zk, for want of good signatures.
            L1Error: L1 can't be used now; what was posted stays, prove again.
            ProverError: there is no proof; its line says why.

        """
        for _ in range(ATTEMPTS - 1):
            try:
                return self._prove(number, post=post)
            except PathGone as error:
                self.say(str(error))
        return self._prove(number, post=post)

    def remove_overdue(self) -> bool:
        """Remove the next batch if its deadline passed without a proof (policy zk); whether it went.

        Raises:
            L1Error: L1 can't be used now.

        """
        rollup = self.view.rollup
        if not rollup.is_off_chain:
            return False
        self.view.poll()
        posted, head = self.view.get_batch(rollup.get_final_number() + 1), self.view.head
        if posted is None or head is None or head.timestamp_s < posted.committed_at_s + rollup.window_s:
            return False
        if self.court.is_proved(posted.id):
            return False
        key = f"expire {to_hex(posted.id)[2:]}"
        try:
            self.sender.resubmit(key, rollup.expire())
            self.sender.wait(key)
        except (CallReverted, TransactionReverted):
            return False  # somebody else was first
        self.say(f"batch {posted.number} ({to_hex(posted.id)[:12]}) was not proved in time: it is removed")
        return True

    def _prove(self, number: int, *, post: bool) -> Verdict:
        self.view.poll()
        posted = self.view.get_batch(number)
        if posted is None:
            raise NothingToProve(
                f"there is no batch {number} on L1, the last one is {self.view.head_number}: give its number"
            )
        if number <= self.view.rollup.get_final_number():
            raise NothingToProve(f"batch {number} is final already: nothing can be proved of it any more")
        case = self._reproduction.open(posted)
        self.say(
            f"batch {number} ({to_hex(posted.id)[:12]}): "
            + (f"wrong at segment {case.alarm.segment}" if case.alarm else "every claim is right")
        )
        work = Work(self, case, post=post)
        for part in compute_parts(case, lambda part: self.court.is_part_proved(posted.id, part)):
            if self.view.rollup.is_off_chain and part.pages is not None:
                work.signed = find_signatures(self._archive, number, case.texts, part.segments)
                crypto = NativeCrypto(self.chain_id, self.address)
                check_signatures(part.pages, part.segments, work.signed, case.commitment, crypto)
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
