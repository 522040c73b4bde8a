"""Tables of market data on disk: plain or gzipped CSV, read row by row, every fault told in one line."""

import csv
import gzip
import math
import os
import zlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from miletus.market.errors import ChainError

DATA_VARIABLE: Final = "MILETUS_DATA"
"""Environment variable that names the folder of recorded market data."""

DEFAULT_DATA: Final = Path("../shared/data")
"""Where the data is looked for when the variable is not set, relative to the checkout."""

MAX_ROWS: Final = 200_000
"""Rows of one file; the longest real one has 2,062 options, and a file without end must end somewhere."""


class RowError(ValueError):
    """What is wrong with one row; the reader adds file and line and leaves the row out."""


def get_data_folder(checkout: Path) -> Path:
    """Get the folder of recorded data: MILETUS_DATA, or ../shared/data beside `checkout`."""
    return Path(os.environ.get(DATA_VARIABLE) or checkout / DEFAULT_DATA).resolve()


def read_rows(path: Path, columns: frozenset[str]) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Read the rows of a table with their line numbers.

    A file that is missing, cut off, not text, too long or without one of `columns` raises ChainError.
    """
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            missing = sorted(columns - set(reader.fieldnames or ()))
            if missing:
                raise ChainError(f"{path}: no column {', '.join(missing)}: give a file with these columns")
            for count, row in enumerate(reader):
                if count >= MAX_ROWS:
                    raise ChainError(f"{path}: more than {MAX_ROWS} rows: split the file")
                yield reader.line_num, {key: value or "" for key, value in row.items() if key in columns}
    except FileNotFoundError:
        raise ChainError(f"{path}: no such file: set {DATA_VARIABLE} or give another folder") from None
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise ChainError(f"{path}: the gzip data is damaged or cut off: fetch the file again") from None
    except UnicodeDecodeError:
        raise ChainError(f"{path}: not a text file: give a CSV file, gzipped if it ends in .gz") from None
    except csv.Error as error:
        raise ChainError(f"{path}: not a CSV table ({error}): fetch the file again") from None
    except OSError as error:
        raise ChainError(f"{path}: can't be read ({error.strerror or error}): check the path") from None


def read_number(row: Mapping[str, str], column: str, least: float, most: float) -> float:
    """Read a number of `least` .. `most`; RowError if it is none."""
    try:
        value = float(row[column])
    except ValueError:
        raise RowError(f"{column} {row[column][:40]!r} is not a number") from None
    if not (math.isfinite(value) and least <= value <= most):
        raise RowError(f"{column} {value} is not between {least} and {most}")
    return value


def read_optional(row: Mapping[str, str], column: str, least: float, most: float) -> float | None:
    """Read a number that may be left empty, as the price of a side without quotes is."""
    return read_number(row, column, least, most) if row[column] else None


def read_time(row: Mapping[str, str], column: str) -> float:
    """Read an ISO 8601 time with its zone, as seconds since 1970; RowError if it is none."""
    try:
        time = datetime.fromisoformat(row[column])
    except ValueError:
        time = None
    if time is None or time.tzinfo is None or not 2000 <= time.year < 2100:
        raise RowError(f"{column} {row[column][:40]!r} is not a time like 2026-01-28T04:00:47+00:00")
    return time.astimezone(UTC).timestamp()
