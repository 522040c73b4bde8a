"""A small market with real keys: a BTC perpetual and a call, traders with money, an oracle of 2 of 3."""

import itertools
import random
from dataclasses import dataclass, field
from pathlib import Path

from miletus.codec import encode, payload_element, with_signature
from miletus.engine.crypto import Crypto
from miletus.engine.genesis import apply_genesis
from miletus.engine.machine import Machine
from miletus.native import PrivateKey, absorb_entry, derive_key, domain, message
from miletus.sequencer.answers import Answer
from miletus.sequencer.chain import Deployment
from miletus.sequencer.config import NodeConfig
from miletus.sequencer.errors import Refused
from miletus.sequencer.feed import InboxEntry
from miletus.sequencer.node import Node
from miletus.sequencer.ordering import Policy

DEPLOYMENT = Deployment.of(31337, "0x" + "cd" * 20)
DOMAIN = domain(31337, "0x" + "cd" * 20)
SECRET = bytes(31) + b"\x2a"
START_MS = 1_772_438_400_000
PERPETUAL, CALL = 0, 1
INDEX_TICKS = 6_500_000
FIRST_TRADER = 16
DEPOSIT_MICROS = 10**12
BUY, SELL = 0, 1
IOC, POST_ONLY, REPLACE = 1 << 1, 1 << 4, 1 << 6

SIGNERS = [derive_key(bytes([1, k]).ljust(32, b"s")) for k in range(3)]
SMALL = NodeConfig(Policy(), capacity_accounts=64, snapshot_batches=2, log_file_bytes=320 * 1024)


def get_key(account: int) -> PrivateKey:
    return derive_key(account.to_bytes(32, "big"))


@dataclass(frozen=True)
class Genesis:
    clock_ms: int = START_MS - 60_000

    def build_machine(self, crypto: Crypto, capacity: int) -> Machine:
        machine = Machine(capacity, crypto)
        apply_genesis(machine.state, [key.public for key in SIGNERS], 2, 2, self.clock_ms)
        return machine


@dataclass
class Clock:
    """Time that the test moves."""

    now_ms: int = START_MS

    def __call__(self) -> int:
        return self.now_ms


@dataclass
class Trader:
    account: int
    chain_domain: int = DOMAIN
    nonces: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self.key = get_key(self.account)

    def sign(self, words: bytes, x: int = 0, y: int = 0) -> bytes:
        return with_signature(words, self.key.sign(message(self.chain_domain, payload_element(words), x, y)))

    def header(self, nonce: int | None = None, **changes: int) -> dict[str, int]:
        number = next(self.nonces) if nonce is None else nonce
        return {"account": self.account, "key": 0, "nonce": number, "valid_until_s": 2**32 - 1} | changes

    def order(
        self,
        side: int,
        price_ticks: int,
        size_lots: int,
        slot: int = 0,
        flags: int = REPLACE,
        instrument: int = PERPETUAL,
        nonce: int | None = None,
        **changes: int,
    ) -> bytes:
        words = encode.place_order(
            **self.header(nonce, **changes),
            slot=slot,
            instrument=instrument,
            flags=side | flags,
            price_ticks=price_ticks,
            size_lots=size_lots,
            good_for_s=0,
        )
        return self.sign(words)

    def cancel_all(self) -> bytes:
        return self.sign(encode.cancel(**self.header(), mode=2, slot=0, generation=0, instrument=0))

    def withdraw(self, amount_micros: int) -> bytes:
        return self.sign(encode.withdraw(**self.header(), amount_micros=amount_micros))

    def set_key(self, slot: int, key: PrivateKey) -> bytes:
        x, y = key.public
        words = encode.set_key(**self.header(), slot=slot, scope=15, expiry_s=0, x=x, y=y)
        parts = (int.from_bytes(words[at : at + 31], "big") for at in (31, 62))
        return self.sign(words, *parts)

    def random_order(self, chance: random.Random) -> bytes:
        """An order near the index; about a third of them trade."""
        side = chance.randrange(2)
        away = chance.randrange(-40, 120) * (1 - 2 * side)
        price = INDEX_TICKS - away * 10
        return self.order(side, price, chance.randrange(1, 50), slot=chance.randrange(8))


def inbox_entries(accounts: range, first: int = 0) -> list[InboxEntry]:
    """A deposit and a key for each account."""
    texts = []
    for account in accounts:
        texts.append(encode.deposit(account=account, owner=0xA000 + account, amount_micros=DEPOSIT_MICROS))
        x, y = get_key(account).public
        texts.append(encode.set_key_inbox(account=account, slot=0, scope=15, expiry_s=0, x=x, y=y))
    return [InboxEntry(first + place, words) for place, words in enumerate(texts)]


def approve(proposal: bytes, staged: int = 0, signers: tuple[int, ...] = (0, 2)) -> bytes:
    """A proposal and approvals of it."""
    text = message(DOMAIN, payload_element(proposal), staged, 1)
    votes = (with_signature(encode.approve(signer=s), SIGNERS[s].sign(text)) for s in signers)
    return proposal + b"".join(votes)


def index_tick(time_s: int, index_ticks: int = INDEX_TICKS) -> bytes:
    return encode.index_tick(
        underlying=0,
        time_s=time_s,
        index_ticks=index_ticks,
        cumulative=INDEX_TICKS * (time_s - START_MS // 1000 + 1000),
    )


def listing(instrument: int, kind: int, strike_ticks: int = 0, expiry_s: int = 0) -> bytes:
    return encode.list_instrument(
        instrument=instrument,
        type=kind,
        underlying=0,
        strike_ticks=strike_ticks,
        expiry_s=expiry_s,
        tick_step=10,
        lot_step=1,
        min_size_lots=1,
    )


def sheet(number: int, time_s: int) -> bytes:
    """Entries of the perpetual and the call, and their approved Flip."""
    moves = [INDEX_TICKS * k // 100 for k in range(-16, 16, 2)]
    entries = [
        encode.sheet_entry(
            underlying=0,
            first=1,
            instrument=PERPETUAL,
            mark_ticks=INDEX_TICKS,
            delta=10_000,
            gamma=0,
            scenarios=moves,
        ),
        encode.sheet_entry(
            underlying=0,
            first=0,
            instrument=CALL,
            mark_ticks=300_000,
            delta=5_000,
            gamma=100,
            scenarios=[move // 2 for move in moves],
        ),
    ]
    staged = 0
    for entry in entries:
        staged = absorb_entry(staged, entry)
    flip = encode.flip(underlying=0, number=number, reference_index_ticks=INDEX_TICKS, time_s=time_s, count=2)
    return b"".join(entries) + approve(flip, staged)


def opening_bundle(now_s: int) -> bytes:
    """What makes the market: an index, two instruments, a sheet."""
    expiry_s = now_s // 86_400 * 86_400 + 28_800 + 30 * 86_400
    return (
        approve(index_tick(now_s))
        + approve(listing(PERPETUAL, 3))
        + approve(listing(CALL, 0, 6_600_000, expiry_s))
        + sheet(1, now_s)
    )


def open_node(directory: Path, clock: Clock, config: NodeConfig = SMALL) -> Node:
    return Node(directory, DEPLOYMENT, Genesis(), SECRET, config, clock)


def open_market(directory: Path, clock: Clock, traders: int = 4, config: NodeConfig = SMALL) -> Node:
    """A node whose market is open and whose traders, from account 16 on, have money."""
    node = open_node(directory, clock, config)
    node.offer_inbox(inbox_entries(range(FIRST_TRADER, FIRST_TRADER + traders)))
    node.run_idle()
    clock.now_ms += 1_000
    answers = node.submit_bundle(opening_bundle(clock.now_ms // 1000))
    assert [answer.result.reason for answer in answers] == [0] * len(answers)
    return node


def take(answers: list[Answer | Refused]) -> list[Answer]:
    """The answers, none of which may be a refusal."""
    for answer in answers:
        if isinstance(answer, Refused):
            raise answer
    return [answer for answer in answers if isinstance(answer, Answer)]
