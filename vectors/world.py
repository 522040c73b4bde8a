"""A small market with real keys, in which vectors are made: signed words in, whole states out."""

import hashlib
from dataclasses import dataclass, field
from typing import Any

from miletus.codec import decode_segment, encode, payload_element, with_signature
from miletus.engine import segment as G
from miletus.engine.genesis import apply_genesis
from miletus.engine.machine import Machine, build_machine
from miletus.native import NativeCrypto, PrivateKey, Tree, absorb_entry, derive_key, message, prepare

CHAIN_ID = 31_337
ROLLUP = "0x00000000000000000000000000000000000a11ce"
CLOCK_MS = 1_770_000_000_000
"""2026-02-02 02:40:00 UTC."""

INDEX_TICKS = (9_000_000, 300_000)
SIGNERS = 3
THRESHOLD = 2
ALICE, BOB, CAROL, DAVE = 16, 17, 18, 19
CALL, PUT, FUTURE, PERPETUAL, ETH_CALL = 0, 1, 2, 3, 4
EXPIRY_S = 1_770_000_000 // 86_400 * 86_400 + 86_400 + 28_800
"""08:00 UTC of the next day."""

BUY, SELL, IOC, FOK, MARKET, POST_ONLY, REDUCE_ONLY, REPLACE = 0, 1, 2, 4, 8, 16, 32, 64


def key_of(name: str) -> PrivateKey:
    """The trading key of a name: made from its hash, so that a vector is always the same."""
    return derive_key(hashlib.sha256(f"miletus vector key {name}".encode()).digest())


@dataclass
class World:
    """A machine, its tree, and those who sign. `words` collects what was sent in the open segment."""

    machine: Machine
    tree: Tree
    clock_ms: int = CLOCK_MS
    nonces: dict[int, int] = field(default_factory=dict)
    cumulative: list[int] = field(default_factory=lambda: [0, 0])
    tick_times_s: list[int] = field(default_factory=lambda: [0, 0])
    indices: list[int] = field(default_factory=lambda: list(INDEX_TICKS))
    sheets: list[int] = field(default_factory=lambda: [0, 0])
    words: list[bytes] = field(default_factory=list)

    # ---- words

    def sign(self, words: bytes, key: PrivateKey, x: int = 0, y: int = 0) -> bytes:
        """Put the signature of `key` into one operation's words; x and y are the key words of a SetKey."""
        crypto = self.machine.crypto
        assert isinstance(crypto, NativeCrypto)
        return with_signature(words, key.sign(message(crypto.domain, payload_element(words), x, y)))

    def send(self, name: str, account: int, **fields: Any) -> None:
        """Send a signed operation of an account, by its trading key 0 unless told otherwise."""
        nonce = fields.pop("nonce", None)
        if nonce is None:
            nonce = self.nonces.get(account, 0) + 1
            self.nonces[account] = nonce
        until = fields.pop("valid_until_s", self.clock_ms // 1000 + 60)
        key = fields.pop("key", 0)
        signer = fields.pop("signer", None) or key_of(str(account))
        fields = {"account": account, "key": key, "nonce": nonce, "valid_until_s": until, **fields}
        words = getattr(encode, name)(**fields)
        low = 2**248 - 1
        self.words.append(self.sign(words, signer, fields.get("x", 0) & low, fields.get("y", 0) & low))

    def place(self, account: int, instrument: int, flags: int, price: int, size: int, slot: int = 0) -> None:
        """Send a PlaceOrder; prices and sizes in ticks and lots."""
        self.send(
            "place_order",
            account,
            slot=slot,
            instrument=instrument,
            flags=flags,
            price_ticks=price,
            size_lots=size,
            good_for_s=0,
        )

    def cancel(
        self, account: int, mode: int, slot: int = 0, generation: int = 0, instrument: int = 0
    ) -> None:
        """Send a Cancel."""
        self.send("cancel", account, mode=mode, slot=slot, generation=generation, instrument=instrument)

    def approve(self, proposal: bytes, staged: int = 0, signers: tuple[int, ...] = (0, 1)) -> None:
        """Send a proposal and its approvals."""
        crypto = self.machine.crypto
        assert isinstance(crypto, NativeCrypto)
        self.words.append(proposal)
        text = message(crypto.domain, payload_element(proposal), staged, 1)
        for signer in signers:
            words = encode.approve(signer=signer)
            self.words.append(with_signature(words, key_of(f"signer {signer}").sign(text)))

    def tick(self, seconds: int, moves: tuple[int, int] = (0, 0)) -> None:
        """Move the clock and bring an index tick of each underlying, moved by `moves` ticks."""
        self.clock_ms += seconds * 1000
        self.words.append(encode.tick(time_ms=self.clock_ms))
        now_s = self.clock_ms // 1000
        for u in range(2):
            since = now_s - self.tick_times_s[u] if self.tick_times_s[u] else 0
            self.cumulative[u] += self.indices[u] * since
            self.indices[u] += moves[u]
            self.tick_times_s[u] = now_s
            self.approve(
                encode.index_tick(
                    underlying=u, time_s=now_s, index_ticks=self.indices[u], cumulative=self.cumulative[u]
                )
            )

    def sheet(self, underlying: int, entries: list[dict[str, Any]]) -> None:
        """Fill and flip a sheet."""
        running = 0
        for n, entry in enumerate(entries):
            words = encode.sheet_entry(underlying=underlying, first=int(n == 0), **entry)
            running = absorb_entry(running, words)
            self.words.append(words)
        self.sheets[underlying] += 1
        flip = encode.flip(
            underlying=underlying,
            number=self.sheets[underlying],
            reference_index_ticks=self.indices[underlying],
            time_s=self.clock_ms // 1000,
            count=len(entries),
        )
        self.approve(flip, running)

    # ---- running

    def run(self, source: int, words: bytes) -> None:
        """Run one segment through codec, signature check and machine."""
        segment = decode_segment(source, words)
        prepare(segment, self.machine)
        self.machine.run(segment)

    def take_words(self) -> bytes:
        """What was sent since the last call."""
        words = b"".join(self.words)
        self.words = []
        return words

    def root(self) -> bytes:
        """Root of the state, with the tree brought up to date."""
        return self.tree.update(*self.machine.take_dirty())


def entry(instrument: int, mark: int, delta: int, gamma: int, span: int) -> dict[str, Any]:
    """A sheet entry whose 16 scenarios rise in even steps from -span to span, in the sign of delta."""
    steps = [(2 * k - 15) * span // 15 for k in range(16)]
    if delta < 0:
        steps.reverse()
    steps = [max(step, -mark) if delta > -10_000 and abs(delta) < 10_000 else step for step in steps]
    return {
        "instrument": instrument,
        "mark_ticks": mark,
        "delta": delta,
        "gamma": gamma,
        "scenarios": steps,
    }


def btc_entries(shift: int = 0) -> list[dict[str, Any]]:
    """Entries of the four BTC instruments, marks moved by `shift`."""
    return [
        entry(CALL, 200_000 + shift, 5_000, 300, 700_000),
        entry(PUT, 180_000 + shift, -5_000, 300, 700_000),
        entry(FUTURE, 9_020_000 + shift, 10_000, 0, 1_350_000),
        entry(PERPETUAL, 9_000_000 + shift, 10_000, 0, 1_350_000),
    ]


def eth_entries() -> list[dict[str, Any]]:
    """The entry of the one ETH instrument."""
    return [entry(ETH_CALL, 9_000, 4_000, 500, 40_000)]


def build_genesis() -> World:
    """The genesis state: three signers, two underlyings."""
    machine = Machine(32, NativeCrypto(CHAIN_ID, ROLLUP))
    signers = [key_of(f"signer {k}").public for k in range(SIGNERS)]
    apply_genesis(machine.state, signers, THRESHOLD, 2, CLOCK_MS)
    world = World(machine, Tree())
    world.root()
    return world


def inbox_words() -> bytes:
    """Deposits and keys of the four accounts."""
    parts = []
    for account in (ALICE, BOB, CAROL, DAVE):
        parts.append(encode.deposit(account=account, owner=0xA000 + account, amount_micros=50_000_000_000))
        x, y = key_of(str(account)).public
        parts.append(encode.set_key_inbox(account=account, slot=0, scope=15, expiry_s=0, x=x, y=y))
    return b"".join(parts)


def list_market(world: World) -> None:
    """Words that list five instruments and put a sheet on each underlying."""
    world.tick(1)
    rows = [
        (CALL, 0, 0, 9_000_000, EXPIRY_S, 100, 10),
        (PUT, 1, 0, 9_000_000, EXPIRY_S, 100, 10),
        (FUTURE, 2, 0, 0, EXPIRY_S, 50, 1),
        (PERPETUAL, 3, 0, 0, 0, 50, 1),
        (ETH_CALL, 0, 1, 310_000, EXPIRY_S, 20, 100),
    ]
    for instrument, kind, underlying, strike, expiry_s, step, lots in rows:
        world.approve(
            encode.list_instrument(
                instrument=instrument,
                type=kind,
                underlying=underlying,
                strike_ticks=strike,
                expiry_s=expiry_s,
                tick_step=step,
                lot_step=lots,
                min_size_lots=lots,
            )
        )
    world.sheet(0, btc_entries())
    world.sheet(1, eth_entries())


def build_market() -> World:
    """A world in which the four accounts can trade."""
    world = build_genesis()
    world.machine.begin_batch(CLOCK_MS + 10**9, 0)
    world.run(int(G.INBOX), inbox_words())
    list_market(world)
    world.run(int(G.SEQUENCED), world.take_words())
    world.root()
    world.machine.state.clear_outputs()
    return world


def rebuild(world: World) -> Machine:
    """A machine made again from the world's pages alone."""
    numbers, _kinds, fields = world.machine.export_pages()
    return build_machine(32, world.machine.crypto, numbers, fields)
