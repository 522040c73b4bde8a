"""Questions to the database, with answers in pages.

    history = History(open_database(path))
    page = history.get_fills(account=16, limit=100)
    while page.continuation is not None:
        page = history.get_fills(account=16, limit=100, continuation=page.continuation)

Rows come newest first unless asked otherwise. A continuation stays good while new rows arrive: it names the
last row that was given. History reads only; several threads may use it, beside an indexer that writes.
"""

from collections.abc import Sequence
from typing import Any, Final, TypeVar

from sqlalchemy import ColumnElement, Select, Table, and_, func, or_, select
from sqlalchemy.exc import SQLAlchemyError

from miletus.indexer import schema, views
from miletus.indexer.asking import among, check_limit, of_batch, parse_continuation, within
from miletus.indexer.candles import MINUTE_MS
from miletus.indexer.database import Database, explain
from miletus.indexer.errors import IndexerError
from miletus.indexer.places import BATCH_SPAN

DAY_MINUTES: Final = 1_440

T = TypeVar("T")


class History:
    """Answers from one database. Every method raises IndexerError when it can't be read."""

    def __init__(self, database: Database) -> None:
        self.database = database

    # ---- trades and orders

    def get_fills(
        self,
        *,
        account: int | None = None,
        instruments: Sequence[int] | None = None,
        order: int | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
        oldest_first: bool = False,
        limit: int = 100,
        continuation: str | None = None,
    ) -> views.Page[views.FillView]:
        """Fills, of everybody or of an account; times are inclusive, `order` is an order's id."""
        t = schema.fills
        tests = within(t.c.time_ms, start_ms, end_ms) + among(t.c.instrument, instruments)
        if order is not None:
            tests.append(or_(t.c.taker_order == order, t.c.maker_order == order))
        if account is None:
            return self._page(t, tests, views.FillView, oldest_first, limit, continuation)
        parts = [
            self._page(t, [*tests, column == account], views.FillView, oldest_first, limit, continuation)
            for column in (t.c.taker, t.c.maker)
        ]
        rows = sorted((row for part in parts for row in part.rows), key=lambda row: row.id)
        rows = rows if oldest_first else rows[::-1]
        more = len(rows) > limit or any(part.continuation is not None for part in parts)
        return views.Page(
            tuple(rows[:limit]), str(rows[limit - 1].id) if more and len(rows) >= limit else None
        )

    def get_fill(self, number: int, place: int) -> views.FillView | None:
        """A fill by the number of its taker's word and its place there, in the last epoch that has it."""
        t = schema.fills
        batch = self.find_batch(number)
        if batch is None:
            return None
        tests = [t.c.number == number, t.c.place == place, *of_batch(t.c.id, batch.number)]
        return self._one(select(t).where(*tests), views.FillView)

    def get_orders(
        self,
        *,
        account: int,
        instruments: Sequence[int] | None = None,
        states: Sequence[str] | None = ("filled", "cancelled"),
        start_ms: int | None = None,
        end_ms: int | None = None,
        oldest_first: bool = False,
        limit: int = 100,
        continuation: str | None = None,
    ) -> views.Page[views.OrderView]:
        """Orders of an account by when they were placed; those that are over, or of other states."""
        t = schema.orders
        tests = [t.c.account == account, *within(t.c.created_ms, start_ms, end_ms)]
        tests += among(t.c.instrument, instruments) + among(t.c.state, states)
        return self._page(t, tests, views.OrderView, oldest_first, limit, continuation)

    def get_order(self, order: int) -> views.OrderView | None:
        """An order by its id."""
        t = schema.orders
        return self._one(select(t).where(t.c.id == order), views.OrderView)

    def find_order(self, account: int, slot: int, generation: int) -> views.OrderView | None:
        """The last order that had this slot and generation and was not rejected."""
        t = schema.orders
        tests = (
            t.c.account == account,
            t.c.slot == slot,
            t.c.generation == generation,
            t.c.state != "rejected",
        )
        return self._one(select(t).where(*tests).order_by(t.c.id.desc()).limit(1), views.OrderView)

    # ---- money

    def get_transactions(
        self,
        *,
        account: int,
        kinds: Sequence[str] | None = None,
        instruments: Sequence[int] | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
        oldest_first: bool = False,
        limit: int = 100,
        continuation: str | None = None,
    ) -> views.Page[views.TransactionView]:
        """The transaction log of an account."""
        t = schema.transactions
        tests = [t.c.account == account, *within(t.c.time_ms, start_ms, end_ms), *among(t.c.kind, kinds)]
        tests += among(t.c.instrument, instruments)
        return self._page(t, tests, views.TransactionView, oldest_first, limit, continuation)

    def get_deposits(
        self, *, account: int, oldest_first: bool = False, limit: int = 100, continuation: str | None = None
    ) -> views.Page[views.DepositView]:
        """Deposits that the exchange took in."""
        t = schema.deposits
        return self._page(t, [t.c.account == account], views.DepositView, oldest_first, limit, continuation)

    def get_withdrawals(
        self, *, account: int, oldest_first: bool = False, limit: int = 100, continuation: str | None = None
    ) -> views.Page[views.WithdrawalView]:
        """Withdrawals that the exchange put out, paid on L1 or not."""
        t = schema.withdrawals
        return self._page(
            t, [t.c.account == account], views.WithdrawalView, oldest_first, limit, continuation
        )

    def get_portfolio(
        self,
        *,
        account: int,
        start_ms: int | None = None,
        end_ms: int | None = None,
        oldest_first: bool = False,
        limit: int = 1_000,
        continuation: str | None = None,
    ) -> views.Page[views.PortfolioView]:
        """Cash, equity and requirement of an account over time."""
        t = schema.portfolio
        tests = [t.c.account == account, *within(t.c.time_ms, start_ms, end_ms)]
        return self._page(t, tests, views.PortfolioView, oldest_first, limit, continuation)

    def get_holdings(self, account: int, time_ms: int | None = None) -> list[views.HoldingView]:
        """Positions of an account that are not zero, with what they cost: now, or at a time.

        They are those of the last segment that ended; the node has those of this moment.
        """
        t = schema.positions
        tests = [t.c.account == account, *within(t.c.time_ms, None, time_ms)]
        last = select(t.c.instrument, func.max(t.c.id).label("id")).where(*tests).group_by(t.c.instrument)
        found = last.subquery()
        query = select(t).join(found, and_(t.c.instrument == found.c.instrument, t.c.id == found.c.id))
        rows = self._all(query.where(t.c.account == account).order_by(t.c.instrument), views.HoldingView)
        return [row for row in rows if row.size_lots]

    # ---- expiry

    def get_settlements(
        self,
        *,
        underlying: int | None = None,
        instruments: Sequence[int] | None = None,
        oldest_first: bool = False,
        limit: int = 100,
        continuation: str | None = None,
    ) -> views.Page[views.SettlementView]:
        """Settled instruments."""
        t = schema.settlements
        tests = among(t.c.instrument, instruments)
        if underlying is not None:
            tests.append(t.c.underlying == underlying)
        return self._page(t, tests, views.SettlementView, oldest_first, limit, continuation)

    def get_delivery_prices(
        self, underlying: int, limit: int = 100, offset: int = 0
    ) -> list[tuple[int, int]]:
        """(expiry in seconds, settlement price in ticks) of an underlying's expiries, the last one first."""
        t = schema.settlements.c
        query = select(t.expiry_s, func.max(t.settlement_ticks)).where(t.underlying == underlying)
        query = query.group_by(t.expiry_s).order_by(t.expiry_s.desc())
        return [
            (int(row[0]), int(row[1])) for row in self._read(query.limit(check_limit(limit)).offset(offset))
        ]

    def get_deliveries(
        self,
        *,
        account: int,
        instruments: Sequence[int] | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
        oldest_first: bool = False,
        limit: int = 100,
        continuation: str | None = None,
    ) -> views.Page[views.DeliveryView]:
        """What settlements brought an account. A settlement's id is that of the word that made it."""
        t = schema.deliveries
        tests = [t.c.account == account, *within(t.c.time_ms, start_ms, end_ms)]
        tests += among(t.c.instrument, instruments)
        return self._page(t, tests, views.DeliveryView, oldest_first, limit, continuation)

    # ---- markets

    def get_instruments(
        self, *, underlying: int | None = None, state: int | None = None
    ) -> list[views.InstrumentRecord]:
        """Instruments that were ever listed, by number; state 1 listed, 2 settled."""
        t = schema.instruments
        tests: list[ColumnElement[bool]] = []
        if underlying is not None:
            tests.append(t.c.underlying == underlying)
        if state is not None:
            tests.append(t.c.state == state)
        return self._all(select(t).where(*tests).order_by(t.c.instrument), views.InstrumentRecord)

    def get_candles(
        self, instrument: int, start_ms: int, end_ms: int, minutes: int = 1
    ) -> list[views.CandleView]:
        """Candles of so many minutes that begin between two times; only those with fills, oldest first.

        They begin at multiples of their length since 1970.
        """
        if minutes < 1:
            raise IndexerError(f"candles of {minutes} minutes: ask for 1 or more")
        t = schema.candles
        first = start_ms // MINUTE_MS // minutes * minutes
        last = end_ms // MINUTE_MS // minutes * minutes + minutes - 1
        query = select(t).where(t.c.instrument == instrument, t.c.minute >= first, t.c.minute <= last)
        found: list[views.CandleView] = []
        for row in self._read(query.order_by(t.c.minute)):
            _, minute, _, opening, high, low, close, volume, notional, fills = row
            begin = minute // minutes * minutes * MINUTE_MS
            if found and found[-1].start_ms == begin:
                old = found.pop()
                opening, high, low = old.open_ticks, max(high, old.high_ticks), min(low, old.low_ticks)
                volume, notional = volume + old.volume_lots, notional + old.notional_micros
                fills += old.fills
            found.append(views.CandleView(begin, opening, high, low, close, volume, notional, fills))
        return [candle for candle in found if start_ms - minutes * MINUTE_MS < candle.start_ms <= end_ms]

    def get_day(self, instrument: int, now_ms: int) -> views.DayView:
        """The 24 hours before a time, to the minute."""
        minute = now_ms // MINUTE_MS
        first = (minute - DAY_MINUTES + 1) * MINUTE_MS
        (day,) = self.get_days([instrument], first, now_ms).values()
        return day

    def get_days(self, instruments: Sequence[int], start_ms: int, end_ms: int) -> dict[int, views.DayView]:
        """What was traded of instruments between two times, to the minute."""
        t = schema.candles
        query = select(t).where(
            t.c.instrument.in_(instruments),
            t.c.minute >= start_ms // MINUTE_MS,
            t.c.minute <= end_ms // MINUTE_MS,
        )
        days = {number: views.DayView(None, None, None, None, 0, 0, 0) for number in instruments}
        for row in self._read(query.order_by(t.c.minute)):
            number, _, _, opening, high, low, close, volume, notional, fills = row
            day = days[number]
            days[number] = views.DayView(
                opening if day.first_ticks is None else day.first_ticks,
                close,
                high if day.high_ticks is None else max(high, day.high_ticks),
                low if day.low_ticks is None else min(low, day.low_ticks),
                day.volume_lots + volume,
                day.notional_micros + notional,
                day.fills + fills,
            )
        return days

    def get_indices(
        self, underlying: int, *, start_s: int | None = None, end_s: int | None = None, limit: int = 1_000
    ) -> list[views.IndexView]:
        """The index over time, newest first."""
        t = schema.indices
        tests = [t.c.underlying == underlying, *within(t.c.time_s, start_s, end_s)]
        query = select(t).where(*tests).order_by(t.c.id.desc()).limit(check_limit(limit))
        return self._all(query, views.IndexView)

    # ---- batches

    def get_batches(
        self, *, oldest_first: bool = False, limit: int = 100, continuation: str | None = None
    ) -> views.Page[views.BatchView]:
        """Batches by number."""
        t = schema.batches
        return self._page(t, [], views.BatchView, oldest_first, limit, continuation, key="number")

    def get_batch(self, number: int) -> views.BatchView | None:
        """A batch by its number."""
        t = schema.batches
        return self._one(select(t).where(t.c.number == number), views.BatchView)

    def find_batch(self, number: int) -> views.BatchView | None:
        """The batch that holds a number of the sequencer; the last epoch's if several had it."""
        t = schema.batches
        tests = (t.c.first_number > 0, t.c.first_number <= number)
        end = t.c.first_number + t.c.words + t.c.segments
        query = select(t).where(*tests, end >= number).order_by(t.c.number.desc()).limit(1)
        return self._one(query, views.BatchView)

    def get_batch_of(self, row_id: int) -> views.BatchView | None:
        """The batch that a row is of, by the row's id."""
        return self.get_batch(row_id // BATCH_SPAN)

    def get_proofs(self, batch: int | None = None, *, limit: int = 1_000) -> list[views.ProofView]:
        """Proofs of batches' parts that L1 has, of a batch or of all, the newest first."""
        t = schema.proofs
        query = select(t).order_by(t.c.l1_block.desc(), t.c.batch.desc(), t.c.part.desc())
        if batch is not None:
            query = query.where(t.c.batch == batch)
        return self._all(query.limit(check_limit(limit)), views.ProofView)

    def get_removals(self, *, limit: int = 1_000) -> list[views.RemovalView]:
        """Batches that L1 removed, the newest first."""
        t = schema.removals
        query = select(t).order_by(t.c.l1_block.desc(), t.c.batch.desc()).limit(check_limit(limit))
        return self._all(query, views.RemovalView)

    # ---- inside

    def _page(
        self,
        table: Table,
        tests: list[ColumnElement[bool]],
        kind: type[T],
        oldest_first: bool,
        limit: int,
        continuation: str | None,
        key: str = "id",
    ) -> views.Page[T]:
        column = table.c[key]
        if continuation is not None:
            last = parse_continuation(continuation)
            tests = [*tests, column > last if oldest_first else column < last]
        query = select(table).where(*tests).order_by(column if oldest_first else column.desc())
        rows = self._all(query.limit(check_limit(limit) + 1), kind)
        if len(rows) <= limit:
            return views.Page(tuple(rows), None)
        last_row: Any = rows[limit - 1]
        last_id = getattr(last_row, key)
        kept = rows[:limit]
        if getattr(rows[limit], key) == last_id:  # several rows have this id: give them all
            same = select(table).where(*tests, column == last_id)
            kept = [row for row in kept if getattr(row, key) != last_id] + self._all(same, kind)
        return views.Page(tuple(kept), str(last_id))

    def _one(self, query: Select[Any], kind: type[T]) -> T | None:
        rows = self._all(query.limit(1), kind)
        return rows[0] if rows else None

    def _all(self, query: Select[Any], kind: type[T]) -> list[T]:
        return [kind(*row) for row in self._read(query)]

    def _read(self, query: Select[Any]) -> list[Any]:
        try:
            with self.database.engine.connect() as connection:
                return list(connection.execute(query))
        except SQLAlchemyError as error:
            raise explain(error, self.database.engine.url) from None
