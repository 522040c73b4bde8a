"""The naive model's state as plain values, of the one shape that the engine's pages are brought into too."""

from __future__ import annotations

from typing import Any

from miletus.engine import params
from tests.engine.naive_margin import Account, Instrument, Order, Stage, Underlying, World

View = dict[str, Any]


def get_view(world: World) -> View:
    """Everything that is state; whatever is untouched (all zero) is left out."""
    return {
        "header": {
            "version": params.MACHINE_VERSION,
            "clock_ms": world.clock_ms,
            "inbox_cursor": world.inbox_cursor,
            "batch_number": world.batch_number,
            "outbox_count": len(world.outbox),
            "deposited": world.deposited,
            "withdrawn": world.withdrawn,
            "signers": world.signers,
            "threshold": world.threshold,
            "underlyings": world.underlying_count,
            "outbox": world.outbox_hash,
            "events": world.events_hash,
        },
        "stage": get_stage(world.stage),
        "inbox_stage": get_stage(world.inbox_stage),
        "underlyings": {
            number: get_underlying(coin)
            for number, coin in enumerate(world.underlyings)
            if coin != Underlying()
        },
        "accounts": {
            number: get_account(world, account)
            for number, account in world.accounts.items()
            if account != Account()
        },
        "instruments": {
            number: get_instrument(item) for number, item in world.instruments.items() if item != Instrument()
        },
    }


def get_stage(stage: Stage) -> View:
    if not stage:
        return {}
    approvals, fields = stage["approvals"], stage["fields"]
    assert isinstance(approvals, set)
    assert isinstance(fields, dict)
    return {
        "kind": stage["kind"],
        "payload": stage["payload"],
        "hash": stage["hash"],
        "approvals": sorted(approvals),
        "fields": list(fields.values()),
    }


def get_underlying(coin: Underlying) -> View:
    names = vars(coin).keys() - {"readings"}
    return {name: getattr(coin, name) for name in names} | {"readings": sorted(coin.readings.values())}


def get_account(world: World, account: Account) -> View:
    return {
        "owner": account.owner,
        "cash": account.cash,
        "locked": account.locked,
        "generations": {slot: number for slot, number in account.generations.items() if number},
        "orders": {slot: get_order(order) for slot, order in account.orders.items()},
        "positions": [[tuple(pair) for pair in held] for held in account.positions],
        "risk": [dict(vars(risk)) for risk in account.risk],
        "keys": [dict(vars(key)) for key in account.keys],
    }


def get_order(order: Order) -> View:
    names = vars(order).keys() - {"account", "slot"}
    return {name: getattr(order, name) for name in names}


def get_instrument(item: Instrument) -> View:
    names = vars(item).keys() - {"entries", "book"}
    return {name: getattr(item, name) for name in names} | {
        "entries": [dict(vars(entry)) for entry in item.entries],
        "bids": [(order.account, order.slot) for order in item.book[0]],
        "asks": [(order.account, order.slot) for order in item.book[1]],
    }
