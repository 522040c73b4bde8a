"""The tables. Integers in the machine's units (spec 01), addresses and hashes as hex text.

Rows of one word carry its id (`places`). Tables are of two kinds: those that only grow, and those whose rows
change (`orders`, `candles`, `instruments`, `pages`), of which `undo` keeps what was before each batch that is
not final, so that a batch can be taken back. Columns named `arrival_ms` are what a node told, and empty where
rows come from L1 alone; those named `l1_*` are of L1 and are taken back with its blocks.
"""

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, Table, Text, text
from sqlalchemy.schema import ColumnCollectionConstraint, PrimaryKeyConstraint

VERSION: Final = 2
"""Of these tables; a database of another version is made anew."""

metadata: Final = MetaData()


# SQLite keeps a table by its key only if that is called INTEGER, which there has 64 bits
_NUMBER: Final = BigInteger().with_variant(Integer, "sqlite")


def _integer(name: str, *, empty: bool = False) -> Column[int]:
    return Column(name, _NUMBER, nullable=empty, autoincrement=False)


def _text(name: str, *, empty: bool = False) -> Column[str]:
    return Column(name, Text, nullable=empty)


def _table(
    name: str, key: tuple[str, ...], *parts: Column[int] | Column[str] | Column[bytes] | Index
) -> Table:
    made: ColumnCollectionConstraint = PrimaryKeyConstraint(*key)
    return Table(name, metadata, *parts, made, sqlite_with_rowid=len(key) == 1)


facts: Final = _table("facts", ("name",), _text("name"), _text("value"))
"""What the database is of, and how far it came."""

batches: Final = _table(
    "batches",
    ("number",),
    _integer("number"),
    _integer("epoch"),
    _integer("first_number"),
    _integer("time_s"),
    _integer("clock_ms"),
    _integer("inbox_first"),
    _integer("inbox_count"),
    _integer("segments"),
    _integer("words"),
    _integer("operations"),
    _integer("fills"),
    _integer("closed"),
    _text("digest"),
    _text("l1_id", empty=True),
    _text("l1_transaction", empty=True),
    _text("l1_block_hash", empty=True),
    _text("l1_root", empty=True),
    _text("l1_proposer", empty=True),
    _integer("l1_block", empty=True),
    _integer("l1_time_s", empty=True),
    _integer("l1_bytes", empty=True),
    _integer("l1_gas", empty=True),
    _integer("l1_window_end_s", empty=True),
    _integer("l1_proved_block", empty=True),
    _integer("l1_final_block", empty=True),
)
"""`digest` is keccak256 over what a batch says: equal digests, equal rows."""

instruments: Final = _table(
    "instruments",
    ("instrument",),
    _integer("instrument"),
    _integer("id"),
    _integer("type"),
    _integer("underlying"),
    _integer("strike_ticks"),
    _integer("expiry_s"),
    _integer("tick_step"),
    _integer("lot_step"),
    _integer("min_size_lots"),
    _integer("listed_ms"),
    _integer("state"),
    _integer("settled_ms", empty=True),
    _integer("settlement_ticks", empty=True),
    _integer("payoff_ticks", empty=True),
)

_OPEN: Final = text("state = 'open'")

orders: Final = _table(
    "orders",
    ("id",),
    _integer("id"),
    _integer("number"),
    _integer("account"),
    _integer("slot"),
    _integer("generation"),
    _integer("instrument"),
    _integer("side"),
    _integer("type"),
    _integer("time_in_force"),
    _integer("post_only"),
    _integer("reduce_only"),
    _integer("price_ticks"),
    _integer("size_lots"),
    _integer("filled_lots"),
    _integer("notional_micros"),
    _integer("expiry_s"),
    _text("state"),
    _integer("reason"),
    _integer("cause"),
    _integer("created_ms"),
    _integer("updated_ms"),
    _integer("updated_id"),
    _integer("amendments"),
    _integer("arrival_ms", empty=True),
    Index("orders_by_account", "account", "id"),
    Index("orders_by_slot", "account", "slot", "generation"),
    Index("orders_open", "id", sqlite_where=_OPEN, postgresql_where=_OPEN),
)
"""`state` is open, filled, cancelled or rejected; `cause` is engine/events.py's, `reason` the receipt's."""

fills: Final = _table(
    "fills",
    ("id",),
    _integer("id"),
    _integer("number"),
    _integer("place"),
    _integer("time_ms"),
    _integer("instrument"),
    _integer("side"),
    _integer("price_ticks"),
    _integer("size_lots"),
    _integer("fee_micros"),
    _integer("index_ticks"),
    _integer("mark_ticks"),
    _integer("taker"),
    _integer("taker_order", empty=True),
    _integer("maker"),
    _integer("maker_order", empty=True),
    _integer("arrival_ms", empty=True),
    Index("fills_by_taker", "taker", "id"),
    Index("fills_by_maker", "maker", "id"),
    Index("fills_by_instrument", "instrument", "id"),
)
"""One row a fill; `side` is the taker's. `number`.`place` names it, as `miletus audit` takes it."""

transactions: Final = _table(
    "transactions",
    ("id",),
    _integer("id"),
    _integer("number"),
    _integer("time_ms"),
    _integer("account"),
    _text("kind"),
    _integer("instrument", empty=True),
    _integer("lots"),
    _integer("price_ticks"),
    _integer("fee_micros"),
    _integer("change_micros"),
    _integer("balance_micros"),
    _integer("position_lots"),
    _integer("profit_micros"),
    _integer("counterparty", empty=True),
    _integer("fill", empty=True),
    Index("transactions_by_account", "account", "id"),
)
"""Every change of an account's money (cash and locked): its sum is what the machine holds."""

candles: Final = _table(
    "candles",
    ("instrument", "minute"),
    _integer("instrument"),
    _integer("minute"),
    _integer("id"),
    _integer("open_ticks"),
    _integer("high_ticks"),
    _integer("low_ticks"),
    _integer("close_ticks"),
    _integer("volume_lots"),
    _integer("notional_micros"),
    _integer("fills"),
)
"""Of one minute each; longer ones are made of these when asked for. `minute` counts since 1970."""

indices: Final = _table(
    "indices",
    ("underlying", "id"),
    _integer("underlying"),
    _integer("id"),
    _integer("time_s"),
    _integer("index_ticks"),
    Index("indices_by_time", "underlying", "time_s"),
)

portfolio: Final = _table(
    "portfolio",
    ("account", "id"),
    _integer("account"),
    _integer("id"),
    _integer("time_ms"),
    _integer("cash_micros"),
    _integer("locked_micros"),
    _integer("equity_micros"),
    _integer("requirement_micros"),
    Index("portfolio_by_time", "account", "time_ms"),
    Index("portfolio_by_id", "id"),
)
"""Accounts at the ends of segments: those that something happened to, and every few minutes all holders."""

positions: Final = _table(
    "positions",
    ("account", "instrument", "id"),
    _integer("account"),
    _integer("instrument"),
    _integer("id"),
    _integer("time_ms"),
    _integer("size_lots"),
    _integer("cost_micros"),
    _integer("profit_micros"),
    Index("positions_by_id", "id"),
)
"""A position after each segment that changed it: what its lots cost, and what was made by closing lots."""

deposits: Final = _table(
    "deposits",
    ("id",),
    _integer("id"),
    _integer("account"),
    _integer("amount_micros"),
    _integer("time_ms"),
    _integer("entry"),
    Index("deposits_by_account", "account", "id"),
)
"""`entry` is the place in L1's inbox."""

withdrawals: Final = _table(
    "withdrawals",
    ("id",),
    _integer("id"),
    _integer("account"),
    _text("owner"),
    _integer("amount_micros"),
    _integer("time_ms"),
    _integer("batch"),
    _integer("place"),
    _integer("l1_paid_block", empty=True),
    Index("withdrawals_by_account", "account", "id"),
    Index("withdrawals_by_batch", "batch", "place"),
)
"""`place` is the withdrawal's in the batch's outbox."""

settlements: Final = _table(
    "settlements",
    ("instrument",),
    _integer("instrument"),
    _integer("id"),
    _integer("underlying"),
    _integer("expiry_s"),
    _integer("time_ms"),
    _integer("settlement_ticks"),
    _integer("payoff_ticks"),
)

deliveries: Final = _table(
    "deliveries",
    ("account", "instrument"),
    _integer("account"),
    _integer("instrument"),
    _integer("id"),
    _integer("time_ms"),
    _integer("size_lots"),
    _integer("settlement_ticks"),
    _integer("payoff_ticks"),
    _integer("amount_micros"),
    _integer("profit_micros"),
)
"""What each holder gets, known at the settlement; cash moves when the account is next touched."""

proofs: Final = _table(
    "proofs",
    ("batch_id", "part"),
    _text("batch_id"),
    _integer("part"),
    _integer("batch"),
    _text("payee"),
    _text("l1_transaction"),
    _integer("l1_block"),
    Index("proofs_by_batch", "batch"),
)
"""Parts of batches that were proved as claimed: a segment's number, or 17 for the outbox."""

removals: Final = _table(
    "removals",
    ("batch_id",),
    _text("batch_id"),
    _integer("batch"),
    _text("proposer"),
    _integer("part", empty=True),
    _text("payee", empty=True),
    _text("reward_wei"),
    _text("burnt_wei"),
    _text("l1_transaction"),
    _integer("l1_block"),
    Index("removals_by_batch", "batch"),
)
"""Batches that L1 removed: `part` was proved wrong, `payee` ended that path; both are empty for a batch that
stood on a wrong one, or was not proved in time. Amounts are in wei, as text since they are wide."""

pages: Final = _table(
    "pages", ("number",), _integer("number"), _integer("id"), Column("fields", LargeBinary, nullable=False)
)
"""The machine's state after the last closed batch, from which the indexer goes on; no events accumulator."""

undo: Final = _table(
    "undo", ("batch", "name", "key"), _integer("batch"), _text("name"), _text("key"), _text("row")
)
"""What a row was before a batch changed it: JSON of its columns."""

page_undo: Final = _table(
    "page_undo",
    ("batch", "number"),
    _integer("batch"),
    _integer("number"),
    _integer("id"),
    Column("fields", LargeBinary, nullable=False),
)

GROWING: Final = (
    fills,
    transactions,
    indices,
    portfolio,
    positions,
    deposits,
    withdrawals,
    settlements,
    deliveries,
)
"""Tables whose rows are taken back by their id alone."""

OF_L1: Final = (proofs, removals)
"""Tables that are L1's alone, and are written anew as it changes."""

CHANGING: Final = (orders, candles, instruments)
"""Tables whose rows are taken back by `undo`."""
