"""The file of what this account means to do on L1, written before anything is sent.

An intent has a key that its owner chooses ("commit 17"), so that a program that comes back from a crash
names the same thing again instead of doing it twice. Each intent holds one nonce: however often it is signed
anew with other fees, L1 can include it at most once. Every signed form is stored before it is sent.
"""

import sqlite3
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from miletus.settlement.errors import StoreError

SCHEMA = """
CREATE TABLE IF NOT EXISTS owner (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS intents (
    key TEXT PRIMARY KEY, nonce INTEGER NOT NULL, recipient TEXT, data BLOB NOT NULL,
    value_wei TEXT NOT NULL, gas INTEGER NOT NULL, guarded INTEGER NOT NULL, state TEXT NOT NULL,
    block_number INTEGER, block_hash BLOB, transaction_hash BLOB);
CREATE TABLE IF NOT EXISTS attempts (
    hash BLOB PRIMARY KEY, key TEXT NOT NULL, nonce INTEGER NOT NULL, raw BLOB NOT NULL,
    max_fee_wei TEXT NOT NULL, tip_wei TEXT NOT NULL, sent_s REAL NOT NULL);
CREATE INDEX IF NOT EXISTS attempts_of_key ON attempts (key, nonce);
CREATE INDEX IF NOT EXISTS intents_of_nonce ON intents (nonce);
"""


class State(StrEnum):
    """Where an intent is."""

    WAITING = "waiting"
    """Not on the chain."""
    INCLUDED = "included"
    """On the chain and done; a reorganisation may still take it back."""
    REVERTED = "reverted"
    """On the chain and refused by the contract; a reorganisation may still take it back."""
    SETTLED = "settled"
    """Done, and deep enough."""
    FAILED = "failed"
    """Refused by the contract, and deep enough."""


OPEN = (State.WAITING, State.INCLUDED, State.REVERTED)
"""States that the chain can still change."""


@dataclass(frozen=True, slots=True)
class Call:
    """What a transaction does. `gas` 0 means: estimate it. `to` None creates a contract.

    `guarded` says that the contract itself refuses it a second time. Then it may be tried at another nonce at
    once when its own was used, without waiting until that can't be undone.
    """

    to: str | None
    data: bytes
    value_wei: int = 0
    gas: int = 0
    guarded: bool = False


@dataclass(frozen=True, slots=True)
class Intent:
    """One thing to do exactly once, and where it is."""

    key: str
    nonce: int
    call: Call
    state: State
    block_number: int | None = None
    block_hash: bytes | None = None
    transaction_hash: bytes | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One signed form of an intent."""

    hash: bytes
    key: str
    nonce: int
    raw: bytes
    max_fee_wei: int
    tip_wei: int
    sent_s: float


class IntentStore:
    """Intents of one account on one chain, in an SQLite file that is synced at every change.

    Args:
        path: the file, or ":memory:".
        owner: what the file belongs to (chain id, genesis block, account); another owner is refused.

    Raises:
        StoreError: the file is damaged, can't be written or belongs to another owner.

    """

    def __init__(self, path: Path | str, owner: dict[str, str]) -> None:
        self.path = str(path)
        try:
            self._db = sqlite3.connect(self.path, isolation_level=None)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.executescript(SCHEMA)
            stored = dict(self._db.execute("SELECT name, value FROM owner"))
            if not stored:
                self._db.executemany("INSERT INTO owner VALUES (?, ?)", owner.items())
        except sqlite3.Error as error:
            raise StoreError(
                f"{self.path}: {error}; it holds what was sent to L1: restore it from a copy, or remove it "
                "when nothing of it is waiting"
            ) from None
        for name, value in owner.items():
            if stored and stored.get(name) != value:
                raise StoreError(
                    f"{self.path} belongs to {name} {stored.get(name)}, not {value}; use another directory"
                )

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def put(self, intent: Intent, instead_of: str | None = None) -> None:
        """Store an intent in the place of what was stored under its key, and under `instead_of` too."""
        call = intent.call
        if instead_of is not None:
            self._run("BEGIN", ())
            self._run("DELETE FROM intents WHERE key = ?", (instead_of,))
        self._run(
            "INSERT OR REPLACE INTO intents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                intent.key,
                intent.nonce,
                call.to,
                call.data,
                str(call.value_wei),
                call.gas,
                call.guarded,
                intent.state,
                intent.block_number,
                intent.block_hash,
                intent.transaction_hash,
            ),
        )
        if instead_of is not None:
            self._run("COMMIT", ())

    def get(self, key: str) -> Intent | None:
        """The intent of that key."""
        found = self._select("WHERE key = ?", (key,))
        return found[0] if found else None

    def get_open(self) -> list[Intent]:
        """Intents that the chain can still change, by rising nonce."""
        return self._select("WHERE state IN (?, ?, ?) ORDER BY nonce", OPEN)

    def get_by_nonce(self, first: int, last: int) -> list[Intent]:
        """Intents whose nonce is in first..last."""
        return self._select("WHERE nonce BETWEEN ? AND ? ORDER BY nonce", (first, last))

    def get_keys(self, prefix: str) -> list[str]:
        """Keys that begin with `prefix`."""
        rows = self._run("SELECT key FROM intents WHERE substr(key, 1, ?) = ?", (len(prefix), prefix))
        return [str(row[0]) for row in rows]

    def add_attempt(self, attempt: Attempt) -> None:
        """Store a signed form, before it is sent."""
        self._run(
            "INSERT OR IGNORE INTO attempts VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                attempt.hash,
                attempt.key,
                attempt.nonce,
                attempt.raw,
                str(attempt.max_fee_wei),
                str(attempt.tip_wei),
                attempt.sent_s,
            ),
        )

    def get_attempts(self, key: str, nonce: int) -> list[Attempt]:
        """Signed forms of an intent at a nonce, the oldest first."""
        rows = self._run(
            "SELECT hash, key, nonce, raw, max_fee_wei, tip_wei, sent_s FROM attempts "
            "WHERE key = ? AND nonce = ? ORDER BY rowid",
            (key, nonce),
        )
        return [
            Attempt(bytes(h), str(k), int(n), bytes(raw), int(fee), int(tip), float(sent))
            for h, k, n, raw, fee, tip, sent in rows
        ]

    def _select(self, where: str, values: tuple[object, ...]) -> list[Intent]:
        rows = self._run(
            "SELECT key, nonce, recipient, data, value_wei, gas, guarded, state, block_number, "
            f"block_hash, transaction_hash FROM intents {where}",
            values,
        )
        return [
            Intent(
                str(row[0]),
                int(row[1]),
                Call(row[2], bytes(row[3]), int(row[4]), int(row[5]), bool(row[6])),
                State(row[7]),
                row[8],
                row[9],
                row[10],
            )
            for row in rows
        ]

    def _run(self, statement: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        try:
            return self._db.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise StoreError(
                f"{self.path}: {error}; free space or repair the disk, then start again"
            ) from None
