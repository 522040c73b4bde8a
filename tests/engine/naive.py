"""The machine once more, as plainly as the specification reads: lists, dicts and sorting.

`Naive.execute` takes one decoded operation (a dict) and gives its receipt; `Naive.view` gives the whole state
as plain values. Books are Python lists, sums are formed anew from the positions after each change. Whether a
signature holds is `record["signed"]`; hashes are `fold`, which `support.FoldCrypto` gives the engine too.
"""

from __future__ import annotations

from typing import Any

from miletus.engine import events, params, segment
from miletus.engine.reasons import Reason
from tests.engine import naive_margin as margin
from tests.engine import naive_oracle as oracle
from tests.engine.naive_book import Book, Receipt
from tests.engine.naive_margin import BUY, SELL, SETTLED, Key, World, make_event
from tests.engine.naive_view import get_view

Record = dict[str, int]
SCOPE_BITS = {
    segment.PLACE_ORDER: 1,
    segment.AMEND: 1,
    segment.CANCEL: 1,
    segment.QUOTE_SHEET: 1,
    segment.TRANSFER: 2,
    segment.WITHDRAW: 4,
    segment.SET_KEY: 8,
}
FORCED = (segment.PLACE_ORDER, segment.AMEND, segment.CANCEL, segment.WITHDRAW, segment.TRANSFER)

FIELDS: dict[int, tuple[str, ...]] = {
    segment.DEPOSIT: ("owner", "amount"),
    segment.SET_KEY_INBOX: ("slot", "scope", "expiry_s", "x", "y"),
    segment.SET_KEY: ("slot", "scope", "expiry_s", "x", "y"),
    segment.PLACE_ORDER: ("slot", "instrument", "flags", "price", "size", "good_for_s"),
    segment.AMEND: ("slot", "generation", "price", "size"),
    segment.CANCEL: ("mode", "slot", "generation", "instrument"),
    segment.WITHDRAW: ("amount",),
    segment.TRANSFER: ("to", "amount"),
    segment.INDEX_TICK: ("underlying", "time_s", "index", "cumulative"),
    segment.SHEET_ENTRY: (
        *("underlying", "first", "instrument", "mark", "delta", "gamma"),
        *(f"scenario_{k}" for k in range(16)),
    ),
    segment.FLIP: ("underlying", "number", "reference_index", "time_s", "count"),
    segment.LIST: (
        *("instrument", "type", "underlying", "strike"),
        *("expiry_s", "tick_step", "lot_step", "min_size"),
    ),
    segment.APPROVE: ("signer",),
    segment.TICK: ("time_ms",),
    segment.SETTLE: ("instrument",),
}
"""A kind's own fields, in the order of the table of spec 03."""

FIELD = 21888242871839275222246405745257275088548364400416034343698204186575808495617
"""Modulus of the scalar field, spec 10."""


def fold(accumulator: int, *values: int) -> int:
    """What these tests have for a hash: quick, and different for different histories."""
    for value in values:
        accumulator = (accumulator * 6_364_136_223_846_793_005 + value + 1) % (1 << 254)
    return accumulator


def fold_entry(accumulator: int, record: Record) -> int:
    return fold(accumulator, *(record[name] for name in FIELDS[segment.SHEET_ENTRY]))


class Naive:
    """The naive machine."""

    def __init__(self, signers: int, threshold: int, underlyings: int) -> None:
        self.world = World(signers, threshold, underlyings)
        self.book = Book(self.world)

    # ---- batches and words ------------------------------------------------------------------------------

    def begin_batch(self, time_bound_ms: int, clock_floor_ms: int) -> None:
        world = self.world
        world.time_bound_ms, world.clock_floor_ms = time_bound_ms, clock_floor_ms
        world.batch_number += 1
        world.outbox, world.outbox_hash = [], 0

    def end_batch(self) -> None:
        self.world.clock_ms = max(self.world.clock_ms, self.world.clock_floor_ms)

    def execute(self, source: int, record: Record) -> Receipt:
        """Carry out one operation of an inbox or sequenced segment."""
        self.world.events = []
        receipt = self.dispatch(source, record)
        if source == segment.INBOX and record["kind"] != segment.APPROVE:
            self.world.inbox_cursor += 1
        self.world.events_hash = fold(self.world.events_hash, *receipt)
        return receipt

    def dispatch(self, source: int, record: Record) -> Receipt:
        reason = self.admit(source, record)
        if reason != Reason.OK or record["kind"] == segment.PADDING:
            return (reason, 0, 0, 0)
        kind = record["kind"]
        if kind == segment.PLACE_ORDER:
            return self.book.place_order(record)
        if kind == segment.AMEND:
            return self.book.amend(record)
        if kind == segment.CANCEL:
            return self.book.cancel(record)
        if kind == segment.SETTLE:
            return self.settle(record)
        return (self.apply_other(record, source == segment.INBOX), 0, 0, 0)

    def apply_other(self, record: Record, from_inbox: bool) -> Reason:
        match record["kind"]:
            case segment.DEPOSIT:
                return self.deposit(record)
            case segment.SET_KEY_INBOX | segment.SET_KEY:
                return self.set_key(record)
            case segment.WITHDRAW:
                return self.withdraw(record)
            case segment.TRANSFER:
                return self.transfer(record)
            case segment.SHEET_ENTRY:
                return oracle.fill_entry(self.world, record, fold_entry)
            case segment.INDEX_TICK | segment.FLIP | segment.LIST:
                fields = {name: record[name] for name in FIELDS[record["kind"]]}
                return oracle.propose(self.world, record, fields, from_inbox)
            case segment.APPROVE:
                return oracle.approve(self.world, record, from_inbox)
            case segment.TICK:
                return self.tick(record)
        return Reason.NOT_SUPPORTED

    def admit(self, source: int, record: Record) -> Reason:
        """03-R01 to 03-R12: this kind may come from here, and is authorised; or why not."""
        kind = record["kind"]
        if kind == segment.PADDING:
            return Reason.OK
        if kind == segment.UNKNOWN:
            return Reason.UNKNOWN_KIND
        if kind == segment.INCOMPLETE:
            return Reason.INCOMPLETE
        if source == segment.INBOX:
            if kind >= 0x10 and kind not in FORCED and kind not in (segment.INDEX_TICK, segment.APPROVE):
                return Reason.NOT_FROM_SEQUENCER
            if kind in FORCED and not self.world.has_account(record["account"]):
                return Reason.UNKNOWN_ACCOUNT
            return Reason.OK
        if kind < 0x10:
            return Reason.NOT_FROM_INBOX
        return self.authorise(record) if kind in SCOPE_BITS else Reason.OK

    def authorise(self, record: Record) -> Reason:
        world = self.world
        if not world.has_account(record["account"]):
            return Reason.UNKNOWN_ACCOUNT
        keys = world.accounts[record["account"]].keys
        if record["key"] >= params.KEYS or (keys[record["key"]].x, keys[record["key"]].y) == (0, 0):
            return Reason.UNKNOWN_KEY
        key = keys[record["key"]]
        if 0 < key.expiry_s < world.clock_s:
            return Reason.KEY_EXPIRED
        if not key.scope & SCOPE_BITS[record["kind"]]:
            return Reason.OUT_OF_SCOPE
        if record["nonce"] <= key.nonce:
            return Reason.NONCE_USED
        if record["valid_until_s"] < world.clock_s:
            return Reason.OUT_OF_TIME
        if not record["signed"]:
            return Reason.BAD_SIGNATURE
        key.nonce = record["nonce"]
        return Reason.OK

    # ---- money, keys, time --------------------------------------------------------------------------------

    def deposit(self, record: Record) -> Reason:
        """03-R13."""
        world, number, amount = self.world, record["account"], record["amount"]
        if not params.FIRST_ACCOUNT <= number < params.MAX_ACCOUNTS or record["owner"] == 0:
            return Reason.BAD_ACCOUNT
        if world.has_account(number) and world.accounts[number].owner != record["owner"]:
            return Reason.BAD_ACCOUNT
        if amount == 0:
            return Reason.BAD_AMOUNT
        cash = world.accounts[number].cash if number in world.accounts else 0
        if max(cash, world.deposited) + amount >= params.CASH_LIMIT_MICROS:
            return Reason.WIDTH
        account = world.get_account(number)
        account.owner = record["owner"]
        account.cash += amount
        world.deposited += amount
        world.events.append(make_event(events.DEPOSITED, number, amount))
        return Reason.OK

    def set_key(self, record: Record) -> Reason:
        """03-R14."""
        if not self.world.has_account(record["account"]):
            return Reason.UNKNOWN_ACCOUNT
        if record["slot"] >= params.KEYS:
            return Reason.UNKNOWN_KEY
        keys = self.world.accounts[record["account"]].keys
        nonce = keys[record["slot"]].nonce
        x, y = record["x"] % FIELD, record["y"] % FIELD
        keys[record["slot"]] = Key(x, y, nonce, record["expiry_s"], record["scope"])
        return Reason.OK

    def withdraw(self, record: Record) -> Reason:
        """03-R17."""
        world, account, amount = self.world, self.world.accounts[record["account"]], record["amount"]
        if amount == 0:
            return Reason.BAD_AMOUNT
        reason = margin.can_leave(world, account, amount)
        if reason != Reason.OK:
            return reason
        if len(world.outbox) == params.MAX_OUTBOX:
            return Reason.OUTBOX_FULL
        account.cash -= amount
        world.withdrawn += amount
        world.events.append(make_event(events.WITHDRAWN, record["account"], amount))
        world.outbox.append((account.owner, amount))
        world.outbox_hash = fold(world.outbox_hash, account.owner, amount)
        return Reason.OK

    def transfer(self, record: Record) -> Reason:
        """03-R18."""
        world, amount = self.world, record["amount"]
        if amount == 0:
            return Reason.BAD_AMOUNT
        if not world.has_account(record["to"]) or record["to"] == record["account"]:
            return Reason.UNKNOWN_ACCOUNT
        sender, receiver = world.accounts[record["account"]], world.accounts[record["to"]]
        reason = margin.can_leave(world, sender, amount)
        if reason != Reason.OK:
            return reason
        if receiver.cash + amount >= params.CASH_LIMIT_MICROS:
            return Reason.WIDTH
        sender.cash -= amount
        receiver.cash += amount
        world.events.append(make_event(events.TRANSFERRED, record["account"], record["to"], amount))
        return Reason.OK

    def tick(self, record: Record) -> Reason:
        """03-R15."""
        if not self.world.clock_ms < record["time_ms"] <= self.world.time_bound_ms:
            return Reason.BAD_TIME
        self.world.clock_ms = record["time_ms"]
        return Reason.OK

    def settle(self, record: Record) -> Receipt:
        """07-R01 to 07-R04."""
        item = self.world.get_instrument(record["instrument"])
        if item.state == SETTLED:
            for order in [*item.book[BUY], *item.book[SELL]][: params.MAX_MAKERS]:
                self.book.remove(order, events.CAUSE_SETTLED)
            return (Reason.OK, 0, 0, item.payoff)
        reason = oracle.settle(self.world, record["instrument"])
        return (reason, 0, 0, item.payoff if reason == Reason.OK else 0)

    def view(self) -> dict[str, Any]:
        """The whole state as plain values, of the shape of `support.get_engine_view`."""
        return get_view(self.world)
