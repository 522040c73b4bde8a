"""The contracts on a real anvil, and calls of them as transactions of anvil's own accounts."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_abi.abi import decode, encode
from eth_utils.abi import collapse_if_tuple, function_signature_to_4byte_selector
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from contracts.compile import write_artefacts
from miletus.settlement.anvil import Anvil
from miletus.settlement.rpc import JsonRpc
from tests.contracts.fixture import get_key
from tests.contracts.reference import Commit, Segment
from tests.contracts.world import (
    DOMAIN,
    EDGE_INPUTS,
    EXIT,
    EXIT_INPUTS,
    GENESIS_ROOT,
    NOBODY,
    OUTBOX_INPUTS,
    PEOPLE,
    ROLLUP,
    SILENCE_INPUTS,
    VAULT,
    WEALTH_MICROS,
)

ARTEFACTS = Path(__file__).resolve().parents[2] / "build" / "contracts"
GAS_LIMIT = 2**24
"""Most gas that a transaction may have (EIP-7825)."""

Receipt = dict[str, Any]


class RevertedError(Exception):
    """A transaction that L1 refused; its text is the contract's reason."""


@dataclass(frozen=True)
class Contract:
    """A deployed contract: where it is, and the ABI's functions and events by name."""

    address: str
    functions: dict[str, Any]
    events: dict[bytes, Any]

    def encode(self, name: str, *arguments: Any) -> bytes:
        """A call's data."""
        function = self.functions[name]
        types = [collapse_if_tuple(item) for item in function["inputs"]]
        selector = function_signature_to_4byte_selector(f"{name}({','.join(types)})")
        return selector + encode(types, arguments)

    def decode(self, name: str, output: bytes) -> Any:
        """What a call returned; a single value is bare."""
        values = decode([collapse_if_tuple(item) for item in self.functions[name]["outputs"]], output)
        return values[0] if len(values) == 1 else values

    def decode_log(self, log: Any) -> tuple[str, dict[str, Any]]:
        """Name and arguments of an event."""
        topics = [bytes.fromhex(topic[2:]) for topic in log["topics"]]
        event = self.events[topics[0]]
        indexed = [item for item in event["inputs"] if item["indexed"]]
        others = [item for item in event["inputs"] if not item["indexed"]]
        values = {
            item["name"]: decode([item["type"]], topic)[0]
            for item, topic in zip(indexed, topics[1:], strict=True)
        }
        data = decode([item["type"] for item in others], bytes.fromhex(log["data"][2:]))
        return event["name"], values | {i["name"]: value for i, value in zip(others, data, strict=True)}


def read_artefact(name: str) -> Any:
    """ABI and bytecode of a contract, compiled if that is needed."""
    write_artefacts(ARTEFACTS, [name])
    return json.loads((ARTEFACTS / f"{name}.json").read_text())


class LiveWorld:
    """Token, vault and rollup on anvil, and the people of `world.World` with anvil's accounts."""

    def __init__(self, anvil: Anvil, keys: bool = False, **rollup: int) -> None:
        self.rpc = JsonRpc(anvil.url, timeout_seconds=60.0)
        self.control = anvil.control()
        accounts = self.rpc.call("eth_accounts")
        self.people = dict(zip(("deployer", *PEOPLE), accounts, strict=False))
        self.deploy_gas: dict[str, int] = {}
        self.rollup_parameters = ROLLUP | rollup
        self.token = self._deploy("TestToken")
        deployer = bytes.fromhex(self.people["deployer"][2:])
        counts = (EDGE_INPUTS, OUTBOX_INPUTS, EXIT_INPUTS, SILENCE_INPUTS)
        verifiers = [self._deploy("Verifier", get_key(n)).address if keys else NOBODY for n in counts]
        nonce = int(self.rpc.call("eth_getTransactionCount", [self.people["deployer"], "latest"]), 16)
        # RLP of (deployer, nonce), which is below 128; each contract is told where the next ones will be
        rollup_address, court, exit_address = (
            to_checksum_address(keccak(b"\xd6\x94" + deployer + bytes([nonce + i]))[12:]) for i in (1, 2, 3)
        )
        self.vault = self._deploy("Vault", rollup_address, self.token.address, tuple(VAULT.values()))
        root = GENESIS_ROOT.to_bytes(32, "big")
        parameters = (self.people["sequencer"], root, *self.rollup_parameters.values())
        self.rollup = self._deploy("Rollup", self.vault.address, court, exit_address, parameters)
        edge, outbox, exit_key, silence = verifiers
        self.court = self._deploy("Court", rollup_address, DOMAIN, [edge] if keys else [], outbox)
        self.exit = self._deploy("Exit", rollup_address, exit_key, silence, *EXIT.values())
        assert (self.rollup.address, self.exit.address) == (rollup_address, exit_address)
        for name in PEOPLE:
            self.transact("deployer", self.token, "mint", self.people[name], WEALTH_MICROS)
            self.transact(name, self.token, "approve", self.vault.address, WEALTH_MICROS)

    def _deploy(self, name: str, *arguments: Any) -> Contract:
        artefact = read_artefact(name)
        functions = {item["name"]: item for item in artefact["abi"] if item["type"] == "function"}
        events = {get_topic(item): item for item in artefact["abi"] if item["type"] == "event"}
        constructor = [item for item in artefact["abi"] if item["type"] == "constructor"]
        types = [collapse_if_tuple(item) for item in constructor[0]["inputs"]] if constructor else []
        receipt = self.send(
            "deployer", None, bytes.fromhex(artefact["bytecode"][2:]) + encode(types, arguments)
        )
        self.deploy_gas[name] = int(receipt["gasUsed"], 16)
        return Contract(to_checksum_address(receipt["contractAddress"]), functions, events)

    # ---- transactions and calls

    def send(self, name: str, to: str | None, data: bytes, value_wei: int = 0) -> Receipt:
        """A transaction in a block of its own. Raises RevertedError with the contract's reason."""
        transaction = {
            "from": self.people[name],
            "data": "0x" + data.hex(),
            "value": hex(value_wei),
            "gas": hex(GAS_LIMIT),
        } | ({"to": to} if to else {})
        sent = self.rpc.call("eth_sendTransaction", [transaction])
        receipt = self.wait_for(sent)
        if int(receipt["status"], 16) != 1:
            raise RevertedError(self._find_reason(transaction, receipt))
        return receipt

    def wait_for(self, transaction_hash: str) -> Receipt:
        for _ in range(500):
            receipt: Receipt | None = self.rpc.call("eth_getTransactionReceipt", [transaction_hash])
            if receipt is not None:
                return receipt
            time.sleep(0.01)
        raise TimeoutError(f"anvil did not mine {transaction_hash}")

    def _find_reason(self, transaction: dict[str, str], receipt: Receipt) -> str:
        try:
            self.rpc.call("eth_call", [transaction, hex(int(receipt["blockNumber"], 16) - 1)])
        except Exception as error:
            return str(error)
        return "no reason"

    def transact(
        self, name: str, contract: Contract, function: str, *arguments: Any, value_wei: int = 0
    ) -> Receipt:
        """Call a function in a transaction."""
        return self.send(name, contract.address, contract.encode(function, *arguments), value_wei)

    def get(self, contract: Contract, function: str, *arguments: Any) -> Any:
        """Read a getter."""
        request = {"to": contract.address, "data": "0x" + contract.encode(function, *arguments).hex()}
        return contract.decode(function, bytes.fromhex(self.rpc.call("eth_call", [request, "latest"])[2:]))

    # ---- what the tests do most

    def register(self, name: str) -> int:
        """A new account."""
        self.transact(name, self.vault, "register", value_wei=VAULT["account_fee_wei"])
        return 15 + int(self.get(self.vault, "account_count"))

    def deposit(self, name: str, account: int, amount_micros: int) -> Receipt:
        """A deposit into one's own account."""
        arguments = (account, self.people[name], amount_micros)
        return self.transact(name, self.vault, "deposit", *arguments, value_wei=VAULT["word_fee_wei"])

    def wait(self, seconds: int) -> None:
        """Let L1's time pass."""
        self.control.increase_time(seconds)

    def get_now(self) -> int:
        """Time of the newest block, seconds."""
        return int(self.rpc.call("eth_getBlockByNumber", ["latest", False])["timestamp"], 16)

    def draft(self, inbox_count: int = 0, **changes: Any) -> Commit:
        """The next batch as an honest proposer would make it now, but for `changes`."""
        head = self.get(self.rollup, "get_batch", self.get(self.rollup, "head_number"))
        words = tuple(self.get(self.vault, "get_words", head[3], inbox_count)) if inbox_count else ()
        inbox = Segment(words, h=11, root=12, accumulator=0)
        draft = Commit(parent=head[0], time_s=self.get_now(), inbox_count=inbox_count, inbox=inbox)
        return draft.changed(**changes)

    def commit(self, name: str, commit: Commit) -> Receipt:
        """Send a commit with its bond."""
        bond_wei = self.get(self.rollup, "next_bond_wei")
        return self.send(name, self.rollup.address, commit.encode(), bond_wei)


def get_topic(event: Any) -> bytes:
    """First topic of an event."""
    types = ",".join(collapse_if_tuple(item) for item in event["inputs"])
    return bytes(keccak(text=f"{event['name']}({types})"))
