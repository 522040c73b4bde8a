"""Makers or takers: agents who see the exchange by its feed, and sign with keys of their own."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Sequence
from pathlib import Path

from miletus.cli.actors import KEY_SLOT, Actor, ActorsFile, make_trader
from miletus.cli.channel import Channel, Fields
from miletus.cli.errors import CliError
from miletus.cli.person import list_instruments
from miletus.cli.roles.base import Site, drive
from miletus.cli.roles.markets import connect_node
from miletus.cli.roles.tally import Tally
from miletus.client import Trader
from miletus.client.connection import CheckedConnection
from miletus.client.exchange_feed import ExchangeFeed
from miletus.engine.reasons import Reason
from miletus.market.agent import Agent, Roster
from miletus.market.maker import Maker, MakerHabits
from miletus.market.names import UNDERLYINGS
from miletus.market.requests import Request
from miletus.market.takers import TakerHabits, Takers
from miletus.sequencer.answers import Answer, FeedGroup
from miletus.sequencer.errors import Refused

MAKER = "maker"
TAKERS = "takers"

CHUNK: dict[str, int] = {MAKER: 8, TAKERS: 1}
"""Operations that go into one request: a maker moves a whole chain at once, a taker has one thing in mind."""

IN_FLIGHT: dict[str, int] = {MAKER: 2, TAKERS: 4}
"""Requests that wait for their answers at once."""

CATCH_UP_SECONDS = 30.0

RECENT_LATENCIES = 1_000
"""Operations whose latencies are told while it runs."""


class TradersRole:
    """Agents, their accounts, and their way to the node.

    Args:
        channel: to the parent.
        site: the system.
        kind: MAKER or TAKERS.

    """

    def __init__(self, channel: Channel, site: Site, kind: str) -> None:
        self.channel = channel
        self.site = site
        self.kind = kind
        self.tally = Tally()
        self.feed = ExchangeFeed(self._on_events)
        self.refused: Counter[str] = Counter()
        self.sent = 0
        self._roster = Roster()
        self._agents: list[tuple[Agent, list[Trader]]] = []
        self._node: CheckedConnection | None = None
        self._moved = asyncio.Event()

    async def run(self) -> None:
        """Answer requests until told to stop."""
        self._node = await connect_node(self.site)
        groups = self._node.plain.subscribe()
        first = asyncio.ensure_future(
            anext(groups)
        )  # subscribed before anything is read, so nothing is missed
        await self._restore()
        follower = asyncio.create_task(self._follow(first, groups))
        self.channel.handlers |= {
            "act": self.act,
            "latencies": self.get_latencies,
            "cancel_all": self.cancel_all,
            "describe": self.describe,
            "withdraw": self.withdraw,
        }
        self.channel.attach(asyncio.get_running_loop())
        self.channel.measure = self.describe
        self.channel.ready(agents=len(self._agents))
        driver = None
        if not self.channel.supervised:
            driver = asyncio.create_task(drive(self.channel, self.site, self.act))
        while not self.channel.stopping:
            await asyncio.sleep(0.05)
            for task in (follower, driver):
                if task is not None and task.done():
                    task.result()
        if driver is not None:
            await driver
        follower.cancel()
        await asyncio.gather(follower, return_exceptions=True)
        await self._node.close()

    # ---- what the parent asks

    async def act(self, time_s: int) -> Fields:
        """Have every agent do what it wants at a second; what came of it, and the sums so far."""
        started = time.perf_counter()
        sent = 0
        for agent, traders in self._agents:
            board = self.feed.make_board(time_s)
            requests = agent.act(board) if board.lines else []
            sent += len(requests)
            await self._send([(traders[request.account], request) for request in requests])
        self.sent += sent
        return {"sent": sent, "seconds": time.perf_counter() - started, **self.describe()}

    async def cancel_all(self) -> Fields:
        """Take every order of these agents out of the books."""
        assert self._node is not None
        words = [trader.cancel_all() for _, traders in self._agents for trader in traders]
        await self._submit(words)
        return self.describe()

    async def withdraw(self, permille: int) -> Fields:
        """Have every account withdraw a share of what is free of its money; how much was put out."""
        assert self._node is not None
        words, amounts = [], []
        for trader in [trader for _, traders in self._agents for trader in traders]:
            view = await self._node.plain.get_account(trader.account)
            if view is None:
                continue
            free = min(view.cash_micros, view.equity_micros - view.requirement_micros)
            amount = free * permille // 1000
            if amount > 0:
                words.append(trader.withdraw(amount))
                amounts.append(amount)
        withdrawn = 0
        for amount, outcome in zip(amounts, await self._node.submit(words), strict=True):
            if isinstance(outcome, Answer) and not outcome.result.reason:
                withdrawn += amount
        return {"withdrawn_micros": withdrawn, "accounts": len(words)}

    def describe(self) -> Fields:
        """Sums since the start, and the latencies of the last operations."""
        assert self._node is not None
        recent = sorted(self._node.latencies_us[-RECENT_LATENCIES:])
        return {
            "ack_p50_us": recent[len(recent) // 2] if recent else None,
            "ack_p99_us": recent[len(recent) * 99 // 100] if recent else None,
            "operations_sent": self.sent,
            "refused": dict(self.refused),
            "words": self.feed.words,
            "operations": self.feed.operations,
            "index_ticks": {str(u): ticks for u, ticks in self.feed.index_ticks.items()},
            "sheets": {str(u): count for u, count in self.feed.sheet_counts.items()},
            **self.tally.describe(),
        }

    def get_latencies(self) -> Fields:
        """Round trips of all operations, microseconds, and of how many."""
        assert self._node is not None
        return {"latencies_us": [round(value, 1) for value in self._node.latencies_us]}

    # ---- agents

    async def _restore(self) -> None:
        """Make the agents, with their accounts as the exchange has them; orders of an earlier run go out.

        A position that is filled after the subscription and before it is read is counted twice; that shifts a
        quote, and no money.
        """
        assert self._node is not None
        instruments = await list_instruments(self._node, settled=True)
        underlyings = [await self._node.plain.get_underlying(number) for number in range(len(UNDERLYINGS))]
        self.feed.restore(instruments, [view for view in underlyings if view is not None])
        actors = [actor for actor in ActorsFile(self.site.folder).read() if actor.role == self.kind]
        seed = self.site.config.market.seed
        for agent, own in make_agents(self.kind, seed, actors):
            traders = [await self._make_trader(actor, agent, place) for place, actor in enumerate(own)]
            self._roster.register(agent, [actor.account for actor in own])
            self._agents.append((agent, traders))

    async def _make_trader(self, actor: Actor, agent: Agent, place: int) -> Trader:
        assert self._node is not None
        view = await self._node.plain.get_account(actor.account)
        if view is None:
            raise CliError(f"account {actor.account} of {actor.name} is not on the exchange: see its deposit")
        nonces = [key.nonce for key in view.keys if key.slot == KEY_SLOT]
        clock = self.site.clock
        trader = make_trader(
            self.site.folder, self.site.deployment, actor, lambda: clock() // 1000, max(nonces, default=0)
        )
        agent.positions[place] |= {each.instrument: each.size_lots for each in view.positions}
        if view.orders:
            await self._submit([trader.cancel_all()])
        return trader

    # ---- sending and hearing

    async def _send(self, requests: Sequence[tuple[Trader, Request]]) -> None:
        """Sign and submit requests, some at once, and wait until the feed has told what came of them."""
        chunk, free = CHUNK[self.kind], asyncio.Semaphore(IN_FLIGHT[self.kind])
        last = 0

        async def submit(some: Sequence[tuple[Trader, Request]]) -> None:
            nonlocal last
            try:
                last = max(last, await self._submit([trader.sign(request) for trader, request in some]))
            finally:
                free.release()

        async with asyncio.TaskGroup() as group:
            for at in range(0, len(requests), chunk):
                await free.acquire()
                group.create_task(submit(requests[at : at + chunk]))
        await self._hear(last)

    async def _submit(self, words: list[bytes]) -> int:
        """Submit signed operations; the highest number that was given to one."""
        assert self._node is not None
        last = 0
        for outcome in await self._node.submit(words):
            if isinstance(outcome, Refused):
                reason = outcome.reason
                self.refused[reason.name if reason is not None else str(outcome)] += 1
                continue
            assert isinstance(outcome, Answer)
            last = max(last, outcome.number)
            if outcome.result.reason:
                self.refused[Reason(outcome.result.reason).name] += 1
        return last

    async def _hear(self, number: int) -> None:
        """Wait until the feed has come to a number. CliError if it does not."""
        end = time.monotonic() + CATCH_UP_SECONDS
        while self.feed.next_number <= number:
            self._moved.clear()
            try:
                await asyncio.wait_for(self._moved.wait(), end - time.monotonic())
            except TimeoutError:
                raise CliError(
                    f"the node's feed stands at {self.feed.next_number}, {number} does not come: see its log"
                ) from None

    async def _follow(self, first: Awaitable[FeedGroup], groups: AsyncIterator[FeedGroup]) -> None:
        self._hear_group(await first)
        async for group in groups:
            self._hear_group(group)

    def _hear_group(self, group: FeedGroup) -> None:
        self.feed.take(group)
        self._moved.set()

    def _on_events(self, number: int, time_ms: int, told: tuple[tuple[int, ...], ...]) -> None:
        self._roster.note_events(told)
        self.tally.take(number, time_ms, told, self.feed.terms)


def make_agents(kind: str, seed: int, actors: list[Actor]) -> list[tuple[Agent, list[Actor]]]:
    """The agents of a kind, with the accounts that their names say are theirs."""
    if kind == TAKERS:
        return [(Takers("takers", seed, TakerHabits(accounts=len(actors))), actors)] if actors else []
    names = sorted({actor.name.rpartition("-")[0] for actor in actors})
    agents: list[tuple[Agent, list[Actor]]] = []
    for number, name in enumerate(names):
        own = [actor for actor in actors if actor.name.rpartition("-")[0] == name]
        agents.append((Maker(name, seed + number, MakerHabits(accounts=len(own))), own))
    return agents


def run(channel: Channel, folder: Path, kind: str) -> None:
    """Run until told to stop."""

    async def main() -> None:
        await TradersRole(channel, Site.open(folder), kind).run()

    asyncio.run(main())
