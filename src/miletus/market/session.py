"""A market, its oracle and its agents over simulated time: everything that a driver has to send, in order.

    session = Session(market, oracle, agents)
    for agent, accounts in ...: session.register(agent, accounts)
    for time_s in session.get_times(300):
        step = session.advance(time_s)            # with the exchange's clock at time_s, send in this order:
        ...                                       #   step.ticks, each of step.settles, step.sheets
        session.tell(events)                      # of a Settle that emptied a book
        for agent in session.agents:
            for request in session.ask(agent):    # sign and send, then tell what came of it
                session.tell(events)

If the exchange refuses anything of the oracle's, `session.restore(state)` takes up what really is in force.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from miletus.codec import encode
from miletus.engine.state import State
from miletus.market.agent import Agent, Roster
from miletus.market.board import Board, make_board
from miletus.market.errors import MarketError
from miletus.market.instruments import Instrument
from miletus.market.oracle import Bundle, Oracle, get_reading_times
from miletus.market.requests import Request
from miletus.market.sheet import Entry
from miletus.market.timeline import Market


@dataclass
class Step:
    """What the oracle and the sequencer send at one time, in this order."""

    time_s: int
    ticks: Bundle
    """The index of every underlying."""
    settles: list[bytes] = field(default_factory=list)
    """A Settle for each instrument that has expired; sent again, one empties its book (07-R04)."""
    settled: list[Instrument] = field(default_factory=list)
    """The instruments of `settles`."""
    sheets: Bundle = field(default_factory=Bundle)
    """New instruments, and the sheets that are due."""


class Session:
    """Drives a market from its start on. Deterministic, given the same answers of the exchange."""

    def __init__(self, market: Market, oracle: Oracle, agents: Sequence[Agent]) -> None:
        self.market = market
        self.oracle = oracle
        self.agents = list(agents)
        self._roster = Roster()
        self._sheets: dict[int, dict[int, Entry]] = {}
        self._references: dict[int, int] = {}
        self._board: Board | None = None

    def register(self, agent: Agent, accounts: Sequence[int]) -> None:
        """Say which accounts of the exchange an agent trades with, as many as it has."""
        if len(accounts) != agent.accounts:
            raise MarketError(
                f"{agent.name} has {agent.accounts} accounts and was given {len(accounts)}: open as many"
            )
        self._roster.register(agent, accounts)

    def get_times(self, step_s: int, start_s: int | None = None, end_s: int | None = None) -> Iterator[int]:
        """Times every `step_s` seconds, and 07:30:00 and 08:00:00 UTC of every day among them."""
        if step_s < 1:
            raise MarketError(f"a step of {step_s} seconds leads nowhere: give 1 or more")
        time_s = self.market.start_s if start_s is None else start_s
        last_s = self.market.end_s if end_s is None else end_s
        while time_s <= last_s:
            yield time_s
            following = time_s - time_s % step_s + step_s
            time_s = min([following, *get_reading_times(time_s, following)])

    def advance(self, time_s: int) -> Step:
        """The oracle's words at `time_s`: ticks, settlements, listings and sheets, as far as they are due."""
        step = Step(time_s, Bundle())
        for underlying in self.market.underlyings:
            if time_s > self.oracle.ledger.get(underlying).tick_time_s:
                step.ticks.extend(self.oracle.tick(underlying, time_s))
        for instrument in self.oracle.catalogue.expired(time_s):
            step.settles.append(encode.settle(instrument=instrument.number))
            step.settled.append(self.oracle.settled(instrument.number))
            for agent in self.agents:
                agent.note_settled(instrument.number)
        step.sheets.extend(self.oracle.list_missing(self.market.get_terms(time_s), time_s))
        for underlying in self.market.underlyings:
            if self.oracle.is_sheet_due(underlying, time_s):
                bundle = self.oracle.sheet(underlying, time_s)
                self._sheets[underlying] = bundle.sheets[-1]
                self._references[underlying] = self.oracle.ledger.get(underlying).index_ticks
                step.sheets.extend(bundle)
        self._board = self._make_board(time_s)
        return step

    def ask(self, agent: Agent) -> list[Request]:
        """What an agent asks for at the time of the last `advance`; nothing before a first sheet."""
        return agent.act(self._board) if self._board is not None and self._board.lines else []

    def tell(self, events: Iterable[tuple[int, ...]]) -> None:
        """Tell the agents the events of one word: (kind, a, b, c, d, e, f), `miletus.engine.events`."""
        self._roster.note_events(events)

    def restore(self, state: State) -> None:
        """Believe what the machine's state holds; the next `advance` makes new sheets."""
        self.oracle.restore(state)
        self._sheets.clear()
        self._references.clear()

    def _make_board(self, time_s: int) -> Board:
        standings = {u: self.oracle.ledger.get(u) for u in self.market.underlyings}
        entries = {number: entry for sheet in self._sheets.values() for number, entry in sheet.items()}
        return make_board(
            time_s,
            {u: standing.index_ticks for u, standing in standings.items()},
            self._references,
            entries,
            self.oracle.catalogue,
        )
