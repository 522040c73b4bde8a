"""Leaving a frozen rollup with L1's data and the first state alone: prove, claim, be paid (spec 08-R32)."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from miletus.prover import ExitJob, Progress, Proof, Prover, SilenceJob
from miletus.settlement.chain import ChainView
from miletus.settlement.court import DONE, NO_TIP, Exit, Preimage, Tip
from miletus.settlement.errors import CallReverted, SettlementError, TransactionReverted
from miletus.settlement.genesis import Genesis
from miletus.settlement.intents import Call, State
from miletus.settlement.proofs import Reproduction, read_commitment
from miletus.settlement.replica import Pages
from miletus.settlement.sender import Sender
from miletus.settlement.values import NOBODY
from miletus.settlement.worth import Worth, compute_worth, find_accounts, find_silent


class NotYet(SettlementError):
    """The rollup is not where anyone can leave it; the line says what to wait for."""


@dataclass(frozen=True, slots=True)
class Departure:
    """What became of an account.

    Attributes:
        account: its number.
        owner: its L1 address.
        worth_micros: what L1 was shown; less than nothing for who owes.
        owed_micros: what is owed of it, before it is known if there is enough for all.
        paid: whether the owner was paid.
        proofs: how many were made now.
        gas: of the calls made now.
        peak_bytes: the most memory that the prover had.

    """

    account: int
    owner: str
    worth_micros: int
    owed_micros: int
    paid: bool
    proofs: int
    gas: int
    peak_bytes: int


class Leaving:
    """The way out of one rollup. Anyone may go it for anyone: owners are paid, whoever calls.

    Args:
        view: its own view of L1; it polls it.
        genesis: the published first state.
        sender: who pays for gas.
        prover: the program.
        say: told lines about what happens.

    """

    def __init__(
        self,
        view: ChainView,
        genesis: Genesis,
        sender: Sender,
        prover: Prover,
        say: Callable[[str], None] | None = None,
    ) -> None:
        rollup = view.rollup
        self.view = view
        self.sender = sender
        self.exit = Exit(rollup.node, rollup.exit)
        self._prover = prover
        self._say = say if say is not None else lambda line: None
        self._reproduction = Reproduction(view, genesis)
        self._state: tuple[int, bytes, Pages] | None = None
        self._gas = 0

    def open(self) -> int:
        """See that claims are open; the end of the claim period, L1 seconds.

        Raises:
            NotYet: the rollup is not frozen, or a batch is pending.

        """
        rollup = self.view.rollup
        self.view.poll()
        end_s = self.exit.get_claims_end()
        if end_s:
            return end_s
        if rollup.get_final_number() < rollup.get_head_number():
            with suppress(CallReverted, TransactionReverted):  # nothing is due, or another was first
                self._send(f"finalise before exit {rollup.get_final_number()}", rollup.finalise())
        if not rollup.get_frozen_at():
            self._freeze()
        left = rollup.get_head_number() - rollup.get_final_number()
        if left:
            raise NotYet(
                f"{left} batches are pending: prove them with miletus prove --all, or wait for the end of "
                "their window"
            )
        self._send("open exit", self.exit.open(self._build_tip()))
        self._say("the last final state is open for claims")
        return self.exit.get_claims_end()

    def find_accounts(self, owner: str) -> list[int]:
        """Accounts of an L1 address in the last final state."""
        return find_accounts(self._read_state()[2], bytes.fromhex(owner.removeprefix("0x")))

    def compute_worth(self, account: int) -> Worth:
        """What an account is worth there. Raises SettlementError if nobody has it."""
        worth = compute_worth(self._read_state()[2], account)
        if not any(worth.owner):
            raise SettlementError(f"account {account} has no owner in the last final state: check its number")
        return worth

    def leave(self, account: int) -> Departure:
        """Claim what an account is owed, and have its owner paid if the claim period is over.

        Raises:
            NotYet: see `open`.
            SettlementError: there is no such account, or nothing is left for a late claim.
            ProverError: there is no proof; its line says why.

        """
        if self.exit.read_address("exit_verifier") == NOBODY:
            raise SettlementError(
                "this deployment has no key of the circuit of exits: its accounts can't be claimed"
            )
        end_s = self.open()
        worth = self.compute_worth(account)
        self._gas, proofs, peak_bytes = 0, 0, 0
        progress = self.exit.get_progress(account)
        if progress.cursor != DONE:
            _, root, pages = self._read_state()
            job = ExitJob(root, pages, account, progress.cursor, progress.worth_micros)
            run = self._prover.start(job)
            for proof in run.result(self._tell):  # each goes on where the one before ended
                self._claim(account, proof)
                proofs += 1
            peak_bytes = run.peak_bytes
            progress = self.exit.get_progress(account)
        head = self.view.rollup.node.get_head()
        if not progress.paid and head.timestamp_s >= end_s:
            self._send(f"pay exit {account}", self.exit.pay(account))
            progress = self.exit.get_progress(account)
        return Departure(
            account=account,
            owner=progress.owner,
            worth_micros=worth.total_micros,
            owed_micros=progress.owed_micros,
            paid=progress.paid,
            proofs=proofs,
            gas=self._gas,
            peak_bytes=peak_bytes,
        )

    # ---- L1

    def _freeze(self) -> None:
        """Freeze it if its inbox was not served in time, or its oracle is silent. Raises NotYet."""
        try:
            self._send("freeze", self.view.rollup.freeze())
        except CallReverted as error:
            if not self._prove_silence():
                raise NotYet(
                    f"the rollup is not frozen and can't be now ({error.reason or error}): withdraw in place "
                    "of leaving; a forced operation in the inbox is served, or freezes it"
                ) from None
        else:
            self._say("frozen: an inbox entry waited for too long")

    def _prove_silence(self) -> bool:
        """Freeze it if the oracle of something that somebody holds is silent; whether it is (08-R34)."""
        _, root, pages = self._read_state()
        underlying = find_silent(pages, self.exit.read_int("oracle_silence_s"))
        if underlying is None or self.exit.read_address("silence_verifier") == NOBODY:
            return False
        (proof,) = self._prover.prove(SilenceJob(root, pages, underlying))
        clock_ms, tick_time_s = int(proof.about["clock_ms"]), int(proof.about["tick_time_s"])
        call = self.exit.prove_silence(self._build_tip(), underlying, clock_ms, tick_time_s, proof.words)
        self._send("freeze silent", call)
        self._say(f"frozen: the oracle of underlying {underlying} is silent")
        return True

    def _claim(self, account: int, proof: Proof) -> None:
        about = proof.about
        cursor, worth = int(about["cursor_after"]), int(about["sum_after_micros"])
        owner = f"0x{proof.public_inputs[1]:040x}"
        call = self.exit.claim(account, owner, cursor, worth, proof.words)
        self._send(f"exit {account} {about['cursor_before']}", call)

    def _send(self, key: str, call: Call) -> None:
        known = self.sender.get(key)
        if known is None or known.state not in (State.INCLUDED, State.SETTLED):
            self.sender.resubmit(key, call)
        self._gas += self.sender.wait(key).gas_used

    def _build_tip(self) -> Tip:
        posted = self.view.get_batch(self.view.rollup.get_final_number())
        if posted is None:
            return NO_TIP
        inbox = self.view.get_words(posted.inbox_first, posted.inbox_end)
        return Preimage.build(posted, read_commitment(self.view, posted), inbox).tip

    # ---- the last final state

    def _read_state(self) -> tuple[int, bytes, Pages]:
        """Number, root and pages of the last final state, rebuilt from L1's data."""
        number = self.view.rollup.get_final_number()
        if self._state is None or self._state[0] != number:
            self.view.poll()
            replica = self._reproduction.go_to(number)
            self._state = (number, replica.root, replica.export_pages())
        return self._state

    def _tell(self, progress: Progress) -> None:
        if progress.kind == "loading":
            self._say(f"reading the keys of {progress.circuit}")
        elif progress.proof is not None:
            self._say(
                f"proof {progress.index + 1}: {progress.proof.about['positions']} positions: "
                f"{progress.proof.seconds:.1f} s, peak memory {progress.peak_bytes >> 20} MiB"
            )
