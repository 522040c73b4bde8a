"""Recorded order flow through the machine's book: E-mini by order, and Bitstamp's order events.

Every message becomes the word that a trader would have sent: an order, an Amend or a Cancel. After each one
the best bid and offer of the machine are those of the naive model; and, where nothing is sent that crosses,
those of the recorded orders themselves.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator

import pytest

from miletus.engine import layout as L
from miletus.engine import segment
from miletus.engine.reasons import Reason
from tests.engine import worlds as w
from tests.engine.naive_margin import PERPETUAL
from tests.engine.pair import Pair
from tests.engine.recorded_flow import (
    ADD,
    CHANGE,
    NOTHING,
    REMOVE,
    Message,
    needs_order_flow,
    read_bitstamp,
    read_e_mini,
)
from tests.engine.records import Record, make, make_segment

pytestmark = needs_order_flow
ACCOUNTS = range(16, 76)
Touch = tuple[int, int]
"""Best bid and best offer in ticks; 0 where there is none."""


class Tape:
    """One perpetual, and many accounts whose slots the recorded orders take one after the other."""

    def __init__(self, index: int, tick_step: int) -> None:
        self.pair = Pair()
        world = self.pair.naive.world
        w.propose(self.pair, w.listing(0, PERPETUAL, 0, 0, 0, tick_step))
        w.propose(self.pair, w.index_tick(world, 0, index))
        w.publish(self.pair, 0)
        w.fund(self.pair, ACCOUNTS, 1 << 53)
        self.free = deque((account, slot) for slot in range(256) for account in ACCOUNTS)
        self.places: dict[int, tuple[int, int]] = {}
        self.nonce = 0
        self.reasons: Counter[Reason] = Counter()

    def play(self, message: Message) -> None:
        """Send what the message means."""
        if message.action == ADD:
            self.places[message.order] = self.free.popleft()
        account, slot = self.places[message.order]
        if message.action == ADD:
            fields = {
                "instrument": 0,
                "flags": message.side | 64,
                "price": message.price,
                "size": message.left,
            }
            self.send(account, segment.PLACE_ORDER, slot=slot, good_for_s=0, **fields)
        elif message.action == CHANGE:
            filled, generation = self.get_order(account, slot)
            fields = {"generation": generation, "price": message.price, "size": filled + message.left}
            self.send(account, segment.AMEND, slot=slot, **fields)
        else:
            self.send(account, segment.CANCEL, mode=0, slot=slot, generation=0, instrument=0)
            self.free.append(self.places.pop(message.order))

    def get_order(self, account: int, slot: int) -> tuple[int, int]:
        """Lots filled and generation, of the slot's order; read from the machine's cells."""
        state = self.pair.machine.state
        at = state.order(account * 256 + slot)
        return state.cells[at + L.ORDER_FILLED], state.cells[at + L.ORDER_GENERATION]

    def send(self, account: int, kind: int, **fields: int) -> None:
        self.nonce += 1
        record = make(kind, account=account, nonce=self.nonce, valid_until_s=2**32 - 1, **fields)
        self.reasons[Reason(self.carry_out(record))] += 1

    def carry_out(self, record: Record) -> int:
        return self.pair.send(record)[0][0]

    def get_touch(self) -> Touch:
        """The machine's best prices, read from its cells."""
        state = self.pair.machine.state
        book = state.instrument(0) + L.PAGE
        heads = (state.cells[book + L.HEAD_BID], state.cells[book + L.HEAD_ASK])
        bid, ask = (state.cells[state.order(head - 1) + L.ORDER_PRICE] if head else 0 for head in heads)
        return bid, ask

    def get_naive_touch(self) -> Touch:
        bids, asks = self.pair.naive.world.instruments[0].book
        return (bids[0].price if bids else 0), (asks[0].price if asks else 0)


class MachineTape(Tape):
    """The machine alone, without the naive model beside it."""

    def carry_out(self, record: Record) -> int:
        machine = self.pair.machine
        machine.state.clear_outputs()
        machine.run(make_segment(segment.SEQUENCED, [record]))
        return machine.state.receipts[0]


class PassiveBook:
    """The recorded orders as they rest, without those that arrive across the book: how many at each price."""

    def __init__(self) -> None:
        self.live: dict[int, tuple[int, int]] = {}
        self.counts: tuple[Counter[int], Counter[int]] = (Counter(), Counter())

    def take(self, message: Message) -> Message:
        """Take a message, and give what it means when nothing may cross."""
        known = message.order in self.live
        if message.action == NOTHING or (message.action != ADD and not known):
            return Message(NOTHING, message.order)
        if known:
            side, price = self.live.pop(message.order)
            self.counts[side][price] -= 1
            if self.counts[side][price] == 0:
                del self.counts[side][price]
        if message.action == REMOVE:
            return message
        bid, ask = self.get_touch()
        if message.price >= ask > 0 if message.side == 0 else message.price <= bid:
            return Message(REMOVE if known else NOTHING, message.order)
        self.live[message.order] = (message.side, message.price)
        self.counts[message.side][message.price] += 1
        return message

    def get_touch(self) -> Touch:
        bids, asks = self.counts
        return max(bids, default=0), min(asks, default=0)


recordings = pytest.mark.parametrize(
    ("read", "index", "tick_step", "messages"),
    [(read_e_mini, 480_000, 25, 68_792), (read_bitstamp, 23_600, 1, 50_414)],
    ids=["e-mini", "bitstamp"],
)
Read = Callable[[], Iterator[Message]]


@pytest.mark.rule("04-R05", "04-R12", "04-R13", "04-R18", "02-R08")
@recordings
def test_machine_and_naive_model_show_the_same_best_bid_and_offer(
    read: Read, index: int, tick_step: int, messages: int
) -> None:
    """What crosses is matched: of the recorded flow a few hundred orders."""
    tape, count = Tape(index, tick_step), 0
    for count, message in enumerate(read(), 1):
        if message.action != NOTHING:
            tape.play(message)
        assert tape.get_touch() == tape.get_naive_touch(), (count, message)
        if count % 10_000 == 0:
            tape.pair.check()
    tape.pair.check()
    assert count == messages
    assert tape.reasons[Reason.OK] > 0.95 * tape.reasons.total()
    assert tape.pair.naive.world.instruments[0].open_interest > 0, "some of it was matched"


@pytest.mark.rule("04-R13", "04-R18", "04-R19", "02-R08")
@recordings
def test_the_best_bid_and_offer_are_those_of_the_recorded_orders(
    read: Read, index: int, tick_step: int, messages: int
) -> None:
    """Without what crosses the book is exactly the recorded orders, at every message."""
    tape, book, count = MachineTape(index, tick_step), PassiveBook(), 0
    for count, message in enumerate(read(), 1):
        meant = book.take(message)
        if meant.action != NOTHING:
            tape.play(meant)
        assert tape.get_touch() == book.get_touch(), (count, message)
    assert count == messages
    assert set(tape.reasons) == {Reason.OK}
    assert tape.reasons.total() > 0.7 * messages
