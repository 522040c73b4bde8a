"""Orders from their first word to their end, and which of them rest.

An order keeps its id through every Amend. It is made by the PlaceOrder that names it, or by the event of its
resting where a word makes several.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any, Final

from miletus.engine import events as E
from miletus.engine import segment as G
from miletus.engine.params import GENERATION_SPAN, SLOTS
from miletus.engine.reasons import Reason
from miletus.indexer.rerun import Outcome

OPEN, FILLED, CANCELLED, REJECTED = "open", "filled", "cancelled", "rejected"

UNAUTHORISED: Final = frozenset(range(int(Reason.UNKNOWN_ACCOUNT), int(Reason.BAD_SIGNATURE) + 1))
"""Reasons that say that the account's owner did not ask for this: it leaves no order of his."""

FORFEITS: Final = frozenset(
    int(cause) for cause in (E.CAUSE_EXPIRED, E.CAUSE_BAND, E.CAUSE_MARGIN, E.CAUSE_REDUCE_ONLY)
)
"""Causes of a removal that cost the lock (spec 04-R17)."""


@dataclass(slots=True)
class Order:
    """A row of `orders`, in the order of its columns."""

    id: int
    number: int
    account: int
    slot: int
    generation: int
    instrument: int
    side: int
    type: int
    time_in_force: int
    post_only: int
    reduce_only: int
    price_ticks: int
    size_lots: int
    filled_lots: int
    notional_micros: int
    expiry_s: int
    state: str
    reason: int
    cause: int
    created_ms: int
    updated_ms: int
    updated_id: int
    amendments: int
    arrival_ms: int | None

    @property
    def name(self) -> int:
        """Account x 256 + slot, as events name it."""
        return self.account * int(SLOTS) + self.slot

    def row(self) -> tuple[Any, ...]:
        """Its values in the order of the columns."""
        row: tuple[Any, ...] = _get_row(self)
        return row


_get_row: Final = attrgetter(*(field.name for field in fields(Order)))  # astuple takes 30 times as long


class Orders:
    """The orders that rest, by name, and what the running batch changed.

    `changed` has orders by id since they were last written; `before` the rows, as they were, of those orders
    of earlier batches that this batch changed, since it was last emptied.
    """

    def __init__(self, resting: Iterable[Order], first_id: int) -> None:
        self.resting = {order.name: order for order in resting}
        self.changed: dict[int, Order] = {}
        self.before: dict[int, tuple[Any, ...]] = {}
        self._noted: set[int] = set()
        self._first_id = first_id
        self._current: Order | None = None
        self._now = (0, 0, 0)

    def begin_batch(self, first_id: int) -> None:
        """Note changes anew: a batch begins, whose rows have this id or more."""
        self._first_id = first_id
        self._noted.clear()

    def begin(self, outcome: Outcome, row_id: int, number: int, arrival_ms: int | None) -> None:
        """An operation begins."""
        self._now = (row_id, outcome.clock_ms, number)
        self._current = None
        if outcome.reason in UNAUTHORISED:
            return
        if outcome.kind == G.PLACE_ORDER:
            self._current = self._place(outcome, row_id, number, arrival_ms)
        elif outcome.kind == G.AMEND:
            f = outcome.record
            order = self.resting.get(f[G.R_ACCOUNT] * int(SLOTS) + f[G.R_FIELDS])
            if order is not None and order.generation == f[G.R_FIELDS + 1]:
                self._current = order

    def find(self, name: int) -> Order | None:
        """The order that an event means: that of the operation, or one that rests."""
        if self._current is not None and self._current.name == name:
            return self._current
        return self.resting.get(name)

    def fill(self, order: Order | None, price_ticks: int, lots: int) -> None:
        """An order was filled."""
        if order is not None:
            self._touch(order)
            order.filled_lots += lots
            order.notional_micros += price_ticks * lots

    def rest(self, event: tuple[int, ...]) -> None:
        """An order rests (E.RESTED)."""
        _, name, book, price, left, generation, _ = event
        order = self._current
        if order is None or order.name != name:
            order = self._make(name, book, price, left, generation)
        self._touch(order)
        order.generation, order.state, order.cause = generation, OPEN, 0
        order.size_lots = order.filled_lots + left
        self.resting[name] = order

    def remove(self, event: tuple[int, ...]) -> Order | None:
        """An order left its book (E.REMOVED)."""
        _, name, cause, _, _, _, _ = event
        order = self.resting.pop(name, None)
        if order is None:
            return None
        self._touch(order)
        order.state = FILLED if cause == E.CAUSE_FILLED else CANCELLED
        order.cause = cause
        return order

    def reduce(self, event: tuple[int, ...]) -> None:
        """An order became smaller in its place (E.REDUCED)."""
        order = self.resting.get(event[1])
        if order is not None:
            self._touch(order)
            order.size_lots = order.filled_lots + event[2]

    def end(self, outcome: Outcome) -> None:
        """The operation ends: say what became of its order."""
        order = self._current
        self._current = None
        if order is None:
            return
        self._touch(order)
        order.reason = outcome.reason
        if outcome.kind == G.PLACE_ORDER:
            order.generation = outcome.detail % int(GENERATION_SPAN)
            if self.resting.get(order.name) is not order:
                order.state = _end_state(order, outcome.reason)
            return
        if outcome.reason in (Reason.EXPIRED, Reason.BAD_PRICE, Reason.BAD_SIZE):
            return  # removed as it was
        order.amendments += 1
        order.price_ticks = outcome.record[G.R_FIELDS + 2]
        if self.resting.get(order.name) is not order:
            order.size_lots = max(outcome.record[G.R_FIELDS + 3], order.filled_lots)
            order.state = FILLED if 0 < order.filled_lots == order.size_lots else CANCELLED

    def take_changed(self) -> list[tuple[Any, ...]]:
        """Rows to be written."""
        rows = [order.row() for order in self.changed.values()]
        self.changed = {}
        return rows

    def take_before(self) -> list[tuple[Any, ...]]:
        """Rows of earlier batches as they were before this one."""
        rows = list(self.before.values())
        self.before = {}
        return rows

    def _touch(self, order: Order) -> None:
        if order.id < self._first_id and order.id not in self._noted:
            self._noted.add(order.id)
            self.before[order.id] = order.row()
        order.updated_id, order.updated_ms, _ = self._now
        self.changed[order.id] = order

    def _place(self, outcome: Outcome, row_id: int, number: int, arrival_ms: int | None) -> Order:
        f, at, clock_ms = outcome.record, int(G.R_FIELDS), outcome.clock_ms
        flags, good_for_s = f[at + 2], f[at + 5]
        return Order(
            id=row_id,
            number=number,
            account=f[G.R_ACCOUNT],
            slot=f[at],
            generation=0,
            instrument=f[at + 1],
            side=flags & 1,
            type=flags >> 3 & 1,
            time_in_force=flags >> 1 & 3,
            post_only=flags >> 4 & 1,
            reduce_only=flags >> 5 & 1,
            price_ticks=f[at + 3],
            size_lots=f[at + 4],
            filled_lots=0,
            notional_micros=0,
            expiry_s=clock_ms // 1000 + good_for_s if good_for_s else 0,
            state=REJECTED,
            reason=0,
            cause=0,
            created_ms=clock_ms,
            updated_ms=clock_ms,
            updated_id=row_id,
            amendments=0,
            arrival_ms=arrival_ms,
        )

    def _make(self, name: int, book: int, price: int, left: int, generation: int) -> Order:
        """An order of a word that makes several: only its event tells of it."""
        row_id, clock_ms, number = self._now
        while row_id in self.changed:
            row_id += 1
        account, slot = divmod(name, int(SLOTS))
        instrument, side = divmod(book, 2)
        return Order(
            row_id, number, account, slot, generation, instrument, side, 0, 0, 0, 0, price, left, 0, 0, 0,
            OPEN, 0, 0, clock_ms, clock_ms, row_id, 0, None,
        )  # fmt: skip


def _end_state(order: Order, reason: int) -> str:
    """State of a new order that does not rest."""
    if order.filled_lots >= order.size_lots > 0:
        return FILLED
    if order.filled_lots or reason in (Reason.OK, Reason.NOT_FILLED):
        return CANCELLED
    return REJECTED
