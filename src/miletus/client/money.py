"""Money between L1 and the exchange: deposits, and claims of withdrawals that are final."""

import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path

from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address

from miletus.client.errors import ClientError
from miletus.client.keys import derive_trading_key
from miletus.client.trader import KEY_SLOT, SCOPE_ALL
from miletus.client.units import MICROS, Number, from_micros, to_units
from miletus.client.values import Departure, Finality, Withdrawal
from miletus.client.venue import Venue
from miletus.codec import encode, to_forced
from miletus.prover import Prover
from miletus.settlement.bridge import Bridge
from miletus.settlement.chain import ChainView
from miletus.settlement.court import Court
from miletus.settlement.deployment import check_rollup
from miletus.settlement.genesis import Genesis
from miletus.settlement.intents import State
from miletus.settlement.l1 import OPTIMISTIC, Rollup, Vault
from miletus.settlement.leaving import Departure as Left
from miletus.settlement.leaving import Leaving
from miletus.settlement.node import MOVED_TIME, HeadRules, L1Node
from miletus.settlement.numbering import find_number
from miletus.settlement.proofs import read_commitment
from miletus.settlement.sender import FeePolicy, Sender, open_store

CANCEL_ALL = 2
"""Mode of a Cancel that takes all orders of the account (04-R19)."""


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

    # ---- without the exchange's help

    def force_withdrawal(self, amount: Number, account: int | None = None) -> int:
        """Put a withdrawal into L1's inbox, which no sequencer can keep out; its entry there.

        It is checked as any other when its batch is executed, and claimed as any other. `account` is the
        wallet's first if it is not given.

        Raises:
            ClientError: the wallet has no account.
            SettlementError: the account is another's, or L1 refuses.

        """
        micros = to_units(amount, MICROS, "amount")
        words = encode.withdraw(
            account=self._require(account), key=0, nonce=0, valid_until_s=0, amount_micros=micros
        )
        return self._bridge.force(str(time.time_ns()), to_forced(words))

    def force_cancel(self, account: int | None = None) -> int:
        """Put a cancellation of all orders of the account into L1's inbox; its entry there."""
        words = encode.cancel(
            account=self._require(account),
            key=0,
            nonce=0,
            valid_until_s=0,
            mode=CANCEL_ALL,
            slot=0,
            generation=0,
            instrument=0,
        )
        return self._bridge.force(str(time.time_ns()), to_forced(words))

    def get_finality(self, number: int) -> Finality:
        """How far the word of a number (`Placed.number`, the first part of a fill's id) has come on L1.

        L1's data is read up to it; nothing of the exchange is asked.

        Raises:
            NotOnL1: its batch is not posted yet, or the number is no word's.

        """
        view = self._view()
        place = find_number(view, number)
        posted, rollup = place.posted, self._rollup
        claim = read_commitment(view, posted).segments[place.segment].claim
        proved = rollup.policy != OPTIMISTIC and Court(self._node, rollup.court).is_proved(posted.id)
        return Finality(
            number,
            posted.number,
            place.segment,
            place.word,
            "0x" + posted.transaction_hash.hex(),
            posted.block_number,
            "0x" + claim.root.hex(),
            proved,
            posted.number <= rollup.get_final_number(),
            posted.committed_at_s + rollup.window_s,
        )

    def exit(
        self,
        genesis: Path,
        accounts: Sequence[int] = (),
        *,
        setup: bool = False,
        say: Callable[[str], None] | None = None,
    ) -> list[Departure]:
        """Leave a frozen rollup: prove what accounts are worth in the last final state, claim it, be paid.

        Freezes it if that can be done now. Given again after the claim period it has owners paid. It needs
        L1, the published genesis file, and the program that proves (`make prover`).

        Args:
            genesis: the deployment's genesis file.
            accounts: whosever; those of the wallet if there are none.
            setup: make development keys of circuits where there are none.
            say: told lines about what happens.

        Raises:
            NotYet: the rollup is not frozen and can't be now, or a batch is pending.
            SettlementError: there is no such account, or the genesis file is another deployment's.
            ProverError: there is no proof.

        """
        first = Genesis.load(genesis)
        rollup = check_rollup(self._node, self.venue.rollup, first.compute_root())
        view = ChainView(rollup, Vault(self._node, rollup.vault), self.venue.start_block)
        with Prover(setup=setup, say=say if say is not None else lambda line: None) as program:
            leaving = Leaving(view, first, self._bridge.sender, program, say)
            leaving.open()
            numbers = list(accounts) or leaving.find_accounts(self.wallet.address)
            return [build_departure(leaving.leave(number)) for number in numbers]

    def _require(self, account: int | None) -> int:
        known = account if account is not None else self.find_account()
        if known is None:
            raise ClientError(f"{self.wallet.address} has no account: deposit first")
        return known

    def _view(self) -> ChainView:
        view = ChainView(self._rollup, Vault(self._node, self._rollup.vault), self.venue.start_block)
        view.poll()
        return view


def build_departure(left: Left) -> Departure:
    """What became of an account, in USDC."""
    worth, owed = from_micros(left.worth_micros), from_micros(left.owed_micros)
    return Departure(left.account, left.owner, worth, owed, left.paid, left.proofs)
