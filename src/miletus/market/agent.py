"""What makers and takers have in common: orders and positions, kept by what the exchange tells of them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from miletus.engine import events
from miletus.market.board import Board
from miletus.market.requests import Request, Side

SLOT_COUNT: Final = 256
"""Order slots of an account; spec 02-R06."""


@dataclass(frozen=True, slots=True)
class Order:
    """A resting order."""

    instrument: int
    side: Side
    price_ticks: int
    left_lots: int
    generation: int
    filled_lots: int = 0
    """What of it was filled; an Amend names the total, filled and left (spec 04-R18)."""


@dataclass(frozen=True, slots=True)
class Fill:
    """What an agent bought or sold."""

    instrument: int
    side: Side
    lots: int
    price_ticks: int


class Agent:
    """A trader with `accounts` accounts, numbered 0, 1, ... by itself.

    Nothing is believed until the exchange has told it: requests change nothing here, events do. So the driver
    tells the events of all requests of one step before it asks for the next.
    """

    def __init__(self, name: str, accounts: int) -> None:
        self.name = name
        self.accounts = accounts
        self.orders: dict[tuple[int, int], Order] = {}
        """By account and slot."""
        self.positions: list[dict[int, int]] = [{} for _ in range(accounts)]
        """Of each account, lots by instrument."""
        self._filled: dict[tuple[int, int], tuple[int, int]] = {}

    def act(self, board: Board) -> list[Request]:
        """What the agent asks for at this moment."""
        raise NotImplementedError

    def get_position(self, instrument: int) -> int:
        """Lots over all accounts."""
        return sum(position.get(instrument, 0) for position in self.positions)

    def note_rested(self, account: int, slot: int, order: Order) -> None:
        """An order of the agent's rests; `order.filled_lots` is what its own word filled.

        One that comes again under its old generation was amended, and keeps what had been filled.
        """
        generation, before = self._filled.get((account, slot), (-1, 0))
        if generation == order.generation:
            order = replace(order, filled_lots=order.filled_lots + before)
        self._keep(account, slot, order)

    def note_removed(self, account: int, slot: int) -> None:
        """An order is gone, whatever the cause."""
        self.orders.pop((account, slot), None)

    def note_reduced(self, account: int, slot: int, left_lots: int) -> None:
        """An order kept its place with another size."""
        order = self.orders.get((account, slot))
        if order is not None:
            self._keep(account, slot, replace(order, left_lots=left_lots))

    def note_fill(self, account: int, slot: int, fill: Fill, *, resting: bool) -> None:
        """The agent bought or sold; `resting` if by an order that rested."""
        position = self.positions[account]
        after = position.get(fill.instrument, 0) + fill.side.sign * fill.lots
        if after:
            position[fill.instrument] = after
        else:
            position.pop(fill.instrument, None)
        order = self.orders.get((account, slot))
        if resting and order is not None:
            left, filled = order.left_lots - fill.lots, order.filled_lots + fill.lots
            self._keep(account, slot, replace(order, left_lots=left, filled_lots=filled))

    def _keep(self, account: int, slot: int, order: Order) -> None:
        self.orders[account, slot] = order
        self._filled[account, slot] = (order.generation, order.filled_lots)

    def note_settled(self, instrument: int) -> None:
        """An instrument was settled: positions in it are money now, orders stay until they are removed."""
        for position in self.positions:
            position.pop(instrument, None)


class Roster:
    """Whose an account of the exchange is, and the way of its events to the agent."""

    def __init__(self) -> None:
        self._owners: dict[int, tuple[Agent, int]] = {}

    def register(self, agent: Agent, accounts: Iterable[int]) -> None:
        """Give an agent its accounts on the exchange, in the order of its own numbers."""
        for own, account in enumerate(accounts):
            self._owners[account] = (agent, own)

    def note_events(self, told: Iterable[tuple[int, ...]]) -> None:
        """Tell the agents the events of one word: (kind, a, b, c, d, e, f) of `miletus.engine.events`."""
        entered: dict[int, int] = {}
        for kind, a, b, c, d, e, _ in told:
            if kind == events.FILL:
                side = Side(c % 2)
                entered[b] = entered.get(b, 0) + e
                self._note_fill(a, Fill(c // 2, side.other, e, d), resting=True)
                self._note_fill(b, Fill(c // 2, side, e, d), resting=False)
            elif kind in (events.RESTED, events.REMOVED, events.REDUCED) and a // SLOT_COUNT in self._owners:
                agent, own = self._owners[a // SLOT_COUNT]
                slot = a % SLOT_COUNT
                if kind == events.RESTED:
                    order = Order(b // 2, Side(b % 2), c, d, e, entered.get(a, 0))
                    agent.note_rested(own, slot, order)
                elif kind == events.REMOVED:
                    agent.note_removed(own, slot)
                else:
                    agent.note_reduced(own, slot, b)

    def _note_fill(self, order: int, fill: Fill, *, resting: bool) -> None:
        account, slot = divmod(order, SLOT_COUNT)
        if account in self._owners:
            agent, own = self._owners[account]
            agent.note_fill(own, slot, fill, resting=resting)
