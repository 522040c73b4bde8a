"""Parts of questions to the database: conditions, limits, continuations."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement

from miletus.indexer.errors import IndexerError
from miletus.indexer.places import first_id, make_id

MOST_ROWS: Final = 10_000
"""Rows of one page, at most."""


def within(column: ColumnElement[int], start: int | None, end: int | None) -> list[ColumnElement[bool]]:
    """Between two values, both included; None is no bound."""
    tests = []
    if start is not None:
        tests.append(column >= start)
    if end is not None:
        tests.append(column <= end)
    return tests


def among(column: ColumnElement[Any], values: Sequence[Any] | None) -> list[ColumnElement[bool]]:
    """One of some values; None is any."""
    return [] if values is None else [column.in_(list(values))]


def of_batch(column: ColumnElement[int], batch: int) -> list[ColumnElement[bool]]:
    """Ids of rows of a batch."""
    return [column >= make_id(batch, 0, 0), column < first_id(batch + 1)]


def check_limit(limit: int) -> int:
    """A number of rows. IndexerError if it is too many or none."""
    if not 1 <= limit <= MOST_ROWS:
        raise IndexerError(f"a page of {limit} rows: ask for 1 to {MOST_ROWS}")
    return limit


def parse_continuation(text: str) -> int:
    """What a page said to go on with. IndexerError if it is none."""
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise IndexerError(f"{text[:30]!r} is no continuation: give the one that came with the last page")
    return int(text)
