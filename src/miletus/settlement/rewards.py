"""What a prover has earned on L1: shares of bonds and of bounties, fetched by the calls that pay them.

L1 pays a verdict's path when it falls, as far as it is not very long; what is left, and each part that a
bounty covers, anyone may have paid (spec 08-R28, 08-R30). What is owed stays in the court until asked for.
"""

from collections.abc import Callable, Iterable
from functools import partial

from miletus.settlement.chain import ChainView
from miletus.settlement.court import Court
from miletus.settlement.errors import CallReverted
from miletus.settlement.intents import Call, State
from miletus.settlement.sender import Sender
from miletus.settlement.values import to_hex
from miletus.settlement.verdicts import Verdicts

PAID = "pots: path is paid already"
"""Reason of the court when nothing of a path is left to pay."""

EDGES_A_CALL = 64


class Rewards:
    """Fetches what one wallet has earned.

    Args:
        view: its own view of L1.
        sender: of the wallet that was the proofs' payee.
        say: told lines about what happens.

    """

    def __init__(self, view: ChainView, sender: Sender, say: Callable[[str], None] | None = None) -> None:
        rollup = view.rollup
        self.view = view
        self.sender = sender
        self.court = Court(rollup.node, rollup.court)
        self.verdicts = Verdicts(rollup, view.start_block)
        self._say = say if say is not None else lambda line: None
        self._paid: set[str] = set()

    def collect(self) -> int:
        """Have everything paid that this wallet has earned and not got; wei that went to it now.

        Raises:
            L1Error: L1 can't be used now; call again, nothing is paid twice.

        """
        self.view.poll()
        self.verdicts.poll()
        mine = self.sender.address
        for refutation in self.verdicts.refutations:
            if mine in self._get_payees(refutation.batch_id, refutation.part, refutation.payee):
                self._pay_path(
                    f"reward {to_hex(refutation.batch_id)} {refutation.part}",
                    partial(self.court.pay_reward, refutation.batch_id, refutation.part, EDGES_A_CALL),
                )
        for number in sorted(final.number for final in self.verdicts.finals.values()):
            self._collect_bounty(number)
        return self._withdraw()

    def find_bounties(self, least_wei: int = 1) -> list[int]:
        """Numbers of pending batches that have a bounty of so much at least, the oldest first."""
        self.view.poll()
        self.verdicts.poll()
        final = self.view.rollup.get_final_number()
        offered = [
            batch for batch in self.view.batches if batch.number > final and batch.id in self.verdicts.offered
        ]
        return [batch.number for batch in offered if self.court.get_bounty(batch.id).amount_wei >= least_wei]

    # ---- parts

    def _get_payees(self, batch_id: bytes, part: int, last: str) -> set[str]:
        edges = {payee for owner, place, payee in self.verdicts.edges if (owner, place) == (batch_id, part)}
        return {last, *edges}

    def _collect_bounty(self, number: int) -> None:
        """Settle the bounty of a final batch, and have its parts paid in which this wallet has a share."""
        posted = self.view.get_batch(number)
        if posted is None or posted.id not in self.verdicts.proved:
            return
        if posted.id not in self.verdicts.offered:
            return
        bounty = self.court.get_bounty(posted.id)
        if not bounty.amount_wei:
            return  # it was taken back
        covered = self._find_covered(range(bounty.first, number + 1))
        if not covered:
            return
        if not bounty.settled:
            try:
                self._send(f"settle bounty {to_hex(posted.id)}", self.court.settle_bounty(number))
            except CallReverted:
                return  # too late: it goes back to those who offered it
        for ancestor, part in covered:
            self._pay_path(
                f"bounty {to_hex(posted.id)} {ancestor} {part}",
                partial(self.court.pay_bounty, number, ancestor, part, EDGES_A_CALL),
            )

    def _find_covered(self, numbers: Iterable[int]) -> list[tuple[int, int]]:
        """(batch, part) of everything among batches that this wallet proved a part of."""
        found = []
        for number in numbers:
            posted = self.view.get_batch(number)
            if posted is not None:
                parts = self.verdicts.find_parts_of(posted.id, self.sender.address)
                found += [(number, part) for part in parts]
        return found

    # ---- L1

    def _pay_path(self, name: str, build: Callable[[], Call]) -> None:
        """Call until a path is paid."""
        turn = 0
        while name not in self._paid:
            try:
                self._send(f"{name} {turn}", build())
            except CallReverted as error:
                if error.reason != PAID:
                    raise
                self._paid.add(name)
            turn += 1

    def _withdraw(self) -> int:
        owed_wei = self.court.get_credit(self.sender.address)
        if not owed_wei:
            return 0
        self._send(f"withdraw credit {self.sender.get_next_nonce()}", self.court.withdraw_credit())
        self._say(f"{owed_wei / 10**18:.4f} ETH of bonds and bounties fetched from the court")
        return owed_wei

    def _send(self, key: str, call: Call) -> None:
        """Have a call included; one that was included before is not made again."""
        known = self.sender.get(key)
        if known is None or known.state not in (State.INCLUDED, State.SETTLED):
            self.sender.resubmit(key, call)
        self.sender.wait(key)
