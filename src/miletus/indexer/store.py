"""What is in the database between two batches: writing a batch's rows, taking batches back, going on.

Everything of one flush is one transaction, the machine's pages too, so after a crash at any moment the
database stands at the end of some flush. Rows of a batch that was not closed go at the next start.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Table, delete, func, select, text

from miletus.indexer import schema
from miletus.indexer.candles import MINUTE_MS, Candle
from miletus.indexer.database import Database
from miletus.indexer.errors import IndexerError
from miletus.indexer.orders import OPEN, Order
from miletus.indexer.places import first_id
from miletus.indexer.positions import Position

NUMBERS_AT_ONCE: Final = 500
"""Values in one list of a statement; SQLite takes at most 32,766."""

BATCH_COLUMNS: Final = tuple(
    column.name for column in schema.batches.columns if not column.name.startswith("l1_")
)
"""Columns of a batch that do not come from L1's blocks."""


class Store:
    """The tables of one deployment."""

    def __init__(self, database: Database, identity: str) -> None:
        self.database = database
        with self.database.begin() as connection:
            found = connection.execute(_select_fact("identity")).scalar()
            if found is None:
                connection.execute(schema.facts.insert().values(name="identity", value=identity))
            elif found != identity:
                raise IndexerError(
                    f"{database.address} is the history of {found}, not of {identity}: give another database"
                )

    # ---- going on

    def get_last_batch(self) -> tuple[int, int, int, int] | None:
        """Number, epoch, first number and numbers taken of the last closed batch; None if there is none."""
        t = schema.batches.c
        query = select(t.number, t.epoch, t.first_number, t.words + t.segments + 1).where(t.closed == 1)
        with self.database.begin() as connection:
            row = connection.execute(query.order_by(t.number.desc()).limit(1)).first()
        return None if row is None else (int(row[0]), int(row[1]), int(row[2]), int(row[3]))

    def get_last_numbered(self) -> tuple[int, int] | None:
        """Epoch of the last batch of the sequencer, and the number after it."""
        t = schema.batches.c
        query = select(t.epoch, t.first_number + t.words + t.segments + 1)
        query = query.where(t.closed == 1, t.first_number > 0).order_by(t.number.desc()).limit(1)
        with self.database.begin() as connection:
            row = connection.execute(query).first()
        return None if row is None else (int(row[0]), int(row[1]))

    def get_digest(self, number: int) -> str | None:
        """The digest of a closed batch."""
        t = schema.batches.c
        query = select(t.digest).where(t.closed == 1, t.number == number)
        with self.database.begin() as connection:
            found = connection.execute(query).scalar()
        return None if found is None else str(found)

    def load_pages(self) -> list[tuple[int, bytes]]:
        """The state after the last closed batch; empty if it was never written."""
        t = schema.pages.c
        with self.database.begin() as connection:
            rows = connection.execute(select(t.number, t.fields).order_by(t.number))
            return [(int(row[0]), bytes(row[1])) for row in rows]

    def save_first_pages(self, pages: Sequence[tuple[int, bytes]]) -> None:
        """Write the state before the first batch."""
        with self.database.begin() as connection:
            self.database.upsert(connection, schema.pages, [(number, 0, raw) for number, raw in pages])

    def load_resting(self) -> list[Order]:
        """Orders that rest."""
        query = select(schema.orders).where(schema.orders.c.state == OPEN)
        with self.database.begin() as connection:
            return [Order(*row) for row in connection.execute(query)]

    def load_candles(self, clock_ms: int) -> list[Candle]:
        """Candles of the running minute."""
        query = select(schema.candles).where(schema.candles.c.minute >= clock_ms // MINUTE_MS)
        with self.database.begin() as connection:
            return [Candle(*row) for row in connection.execute(query)]

    def load_positions(self) -> dict[int, dict[int, Position]]:
        """The last row of every position, by account and instrument."""
        t = schema.positions.c
        last = select(t.account, t.instrument, func.max(t.id).label("id")).group_by(t.account, t.instrument)
        latest = last.subquery()
        query = select(t.account, t.instrument, t.size_lots, t.cost_micros, t.profit_micros).join(
            latest,
            (t.account == latest.c.account) & (t.instrument == latest.c.instrument) & (t.id == latest.c.id),
        )
        held: dict[int, dict[int, Position]] = {}
        with self.database.begin() as connection:
            for account, instrument, *values in connection.execute(query):
                held.setdefault(int(account), {})[int(instrument)] = Position(*map(int, values))
        return held

    def load_instruments(self) -> dict[int, tuple[Any, ...]]:
        """Rows of all instruments by number."""
        with self.database.begin() as connection:
            return {row[0]: tuple(row) for row in connection.execute(select(schema.instruments))}

    # ---- writing

    def write(
        self,
        batch: int,
        rows: dict[str, list[tuple[Any, ...]]],
        changed: dict[str, list[tuple[Any, ...]]],
        before: dict[str, list[tuple[Any, ...]]],
        head: dict[str, Any],
        pages: Sequence[tuple[int, bytes]] = (),
    ) -> None:
        """Write what was made of a batch, all or nothing; `pages` at its end."""
        with self.database.begin() as connection:
            notes = [
                (batch, name, _get_key(schema.metadata.tables[name], row), json.dumps(row))
                for name, kept in before.items()
                for row in kept
            ]
            self.database.insert(connection, schema.undo, notes)
            for table in schema.CHANGING:
                self.database.upsert(connection, table, changed.get(table.name, []))
            for table in schema.GROWING:
                self.database.insert(connection, table, rows.get(table.name, []))
            if pages:
                self._write_pages(connection, batch, pages)
            self._write_head(connection, head)

    def _write_pages(self, connection: Connection, batch: int, pages: Sequence[tuple[int, bytes]]) -> None:
        ids: dict[int, int] = {}
        for numbers in _chunks([number for number, _ in pages]):
            # numbers are our own integers; as parameters they would take longer than the rest of the batch
            among = f"FROM pages WHERE number IN ({', '.join(map(str, numbers))})"
            connection.exec_driver_sql(
                f"INSERT INTO page_undo (batch, number, id, fields) "
                f"SELECT {int(batch)}, number, id, fields {among}"
            )
            ids |= {
                int(row[0]): int(row[1]) for row in connection.exec_driver_sql(f"SELECT number, id {among}")
            }
        new_id = first_id(batch)
        rows = [(number, ids.get(number, new_id), raw) for number, raw in pages]
        self.database.upsert(connection, schema.pages, rows)

    def _write_head(self, connection: Connection, head: dict[str, Any]) -> None:
        columns = [name for name in BATCH_COLUMNS if name != "number"]
        names = ", ".join(BATCH_COLUMNS)
        values = ", ".join(f":{name}" for name in BATCH_COLUMNS)
        changes = ", ".join(f"{name} = excluded.{name}" for name in columns)
        connection.execute(
            text(
                f"INSERT INTO batches ({names}) VALUES ({values}) "
                f"ON CONFLICT (number) DO UPDATE SET {changes}"
            ),
            head,
        )

    # ---- taking back

    def roll_back(self, batch: int) -> None:
        """Take back a batch and every later one, with the state before it."""
        cut = first_id(batch)
        with self.database.begin() as connection:
            for table in schema.GROWING:
                connection.execute(delete(table).where(table.c.id >= cut))
            for table in schema.CHANGING:
                connection.execute(delete(table).where(table.c.id >= cut))
                self.database.upsert(connection, table, _read_undo(connection, table.name, batch))
            connection.execute(delete(schema.undo).where(schema.undo.c.batch >= batch))
            connection.execute(delete(schema.pages).where(schema.pages.c.id >= cut))
            self.database.upsert(connection, schema.pages, _read_page_undo(connection, batch))
            connection.execute(delete(schema.page_undo).where(schema.page_undo.c.batch >= batch))
            connection.execute(delete(schema.batches).where(schema.batches.c.number >= batch))

    def forget_undo(self, batch: int) -> None:
        """Batches up to this one are never taken back: let go of what they changed."""
        with self.database.begin() as connection:
            connection.execute(delete(schema.undo).where(schema.undo.c.batch <= batch))
            connection.execute(delete(schema.page_undo).where(schema.page_undo.c.batch <= batch))


def _select_fact(name: str) -> Any:
    return select(schema.facts.c.value).where(schema.facts.c.name == name)


def _get_key(table: Table, row: Sequence[Any]) -> str:
    names = [column.name for column in table.columns]
    return ",".join(str(row[names.index(column.name)]) for column in table.primary_key.columns)


def _read_undo(connection: Connection, name: str, batch: int) -> list[tuple[Any, ...]]:
    """Rows of a table as they were before a batch."""
    t = schema.undo.c
    query = select(t.key, t.row).where(t.name == name, t.batch >= batch).order_by(t.batch.desc())
    # the earliest note of a key comes last and stays
    found = {key: tuple(json.loads(row)) for key, row in connection.execute(query)}
    table = schema.metadata.tables[name]
    place = [column.name for column in table.columns].index("id")
    return [row for row in found.values() if row[place] < first_id(batch)]


def _read_page_undo(connection: Connection, batch: int) -> list[tuple[Any, ...]]:
    t = schema.page_undo.c
    query = select(t.number, t.id, t.fields).where(t.batch >= batch).order_by(t.batch.desc())
    found = {int(row[0]): (int(row[0]), int(row[1]), bytes(row[2])) for row in connection.execute(query)}
    return [row for row in found.values() if row[1] < first_id(batch)]


def _chunks(numbers: list[int]) -> Iterable[list[int]]:
    for at in range(0, len(numbers), NUMBERS_AT_ONCE):
        yield numbers[at : at + NUMBERS_AT_ONCE]
