"""Typed clients of the L1 contracts: what they hold, and the calls that change it.

Getters read one block, "latest" unless another is named. What changes something is a `Call`, to be handed to
a `Sender`; nothing here sends.
"""

from dataclasses import dataclass
from functools import cached_property

from eth_utils.address import to_checksum_address

from miletus.native import NativeCrypto, OffChainCrypto
from miletus.settlement.commitment import WORD, Commitment, encode_commit, from_slots
from miletus.settlement.contracts import Contract
from miletus.settlement.errors import ContractMismatch
from miletus.settlement.intents import Call
from miletus.settlement.node import BlockTag, L1Node

OPTIMISTIC, ZK, HYBRID = range(3)
"""Policies of a deployment (08-R31)."""


@dataclass(frozen=True, slots=True)
class VaultParameters:
    """Parameters of a Vault, in the order of its constructor (docs/reference/contracts.md)."""

    min_deposit_micros: int = 1_000_000
    max_deposit_micros: int = 1 << 52
    word_fee_wei: int = 10**12
    account_fee_wei: int = 10**14
    words_per_block: int = 64


@dataclass(frozen=True, slots=True)
class RollupParameters:
    """Parameters of a Rollup, in the order of its constructor (docs/reference/contracts.md).

    A bond of 0 stands for the least one that `deploy` takes.
    """

    sequencer: str
    genesis_root: bytes
    machine_version: int = 1
    policy: int = 0
    bond_wei: int = 0
    window_s: int = 7 * 86_400
    silence_s: int = 86_400
    max_delay_s: int = 3_600
    reorg_age_s: int = 180
    deadline_s: int = 86_400
    freeze_s: int = 7 * 86_400
    grace_s: int = 86_400


@dataclass(frozen=True, slots=True)
class ExitParameters:
    """Parameters of an Exit (docs/reference/contracts.md)."""

    claim_s: int = 30 * 86_400
    oracle_silence_s: int = 3 * 86_400


@dataclass(frozen=True, slots=True)
class BatchState:
    """What the rollup keeps of a batch."""

    id: bytes
    proposer: str
    committed_at_s: int
    inbox_end: int
    outbox_count: int
    outbox_root: bytes
    bond_wei: int


@dataclass(frozen=True, slots=True)
class EntryState:
    """What the vault keeps of an inbox entry."""

    created_at_s: int
    first_word: int
    end_word: int
    deposited_micros: int


class Client:
    """A contract at an address."""

    name = ""

    def __init__(self, node: L1Node, address: str) -> None:
        self.node = node
        try:
            self.address = str(to_checksum_address(address))
        except (ValueError, TypeError):
            raise ContractMismatch(f"{address!r} is no L1 address: 0x and 40 hex digits are needed") from None
        self.contract = Contract.load(self.name)

    def read(self, function: str, *arguments: object, block: BlockTag = "latest") -> object:
        """Result of a getter."""
        data = self.contract.encode_call(function, *arguments)
        return self.contract.decode_result(function, self.node.call_contract(self.address, data, block))

    def read_int(self, function: str, *arguments: object, block: BlockTag = "latest") -> int:
        """Result of a getter of a number."""
        value = self.read(function, *arguments, block=block)
        assert isinstance(value, int)
        return value

    def read_bytes(self, function: str, *arguments: object, block: BlockTag = "latest") -> bytes:
        """Result of a getter of 32 bytes."""
        value = self.read(function, *arguments, block=block)
        assert isinstance(value, bytes)
        return value

    def read_address(self, function: str, *arguments: object, block: BlockTag = "latest") -> str:
        """Result of a getter of an address, checksummed."""
        return str(to_checksum_address(str(self.read(function, *arguments, block=block))))

    def build(self, function: str, *arguments: object, value_wei: int = 0, guarded: bool = False) -> Call:
        """A call that changes something; `guarded` if the contract refuses it a second time."""
        data = self.contract.encode_call(function, *arguments)
        return Call(self.address, data, value_wei, guarded=guarded)


class Rollup(Client):
    """The chain of batches."""

    name = "Rollup"

    # ---- fixed when it was made

    @cached_property
    def vault(self) -> str:
        """Address of the vault."""
        return self.read_address("vault")

    @cached_property
    def sequencer(self) -> str:
        """Who may always propose."""
        return self.read_address("sequencer")

    @cached_property
    def genesis_root(self) -> bytes:
        """Root of the state before the first batch."""
        return self.read_bytes("genesis_root")

    @cached_property
    def machine_version(self) -> int:
        """Version of the machine that batches are executed with."""
        return self.read_int("machine_version")

    @cached_property
    def policy(self) -> int:
        """Policy of the deployment."""
        return self.read_int("policy")

    @cached_property
    def bond_wei(self) -> int:
        """Least bond of a batch; `get_next_bond` tells the one of now."""
        return self.read_int("bond_wei")

    @cached_property
    def is_off_chain(self) -> bool:
        """Whether signatures of sequenced words are not posted, and a batch needs a proof (policy zk)."""
        return self.policy == ZK

    @cached_property
    def court(self) -> str:
        """Address of the court."""
        return self.read_address("court")

    @cached_property
    def exit(self) -> str:
        """Address of the exit."""
        return self.read_address("exit")

    @cached_property
    def window_s(self) -> int:
        """Challenge window."""
        return self.read_int("window_s")

    @cached_property
    def max_delay_s(self) -> int:
        """How much older than its block a batch's time may be."""
        return self.read_int("max_delay_s")

    def build_crypto(self) -> NativeCrypto:
        """Cryptography of a machine that executes what was posted."""
        kind = OffChainCrypto if self.is_off_chain else NativeCrypto
        return kind(self.node.get_chain_id(), self.address)

    @cached_property
    def reorg_age_s(self) -> int:
        """Age from which an inbox entry may be consumed."""
        return self.read_int("reorg_age_s")

    # ---- state

    def get_head_number(self, block: BlockTag = "latest") -> int:
        """Number of the last batch; genesis is 0."""
        return self.read_int("head_number", block=block)

    def get_final_number(self, block: BlockTag = "latest") -> int:
        """Number of the last final batch."""
        return self.read_int("final_number", block=block)

    def get_batch(self, number: int, block: BlockTag = "latest") -> BatchState:
        """What is kept of a batch. Raises CallReverted if there is none."""
        value = self.read("get_batch", number, block=block)
        assert isinstance(value, tuple)
        batch_id, proposer, committed_at_s, inbox_end, outbox_count, outbox_root, bond_wei = value
        owner = str(to_checksum_address(proposer))
        return BatchState(batch_id, owner, committed_at_s, inbox_end, outbox_count, outbox_root, bond_wei)

    def get_next_bond(self, block: BlockTag = "latest") -> int:
        """Bond of the next commit, doubled after each removal."""
        return self.read_int("next_bond_wei", block=block)

    def get_credit(self, owner: str, block: BlockTag = "latest") -> int:
        """ETH that the rollup owes to an address, wei."""
        return self.read_int("credit_wei", owner, block=block)

    def is_open(self) -> bool:
        """Whether anyone may propose now."""
        return bool(self.read("is_open"))

    def is_claimed(self, number: int, index: int) -> bool:
        """Whether a withdrawal was paid."""
        return bool(self.read("is_claimed", number, index))

    def get_frozen_at(self) -> int:
        """L1 time at which it was frozen, seconds; 0 while it runs."""
        return self.read_int("frozen_at_s")

    # ---- calls

    def commit(self, batch: Commitment, value_wei: int) -> Call:
        """Add a batch; `value_wei` goes to the credit from which the bond is taken."""
        return Call(self.address, encode_commit(batch), value_wei, guarded=True)

    def finalise(self, limit: int = 64) -> Call:
        """Make final what was proved or has passed its window."""
        return self.build("finalize", limit, guarded=True)

    def expire(self) -> Call:
        """Remove the next batch, which is past its deadline and was not proved (policy zk)."""
        return self.build("expire", guarded=True)

    def claim(self, number: int, index: int, owner: str, amount_micros: int, proof: list[bytes]) -> Call:
        """Pay a withdrawal of a final batch to its owner."""
        return self.build("claim", number, index, owner, amount_micros, proof, guarded=True)

    def freeze(self) -> Call:
        """Stop the rollup when an entry has waited too long."""
        return self.build("freeze", guarded=True)

    def withdraw_credit(self) -> Call:
        """Pay the sender's credit."""
        return self.build("withdraw_credit")


class Vault(Client):
    """The money, the accounts and the inbox."""

    name = "Vault"

    @cached_property
    def token(self) -> str:
        """Address of the token, USDC or what stands for it."""
        return self.read_address("token")

    @cached_property
    def word_fee_wei(self) -> int:
        """Prepayment for each word of an inbox entry."""
        return self.read_int("word_fee_wei")

    @cached_property
    def account_fee_wei(self) -> int:
        """Price of an account number."""
        return self.read_int("account_fee_wei")

    def get_account_count(self, block: BlockTag = "latest") -> int:
        """Accounts given so far; the next one is 16 + this."""
        return self.read_int("account_count", block=block)

    def get_owner(self, account: int) -> str:
        """Owner of an account, the zero address if there is none."""
        return self.read_address("owner_of", account)

    def get_entry_count(self, block: BlockTag = "latest") -> int:
        """Entries that were ever queued."""
        return self.read_int("entry_count", block=block)

    def get_entry(self, entry: int, block: BlockTag = "latest") -> EntryState:
        """An entry; all zero if there is none."""
        value = self.read("get_entry", entry, block=block)
        assert isinstance(value, tuple)
        return EntryState(*value)

    def get_words(self, first: int, count: int, block: BlockTag = "latest") -> bytes:
        """Words of a range of entries, 31 bytes each; at most 256 words."""
        value = self.read("get_words", first, count, block=block)
        assert isinstance(value, tuple)
        return from_slots(b"".join(word.to_bytes(WORD + 1, "big") for word in value))

    def get_held(self, block: BlockTag = "latest") -> int:
        """Money in custody, micros."""
        return self.read_int("held_micros", block=block)

    def get_paid(self, block: BlockTag = "latest") -> int:
        """Withdrawals paid so far, micros."""
        return self.read_int("paid_micros", block=block)

    # ---- calls

    def register(self) -> Call:
        """Make an account of the sender."""
        return self.build("register", value_wei=self.account_fee_wei)

    def deposit(self, account: int, owner: str, amount_micros: int) -> Call:
        """Move tokens of the sender into the account of `owner`; approve first."""
        return self.build("deposit", account, owner, amount_micros, value_wei=self.word_fee_wei)

    def set_key(self, account: int, slot: int, scope: int, expiry_s: int, x: int, y: int) -> Call:
        """Set a trading key of the sender's account; x = y = 0 removes it."""
        arguments = (account, slot, scope, expiry_s, x, y)
        return self.build("set_key", *arguments, value_wei=3 * self.word_fee_wei)

    def force(self, word: bytes) -> Call:
        """Force an operation of the sender's account: its first word, 31 bytes."""
        return self.build("force", int.from_bytes(word, "big"), value_wei=self.word_fee_wei)

    def reclaim(self, entry: int) -> Call:
        """Give an entry back that no batch consumed, when frozen."""
        return self.build("reclaim", entry, guarded=True)

    def withdraw_credit(self) -> Call:
        """Pay the sender's credit of prepayments."""
        return self.build("withdraw_credit")


class Token(Client):
    """The token in custody; `mint` exists on the development token alone."""

    name = "TestToken"

    def get_balance(self, owner: str, block: BlockTag = "latest") -> int:
        """Balance, micros."""
        return self.read_int("balanceOf", owner, block=block)

    def get_allowance(self, owner: str, spender: str) -> int:
        """What `spender` may still take from `owner`, micros."""
        return self.read_int("allowance", owner, spender)

    def approve(self, spender: str, amount_micros: int) -> Call:
        """Allow `spender` to take up to an amount."""
        return self.build("approve", spender, amount_micros)

    def mint(self, owner: str, amount_micros: int) -> Call:
        """Make tokens for an owner."""
        return self.build("mint", owner, amount_micros)
