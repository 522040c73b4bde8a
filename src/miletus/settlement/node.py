"""The typed methods of an L1 node, and what is believed of its answers.

A node can be behind, on a branch that dies, misconfigured or malicious. What can be checked is: a block
asked for by number has that number, time does not run ahead of ours, a receipt lies in a block of the chain
that the node itself serves, events belong to the range and the contract that was asked for.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from miletus.settlement.errors import L1Garbled, L1Inconsistent, L1Refused
from miletus.settlement.rpc import JsonRpc
from miletus.settlement.values import (
    Header,
    Log,
    Receipt,
    Transaction,
    parse_data,
    parse_hash,
    parse_header,
    parse_log,
    parse_quantity,
    parse_receipt,
    parse_transaction,
    to_hex,
)

BlockTag = int | bytes | Literal["latest", "pending"]
"""A block by number, by hash (32 bytes) or by name."""

SENT_ALREADY = ("already known", "already imported", "known transaction")
"""What nodes say of a raw transaction that they hold; it was sent, which is what was wanted."""


@dataclass(frozen=True, slots=True)
class HeadRules:
    """What a head must satisfy to be believed.

    Attributes:
        max_ahead_seconds: how far its time may be ahead of `now`; None where time is moved by hand.
        max_age_seconds: how old it may be; None where blocks come only when there is something in them.
        now: the present, seconds since 1970.

    """

    max_ahead_seconds: float | None = 60.0
    max_age_seconds: float | None = None
    now: Callable[[], float] = time.time


MOVED_TIME = HeadRules(max_ahead_seconds=None)
"""Rules for a development chain whose time is moved."""


class L1Node:
    """An L1 node behind JSON-RPC."""

    def __init__(self, rpc: JsonRpc, rules: HeadRules = HeadRules()) -> None:
        self.rpc = rpc
        self.rules = rules
        self._chain_id: int | None = None

    @classmethod
    def connect(cls, url: str, rules: HeadRules = HeadRules(), **options: Any) -> "L1Node":
        """A node at `url`; `options` are those of `JsonRpc`."""
        return cls(JsonRpc(url, **options), rules)

    def close(self) -> None:
        """Close the connections."""
        self.rpc.close()

    def get_chain_id(self) -> int:
        """The chain's id; asked once."""
        if self._chain_id is None:
            self._chain_id = parse_quantity(self.rpc.call("eth_chainId"), "the chain id")
        return self._chain_id

    # ---- blocks

    def get_head(self) -> Header:
        """The newest block. Raises L1Inconsistent when its time can't be true."""
        head = self.get_header("latest")
        if head is None:
            raise L1Garbled(f"L1 at {self.rpc.url} has no newest block")
        rules = self.rules
        if rules.max_ahead_seconds is not None:
            ahead = head.timestamp_s - rules.now()
            if ahead > rules.max_ahead_seconds:
                raise L1Inconsistent(
                    f"L1 at {self.rpc.url}: block {head.number} is {ahead:.0f} s in the future; "
                    "check this machine's clock, then the node"
                )
        if rules.max_age_seconds is not None:
            age = rules.now() - head.timestamp_s
            if age > rules.max_age_seconds:
                raise L1Inconsistent(
                    f"L1 at {self.rpc.url}: its newest block {head.number} is {age:.0f} s old; "
                    "the node is not in step with its network"
                )
        return head

    def get_header(self, block: BlockTag) -> Header | None:
        """Header of a block, None where the chain has none."""
        method = "eth_getBlockByHash" if isinstance(block, bytes) else "eth_getBlockByNumber"
        value = self.rpc.call(method, [_tag(block), False])
        return None if value is None else self._check_header(parse_header(value), block)

    def get_headers(self, numbers: Sequence[int]) -> list[Header | None]:
        """Headers of many blocks by number, in one round trip for a hundred."""
        headers: list[Header | None] = []
        for first in range(0, len(numbers), 100):
            some = numbers[first : first + 100]
            values = self.rpc.batch([("eth_getBlockByNumber", [hex(number), False]) for number in some])
            for number, value in zip(some, values, strict=True):
                headers.append(None if value is None else self._check_header(parse_header(value), number))
        return headers

    def get_next_timestamp(self) -> int:
        """Timestamp that the next block would have by the node's clock, seconds."""
        header = self.get_header("pending")
        if header is None:
            raise L1Garbled(f"L1 at {self.rpc.url} has no pending block")
        return header.timestamp_s

    def is_canonical(self, number: int, block_hash: bytes) -> bool:
        """Whether the chain has that block at that height."""
        header = self.get_header(number)
        return header is not None and header.hash == block_hash

    # ---- transactions

    def get_receipt(self, transaction_hash: bytes) -> Receipt | None:
        """Receipt of a transaction that is on the chain; None while it is not.

        Raises:
            L1Inconsistent: the node twice gave a receipt in a block that its own chain does not have.

        """
        receipt = None
        for _ in range(2):  # once more, since the chain may change between the two answers
            value = self.rpc.call("eth_getTransactionReceipt", [to_hex(transaction_hash)])
            if value is None:
                return None
            receipt = parse_receipt(value)
            if receipt.transaction_hash != transaction_hash:
                raise L1Inconsistent(f"L1 at {self.rpc.url} gave the receipt of another transaction")
            if self.is_canonical(receipt.block_number, receipt.block_hash):
                return receipt
        assert receipt is not None
        raise L1Inconsistent(
            f"L1 at {self.rpc.url} gave a receipt in block {receipt.block_number} "
            f"{to_hex(receipt.block_hash)[:12]}, which its own chain does not have; use another node"
        )

    def get_transaction(self, transaction_hash: bytes) -> Transaction | None:
        """A transaction that the node knows, waiting or included."""
        value = self.rpc.call("eth_getTransactionByHash", [to_hex(transaction_hash)])
        if value is None:
            return None
        transaction = parse_transaction(value)
        if transaction.hash != transaction_hash:
            raise L1Inconsistent(f"L1 at {self.rpc.url} gave another transaction than the one asked for")
        return transaction

    def get_nonce(self, account: str, block: BlockTag = "latest") -> int:
        """Transactions that the account has on the chain."""
        value = self.rpc.call("eth_getTransactionCount", [account, _state_tag(block)])
        return parse_quantity(value, "a nonce")

    def get_balance(self, account: str, block: BlockTag = "latest") -> int:
        """Balance of an account, wei."""
        return parse_quantity(self.rpc.call("eth_getBalance", [account, _state_tag(block)]), "a balance")

    def get_code(self, account: str) -> bytes:
        """Code at an address, empty for a wallet."""
        return parse_data(self.rpc.call("eth_getCode", [account, "latest"]), "code")

    def send_raw(self, raw: bytes) -> bytes:
        """Hand a signed transaction to the node; its hash. One that the node has already is fine."""
        try:
            return parse_hash(self.rpc.call("eth_sendRawTransaction", [to_hex(raw)]), "a transaction's hash")
        except L1Refused as error:
            if any(text in str(error).lower() for text in SENT_ALREADY):
                return b""
            raise

    # ---- calls and events

    def call_contract(
        self, to: str, data: bytes, block: BlockTag = "latest", sender: str | None = None
    ) -> bytes:
        """Result of a call that changes nothing. Raises CallReverted with the contract's reason."""
        request = {"to": to, "data": to_hex(data)}
        if sender is not None:
            request["from"] = sender
        return parse_data(self.rpc.call("eth_call", [request, _state_tag(block)]), "a call's result")

    def estimate_gas(self, sender: str, to: str | None, data: bytes, value_wei: int = 0) -> int:
        """Gas of a transaction if it were included now. Raises CallReverted with the contract's reason."""
        request = {"from": sender, "data": to_hex(data), "value": hex(value_wei)}
        if to is not None:
            request["to"] = to
        return parse_quantity(self.rpc.call("eth_estimateGas", [request]), "an estimate of gas")

    def get_next_base_fee(self) -> int:
        """Base fee of the next block, wei per gas."""
        history = self.rpc.call("eth_feeHistory", ["0x1", "latest", []])
        fees = history.get("baseFeePerGas") if isinstance(history, dict) else None
        if not isinstance(fees, list) or not fees:
            raise L1Garbled(f"L1 at {self.rpc.url} answered eth_feeHistory without base fees")
        return parse_quantity(fees[-1], "the next base fee")

    def get_priority_fee(self) -> int:
        """Tip that gets a transaction in soon, wei per gas, by the node."""
        return parse_quantity(self.rpc.call("eth_maxPriorityFeePerGas"), "a priority fee")

    def get_logs(
        self, addresses: Sequence[str], first: int, last: int, topics: Sequence[bytes] | None = None
    ) -> list[Log]:
        """Events of contracts in blocks first..last, in the chain's order.

        Raises:
            L1Inconsistent: an event of another contract or from outside the range.

        """
        request: dict[str, Any] = {"fromBlock": hex(first), "toBlock": hex(last), "address": list(addresses)}
        if topics:
            request["topics"] = [[to_hex(topic) for topic in topics]]
        value = self.rpc.call("eth_getLogs", [request])
        if not isinstance(value, list):
            raise L1Garbled(f"L1 at {self.rpc.url} answered eth_getLogs without a list")
        logs = [parse_log(entry) for entry in value]
        for log in logs:
            if log.address not in addresses or not first <= log.block_number <= last:
                raise L1Inconsistent(
                    f"L1 at {self.rpc.url} gave an event of {log.address} in block {log.block_number} "
                    f"when asked for blocks {first} to {last} of {', '.join(addresses)}"
                )
        return sorted(logs, key=lambda log: (log.block_number, log.index))

    def _check_header(self, header: Header, asked: BlockTag) -> Header:
        if isinstance(asked, int) and header.number != asked:
            raise L1Inconsistent(f"L1 at {self.rpc.url} gave block {header.number} when asked for {asked}")
        if isinstance(asked, bytes) and header.hash != asked:
            raise L1Inconsistent(f"L1 at {self.rpc.url} gave another block than the one asked for by hash")
        return header


def _tag(block: BlockTag) -> str:
    if isinstance(block, bytes):
        return to_hex(block)
    return hex(block) if isinstance(block, int) else block


def _state_tag(block: BlockTag) -> Any:
    """A block for a method that reads state; by hash as EIP-1898 says, so that two calls see one chain."""
    if isinstance(block, bytes):
        return {"blockHash": to_hex(block), "requireCanonical": True}
    return _tag(block)
