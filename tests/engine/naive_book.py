"""The naive model's book: PlaceOrder, Amend, Cancel and matching (spec 04), over sorted lists of orders."""

from __future__ import annotations

from bisect import insort_right

from miletus.engine import events, params
from miletus.engine.reasons import Reason
from tests.engine import naive_margin as margin
from tests.engine.naive_margin import (
    BUY,
    LISTED,
    SETTLED,
    Account,
    Event,
    Instrument,
    Order,
    World,
    make_event,
)

Record = dict[str, int]
Receipt = tuple[int, int, int, int]
"""Reason, filled lots, notional micros, detail (03-R19)."""
Fill = tuple[Order, int, int, int]
"""Maker's order, lots, price in ticks, fee in micros."""

GTC, IOC, FOK = 0, 1, 2
EVICTIONS = (events.CAUSE_EXPIRED, events.CAUSE_BAND, events.CAUSE_MARGIN, events.CAUSE_REDUCE_ONLY)
NOT_REPLACED = 1 << 32
"""Added to the detail of a word that removed an order and put nothing in its place (03-R19)."""


class Book:
    """Both sides of every book, as lists of orders, best first."""

    def __init__(self, world: World) -> None:
        self.world = world

    def get_book(self, instrument: int, side: int) -> list[Order]:
        return self.world.instruments[instrument].book[side]

    def insert(self, order: Order) -> None:
        """04-R13: after the last order whose price is its own or better; its lock is taken."""
        book = self.get_book(order.instrument, order.side)
        insort_right(book, order, key=lambda other: -other.price if order.side == BUY else other.price)
        rested = (get_name(order), get_side(order), order.price, order.left, order.generation)
        self.world.events.append(make_event(events.RESTED, *rested))
        self.take_lock(order)

    def take_lock(self, order: Order) -> None:
        account = self.world.accounts[order.account]
        account.orders[order.slot] = order
        account.cash -= params.REST_LOCK_MICROS
        account.locked += params.REST_LOCK_MICROS

    def remove(self, order: Order, cause: int, told: list[Event] | None = None) -> None:
        """04-R17: the lock goes back to the owner, or to account 1 if the order was evicted."""
        removed = (get_name(order), cause, order.left, get_side(order), order.generation)
        (self.world.events if told is None else told).append(make_event(events.REMOVED, *removed))
        to_owner = cause not in EVICTIONS
        self.get_book(order.instrument, order.side).remove(order)
        account = self.world.accounts[order.account]
        del account.orders[order.slot]
        account.locked -= params.REST_LOCK_MICROS
        payee = account if to_owner else self.world.get_account(params.FEE_ACCOUNT)
        payee.cash += params.REST_LOCK_MICROS

    def get_head(self, order: Order) -> Order | None:
        """The best order of the other side, if the book has one whose price this order crosses."""
        heads = self.get_book(order.instrument, 1 - order.side)[:1]
        crossing = [head for head in heads if (head.price - order.price) * get_sign(order) <= 0]
        return crossing[0] if crossing else None

    def get_reducible(self, order: Order) -> int:
        """Lots of this order's account that the order could close."""
        item = self.world.instruments[order.instrument]
        held = self.world.accounts[order.account].get_position(item.underlying, order.instrument)
        return max(0, -held * get_sign(order))

    # ---- PlaceOrder and Amend -----------------------------------------------------------------------------

    def place_order(self, record: Record) -> Receipt:
        number, slot, flags = record["account"], record["slot"], record["flags"]
        account = self.world.accounts[number]
        replaced = flags & 64 != 0 and slot in account.orders
        if replaced:
            self.remove(account.orders[slot], events.CAUSE_REPLACED)
        reason, filled, notional = self.check_place(record), 0, 0
        if reason == Reason.OK:
            good_until_s = self.world.clock_s + record["good_for_s"] if record["good_for_s"] > 0 else 0
            order = Order(
                *(number, slot, record["instrument"], flags & 1, record["price"], record["size"], 0),
                generation=(account.generations.get(slot, 0) + 1) % params.GENERATION_SPAN,
                expiry_s=good_until_s,
                post_only=flags & 16 != 0,
                reduce_only=flags & 32 != 0,
            )
            reason, filled, notional = self.enter(order, flags >> 1 & 3, flags & 8 != 0)
        return self.make_receipt(account, slot, replaced, reason, filled, notional)

    def make_receipt(
        self, account: Account, slot: int, removed: bool, reason: Reason, filled: int, notional: int
    ) -> Receipt:
        lost = removed and filled == 0 and slot not in account.orders
        detail = account.generations.get(slot, 0) + (NOT_REPLACED if lost else 0)
        return (reason, filled, notional, detail)

    def check_place(self, record: Record) -> Reason:
        """04-R02."""
        flags, item = record["flags"], self.world.get_instrument(record["instrument"])
        time_in_force, market, post_only = flags >> 1 & 3, flags & 8, flags & 16
        if flags >= 128 or time_in_force == 3 or (post_only and (market or time_in_force != GTC)):
            return Reason.BAD_FLAGS
        if item.state not in (LISTED, SETTLED):
            return Reason.UNKNOWN_INSTRUMENT
        if self.is_over(item):
            return Reason.EXPIRED
        if margin.get_entry(self.world, item) is None:
            return Reason.NO_SHEET
        reason = check_grid(item, None if market else record["price"], record["size"])
        if reason != Reason.OK:
            return reason
        taken = record["slot"] in self.world.accounts[record["account"]].orders
        return Reason.SLOT_TAKEN if taken else Reason.OK

    def is_over(self, item: Instrument) -> bool:
        return item.state == SETTLED or (item.expiry_s != 0 and self.world.clock_s >= item.expiry_s)

    def amend(self, record: Record) -> Receipt:
        """04-R18."""
        account, slot = self.world.accounts[record["account"]], record["slot"]
        order = account.orders.get(slot)
        if order is None or order.generation != record["generation"]:
            return (Reason.ORDER_NOT_FOUND, 0, 0, account.generations.get(slot, 0))
        item = self.world.instruments[order.instrument]
        left = record["size"] - order.filled
        reason = Reason.EXPIRED if self.is_over(item) else check_grid(item, record["price"], record["size"])
        if reason == Reason.OK and record["price"] == order.price and 0 < left <= order.left:
            order.left = left
            self.world.events.append(make_event(events.REDUCED, get_name(order), left))
            return (Reason.OK, 0, 0, order.generation)
        enters = reason == Reason.OK and left > 0
        self.remove(order, events.CAUSE_REPLACED if enters else events.CAUSE_CANCELLED)
        filled = notional = 0
        if enters:
            order.price, order.left = record["price"], left
            reason, filled, notional = self.enter(order, GTC, market=False)
        return self.make_receipt(account, slot, True, reason, filled, notional)

    def enter(self, order: Order, time_in_force: int, market: bool) -> tuple[Reason, int, int]:
        """04-R03 to 04-R16: an order that passed the checks of its fields takes, and rests."""
        world, account = self.world, self.world.accounts[order.account]
        item = world.instruments[order.instrument]
        margin.refresh(world, account)
        if order.reduce_only and self.get_reducible(order) == 0:
            return (Reason.REDUCE_ONLY, 0, 0)
        if order.post_only and self.get_head(order) is not None:
            return (Reason.POST_ONLY, 0, 0)
        if market:
            mark, band = margin.compute_mark(world, item), margin.compute_band(world, item)
            order.price = mark + band if order.side == BUY else max(1, mark - band)
            time_in_force = IOC if time_in_force == GTC else time_in_force
        account.generations[order.slot] = order.generation
        fills: list[Fill] = []
        told = [] if time_in_force == FOK else world.events
        stop = self.match(order, fills, told)
        if time_in_force == FOK and order.left > 0:
            for fill in reversed(fills):
                self.undo(order, fill)
            return (Reason.NOT_FILLED, 0, 0)
        if time_in_force == FOK:  # it is told of its fills when they stand
            world.events += told
        filled = sum(lots for _, lots, _, _ in fills)
        notional = sum(lots * price for _, lots, price, _ in fills)
        reason = Reason.OK
        if order.left > 0:
            if stop is not None:
                reason = Reason.OK if filled and time_in_force == IOC else stop
            elif time_in_force == IOC:
                reason = Reason.OK if filled else Reason.NOT_FILLED
            else:
                reason = self.rest(order)
        return (reason, filled, notional)

    def match(self, taker: Order, fills: list[Fill], told: list[Event]) -> Reason | None:
        """04-R05 to 04-R12. Gives the reason of a stop, or None when nothing is left or nothing crosses."""
        handled = 0
        while taker.left > 0:
            if handled == params.MAX_MAKERS:
                return Reason.MAKER_LIMIT
            head = self.get_head(taker)
            if head is None:
                return None
            handled += 1
            if head.account == taker.account:
                self.remove(head, events.CAUSE_SELF_MATCH)
                continue
            stop = self.meet(taker, head, fills, told)
            if stop is not None:
                return stop
        return None

    def meet(self, taker: Order, head: Order, fills: list[Fill], told: list[Event]) -> Reason | None:
        """04-R07 to 04-R12 for one head: fill it, evict it, or stop."""
        world, item = self.world, self.world.instruments[taker.instrument]
        if 0 < head.expiry_s < world.clock_s:
            self.remove(head, events.CAUSE_EXPIRED)
            return None
        mark, band = margin.compute_mark(world, item), margin.compute_band(world, item)
        gain = (mark - head.price) * get_sign(taker)
        if gain > band:
            self.remove(head, events.CAUSE_BAND)
            return None
        if gain < -band:
            return Reason.BAND
        margin.refresh(world, world.accounts[head.account])
        lots = min(taker.left, head.left)
        if taker.reduce_only:
            lots = min(lots, self.get_reducible(taker))
            if lots == 0:
                return Reason.REDUCE_ONLY
        if head.reduce_only:
            lots = min(lots, self.get_reducible(head))
            if lots == 0:
                self.remove(head, events.CAUSE_REDUCE_ONLY)
                return None
        if self.compute_open_interest(taker, head, lots) > params.MAX_OPEN_INTEREST_LOTS:
            return Reason.WIDTH
        fee = margin.compute_fee(world, item, lots, head.price)
        if self.judge(head, lots, head.price, 0) != Reason.OK:
            self.remove(head, events.CAUSE_MARGIN)
            return None
        reason = self.judge(taker, lots, head.price, fee)
        if reason != Reason.OK:
            return reason
        fills.append((head, lots, head.price, fee))
        self.fill(taker, fills[-1], 1)
        met = (get_name(head), get_name(taker), get_side(taker), head.price, lots, fee)
        told.append(make_event(events.FILL, *met))
        if head.left == 0:
            self.remove(head, events.CAUSE_FILLED, told)
        return None

    def compute_open_interest(self, taker: Order, head: Order, lots: int) -> int:
        total = self.world.instruments[taker.instrument].open_interest
        for order in (taker, head):
            account, number = self.world.accounts[order.account], order.instrument
            held = account.get_position(self.world.instruments[number].underlying, number)
            total += max(0, held + lots * get_sign(order)) - max(0, held)
        return total

    def judge(self, order: Order, lots: int, price: int, fee: int, lock: int = 0) -> Reason:
        account = self.world.accounts[order.account]
        return margin.judge(self.world, account, order.instrument, lots * get_sign(order), price, fee, lock)

    def fill(self, taker: Order, fill: Fill, direction: int) -> None:
        """04-R12, forwards (1) or backwards (-1)."""
        maker, lots, price, fee = fill
        for order, fee_paid in ((maker, 0), (taker, fee)):
            signed_lots = lots * get_sign(order) * direction
            paid = signed_lots * price + fee_paid * direction
            account = self.world.accounts[order.account]
            margin.change(self.world, account, order.instrument, signed_lots, paid)
            order.left -= lots * direction
            order.filled += lots * direction
        self.world.get_account(params.FEE_ACCOUNT).cash += fee * direction

    def undo(self, taker: Order, fill: Fill) -> None:
        """04-R15: a maker that this fill used up is at the head again; one that was evicted stays away."""
        maker = fill[0]
        used_up = maker.left == 0
        self.fill(taker, fill, -1)
        if used_up:
            self.get_book(maker.instrument, maker.side).insert(0, maker)
            self.take_lock(maker)

    def rest(self, order: Order) -> Reason:
        """04-R16."""
        world, item = self.world, self.world.instruments[order.instrument]
        if not order.reduce_only and margin.is_restricted(world, item):
            return Reason.STALE
        if order.reduce_only:
            order.left = min(order.left, self.get_reducible(order))
            if order.left == 0:
                return Reason.REDUCE_ONLY
        reason = self.judge(order, order.left, order.price, 0, params.REST_LOCK_MICROS)
        if reason == Reason.OK:
            self.insert(order)
        return reason

    def cancel(self, record: Record) -> Receipt:
        """04-R19."""
        account, mode, slot = self.world.accounts[record["account"]], record["mode"], record["slot"]
        if mode > 2:
            return (Reason.BAD_FLAGS, 0, 0, 0)
        orders = [account.orders[number] for number in sorted(account.orders)]
        if mode == 0:
            orders = [order for order in orders if order.slot == slot]
            orders = [order for order in orders if record["generation"] in (0, order.generation)]
            if not orders:
                return (Reason.ORDER_NOT_FOUND, 0, 0, 0)
        if mode == 1:
            orders = [order for order in orders if order.instrument == record["instrument"]]
        for order in orders:
            self.remove(order, events.CAUSE_CANCELLED)
        return (Reason.OK, 0, 0, len(orders))


def get_name(order: Order) -> int:
    return order.account * params.SLOTS + order.slot


def get_side(order: Order) -> int:
    return 2 * order.instrument + order.side


def get_sign(order: Order) -> int:
    return 1 if order.side == BUY else -1


def check_grid(item: Instrument, price: int | None, size: int) -> Reason:
    """04-R02: price (None: not read) and size."""
    if price is not None and (not 1 <= price < params.PRICE_LIMIT or price % item.tick_step != 0):
        return Reason.BAD_PRICE
    if not item.min_size <= size <= params.MAX_ORDER_LOTS or size % item.lot_step != 0:
        return Reason.BAD_SIZE
    return Reason.OK
