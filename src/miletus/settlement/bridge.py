"""What a person does on L1: an account, deposits, keys, forced operations, and claims of withdrawals.

Each call names what it means to do, and does it once by that name, whatever L1 does meanwhile. Claims are
read from L1 alone: the posted outboxes of final batches.
"""

from miletus.settlement.chain import ChainView
from miletus.settlement.errors import SettlementError
from miletus.settlement.l1 import Rollup, Token, Vault
from miletus.settlement.outboxes import Claimable, Outboxes
from miletus.settlement.sender import Sender
from miletus.settlement.values import Receipt


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
        self._outboxes = Outboxes(rollup)

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
        return self._outboxes.get_withdrawals(view, owner if owner is not None else self.sender.address)

    def claim(self, view: ChainView, claimable: Claimable) -> Receipt:
        """Have L1 pay a withdrawal of a final batch to its owner. Raises CallReverted if it is not due."""
        batch, proof = self._outboxes.compute_proof(view, claimable)
        key = f"claim {batch.id.hex()} {claimable.index}"
        call = self.rollup.claim(
            claimable.number, claimable.index, claimable.owner, claimable.amount_micros, proof
        )
        self.sender.submit(key, call)
        return self._wait(key)

    def _wait(self, key: str) -> Receipt:
        return self.sender.wait(key, self._timeout_seconds)

    def _find_in_receipt(self, receipt: Receipt, event_name: str, value_name: str) -> int:
        for log in receipt.logs:
            event = self.vault.contract.decode_event(log) if log.address == self.vault.address else None
            if event is not None and event.name == event_name:
                return int(event.values[value_name])
        raise SettlementError(f"transaction 0x{receipt.transaction_hash.hex()} has no event {event_name}")


__all__ = ["Bridge", "Claimable"]
