"""Withdrawals as the posted outboxes of batches tell them, with the proofs by which they are claimed."""

from dataclasses import dataclass

from eth_utils.address import to_checksum_address

from miletus.settlement.chain import ChainView, PostedBatch
from miletus.settlement.commitment import Withdrawal, compute_withdrawal_proof, decode_commit
from miletus.settlement.errors import L1Inconsistent, SettlementError
from miletus.settlement.l1 import Rollup


@dataclass(frozen=True, slots=True)
class Claimable:
    """A withdrawal of a batch on L1. It can be claimed when `final` and not `claimed`."""

    number: int
    index: int
    owner: str
    amount_micros: int
    final: bool
    claimed: bool


class Outboxes:
    """The outboxes of a rollup's batches, each read once from its transaction."""

    def __init__(self, rollup: Rollup) -> None:
        self.rollup = rollup
        self._outboxes: dict[bytes, tuple[Withdrawal, ...]] = {}

    def get_withdrawals(self, view: ChainView, owner: str) -> list[Claimable]:
        """Withdrawals to an owner in the batches that a polled view holds."""
        wanted = to_checksum_address(owner)
        final = self.rollup.get_final_number()
        found = []
        for batch in view.batches:
            for index, withdrawal in enumerate(self._get(batch) if batch.outbox_count else ()):
                address = str(to_checksum_address(withdrawal.owner))
                if address == wanted:
                    is_final = batch.number <= final
                    claimed = is_final and self.rollup.is_claimed(batch.number, index)
                    found.append(
                        Claimable(batch.number, index, address, withdrawal.amount_micros, is_final, claimed)
                    )
        return found

    def compute_proof(self, view: ChainView, claimable: Claimable) -> tuple[PostedBatch, list[bytes]]:
        """A withdrawal's batch, and its proof in that batch's outbox. SettlementError if it left L1."""
        batch = view.get_batch(claimable.number)
        if batch is None:
            raise SettlementError(
                f"batch {claimable.number} is not on L1 any more; look at the withdrawals again"
            )
        return batch, compute_withdrawal_proof(self._get(batch), claimable.index)[1]

    def _get(self, batch: PostedBatch) -> tuple[Withdrawal, ...]:
        """The posted withdrawals of a batch."""
        if batch.id not in self._outboxes:
            transaction = self.rollup.node.get_transaction(batch.transaction_hash)
            if transaction is None:
                raise L1Inconsistent(
                    f"L1 at {self.rollup.node.rpc.url} has the event of batch {batch.number} without its "
                    "transaction; use another node"
                )
            self._outboxes[batch.id] = decode_commit(transaction.input).outbox
        return self._outboxes[batch.id]
