"""Deploying the contracts, and the file that says where a deployment is."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rlp  # type: ignore[import-untyped]
from eth_utils.address import to_canonical_address, to_checksum_address

from miletus.native import domain
from miletus.settlement.contracts import Contract, keccak256
from miletus.settlement.errors import ContractMismatch, SettlementError
from miletus.settlement.intents import Call
from miletus.settlement.keys import NO_KEYS, VerifyingKey, VerifyingKeys
from miletus.settlement.l1 import ExitParameters, Rollup, RollupParameters, VaultParameters
from miletus.settlement.node import L1Node
from miletus.settlement.sender import Sender
from miletus.settlement.values import NOBODY

FORMAT = "miletus deployment 2"

DEFAULT_VAULT = VaultParameters()
DEFAULT_EXIT = ExitParameters()

EDGE_GAS = 540_000
"""Most gas of an edge's proof, in a batch of 16 segments; benchmarks/bench_gas.py."""

VERDICT_GAS = 250_000
"""Most gas that a verdict takes beside its proof, and fetching the reward."""

LONGEST_PATHS = (26_700, 11_700, 3_200)
"""Edges of a segment's longest path, by the size of edges (small, medium, large): 341 fill-or-kill orders,
filled 64 times each and walked back (docs/adr/0051-bonds.md)."""

DEFAULT_FEE_WEI = 10**9
"""What gas is taken to cost while a challenger posts a path, wei."""

LEAST_BOND_WEI = 10**17
"""Least bond where nothing can be proved, which costs who floods L1 with batches something."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """Where a deployment is on L1. `start_block` is the first block that can hold an event of it."""

    chain_id: int
    rollup: str
    vault: str
    token: str
    start_block: int
    genesis_root: str
    court: str
    exit: str

    def save(self, path: Path) -> None:
        """Write it as JSON."""
        path.write_text(json.dumps({"format": FORMAT, **dataclasses.asdict(self)}, indent=2) + "\n")

    @classmethod
    def load(cls, path: Path) -> "Deployment":
        """Read it. Raises SettlementError."""
        try:
            fields = json.loads(path.read_text())
            if fields.pop("format") != FORMAT:
                raise ValueError("another format")
            return cls(**fields)
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise SettlementError(
                f"{path} is no deployment file ({error}); deploy, or name the right file"
            ) from None

    def check(self, node: L1Node) -> Rollup:
        """The rollup, after seeing that the node's chain has it. Raises ContractMismatch."""
        if node.get_chain_id() != self.chain_id:
            raise ContractMismatch(
                f"the deployment is on chain {self.chain_id}, L1 at {node.rpc.url} is {node.get_chain_id()}"
            )
        return check_rollup(node, self.rollup, bytes.fromhex(self.genesis_root.removeprefix("0x")))


def check_rollup(node: L1Node, address: str, genesis_root: bytes) -> Rollup:
    """A rollup whose genesis is the one that we know.

    Raises:
        ContractMismatch: no contract there, not a rollup, or of another genesis.

    """
    rollup = Rollup(node, address)
    if not node.get_code(rollup.address):
        raise ContractMismatch(
            f"{rollup.address} holds no contract on chain {node.get_chain_id()}; check address and node"
        )
    if rollup.genesis_root != genesis_root:
        raise ContractMismatch(
            f"the rollup's genesis root is 0x{rollup.genesis_root.hex()}, the genesis file gives "
            f"0x{genesis_root.hex()}; use the file of this deployment"
        )
    return rollup


def deploy(
    sender: Sender,
    rollup: RollupParameters,
    vault: VaultParameters = DEFAULT_VAULT,
    token: str | None = None,
    timeout_seconds: float = 60.0,
    keys: VerifyingKeys = NO_KEYS,
    exit_parameters: ExitParameters = DEFAULT_EXIT,
    fee_wei: int = DEFAULT_FEE_WEI,
) -> Deployment:
    """Deploy all contracts, and a development token if none is named; goes on where a crash left it.

    `keys` are those of the circuits; without them nothing can be proved, and the policy must be optimistic.
    `fee_wei` is what gas may cost while a challenger posts the longest path, which half of the bond must pay.

    Raises:
        SettlementError: the bond is smaller than that.
        TransactionReverted, CallReverted: the contracts refuse the parameters.

    """
    rollup = dataclasses.replace(rollup, bond_wei=choose_bond(rollup.bond_wei, len(keys.edges), fee_wei))
    if token is None:
        token_data = Contract.load("TestToken").encode_constructor()
        token_address, _ = _create(sender, "deploy token", token_data, timeout_seconds)
    else:
        token_address = token
    verifiers = {name: _deploy_key(sender, name, key, timeout_seconds) for name, key in keys.named()}
    if sender.get("deploy vault") is None:
        nonce = sender.get_next_nonce()
        future = compute_created_address(sender.address, nonce + 1)
        arguments = (future, token_address, dataclasses.astuple(vault))
        call = Call(None, Contract.load("Vault").encode_constructor(*arguments))
        if sender.submit("deploy vault", call).nonce != nonce:
            raise SettlementError(f"another program uses {sender.address}; deploy from an account of its own")
    vault_address, start_block = _wait_for_creation(sender, "deploy vault", timeout_seconds)
    # each contract is told where those that follow will be: what this account creates with its next nonces
    first = _get_nonce(sender, "deploy vault")
    rollup_address, court, exit_address = (
        compute_created_address(sender.address, nonce) for nonce in range(first + 1, first + 4)
    )
    creations: list[tuple[str, str, tuple[Any, ...]]] = [
        ("Rollup", rollup_address, (vault_address, court, exit_address, dataclasses.astuple(rollup))),
        (
            "Court",
            court,
            (
                rollup_address,
                domain(sender.node.get_chain_id(), rollup_address),
                [verifiers[f"edge {size}"] for size in range(len(keys.edges))],
                verifiers.get("outbox", NOBODY),
            ),
        ),
        (
            "Exit",
            exit_address,
            (
                rollup_address,
                verifiers.get("exit", NOBODY),
                verifiers.get("silence", NOBODY),
                exit_parameters.claim_s,
                exit_parameters.oracle_silence_s,
            ),
        ),
    ]
    for name, expected, constructor in creations:
        data = Contract.load(name).encode_constructor(*constructor)
        address, _ = _create(sender, f"deploy {name.lower()}", data, timeout_seconds)
        if address != expected:
            raise SettlementError(f"another program uses {sender.address}; deploy from an account of its own")
    return Deployment(
        chain_id=sender.node.get_chain_id(),
        rollup=rollup_address,
        vault=vault_address,
        token=token_address,
        start_block=start_block,
        genesis_root="0x" + rollup.genesis_root.hex(),
        court=court,
        exit=exit_address,
    )


def _deploy_key(sender: Sender, name: str, key: VerifyingKey, timeout_seconds: float) -> str:
    """Address of the verifier of a circuit."""
    data = Contract.load("Verifier").encode_constructor(key.to_abi())
    return _create(sender, f"deploy key of {name}", data, timeout_seconds)[0]


def _get_nonce(sender: Sender, key: str) -> int:
    intent = sender.get(key)
    assert intent is not None
    return intent.nonce


def compute_least_bond(edges: int, max_fee_wei: int) -> int:
    """Bond from which on a challenger is not out of pocket, wei: half of it is his, and pays for gas.

    Args:
        edges: of the longest path that a challenger may have to prove: steps of the longest segment, by those
            of an edge.
        max_fee_wei: what gas may cost when it matters.

    """
    return 2 * (edges * EDGE_GAS + VERDICT_GAS) * max_fee_wei


def choose_bond(bond_wei: int, sizes: int, fee_wei: int = DEFAULT_FEE_WEI) -> int:
    """The bond of a deployment with keys of so many sizes of edges: the one asked for, or the least for 0.

    A challenger may use the largest size, whose paths are the shortest.

    Raises:
        SettlementError: it would not pay for the longest path.

    """
    least_wei = compute_least_bond(LONGEST_PATHS[sizes - 1], fee_wei) if sizes else 0
    if not bond_wei:
        return max(least_wei, LEAST_BOND_WEI)
    if bond_wei < least_wei:
        edges, gwei = f"{LONGEST_PATHS[sizes - 1]:,}", f"{fee_wei / 10**9:g}"
        raise SettlementError(
            f"a bond of {bond_wei / 10**18:g} ETH is less than {least_wei / 10**18:g} ETH, whose half pays "
            f"for the longest path of proofs ({edges} edges, gas at {gwei} gwei): raise it, have a key of a "
            "larger size, or take gas for cheaper"
        )
    return bond_wei


def compute_created_address(creator: str, nonce: int) -> str:
    """Address of the contract that `creator` makes with its transaction of that nonce."""
    digest = keccak256(rlp.encode([to_canonical_address(creator), nonce]))
    return str(to_checksum_address(digest[12:]))


def _create(sender: Sender, key: str, data: bytes, timeout_seconds: float) -> tuple[str, int]:
    sender.submit(key, Call(None, data))
    return _wait_for_creation(sender, key, timeout_seconds)


def _wait_for_creation(sender: Sender, key: str, timeout_seconds: float) -> tuple[str, int]:
    """(address, block) of a created contract."""
    receipt = sender.wait(key, timeout_seconds)
    if receipt.contract_address is None:
        raise ContractMismatch(f"{key!r} made no contract")
    return receipt.contract_address, receipt.block_number
