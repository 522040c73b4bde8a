"""Labels of orders outlive the gateway, whether it was stopped or killed."""

import asyncio
import signal
import sqlite3
import time
from dataclasses import replace
from pathlib import Path

import pytest

from miletus.gateway.labels import MOST_LABELS, Labels, LabelsDamaged
from miletus.gateway.orders import Meta, Order
from tests.gateway.client import Client
from tests.gateway.running import Market, open_market
from tests.gateway.world import NAMES

SECONDS = 60.0


@pytest.fixture
def market(tmp_path: Path) -> object:
    with open_market(tmp_path / "node") as market:
        yield market


def make_order(slot: int, generation: int, label: str = "") -> Order:
    return Order(
        16,
        slot,
        generation,
        0,
        0,
        6_000_000,
        100,
        market=False,
        time_in_force="good_til_cancelled",
        post_only=False,
        reduce_only=False,
        created_ms=0,
        updated_ms=0,
        number=1,
        meta=Meta(label) if label else Meta(),
    )


def read_labels(path: Path) -> set[str]:
    connection = sqlite3.connect(path)
    found = {row[0] for row in connection.execute("SELECT label FROM labels")}
    connection.close()
    return found


def test_an_order_is_found_by_its_label_after_a_stop_and_after_a_kill(market: Market) -> None:
    client = Client(market, 16)
    params = {"instrument_name": NAMES[0], "amount": 0.01, "price": 60_000, "type": "limit"}
    placed = client.call("private/buy", **params, label="first")["order"]
    client.call("private/buy", **params)
    client.close()
    market.restart_gateway()
    client = Client(market, 16)
    (found,) = client.call("private/get_open_orders_by_label", currency="USDC", label="first")
    assert (found["order_id"], found["label"]) == (placed["order_id"], "first")
    assert len(client.call("private/get_open_orders")) == 2
    second = client.call("private/buy", **params, label="second")["order"]
    end = time.monotonic() + SECONDS
    while "second" not in read_labels(market.labels):
        assert time.monotonic() < end
        time.sleep(0.02)
    client.close()
    market.restart_gateway(signal.SIGKILL)
    client = Client(market, 16)
    assert client.call(
        "private/edit_by_label", label="second", instrument_name=NAMES[0], amount=0.02, price=60_000
    )
    assert client.call("private/cancel_by_label", label="first") == 1
    (left,) = client.call("private/get_open_orders_by_label", currency="USDC", label="second")
    assert (left["order_id"], left["amount"]) == (second["order_id"], 0.02)
    client.close()


def test_a_label_is_of_one_order_and_not_of_the_next_in_its_slot(tmp_path: Path) -> None:
    async def fill() -> None:
        labels = Labels(tmp_path / "labels.sqlite")
        labels.start()
        for order in (
            make_order(3, 1, "old"),
            make_order(3, 2),
            make_order(4, 1, "x'; DROP TABLE labels; --"),
        ):
            labels.put(order)
        await labels.stop()

    asyncio.run(fill())
    labels = Labels(tmp_path / "labels.sqlite")
    orders = [make_order(3, 1), make_order(3, 2), make_order(4, 1), make_order(5, 1, "its own")]
    labels.apply(orders)
    assert [order.meta.label for order in orders] == ["old", "", "x'; DROP TABLE labels; --", "its own"]
    other = replace(make_order(3, 1), account=17)
    labels.apply([other])
    assert other.meta.label == ""
    asyncio.run(labels.stop())


def test_what_is_no_file_of_labels_is_told_in_one_line(tmp_path: Path) -> None:
    for name, content in (("text", b"not a database, " * 100), ("torn", b"SQLite format 3\0" + bytes(500))):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(LabelsDamaged, match="remove it and start again") as error:
            Labels(path)
        assert "\n" not in str(error.value)
    with pytest.raises(LabelsDamaged):
        Labels(tmp_path / "none" / "labels.sqlite")


def test_a_file_of_labels_stays_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("miletus.gateway.labels.MOST_LABELS", 10)
    assert MOST_LABELS > 10

    async def fill() -> None:
        labels = Labels(tmp_path / "labels.sqlite")
        for generation in range(1, 31):
            labels.put(make_order(1, generation, f"label {generation}"))
        await labels.stop()

    asyncio.run(fill())
    assert read_labels(tmp_path / "labels.sqlite") == {f"label {generation}" for generation in range(21, 31)}
