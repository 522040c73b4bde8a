"""What the trading commands do: an order from its name and decimals, its answer, accounts and books."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal, DecimalException
from pathlib import Path

from miletus.cli.errors import CliError
from miletus.cli.output import Output, format_price, format_size, format_usdc, get_plain
from miletus.cli.person import (
    Person,
    find_instrument,
    get_view_terms,
    open_person,
    open_site,
    open_trader,
)
from miletus.cli.refusals import explain_refusal
from miletus.cli.roles.markets import connect_node
from miletus.client import Side, TimeInForce, Trader
from miletus.client.connection import CheckedConnection
from miletus.engine import events
from miletus.engine.reasons import Reason
from miletus.sequencer.answers import Answer
from miletus.sequencer.errors import Refused
from miletus.sequencer.query import AccountView, InstrumentView

TICKS = Decimal(100)
"""Ticks of one USDC; spec 01."""

LOTS = Decimal(10_000)
"""Lots of one coin; spec 01."""

WIDEST = Decimal(2**60)
"""Below this are all amounts; spec 01."""

Act = Callable[[CheckedConnection, Trader], Awaitable[None]]


@dataclass(frozen=True)
class Terms:
    """Terms of an order as they are typed."""

    side: str
    size: str
    price: str | None
    slot: int | None
    time_in_force: str
    post_only: bool
    reduce_only: bool
    good_for_s: int


def parse_decimal(text: str, unit: Decimal, what: str) -> int:
    """A decimal number in whole units. CliError if it is none, not positive, or finer than the unit."""
    try:
        value = Decimal(text) * unit
    except DecimalException:
        raise CliError(f"{what} {text[:30]!r} is no number: give one such as 0.1") from None
    if not value.is_finite() or value <= 0 or value != value.to_integral_value():
        raise CliError(f"{what} {text[:30]}: it must be positive and a multiple of {1 / unit:f}")
    if value >= WIDEST:
        raise CliError(f"{what} {text[:30]}: it is more than the exchange can count")
    return int(value)


def parse_size(text: str, instrument: InstrumentView) -> int:
    """A size in lots, on the instrument's grid."""
    lots = parse_decimal(text, LOTS, "size")
    step, least = instrument.lot_step, instrument.min_size_lots
    if lots % step or lots < least:
        raise CliError(f"size {text}: steps of {format_size(step)} from {format_size(least)} on are traded")
    return lots


def parse_price(text: str, instrument: InstrumentView) -> int:
    """A price in ticks, on the instrument's grid."""
    ticks = parse_decimal(text, TICKS, "price")
    if ticks % instrument.tick_step:
        raise CliError(f"price {text}: prices are multiples of {format_price(instrument.tick_step)}")
    return ticks


class Desk:
    """A person at a running system. Every method is one command."""

    def __init__(self, folder: Path, key_file: Path | None, as_json: bool) -> None:
        self.site = open_site(folder)
        self.output = Output(as_json)
        self._key_file = key_file

    def place(self, name: str, terms: Terms) -> None:
        """Place an order and tell what became of it."""

        async def act(node: CheckedConnection, trader: Trader) -> None:
            instrument = await find_instrument(node, name)
            slot = terms.slot if terms.slot is not None else await find_free_slot(node, trader.account)
            words = trader.place(
                instrument.instrument,
                Side.BUY if terms.side == "buy" else Side.SELL,
                parse_size(terms.size, instrument),
                parse_price(terms.price, instrument) if terms.price is not None else 1,
                slot=slot,
                time_in_force=parse_time_in_force(terms.time_in_force),
                market=terms.price is None,
                post_only=terms.post_only,
                reduce_only=terms.reduce_only,
                good_for_s=terms.good_for_s,
            )
            await self._send(
                node, words, f"{terms.side} {terms.size} {get_view_terms(instrument).name}", slot
            )

        self._run(act)

    def amend(self, slot: int, size: str | None, price: str | None) -> None:
        """Change a resting order; what is not given stays."""
        if size is None and price is None:
            raise CliError("say what to change: --price, --size, or both")

        async def act(node: CheckedConnection, trader: Trader) -> None:
            view = await get_own_account(node, trader.account)
            order = next((each for each in view.orders if each.slot == slot), None)
            if order is None:
                raise CliError(f"no order rests in slot {slot}: see miletus account")
            instrument = await node.plain.get_instrument(order.instrument)
            assert instrument is not None
            lots = parse_size(size, instrument) if size is not None else order.left_lots + order.filled_lots
            ticks = parse_price(price, instrument) if price is not None else order.price_ticks
            words = trader.amend(slot, order.generation, lots, ticks)
            await self._send(node, words, f"amend {get_view_terms(instrument).name}", slot)

        self._run(act)

    def cancel(self, slot: int | None, name: str | None, all_orders: bool) -> None:
        """Cancel one order, those of an instrument, or all."""
        if sum((slot is not None, name is not None, all_orders)) != 1:
            raise CliError("say which order: a slot, --instrument NAME, or --all")

        async def act(node: CheckedConnection, trader: Trader) -> None:
            if slot is not None:
                words = trader.cancel(slot)
            elif name is not None:
                words = trader.cancel_instrument((await find_instrument(node, name)).instrument)
            else:
                words = trader.cancel_all()
            await self._send(node, words, "cancel", slot)

        self._run(act)

    def withdraw(self, amount_micros: int) -> None:
        """Withdraw on the exchange: L1 owes it once the batch is final."""

        async def act(node: CheckedConnection, trader: Trader) -> None:
            await self._send(
                node, trader.withdraw(amount_micros), f"withdraw {format_usdc(amount_micros)}", None
            )

        self._run(act)

    def print_account(self, number: int | None) -> None:
        """Show an account, the person's own if no number is given."""

        async def show() -> None:
            which = number if number is not None else self._open_person().require_account()
            async with await connect_node(self.site) as node:
                view = await node.plain.get_account(which)
                if view is None:
                    raise CliError(f"there is no account {which} on the exchange yet")
                await self._show_account(node, view)

        asyncio.run(show())

    # ---- inside

    def _open_person(self) -> Person:
        return open_person(self.site, self.site.connect_l1(), self._key_file)

    def _run(self, act: Act) -> None:
        async def main() -> None:
            async with open_trader(self.site, self._open_person()) as (node, trader):
                await act(node, trader)

        asyncio.run(main())

    async def _send(self, node: CheckedConnection, words: bytes, what: str, slot: int | None) -> None:
        """Submit an operation and print its answer. CliError if node or machine refuse it."""
        (outcome,) = await node.submit([words])
        if isinstance(outcome, Refused):
            raise CliError(f"{what}: {outcome}")
        fills = get_fills(outcome)
        reason = Reason(outcome.result.reason)
        self.output.result(
            {
                "number": outcome.number,
                "reason": reason.name,
                "slot": slot,
                "filled_lots": outcome.result.filled_lots,
                "notional_micros": outcome.result.notional_micros,
                "fills": fills,
                "epoch": outcome.confirmation.epoch,
                "running_keccak": "0x" + outcome.confirmation.running_keccak.hex(),
                "signature": "0x" + outcome.confirmation.signature.hex(),
            }
        )
        if reason is not Reason.OK:
            raise CliError(
                f"{what}: the exchange refused it as number {outcome.number}: {explain_refusal(reason)}"
            )
        rested = any(event[0] == events.RESTED for event in outcome.result.events)
        self.output.line(
            f"{what}: number {outcome.number}, confirmed and signed"
            + (f"; {format_size(outcome.result.filled_lots)} filled" if fills else "")
            + (f"; rests in slot {slot}" if rested else "")
        )
        rows = [
            (fill["fill"], format_size(int(fill["size_lots"])), format_price(int(fill["price_ticks"])))
            for fill in fills
        ]
        if rows:
            self.output.table("", ("fill", "size", "price"), rows)
            self.output.line(f"[dim]miletus audit {rows[0][0]} traces it on L1 once its batch is posted[/]")

    async def _show_account(self, node: CheckedConnection, view: AccountView) -> None:
        held = {position.instrument for position in view.positions}
        names = await get_names(node, held | {order.instrument for order in view.orders})
        free = max(0, view.equity_micros - view.requirement_micros)
        self.output.facts(
            f"Account {view.account}",
            {
                "owner": "0x" + view.owner.hex(),
                "cash": format_usdc(view.cash_micros),
                "equity": format_usdc(view.equity_micros),
                "initial margin": format_usdc(view.requirement_micros)
                + (" (before the last sheet)" if view.stale and view.positions else ""),
                "free": format_usdc(free),
            },
        )
        positions = [
            (
                names[p.instrument],
                format_size(p.size_lots),
                format_price(p.mark_ticks),
                format_usdc(p.value_micros),
            )
            for p in view.positions
        ]
        if positions:
            self.output.table("\nPositions", ("instrument", "size", "mark", "value"), positions)
        orders = [
            (
                o.slot,
                names[o.instrument],
                "sell" if o.side else "buy",
                format_size(o.left_lots),
                format_size(o.filled_lots),
                format_price(o.price_ticks),
            )
            for o in view.orders
        ]
        if orders:
            self.output.table("\nOrders", ("slot", "instrument", "side", "left", "filled", "price"), orders)
        plain = get_plain(view)
        plain["owner"] = "0x" + view.owner.hex()
        for key, known in zip(plain["keys"], view.keys, strict=True):
            key |= {"x": "0x" + known.x.hex(), "y": "0x" + known.y.hex()}
        for each in (*plain["positions"], *plain["orders"]):
            each["name"] = names[each["instrument"]]
        self.output.result(plain)


def parse_time_in_force(text: str) -> TimeInForce:
    """gtc, ioc or fok."""
    try:
        return TimeInForce[text.upper()]
    except KeyError:
        raise CliError(f"time in force {text[:20]!r}: choose gtc, ioc or fok") from None


def get_fills(answer: Answer) -> list[dict[str, int | str]]:
    """The fills of an operation, each with the name that `miletus audit` takes."""
    fills = [event for event in answer.result.events if event[0] == events.FILL]
    return [
        {
            "fill": f"{answer.number}.{place}",
            "size_lots": event[5],
            "price_ticks": event[4],
            "fee_micros": event[6],
        }
        for place, event in enumerate(fills)
    ]


async def get_own_account(node: CheckedConnection, number: int) -> AccountView:
    """An account that is known to exist."""
    view = await node.plain.get_account(number)
    if view is None:
        raise CliError(f"there is no account {number} on the exchange yet")
    return view


async def find_free_slot(node: CheckedConnection, account: int) -> int:
    """The first slot without an order."""
    taken = {order.slot for order in (await get_own_account(node, account)).orders}
    for slot in range(256):
        if slot not in taken:
            return slot
    raise CliError("all 256 order slots are taken: cancel an order first")


async def get_names(node: CheckedConnection, numbers: set[int]) -> dict[int, str]:
    """Names of instruments."""
    ordered = sorted(numbers)
    views = await asyncio.gather(*(node.plain.get_instrument(number) for number in ordered))
    return {
        number: get_view_terms(view).name if view is not None else str(number)
        for number, view in zip(ordered, views, strict=True)
    }
