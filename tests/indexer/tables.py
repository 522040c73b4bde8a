"""Reading whole tables, to compare histories."""

from typing import Any

from sqlalchemy import select

from miletus.indexer import schema
from miletus.indexer.database import Database

OF_HISTORY = (*schema.GROWING, *schema.CHANGING, *schema.OF_L1, schema.pages)
"""Tables that two sources of the same words must agree on."""


def read_tables(database: Database, *, without: tuple[str, ...] = ("arrival_ms",)) -> dict[str, list[Any]]:
    """All rows of all tables in the order of their keys, but for some columns."""
    found = {}
    with database.engine.connect() as connection:
        for table in (*OF_HISTORY, schema.batches):
            columns = [column for column in table.columns if column.name not in without]
            query = select(*columns).order_by(*table.primary_key.columns)
            found[table.name] = [tuple(_plain(value) for value in row) for row in connection.execute(query)]
    return found


def _plain(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview | bytearray) else value


def find_difference(one: dict[str, list[Any]], other: dict[str, list[Any]]) -> str:
    """The first row in which two histories differ, empty if none."""
    for name, rows in one.items():
        for left, right in zip(rows, other[name], strict=False):
            if left != right:
                return f"{name}: {left} and {right}"
        if len(rows) != len(other[name]):
            return f"{name}: {len(rows)} and {len(other[name])} rows"
    return ""
