"""Flow: sequences of operations that a market could see, and that nobody should send, from a string of bytes.

An item of a flow is a few bytes. What they mean depends on the state at that moment (which orders rest, where
the mark is), so that random bytes fill, evict, amend, expire and overflow; hypothesis and a seeded generator
both give bytes, and a sequence of items can be shortened by leaving items out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from miletus.engine import params, segment
from miletus.engine.segment import INBOX, SEQUENCED
from tests.engine import naive_margin as margin
from tests.engine import worlds as w
from tests.engine.choices import Choices
from tests.engine.money_flow import HIGHEST_ACCOUNT, MoneyFlow
from tests.engine.naive import FIELDS, FORCED, SCOPE_BITS
from tests.engine.naive_margin import BUY, LISTED, SETTLED, Instrument
from tests.engine.pair import Pair
from tests.engine.records import Record, get_range, make

ITEM = 24
"""Bytes of an item."""

KINDS = (*FIELDS, segment.PADDING, segment.QUOTE_SHEET, segment.LIQUIDATE, segment.FUND)
GARBAGE_KINDS = (*KINDS, segment.UNKNOWN, segment.INCOMPLETE)
SIZES = (1, 2, 3, 5, 10, 20, 100, 1000, 5000, 20_000)
HIGHEST_NONCE = 2**40 - 1


class Flow(MoneyFlow):
    """Turns items into operations, and sends them to both implementations of a pair."""

    def __init__(self, pair: Pair, limits: Sequence[int] | None = None) -> None:
        super().__init__(pair)
        self.limits = limits
        """Steps between two rebuilds from pages, cycled; None to run whole segments."""
        self.words = 0
        self.items = [action for count, action in self.get_table() for _ in range(count)]

    def get_table(self) -> list[tuple[int, Callable[[], None]]]:
        return [
            (70, self.place_near),
            (40, self.place_across),
            (16, self.amend),
            (4, self.place_badly),
            (10, self.cancel),
            (4, self.place_ladder),
            (1, self.place_wall),
            (6, self.sweep_book),
            (4, self.close_behind),
            (8, self.close_position),
            (5, self.withdraw),
            (5, self.transfer),
            (10, self.pass_seconds),
            (1, self.pass_long),
            (1, self.pass_to_reading),
            (14, self.move_index),
            (6, self.publish),
            (4, self.publish_badly),
            (2, self.publish_early),
            (4, self.settle),
            (3, self.list_instrument),
            (4, self.roll),
            (4, self.approve_again),
            (10, self.send_garbage),
            (4, self.deposit),
            (3, self.change_key),
            (3, self.use_short_key),
            (4, self.repair_key),
            (2, self.change_batch),
            (1, self.withdraw_often),
        ]

    def step(self, data: bytes) -> None:
        """Carry out one item."""
        self.choices = Choices(data)
        self.mutates = self.choices.pick(16) == 15
        self.choices.of(self.items)()

    def send(self, *records: Record, source: int = SEQUENCED) -> None:
        """Send operations, one of them spoiled if this item is to spoil something."""
        sent = list(records)
        if self.mutates and sent:
            self.mutates = False
            place = self.choices.pick(len(sent))
            sent[place] = self.spoil(sent[place])
        if len(sent) == 1 and sent[0]["kind"] in SCOPE_BITS and self.choices.one_in(16):
            key = self.choices.of((1, 2, 3))
            sent[0] = sent[0] | {"key": key, "nonce": self.get_nonce(sent[0]["account"], key) + 1}
        if source == SEQUENCED and self.choices.one_in(24) and all(r["kind"] in FORCED for r in sent):
            source = INBOX
        # no word says a higher nonce: a key whose nonces are used up is of no use any more (03-R08)
        sent = [record | {"nonce": min(record["nonce"], HIGHEST_NONCE)} for record in sent]
        self.words += len(sent)
        if self.limits is None:
            self.pair.send(*sent, source=source)
        else:
            self.pair.send_stepwise(sent, self.limits, source)

    def spoil(self, record: Record) -> Record:
        """Put another value into one field, or take the signature away."""
        if self.choices.one_in(4):
            return record | {"signed": 0}
        names = [
            *FIELDS.get(record["kind"], ()),
            *(("nonce", "valid_until_s", "key", "account") * (record["kind"] in SCOPE_BITS)),
        ]
        if not names:
            return record
        name = self.choices.of(names)
        if name == "account" and record["kind"] == segment.DEPOSIT:
            return record
        return record | {name: self.pick_value(record["kind"], name)}

    def pick_value(self, kind: int, name: str) -> int:
        headers = {
            "nonce": (0, HIGHEST_NONCE),
            "valid_until_s": (0, 2**32 - 1),
            "key": (0, 255),
            "account": (0, 2**24 - 1),
        }
        least, greatest = headers[name] if name in headers else get_range(kind, name)
        return self.choices.between(least, greatest)

    # ---- orders

    def pick_account(self) -> int:
        accounts = (*w.TRADERS, w.WHALE, w.WHALE + 1)
        return (
            self.choices.of(accounts)
            if not self.choices.one_in(60)
            else self.choices.of((15, 1, 0, 99, 262_144))
        )

    def pick_instrument(self) -> int:
        live = [number for number, item in self.world.instruments.items() if item.state == LISTED]
        if not live or self.choices.one_in(60):
            return self.choices.of((*self.world.instruments, 4_000, 4_096, 65_535))
        return self.choices.of(live[:14] if self.choices.pick(2) else live)

    def pick_price(self, item: Instrument, side: int) -> int:
        """A price near the mark, at the touch, at an edge of the band, or beyond it; on the grid."""
        if margin.get_entry(self.world, item) is None:
            return item.tick_step or 1
        mark, band = margin.compute_mark(self.world, item), margin.compute_band(self.world, item)
        step, shape = item.tick_step, self.choices.pick(8)
        if shape < 3:
            price = mark + (self.choices.pick(7) - 3) * step
        elif shape < 5 and item.book[1 - side]:
            price = item.book[1 - side][0].price
        elif shape == 5:
            price = mark + self.choices.of((band, -band)) + (self.choices.pick(5) - 2) * step
        elif shape == 6:
            price = mark + (band * (self.choices.pick(41) - 20)) // 10
        else:
            price = mark + (band * (self.choices.pick(41) - 20)) // 20
        return max(step, min(price // step * step, (params.PRICE_LIMIT - 1) // step * step))

    def pick_size(self, item: Instrument, account: int, side: int) -> int:
        heads = item.book[1 - side]
        if heads and self.choices.one_in(4):
            return heads[0].left
        if account >= w.WHALE and self.choices.one_in(3):
            return params.MAX_ORDER_LOTS // item.lot_step * item.lot_step if item.lot_step else 1
        return self.choices.of(SIZES) * item.lot_step

    def pick_slot(self, account: int, taken: bool) -> int:
        orders = self.world.accounts[account].orders if account in self.world.accounts else {}
        if orders and taken:
            return self.choices.of(sorted(orders))
        free = (slot for slot in range(params.SLOTS) if slot not in orders)
        return next(free, 0) if not self.choices.one_in(30) else self.choices.of((0, 7, 8, 255))

    def place(
        self, account: int, number: int, flags: int, price: int, size: int, slot: int | None = None
    ) -> None:
        at = self.pick_slot(account, flags & 64 != 0) if slot is None else slot
        good_for_s = self.choices.of((0, 0, 0, 1, 3, 30))
        self.send(w.order(self.world, account, at, number, flags, price, size, good_for_s=good_for_s))

    def place_near(self) -> None:
        """An order that may rest."""
        account, number, side = self.pick_account(), self.pick_instrument(), self.choices.pick(2)
        item = self.world.get_instrument(number)
        flags = side | self.choices.of((0, 0, 0, 0, 16, 32, 32, 64, 64, 96, 80))
        self.place(account, number, flags, self.pick_price(item, side), self.pick_size(item, account, side))

    def place_across(self) -> None:
        """An order that takes: at market, or at the price of the other side's head or through it."""
        account, number, side = self.pick_account(), self.pick_instrument(), self.choices.pick(2)
        item = self.world.get_instrument(number)
        flags = side | self.choices.of((0, 2, 2, 4, 4, 8, 8, 12, 34, 36, 40, 44, 42, 66, 24, 6))
        heads = item.book[1 - side]
        depth = min(len(heads), 1 + self.choices.pick(6))
        price = heads[depth - 1].price if heads else self.pick_price(item, side)
        total = sum(order.left for order in heads[:depth])
        size = self.choices.of((total, total, total + item.lot_step, self.pick_size(item, account, side)))
        self.place(account, number, flags, price, min(size, params.MAX_ORDER_LOTS) or 1)

    def place_badly(self) -> None:
        """An order with one thing wrong."""
        account, number, side = self.pick_account(), self.pick_instrument(), self.choices.pick(2)
        item = self.world.get_instrument(number)
        good = w.order(
            self.world,
            account,
            self.pick_slot(account, False),
            number,
            side,
            self.pick_price(item, side),
            item.lot_step,
        )
        wrong = (
            ("flags", 128),
            ("flags", 6),
            ("flags", 24),
            ("flags", 18),
            ("flags", 20),
            ("price", 0),
            ("price", 2**28),
            ("price", good["price"] + 1),
            ("size", 0),
            ("size", 2**24 + 1),
            ("size", good["size"] + 1),
            ("slot", self.pick_slot(account, True)),
            ("signed", 0),
            ("nonce", good["nonce"] - 1),
            ("valid_until_s", self.world.clock_s - 1),
        )
        name, bad = self.choices.of(wrong)
        self.send(good | {name: max(0, bad)})

    def place_ladder(self) -> None:
        """Many orders of one account on one side of one book."""
        account, number, side = self.choices.of(w.TRADERS), self.pick_instrument(), self.choices.pick(2)
        item = self.world.get_instrument(number)
        price, away = self.pick_price(item, side), -1 if side == BUY else 1
        flat, count = self.choices.pick(2), 1 + self.choices.pick(36)
        for k in range(count):
            at = price + away * k * item.tick_step * flat
            if at < 1:
                break
            self.send(
                w.order(self.world, account, self.pick_slot(account, False), number, side, at, item.min_size)
            )

    def place_wall(self) -> None:
        """More orders at one price than a word may handle, and a taker for all of them."""
        number, side = self.pick_instrument(), self.choices.pick(2)
        item = self.world.get_instrument(number)
        price = self.pick_price(item, side)
        for k in range(66):
            account = self.choices.of(w.TRADERS)
            slot = self.pick_slot(account, False)
            self.send(
                w.order(self.world, account, slot, number, side, price, item.min_size + k % 2 * item.lot_step)
            )
        flags = (1 - side) | self.choices.of((0, 2, 4, 8))
        self.place(w.WHALE + self.choices.pick(2), number, flags, price, 200 * item.lot_step)

    def close_behind(self) -> None:
        """A reduce-only order rests, its position is closed elsewhere, and somebody takes the order."""
        account = self.choices.of((*w.TRADERS, *w.TRADERS, w.WHALE))
        held = [pair for pairs in self.world.get_account(account).positions for pair in pairs]
        live = [(number, size) for number, size in held if not self.is_over(number)]
        if not live:
            return
        number, size = self.choices.of(live)
        item = self.world.instruments[number]
        side, other, step = int(size > 0), w.WHALE + 1, item.tick_step
        away = step if side else -step
        mark = margin.compute_mark(self.world, item) // step * step
        lots = min(params.MAX_ORDER_LOTS, max(abs(size), item.min_size)) // item.lot_step * item.lot_step
        rest = max(step, mark + away * (1 + self.choices.pick(3)))
        self.place(account, number, 32 | side, rest, lots)
        self.place(other, number, 1 - side, max(step, mark), lots)
        self.place(account, number, 2 | side, max(step, mark), lots)
        self.place(other, number, 1 - side | self.choices.of((2, 4)), rest, lots)

    def is_over(self, number: int) -> bool:
        item = self.world.instruments[number]
        return item.state == SETTLED or 0 < item.expiry_s <= self.world.clock_s

    def sweep_book(self) -> None:
        """A taker that means to have a whole side."""
        number, side = self.pick_instrument(), self.choices.pick(2)
        item = self.world.get_instrument(number)
        heads = item.book[1 - side]
        if heads:
            total = min(sum(order.left for order in heads), params.MAX_ORDER_LOTS)
            flags = side | self.choices.of((0, 2, 4, 8))
            self.place(w.WHALE + self.choices.pick(2), number, flags, heads[-1].price, total)

    def close_position(self) -> None:
        """A reduce-only order of a position's size, or of another."""
        account = self.choices.of((*w.TRADERS, w.WHALE))
        held = [pair for pairs in self.world.get_account(account).positions for pair in pairs]
        if held:
            number, size = self.choices.of(held)
            item = self.world.instruments[number]
            side = 1 if size > 0 else 0
            flags = side | self.choices.of((0, 2, 8, 32, 34, 36, 40))
            more = self.choices.of((0, 0, item.lot_step, 100 * item.lot_step))
            lots = min(params.MAX_ORDER_LOTS, abs(size) + more)
            self.place(
                account, number, flags, self.pick_price(item, side), lots // item.lot_step * item.lot_step
            )

    def amend(self) -> None:
        account = self.pick_account()
        orders = self.world.accounts[account].orders if self.world.has_account(account) else {}
        if not orders:
            return self.place_near()
        order = orders[self.choices.of(sorted(orders))]
        item = self.world.instruments[order.instrument]
        price = self.choices.of((order.price, order.price, self.pick_price(item, order.side)))
        total, lot = order.filled + order.left, item.lot_step
        size = self.choices.of(
            (total, total - lot, total + lot, order.filled, order.filled + lot, 1000 * lot)
        )
        generation = order.generation + self.choices.of((0, 0, 0, 0, 0, 0, 0, 1))
        fields = {"slot": order.slot, "generation": generation, "price": price, "size": max(0, size)}
        self.send(w.sign(self.world, account, segment.AMEND, **fields))
        return None

    def cancel(self) -> None:
        account, mode = self.pick_account(), self.choices.of((0, 0, 0, 0, 1, 1, 2, 3))
        slot = self.pick_slot(account, True)
        orders = self.world.accounts[account].orders if account in self.world.accounts else {}
        right = orders[slot].generation if slot in orders else 1
        fields = {"mode": mode, "slot": slot, "generation": self.choices.of((right, right, 0, right + 1))}
        fields |= {"instrument": self.pick_instrument() & 0xFFFF}
        self.send(w.sign(self.world, account, segment.CANCEL, **fields))

    # ---- what nobody should send

    def send_garbage(self) -> None:
        kind = self.choices.of(GARBAGE_KINDS)
        record = make(
            kind, **{name: self.choices.between(*get_range(kind, name)) for name in FIELDS.get(kind, ())}
        )
        record["payload"] = self.choices.between(0, 2**232 - 1)
        if kind in SCOPE_BITS and self.choices.pick(8):
            account = self.pick_account()
            record |= {
                name: w.sign(self.world, account, kind, **{n: record[n] for n in FIELDS.get(kind, ())})[name]
                for name in ("account", "nonce", "valid_until_s")
            }
        elif kind == segment.DEPOSIT:
            record["account"] = self.choices.of((0, 16, 20, HIGHEST_ACCOUNT, 262_144, 2**24 - 1))
        else:
            record["account"] = self.choices.between(0, 2**24 - 1)
        record["key"] = self.choices.of((0, 0, 0, 1, 4, 255))
        record["signed"] = self.choices.of((1, 1, 1, 0))
        self.mutates = False
        self.send(record, source=self.choices.of((SEQUENCED, SEQUENCED, SEQUENCED, INBOX)))
