"""What a person does on L1: an account, deposits, keys, forced operations, and claims of withdrawals.

Each call names what it means to do, and does it once by that name, whatever L1 does meanwhile. Claims are
read from L1 alone: the posted outboxes of final batches.
"""

from dataclasses import dataclass

from eth_utils.address import to_checksum_address

from miletus.settlement.chain import ChainView, PostedBatch
from miletus.settlement.commitment import Withdrawal, compute_withdrawal_proof, decode_commit
from miletus.settlement.errors import L1Inconsistent, SettlementError
from miletus.settlement.l1 import Rollup, Token, Vault
from miletus.settlement.sender import Sender
from miletus.settlement.values import Receipt


@dataclass(frozen=True, slots=True)
class Claimable:
    """A withdrawal of a batch on L1. It can be claimed when `final` and not `claimed`."""

    number: int
    index: int
    owner: str
    amount_micros: int
    final: bool
    claimed: bool


class Bridge:
    """One wallet's way to and from the rollup.

    Args:
        sender: sender of the wallet.
        rollup: the rollup.
        timeout_seconds: longest wait for a transaction to be on the chain; it goes on after that too.

    """

    def __init__(self, sender: Sender, rollup: Rollup, timeout_seconds: float = 120.0) -> None:
        self.sender = sender
        self.rollup = rollup
        self.vault = Vault(rollup.node, rollup.vault)
        self.token = Token(rollup.node, self.vault.token)
        self._timeout_seconds = timeout_seconds
        self._outboxes: dict[bytes, tuple[Withdrawal, ...]] = {}

    def register(self, name: str = "first") -> int:
        """A new account of the wallet; its number. Once by its name."""
        key = f"register {name}"
        self.sender.submit(key, self.vault.register())
        return self._find_in_receipt(self._wait(key), "AccountRegistered", "account")

    def deposit(self, name: str, account: int, amount_micros: int) -> int:
        """Deposit into an account of anyone, once by its name; the inbox entry's number.

        Raises:
            CallReverted: no such account, an amount beyond the limits, or the wallet holds less.

        """
        key, owner = f"deposit {name}", self.vault.get_owner(account)
        if self.sender.get(key) is None:
            held = self.token.get_balance(self.sender.address)
            if held < amount_micros:
                raise SettlementError(
                    f"{self.sender.address} holds {held} micro-USDC, the deposit is {amount_micros}; "
                    "get tokens first"
                )
            if self.token.get_allowance(self.sender.address, self.vault.address) < amount_micros:
                approval = f"approve for {key}"
                self.sender.submit(approval, self.token.approve(self.vault.address, amount_micros))
                self._wait(approval)
            self.sender.submit(key, self.vault.deposit(account, owner, amount_micros))
        return self._find_in_receipt(self._wait(key), "EntryAdded", "entry")

    def set_key(self, name: str, account: int, slot: int, scope: int, expiry_s: int, x: int, y: int) -> int:
        """Set a trading key of the wallet's account, once by its name; the inbox entry's number."""
        key = f"key {name}"
        self.sender.submit(key, self.vault.set_key(account, slot, scope, expiry_s, x, y))
        return self._find_in_receipt(self._wait(key), "EntryAdded", "entry")

    def force(self, name: str, word: bytes) -> int:
        """Force an operation by its first word, once by its name; the entry's number."""
        key = f"force {name}"
        self.sender.submit(key, self.vault.force(word))
        return self._find_in_receipt(self._wait(key), "EntryAdded", "entry")

    def get_withdrawals(self, view: ChainView, owner: str | None = None) -> list[Claimable]:
        """Withdrawals to an owner (the wallet if None) in the batches that a polled view holds."""
        wanted = to_checksum_address(owner if owner is not None else self.sender.address)
        final = self.rollup.get_final_number()
        found = []
        for batch in view.batches:
            for index, withdrawal in enumerate(self._get_outbox(batch) if batch.outbox_count else ()):
                address = str(to_checksum_address(withdrawal.owner))
                if address == wanted:
                    is_final = batch.number <= final
                    claimed = is_final and self.rollup.is_claimed(batch.number, index)
                    found.append(
                        Claimable(batch.number, index, address, withdrawal.amount_micros, is_final, claimed)
                    )
        return found

    def claim(self, view: ChainView, claimable: Claimable) -> Receipt:
        """Have L1 pay a withdrawal of a final batch to its owner. Raises CallReverted if it is not due."""
        batch = view.get_batch(claimable.number)
        if batch is None:
            raise SettlementError(
                f"batch {claimable.number} is not on L1 any more; look at the withdrawals again"
            )
        _, proof = compute_withdrawal_proof(self._get_outbox(batch), claimable.index)
        key = f"claim {batch.id.hex()} {claimable.index}"
        call = self.rollup.claim(
            claimable.number, claimable.index, claimable.owner, claimable.amount_micros, proof
        )
        self.sender.submit(key, call)
        return self._wait(key)

    def _get_outbox(self, batch: PostedBatch) -> tuple[Withdrawal, ...]:
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

    def _wait(self, key: str) -> Receipt:
        return self.sender.wait(key, self._timeout_seconds)

    def _find_in_receipt(self, receipt: Receipt, event_name: str, value_name: str) -> int:
        for log in receipt.logs:
            event = self.vault.contract.decode_event(log) if log.address == self.vault.address else None
            if event is not None and event.name == event_name:
                return int(event.values[value_name])
        raise SettlementError(f"transaction 0x{receipt.transaction_hash.hex()} has no event {event_name}")
