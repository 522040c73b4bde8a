"""Recorded order flow as messages: what happened to which order, in the engine's units."""

from __future__ import annotations

import csv
import lzma
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from miletus.market.files import DATA_VARIABLE, get_data_folder

FOLDER = get_data_folder(Path(__file__).resolve().parents[2]) / "order_flow"
E_MINI = FOLDER / "esh4-glbx-mdp3-20231225.mbo.dbn.zst"
BITSTAMP = FOLDER / "bitstamp_btcusd_2015-05-01_orders.csv.xz"

needs_order_flow = pytest.mark.skipif(
    not (E_MINI.is_file() and BITSTAMP.is_file()),
    reason=f"no recorded order flow: point {DATA_VARIABLE} at the folder of market data",
)

ADD, CHANGE, REMOVE, NOTHING = "add", "change", "remove", "nothing"


@dataclass(frozen=True)
class Message:
    """One message: the order it names, and what of it is left afterwards (price in ticks, lots)."""

    action: str
    order: int
    side: int = 0
    price: int = 0
    left: int = 0


def read_e_mini() -> Iterator[Message]:
    """CME E-mini S&P, market by order: a tick is 0.01 points, a lot one contract.

    A fill says nothing of the book by itself: the cancel that follows it takes the lots away.
    """
    import databento_dbn
    import zstandard

    decoder = databento_dbn.DBNDecoder()
    with E_MINI.open("rb") as file:
        decoder.write(zstandard.ZstdDecompressor().stream_reader(file).read())
    live: dict[int, tuple[int, int, int]] = {}
    for record in decoder.decode():
        if not isinstance(record, databento_dbn.MBOMsg):
            continue  # the metadata at the head
        order, price = record.order_id, record.price // 10_000_000
        side = 0 if record.side == "B" else 1
        if record.action == "A":
            live[order] = (side, price, record.size)
            yield Message(ADD, order, side, price, record.size)
        elif record.action == "M":
            live[order] = (live[order][0], price, record.size)
            yield Message(CHANGE, order, *live[order])
        elif record.action == "C":
            side, price, left = live.pop(order)
            if left > record.size:
                live[order] = (side, price, left - record.size)
                yield Message(CHANGE, order, *live[order])
            else:
                yield Message(REMOVE, order)
        else:
            yield Message(NOTHING, order)


def read_bitstamp() -> Iterator[Message]:
    """Bitstamp's order events of five hours: a tick is 0.01 dollars, a lot 0.0001 bitcoin, rounded up."""
    live: set[int] = set()
    actions = {"created": ADD, "changed": CHANGE, "deleted": REMOVE}
    with lzma.open(BITSTAMP, "rt") as file:
        for row in csv.DictReader(file):
            order, action = int(row["id"]), actions[row["action"]]
            if action == ADD:
                live.add(order)
            if order not in live:  # it was placed before the record begins
                yield Message(NOTHING, order)
                continue
            if action == REMOVE:
                live.remove(order)
            side = 0 if row["direction"] == "bid" else 1
            whole, cents = row["price"].split(".")
            price = int(whole) * 100 + int(cents.ljust(2, "0"))
            yield Message(action, order, side, price, -(-int(row["volume"]) // 10_000))
