"""Money in and out, as methods of an exchange: what goes by L1, and what goes by an operation."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from eth_account.signers.local import LocalAccount

from miletus.client.errors import ClientError
from miletus.client.trader import Trader
from miletus.client.units import MICROS, Number, to_units
from miletus.client.values import Departure, Finality, Withdrawal
from miletus.client.venue import Venue
from miletus.sequencer.answers import Answer

if TYPE_CHECKING:
    from miletus.client.money import Money

T = TypeVar("T")


class Funds:
    """What an exchange does with money; the exchange says who signs, and has operations ordered."""

    venue: Venue
    _wallet: LocalAccount | None
    _store: Path | None

    def _require(self) -> Trader:
        raise NotImplementedError

    async def _do(self, words: bytes, what: str) -> Answer:
        raise NotImplementedError

    async def deposit(self, amount: Number, *, mint: bool = False) -> int:
        """Deposit from the wallet on L1; its account. It is on the exchange some blocks later."""
        return await asyncio.to_thread(self._with_money, lambda money: money.deposit(amount, mint=mint))

    async def withdraw(self, amount: Number) -> int:
        """Withdraw to the owner's L1 wallet; its number. L1 pays once its batch is final: `claim`."""
        micros = to_units(amount, MICROS, "amount")
        return (await self._do(self._require().withdraw(micros), f"withdraw {amount}")).number

    async def transfer(self, to: int, amount: Number) -> int:
        """Pay to another account; the operation's number."""
        micros = to_units(amount, MICROS, "amount")
        return (await self._do(self._require().transfer(to, micros), f"transfer {amount}")).number

    async def get_withdrawals(self) -> list[Withdrawal]:
        """The wallet's withdrawals that are on L1."""
        return await asyncio.to_thread(self._with_money, lambda money: money.get_withdrawals())

    async def claim(self) -> Decimal:
        """Have L1 pay every withdrawal of the wallet that is final; how much that was."""
        return await asyncio.to_thread(self._with_money, lambda money: money.claim())

    async def get_finality(self, number: int) -> Finality:
        """How far the word of a number (`Placed.number`) has come on L1; see `Money.get_finality`."""
        return await asyncio.to_thread(self._with_money, lambda money: money.get_finality(number))

    async def force_withdrawal(self, amount: Number) -> int:
        """Withdraw through L1's inbox, which no sequencer can keep out; see `Money.force_withdrawal`."""
        return await asyncio.to_thread(self._with_money, lambda money: money.force_withdrawal(amount))

    async def force_cancel(self) -> int:
        """Cancel all orders through L1's inbox; its entry there."""
        return await asyncio.to_thread(self._with_money, lambda money: money.force_cancel())

    async def exit(self, genesis: Path, *, setup: bool = False) -> list[Departure]:
        """Leave a frozen rollup with all accounts of the wallet; see `Money.exit`."""
        return await asyncio.to_thread(self._with_money, lambda money: money.exit(genesis, setup=setup))

    def _find_account(self) -> int:
        def find(money: "Money") -> int:
            account = money.find_account()
            if account is None:
                raise ClientError(f"{money.wallet.address} has no account yet: deposit first (Money.deposit)")
            return account

        return self._with_money(find)

    def _with_money(self, act: "Callable[[Money], T]") -> T:
        from miletus.client.money import Money  # here, since L1 takes longer to import than all the rest

        if self._wallet is None:
            raise ClientError("this exchange was opened without a wallet: L1 needs one")
        money = Money(self.venue, self._wallet, self._store)
        try:
            return act(money)
        finally:
            money.close()
