"""Money between L1 and the exchange: deposits, and claims of withdrawals that are final."""

import time
from decimal import Decimal
from pathlib import Path

from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address

from miletus.client.errors import ClientError
from miletus.client.keys import derive_trading_key
from miletus.client.trader import KEY_SLOT, SCOPE_ALL
from miletus.client.units import MICROS, Number, from_micros, to_units
from miletus.client.values import Withdrawal
from miletus.client.venue import Venue
from miletus.settlement.bridge import Bridge
from miletus.settlement.chain import ChainView
from miletus.settlement.intents import State
from miletus.settlement.l1 import Rollup, Vault
from miletus.settlement.node import MOVED_TIME, HeadRules, L1Node
from miletus.settlement.sender import FeePolicy, Sender, open_store


class Money:
    """A wallet's way to and from an exchange through L1. Blocking: use it in a thread of an async program.

    Args:
        venue: the exchange; it needs `l1_url`.
        wallet: the wallet; its key stays here.
        store: a file that remembers what was sent, so that nothing is sent twice after a crash; with None
            that memory ends with this object.

    """

    def __init__(self, venue: Venue, wallet: LocalAccount, store: Path | None = None) -> None:
        if not venue.l1_url:
            raise ClientError("this venue has no l1_url: give one to deposit or claim")
        self.venue = venue
        self.wallet = wallet
        self._node = L1Node.connect(venue.l1_url, MOVED_TIME if venue.moved_time else HeadRules())
        self._rollup = Rollup(self._node, venue.rollup)
        kept = open_store(store if store is not None else ":memory:", self._node, wallet.address)
        self._bridge = Bridge(Sender(self._node, wallet, kept, FeePolicy()), self._rollup)

    def close(self) -> None:
        """Close the file and the connection."""
        self._bridge.sender.store.close()
        self._node.close()

    def get_balance(self) -> Decimal:
        """What the wallet holds on L1."""
        return from_micros(self._bridge.token.get_balance(self.wallet.address))

    def find_account(self) -> int | None:
        """The wallet's first account, None if it has none."""
        vault = Vault(self._node, self._rollup.vault)
        wanted = to_checksum_address(self.wallet.address)
        for log in self._node.get_logs([vault.address], self.venue.start_block, self._node.get_head().number):
            event = vault.contract.decode_event(log)
            if event is None or event.name != "AccountRegistered":
                continue
            if to_checksum_address(str(event.values["owner"])) == wanted:
                return int(event.values["account"])
        return None

    def deposit(self, amount: Number, *, mint: bool = False) -> int:
        """Deposit; the wallet's account. The first deposit registers one and binds the trading key.

        `mint` makes the tokens first, as a development token allows. The exchange has it some blocks later.

        Raises:
            SettlementError: the wallet holds less, or L1 refuses.

        """
        micros, bridge, name = to_units(amount, MICROS, "amount"), self._bridge, str(time.time_ns())
        if mint:
            bridge.sender.submit(f"mint {name}", bridge.token.mint(self.wallet.address, micros))
            bridge.sender.wait(f"mint {name}")
        account = self.find_account()
        first = account is None
        if account is None:
            account = bridge.register()
        bridge.deposit(name, account, micros)
        bound = bridge.sender.get("key first")
        if first or (bound is not None and bound.state not in (State.INCLUDED, State.SETTLED)):
            key = derive_trading_key(self.wallet, self.venue.chain_id, self.venue.rollup)
            bridge.set_key("first", account, KEY_SLOT, SCOPE_ALL, 0, *key.public)
        return account

    def get_withdrawals(self) -> list[Withdrawal]:
        """The wallet's withdrawals that are on L1, in order."""
        return [
            Withdrawal(each.number, each.index, from_micros(each.amount_micros), each.final, each.claimed)
            for each in self._bridge.get_withdrawals(self._view())
        ]

    def claim(self) -> Decimal:
        """Have every withdrawal that is final paid to the wallet; how much that was."""
        view = self._view()
        due = [each for each in self._bridge.get_withdrawals(view) if each.final and not each.claimed]
        for each in due:
            self._bridge.claim(view, each)
        return from_micros(sum(each.amount_micros for each in due))

    def _view(self) -> ChainView:
        view = ChainView(self._rollup, Vault(self._node, self._rollup.vault), self.venue.start_block)
        view.poll()
        return view
