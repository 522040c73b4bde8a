"""What a wallet has to know of L1 to bring money in and take it out: addresses, prices, accounts, claims."""

import threading
from dataclasses import dataclass
from typing import Any, Final

from eth_utils.address import to_checksum_address

from miletus.settlement.chain import ChainView
from miletus.settlement.l1 import Vault
from miletus.settlement.outboxes import Claimable, Outboxes

DEVELOPMENT_CHAIN: Final = 31_337
"""Chain id of a development L1, whose address may be told to a page: its keys are worth nothing."""

OVERLAP_BLOCKS: Final = 64
"""Blocks that are read again for accounts, since L1 may have given them up."""


@dataclass(frozen=True)
class Terms:
    """Where a deposit goes and what it costs besides."""

    rollup: str
    vault: str
    token: str
    word_fee_wei: int
    account_fee_wei: int


@dataclass(frozen=True)
class Due:
    """A withdrawal on L1; `proof` is there when it can be claimed, `final_at_s` until it is final."""

    withdrawal: Claimable
    final_at_s: int
    proof: list[bytes] | None


class Custody:
    """Reads L1 when asked. All methods may take long: they are for a thread. They raise SettlementError."""

    def __init__(self, view: ChainView, chain_id: int) -> None:
        self._view = view
        self.l1_url = view.rollup.node.rpc.url if chain_id == DEVELOPMENT_CHAIN else None
        """Address of a development L1, None of any other."""
        self._lock = threading.Lock()
        self._outboxes = Outboxes(view.rollup)
        self._accounts: dict[str, int] = {}
        self._read_to = view.start_block
        self._terms: Terms | None = None

    def get_terms(self) -> Terms:
        """Addresses and prices, which never change."""
        with self._lock:
            if self._terms is None:
                vault = self._view.vault
                self._terms = Terms(
                    self._view.rollup.address,
                    vault.address,
                    vault.token,
                    vault.word_fee_wei,
                    vault.account_fee_wei,
                )
            return self._terms

    def find_account(self, owner: str) -> int | None:
        """The first account that an address registered, None if it has none."""
        with self._lock:
            wanted = str(to_checksum_address(owner))
            if wanted not in self._accounts:
                self._read_accounts(self._view.vault)
            return self._accounts.get(wanted)

    def get_withdrawals(self, owner: str) -> list[Due]:
        """Withdrawals to an address in the batches on L1, in order."""
        with self._lock:
            self._view.poll()
            return [self._describe(each) for each in self._outboxes.get_withdrawals(self._view, owner)]

    def _describe(self, each: Claimable) -> Due:
        batch, proof = self._outboxes.compute_proof(self._view, each)
        final_at_s = batch.committed_at_s + self._view.rollup.window_s
        return Due(each, final_at_s, proof if each.final and not each.claimed else None)

    def _read_accounts(self, vault: Vault) -> None:
        last = vault.node.get_head().number
        first = max(self._view.start_block, self._read_to - OVERLAP_BLOCKS)
        for log in vault.node.get_logs([vault.address], first, last):
            event: Any = vault.contract.decode_event(log)
            if event is not None and event.name == "AccountRegistered":
                owner = str(to_checksum_address(str(event.values["owner"])))
                self._accounts.setdefault(owner, int(event.values["account"]))
        self._read_to = last
