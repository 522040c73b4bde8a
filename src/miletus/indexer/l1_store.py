"""What L1 says of batches and withdrawals, in the tables: set as it comes, cleared as L1 takes it back."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, Table, select, tuple_, update

from miletus.indexer import schema
from miletus.indexer.database import Database

_POSTED = (
    *("l1_id", "l1_transaction", "l1_block_hash", "l1_root", "l1_proposer", "l1_block", "l1_time_s"),
    *("l1_bytes", "l1_gas", "l1_window_end_s", "l1_proved_block", "l1_final_block"),
)

Row = tuple[object, ...]

Verdicts = tuple[set[Row], set[Row], dict[int, int]]
"""Rows of proofs and of removals, and the block in which each batch was proved."""


class L1Facts(msgspec.Struct, frozen=True):
    """Columns of a posted batch."""

    l1_id: str
    l1_transaction: str
    l1_block_hash: str
    l1_root: str
    l1_proposer: str
    l1_block: int
    l1_time_s: int
    l1_bytes: int
    l1_gas: int
    l1_window_end_s: int


class L1Store:
    """The columns of L1."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get_ids(self) -> dict[int, str]:
        """Ids of posted batches by number, without a gap from 1 on."""
        t = schema.batches.c
        query = select(t.number, t.l1_id).where(t.l1_id.is_not(None)).order_by(t.number)
        with self._database.begin() as connection:
            rows = {int(row[0]): str(row[1]) for row in connection.execute(query)}
        whole = 0
        while whole + 1 in rows:
            whole += 1
        return {number: rows[number] for number in range(1, whole + 1)}

    def set_posted(self, number: int, facts: L1Facts) -> None:
        """A batch is on L1."""
        self._set(number, msgspec.structs.asdict(facts))

    def set_final(self, number: int, block: int) -> None:
        """A batch became final in a block."""
        self._set(number, {"l1_final_block": block})

    def set_paid(self, batch: int, place: int, block: int) -> None:
        """A withdrawal was paid in a block."""
        t = schema.withdrawals
        query = update(t).where(t.c.batch == batch, t.c.place == place).values(l1_paid_block=block)
        with self._database.begin() as connection:
            connection.execute(query)

    def clear_from(self, number: int) -> None:
        """Batches from this one on are not on L1 as they were."""
        t = schema.batches
        with self._database.begin() as connection:
            connection.execute(update(t).where(t.c.number >= number).values(dict.fromkeys(_POSTED)))

    def clear_after(self, block: int, finals: Sequence[int]) -> None:
        """Only these batches are final, as of a block."""
        t = schema.batches
        last = max(finals, default=0)
        tests = (t.c.l1_final_block.is_not(None), (t.c.number > last) | (t.c.l1_final_block > block))
        with self._database.begin() as connection:
            connection.execute(update(t).where(*tests).values(l1_final_block=None))

    def clear_paid(self, paid: Sequence[tuple[int, int]]) -> None:
        """Only these withdrawals, by batch and place, are paid."""
        t = schema.withdrawals
        known = set(paid)
        with self._database.begin() as connection:
            rows = connection.execute(
                select(t.c.id, t.c.batch, t.c.place).where(t.c.l1_paid_block.is_not(None))
            )
            gone = [int(row[0]) for row in rows if (int(row[1]), int(row[2])) not in known]
            for row_id in gone:
                connection.execute(update(t).where(t.c.id == row_id).values(l1_paid_block=None))

    # ---- verdicts

    def get_verdicts(self) -> Verdicts:
        """What is there."""
        t = schema.batches.c
        query = select(t.number, t.l1_proved_block).where(t.l1_proved_block.is_not(None))
        with self._database.begin() as connection:
            proofs, removals = (
                {tuple(row) for row in connection.execute(select(table))} for table in schema.OF_L1
            )
            return proofs, removals, {int(row[0]): int(row[1]) for row in connection.execute(query)}

    def set_verdicts(self, before: Verdicts, after: Verdicts) -> None:
        """Put rows and blocks in the place of those that are there."""
        t = schema.batches
        with self._database.begin() as connection:
            for table, old, new in zip(schema.OF_L1, before[:2], after[:2], strict=True):
                self._replace(connection, table, old, new)
            for number in sorted(before[2].keys() | after[2].keys()):
                if before[2].get(number) != after[2].get(number):
                    query = update(t).where(t.c.number == number)
                    connection.execute(query.values(l1_proved_block=after[2].get(number)))

    def _replace(self, connection: Connection, table: Table, old: set[Row], new: set[Row]) -> None:
        keys = list(table.primary_key.columns)
        for row in sorted(old - new):
            values = dict(zip(table.columns.keys(), row, strict=True))
            key = tuple_(*keys)
            connection.execute(table.delete().where(key.in_([tuple(values[k.name] for k in keys)])))
        self._database.insert(connection, table, sorted(new - old, key=str))

    def _set(self, number: int, values: dict[str, object]) -> None:
        t = schema.batches
        with self._database.begin() as connection:
            connection.execute(update(t).where(t.c.number == number).values(values))
