"""A market, its oracle, a maker and takers on the real machine, from listing to settlement."""

import collections
import itertools
from dataclasses import dataclass, field

import pytest

from miletus.engine import layout
from miletus.engine.audit import compute_positions, is_conserved
from miletus.engine.reasons import Reason
from miletus.market.agent import Agent
from miletus.market.errors import MarketError
from miletus.market.generated import GeneratedMarket
from miletus.market.maker import Maker, MakerHabits
from miletus.market.oracle import make_oracle
from miletus.market.replay import ReplayMarket
from miletus.market.requests import Request
from miletus.market.session import Session, Step
from miletus.market.takers import TakerHabits, Takers
from miletus.market.timeline import Market, Selection
from miletus.native import domain
from tests.market.example import NEAR_S
from tests.market.exchange import CHAIN_ID, ROLLUP, Desk, Exchange, make_key
from tests.market.recorded import CHAINS, needs_chains

KEYS = [make_key(f"signer {n}") for n in range(3)]
MAKER_MICROS = 5_000_000_000_000
TAKER_MICROS = 300_000_000_000


def make_agents(seed: int) -> list[Agent]:
    return [
        Maker("maker", seed, MakerHabits(accounts=1)),
        Takers("takers", seed, TakerHabits(accounts=4, arrivals_an_hour=40.0)),
    ]


@dataclass
class Run:
    """A session on an exchange, with everything that happened."""

    market: Market
    seed: int = 1
    requests: list[tuple[str, Request]] = field(default_factory=list)
    reasons: collections.Counter[tuple[str, Reason]] = field(default_factory=collections.Counter)
    settled: dict[str, int] = field(default_factory=dict)
    fills: int = 0

    def __post_init__(self) -> None:
        oracle = make_oracle(self.market, KEYS, 2, domain(CHAIN_ID, ROLLUP))
        self.exchange = Exchange(oracle.publics, 2, self.market.start_s)
        self.desk = Desk(self.exchange)
        self.session = Session(self.market, oracle, make_agents(self.seed))
        self.accounts: dict[str, list[int]] = {}
        for agent, money in zip(self.session.agents, (MAKER_MICROS, TAKER_MICROS), strict=True):
            self.accounts[agent.name] = self.desk.open(agent.accounts, money)
            self.session.register(agent, self.accounts[agent.name])

    def go(self, hours: int, step_s: int) -> None:
        end_s = self.market.start_s + hours * 3_600
        for time_s in self.session.get_times(step_s, end_s=end_s):
            self.exchange.pass_time(time_s)
            self.carry_out(self.session.advance(time_s))
            for agent in self.session.agents:
                for request in self.session.ask(agent):
                    self.send(agent, request, time_s)

    def carry_out(self, step: Step) -> None:
        for outcome in self.exchange.run(step.ticks.operations):
            assert outcome.reason == Reason.OK
        outcomes = self.exchange.run(step.settles)
        for instrument, outcome in zip(step.settled, outcomes, strict=True):
            assert outcome.reason == Reason.OK
            self.settled[instrument.name] = outcome.detail
        for outcome in self.exchange.run(step.settles):
            assert outcome.reason == Reason.OK
            self.session.tell(outcome.events)
        for outcome in self.exchange.run(step.sheets.operations):
            assert outcome.reason == Reason.OK

    def send(self, agent: Agent, request: Request, time_s: int) -> None:
        account = self.accounts[agent.name][request.account]
        outcome = self.desk.send(account, request, time_s)
        self.requests.append((agent.name, request))
        self.reasons[agent.name, outcome.reason] += 1
        self.fills += outcome.filled_lots > 0
        self.session.tell(outcome.events)

    def check_agents_know(self) -> None:
        """What the agents believe of their orders and positions is what the machine holds."""
        state = self.exchange.machine.state
        catalogue = self.session.oracle.catalogue
        for agent in self.session.agents:
            for own, account in enumerate(self.accounts[agent.name]):
                for slot in range(256):
                    at = state.order(account * 256 + slot)
                    book = int(state.cells[at + layout.ORDER_BOOK]) - 1
                    order = agent.orders.get((own, slot))
                    if book < 0:
                        assert order is None
                        continue
                    assert order is not None
                    assert (order.instrument, order.side) == (book // 2, book % 2)
                    assert order.price_ticks == state.cells[at + layout.ORDER_PRICE]
                    assert order.left_lots == state.cells[at + layout.ORDER_LEFT]
                    assert order.filled_lots == state.cells[at + layout.ORDER_FILLED]
                    assert order.generation == state.cells[at + layout.ORDER_GENERATION]
                for instrument in catalogue:
                    lots = state.get_position_lots(account, instrument.number)
                    assert agent.positions[own].get(instrument.number, 0) == lots


SMALL = Selection(nearest=2, quarterly=1, strikes=3)


def check_a_day(market: Market, hours: int) -> Run:
    run = Run(market)
    run.go(hours, 1_800)
    run.check_agents_know()
    state = run.exchange.machine.state
    assert is_conserved(state)
    assert all(compute_positions(state, number) == 0 for number in range(200))
    assert run.fills > 100
    maker, takers = (
        {reason: n for (name, reason), n in run.reasons.items() if name == agent}
        for agent in ("maker", "takers")
    )
    # a maker's orders are good but where they would have crossed somebody who was faster
    assert set(maker) <= {Reason.OK, Reason.POST_ONLY}
    assert maker[Reason.OK] > 20 * maker.get(Reason.POST_ONLY, 0)
    plausible = {
        *(Reason.OK, Reason.POST_ONLY, Reason.NOT_FILLED, Reason.REDUCE_ONLY),
        *(Reason.ORDER_NOT_FOUND, Reason.MARGIN, Reason.BAND),
    }
    assert set(takers) <= plausible
    assert takers[Reason.OK] > 0.6 * sum(takers.values())
    return run


@pytest.mark.rule("01-R06", "01-R07", "06-R06", "06-R07", "07-R03")
def test_a_generated_day_from_listing_to_settlement() -> None:
    run = check_a_day(GeneratedMarket(2, NEAR_S + 7_200, 2, SMALL), 24)
    expiries = {name.split("-")[1] for name in run.settled}
    assert expiries == {"31JAN26"}
    assert {name.split("_")[0] for name in run.settled} == {"BTC", "ETH"}
    futures = [payoff for name, payoff in run.settled.items() if name.count("-") == 1]
    assert all(payoff > 100_000 for payoff in futures)


@needs_chains
@pytest.mark.rule("01-R06", "01-R07")
def test_recorded_hours_of_a_crash() -> None:
    """5 February 2026, 15:51 to 21:29: from 67,985 down to 63,858 USDC."""
    run = check_a_day(ReplayMarket(CHAINS, 1, 1_770_306_000, selection=SMALL), 5)
    assert run.session.oracle.ledger.get(0).index_ticks < 6_600_000


def test_the_same_seed_makes_the_same_requests() -> None:
    runs = []
    for seed in (1, 1, 2):
        run = Run(GeneratedMarket(1, NEAR_S + 7_200, 2, SMALL), seed)
        run.go(4, 1_800)
        runs.append(run.requests)
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_after_a_refusal_the_session_takes_up_what_is_in_force() -> None:
    market = GeneratedMarket(1, NEAR_S + 7_200, 2, SMALL)
    run = Run(market)
    run.go(1, 1_800)
    lost_s = market.start_s + 2 * 3_600
    run.exchange.pass_time(lost_s)
    run.session.advance(lost_s)  # and nothing of it is sent
    later_s = lost_s + 600
    run.exchange.pass_time(later_s)
    run.session.restore(run.exchange.machine.state)
    run.carry_out(run.session.advance(later_s))
    for agent in run.session.agents:
        for request in run.session.ask(agent):
            run.send(agent, request, later_s)
    run.check_agents_know()


def test_times_hold_the_readings_of_every_expiry() -> None:
    market = GeneratedMarket(1, NEAR_S + 7_200, 2, SMALL)
    session = Run(market).session
    times = list(session.get_times(7_000))
    assert times == sorted(set(times))
    assert times[0] == market.start_s
    for day in (1, 2):
        assert NEAR_S + day * 86_400 - 1_800 in times
        assert NEAR_S + day * 86_400 in times
    assert max(b - a for a, b in itertools.pairwise(times)) <= 7_000
    with pytest.raises(MarketError, match="leads nowhere"):
        list(session.get_times(0))


def test_an_agent_needs_its_accounts() -> None:
    session = Run(GeneratedMarket(1, NEAR_S + 7_200, 2, SMALL)).session
    with pytest.raises(MarketError, match="open as many"):
        session.register(session.agents[1], [1, 2])


def test_no_agent_acts_before_a_sheet() -> None:
    session = Run(GeneratedMarket(1, NEAR_S + 7_200, 2, SMALL)).session
    assert [session.ask(agent) for agent in session.agents] == [[], []]
