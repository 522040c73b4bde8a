"""A small exchange with round numbers, for tests that a reader can follow by hand.

One underlying at 1,000,000 ticks (10,000 USDC), four instruments on a grid of 1 tick and 1 lot, four traders
with 10,000 USDC each. What one lot needs (05-R03): PERP long 160,000 micros, short 140,000; CALL long 40,000,
short 60,000 of which 10,000 are the floor; PUT long 45,000, short 55,000. Every operation goes to the machine
and to the naive model, and the whole states are compared after it.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from miletus.engine import layout, segment
from miletus.engine.reasons import Reason
from miletus.engine.segment import INBOX, SEQUENCED
from tests.engine import worlds as w
from tests.engine.naive_margin import CALL as CALL_TYPE
from tests.engine.naive_margin import FUTURE as FUTURE_TYPE
from tests.engine.naive_margin import PERPETUAL, World
from tests.engine.naive_margin import PUT as PUT_TYPE
from tests.engine.pair import Pair, restore
from tests.engine.records import Record, make
from tests.engine.support import get_engine_view

CALL, PUT, FUTURE, PERP = range(4)
ANN, BOB, CAT, DAN = range(16, 20)
INDEX = 1_000_000
"""Index of the underlying, in ticks."""
CASH = 10_000_000_000
"""What each trader has, in micros: 10,000 USDC."""
LOCK = 1_000
EXPIRY_S = w.TODAY_S + w.DAY_S
GTC, IOC, FOK = 0, 1, 2

ENTRIES: dict[int, tuple[int, int, int, list[int]]] = {
    CALL: (50_000, 5_000, 100, [-40_000 + 6_000 * k for k in range(16)]),
    PUT: (40_000, -5_000, 100, [45_000 - 6_000 * k for k in range(16)]),
    FUTURE: (1_010_000, 10_000, 0, [20_000 * (k - 8) for k in range(16)]),
    PERP: (1_000_000, 10_000, 0, [20_000 * (k - 8) for k in range(16)]),
}
"""Mark, delta, gamma and scenarios of each instrument's entry."""


class Reply(NamedTuple):
    """A receipt by name."""

    reason: Reason
    filled: int
    notional: int
    detail: int


def make_entry(number: int, first: int, **changes: int) -> Record:
    mark, delta, gamma, scenarios = ENTRIES[number]
    fields = {
        "underlying": 0,
        "first": first,
        "instrument": number,
        "mark": mark,
        "delta": delta,
        "gamma": gamma,
    }
    fields |= {f"scenario_{k}": value for k, value in enumerate(scenarios)}
    return make(segment.SHEET_ENTRY, **(fields | changes))


@cache
def build_desk() -> bytes:
    pair = Pair(underlyings=2)
    for number, kind in enumerate((CALL_TYPE, PUT_TYPE, FUTURE_TYPE, PERPETUAL)):
        strike = INDEX if kind in (CALL_TYPE, PUT_TYPE) else 0
        expiry_s = 0 if kind == PERPETUAL else EXPIRY_S
        w.propose(pair, w.listing(number, kind, 0, strike, expiry_s))
    w.propose(pair, w.index_tick(pair.naive.world, 0, INDEX))
    w.must(pair, [make_entry(number, number == 0) for number in range(4)])
    w.propose(pair, w.flip(pair.naive.world, 0, INDEX, 4))
    w.fund(pair, range(ANN, DAN + 1), CASH)
    pair.check()
    return pair.save()


class Desk:
    """The exchange, and what traders, signers and the sequencer do at it."""

    def __init__(self, saved: bytes | None = None) -> None:
        self.pair = restore(saved or build_desk())

    @property
    def world(self) -> World:
        return self.pair.naive.world

    def send(self, *records: Record, source: int = SEQUENCED) -> Reply:
        """Send operations as one segment; the reply is that of the last."""
        replies = self.send_all(*records, source=source)
        return replies[-1]

    def send_all(self, *records: Record, source: int = SEQUENCED) -> list[Reply]:
        receipts = self.pair.send(*records, source=source)
        self.pair.check()
        return [Reply(Reason(reason), *rest) for reason, *rest in receipts]

    # ---- traders

    def order(
        self,
        side: int,
        account: int,
        size: int,
        price: int,
        instrument: int = PERP,
        *,
        slot: int | None = None,
        tif: int = GTC,
        market: bool = False,
        post_only: bool = False,
        reduce_only: bool = False,
        replace: bool = False,
        good_for_s: int = 0,
    ) -> Reply:
        flags = side + 2 * tif + 8 * market + 16 * post_only + 32 * reduce_only + 64 * replace
        at = self.get_free_slot(account) if slot is None else slot
        return self.send(
            w.order(self.world, account, at, instrument, flags, price, size, good_for_s=good_for_s)
        )

    def buy(self, account: int, size: int, price: int, instrument: int = PERP, **terms: Any) -> Reply:
        return self.order(0, account, size, price, instrument, **terms)

    def sell(self, account: int, size: int, price: int, instrument: int = PERP, **terms: Any) -> Reply:
        return self.order(1, account, size, price, instrument, **terms)

    def trade(self, buyer: int, seller: int, size: int, price: int, instrument: int = PERP) -> None:
        """The seller rests, the buyer takes (and pays the fee)."""
        assert self.sell(seller, size, price, instrument, slot=250).reason == Reason.OK
        assert self.buy(buyer, size, price, instrument, slot=250, tif=IOC).filled == size

    def get_free_slot(self, account: int) -> int:
        orders = self.world.accounts[account].orders if account in self.world.accounts else {}
        return next(slot for slot in range(256) if slot not in orders)

    def sign(self, account: int, kind: int, **fields: int) -> Record:
        return w.sign(self.world, account, kind, **fields)

    def amend(self, account: int, slot: int, size: int, price: int, generation: int | None = None) -> Reply:
        now = self.world.accounts[account].generations.get(slot, 0)
        at = now if generation is None else generation
        fields = {"slot": slot, "generation": at, "price": price, "size": size}
        return self.send(self.sign(account, segment.AMEND, **fields))

    def cancel(
        self, account: int, slot: int = 0, *, mode: int = 0, generation: int = 0, instrument: int = 0
    ) -> Reply:
        fields = {"mode": mode, "slot": slot, "generation": generation, "instrument": instrument}
        return self.send(self.sign(account, segment.CANCEL, **fields))

    def withdraw(self, account: int, amount: int) -> Reply:
        return self.send(self.sign(account, segment.WITHDRAW, amount=amount))

    def transfer(self, account: int, to: int, amount: int) -> Reply:
        return self.send(self.sign(account, segment.TRANSFER, to=to, amount=amount))

    # ---- signers and the sequencer

    def propose(self, record: Record) -> Reply:
        """A proposal and the approvals that it needs; the reply is that of the last approval."""
        return self.send(record, *w.approvals())

    def wait(self, seconds: float) -> None:
        assert self.send(w.tick_clock(self.world.clock_ms + int(seconds * 1000))).reason == Reason.OK

    def set_index(self, index: int, time_s: int | None = None) -> Reply:
        return self.propose(w.index_tick(self.world, 0, index, time_s))

    def move_index(self, index: int) -> None:
        """Move the index as far as needed, in steps that the band lets through, a second each."""
        while self.world.underlyings[0].index != index:
            now = self.world.underlyings[0].index
            most = now * 11 // 1000
            self.wait(1)
            assert self.set_index(max(now - most, min(now + most, index))).reason == Reason.OK

    def fill_sheet(self, **changes: int) -> list[Reply]:
        """Entries for all four instruments; `changes` are of the first that is live."""
        live = w.get_live(self.world, 0)
        words = [make_entry(number, k == 0, **(changes if k == 0 else {})) for k, number in enumerate(live)]
        return self.send_all(*words)

    def publish(self, reference: int | None = None, **changes: int) -> Reply:
        """A whole sheet with its flip."""
        assert all(reply.reason == Reason.OK for reply in self.fill_sheet(**changes))
        index = self.world.underlyings[0].index
        return self.propose(w.flip(self.world, 0, reference or index, len(w.get_live(self.world, 0))))

    def deposit(self, account: int, amount: int, owner: int | None = None) -> Reply:
        return self.send(w.deposit(account, amount, owner), source=INBOX)

    def settle(self, instrument: int) -> Reply:
        return self.send(make(segment.SETTLE, instrument=instrument))

    def expire(self, settlement_price: int = INDEX) -> None:
        """Let the dated instruments expire: both readings, the clock at the expiry, nothing settled yet."""
        start = self.world.underlyings[0].cumulative + (EXPIRY_S - 1800 - self.world.clock_s) * INDEX
        for time_s, cumulative in ((EXPIRY_S - 1800, start), (EXPIRY_S, start + 1800 * settlement_price)):
            self.pair.end_batch()
            self.pair.begin_batch(time_s * 1000 + 3_600_000, 0)
            self.wait(time_s - self.world.clock_s)
            index = self.world.underlyings[0].index
            tick = w.index_tick(self.world, 0, index, time_s) | {"cumulative": cumulative}
            assert self.propose(tick).reason == Reason.OK

    def set_generation(self, account: int, slot: int, generation: int) -> None:
        """As if the slot had held so many orders."""
        number = account * layout.ACCOUNT_PAGES + layout.ACCOUNT_ORDERS + slot // 8 * layout.ACCOUNT_GROUP
        place = slot % 8 * layout.ORDER_RECORD + layout.ORDER_GENERATION
        self.pair.edit_page(number, {place: generation})
        self.world.accounts[account].generations[slot] = generation

    # ---- what can be seen

    @property
    def view(self) -> dict[str, Any]:
        """The machine's state, read from its pages."""
        return get_engine_view(self.pair.machine)

    def account(self, number: int) -> dict[str, Any]:
        view = self.view["accounts"][number]
        assert isinstance(view, dict)
        return view

    def cash(self, number: int) -> int:
        return int(self.account(number)["cash"])

    def position(self, number: int, instrument: int = PERP) -> int:
        return sum(
            size for pairs in self.account(number)["positions"] for n, size in pairs if n == instrument
        )

    def instrument(self, number: int = PERP) -> dict[str, Any]:
        view = self.view["instruments"][number]
        assert isinstance(view, dict)
        return view

    def bids(self, instrument: int = PERP) -> list[tuple[int, int]]:
        return list(self.instrument(instrument)["bids"])

    def asks(self, instrument: int = PERP) -> list[tuple[int, int]]:
        return list(self.instrument(instrument)["asks"])
