"""The machine and the naive model side by side: each operation goes to both, and they must agree."""

from __future__ import annotations

import copy
import pickle
from collections import Counter
from collections.abc import Callable, Sequence

from librt.vecs import vec
from mypy_extensions import i64

from miletus.engine import audit, layout, segment
from miletus.engine.genesis import apply_genesis
from miletus.engine.machine import Machine, build_machine
from miletus.engine.reasons import Reason
from miletus.engine.segment import Segment
from miletus.engine.state import State
from tests.engine.levels import check_levels
from tests.engine.naive import Naive
from tests.engine.naive_book import Receipt
from tests.engine.naive_margin import EMPTY, SETTLED
from tests.engine.records import Record, make_segment
from tests.engine.support import FoldCrypto, View, get_engine_view, get_pages

CAPACITY = 48
SIGNERS, THRESHOLD = 4, 3
START_MS = 1_772_434_200_000
"""2026-03-02 06:50:00 UTC, in milliseconds."""


Outputs = tuple[list[tuple[int, ...]], list[tuple[int, ...]]]
"""Receipts and events."""


class Disagreement(AssertionError):
    """The machine did not do what the naive model did."""


class Pair:
    """Both implementations, from one genesis on."""

    def __init__(self, underlyings: int = 2, clock_ms: int = START_MS) -> None:
        self.naive = Naive(SIGNERS, THRESHOLD, underlyings)
        self.naive.world.clock_ms = clock_ms
        self.machine = Machine(CAPACITY, FoldCrypto())
        apply_genesis(self.machine.state, [(7, k) for k in range(SIGNERS)], THRESHOLD, underlyings, clock_ms)
        self.reasons: Counter[tuple[int, Reason]] = Counter()
        self.counted = True
        """Whether open interest is that of the positions: no test has set it apart."""
        self.on_events: Callable[[], None] = nothing
        """Called while the events of the operations that were just sent are still there."""
        self.begin_batch(clock_ms + 3_600_000, 0)

    def begin_batch(self, time_bound_ms: int, clock_floor_ms: int) -> None:
        self.naive.begin_batch(time_bound_ms, clock_floor_ms)
        self.machine.begin_batch(time_bound_ms, clock_floor_ms)

    def end_batch(self) -> None:
        self.naive.end_batch()
        self.machine.end_batch()

    # ---- operations

    def send(self, *records: Record, source: int = segment.SEQUENCED) -> list[Receipt]:
        """Carry out operations as one segment in both, and compare receipts and sums."""
        self.machine.state.clear_outputs()
        self.machine.run(make_segment(source, records))
        self.on_events()
        return self.compare(source, records)

    def send_stepwise(self, records: Sequence[Record], limits: Sequence[int], source: int) -> list[Receipt]:
        """As `send`, in bursts of at most `limits` steps (cycled), rebuilt from pages after each."""
        whole = make_segment(source, records)
        outputs: Outputs = ([], [])
        self.machine.state.clear_outputs()
        self.machine.start(whole)
        burst = 0
        while not self.machine.run_steps(limits[burst % len(limits)]):
            self.take_outputs(outputs)
            self.rebuild(whole)
            burst += 1
        self.take_outputs(outputs)
        return self.compare(source, records, outputs)

    def take_outputs(self, outputs: Outputs) -> None:
        """Move what the machine put out so far behind what it put out before."""
        self.machine.flush()
        for taken, new in zip(outputs, read_outputs(self.machine.state), strict=True):
            taken += new
        self.machine.state.clear_outputs()

    def rebuild(self, running: Segment | None = None) -> None:
        """Write the machine to pages and go on with a new one that was made from them."""
        record, pages = self.machine.state.r_record, get_pages(self.machine)
        self.take_pages(pages)
        if running is not None:
            self.machine.resume(running, record)
        if get_pages(self.machine) != pages:
            raise Disagreement("pages after a rebuild are not those it was made from")

    def compare(
        self, source: int, records: Sequence[Record], outputs: Outputs | None = None
    ) -> list[Receipt]:
        state = self.machine.state
        found, happened = outputs or read_outputs(state)
        expected: list[Receipt] = []
        events: list[tuple[int, ...]] = []
        for number, record in enumerate(records):
            expected.append(self.naive.execute(source, record))
            events += [(kind, number, *rest) for kind, *rest in self.naive.world.events]
            self.reasons[record["kind"], Reason(expected[-1][0])] += 1
        if found != expected:
            raise Disagreement(f"{records}: machine {found}, naive model {expected}")
        if happened != events:
            raise Disagreement(f"{records}: events of the machine {happened}, of the naive model {events}")
        if not audit.is_conserved(state):
            raise Disagreement(f"{records}: money is not conserved (01-R06)")
        if audit.find_unbalanced(state) >= 0:
            raise Disagreement(f"{records}: positions of an instrument don't sum to zero (01-R07)")
        return expected

    def edit_page(self, number: int, changes: dict[int, int]) -> None:
        """Put values into fields of one of the machine's pages."""
        pages = get_pages(self.machine)
        page = pages.setdefault(number, [0] * 64)
        for place, value in changes.items():
            page[place] = value
        self.take_pages(pages)

    def take_pages(self, pages: dict[int, list[int]]) -> None:
        """Go on with a new machine made from pages; the inputs of the batch and its outbox are no state."""
        old = self.machine.state
        self.machine = make_machine(pages)
        state = self.machine.state
        state.time_bound_ms, state.clock_floor_ms = old.time_bound_ms, old.clock_floor_ms
        state.outbox = old.outbox

    def move_cash(self, account: int, to: int, amount: int) -> None:
        """Move cash by hand, in both: to where no word could bring it, with the sum of all kept."""
        for number, change in ((account, -amount), (to, amount)):
            holder = self.naive.world.get_account(number)
            holder.cash += change
            self.edit_page(number * int(layout.ACCOUNT_PAGES), {int(layout.CASH): holder.cash})

    def set_open_interest(self, instrument: int, lots: int) -> None:
        """Set the count of open interest apart from the positions, in both."""
        self.naive.world.instruments[instrument].open_interest = lots
        book = layout.INSTRUMENT_REGION + 2 * instrument + 1
        self.edit_page(book, {int(layout.OPEN_INTEREST): lots})
        self.counted = False

    # ---- whole states

    def check(self) -> None:
        """Compare the whole state, field by field, and count money and positions from the pages alone."""
        found, expected = get_engine_view(self.machine), self.naive.view()
        difference = find_difference(found, expected)
        if difference:
            raise Disagreement(difference)
        check_levels(self.machine.state)
        outbox = list(self.machine.state.outbox)
        if outbox != self.naive.world.outbox:
            raise Disagreement(f"outbox: machine {outbox}, naive model {self.naive.world.outbox}")
        check_sums(found, self.counted)

    def copy(self) -> Pair:
        """Another pair with the same state, so that a world is built once."""
        return restore(self.save())

    def save(self) -> bytes:
        state = self.machine.state
        rest = (state.time_bound_ms, state.clock_floor_ms, state.outbox, self.counted)
        return pickle.dumps((self.naive, get_pages(self.machine), rest))


def nothing() -> None:
    """Do nothing."""


def read_outputs(state: State) -> Outputs:
    receipts = [state.receipts[k] for k in range(4 * state.receipt_count)]
    events = [state.events[k] for k in range(8 * state.event_count)]
    return (
        [tuple(receipts[k : k + 4]) for k in range(0, len(receipts), 4)],
        [tuple(events[k : k + 8]) for k in range(0, len(events), 8)],
    )


def make_machine(pages: dict[int, list[int]]) -> Machine:
    numbers = vec[i64](list(pages))
    fields = vec[i64]([value for page in pages.values() for value in page])
    return build_machine(CAPACITY, FoldCrypto(), numbers, fields)


def restore(saved: bytes) -> Pair:
    pair = copy.copy(PROTOTYPE)
    pair.naive, pages, rest = pickle.loads(saved)
    pair.machine = make_machine(pages)
    state = pair.machine.state
    state.time_bound_ms, state.clock_floor_ms, state.outbox, pair.counted = rest
    pair.reasons, pair.on_events = Counter(), nothing
    return pair


PROTOTYPE = Pair()


def find_difference(found: object, expected: object, path: str = "state") -> str:
    """Name the first place where two views part, or nothing."""
    if isinstance(found, dict) and isinstance(expected, dict):
        for key in sorted(found.keys() | expected.keys(), key=str):
            if key not in found or key not in expected:
                return f"{path}.{key} is only in {'the machine' if key in found else 'the naive model'}"
            difference = find_difference(found[key], expected[key], f"{path}.{key}")
            if difference:
                return difference
        return ""
    return "" if found == expected else f"{path}: machine {found}, naive model {expected}"


def check_sums(view: View, counted: bool = True) -> None:
    """01-R06 and 01-R07, and that what is counted beside the lists is what the lists hold."""
    accounts, instruments, header = view["accounts"], view["instruments"], view["header"]
    money = sum(account["cash"] + account["locked"] for account in accounts.values())
    money += sum(item["clearing_cash"] for item in instruments.values())
    assert money == header["deposited"] - header["withdrawn"], "01-R06"
    longs: Counter[int] = Counter()
    shorts: Counter[int] = Counter()
    for account in accounts.values():
        assert account["locked"] == 1000 * len(account["orders"])
        for held in account["positions"]:
            for instrument, size in held:
                (longs if size > 0 else shorts)[instrument] += size
    for number, item in instruments.items():
        assert longs[number] + shorts[number] + item["clearing_position"] == 0, "01-R07"
        if counted:
            assert item["open_interest"] == longs[number]
        assert item["state"] != EMPTY
        if item["state"] == SETTLED and number not in {*longs, *shorts}:
            assert item["clearing_position"] == item["clearing_cash"] == 0, "07-R05"
    for number, coin in view["underlyings"].items():
        live = [item for item in instruments.values() if item["state"] == 1 and item["underlying"] == number]
        assert coin["listed"] == len(live)
