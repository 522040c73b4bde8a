"""An order flow for the machine: a market of options under makers who requote and takers who trade.

Everything comes from a seed. Records are made decoded, so that what is measured is the machine.
"""

import hashlib
import random
from dataclasses import dataclass

from librt.vecs import vec
from mypy_extensions import i64

from miletus.engine import segment as G
from miletus.engine.crypto import Crypto
from miletus.engine.genesis import apply_genesis
from miletus.engine.machine import Machine
from miletus.engine.segment import Segment
from miletus.engine.state import State

CLOCK_MS = 1_770_000_000_000
DAY_S = 86_400
INDEX_TICKS = (9_000_000, 300_000)


class TrustingCrypto(Crypto):
    """Says yes to every signature and folds nothing: the flow measures the machine, not the field."""

    def verify_record(self, state: State, segment: Segment, record: i64, key_address: i64) -> bool:
        """Every record is signed."""
        return True

    def verify_approval(self, state: State, segment: Segment, record: i64, key_address: i64) -> bool:
        """Every approval is signed."""
        return True

    def absorb_entry(self, state: State, segment: Segment, record: i64, address: i64) -> None:
        """No running hash."""

    def absorb_receipts(self, state: State, first: i64, count: i64, address: i64) -> None:
        """No accumulator."""

    def absorb_withdrawal(self, state: State, owner_address: i64, amount: i64, address: i64) -> None:
        """No accumulator."""


@dataclass(frozen=True)
class Flow:
    """How large the market is and how its words are mixed (the rest are immediate-or-cancel orders)."""

    instruments: int = 300
    accounts: int = 1_000
    makers: int = 20
    requotes: float = 0.65
    limits: float = 0.17
    cancels: float = 0.11


def build_segment(source: int, rows: list[list[int]]) -> Segment:
    """A segment from records, each [kind, account, key, nonce, valid until, fields...]."""
    flat: list[int] = []
    for row in rows:
        record = [*row[:5], 0, 1, 1, *row[5:]]
        flat.extend([*record, *[0] * (int(G.RECORD) - len(record))])
    return Segment(source, vec[i64](flat), len(rows), b"")


def build_world(flow: Flow) -> Machine:
    """A machine with funded accounts, listed instruments and a sheet in force on both underlyings."""
    machine = Machine(flow.accounts + 16, TrustingCrypto())
    apply_genesis(machine.state, [(1, 1)], 1, 2, CLOCK_MS)
    machine.begin_batch(CLOCK_MS + 10**12, 0)
    inbox: list[list[int]] = []
    for a in range(16, 16 + flow.accounts):
        cash = 2 * 10**15 if a < 16 + flow.makers else 5 * 10**13
        inbox.append([int(G.DEPOSIT), a, 0, 0, 0, a, 0, 0, 0, cash])
        inbox.append([int(G.SET_KEY_INBOX), a, 0, 0, 0, 0, 15, 0, *([7] * 10)])
    machine.run(build_segment(int(G.INBOX), inbox))
    now_s = CLOCK_MS // 1000
    approve = [int(G.APPROVE), 0, 0, 0, 0, 0]
    rows: list[list[int]] = []
    for u, index in enumerate(INDEX_TICKS):
        rows += [[int(G.INDEX_TICK), 0, 0, 0, 0, u, now_s, index, 1], approve]
    expiry_s = (now_s // DAY_S + 30) * DAY_S + 28_800
    for i in range(flow.instruments):
        strike = INDEX_TICKS[i % 2] * (70 + i % 60) // 100
        rows += [[int(G.LIST), 0, 0, 0, 0, i, i // 2 % 2, i % 2, strike, expiry_s, 1, 1, 1], approve]
    rng = random.Random(7)
    for u in range(2):
        mine = [i for i in range(flow.instruments) if i % 2 == u]
        for n, i in enumerate(mine):
            span = INDEX_TICKS[u] // 25
            scenarios = [rng.randrange(-span, span) for _ in range(16)]
            mark = INDEX_TICKS[u] // 40
            rows.append([int(G.SHEET_ENTRY), 0, 0, 0, 0, u, int(n == 0), i, mark, 5000, 100, *scenarios])
        rows += [[int(G.FLIP), 0, 0, 0, 0, u, 1, INDEX_TICKS[u], now_s, len(mine)], approve]
    machine.run(build_segment(int(G.SEQUENCED), rows))
    receipts = machine.state.receipts
    refused = [k for k in range(machine.state.receipt_count) if receipts[4 * k] != 0]
    if refused:
        raise RuntimeError(
            f"the flow's world was refused at operation {refused[0]}: {receipts[4 * refused[0]]}"
        )
    machine.state.clear_outputs()
    return machine


def build_words(flow: Flow, count: int, seed: int = 1) -> list[list[int]]:
    """`count` signed operations: makers requote around the mark, others place, cancel and take."""
    rng = random.Random(seed)
    rows: list[list[int]] = []
    valid = CLOCK_MS // 1000 + 10_000
    for n in range(count):
        dice = rng.random()
        i = rng.randrange(flow.instruments)
        mark = INDEX_TICKS[i % 2] // 40
        width = INDEX_TICKS[i % 2] // 2_000
        side = n % 2
        if dice < flow.requotes:
            # a maker quotes 100 neighbouring instruments, both sides of each in slots of its own
            m = rng.randrange(flow.makers)
            a = 16 + m
            i = (15 * m + rng.randrange(100)) % flow.instruments
            mark = INDEX_TICKS[i % 2] // 40
            width = INDEX_TICKS[i % 2] // 2_000
            slot = 2 * ((i - 15 * m) % flow.instruments) + side
            away = rng.randrange(1, width)
            price = mark - away if side == 0 else mark + away
            rows.append([int(G.PLACE_ORDER), a, 0, n + 1, valid, slot, i, side + 64, price, 100, 0])
            continue
        a = 16 + flow.makers + rng.randrange(flow.accounts - flow.makers)
        if dice < flow.requotes + flow.limits:
            price = mark + (width // 2 - rng.randrange(2 * width)) * (1 if side == 0 else -1)
            rows.append([int(G.PLACE_ORDER), a, 0, n + 1, valid, n % 256, i, side + 64, price, 50, 0])
        elif dice < flow.requotes + flow.limits + flow.cancels:
            rows.append([int(G.CANCEL), a, 0, n + 1, valid, 0, rng.randrange(256), 0, 0])
        else:
            price = mark + width * (1 if side == 0 else -1)
            rows.append([int(G.PLACE_ORDER), a, 0, n + 1, valid, n % 256, i, side + 2, price, 40, 0])
    return rows


def count_fills(machine: Machine) -> int:
    """Fills among the machine's events."""
    events = machine.state.events
    return sum(1 for k in range(machine.state.event_count) if events[8 * k] == 1)


def compute_digest(machine: Machine) -> str:
    """SHA-256 over all pages: equal for any two builds of the machine."""
    numbers, kinds, fields = machine.export_pages()
    digest = hashlib.sha256()
    for part in (numbers, kinds, fields):
        digest.update(memoryview(part))
    return digest.hexdigest()
