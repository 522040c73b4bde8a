"""From what operations did to rows."""

from collections.abc import Iterable
from typing import Any, Final

from miletus.engine import events as E
from miletus.engine import layout as L
from miletus.engine.margin import compute_requirement
from miletus.engine.params import FIRST_ACCOUNT, REST_LOCK_MICROS, SLOTS
from miletus.engine.state import State
from miletus.indexer.candles import Candle, Candles
from miletus.indexer.marks import Marks
from miletus.indexer.orders import FORFEITS, Order, Orders
from miletus.indexer.places import PARTS, SEGMENT_END, first_id, make_id
from miletus.indexer.positions import FLAT, Position
from miletus.indexer.rerun import Outcome
from miletus.indexer.schema import GROWING

SAMPLE_MS: Final = 300_000
"""Pause between two rows of portfolio of an account that only holds."""

_SLOTS = int(SLOTS)

Rows = dict[str, list[tuple[Any, ...]]]
"""Rows by table."""


class Builder:
    """Makes rows of one batch after another; knows what rests, what is held and what money each account has.

    Money here is cash and locked together: what an order locks stays its owner's.
    """

    def __init__(
        self,
        state: State,
        resting: Iterable[Order],
        drawn: Iterable[Candle],
        held: dict[int, dict[int, Position]],
        listed: dict[int, tuple[Any, ...]],
    ) -> None:
        self.marks = Marks(state)
        self.orders = Orders(resting, 0)
        self.positions = held
        self.instruments = listed
        self.rows: Rows = {table.name: [] for table in GROWING}
        self.candles = Candles(drawn)
        self.listed: set[int] = set()
        """Instruments whose rows changed since they were written."""
        self.relisted: list[tuple[Any, ...]] = []
        """Rows of instruments of earlier batches, as they were before this batch."""
        self.fills = 0
        self._balances = {
            account: _read_balance(state, account)
            for account in range(int(FIRST_ACCOUNT), int(state.capacity))
            if _read_balance(state, account)
        }
        self._batch = self._segment = self._outbox = self._inbox_next = 0
        self._sampled_ms = int(state.cells[L.CLOCK_MS])
        self._touched: set[int] = set()
        self._moved: set[tuple[int, int]] = set()
        self._id = self._part = self._number = 0

    # ---- what the indexer calls

    def begin_batch(self, batch: int, inbox_first: int) -> None:
        """A batch begins, with its inbox segment."""
        self._batch, self._segment, self._outbox, self._inbox_next = batch, 0, 0, inbox_first
        self.fills = 0
        self.orders.begin_batch(first_id(batch))
        self.candles.begin_batch(first_id(batch))

    def take(self, outcome: Outcome, word: int, number: int, state: State, arrival_ms: int | None) -> None:
        """Make the rows of an operation whose first word has this place and number."""
        self._id, self._part, self._number = make_id(self._batch, self._segment, word), 0, number
        self.orders.begin(outcome, self._id, number, arrival_ms)
        place = 0
        for event in outcome.events:
            kind = event[0]
            if kind == E.FILL:
                self._fill(event, place, outcome.clock_ms, arrival_ms)
                place += 1
            elif kind == E.RESTED:
                self.orders.rest(event)
                self._touched.add(event[1] // _SLOTS)
            elif kind == E.REMOVED:
                self._remove(event, outcome.clock_ms)
            elif kind == E.REDUCED:
                self.orders.reduce(event)
            elif kind == E.INDEXED:
                self._take_index(event)
            elif kind == E.FLIPPED:
                self.marks.take_sheet(state, event[1])
            else:
                self._take_rare(kind, event, outcome, state)
        self.orders.end(outcome)
        if self._segment == 0:
            self._inbox_next += 1

    def end_segment(self, state: State, clock_ms: int) -> None:
        """A segment ends: what it changed of accounts and positions."""
        row_id = make_id(self._batch, self._segment, SEGMENT_END)
        self._id, self._part = row_id, 0
        self._reconcile(state, clock_ms, self._touched)
        for account, instrument in sorted(self._moved):
            position = self._check_position(state, account, instrument)
            self._add("positions", (account, instrument, row_id, clock_ms, *position))
        accounts = self._touched
        if clock_ms // SAMPLE_MS > self._sampled_ms // SAMPLE_MS:
            accounts = accounts | {
                account for account, held in self.positions.items() if any(p.size_lots for p in held.values())
            }
        self._sampled_ms = clock_ms
        self._sample(state, row_id, clock_ms, sorted(accounts))
        self._touched, self._moved = set(), set()
        self._segment += 1

    def end_batch(self, state: State, clock_ms: int) -> None:
        """A batch ends: no account's money may have changed without a row that says so."""
        self._segment -= 1
        self._id, self._part = make_id(self._batch, self._segment, SEGMENT_END), PARTS // 2
        known = range(int(FIRST_ACCOUNT), int(state.capacity))
        self._reconcile(state, clock_ms, known)
        self._sampled_ms = clock_ms
        self._touched = set()

    def take_rows(self) -> Rows:
        """Rows that were made since the last call."""
        rows, self.rows = self.rows, {name: [] for name in self.rows}
        return rows

    def take_fills(self) -> int:
        """How many fills there were since the last call."""
        count, self.fills = self.fills, 0
        return count

    def take_listed(self) -> list[tuple[Any, ...]]:
        """Rows of instruments that changed since the last call."""
        rows = [self.instruments[instrument] for instrument in sorted(self.listed)]
        self.listed = set()
        return rows

    def take_relisted(self) -> list[tuple[Any, ...]]:
        """Rows of instruments of earlier batches as they were before this one."""
        rows, self.relisted = self.relisted, []
        return rows

    def get_position(self, account: int, instrument: int) -> Position:
        """A position as the last word left it."""
        return self.positions.get(account, {}).get(instrument, FLAT)

    # ---- events

    def _fill(self, event: tuple[int, ...], place: int, clock_ms: int, arrival_ms: int | None) -> None:
        _, maker_name, taker_name, book, price, lots, fee = event
        instrument, side = divmod(book, 2)
        maker, taker = maker_name // _SLOTS, taker_name // _SLOTS
        makers, takers = self.orders.find(maker_name), self.orders.find(taker_name)
        self.orders.fill(makers, price, lots)
        self.orders.fill(takers, price, lots)
        underlying = self.instruments[instrument][3] if instrument in self.instruments else 0
        fill_id = self._id + place
        self._add(
            "fills",
            (
                fill_id,
                self._number,
                place,
                clock_ms,
                instrument,
                side,
                price,
                lots,
                fee,
                self.marks.get_index(underlying),
                self.marks.compute_mark(instrument),
                taker,
                None if takers is None else takers.id,
                maker,
                None if makers is None else makers.id,
                arrival_ms,
            ),
        )
        self.fills += 1
        bought = -lots if side else lots
        self._trade(taker, instrument, bought, price, fee, clock_ms, maker, fill_id)
        self._trade(maker, instrument, -bought, price, 0, clock_ms, taker, fill_id)
        self.candles.draw(instrument, clock_ms, price, lots, fill_id)

    def _trade(
        self,
        account: int,
        instrument: int,
        lots: int,
        price: int,
        fee: int,
        time_ms: int,
        other: int,
        fill: int,
    ) -> None:
        before = self.get_position(account, instrument)
        after = before.traded(lots, price)
        self._hold(account, instrument, after)
        self._moved.add((account, instrument))
        self._book(
            account, "trade", time_ms, -lots * price - fee, instrument=instrument, lots=lots,
            price_ticks=price, fee_micros=fee, position_lots=after.size_lots,
            profit_micros=after.profit_micros - before.profit_micros, counterparty=other, fill=fill,
        )  # fmt: skip

    def _remove(self, event: tuple[int, ...], clock_ms: int) -> None:
        self.orders.remove(event)
        account = event[1] // _SLOTS
        self._touched.add(account)
        if event[2] in FORFEITS:
            self._book(account, "eviction", clock_ms, -int(REST_LOCK_MICROS), instrument=event[4] // 2)

    def _take_index(self, event: tuple[int, ...]) -> None:
        _, underlying, index, time_s, late, _, _ = event
        if not late:
            self.marks.take_tick(underlying, index)
            self._add("indices", (underlying, self._id, time_s, index))

    def _take_rare(self, kind: int, event: tuple[int, ...], outcome: Outcome, state: State) -> None:
        clock_ms = outcome.clock_ms
        if kind == E.SWEPT:
            self._sweep(event, clock_ms)
        elif kind == E.SETTLED:
            self._settle(event, clock_ms, state)
        elif kind == E.DEPOSITED:
            self._book(event[1], "deposit", clock_ms, event[2])
            self._add("deposits", (self._id, event[1], event[2], clock_ms, self._inbox_next))
        elif kind == E.WITHDRAWN:
            account, amount = event[1], event[2]
            self._book(account, "withdrawal", clock_ms, -amount)
            owner = "0x" + _read_owner(state, account).hex()
            self._add(
                "withdrawals", (self._id, account, owner, amount, clock_ms, self._batch, self._outbox, None)
            )
            self._outbox += 1
        elif kind == E.TRANSFERRED:
            _, source, target, amount, _, _, _ = event
            self._book(source, "transfer", clock_ms, -amount, counterparty=target)
            self._book(target, "transfer", clock_ms, amount, counterparty=source)
        elif kind == E.LISTED:
            self._list(event[1], clock_ms, state)

    def _sweep(self, event: tuple[int, ...], clock_ms: int) -> None:
        _, account, instrument, lots, payoff, _, _ = event
        before = self.get_position(account, instrument)
        after = before.settled(payoff)
        self._hold(account, instrument, after)
        self._moved.add((account, instrument))
        self._book(
            account, "delivery", clock_ms, lots * payoff, instrument=instrument, lots=-lots,
            price_ticks=payoff, profit_micros=after.profit_micros - before.profit_micros,
        )  # fmt: skip

    def _settle(self, event: tuple[int, ...], clock_ms: int, state: State) -> None:
        _, instrument, payoff, price, _, _, _ = event
        self.marks.take_settlement(instrument, payoff)
        at = state.instrument(instrument)
        underlying, expiry_s = (int(state.cells[at + n]) for n in (L.INSTRUMENT_UNDERLYING, L.EXPIRY_S))
        self._add("settlements", (instrument, self._id, underlying, expiry_s, clock_ms, price, payoff))
        for account in range(int(FIRST_ACCOUNT), int(state.capacity)):
            lots = int(state.get_position_lots(account, instrument))
            if lots:
                cost = self.get_position(account, instrument).cost_micros
                self._add(
                    "deliveries",
                    (account, instrument, self._id, clock_ms, lots, price, payoff, lots * payoff,
                     lots * payoff - cost),
                )  # fmt: skip
        before = self.instruments.get(instrument)
        if before is not None:
            if before[1] < first_id(self._batch):
                self.relisted.append(before)
            self.instruments[instrument] = (*before[:10], 2, clock_ms, price, payoff)
            self.listed.add(instrument)

    def _list(self, instrument: int, clock_ms: int, state: State) -> None:
        at, cells = state.instrument(instrument), state.cells
        names = (
            L.INSTRUMENT_TYPE, L.INSTRUMENT_UNDERLYING, L.STRIKE, L.EXPIRY_S, L.TICK_STEP, L.LOT_STEP,
            L.MIN_SIZE,
        )  # fmt: skip
        terms = (int(cells[at + name]) for name in names)
        self.instruments[instrument] = (instrument, self._id, *terms, clock_ms, 1, None, None, None)
        self.listed.add(instrument)

    # ---- rows

    def _hold(self, account: int, instrument: int, position: Position) -> None:
        self.positions.setdefault(account, {})[instrument] = position

    def _add(self, table: str, row: tuple[Any, ...]) -> None:
        self.rows[table].append(row)

    def _book(
        self, account: int, kind: str, time_ms: int, change_micros: int, *, instrument: int | None = None,
        lots: int = 0, price_ticks: int = 0, fee_micros: int = 0, position_lots: int = 0,
        profit_micros: int = 0, counterparty: int | None = None, fill: int | None = None,
    ) -> None:  # fmt: skip
        """A change of an account's money; the exchange's own accounts have no log."""
        if account < FIRST_ACCOUNT:
            return
        balance = self._balances.get(account, 0) + change_micros
        self._balances[account] = balance
        self._touched.add(account)
        self._add(
            "transactions",
            (self._id + self._part, self._number, time_ms, account, kind, instrument, lots, price_ticks,
             fee_micros, change_micros, balance, position_lots, profit_micros, counterparty, fill),
        )  # fmt: skip
        self._part += 1

    def _reconcile(self, state: State, clock_ms: int, accounts: Iterable[int]) -> None:
        """Book what the events did not tell, so that the log always adds up to the state."""
        for account in sorted(accounts) if isinstance(accounts, set) else accounts:
            missing = _read_balance(state, account) - self._balances.get(account, 0)
            if missing and account >= FIRST_ACCOUNT and self._part < PARTS - 1:
                self._book(account, "adjustment", clock_ms, missing)

    def _check_position(self, state: State, account: int, instrument: int) -> Position:
        position = self.get_position(account, instrument)
        lots = int(state.get_position_lots(account, instrument))
        if lots != position.size_lots:
            position = position.traded(lots - position.size_lots, self.marks.compute_mark(instrument))
            self._hold(account, instrument, position)
        return position

    def _sample(self, state: State, row_id: int, clock_ms: int, accounts: list[int]) -> None:
        marks: dict[int, int] = {}
        for account in accounts:
            value = 0
            for instrument, held in self.positions.get(account, {}).items():
                if held.size_lots:
                    if instrument not in marks:
                        marks[instrument] = self.marks.compute_mark(instrument)
                    value += held.size_lots * marks[instrument]
            header = state.header(account)
            cash, locked = int(state.cells[header + L.CASH]), int(state.cells[header + L.LOCKED])
            required = int(compute_requirement(state, account))
            self._add("portfolio", (account, row_id, clock_ms, cash, locked, cash + value, required))


def _read_balance(state: State, account: int) -> int:
    header = state.header(account)
    return int(state.cells[header + L.CASH]) + int(state.cells[header + L.LOCKED])


def _read_owner(state: State, account: int) -> bytes:
    header = state.header(account)
    value = sum(int(state.cells[header + k]) << (52 * k) for k in range(4))
    return value.to_bytes(20, "big")
