"""SQLite or PostgreSQL: opening a database, and writing many rows at once into it.

    database = open_database("sqlite:///history.sqlite")        # or a path
    database = open_database("postgresql://user@host/name")

SQLite takes rows as one prepared statement, PostgreSQL by COPY, since its driver in Python sends rows one by
one otherwise.
"""

import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, Table, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from miletus.indexer import schema
from miletus.indexer.errors import IndexerError, OtherVersion

Row = tuple[Any, ...]
"""Values in the order of the table's columns."""

BUSY_SECONDS: Final = 10.0
"""How long SQLite waits for another process that writes."""

CHUNK_ROWS: Final = 20_000
"""Rows that go into one statement of PostgreSQL's COPY."""


class Database:
    """An open database; threads may share it, each with a connection of its own."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.is_sqlite = engine.dialect.name == "sqlite"

    @property
    def address(self) -> str:
        """Where it is, without a password."""
        return self.engine.url.render_as_string(hide_password=True)

    def close(self) -> None:
        """Close what is open."""
        self.engine.dispose()

    def begin(self) -> "Transaction":
        """A transaction: `with database.begin() as connection`. Errors of the database are IndexerError."""
        return Transaction(self)

    def insert(self, connection: Connection, table: Table, rows: Sequence[Row]) -> None:
        """Add rows that are not there."""
        if rows:
            if self.is_sqlite:
                connection.exec_driver_sql(_build_insert(table), list(rows))
            else:
                self._copy(connection, table.name, table, rows)

    def upsert(self, connection: Connection, table: Table, rows: Sequence[Row]) -> None:
        """Add rows, or put them in the place of those with the same key. No key may come twice."""
        if not rows:
            return
        if self.is_sqlite:
            connection.exec_driver_sql(_build_insert(table) + _build_conflict(table), list(rows))
            return
        draft = f"draft_{table.name}"
        connection.exec_driver_sql(
            f"CREATE TEMPORARY TABLE IF NOT EXISTS {draft} (LIKE {table.name}) ON COMMIT DELETE ROWS"
        )
        self._copy(connection, draft, table, rows)
        connection.exec_driver_sql(
            f"INSERT INTO {table.name} SELECT * FROM {draft} WHERE TRUE{_build_conflict(table)}"
        )
        connection.exec_driver_sql(f"DELETE FROM {draft}")

    def _copy(self, connection: Connection, name: str, table: Table, rows: Sequence[Row]) -> None:
        columns = ", ".join(column.name for column in table.columns)
        for at in range(0, len(rows), CHUNK_ROWS):
            stream = io.StringIO("".join(map(_encode_row, rows[at : at + CHUNK_ROWS])))
            cursor: Any = connection.connection.cursor()
            cursor.execute(f"COPY {name} ({columns}) FROM STDIN", stream=stream)
            cursor.close()


class Transaction:
    """A transaction whose errors are the indexer's."""

    def __init__(self, database: Database) -> None:
        self._url = database.engine.url
        self._context = database.engine.begin()

    def __enter__(self) -> Connection:
        try:
            return self._context.__enter__()
        except SQLAlchemyError as error:
            raise explain(error, self._url) from None

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        try:
            self._context.__exit__(kind, error, trace)
        except SQLAlchemyError as failure:
            raise explain(failure, self._url) from None
        if isinstance(error, SQLAlchemyError):
            raise explain(error, self._url) from None


def open_database(address: str | Path) -> Database:
    """Open a database and make its tables if it has none.

    Args:
        address: a file for SQLite, or a URL (`sqlite:///...`, `postgresql://user:password@host/name`).

    Raises:
        IndexerError: it can't be reached, or has tables of another version.

    """
    url = parse_address(address)
    try:
        engine = _make_engine(url)
        database = Database(engine)
        with engine.begin() as connection:
            schema.metadata.create_all(connection)
            _check_version(connection, database.address)
    except SQLAlchemyError as error:
        raise explain(error, url) from None
    except OSError as error:
        raise IndexerError(f"{url.host}: {error.strerror or error}: is the database running?") from None
    return database


def parse_address(address: str | Path) -> URL:
    """A URL of a dialect that we know. Raises IndexerError."""
    text_ = str(address)
    if "://" not in text_:
        return URL.create("sqlite", database=text_)
    try:
        url = make_url(text_)
    except ArgumentError:
        raise IndexerError(f"{text_[:60]!r} is no database: give a file, or postgresql://...") from None
    if url.drivername in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+pg8000")
    if url.drivername not in ("sqlite", "postgresql+pg8000"):
        raise IndexerError(f"{url.drivername}: give a file for SQLite, or a URL that begins postgresql://")
    return url


def explain(error: SQLAlchemyError, url: URL) -> IndexerError:
    """The line for an error of the database."""
    cause = getattr(error, "orig", None) or error
    what = cause.args[0] if getattr(cause, "args", None) else cause
    if isinstance(what, dict):  # PostgreSQL's fields of an error; M is the message
        what = what.get("M", what)
    where = url.render_as_string(hide_password=True)
    return IndexerError(f"{where}: {' '.join(str(what).split())}: check the address and its rights")


def _make_engine(url: URL) -> Engine:
    if url.drivername != "sqlite":
        return create_engine(url, pool_pre_ping=True)
    if url.database in (None, "", ":memory:"):
        raise IndexerError("the indexer keeps a file: give its path")
    engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": BUSY_SECONDS})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, record: object) -> None:
        connection.isolation_level = None  # transactions are begun by us, see below
        for pragma in (
            "journal_mode=WAL",
            "synchronous=NORMAL",
            "temp_store=MEMORY",
            "cache_size=-65536",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


def _check_version(connection: Connection, where: str) -> None:
    found = connection.execute(text("SELECT value FROM facts WHERE name = 'version'")).scalar()
    if found is None:
        connection.execute(schema.facts.insert().values(name="version", value=str(schema.VERSION)))
    elif found != str(schema.VERSION):
        raise OtherVersion(
            f"{where} has tables of version {found}, this program writes {schema.VERSION}: give another "
            "database; it is filled again from L1"
        )


def _build_insert(table: Table) -> str:
    columns = [column.name for column in table.columns]
    return f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"


def _build_conflict(table: Table) -> str:
    keys = [column.name for column in table.primary_key.columns]
    others = [column.name for column in table.columns if column.name not in keys]
    values = ", ".join(f"{name} = excluded.{name}" for name in others)
    return f" ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {values}"


def _encode_row(row: Iterable[Any]) -> str:
    """A row in COPY's text format."""
    return "\t".join(map(_encode_value, row)) + "\n"


def _encode_value(value: Any) -> str:
    if value is None:
        return r"\N"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, bytes):
        return "\\\\x" + value.hex()
    escaped = str(value).replace("\\", "\\\\")
    return escaped.replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
