"""Random chunks of operations for the circuit: the flow of the engine's own tests, with real keys.

A mirror of a pair of machine and naive model runs the same operations on a machine with real cryptography,
one after the other, and writes down what it does as vectors in the form of `vectors/machine`.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from miletus.codec import decode_segment, encode, payload_element, with_signature
from miletus.engine import layout as L
from miletus.engine import segment as G
from miletus.engine.elements import read_element
from miletus.engine.machine import Machine, build_machine
from miletus.engine.state import INBOX_STAGE_BASE, STAGE_BASE, build_zeros
from miletus.native import NativeCrypto, PrivateKey, Tree, derive_key, message, prepare
from tests.engine.flow import Flow
from tests.engine.naive import FIELD, FIELDS, SCOPE_BITS
from tests.engine.pair import SIGNERS, Pair
from tests.engine.records import LIMB, Record
from tests.engine.support import Pages, get_pages
from vectors.make_vectors import compute_changes

CHAIN_ID = 31_337
ROLLUP = "0x00000000000000000000000000000000000c4a17"
WORD = 31
LOW = 2**248 - 1

NAMES = {
    G.PLACE_ORDER: "place_order",
    G.AMEND: "amend",
    G.CANCEL: "cancel",
    G.WITHDRAW: "withdraw",
    G.TRANSFER: "transfer",
    G.SET_KEY: "set_key",
    G.QUOTE_SHEET: "quote_sheet",
    G.DEPOSIT: "deposit",
    G.SET_KEY_INBOX: "set_key_inbox",
    G.INDEX_TICK: "index_tick",
    G.SHEET_ENTRY: "sheet_entry",
    G.FLIP: "flip",
    G.LIST: "list_instrument",
    G.APPROVE: "approve",
    G.TICK: "tick",
    G.SETTLE: "settle",
    G.PADDING: "padding",
    G.LIQUIDATE: "liquidate",
    G.FUND: "fund",
}
UNITS = {
    "amount": "amount_micros",
    "price": "price_ticks",
    "size": "size_lots",
    "index": "index_ticks",
    "mark": "mark_ticks",
    "reference_index": "reference_index_ticks",
    "strike": "strike_ticks",
    "min_size": "min_size_lots",
}
FORCED_KINDS = range(0x10, 0x20)
UNKNOWN_KIND = 0x7F


def make_key(*parts: int) -> PrivateKey:
    """A key of a few numbers."""
    return derive_key(hashlib.sha256(f"miletus chunk {parts}".encode()).digest())


def put_key(page: list[int], place: int, x: int, y: int) -> None:
    """Write a key's coordinates as limbs."""
    for k in range(5):
        page[place + k] = x // LIMB**k % LIMB
        page[place + 5 + k] = y // LIMB**k % LIMB


class Mirror:
    """A machine with real keys that does what a pair does."""

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        self.keys: dict[tuple[int, int], PrivateKey] = {}
        self.signers = [make_key(k) for k in range(SIGNERS)]
        self.machine = self.build(get_pages(pair.machine))
        old = pair.machine.state
        self.machine.state.time_bound_ms = old.time_bound_ms
        self.machine.state.clock_floor_ms = old.clock_floor_ms
        self.tree = Tree()
        self.root = self.tree.update(*self.machine.take_dirty())
        self.vectors: list[dict[str, Any]] = []
        self.words: list[bytes] = []
        self.receipts: list[list[int]] = []
        self.limit_words = 2**30
        """A chunk ends with the operation that reaches so many words."""
        self.is_quiet = False
        """Whether what is done now belongs to no chunk."""
        self.source = int(G.SEQUENCED)
        self.before = self.read_pages()

    def build(self, pages: Pages) -> Machine:
        """The pair's state with keys that can sign, and hashes begun anew."""
        for number, page in pages.items():
            if number >= int(L.MACHINE_REGION):
                self.patch_machine(number - int(L.MACHINE_REGION), page)
            elif number % int(L.ACCOUNT_PAGES) == int(L.ACCOUNT_KEYS) and number < int(L.INSTRUMENT_REGION):
                self.patch_keys(number // int(L.ACCOUNT_PAGES), page)
        numbers, fields = build_zeros(len(pages)), build_zeros(64 * len(pages))
        for j, (number, page) in enumerate(pages.items()):
            numbers[j] = number
            for k, value in enumerate(page):
                fields[64 * j + k] = value
        crypto = NativeCrypto(CHAIN_ID, ROLLUP)
        return build_machine(self.pair.machine.state.capacity, crypto, numbers, fields)

    def patch_machine(self, offset: int, page: list[int]) -> None:
        """Real signers; hashes that the real machine could have."""
        if offset == int(L.MACHINE_HEADER):
            for k in range(5):
                page[int(L.OUTBOX) + k] = page[int(L.EVENTS) + k] = 0
        elif offset in (int(L.MACHINE_STAGE), int(L.MACHINE_INBOX_STAGE)):
            page[:] = [0] * 64
        elif int(L.MACHINE_SIGNERS) <= offset < int(L.MACHINE_SIGNERS) + 2:
            for k in range(4):
                signer = 4 * (offset - int(L.MACHINE_SIGNERS)) + k
                if signer < SIGNERS:
                    put_key(page, k * int(L.KEY_RECORD), *self.signers[signer].public)

    def patch_keys(self, account: int, page: list[int]) -> None:
        """A key that can sign in the place of each that is there."""
        for slot in range(4):
            place = slot * int(L.KEY_RECORD)
            if any(page[place : place + 10]):
                put_key(page, place, *self.give_key(account, slot, 0))

    def give_key(self, *parts: int) -> tuple[int, int]:
        """The coordinates of a key of these numbers, which the mirror can sign with."""
        key = make_key(*parts)
        self.keys[key.public] = key
        return key.public

    # ---- operations

    def send(self, records: Sequence[Record], source: int) -> list[tuple[int, ...]]:
        """Carry out operations and give their receipts."""
        receipts = []
        for record in records:
            if source != self.source:
                self.flush()
            self.source = source
            words = self.encode(record, source)
            self.words.append(words)
            self.machine.state.clear_outputs()
            segment = decode_segment(source, words)
            prepare(segment, self.machine)
            self.machine.run(segment)
            values = self.machine.state.receipts
            receipts.append(tuple(int(values[k]) for k in range(4)))
            self.receipts.append(list(receipts[-1]))
            full = sum(len(w) for w in self.words) >= self.limit_words * WORD
            if full or record["kind"] == int(G.INCOMPLETE):
                self.flush()
        return receipts

    def encode(self, record: Record, source: int) -> bytes:
        """The words of an operation, signed as the record says."""
        kind = record["kind"]
        if kind == int(G.UNKNOWN):
            return bytes([UNKNOWN_KIND]) + record["payload"].to_bytes(WORD - 1, "big")
        if kind == int(G.INCOMPLETE):
            return bytes([int(G.SET_KEY_INBOX if source == int(G.INBOX) else G.PLACE_ORDER)]) + bytes(
                WORD - 1
            )
        fields = {UNITS.get(name, name): record[name] for name in FIELDS.get(kind, ())}
        if kind in (int(G.DEPOSIT), int(G.SET_KEY_INBOX)):
            fields["account"] = record["account"]
        if kind in SCOPE_BITS:
            fields |= {name: record[name] for name in ("account", "key", "nonce", "valid_until_s")}
        if "x" in fields and (fields["x"] % FIELD or fields["y"] % FIELD):
            parts = (fields["account"], fields["slot"], fields["x"], fields["y"])
            fields["x"], fields["y"] = self.give_key(*parts)
        words = self.make_words(kind, fields)
        if kind in FORCED_KINDS and source == int(G.INBOX):
            return words[:WORD]
        if kind in SCOPE_BITS or kind == int(G.APPROVE):
            return self.sign(words, record, fields)
        return words

    def make_words(self, kind: int, fields: dict[str, int]) -> bytes:
        """Call the encoder of a kind."""
        given: dict[str, Any] = dict(fields)
        if kind == int(G.SHEET_ENTRY):
            given["scenarios"] = [given.pop(f"scenario_{k}") for k in range(16)]
        made: bytes = getattr(encode, NAMES[kind])(**given)
        return made

    def sign(self, words: bytes, record: Record, fields: dict[str, int]) -> bytes:
        """Sign with the key that the state has, if the record says so and the mirror can."""
        crypto = self.machine.crypto
        assert isinstance(crypto, NativeCrypto)
        if record["kind"] == int(G.APPROVE):
            key = self.signers[record["signer"]] if record["signer"] < SIGNERS else make_key(99)
            stage = INBOX_STAGE_BASE if self.source == int(G.INBOX) else STAGE_BASE
            payload = read_element(self.machine.state, stage + L.STAGED_PAYLOAD)
            staged = read_element(self.machine.state, stage + L.STAGED_HASH)
            text = message(crypto.domain, payload, staged, 1)
        else:
            key = self.find_key(record) or make_key(99)
            x, y = fields.get("x", 0) & LOW, fields.get("y", 0) & LOW
            if record["kind"] == int(G.SET_KEY):
                x, y = fields["x"] & LOW, fields["y"] & LOW
            text = message(crypto.domain, payload_element(words), x, y)
        signature = key.sign(text if record["signed"] else text + 1)
        return with_signature(words, signature)

    def find_key(self, record: Record) -> PrivateKey | None:
        """The private part of the key that the state has for a record."""
        state = self.machine.state
        account, slot = record["account"], record["key"]
        if account >= state.capacity or slot >= 4:
            return None
        at = state.key(account, slot)
        return self.keys.get((read_element(state, at + L.KEY_X), read_element(state, at + L.KEY_Y)))

    def begin_batch(self, time_bound_ms: int, clock_floor_ms: int) -> None:
        """Between two chunks: a new batch."""
        self.flush()
        self.machine.begin_batch(time_bound_ms, clock_floor_ms)
        self.start()

    def end_batch(self) -> None:
        """Between two chunks: the end of a batch."""
        self.flush()
        self.machine.end_batch()
        self.start()

    # ---- vectors

    def read_pages(self) -> dict[str, dict[str, int]]:
        """All pages: fields that are not zero, by page number and field."""
        pages = get_pages(self.machine)
        return {
            str(number): {str(k): int(v) for k, v in enumerate(page) if v}
            for number, page in sorted(pages.items())
            if any(page)
        }

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """What is done inside belongs to no chunk: what comes often would crowd out what does not."""
        self.flush()
        self.is_quiet = True
        yield
        self.flush()
        self.is_quiet = False
        self.start()

    def start(self) -> None:
        """Begin a chunk."""
        self.words, self.receipts = [], []
        if self.is_quiet:
            return
        self.root = self.tree.update(*self.machine.take_dirty())
        self.before = self.read_pages()

    def flush(self) -> None:
        """End a chunk: a vector, if anything was sent."""
        if not self.words or self.is_quiet:
            self.words, self.receipts = [], []
            return
        root = self.tree.update(*self.machine.take_dirty())
        after = self.read_pages()
        words = b"".join(self.words)
        self.vectors.append(
            {
                "name": f"chunk_{len(self.vectors)}",
                "chain_id": CHAIN_ID,
                "rollup": ROLLUP,
                "time_bound_ms": int(self.machine.state.time_bound_ms),
                "pages_before": self.before,
                "root_before": self.root.hex(),
                "segments": [
                    {
                        "source": "inbox" if self.source == int(G.INBOX) else "sequenced",
                        "words": [words[k : k + WORD].hex() for k in range(0, len(words), WORD)],
                        "receipts": self.receipts,
                        "root_after": root.hex(),
                        "outbox_accumulator": hex(read_element(self.machine.state, L.OUTBOX)),
                        "events_accumulator": hex(read_element(self.machine.state, L.EVENTS)),
                    }
                ],
                "pages_changed": compute_changes(self.before, after),
            }
        )
        self.start()


class MirroredFlow(Flow):
    """A flow whose operations a mirror carries out too; receipts are compared."""

    def __init__(self, pair: Pair, mirror: Mirror) -> None:
        super().__init__(pair)
        self.mirror = mirror
        send, begin, end = pair.send, pair.begin_batch, pair.end_batch

        def send_both(*records: Record, source: int = int(G.SEQUENCED)) -> Any:
            expected = send(*records, source=source)
            found = mirror.send(records, source)
            assert found == [tuple(int(v) for v in receipt) for receipt in expected], (
                records,
                found,
                expected,
            )
            return expected

        def begin_both(time_bound_ms: int, clock_floor_ms: int) -> None:
            begin(time_bound_ms, clock_floor_ms)
            mirror.begin_batch(time_bound_ms, clock_floor_ms)

        def end_both() -> None:
            end()
            mirror.end_batch()

        pair.send, pair.begin_batch, pair.end_batch = send_both, begin_both, end_both  # type: ignore[method-assign]
