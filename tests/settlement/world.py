"""A deployment on anvil, people with wallets and keys, and a small sequencer whose batches are real ones."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from eth_account import Account
from eth_account.signers.local import LocalAccount

from miletus.codec import encode, payload_element, with_signature
from miletus.native import (
    NativeCrypto,
    OffChainCrypto,
    PrivateKey,
    derive_key,
    domain,
    message,
    strip_signatures,
)
from miletus.sequencer.feed import BatchRecord, Outgoing, SegmentRecord
from miletus.settlement.anvil import AnvilControl
from miletus.settlement.batcher import Batcher
from miletus.settlement.chain import ChainView
from miletus.settlement.commitment import WORD, Claim
from miletus.settlement.deployment import Deployment, deploy
from miletus.settlement.genesis import Genesis
from miletus.settlement.inbox import InboxFollower
from miletus.settlement.intents import Call, IntentStore
from miletus.settlement.keys import NO_KEYS, VerifyingKeys
from miletus.settlement.l1 import OPTIMISTIC, Rollup, RollupParameters, Token, Vault, VaultParameters
from miletus.settlement.node import L1Node
from miletus.settlement.replica import BatchInputs, Replica
from miletus.settlement.sender import FeePolicy, Sender, open_store
from miletus.settlement.values import Receipt

USDC = 1_000_000
WINDOW_S = 1_000
REORG_AGE_S = 60
SILENCE_S = 100_000
ALL_SCOPES = 15
FEES = FeePolicy(patience_seconds=30.0, depth=6)
GENESIS = Genesis(
    signers=tuple(derive_key(bytes([number]) * 32).public for number in (1, 2, 3)),
    threshold=2,
    underlyings=2,
    clock_ms=1_700_000_000_000,
)


@dataclass
class Clock:
    """Wall time for senders, moved by hand."""

    seconds: float = 1_000.0

    def __call__(self) -> float:
        return self.seconds


@dataclass
class World:
    """One deployment, seen through one node."""

    node: L1Node
    control: AnvilControl
    deployment: Deployment
    sequencer: LocalAccount
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.rollup = Rollup(self.node, self.deployment.rollup)
        self.vault = Vault(self.node, self.deployment.vault)
        self.token = Token(self.node, self.deployment.token)
        self.crypto = NativeCrypto(self.deployment.chain_id, self.deployment.rollup)

    def make_wallet(self) -> LocalAccount:
        wallet: LocalAccount = Account.create()
        self.control.set_balance(wallet.address, 10**21)
        return wallet

    def make_sender(self, account: LocalAccount, path: Path | str = ":memory:") -> Sender:
        store: IntentStore = open_store(path, self.node, account.address)
        return Sender(self.node, account, store, FEES, self.clock)

    def make_view(self, lag_seconds: float = 0.0) -> ChainView:
        return ChainView(self.rollup, self.vault, self.deployment.start_block, lag_seconds)

    def do(self, sender: Sender, key: str, call: Call) -> Receipt:
        """One transaction, in a block of its own."""
        sender.submit(key, call)
        self.control.mine()
        return sender.wait(key)

    def pass_time(self, seconds: int) -> None:
        self.control.increase_time(seconds)

    def get_time(self) -> int:
        return self.node.get_head().timestamp_s


def deploy_world(
    node: L1Node, control: AnvilControl, keys: VerifyingKeys = NO_KEYS, policy: int = OPTIMISTIC
) -> World:
    clock = Clock()
    sequencer: LocalAccount = Account.create()
    deployer: LocalAccount = Account.create()
    for wallet in (sequencer, deployer):
        control.set_balance(wallet.address, 10**22)
    sender = Sender(node, deployer, open_store(":memory:", node, deployer.address), FEES, clock)
    parameters = RollupParameters(
        sequencer=sequencer.address,
        genesis_root=GENESIS.compute_root(),
        policy=policy,
        window_s=WINDOW_S,
        silence_s=SILENCE_S,
        max_delay_s=3_600,
        reorg_age_s=REORG_AGE_S,
        deadline_s=200_000,
        freeze_s=500_000,
    )
    deployment = deploy(sender, parameters, VaultParameters(), keys=keys)
    return World(node, control, deployment, sequencer, clock)


@dataclass
class Trader:
    """Somebody with a wallet, an account and a trading key in slot 0."""

    world: World
    wallet: LocalAccount
    sender: Sender
    account: int
    key: PrivateKey
    nonce: int = 0

    @classmethod
    def join(cls, world: World, amount_micros: int = 1_000 * USDC) -> "Trader":
        """Register, deposit and set a key on L1."""
        wallet = world.make_wallet()
        sender = world.make_sender(wallet)
        account = 16 + world.vault.get_account_count()
        world.do(sender, "register", world.vault.register())
        world.do(sender, "mint", world.token.mint(wallet.address, 1_000_000 * USDC))
        world.do(sender, "approve", world.token.approve(world.vault.address, 1_000_000 * USDC))
        key = derive_key(account.to_bytes(32, "big"))
        trader = cls(world, wallet, sender, account, key)
        trader.deposit("first", amount_micros)
        world.do(sender, "key", world.vault.set_key(account, 0, ALL_SCOPES, 0, *key.public))
        return trader

    def deposit(self, name: str, amount_micros: int) -> None:
        self.world.do(
            self.sender,
            f"deposit {name}",
            self.world.vault.deposit(self.account, self.wallet.address, amount_micros),
        )

    def sign(self, words: bytes) -> bytes:
        own_domain = domain(self.world.deployment.chain_id, self.world.deployment.rollup)
        return with_signature(words, self.key.sign(message(own_domain, payload_element(words[:WORD]))))

    def withdraw(self, amount_micros: int) -> bytes:
        self.nonce += 1
        return self.sign(
            encode.withdraw(
                account=self.account,
                key=0,
                nonce=self.nonce,
                valid_until_s=2**32 - 1,
                amount_micros=amount_micros,
            )
        )

    def transfer(self, to: int, amount_micros: int) -> bytes:
        self.nonce += 1
        return self.sign(
            encode.transfer(
                account=self.account,
                key=0,
                nonce=self.nonce,
                valid_until_s=2**32 - 1,
                to=to,
                amount_micros=amount_micros,
            )
        )


class SmallSequencer:
    """Closes batches as a sequencer does, one call a batch, and keeps them by number."""

    def __init__(self, world: World, *, off_chain: bool = False) -> None:
        """With `off_chain` it takes every signature as valid, as L1's data say in policy zk."""
        self.world = world
        crypto = OffChainCrypto(world.deployment.chain_id, world.deployment.rollup)
        self.off_chain = off_chain
        self.replica = Replica.from_genesis(GENESIS, crypto if off_chain else world.crypto)
        self.batches: list[BatchRecord] = []
        self.view = world.make_view()
        self.inbox = InboxFollower(self.view, min_blocks=0)

    @property
    def inbox_next(self) -> int:
        return sum(batch.inbox_count for batch in self.batches)

    def get_batch(self, number: int) -> BatchRecord | None:
        return self.batches[number - 1] if 1 <= number <= len(self.batches) else None

    def close(self, *segments: Sequence[bytes], time_s: int | None = None) -> BatchRecord:
        """Close a batch of these segments of operations, a Tick before them, with the inbox that is ready."""
        self.view.poll()
        entries = self.inbox.get_ready(self.inbox_next)
        time_s = self.world.get_time() if time_s is None else time_s
        texts = [b"".join(operations) for operations in segments] or [b""]
        texts[0] = encode.tick(time_ms=max(time_s * 1_000, self.replica.clock_ms + 1)) + texts[0]
        inbox_text = b"".join(entry.words for entry in entries)
        inputs = BatchInputs((time_s + 5) * 1_000, max(time_s - 3_600, 0) * 1_000, (inbox_text, *texts))
        executed = (inbox_text, *(strip_signatures(text)[0] for text in texts)) if self.off_chain else None
        result = self.replica.execute(replace(inputs, segments=executed) if executed else inputs)
        batch = BatchRecord(
            epoch=0,
            number=len(self.batches) + 1,
            first_number=0,
            time_s=time_s,
            clock_ms=self.replica.clock_ms,
            inbox_first=self.inbox_next,
            inbox_count=len(entries),
            running_keccak_before=bytes(32),
            segments=tuple(
                SegmentRecord(
                    j, int(j > 0), 0, len(words) // WORD, words, claim.root, claim.outbox, bytes(32)
                )
                for j, (words, claim) in enumerate(zip(inputs.segments, result.claims, strict=True))
            ),
            outbox=tuple(Outgoing(entry.owner, entry.amount_micros) for entry in result.outbox),
        )
        self.batches.append(batch)
        return batch

    def get_claims(self, number: int) -> list[Claim]:
        return [Claim(segment.root, segment.outbox) for segment in self.batches[number - 1].segments]


def make_batcher(world: World, source: SmallSequencer, path: Path | str = ":memory:") -> Batcher:
    return Batcher(world.make_view(), world.make_sender(world.sequencer, path), source)
