"""The part of a flow that is not traders: clock, batches, index, sheets, listing and settlement."""

from __future__ import annotations

from miletus.engine import params, segment
from tests.engine import worlds as w
from tests.engine.choices import Choices
from tests.engine.naive_margin import CALL, EMPTY, FUTURE, LISTED, PERPETUAL, PUT, SETTLED, World
from tests.engine.naive_oracle import READING_TIMES_S
from tests.engine.pair import SIGNERS, Pair
from tests.engine.records import Record, make

DAY_S = 86_400
PLACES = (0, 1, 2, 3, 4, 5, 14, 15, 16, 17, 18, 4_095, 20, 21, 31, 32)
"""Where flows list instruments."""


class OracleFlow:
    """What signers and the sequencer send."""

    choices: Choices
    mutates: bool

    def __init__(self, pair: Pair) -> None:
        self.pair = pair

    @property
    def world(self) -> World:
        return self.pair.naive.world

    def send(self, *records: Record, source: int = segment.SEQUENCED) -> None:
        raise NotImplementedError

    # ---- time

    def change_batch(self) -> None:
        clock_ms = self.world.clock_ms
        self.pair.end_batch()
        floor_ms = clock_ms + self.choices.of((-3_600_000, 0, 1, 2_000))
        self.pair.begin_batch(clock_ms + self.choices.of((3_600_000, 3_600_000, 600_000, 5_000, 0)), floor_ms)

    def pass_time(self, time_ms: int) -> None:
        if time_ms > self.world.time_bound_ms:
            self.pair.end_batch()
            self.pair.begin_batch(time_ms + 3_600_000, 0)
        self.send(w.tick_clock(min(time_ms, 2**48 - 1)))

    def pass_seconds(self) -> None:
        self.pass_time(self.world.clock_ms + self.choices.of((1, 400, 999, 1_000, 5_000, 20_000, 61_000, 0)))
        if self.choices.pick(3):
            self.move_index()

    def pass_long(self) -> None:
        self.pass_time(self.world.clock_ms + self.choices.of((600, 1_795, 1_805, 7_200, 90_000)) * 1000)
        if self.choices.pick(4):
            self.catch_up()

    def catch_up(self) -> None:
        """Fresh index and sheet for every underlying that has either."""
        for number in range(self.world.underlying_count):
            if self.get_index(number) == 0 and not self.choices.one_in(4):
                continue
            self.send(
                w.index_tick(
                    self.world, number, self.world.underlyings[number].index or w.INDICES[number % 2]
                )
            )
            self.approve()
            self.publish_whole(number)

    def pass_to_reading(self) -> None:
        """To 07:30 or 08:00, the next of the two, with a tick of that very second for some underlyings."""
        clock_s = self.world.clock_s
        day_s = clock_s // DAY_S * DAY_S
        times_s = [day_s + days * DAY_S + at for days in (0, 1) for at in READING_TIMES_S]
        time_s = next(at for at in times_s if at > clock_s)
        self.pass_time(time_s * 1000 + self.choices.of((0, 0, 1, 3_000)))
        for number in range(self.world.underlying_count):
            if self.choices.pick(8):
                self.send(
                    w.index_tick(self.world, number, self.world.underlyings[number].index or 1_000, time_s)
                )
                self.approve()
        if self.choices.pick(4):
            self.catch_up()

    # ---- the index

    def pick_underlying(self) -> int:
        return (
            self.choices.pick(self.world.underlying_count)
            if not self.choices.one_in(40)
            else self.choices.of((3, 4, 255))
        )

    def get_index(self, number: int) -> int:
        return self.world.underlyings[number].index if number < params.MAX_UNDERLYINGS else 1

    def approve(self) -> None:
        """Approvals as they should be, or one short, or by other signers, or twice by one."""
        shape = self.choices.pick(20)
        if shape == 19:
            self.send(*w.approvals(2))
        elif shape == 18:
            self.send(*w.approvals(3, 1), w.approvals(1)[0])
        elif shape == 17:
            self.send(*w.approvals(1), *w.approvals(1), *w.approvals(2, 1))
        else:
            self.send(*w.approvals())

    def approve_again(self) -> None:
        if self.choices.pick(2):
            self.send(w.index_tick(self.world, 0, self.get_index(0) or 1))
        signers = [self.choices.pick(SIGNERS + 1) for _ in range(1 + self.choices.pick(3))]
        self.send(*(make(segment.APPROVE, signer=signer) for signer in signers))

    def move_index(self) -> None:
        number = self.pick_underlying()
        if number >= params.MAX_UNDERLYINGS:
            self.send(
                make(segment.INDEX_TICK, underlying=number, time_s=self.world.clock_s, index=5, cumulative=0)
            )
            return self.approve()
        coin = self.world.underlyings[number]
        start = coin.index or w.INDICES[number % 2]
        shape = self.choices.pick(16)
        permille = self.choices.of((0, 1, -1, 2, -2, 5, -5, 8, -8, 10, -10, 19, -19, 52, -52, 150))
        index = max(1, min(start + start * permille // 1000 * (shape != 15), 2**28 - 1))
        time_s = self.world.clock_s + self.choices.of((0, 0, 0, 0, 0, 0, 5, 6, -1, -3))
        if shape == 14:  # a reading that comes late
            day_s = self.world.clock_s // DAY_S * DAY_S - DAY_S * self.choices.of((0, 0, 1, 30, 32))
            time_s = day_s + self.choices.of(READING_TIMES_S)
        tick = w.index_tick(self.world, number, index, time_s)
        passed_s = max(0, time_s - coin.tick_time_s)
        if shape == 13:
            tick["cumulative"] = (
                coin.cumulative + 2 * max(start, index) * passed_s + self.choices.of((0, 1, 2**60))
            )
        elif shape == 12:
            tick["cumulative"] = max(0, coin.cumulative - self.choices.of((0, 1)))
        if self.choices.one_in(12):  # through L1, whole or with less than it needs
            signers = self.choices.of((3, 3, 3, 2, 0))
            return self.send(tick, *w.approvals(signers), source=segment.INBOX)
        self.send(tick)
        return self.approve()

    # ---- sheets

    def publish(self) -> None:
        number = self.choices.pick(self.world.underlying_count)
        self.publish_whole(number)

    def publish_whole(self, number: int) -> None:
        """A whole sheet, at the index or a little beside it."""
        index = self.get_index(number)
        reference = max(1, index + index * self.choices.of((0, 0, 0, 0, 19, -19, 21)) // 1000)
        words = w.sheet(self.world, number, min(reference, 2**28 - 1))
        self.send(*words[:-4])
        self.send(words[-4])
        self.approve()

    def publish_badly(self) -> None:
        """A sheet with something wrong in it, and perhaps a second that begins before the first is whole."""
        wrong = self.choices.pick(9)
        number = (
            self.choices.pick(self.world.underlying_count) if wrong != 8 else self.world.underlying_count - 1
        )
        live = w.get_live(self.world, number)
        if not live:
            return
        index = max(1, self.get_index(number))
        self.mutates = False
        entries = [w.sheet_entry(self.world, place, k == 0, index) for k, place in enumerate(live)]
        at = self.choices.pick(len(entries))
        if wrong == 0:
            del entries[at]
        elif wrong == 1:
            entries.insert(at, dict(entries[at]))
        elif wrong == 2:
            entries[0]["first"] = self.choices.of((0, 2))
        elif wrong == 3:
            entries[at]["mark"] += index * self.choices.of((49, 51, 501)) // 1000
        elif wrong == 4:
            entries[at]["gamma"] = self.choices.of((50, 3_000, 8_191, (1 << 20) - 1, 1 << 20))
        elif wrong == 8:
            entries[at] |= {
                "gamma": min((1 << 20) - 1, ((1 << 40) - 1) // index),
                "mark": min(entries[at]["mark"], index // 100),
            }
        elif wrong == 5:
            entries[at] |= {"first": 1}
        elif wrong == 6:
            entries[at] |= self.choices.of(({"instrument": 4_096}, {"scenario_3": 2**28}, {"delta": -12_001}))
        self.send(*entries)
        flip = w.flip(self.world, number, index, len(live))
        if wrong == 7:
            change = self.choices.of(("number", "count", "reference_index", "time_s"))
            flip[change] = max(0, flip[change] + self.choices.of((1, -1, 6, 100_000)))
        self.send(flip)
        if entries and self.choices.one_in(4):  # what was staged is not what is flipped
            self.send(entries[0] | {"first": 1})
        self.approve()

    def publish_early(self) -> None:
        """An entry before there is an index."""
        coins = range(self.world.underlying_count)
        number = self.choices.of([n for n in coins if self.get_index(n) == 0] or list(coins))
        if not w.get_live(self.world, number):
            self.send(w.listing(self.choices.of(PLACES), PERPETUAL, number, 0, 0))
            self.approve()
        for place in w.get_live(self.world, number)[:1]:
            self.send(w.sheet_entry(self.world, place, 1, 1_000))

    # ---- instruments

    def settle(self) -> None:
        """Settle, once or again, what has expired; or what has not."""
        over = [n for n, item in self.world.instruments.items() if 0 < item.expiry_s <= self.world.clock_s]
        number = (
            self.choices.of(over)
            if over and self.choices.pick(6)
            else self.choices.of((*PLACES, 4_096, 65_535))
        )
        for _ in range(1 + self.choices.pick(2)):
            self.send(make(segment.SETTLE, instrument=number))
        if self.choices.pick(4):
            self.catch_up()

    def read_late(self, number: int) -> None:
        """The two readings that an expired instrument needs: late, as if the index had stood still."""
        item = self.world.instruments[number]
        coin = self.world.underlyings[item.underlying]
        for time_s in (item.expiry_s - params.SETTLEMENT_WINDOW_S, item.expiry_s):
            if (time_s, 0) > max(coin.readings.values(), default=(0, 0)) or self.choices.pick(4) == 0:
                cumulative = max(0, coin.cumulative - (coin.tick_time_s - time_s) * coin.index)
                tick = w.index_tick(self.world, item.underlying, coin.index or 1, time_s)
                self.send(tick | {"cumulative": cumulative})
                self.approve()

    def roll(self) -> None:
        """Settle what has expired, sweep its books, and list as much anew."""
        over = [n for n, item in self.world.instruments.items() if 0 < item.expiry_s <= self.world.clock_s]
        for number in over:
            if self.world.instruments[number].state == LISTED:
                self.read_late(number)
            self.send(make(segment.SETTLE, instrument=number), make(segment.SETTLE, instrument=number))
        live = [n for n, item in self.world.instruments.items() if item.state == LISTED and n not in over]
        if len(live) < 8:
            for _ in range(6):
                self.list_instrument()
            self.catch_up()

    def list_instrument(self) -> None:
        free = [n for n in PLACES if self.world.get_instrument(n).state in (EMPTY, SETTLED)]
        number = (
            self.choices.of(free) if free and self.choices.pick(12) else self.choices.of((*PLACES, 4_096))
        )
        kind, coin = self.choices.of((CALL, PUT, FUTURE, PERPETUAL)), self.pick_underlying()
        index = self.get_index(coin) or 1
        strike = (
            max(1, index + index * self.choices.of((0, -20, 20, 100)) // 1000) if kind in (CALL, PUT) else 0
        )
        day_s = self.world.clock_s // DAY_S * DAY_S
        expiry_s = 0 if kind == PERPETUAL else day_s + 28_800 + DAY_S * self.choices.of((0, 1, 2))
        steps = {"tick_step": self.choices.of((1, 5, 100)), "lot_step": self.choices.of((1, 10))}
        record = w.listing(number, kind, coin, strike, expiry_s, **steps)
        if self.choices.one_in(8):
            wrong = (
                ("type", 4),
                ("min_size", 0),
                ("min_size", 15),
                ("strike", 0),
                ("expiry_s", expiry_s + 1),
            )
            name, bad = self.choices.of(wrong)
            record[name] = bad
        self.send(record)
        self.approve()
        if self.choices.pick(4) and coin < self.world.underlying_count:
            self.publish_whole(coin)
