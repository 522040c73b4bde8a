"""The exchange for programs.

    async with await AsyncExchange.open(venue, wallet) as exchange:
        placed = await exchange.buy("BTC_USDC-PERPETUAL", "0.01", price="90000")
        await exchange.cancel(placed)

Any number of operations may be under way at once; nonces and slots are kept here. The line comes back by
itself when it breaks. Keys stay in this process.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from types import TracebackType

from eth_account.signers.local import LocalAccount

from miletus.client import streams
from miletus.client.directory import Directory
from miletus.client.errors import AnswerLost, ClientError, NotYet, OrderRefused, RequestError
from miletus.client.funds import Funds
from miletus.client.keys import derive_trading_key
from miletus.client.line import Line
from miletus.client.reading import (
    build_account,
    build_levels,
    build_refusal,
    read_placed,
    require_answer,
    to_grid_lots,
    to_grid_ticks,
)
from miletus.client.slots import Slots
from miletus.client.trader import KEY_SLOT, Trader
from miletus.client.units import Number, from_lots, from_ticks
from miletus.client.values import (
    Account,
    Book,
    Instrument,
    OpenOrder,
    Order,
    Placed,
    Ticker,
    Trade,
)
from miletus.client.venue import Venue
from miletus.engine import events
from miletus.engine.reasons import Reason
from miletus.market.requests import Side, TimeInForce
from miletus.native import PrivateKey, domain
from miletus.sequencer.answers import Answer
from miletus.sequencer.query import AccountView

KEEPS_SLOT = (Reason.SLOT_TAKEN, Reason.ORDER_NOT_FOUND)
"""Refusals after which an order may rest in the slot."""

NO_ACCOUNT = "this exchange was opened without an account: give a wallet, or a key and its account"


class AsyncExchange(Funds):
    """An exchange, for one event loop. Made by `open`."""

    def __init__(self, venue: Venue, line: Line) -> None:
        self.venue = venue
        self.line = line
        self.directory = Directory(line)
        self._wallet: LocalAccount | None = None
        self._store: Path | None = None
        self._trader: Trader | None = None
        self._slots = Slots()
        self._behind_s = 0.0

    @classmethod
    async def open(
        cls,
        venue: Venue,
        wallet: LocalAccount | None = None,
        *,
        key: PrivateKey | None = None,
        account: int | None = None,
        key_slot: int = KEY_SLOT,
        store: Path | None = None,
        patience_seconds: float = 30.0,
    ) -> "AsyncExchange":
        """Connect; with a wallet, or a trading key and its account, to trade.

        Args:
            venue: where it is.
            wallet: a wallet; its trading key is derived, its account found on L1 unless given.
            key: a trading key in its place, which needs `account`.
            account: the account's number.
            key_slot: which of the account's keys this is.
            store: a file for what is sent to L1, see `Money`.
            patience_seconds: how long a node that does not answer is tried, and an account that is on its way
                from L1 is waited for.

        Raises:
            Unreachable: no node answers.
            NotYet: the account, or its key, is not on the exchange.
            ClientError: it has another key.

        """
        exchange = cls(venue, Line(venue, patience_seconds))
        exchange._wallet, exchange._store = wallet, store
        try:
            status = await exchange.line.ask(lambda node: node.plain.get_status())
            exchange._behind_s = status.clock_ms / 1000 - time.time()
            if wallet is not None and key is None:
                key = derive_trading_key(wallet, venue.chain_id, venue.rollup)
                if account is None:
                    account = await asyncio.to_thread(exchange._find_account)
            if key is not None and account is not None:
                await exchange._wait_for_key(key, account, key_slot, patience_seconds)
        except BaseException:
            await exchange.close()
            raise
        return exchange

    async def close(self) -> None:
        """Close the line. Orders stay."""
        await self.line.close()

    async def __aenter__(self) -> "AsyncExchange":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def account_number(self) -> int:
        """The account that this exchange was opened for. ClientError if there is none."""
        return self._require().account

    # ---- market data

    async def get_instruments(self, *, settled: bool = False) -> list[Instrument]:
        """Instruments that are listed, and those that are settled if asked."""
        await self.directory.refresh()
        return [each for each in self.directory if settled or not each.settled]

    async def get_instrument(self, name: str) -> Instrument:
        """An instrument by its name. RequestError if none of this name is listed."""
        return await self.directory.find(name)

    async def get_ticker(self, name: str) -> Ticker:
        """Index, mark and the best of both sides."""
        number = (await self.directory.find(name)).number
        view = await self.line.ask(lambda node: node.plain.get_instrument(number))
        if view is None:
            raise RequestError(f"{name}: nothing is listed under this name: see get_instruments")
        coin = view.underlying
        underlying = await self.line.ask(lambda node: node.plain.get_underlying(coin))
        book = await self.get_book(name, 1)
        bid, ask = (side[0] if side else (None, Decimal(0)) for side in (book.bids, book.asks))
        return Ticker(
            name,
            from_ticks(underlying.index_ticks if underlying is not None else 0),
            from_ticks(view.mark_ticks) if view.covered else None,
            Decimal(view.delta) / 10_000 if view.covered else None,
            bid[0],
            ask[0],
            bid[1],
            ask[1],
            from_lots(view.open_interest_lots),
            view.restricted,
        )

    async def get_book(self, name: str, depth: int = 10) -> Book:
        """The first `depth` levels of each side."""
        number = (await self.directory.find(name)).number
        found = await self.line.ask(lambda node: node.plain.get_book(number, 1_000))
        return Book(name, build_levels(found.bids, depth), build_levels(found.asks, depth))

    async def trades(self, name: str | None = None, *, from_number: int = 0) -> AsyncIterator[Trade]:
        """Every fill from now on (or from a number of the sequencer on), across breaks of the line.

        Raises:
            FeedLost: the node does not remember what came next.

        """
        wanted = None if name is None else (await self.directory.find(name)).number
        own = self._trader.account if self._trader is not None else -1
        async for trade in streams.follow_trades(self.line, self.directory, wanted, own, from_number):
            yield trade

    # ---- the account

    async def get_account(self) -> Account:
        """Money, positions and resting orders."""
        view = await self._view(self._require().account)
        numbers = {position.instrument for position in view.positions}
        await self.directory.require(numbers | {order.instrument for order in view.orders})
        return build_account(view, self.directory.names)

    async def get_open_orders(self, name: str | None = None) -> tuple[OpenOrder, ...]:
        """Orders that rest."""
        orders = (await self.get_account()).orders
        return orders if name is None else tuple(order for order in orders if order.name == name)

    # ---- trading

    async def buy(
        self,
        name: str,
        size: Number,
        price: Number | None = None,
        *,
        time_in_force: TimeInForce = TimeInForce.GTC,
        post_only: bool = False,
        reduce_only: bool = False,
        good_for_s: int = 0,
    ) -> Placed:
        """Buy; without a price at the market. OrderRefused says why it was not taken."""
        return await self.place(
            Order(name, Side.BUY, size, price, time_in_force, post_only, reduce_only, good_for_s)
        )

    async def sell(
        self,
        name: str,
        size: Number,
        price: Number | None = None,
        *,
        time_in_force: TimeInForce = TimeInForce.GTC,
        post_only: bool = False,
        reduce_only: bool = False,
        good_for_s: int = 0,
    ) -> Placed:
        """Sell; without a price at the market. OrderRefused says why it was not taken."""
        return await self.place(
            Order(name, Side.SELL, size, price, time_in_force, post_only, reduce_only, good_for_s)
        )

    async def place(self, order: Order) -> Placed:
        """Place an order. OrderRefused says why it was not taken."""
        (placed,) = await self.place_many([order])
        if isinstance(placed, ClientError):
            raise placed
        return placed

    async def place_many(self, orders: Sequence[Order]) -> list[Placed | OrderRefused | AnswerLost]:
        """Place orders in one request; for each what became of it, in order.

        Raises:
            RequestError: one of them can't be said (a price off the grid, no free slot); none was sent.

        """
        trader = self._require()
        said = [await self._say(order) for order in orders]
        given = [order.slot for order in orders]
        slots = await self._take_slots(given)
        words = [
            trader.place(
                instrument.number,
                order.side,
                lots,
                1 if ticks is None else ticks,
                slot=slot,
                time_in_force=order.time_in_force,
                market=ticks is None,
                post_only=order.post_only,
                reduce_only=order.reduce_only,
                replace=order.slot is not None,
                good_for_s=order.good_for_s,
            )
            for order, (instrument, lots, ticks), slot in zip(orders, said, slots, strict=True)
        ]
        outcomes = await self.line.submit(words)
        results: list[Placed | OrderRefused | AnswerLost] = []
        for order, (instrument, _, _), slot, outcome in zip(orders, said, slots, outcomes, strict=True):
            what = f"{order.side.name.lower()} {order.size} {instrument.name}"
            placed = read_placed(what, order, instrument, trader.account * 256 + slot, outcome)
            self._free_if_gone(slot, placed)
            results.append(placed)
        return results

    async def amend(
        self, order: Placed | OpenOrder, *, size: Number | None = None, price: Number | None = None
    ) -> Placed:
        """Change a resting order to another price or total size, fills included; it keeps its slot."""
        trader, instrument = self._require(), await self.directory.find(order.name)
        total = order.left + order.filled if isinstance(order, OpenOrder) else order.size
        lots = to_grid_lots(total if size is None else size, instrument)
        ticks = to_grid_ticks(order.price if price is None else price, instrument)
        words = trader.amend(order.slot, order.generation, lots, ticks)
        (outcome,) = await self.line.submit([words])
        changed = Order(order.name, order.side, from_lots(lots), from_ticks(ticks), slot=order.slot)
        name = trader.account * 256 + order.slot
        placed = read_placed(f"amend {order.name}", changed, instrument, name, outcome)
        self._free_if_gone(order.slot, placed)
        if isinstance(placed, ClientError):
            raise placed
        return placed

    async def cancel(self, order: Placed | OpenOrder) -> None:
        """Cancel a resting order. OrderRefused with ORDER_NOT_FOUND if it does not rest any more."""
        words = self._require().cancel(order.slot, order.generation)
        await self._do(words, f"cancel {order.name}")
        self._slots.free(order.slot)

    async def cancel_all(self, name: str | None = None) -> int:
        """Cancel every order of the account, or of one instrument; how many there were."""
        trader = self._require()
        if name is None:
            words = trader.cancel_all()
        else:
            words = trader.cancel_instrument((await self.directory.find(name)).number)
        answer = await self._do(words, "cancel all")
        for event in answer.result.events:
            if event[0] == events.REMOVED:
                self._slots.free(event[1] % 256)
        return answer.result.detail

    # ---- inside

    def _require(self) -> Trader:
        if self._trader is None:
            raise ClientError(NO_ACCOUNT)
        return self._trader

    def _now_s(self) -> int:
        """The exchange's clock may be ahead of this machine's; being late is what must not happen."""
        return int(time.time() + max(self._behind_s, 0.0))

    async def _wait_for_key(self, key: PrivateKey, account: int, key_slot: int, seconds: float) -> None:
        """Take up the account, which a first deposit brings some blocks after it was made on L1."""
        end = time.monotonic() + seconds
        while True:
            try:
                await self._take_key(key, account, key_slot)
                return
            except NotYet:
                if time.monotonic() > end:
                    raise
                await asyncio.sleep(min(0.5, seconds / 4))

    async def _take_key(self, key: PrivateKey, account: int, key_slot: int) -> None:
        view = await self._view(account)
        found = next((each for each in view.keys if each.slot == key_slot), None)
        if found is None:
            raise NotYet(f"account {account} has no key in slot {key_slot} yet: try again in some seconds")
        if (int.from_bytes(found.x, "big"), int.from_bytes(found.y, "big")) != key.public:
            raise ClientError(f"account {account} has another key in slot {key_slot}: bind this one first")
        self._trader = Trader(
            account=account,
            key_slot=key_slot,
            key=key,
            domain=domain(self.venue.chain_id, self.venue.rollup),
            now_s=self._now_s,
            last_nonce=found.nonce,
        )
        self._slots.reset(order.slot for order in view.orders)

    async def _view(self, account: int) -> AccountView:
        view = await self.line.ask(lambda node: node.plain.get_account(account))
        if view is None:
            raise NotYet(
                f"account {account} is not on the exchange yet: its deposit waits to be old enough on L1; "
                "try again in some seconds"
            )
        return view

    async def _take_slots(self, given: Iterable[int | None]) -> list[int]:
        wanted = list(given)
        missing = sum(slot is None for slot in wanted)
        if self._slots.count_free() < missing:
            view = await self._view(self._require().account)
            self._slots.reset(order.slot for order in view.orders)
        free = iter(self._slots.take(missing))
        return [next(free) if slot is None else slot for slot in wanted]

    async def _say(self, order: Order) -> tuple[Instrument, int, int | None]:
        instrument = await self.directory.find(order.name)
        if order.slot is not None and not 0 <= order.slot < 256:
            raise RequestError(f"slot {order.slot}: slots are 0 to 255")
        ticks = None if order.price is None else to_grid_ticks(order.price, instrument)
        return instrument, to_grid_lots(order.size, instrument), ticks

    def _free_if_gone(self, slot: int, placed: Placed | OrderRefused | AnswerLost) -> None:
        """Let a slot be used again where nothing rests; one whose fate is not known is looked up later."""
        if isinstance(placed, Placed):
            gone = not placed.rests
        else:
            gone = isinstance(placed, OrderRefused) and placed.reason not in KEEPS_SLOT
        if gone:
            self._slots.free(slot)

    async def _do(self, words: bytes, what: str) -> Answer:
        (outcome,) = await self.line.submit([words])
        answer = require_answer(what, outcome)
        if isinstance(answer, ClientError):
            raise answer
        if answer.result.reason:
            raise build_refusal(what, answer)
        return answer
