"""The exchange for programs that do not use asyncio: the same methods, each waiting for its answer.

    with Exchange.open(venue, wallet) as exchange:
        placed = exchange.buy("BTC_USDC-PERPETUAL", "0.01", price="90000")

An event loop runs in a thread of its own; several threads may use one exchange.
"""

import asyncio
import threading
from collections.abc import Awaitable, Coroutine, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from eth_account.signers.local import LocalAccount

from miletus.client.errors import AnswerLost, OrderRefused
from miletus.client.exchange import AsyncExchange
from miletus.client.trader import KEY_SLOT
from miletus.client.units import Number
from miletus.client.values import (
    Account,
    Book,
    Departure,
    Finality,
    Instrument,
    OpenOrder,
    Order,
    Placed,
    Ticker,
    Trade,
    Withdrawal,
)
from miletus.client.venue import Venue
from miletus.market.requests import TimeInForce
from miletus.native import PrivateKey

T = TypeVar("T")


class Exchange:
    """An exchange for blocking programs. Made by `open`; every method is as `AsyncExchange`'s."""

    def __init__(self, loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
        self._loop = loop
        self._thread = thread
        self._exchange: AsyncExchange

    @classmethod
    def open(
        cls,
        venue: Venue,
        wallet: LocalAccount | None = None,
        *,
        key: PrivateKey | None = None,
        account: int | None = None,
        key_slot: int = KEY_SLOT,
        store: Path | None = None,
        patience_seconds: float = 30.0,
    ) -> "Exchange":
        """Connect; see `AsyncExchange.open`."""
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, name="miletus exchange", daemon=True)
        thread.start()
        exchange = cls(loop, thread)
        try:
            exchange._exchange = exchange._run(
                AsyncExchange.open(
                    venue,
                    wallet,
                    key=key,
                    account=account,
                    key_slot=key_slot,
                    store=store,
                    patience_seconds=patience_seconds,
                )
            )
        except BaseException:
            exchange._stop()
            raise
        return exchange

    def close(self) -> None:
        """Close the line; orders stay. Harmless when it is closed."""
        if not self._loop.is_closed():
            self._run(self._exchange.close())
            self._stop()

    def __enter__(self) -> "Exchange":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def account_number(self) -> int:
        """The account that this exchange was opened for."""
        return self._exchange.account_number

    # ---- market data

    def get_instruments(self, *, settled: bool = False) -> list[Instrument]:
        """Instruments that are listed, and those that are settled if asked."""
        return self._run(self._exchange.get_instruments(settled=settled))

    def get_instrument(self, name: str) -> Instrument:
        """An instrument by its name."""
        return self._run(self._exchange.get_instrument(name))

    def get_ticker(self, name: str) -> Ticker:
        """Index, mark and the best of both sides."""
        return self._run(self._exchange.get_ticker(name))

    def get_book(self, name: str, depth: int = 10) -> Book:
        """The first `depth` levels of each side."""
        return self._run(self._exchange.get_book(name, depth))

    def trades(self, name: str | None = None, *, from_number: int = 0) -> Iterator[Trade]:
        """Every fill from now on, as it comes."""
        stream = self._exchange.trades(name, from_number=from_number)
        try:
            while True:
                try:
                    yield self._run(anext(stream))
                except StopAsyncIteration:
                    return
        finally:
            close: Any = getattr(stream, "aclose", None)
            if close is not None and not self._loop.is_closed():
                self._run(close())

    # ---- the account

    def get_account(self) -> Account:
        """Money, positions and resting orders."""
        return self._run(self._exchange.get_account())

    def get_open_orders(self, name: str | None = None) -> tuple[OpenOrder, ...]:
        """Orders that rest."""
        return self._run(self._exchange.get_open_orders(name))

    # ---- trading

    def buy(
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
        """Buy; without a price at the market."""
        return self._run(
            self._exchange.buy(
                name,
                size,
                price,
                time_in_force=time_in_force,
                post_only=post_only,
                reduce_only=reduce_only,
                good_for_s=good_for_s,
            )
        )

    def sell(
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
        """Sell; without a price at the market."""
        return self._run(
            self._exchange.sell(
                name,
                size,
                price,
                time_in_force=time_in_force,
                post_only=post_only,
                reduce_only=reduce_only,
                good_for_s=good_for_s,
            )
        )

    def place(self, order: Order) -> Placed:
        """Place an order."""
        return self._run(self._exchange.place(order))

    def place_many(self, orders: Sequence[Order]) -> list[Placed | OrderRefused | AnswerLost]:
        """Place orders in one request; for each what became of it, in order."""
        return self._run(self._exchange.place_many(orders))

    def amend(
        self, order: Placed | OpenOrder, *, size: Number | None = None, price: Number | None = None
    ) -> Placed:
        """Change a resting order to another price or total size."""
        return self._run(self._exchange.amend(order, size=size, price=price))

    def cancel(self, order: Placed | OpenOrder) -> None:
        """Cancel a resting order."""
        self._run(self._exchange.cancel(order))

    def cancel_all(self, name: str | None = None) -> int:
        """Cancel every order of the account, or of one instrument; how many there were."""
        return self._run(self._exchange.cancel_all(name))

    # ---- money

    def deposit(self, amount: Number, *, mint: bool = False) -> int:
        """Deposit from the wallet on L1; its account."""
        return self._run(self._exchange.deposit(amount, mint=mint))

    def withdraw(self, amount: Number) -> int:
        """Withdraw to the owner's L1 wallet; the operation's number."""
        return self._run(self._exchange.withdraw(amount))

    def transfer(self, to: int, amount: Number) -> int:
        """Pay to another account; the operation's number."""
        return self._run(self._exchange.transfer(to, amount))

    def get_withdrawals(self) -> list[Withdrawal]:
        """The wallet's withdrawals that are on L1."""
        return self._run(self._exchange.get_withdrawals())

    def claim(self) -> Decimal:
        """Have L1 pay every withdrawal of the wallet that is final; how much that was."""
        return self._run(self._exchange.claim())

    def get_finality(self, number: int) -> Finality:
        """How far the word of a number (`Placed.number`) has come on L1; see `Money.get_finality`."""
        return self._run(self._exchange.get_finality(number))

    def force_withdrawal(self, amount: Number) -> int:
        """Withdraw through L1's inbox, which no sequencer can keep out; see `Money.force_withdrawal`."""
        return self._run(self._exchange.force_withdrawal(amount))

    def force_cancel(self) -> int:
        """Cancel all orders through L1's inbox; its entry there."""
        return self._run(self._exchange.force_cancel())

    def exit(self, genesis: Path, *, setup: bool = False) -> list[Departure]:
        """Leave a frozen rollup with all accounts of the wallet; see `Money.exit`."""
        return self._run(self._exchange.exit(genesis, setup=setup))

    # ---- inside

    def _run(self, work: Awaitable[T]) -> T:
        async def wait() -> T:
            return await work

        started: Coroutine[Any, Any, T] = wait()
        return asyncio.run_coroutine_threadsafe(started, self._loop).result()

    def _stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
