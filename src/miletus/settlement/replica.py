"""A machine and its tree, executing batches as L1 fixes them: what every claim is compared with."""

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from librt.vecs import vec
from mypy_extensions import i64

from miletus.engine import events as E
from miletus.engine import layout as L
from miletus.engine.audit import find_unbalanced, is_conserved
from miletus.engine.elements import read_element
from miletus.engine.machine import Machine, build_machine
from miletus.engine.packing import compute_page_kind
from miletus.engine.segment import INBOX, SEQUENCED
from miletus.engine.state import EVENT
from miletus.native import NativeCrypto, Tree, decode_parts, prepare
from miletus.settlement.commitment import Claim, Withdrawal
from miletus.settlement.genesis import Genesis

PAGE_BYTES: Final = 8 * int(L.PAGE)
"""Bytes of a page's 64 integers, in this machine's byte order."""

Pages = dict[int, bytes]
"""Pages by number."""


@dataclass(frozen=True, slots=True)
class BatchInputs:
    """What the machine is given for a batch. `segments[0]` is the inbox segment's words, 31 bytes each."""

    time_bound_ms: int
    clock_floor_ms: int
    segments: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What a batch does: the claim at each segment's end, its withdrawals, and the pages it changed."""

    claims: tuple[Claim, ...]
    outbox: tuple[Withdrawal, ...]
    pages: Pages
    operations: int
    fills: int


class Replica:
    """The state after some batch."""

    def __init__(self, machine: Machine, tree: Tree) -> None:
        crypto = machine.crypto
        assert isinstance(crypto, NativeCrypto)
        self._machine = machine
        self._crypto = crypto
        self._tree = tree
        # one thread, so that roots are computed in the order of segments
        self._hashing = ThreadPoolExecutor(1, thread_name_prefix="roots")

    @classmethod
    def from_genesis(cls, genesis: Genesis, crypto: NativeCrypto) -> "Replica":
        """The first state."""
        machine = genesis.build_machine(crypto)
        tree = Tree()
        tree.update(*machine.take_dirty())
        return cls(machine, tree)

    @classmethod
    def from_pages(cls, pages: Mapping[int, bytes], crypto: NativeCrypto) -> "Replica":
        """A state from its pages."""
        numbers = vec[i64](list(pages))
        flat: list[int] = []
        for page in pages.values():
            flat.extend(memoryview(page).cast("q"))
        fields = vec[i64](flat)
        machine = build_machine(0, crypto, numbers, fields)
        machine.take_dirty()
        tree = Tree()
        tree.update(numbers, [compute_page_kind(number) for number in pages], fields)
        return cls(machine, tree)

    @property
    def machine(self) -> Machine:
        """The machine, idle."""
        return self._machine

    @property
    def root(self) -> bytes:
        """Root of the state."""
        return self._tree.root()

    @property
    def clock_ms(self) -> int:
        """The machine's clock."""
        return int(self._machine.state.cells[L.CLOCK_MS])

    @property
    def deposited_micros(self) -> int:
        """Deposits that were consumed."""
        return int(self._machine.state.cells[L.DEPOSITED])

    @property
    def withdrawn_micros(self) -> int:
        """Withdrawals that were put out."""
        return int(self._machine.state.cells[L.WITHDRAWN])

    def execute(self, batch: BatchInputs) -> BatchResult:
        """Carry out a batch; the state is the next one afterwards."""
        machine = self._machine
        machine.begin_batch(batch.time_bound_ms, batch.clock_floor_ms)
        roots: list[Future[bytes]] = []
        outboxes: list[int] = []
        pages: Pages = {}
        operations = fills = 0
        for j, words in enumerate(batch.segments):
            operations += self.run(SEQUENCED if j else INBOX, words)
            if j == len(batch.segments) - 1:
                machine.end_batch()
            fills += self._count_fills()
            machine.state.clear_outputs()
            outboxes.append(read_element(machine.state, L.OUTBOX))
            roots.append(self._start_root(pages))
        claims = tuple(Claim(root.result(), outbox) for root, outbox in zip(roots, outboxes, strict=True))
        outbox = tuple(
            Withdrawal(int(owner).to_bytes(20, "big"), int(amount)) for owner, amount in machine.state.outbox
        )
        return BatchResult(claims, outbox, pages, operations, fills)

    def run(self, source: int, words: bytes) -> int:
        """Carry out the words of a segment within a batch; how many operations they are."""
        operations = 0
        for part in decode_parts(self._crypto, source, words):
            prepare(part, self._machine)
            self._machine.run(part)
            operations += int(part.count)
        return operations

    def export_pages(self) -> Pages:
        """All pages that are not zero."""
        numbers, _, fields = self._machine.export_pages()
        return _to_pages(numbers, fields)

    def find_imbalance(self) -> str:
        """What breaks money's conservation or positions' zero sum (01-R06, 01-R07); empty if nothing."""
        state = self._machine.state
        if not is_conserved(state):
            return "money is not conserved"
        instrument = find_unbalanced(state)
        return "" if instrument < 0 else f"positions of instrument {instrument} don't sum to zero"

    def _start_root(self, pages: Pages) -> "Future[bytes]":
        """The root now, computed while the machine goes on; takes the pages that changed."""
        numbers, kinds, fields = self._machine.take_dirty()
        pages.update(_to_pages(numbers, fields))
        return self._hashing.submit(self._tree.update, numbers, kinds, fields)

    def _count_fills(self) -> int:
        state = self._machine.state
        kinds = memoryview(state.events)[: int(state.event_count) * int(EVENT) : int(EVENT)]
        return sum(1 for kind in kinds if kind == E.FILL)


def _to_pages(numbers: vec[i64], fields: vec[i64]) -> Pages:
    raw = memoryview(fields).cast("B")
    return {int(numbers[j]): bytes(raw[j * PAGE_BYTES : (j + 1) * PAGE_BYTES]) for j in range(len(numbers))}
