"""The orders of the accounts that this gateway serves: from the words that place them to their end.

The machine keeps what rests; what an order was before, its label and its fills are kept here. Every order of
an account is seen, whichever program sent it, since all come by the same feed.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from miletus.engine import events as E
from miletus.engine import params
from miletus.engine import segment as kinds
from miletus.engine.params import GENERATION_SPAN, SLOTS
from miletus.engine.reasons import Reason
from miletus.engine.state import State
from miletus.gateway.mirror import Applied
from miletus.sequencer.query import iterate_orders

HISTORY: Final = 20_000
"""Orders of an account that are remembered after their end."""

OPEN, FILLED, CANCELLED, REJECTED = "open", "filled", "cancelled", "rejected"

_SLOTS = int(SLOTS)
_GENERATIONS = int(GENERATION_SPAN)
_PLACE, _AMEND = int(kinds.PLACE_ORDER), int(kinds.AMEND)
_FILL, _RESTED, _REMOVED, _REDUCED = int(E.FILL), int(E.RESTED), int(E.REMOVED), int(E.REDUCED)

CANCEL_REASONS: Final = {
    int(E.CAUSE_CANCELLED): "user_request",
    int(E.CAUSE_REPLACED): "user_request",
    int(E.CAUSE_SELF_MATCH): "self_trade_prevention",
    int(E.CAUSE_EXPIRED): "good_til_date_expired",
    int(E.CAUSE_BAND): "price_out_of_band",
    int(E.CAUSE_MARGIN): "margin_insufficient",
    int(E.CAUSE_REDUCE_ONLY): "reduce_only",
    int(E.CAUSE_SETTLED): "instrument_settled",
}
"""Why an order ended, by the machine's cause; words after the colon of no client's enumeration."""

TIMES_IN_FORCE: Final = ("good_til_cancelled", "immediate_or_cancel", "fill_or_kill", "good_til_cancelled")


@dataclass(slots=True)
class Meta:
    """What a client said of an order that no word carries."""

    label: str = ""
    source: str = "api"
    reject_post_only: bool = False
    mmp: bool = False


NO_META: Final = Meta()


@dataclass(slots=True, eq=False)
class Order:
    """An order. Prices in ticks, sizes in lots, money in micros, times in milliseconds."""

    account: int
    slot: int
    generation: int
    instrument: int
    side: int
    price_ticks: int
    size_lots: int
    market: bool
    time_in_force: str
    post_only: bool
    reduce_only: bool
    created_ms: int
    updated_ms: int
    number: int
    state: str = OPEN
    filled_lots: int = 0
    notional_micros: int = 0
    fee_micros: int = 0
    replaced: bool = False
    cancel_reason: str = ""
    has_ended: bool = False
    meta: Meta = field(default_factory=Meta)

    @property
    def id(self) -> str:
        """Its name: account, slot and generation as one number, which stays when it is amended."""
        return make_order_id(self.account, self.slot, self.generation)

    @property
    def is_open(self) -> bool:
        """Whether it rests."""
        return self.state == OPEN


def make_order_id(account: int, slot: int, generation: int) -> str:
    """The id of an order."""
    return f"USDC-{(account * _SLOTS + slot) * _GENERATIONS + generation}"


def parse_order_id(text: str) -> tuple[int, int, int] | None:
    """Account, slot and generation of an id; None if it is none."""
    head, _, digits = text.partition("-")
    if head != "USDC" or not digits.isascii() or not digits.isdigit() or len(digits) > 19:
        return None
    name, generation = divmod(int(digits), _GENERATIONS)
    return name // _SLOTS, name % _SLOTS, generation


class AccountOrders:
    """The orders of one account."""

    def __init__(self, account: int) -> None:
        self.account = account
        self.by_slot: dict[int, Order] = {}
        self.by_id: dict[str, Order] = {}
        self.ended: deque[Order] = deque()
        self._reserved: set[int] = set()

    def load(self, state: State, time_ms: int) -> None:
        """Begin with what rests in a state; orders that are known already keep what is known of them."""
        known, self.by_slot = self.by_slot, {}
        for view in iterate_orders(state, self.account):
            order = known.pop(view.slot, None)
            if order is None or order.generation != view.generation:
                if order is not None:
                    known[view.slot] = order
                order = Order(
                    self.account,
                    view.slot,
                    view.generation,
                    view.instrument,
                    view.side,
                    view.price_ticks,
                    view.left_lots + view.filled_lots,
                    market=False,
                    time_in_force=TIMES_IN_FORCE[0],
                    post_only=view.post_only,
                    reduce_only=view.reduce_only,
                    created_ms=time_ms,
                    updated_ms=time_ms,
                    number=0,
                    filled_lots=view.filled_lots,
                    notional_micros=view.filled_lots * view.price_ticks,
                )
            order.price_ticks, order.filled_lots = view.price_ticks, view.filled_lots
            order.size_lots = view.left_lots + view.filled_lots
            self.by_slot[view.slot] = order
            self.by_id[order.id] = order
        for order in known.values():  # ended while nobody looked
            self._end(order, CANCELLED, time_ms, "unknown")

    def forget_numbers(self) -> None:
        """Another epoch began: its words have the numbers that were known here."""
        for order in self.by_id.values():
            order.number = 0

    def reserve_slot(self) -> int | None:
        """A slot for a new order, until `release_slot`; None if all are taken."""
        for slot in range(_SLOTS):
            if slot not in self.by_slot and slot not in self._reserved:
                self._reserved.add(slot)
                return slot
        return None

    def release_slot(self, slot: int) -> None:
        """The order of a reserved slot rests, or will not."""
        self._reserved.discard(slot)

    def take(self, applied: Applied, meta: Meta | None) -> Order | None:
        """Take in an operation of this account, before its events; the order that it names, if it does."""
        words, result = applied.words, applied.result
        generation = result.detail % _GENERATIONS
        if words[0] == _PLACE:
            if not result.filled_lots and not has_rested(result.events):
                return None
            flags = words[17]
            market = bool(flags & 8)
            order = Order(
                self.account,
                words[14],
                generation,
                int.from_bytes(words[15:17]),
                flags & 1,
                0 if market else int.from_bytes(words[18:22]),
                int.from_bytes(words[22:26]),
                market=market,
                time_in_force=TIMES_IN_FORCE[flags >> 1 & 3],
                post_only=bool(flags & 16),
                reduce_only=bool(flags & 32),
                created_ms=applied.time_ms,
                updated_ms=applied.time_ms,
                number=applied.number,
                meta=meta or Meta(),
            )
            self.by_id[order.id] = order
            return order
        if words[0] == _AMEND:
            found = self.by_slot.get(words[14])
            if found is not None and found.generation == int.from_bytes(words[15:19]):
                if result.reason == Reason.OK:
                    found.price_ticks = int.from_bytes(words[19:23])
                    found.size_lots = int.from_bytes(words[23:27])
                found.replaced = True
                found.updated_ms = applied.time_ms
                found.number = applied.number
                return found
        return None

    def finish(self, order: Order, applied: Applied) -> None:
        """Give the order that an operation named its state after it."""
        if order.has_ended or self.by_slot.get(order.slot) is order:
            return
        if order.filled_lots >= order.size_lots:
            self._end(order, FILLED, applied.time_ms, "")
        else:
            reason = Reason(applied.result.reason)
            why = order.time_in_force if reason in (Reason.OK, Reason.NOT_FILLED) else reason.name.lower()
            self._end(order, CANCELLED, applied.time_ms, why)

    def fill(self, order: Order, lots: int, price_ticks: int, fee_micros: int, time_ms: int) -> None:
        """Count a fill."""
        order.filled_lots += lots
        order.notional_micros += lots * price_ticks
        order.fee_micros += fee_micros
        order.updated_ms = time_ms

    def rest(self, order: Order, event: tuple[int, ...]) -> None:
        """The order rests: what is left may be less than asked, for a reduce-only one."""
        order.size_lots = order.filled_lots + event[4]
        order.price_ticks = event[3]
        order.state = OPEN
        self.by_slot[order.slot] = order

    def reduce(self, slot: int, left_lots: int) -> Order | None:
        """An Amend made a resting order smaller in its place."""
        order = self.by_slot.get(slot)
        if order is not None:
            order.size_lots = order.filled_lots + left_lots
        return order

    def remove(self, slot: int, cause: int, time_ms: int, *, amending: bool) -> Order | None:
        """An order is out of the book; one that is being amended may come back with the same word."""
        order = self.by_slot.pop(slot, None)
        if order is None or (amending and cause == E.CAUSE_REPLACED):
            return order
        if cause == E.CAUSE_FILLED:
            self._end(order, FILLED, time_ms, "")
        elif amending and order.size_lots <= order.filled_lots:  # made as small as what had filled
            order.size_lots = order.filled_lots
            self._end(order, FILLED, time_ms, "")
        else:
            self._end(order, CANCELLED, time_ms, CANCEL_REASONS.get(cause, "user_request"))
        return order

    def get(self, order_id: str) -> Order | None:
        """An order that is known."""
        return self.by_id.get(order_id)

    def get_open(self) -> list[Order]:
        """What rests, by slot."""
        return [self.by_slot[slot] for slot in sorted(self.by_slot)]

    def get_by_label(self, label: str) -> list[Order]:
        """Open orders of a label."""
        return [order for order in self.get_open() if order.meta.label == label]

    def iterate_ended(self) -> Iterator[Order]:
        """What has ended, newest first."""
        return reversed(self.ended)

    def _end(self, order: Order, state: str, time_ms: int, reason: str) -> None:
        order.state, order.cancel_reason, order.updated_ms = state, reason, time_ms
        order.has_ended = True
        self.ended.append(order)
        while len(self.ended) > HISTORY:
            self.by_id.pop(self.ended.popleft().id, None)


def has_rested(events: Iterable[tuple[int, ...]]) -> bool:
    """Whether a word left an order in the book."""
    return any(event[0] == _RESTED for event in events)


def get_account(words: bytes) -> int:
    """The account of a signed operation."""
    return int.from_bytes(words[1:4])


def is_signed(words: bytes) -> bool:
    """Whether words are a signed operation of an account."""
    return 0x10 <= words[0] <= 0x1F


LOCK_MICROS: Final = int(params.REST_LOCK_MICROS)
