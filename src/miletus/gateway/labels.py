"""Labels of orders over a restart: a file of the gateway's own, since no word carries them and L1 has none.

Written some milliseconds after the order is confirmed, many at once; a gateway that is killed may lose the
labels of its last moment, and no order.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import structlog

from miletus.gateway.orders import Meta, Order
from miletus.indexer.errors import IndexerError

WRITE_SECONDS: Final = 0.05

MOST_LABELS: Final = 200_000
"""Labels that are kept; the oldest go first."""

_TABLE: Final = """CREATE TABLE IF NOT EXISTS labels (
    id INTEGER PRIMARY KEY AUTOINCREMENT, account INTEGER NOT NULL, slot INTEGER NOT NULL,
    generation INTEGER NOT NULL, label TEXT NOT NULL, source TEXT NOT NULL, reject_post_only INTEGER NOT NULL,
    mmp INTEGER NOT NULL, UNIQUE (account, slot, generation))"""

_PUT: Final = (
    "INSERT OR REPLACE INTO labels (account, slot, generation, label, source, reject_post_only, mmp) "
    "VALUES (?, ?, ?, ?, ?, ?, ?)"
)

_GET: Final = (
    "SELECT label, source, reject_post_only, mmp FROM labels "
    "WHERE account = ? AND slot = ? AND generation = ?"
)

Row = tuple[int, int, int, str, str, int, int]


class LabelsDamaged(IndexerError):
    """The file is none of labels; the line says what to do."""


class Labels:
    """The labels of all accounts of a gateway. Raises LabelsDamaged for a file that can't be used."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._waiting: list[Row] = []
        self._lock = threading.Lock()
        self._task: asyncio.Task[None] | None = None
        self._writing: asyncio.Task[None] | None = None
        self._log = structlog.get_logger()
        try:
            self._file = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=10.0)
            self._file.execute("PRAGMA journal_mode=WAL")
            self._file.execute("PRAGMA synchronous=NORMAL")
            self._file.execute(_TABLE)
            self._file.execute("SELECT account, slot, generation, label FROM labels LIMIT 1").fetchall()
        except sqlite3.Error as error:
            raise LabelsDamaged(
                f"{path}: {error}; it holds labels of orders alone: remove it and start again"
            ) from None

    def put(self, order: Order) -> None:
        """Remember the label of an order that was placed; nothing if it has none."""
        meta = order.meta
        if meta.label or meta.mmp or meta.reject_post_only or meta.source != Meta().source:
            where = (order.account, order.slot, order.generation)
            self._waiting.append((*where, meta.label, meta.source, int(meta.reject_post_only), int(meta.mmp)))

    def apply(self, orders: Iterable[Order]) -> None:
        """Give orders that have no label the one that was remembered."""
        for order in orders:
            if order.meta.label:
                continue
            with self._lock:
                row = self._file.execute(_GET, (order.account, order.slot, order.generation)).fetchone()
            if row is not None:
                label, source, reject, mmp = row
                order.meta = Meta(label, source, bool(reject), bool(mmp))

    def start(self) -> None:
        """Begin to write, in the running event loop."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Write what waits, and close the file."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._writing is not None:
            await self._writing
        await asyncio.to_thread(self._write, self._take())
        with self._lock:
            self._file.close()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(WRITE_SECONDS)
            rows = self._take()
            if rows:
                self._writing = asyncio.create_task(asyncio.to_thread(self._write, rows))
                await asyncio.shield(self._writing)

    def _take(self) -> list[Row]:
        rows, self._waiting = self._waiting, []
        return rows

    def _write(self, rows: list[Row]) -> None:
        """Write rows. A disk that is full costs labels, and nothing else."""
        if not rows:
            return
        with self._lock:
            try:
                self._file.execute("BEGIN")
                self._file.executemany(_PUT, rows)
                self._file.execute(
                    "DELETE FROM labels WHERE id <= (SELECT max(id) FROM labels) - ?", (MOST_LABELS,)
                )
                self._file.execute("COMMIT")
            except sqlite3.Error as error:
                if self._file.in_transaction:
                    self._file.execute("ROLLBACK")
                self._log.warning("labels are not kept", error=str(error), count=len(rows))
