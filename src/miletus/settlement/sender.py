"""Transactions that happen exactly once.

What holds an intent to "once" is its nonce, and what decides whether it happened is the chain: `poll` asks it
every time, and believes its own file only for what the chain can't say, namely what it means to do. So a
crash at any point, a full pool, a rise of fees, a node that forgets what waits, or a reorganisation end the
same way: the same intent is on the chain once.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_canonical_address

from miletus.settlement.errors import (
    FeeCapReached,
    L1Refused,
    NonceTaken,
    SettlementError,
    TransactionReverted,
)
from miletus.settlement.fees import DEFAULT_FEES, FeePolicy, Moment, compute_fees
from miletus.settlement.intents import Attempt, Call, Intent, IntentStore, State
from miletus.settlement.node import L1Node
from miletus.settlement.values import Header, Receipt, to_hex

__all__ = ["FeePolicy", "Sender", "load_account", "open_store"]

UNDERPRICED = ("underpriced", "max fee per gas less than block base fee", "fee too low")
"""What nodes say of fees that are too low to wait, or to replace what waits."""

NONCE_USED = ("nonce too low",)


class Sender:
    """Sends the transactions of one account. One sender an account, or nonces collide.

    Args:
        node: the L1 node.
        account: the signing key.
        store: where intents are kept.
        fees: what is paid.
        now: seconds since 1970, for tests.

    """

    def __init__(
        self,
        node: L1Node,
        account: LocalAccount,
        store: IntentStore,
        fees: FeePolicy = DEFAULT_FEES,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.node = node
        self.account = account
        self.address = str(account.address)
        self.store = store
        self.fees = fees
        self._now = now
        self._gap_since: float | None = None

    def submit(self, key: str, call: Call, instead_of: str | None = None) -> Intent:
        """Mean to do `call`, once, under this key; a key that is known already changes nothing.

        Args:
            key: its name.
            call: what to do.
            instead_of: another key that waits: it is given up, and its nonce used.

        Raises:
            CallReverted: it would be refused by the contract now; nothing is stored.
            SettlementError: the account can't pay, or fees are above the cap; it stays stored and `poll`
                tries again.

        """
        known = self.store.get(key)
        if known is not None:
            return known
        return self._begin(key, call, None, instead_of)

    def resubmit(self, key: str, call: Call, instead_of: str | None = None) -> Intent:
        """Mean something else by a key: what waits is replaced at its nonce, what failed gets a new one.

        Args:
            key: its name.
            call: what to do.
            instead_of: as in `submit`, for what gets a new nonce.

        Raises:
            ValueError: it was done already.

        """
        known = self.store.get(key)
        if known is None:
            return self.submit(key, call, instead_of)
        if known.state in (State.INCLUDED, State.SETTLED):
            raise ValueError(f"{key!r} is done in block {known.block_number}; it can't be changed")
        if known.state is not State.WAITING:
            return self._begin(key, call, None, instead_of)
        if known.call == replace(call, gas=call.gas or known.call.gas):
            return known
        return self._begin(key, call, known.nonce)

    def get(self, key: str) -> Intent | None:
        """What is known of a key since the last poll."""
        return self.store.get(key)

    def poll(self, ready: Callable[[Intent], bool] | None = None) -> list[Intent]:
        """Look at every open intent once, send what the chain lacks, and tell those whose state changed.

        Args:
            ready: whether an intent that is not on the chain should be sent now; all are if None.

        Raises:
            L1Error: the node can't be used; poll again later.
            FeeCapReached, NonceTaken: what stands in the way of one intent, after all were looked at.

        """
        moment = self._get_moment()
        self._reopen(moment)
        changed: list[Intent] = []
        problem: SettlementError | None = None
        for intent in self.store.get_open():
            after = self._look(intent, moment.head)
            try:
                if after.state is State.WAITING and (ready is None or ready(after)):
                    after = self._push(after, moment)
            except (FeeCapReached, NonceTaken, L1Refused) as error:
                problem = problem or error
            if after.state is not intent.state or after.block_hash != intent.block_hash:
                changed.append(after)
        if problem is not None:
            raise problem
        return changed

    def wait(
        self, key: str, timeout_seconds: float = 60.0, pause_seconds: float = 0.1, deep: bool = False
    ) -> Receipt:
        """Poll until an intent is on the chain (or settled, if `deep`); its receipt.

        Raises:
            TransactionReverted: the contract refused it.
            TimeoutError: not in time; it stays stored and goes on at the next poll.

        """
        end = time.monotonic() + timeout_seconds
        while True:
            self.poll()
            intent = self.store.get(key)
            if intent is None:
                raise KeyError(key)
            if intent.state in (State.REVERTED, State.FAILED):
                raise TransactionReverted(
                    f"{key!r} was refused by the contract in block {intent.block_number}"
                )
            done = intent.state is State.SETTLED or (intent.state is State.INCLUDED and not deep)
            if done and intent.transaction_hash is not None:
                receipt = self.node.get_receipt(intent.transaction_hash)
                if receipt is not None:
                    return receipt
            if time.monotonic() >= end:
                raise TimeoutError(f"{key!r} is {intent.state} after {timeout_seconds:g} s")
            time.sleep(pause_seconds)

    # ---- what the chain says

    def _get_moment(self) -> Moment:
        head = self.node.get_head()
        nonce = self.node.get_nonce(self.address, head.hash)
        tip = max(self.fees.tip_floor_wei, self.node.get_priority_fee())
        return Moment(head, nonce, max(head.base_fee_wei, self.node.get_next_base_fee()), tip)

    def _look(self, intent: Intent, head: Header) -> Intent:
        """The intent as the chain has it, stored."""
        receipt = None
        for attempt in reversed(self.store.get_attempts(intent.key, intent.nonce)):
            receipt = self.node.get_receipt(attempt.hash)
            if receipt is not None:
                break
        if receipt is None:
            after = replace(
                intent, state=State.WAITING, block_number=None, block_hash=None, transaction_hash=None
            )
        else:
            deep = head.number - receipt.block_number + 1 >= self.fees.depth
            if receipt.succeeded:
                state = State.SETTLED if deep else State.INCLUDED
            else:
                state = State.FAILED if deep else State.REVERTED
            after = replace(
                intent,
                state=state,
                block_number=receipt.block_number,
                block_hash=receipt.block_hash,
                transaction_hash=receipt.transaction_hash,
            )
        if after != intent:
            self.store.put(after)
        return after

    def _reopen(self, moment: Moment) -> None:
        """Take up again what a very deep reorganisation took back, and fill a gap that nobody else fills."""
        nonce = moment.nonce
        opened = [intent.nonce for intent in self.store.get_open()]
        beyond = [number for number in opened if number >= nonce]
        known = self.store.get_by_nonce(nonce, 2**62)
        for intent in known:
            if intent.state in (State.SETTLED, State.FAILED):
                self.store.put(replace(intent, state=State.WAITING, block_number=None, block_hash=None))
        held = {intent.nonce for intent in known}
        gaps = [number for number in range(nonce, min(beyond, default=nonce)) if number not in held]
        if not gaps:
            self._gap_since = None
            return
        now = self._now()
        self._gap_since = self._gap_since if self._gap_since is not None else now
        if now - self._gap_since >= self.fees.patience_seconds:
            for number in gaps:  # or what waits would wait forever
                self._begin(f"fill nonce {number}", Call(self.address, b"", 0, 21_000), number)

    # ---- sending

    def get_next_nonce(self) -> int:
        """First nonce that neither the chain nor an intent has; never the pool's, which forgets."""
        opened = [intent.nonce for intent in self.store.get_open()]
        return max([self.node.get_nonce(self.address), *(number + 1 for number in opened)])

    def _begin(self, key: str, call: Call, nonce: int | None, instead_of: str | None = None) -> Intent:
        """Store an intent and send it; at the nonce of the one that it takes the place of, or a new one."""
        gas = call.gas or self._estimate(call)
        given_up = None if instead_of is None else self.store.get(instead_of)
        if nonce is None and given_up is not None and given_up.state is State.WAITING:
            nonce = given_up.nonce
        else:
            instead_of = None
        if nonce is None:
            nonce = self.get_next_nonce()
        intent = Intent(key, nonce, replace(call, gas=gas), State.WAITING)
        self.store.put(intent, instead_of)
        return self._push(intent, self._get_moment())

    def _estimate(self, call: Call) -> int:
        """Gas to allow: a fifth more than the estimate, since state may change until inclusion."""
        estimate = self.node.estimate_gas(self.address, call.to, call.data, call.value_wei)
        return estimate + estimate // 5 + 10_000

    def _push(self, intent: Intent, moment: Moment) -> Intent:
        """See that an intent that is not on the chain is on its way, at fees that get it there."""
        if intent.nonce < moment.nonce:
            return self._move(intent, moment)
        attempts = self.store.get_attempts(intent.key, intent.nonce)
        last = attempts[-1] if attempts else None
        late = last is not None and self._now() - last.sent_s >= self.fees.patience_seconds
        low = last is not None and last.max_fee_wei < moment.base_fee_wei
        if last is None or late or low or self._is_outdated(last, intent):
            self._send_new(intent, last, moment)
        elif not self._is_waiting(last):
            self._send(intent, last)
        return intent

    def _is_waiting(self, attempt: Attempt) -> bool:
        """Whether the node holds it for a block to come; some still know it from a block that is gone."""
        known = self.node.get_transaction(attempt.hash)
        return known is not None and known.block_hash is None

    def _is_outdated(self, attempt: Attempt, intent: Intent) -> bool:
        """Whether the attempt says something else than the intent says now."""
        return attempt.raw != self._sign(intent, attempt.max_fee_wei, attempt.tip_wei).raw

    def _move(self, intent: Intent, moment: Moment) -> Intent:
        """An intent whose nonce went to a transaction that is not ours gets another one.

        Only when that is `depth` blocks old: before, a node that is behind with receipts looks the same, and
        a second nonce would let the intent happen twice. What the contract guards may go on a block later: at
        once, a node that is just taking in a block gives the nonce after it with the head before it.
        """
        age = 1 if intent.call.guarded else self.fees.depth
        old = moment.head.number - age
        if old < 0 or self.node.get_nonce(self.address, old) <= intent.nonce:
            if intent.call.guarded:
                return intent
            raise NonceTaken(
                f"nonce {intent.nonce} of {self.address}, meant for {intent.key!r}, was used by another "
                f"program; waiting {self.fees.depth} blocks before it gets a new one"
            )
        moved = replace(intent, nonce=self.get_next_nonce())
        self.store.put(moved)
        self._send_new(moved, None, moment)
        return moved

    def _send_new(self, intent: Intent, last: Attempt | None, moment: Moment) -> None:
        """Sign with the fees of now, above those of the last attempt, and send; higher while underpriced."""
        for _ in range(8):
            tip, max_fee = compute_fees(self.fees, intent.key, last, moment)
            attempt = self._sign(intent, max_fee, tip)
            self.store.add_attempt(attempt)
            if self._send(intent, attempt):
                return
            last = attempt
        raise FeeCapReached(
            f"{intent.key!r}: L1 refused every fee up to {last.max_fee_wei if last else 0} wei"
        )

    def _sign(self, intent: Intent, max_fee_wei: int, tip_wei: int) -> Attempt:
        call = intent.call
        fields: dict[str, Any] = {
            "type": 2,
            "chainId": self.node.get_chain_id(),
            "nonce": intent.nonce,
            "data": call.data,
            "value": call.value_wei,
            "gas": call.gas,
            "maxFeePerGas": max_fee_wei,
            "maxPriorityFeePerGas": tip_wei,
        }
        if call.to is not None:
            fields["to"] = to_canonical_address(call.to)
        signed = self.account.sign_transaction(fields)
        raw, transaction_hash = bytes(signed.raw_transaction), bytes(signed.hash)
        return Attempt(transaction_hash, intent.key, intent.nonce, raw, max_fee_wei, tip_wei, self._now())

    def _send(self, intent: Intent, attempt: Attempt) -> bool:
        """Hand an attempt to the node; False if its fees are too low. Raises L1Refused."""
        try:
            self.node.send_raw(attempt.raw)
        except L1Refused as error:
            text = str(error).lower()
            if any(word in text for word in UNDERPRICED):
                return False
            if any(word in text for word in NONCE_USED):
                return True  # something is on the chain at this nonce: the next poll sees what
            if "insufficient funds" in text:
                cost = intent.call.gas * attempt.max_fee_wei + intent.call.value_wei
                raise L1Refused(
                    f"{self.address} can't pay for {intent.key!r}: send it at least {cost / 10**18:.4f} ETH"
                ) from None
            raise
        return True


def load_account(key: str | bytes) -> LocalAccount:
    """A wallet from its private key, 32 bytes or hex. Raises ValueError without repeating the key."""
    try:
        account: LocalAccount = Account.from_key(key)
    except Exception:
        raise ValueError("the private key is not 32 bytes in hex; check the key file") from None
    return account


def open_store(path: Path | str, node: L1Node, address: str) -> IntentStore:
    """The intent file of an account on the node's chain, refused if it is another's."""
    genesis = node.get_header(0)
    owner = {
        "chain": str(node.get_chain_id()),
        "genesis block": to_hex(genesis.hash) if genesis else "",
        "account": address,
    }
    return IntentStore(path, owner)
