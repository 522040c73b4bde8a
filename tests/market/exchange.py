"""A real exchange for tests: the machine with its native cryptography, fed with encoded words."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from miletus.codec import decode_segment, encode, payload_element, with_signature
from miletus.codec.table import BY_KIND, WORD_BYTES
from miletus.engine import layout
from miletus.engine.genesis import apply_genesis
from miletus.engine.machine import Machine
from miletus.engine.params import MAX_SEGMENT_WORDS
from miletus.engine.reasons import Reason
from miletus.engine.segment import INBOX, SEQUENCED
from miletus.market.requests import Amend, Place, Request
from miletus.native import NativeCrypto, PrivateKey, derive_key, message, prepare

CHAIN_ID, ROLLUP = 31_337, 0xA11CE
FIRST_ACCOUNT = 16
EVENT = 8


@dataclass(frozen=True)
class Outcome:
    """A receipt and the events of its word: what the sequencer tells of an operation."""

    reason: Reason
    filled_lots: int
    notional_micros: int
    detail: int
    events: tuple[tuple[int, ...], ...]


def make_key(name: str) -> PrivateKey:
    return derive_key(name.encode().ljust(32, b"."))


def split(words: bytes) -> list[bytes]:
    """Operations of words that are whole."""
    operations, at = [], 0
    while at < len(words):
        size = BY_KIND[words[at]].words * WORD_BYTES
        operations.append(words[at : at + size])
        at += size
    return operations


@dataclass
class Exchange:
    """One batch without end, of a deployment with these signers."""

    publics: list[tuple[int, int]]
    threshold: int
    start_s: int
    underlyings: int = 2
    machine: Machine = field(init=False)

    def __post_init__(self) -> None:
        self.crypto = NativeCrypto(CHAIN_ID, ROLLUP)
        self.machine = Machine(64, self.crypto)
        apply_genesis(self.machine.state, self.publics, self.threshold, self.underlyings, self.start_s * 1000)
        self.machine.begin_batch(2**47, 0)

    @property
    def domain(self) -> int:
        return self.crypto.domain

    def run(self, operations: Sequence[bytes], source: int = SEQUENCED) -> list[Outcome]:
        """Carry out operations, in as many segments as they need."""
        outcomes: list[Outcome] = []
        part: list[bytes] = []
        size = 0
        for operation in [*operations, None]:
            if operation is None or size + len(operation) > MAX_SEGMENT_WORDS * WORD_BYTES:
                outcomes += self._run_segment(b"".join(part), source)
                part, size = [], 0
            if operation is not None:
                part.append(operation)
                size += len(operation)
        return outcomes

    def _run_segment(self, words: bytes, source: int) -> list[Outcome]:
        segment = decode_segment(source, words)
        prepare(segment, self.machine)
        state = self.machine.state
        first, event_count = int(state.receipt_count), int(state.event_count)
        self.machine.run(segment)
        state = self.machine.state
        events: dict[int, list[tuple[int, ...]]] = {}
        for at in range(event_count * EVENT, int(state.event_count) * EVENT, EVENT):
            kind, record, *values = (int(state.events[at + k]) for k in range(EVENT))
            events.setdefault(record, []).append((kind, *values))
        outcomes = []
        for record in range(int(state.receipt_count) - first):
            at = (first + record) * 4
            reason, filled, notional, detail = (int(state.receipts[at + k]) for k in range(4))
            told = tuple(events.get(record, ()))
            outcomes.append(Outcome(Reason(reason), filled, notional, detail, told))
        return outcomes

    def pass_time(self, time_s: int) -> None:
        if time_s * 1000 > self.machine.state.cells[layout.CLOCK_MS]:
            (outcome,) = self.run([encode.tick(time_ms=time_s * 1000)])
            assert outcome.reason == Reason.OK

    def deposit(self, account: int, amount_micros: int, key: PrivateKey) -> None:
        """Put money in and bind a key, as the inbox does."""
        x, y = key.public
        outcomes = self.run(
            [
                encode.deposit(account=account, owner=account + 10**6, amount_micros=amount_micros),
                encode.set_key_inbox(account=account, slot=0, scope=15, expiry_s=0, x=x, y=y),
            ],
            INBOX,
        )
        assert [outcome.reason for outcome in outcomes] == [Reason.OK, Reason.OK]


class Desk:
    """Signs the requests of agents: account n of an agent has a machine account and a key of its own."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._next = FIRST_ACCOUNT
        self._keys: dict[int, PrivateKey] = {}
        self._nonces: dict[int, int] = {}

    def open(self, count: int, amount_micros: int) -> list[int]:
        """Open accounts with money and a key."""
        accounts = list(range(self._next, self._next + count))
        self._next += count
        for account in accounts:
            self._keys[account] = make_key(f"account {account}")
            self._nonces[account] = 0
            self._exchange.deposit(account, amount_micros, self._keys[account])
        return accounts

    def send(self, account: int, request: Request, now_s: int) -> Outcome:
        """Sign and carry out one request."""
        self._nonces[account] += 1
        header = {
            "account": account,
            "key": 0,
            "nonce": self._nonces[account],
            "valid_until_s": now_s + 60,
        }
        words = encode_request(request, header)
        element = message(self._exchange.domain, payload_element(words))
        (outcome,) = self._exchange.run([with_signature(words, self._keys[account].sign(element))])
        return outcome


def encode_request(request: Request, header: dict[str, int]) -> bytes:
    if isinstance(request, Place):
        flags = request.side | request.time_in_force << 1 | request.market << 3 | request.post_only << 4
        flags |= request.reduce_only << 5 | request.replace << 6
        return encode.place_order(
            **header,
            slot=request.slot,
            instrument=request.instrument,
            flags=flags,
            price_ticks=request.price_ticks,
            size_lots=request.size_lots,
            good_for_s=request.good_for_s,
        )
    if isinstance(request, Amend):
        return encode.amend(
            **header,
            slot=request.slot,
            generation=request.generation,
            price_ticks=request.price_ticks,
            size_lots=request.size_lots,
        )
    return encode.cancel(**header, mode=0, slot=request.slot, generation=0, instrument=0)
