"""Lives of worlds that come to every kind of step and every reason of a refusal, cut into chunks.

Random items alone seldom take a fill-or-kill order back or sweep a settled position. So each life of a world
is a few dozen items, weighted for what is rare, and may be led to the expiry of its instruments; before all
lives a tour goes from one such scene to the next.
"""

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from miletus.engine import params
from miletus.engine import segment as G
from miletus.engine.reasons import Reason
from miletus.engine.segment import INBOX, SEQUENCED
from tests.circuits.chunks import Mirror, MirroredFlow
from tests.engine import naive_margin as margin
from tests.engine import worlds as w
from tests.engine.flow import ITEM, Choices
from tests.engine.naive_margin import LISTED, Instrument
from tests.engine.pair import restore
from tests.engine.records import Record, make
from tests.engine.worlds import WORLDS

IOC, FOK, MARKET, POST_ONLY, REDUCE_ONLY, REPLACE = 2, 4, 8, 16, 32, 64
"""Flags of orders; spec 04-R01."""

Wrong = tuple[list[Record], int]
"""Words and where they come from."""

SHARES = {"market": 70, "brim": 16, "wide": 6, "genesis": 8}
"""Per cent of the lives that each world gets."""

LIFE_CHUNKS = 20
"""Chunks of a life."""

NO_ACCOUNT = 40
"""An account that no world has."""


class LifeFlow(MirroredFlow):
    """A flow with scenes that are led to what random items seldom come to."""

    def get_table(self) -> list[tuple[int, Callable[[], None]]]:
        return [
            (26, self.place_near),
            (20, self.place_across),
            (24, self.amend),
            (6, self.place_badly),
            (14, self.cancel),
            (3, self.place_ladder),
            (6, self.sweep_book),
            (4, self.close_behind),
            (5, self.close_position),
            (5, self.withdraw),
            (5, self.transfer),
            (6, self.pass_seconds),
            (2, self.pass_long),
            (5, self.move_index),
            (3, self.publish),
            (8, self.publish_badly),
            (30 if not any(coin.index for coin in self.world.underlyings) else 2, self.publish_early),
            (5, self.settle),
            (4, self.list_instrument),
            (5, self.approve_again),
            (10, self.send_garbage),
            (6, self.deposit),
            (4, self.change_key),
            (5, self.use_short_key),
            (4, self.repair_key),
            (2, self.change_batch),
            (12, self.kill_after_fills),
            (40, self.send_wrong),
            (4, self.use_up_makers),
            (3, self.fill_outbox),
        ]

    def publish_whole(self, number: int) -> None:
        """Sheets of many instruments belong to no chunk: they would be most of all chunks."""
        if len(w.get_live(self.world, number)) < 30:
            return super().publish_whole(number)
        with self.mirror.quiet():
            return super().publish_whole(number)

    # ---- scenes

    def tell(self, *records: Record, source: int = SEQUENCED) -> None:
        """Send operations as they are."""
        self.pair.send(*records, source=source)

    def lead(self, scene: Callable[[], None], data: bytes) -> None:
        """Carry out a scene with so many choices; nothing in it is spoiled."""
        self.choices, self.mutates = Choices(data), False
        scene()

    def pick_traded(self) -> tuple[int, Instrument, int] | None:
        """An instrument that can be traded, with a price near its mark: (number, instrument, ticks)."""
        items = self.world.instruments
        live = [n for n, item in items.items() if item.state == LISTED and not self.is_over(n)]
        live = [n for n in live if margin.get_entry(self.world, items[n]) is not None]
        if not live:
            return None
        number = self.choices.of(live)
        item = items[number]
        mark = margin.compute_mark(self.world, item) // item.tick_step * item.tick_step
        return number, item, max(item.tick_step, mark)

    def trade(self, number: int, maker: int, taker: int, price: int, lots: int) -> None:
        side = self.choices.pick(2)
        self.place(maker, number, side, price, lots)
        self.place(taker, number, 1 - side, price, lots)

    def kill_after_fills(self) -> None:
        """A fill-or-kill order that fills some makers, and is taken back or stands."""
        traded = self.pick_traded()
        if traded is None:
            return
        number, item, price = traded
        side, count = self.choices.pick(2), 1 + self.choices.pick(3)
        for k in range(count):
            self.place(
                w.TRADERS[(self.choices.pick(8) + k) % 8], number, side, price, (1 + k) * item.min_size
            )
        heads = [order for order in item.book[side] if order.price == price]
        total = sum(order.left for order in item.book[side][: len(heads)])
        lots = total + self.choices.of((0, item.lot_step, -item.lot_step))
        if 0 < lots <= params.MAX_ORDER_LOTS:
            self.place(w.WHALE + self.choices.pick(2), number, (1 - side) | FOK, price, lots)

    def use_up_makers(self) -> None:
        """More orders at one price than a word may handle, most of them placed outside of chunks."""
        traded = self.pick_traded()
        if traded is None:
            return
        number, item, price = traded
        side = self.choices.pick(2)
        with self.mirror.quiet():
            for k in range(66):
                self.tell(w.order(self.world, w.WHALE, k, number, REPLACE | side, price, item.min_size))
        flags, taker = (1 - side) | self.choices.of((0, FOK, MARKET)), w.WHALE + 1
        slot = self.pick_slot(taker, False)
        self.tell(w.order(self.world, taker, slot, number, flags, price, 200 * item.min_size))

    def fill_outbox(self) -> None:
        """Withdrawals until the batch has no room for another, most of them outside of chunks."""
        account = self.choices.of(w.TRADERS)
        if not self.world.has_account(account):
            return
        with self.mirror.quiet():
            for _ in range(255):
                self.tell(w.sign(self.world, account, G.WITHDRAW, amount=1))
        for _ in range(3):
            self.tell(w.sign(self.world, account, G.WITHDRAW, amount=1))

    def send_wrong(self) -> None:
        """Words that are wrong in a way that few random ones are."""
        makers = (
            self.make_wrong_sources,
            self.make_wrong_signatures,
            self.make_wrong_proposals,
            self.make_wrong_orders,
            self.make_wrong_sources,
        )
        records, source = self.choices.of(self.choices.of(makers)() or self.make_wrong_sources())
        self.mutates = False
        self.tell(*records, source=source)

    def send_every_wrong(self) -> None:
        """All words that are wrong, one after the other."""
        makers = (
            self.make_wrong_sources,
            self.make_wrong_signatures,
            self.make_wrong_money,
            self.make_wrong_orders,
            self.make_wrong_proposals,
        )
        for make_wrong in makers:
            self.pass_time(self.world.clock_ms + 2_000)
            for k in range(len(make_wrong())):
                records, source = make_wrong()[k]  # anew, since nonces have moved on
                self.tell(*records, source=source)
        one = w.TRADERS[0]
        self.tell(w.set_key(one, 2, 1), w.set_key(one, 3, w.ALL_SCOPES, self.world.clock_s), source=INBOX)
        self.tell(w.sign(self.world, one, G.WITHDRAW, amount=1) | {"key": 2, "nonce": 9})
        self.tell(w.tick_clock(self.world.clock_ms + 2_000))
        self.tell(w.sign(self.world, one, G.WITHDRAW, amount=1) | {"key": 3, "nonce": 9})

    def make_wrong_money(self) -> list[Wrong]:
        """Amounts and accounts that are none."""
        account = self.choices.of(w.TRADERS)
        return [
            ([w.sign(self.world, account, G.WITHDRAW, amount=0)], SEQUENCED),
            ([w.sign(self.world, account, G.TRANSFER, to=NO_ACCOUNT, amount=1)], SEQUENCED),
            ([w.sign(self.world, account, G.TRANSFER, to=account, amount=1)], SEQUENCED),
            ([w.sign(self.world, account, G.WITHDRAW, amount=1 << 55)], SEQUENCED),
            ([w.deposit(w.WHALE, 2**56 - 1)] * 16, INBOX),
        ]

    def make_wrong_sources(self) -> list[Wrong]:
        """Words of no kind, of one that is not supported, or from where they may not come."""
        account, now_ms = self.choices.of(w.TRADERS), self.world.clock_ms
        return [
            ([make(G.INCOMPLETE)], SEQUENCED),
            ([make(G.INCOMPLETE)], INBOX),
            ([make(G.UNKNOWN, payload=self.choices.pick(65_536))], SEQUENCED),
            ([make(G.PADDING), make(G.LIQUIDATE), make(G.FUND)], SEQUENCED),
            ([make(G.QUOTE_SHEET) | {"account": account}], SEQUENCED),
            ([w.deposit(account, 5)], SEQUENCED),
            ([w.deposit(16, 5, owner=7), w.deposit(NO_ACCOUNT, 0)], INBOX),
            ([w.tick_clock(now_ms)], INBOX),
            ([w.tick_clock(max(0, now_ms - 1)), w.tick_clock(self.world.time_bound_ms + 1)], SEQUENCED),
        ]

    def make_wrong_signatures(self) -> list[Wrong]:
        """A word that its key may not sign, or has not."""
        cancel = self.sign_cancel()
        return [
            ([cancel | {"nonce": cancel["nonce"] - 1}], SEQUENCED),
            ([cancel | {"signed": 0}], SEQUENCED),
            ([cancel | {"valid_until_s": max(0, self.world.clock_s - 1)}], SEQUENCED),
            ([cancel | {"key": 3, "nonce": 1}], SEQUENCED),
        ]

    def sign_cancel(self) -> Record:
        account = self.choices.of(w.TRADERS)
        return w.sign(self.world, account, G.CANCEL, mode=2, slot=0, generation=0, instrument=0)

    def make_wrong_proposals(self) -> list[Wrong]:
        """What signers approve and the machine refuses."""
        coin = self.choices.pick(self.world.underlying_count)
        known, index = self.world.underlyings[coin], self.get_index(coin) or 1_000
        late = w.index_tick(self.world, coin, index) | {"time_s": max(0, known.tick_time_s - 1)}
        proposals = (
            w.index_tick(self.world, coin, index + index // 8 + 1),
            w.index_tick(self.world, coin, index) | {"underlying": 9},
            late,
            w.index_tick(self.world, coin, index) | {"cumulative": known.cumulative + 2**60},
            w.index_tick(self.world, coin, index) | {"cumulative": max(0, known.cumulative - 1)},
            w.listing(self.choices.of((0, 33)), 4, coin, 1_000, 0),
            w.listing(33, margin.CALL, coin, 0, w.TODAY_S + w.DAY_S),
            w.flip(self.world, coin, index, 1),
            make(G.SETTLE, instrument=self.pick_instrument()),
        )
        wrong: list[Wrong] = [([proposal, *w.approvals()], SEQUENCED) for proposal in proposals]
        for place in w.get_live(self.world, coin)[:1]:
            entry = w.sheet_entry(self.world, place, 1, index)
            wrong += [
                ([entry | {"mark": entry["mark"] + index * 3 // 5}], SEQUENCED),
                ([entry | {"gamma": (1 << 20) - 1}], SEQUENCED),
                ([entry | {"gamma": ((1 << 40) - 1) // index, "mark": index // 200}], SEQUENCED),
                ([entry, entry | {"first": 0}], SEQUENCED),
            ]
        new = w.listing(34, margin.PERPETUAL, coin, 0, 0)
        order = w.order(self.world, self.choices.of(w.TRADERS), 249, 34, 0, 100, 1)
        signers = [make(G.APPROVE, signer=signer) for signer in (0, 0, 7)]
        tick = w.index_tick(self.world, coin, index)
        return [*wrong, ([new, *w.approvals(), order], SEQUENCED), ([tick, *signers], SEQUENCED)]

    def make_wrong_orders(self) -> list[Wrong]:
        """Orders that are refused for what they say, or for what is in the book."""
        account, traded = self.choices.of(w.TRADERS), self.pick_traded()
        if traded is None:
            return []
        number, item, price = traded
        slot = self.pick_slot(account, False)

        def order(flags: int, at: int, **changes: int) -> Record:
            return w.order(self.world, account, slot, number, flags, at, item.min_size) | changes

        side, step = self.choices.pick(2), item.tick_step
        far = price + (-1 if side else 1) * margin.compute_band(self.world, item) * 11 // 10
        far = max(step, far // step * step)
        crossing = w.order(self.world, w.WHALE, 250, number, 1 - side, price, item.min_size)
        missing = w.sign(self.world, account, G.CANCEL, mode=0, slot=slot, generation=9, instrument=0)
        reduce = w.order(self.world, w.TRADERS[7], 200, number, REDUCE_ONLY | side, price, item.min_size)
        beyond = w.order(self.world, w.WHALE, 251, number, 1 - side, far, item.min_size)
        return [
            ([order(side, 0)], SEQUENCED),
            ([order(side, params.PRICE_LIMIT)], SEQUENCED),
            ([order(side, price, instrument=4_000)], SEQUENCED),
            ([order(side, price, size=0)], SEQUENCED),
            ([order(IOC | FOK | side, price)], SEQUENCED),
            ([reduce, reduce | {"flags": reduce["flags"] ^ 1, "nonce": reduce["nonce"] + 1}], SEQUENCED),
            ([missing], SEQUENCED),
            ([crossing, order(POST_ONLY | side, price)], SEQUENCED),
            ([beyond, order(side, far)], SEQUENCED),
            ([beyond, order(side | IOC, far)], SEQUENCED),
            (
                [order(side, price), order(side, price) | {"nonce": order(side, price)["nonce"] + 1}],
                SEQUENCED,
            ),
            ([order(side, price, size=params.MAX_ORDER_LOTS // item.lot_step * item.lot_step)], SEQUENCED),
        ]

    def go_to_expiry(self) -> None:
        """What expires today: positions and orders in it, readings, settlement, and what holders do then."""
        over = [n for n, item in self.world.instruments.items() if item.expiry_s == w.TODAY_S]
        over = [n for n in over if margin.get_entry(self.world, self.world.instruments[n]) is not None]
        for number in over[:3]:
            item = self.world.instruments[number]
            mark = margin.compute_mark(self.world, item) // item.tick_step * item.tick_step
            price = max(item.tick_step, mark)
            self.trade(number, self.choices.of(w.TRADERS[:4]), w.WHALE, price, item.min_size)
            self.place(w.WHALE + 1, number, 0, max(item.tick_step, price - 3 * item.tick_step), item.min_size)
        if over and self.choices.pick(3) == 0:  # what comes before its time
            self.send(make(G.SETTLE, instrument=over[0]))
        for at_s in (w.TODAY_S - params.SETTLEMENT_WINDOW_S, w.TODAY_S):
            if self.world.clock_s < at_s:
                self.pass_time(at_s * 1000)
            for coin in range(self.world.underlying_count):
                self.send(make(G.SETTLE, instrument=self.choices.of(over or [0])))
                if self.choices.pick(12):
                    index = self.world.underlyings[coin].index or 1_000
                    self.send(w.index_tick(self.world, coin, index, at_s))
                    self.send(*w.approvals())
        for number in over:
            self.place(self.choices.of(w.TRADERS), number, 0, 100, 10)
            self.send(make(G.SETTLE, instrument=number))
        self.place(w.WHALE, over[0] if over else 0, 0, 100, 10)
        self.tell(w.sign(self.world, w.WHALE, G.WITHDRAW, amount=1))
        self.catch_up()
        for account in (*w.TRADERS[:4], w.WHALE):
            self.send(w.sign(self.world, account, G.WITHDRAW, amount=1 + self.choices.pick(1_000)))


def begin(world: str, words: int) -> LifeFlow:
    """A world to live in, whose chunks have about so many words."""
    pair = restore(WORLDS[world]())
    mirror = Mirror(pair)
    mirror.limit_words = words
    return LifeFlow(pair, mirror)


def tour(seed: int, words: int) -> list[dict[str, Any]]:
    """The chunks of two lives that are led from scene to scene, so that nothing is left out."""
    dice, vectors = random.Random(seed), []
    for world in ("market", "genesis"):
        flow = begin(world, words)
        market = [
            *[flow.kill_after_fills] * 8,
            flow.fill_outbox,
            *[flow.use_up_makers] * 2,
            flow.send_every_wrong,
        ]
        for scene in [*market, flow.go_to_expiry] if world == "market" else [flow.publish_early] * 3:
            flow.lead(scene, dice.randbytes(100 * ITEM))
        flow.mirror.flush()
        vectors += [v | {"name": f"tour_{world}_{seed}_{v['name']}"} for v in flow.mirror.vectors]
    return vectors


def live(world: str, seed: int, words: int) -> list[dict[str, Any]]:
    """The chunks of a life."""
    flow, dice = begin(world, words), random.Random(seed)
    expiry_chunk = dice.randrange(2 * LIFE_CHUNKS)
    is_over = False
    while len(flow.mirror.vectors) < LIFE_CHUNKS:
        if len(flow.mirror.vectors) < expiry_chunk or is_over:
            flow.step(dice.randbytes(8 * ITEM))
        else:
            is_over = True
            flow.lead(flow.go_to_expiry, dice.randbytes(40 * ITEM))
    return [v | {"name": f"{world}_{seed}_{v['name']}"} for v in flow.mirror.vectors[:LIFE_CHUNKS]]


def make_lives(seed: int, chunks: int, words: int = 24) -> Iterator[dict[str, Any]]:
    """So many chunks: a tour of everything, then lives of all worlds."""
    dice, given = random.Random(seed), 0
    order = [world for world, share in SHARES.items() for _ in range(share)]
    dice.shuffle(order)
    for k in range(chunks):
        number = seed * 10_000 + k
        for vector in live(order[k % len(order)], number, words) if k else tour(number, words):
            if given == chunks:
                return
            given += 1
            yield vector


def write_lives(folder: Path, seed: int, chunks: int, words: int = 24) -> Counter[str]:
    """Write vectors as files; gives how often each reason is in their receipts."""
    reasons: Counter[str] = Counter()
    for vector in make_lives(seed, chunks, words):
        for segment in vector["segments"]:
            reasons.update(Reason(receipt[0]).name for receipt in segment["receipts"])
        (folder / f"{vector['name']}.json").write_text(json.dumps(vector))
    return reasons
