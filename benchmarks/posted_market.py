"""The intake benchmark's market on a real L1: accounts through the inbox, orders through a node, all posted.

What the watchtower reads here is what it reads of a live deployment: signed orders, oracle bundles, fills.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_canonical_address

from benchmarks import intake_market
from benchmarks.flow import Flow
from benchmarks.intake_market import build_bundle, get_key, sign_flow
from miletus.sequencer.answers import Answer
from miletus.sequencer.chain import Deployment as Domain
from miletus.sequencer.config import NodeConfig
from miletus.sequencer.feed import InboxEntry
from miletus.sequencer.node import Node
from miletus.sequencer.ordering import Policy
from miletus.settlement.anvil import AnvilControl
from miletus.settlement.batcher import Batcher
from miletus.settlement.chain import ChainView
from miletus.settlement.deployment import Deployment, deploy
from miletus.settlement.genesis import Genesis
from miletus.settlement.inbox import InboxFollower
from miletus.settlement.intents import Call
from miletus.settlement.keys import NO_KEYS, VerifyingKeys
from miletus.settlement.l1 import Rollup, RollupParameters, Token, Vault, VaultParameters
from miletus.settlement.node import L1Node
from miletus.settlement.sender import FeePolicy, Sender, open_store

GWEI = 10**9
SECRET = bytes(31) + b"\1"
MAKER_MICROS = 2 * 10**13
TAKER_MICROS = 5 * 10**11
BATCH_WORDS = 3_500
"""Words of a batch; its commit stays below 128 KiB, the most that pools of public nodes take."""

WINDOW_S = 1_000
"""Of challenges: shorter than what a batch may be late by, so that a benchmark can pass it."""

PROVABLE_BOND_WEI = 50 * 10**18
"""Half of it pays for the longest path of proofs that a lie could need."""

GROUP = 250
"""Operations submitted together."""


@dataclass
class PostedMarket:
    """A deployment with its node and its batcher."""

    node: L1Node
    control: AnvilControl
    flow: Flow
    genesis: Genesis
    deployment: Deployment
    directory: Path
    batcher: Batcher
    inbox: InboxFollower
    sequencer: Node

    def make_view(self) -> ChainView:
        rollup = Rollup(self.node, self.deployment.rollup)
        return ChainView(rollup, Vault(self.node, rollup.vault), self.deployment.start_block)

    def trade(self, operations: Sequence[bytes]) -> int:
        """Order operations in groups, batches closed by their size; how many were taken in."""
        taken = words = 0
        for at in range(0, len(operations), GROUP):
            answers = self.sequencer.submit(operations[at : at + GROUP])
            taken += sum(isinstance(answer, Answer) for answer in answers)
            words += sum(len(operation) for operation in operations[at : at + GROUP]) // 31
            if words >= BATCH_WORDS:
                self.sequencer.close_batch()
                words = 0
        return taken

    def post_all(self) -> int:
        """Close the open batch and post everything; number of the last batch on L1."""
        self.sequencer.close_batch()
        self.sequencer.wait_for_roots()
        last = self.sequencer.batches.get_last()
        closed = self.sequencer.batches.get_batch(last)
        ahead_s = closed.time_s - self.node.get_head().timestamp_s if closed is not None else 0
        if ahead_s > 0:
            self.control.increase_time(ahead_s)  # batches closed by their size have a time to come
        for _ in range(20 * last + 200):
            progress = self.batcher.poll()
            if progress.posted >= last:
                return last
            self.control.mine()
            time.sleep(0.02)
        raise RuntimeError(f"batch {progress.closed} is not posted: {progress.waiting}")

    def reopen(self) -> None:
        """End the node and start it again on its directory."""
        self.sequencer.close()
        self.sequencer = open_node(self.directory, self.deployment, self.genesis, self.flow)
        self.batcher.source = self.sequencer.batches


@contextmanager
def open_posted_market(
    l1: L1Node, control: AnvilControl, directory: Path, flow: Flow, keys: VerifyingKeys = NO_KEYS
) -> Iterator[PostedMarket]:
    """Deploy, register and fund the accounts of the flow, and open its market; with keys it can be proved."""
    genesis = Genesis((get_key(0).public,), 1, 2, (time.time_ns() // 10**9 - 60) * 1_000)
    proposer = make_wallet(control)
    deployment = deploy_rollup(l1, control, genesis, proposer, keys)
    # the flow signs for the deployment that these modules name
    intake_market.ROLLUP, intake_market.FLOW = deployment.rollup, flow
    fund_accounts(l1, control, deployment, flow)
    view = ChainView(Rollup(l1, deployment.rollup), Vault(l1, deployment.vault), deployment.start_block)
    store = open_store(directory / "intents.sqlite", l1, proposer.address)
    node = open_node(directory, deployment, genesis, flow)
    sender = Sender(l1, proposer, store, FeePolicy(patience_seconds=600.0))
    market = PostedMarket(
        l1,
        control,
        flow,
        genesis,
        deployment,
        directory,
        Batcher(view, sender, node.batches),
        InboxFollower(view, min_blocks=0),
        node,
    )
    try:
        consume_inbox(market)
        answers = market.sequencer.submit_bundle(build_bundle(market.sequencer.clock_ms // 1_000))
        refused = [answer.result for answer in answers if answer.result.reason]
        if refused:
            raise RuntimeError(f"{len(refused)} operations of the market were refused: {refused[0]}")
        yield market
    finally:
        market.sequencer.close()


def make_wallet(control: AnvilControl) -> LocalAccount:
    wallet: LocalAccount = Account.create()
    control.set_balance(wallet.address, 10**24)
    return wallet


def deploy_rollup(
    l1: L1Node, control: AnvilControl, genesis: Genesis, proposer: LocalAccount, keys: VerifyingKeys
) -> Deployment:
    deployer = make_wallet(control)
    bond_wei = 10**15 if keys is NO_KEYS else PROVABLE_BOND_WEI
    parameters = RollupParameters(
        proposer.address, genesis.compute_root(), reorg_age_s=0, bond_wei=bond_wei, window_s=WINDOW_S
    )
    vault = VaultParameters(word_fee_wei=10**9, account_fee_wei=10**9, words_per_block=256)
    sender = Sender(l1, deployer, open_store(":memory:", l1, deployer.address))
    return deploy(sender, parameters, vault, keys=keys)


def open_node(directory: Path, deployment: Deployment, genesis: Genesis, flow: Flow) -> Node:
    config = NodeConfig(Policy(batch_ms=60_000, batch_words=16_384), capacity_accounts=flow.accounts + 16)
    domain = Domain.of(deployment.chain_id, deployment.rollup)
    return Node(directory, domain, genesis, SECRET, config)


def fund_accounts(l1: L1Node, control: AnvilControl, deployment: Deployment, flow: Flow) -> None:
    """Accounts 16 and up, all of one wallet, each with a deposit and the flow's key."""
    wallet = make_wallet(control)
    vault, token = Vault(l1, deployment.vault), Token(l1, deployment.token)
    calls = [token.mint(wallet.address, 1 << 52), token.approve(vault.address, 1 << 52)]
    for account in range(16, 16 + flow.accounts):
        amount = MAKER_MICROS if account < 16 + flow.makers else TAKER_MICROS
        calls += [vault.register(), vault.deposit(account, wallet.address, amount)]
        calls.append(vault.set_key(account, 0, 15, 0, *get_key(account).public))
    for nonce, call in enumerate(calls):
        l1.send_raw(sign_call(l1, wallet, nonce, call))
    while l1.get_nonce(wallet.address) < len(calls):
        control.mine()


def sign_call(l1: L1Node, wallet: LocalAccount, nonce: int, call: Call) -> bytes:
    assert call.to is not None
    signed = wallet.sign_transaction(
        {
            "type": 2,
            "chainId": l1.get_chain_id(),
            "nonce": nonce,
            "to": to_canonical_address(call.to),
            "data": call.data,
            "value": call.value_wei,
            "gas": 500_000,
            "maxFeePerGas": 100 * GWEI,
            "maxPriorityFeePerGas": GWEI,
        }
    )
    return bytes(signed.raw_transaction)


def consume_inbox(market: PostedMarket) -> None:
    """Batches of inbox words until all accounts are in the machine."""
    node = market.sequencer
    market.inbox.view.poll()
    entries = market.inbox.get_ready(0, max_words=1 << 30)
    node.offer_inbox([InboxEntry(entry.index, entry.words) for entry in entries])
    while node.inbox:
        node.close_batch()
        node.run_idle()
    if node.inbox_next != market.inbox.view.entry_count:
        raise RuntimeError(f"only {node.inbox_next} inbox entries of {market.inbox.view.entry_count} went in")


def sign_operations(count: int, seed: int = 1, nonce_from: int = 0) -> list[bytes]:
    """Signed operations of the open market's flow."""
    return sign_flow(count, seed, nonce_from)
