"""One writer for a database: a second indexer on it would write the same rows again, and take back ours."""

import fcntl
from pathlib import Path
from typing import Final, Protocol

from sqlalchemy import text

from miletus.indexer.database import Database
from miletus.indexer.errors import IndexerError

ADVISORY_KEY: Final = 0x6D696C65
"""PostgreSQL's lock of a database's writer; locks are each database's own."""


class Closable(Protocol):
    """Something that is given up by closing it; so the operating system does for a process that ended."""

    def close(self) -> None:
        """Give it up."""


def hold(database: Database) -> Closable:
    """Be the writer of a database until what is returned is closed. IndexerError if another one is."""
    if database.is_sqlite:
        return hold_file(Path(str(database.engine.url.database)))
    connection = database.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    if not connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": ADVISORY_KEY}).scalar():
        connection.close()
        raise refuse(database.address)
    return connection


def hold_file(path: Path) -> Closable:
    """The same of an SQLite file, which need not be there."""
    lock = Path(f"{path}.lock")
    try:
        file = lock.open("a")
    except OSError as error:
        raise IndexerError(f"{lock}: {error.strerror or error}: check the path and its rights") from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise refuse(str(path)) from None
    return file


def refuse(where: str) -> IndexerError:
    """What whoever comes second is told."""
    return IndexerError(
        f"{where}: another indexer writes there: stop it first (miletus up runs one, unless index.run is "
        "false), or give another --database"
    )
