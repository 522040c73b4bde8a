"""The oracle's bundles on the real machine, and proposals that honest signers do not sign."""

from dataclasses import replace
from typing import Any

import pytest

from miletus.codec import encode
from miletus.engine import layout
from miletus.engine.params import SETTLEMENT_WINDOW_S
from miletus.engine.reasons import Reason
from miletus.market.errors import MarketError, OracleError
from miletus.market.generated import GeneratedMarket
from miletus.market.instruments import Grid, Instrument, build_chain
from miletus.market.names import InstrumentType, Terms, parse_name
from miletus.market.oracle import Bundle, Oracle, get_reading_times, make_oracle
from miletus.market.parameters import decode_parameters, encode_parameters
from miletus.market.sheet import compute_sheet, find_differences
from miletus.market.signer import encode_flip, encode_sheet, is_reading_time
from miletus.market.standing import Standing, read_ledger
from miletus.market.timeline import Market, Selection, UnderlyingState
from miletus.market.view import find_slice, make_parameters
from miletus.native import domain
from tests.market.exchange import CHAIN_ID, ROLLUP, Exchange, make_key

START_S = 1_769_594_400
"""28 January 2026, 10:00 UTC."""

SMALL = Selection(nearest=2, quarterly=1, strikes=3)
KEYS = [make_key(f"signer {n}") for n in range(3)]


def make_market(seed: int = 1) -> GeneratedMarket:
    return GeneratedMarket(seed, START_S, 3, SMALL)


class Shifted:
    """A market as somebody sees it whose prices are all `permille` off."""

    def __init__(self, market: Market, permille: int, volatility_permille: int = 0) -> None:
        self.underlyings, self.start_s, self.end_s = market.underlyings, market.start_s, market.end_s
        self._market, self._permille, self._volatility = market, permille, volatility_permille

    def get_index(self, underlying: int, time_s: int) -> int:
        return self._market.get_index(underlying, time_s) * (1_000 + self._permille) // 1_000

    def get_index_sum(self, underlying: int, from_s: int, to_s: int) -> int:
        return self._market.get_index_sum(underlying, from_s, to_s) * (1_000 + self._permille) // 1_000

    def get_state(self, underlying: int, time_s: int) -> UnderlyingState:
        state = self._market.get_state(underlying, time_s)
        factor = (1 + self._volatility / 1_000) ** 2
        slices = {expiry_s: part.scaled(factor) for expiry_s, part in state.surface.slices.items()}
        return replace(state, surface=replace(state.surface, slices=slices))

    def get_terms(self, time_s: int) -> list[Terms]:
        return self._market.get_terms(time_s)


def set_up(markets: list[Any] | None = None, threshold: int = 2) -> tuple[Oracle, Exchange, Market]:
    market = make_market()
    oracle = make_oracle(market, KEYS, threshold, domain(CHAIN_ID, ROLLUP), markets=markets)
    return oracle, Exchange(oracle.publics, threshold, START_S), market


def check_carried_out(exchange: Exchange, bundle: Bundle) -> None:
    outcomes = exchange.run(bundle.operations)
    assert {outcome.reason for outcome in outcomes} == {Reason.OK}


def open_market(oracle: Oracle, exchange: Exchange, market: Market) -> None:
    """Ticks, listings and sheets of both underlyings."""
    for underlying in (0, 1):
        check_carried_out(exchange, oracle.tick(underlying, START_S))
    check_carried_out(exchange, oracle.list_missing(market.get_terms(START_S), START_S))
    for underlying in (0, 1):
        check_carried_out(exchange, oracle.sheet(underlying, START_S))


@pytest.mark.rule("06-R01", "06-R02", "06-R03", "06-R06", "06-R07", "06-R10", "10-R03", "10-R07")
def test_the_machine_takes_ticks_listings_and_sheets() -> None:
    oracle, exchange, market = set_up()
    open_market(oracle, exchange, market)
    state = exchange.machine.state
    for underlying in (0, 1):
        at = state.underlying(underlying)
        assert state.cells[at + layout.INDEX] == market.get_index(underlying, START_S)
        assert state.cells[at + layout.SHEET_NUMBER] == 1
        assert state.cells[at + layout.SHEET_REFERENCE] == market.get_index(underlying, START_S)
    assert len(oracle.catalogue) == len(market.get_terms(START_S)) == 44


@pytest.mark.rule("06-R03", "06-R04", "06-R06", "06-R07")
def test_the_machine_takes_every_sheet_of_two_days() -> None:
    oracle, exchange, market = set_up()
    open_market(oracle, exchange, market)
    for time_s in range(START_S + 1_800, START_S + 2 * 86_400, 5_400):
        exchange.pass_time(time_s)
        for underlying in (0, 1):
            check_carried_out(exchange, oracle.tick(underlying, time_s))
            assert oracle.is_sheet_due(underlying, time_s)
            check_carried_out(exchange, oracle.sheet(underlying, time_s))
            assert not oracle.is_sheet_due(underlying, time_s + 60)


@pytest.mark.rule("06-R05", "07-R01", "07-R02", "07-R03")
@pytest.mark.parametrize("late", [False, True])
def test_an_expiry_settles_to_the_average_index(late: bool) -> None:
    oracle, exchange, market = set_up()
    open_market(oracle, exchange, market)
    expiry_s = min(i.terms.expiry_s for i in oracle.catalogue if i.terms.expiry_s)
    open_s = expiry_s - int(SETTLEMENT_WINDOW_S)
    assert get_reading_times(START_S, expiry_s) == [open_s, expiry_s]
    times = [open_s - 77, *([] if late else [open_s]), open_s + 601, *([] if late else [expiry_s])]
    for time_s in times:
        exchange.pass_time(time_s)
        check_carried_out(exchange, oracle.tick(0, time_s))
        check_carried_out(exchange, oracle.sheet(0, time_s))
    if late:
        exchange.pass_time(expiry_s + 11)
        check_carried_out(exchange, oracle.tick(0, expiry_s + 11))
        for time_s in (open_s, expiry_s):
            check_carried_out(exchange, oracle.tick(0, time_s, expiry_s + 11))
    average = market.get_index_sum(0, open_s, expiry_s) // 1_800
    last_sheet = dict(oracle.ledger.get(0).marks)
    for instrument in oracle.catalogue.expired(expiry_s):
        if instrument.terms.underlying == 0:
            (outcome,) = exchange.run([encode.settle(instrument=instrument.number)])
            assert outcome.reason == Reason.OK
            strike = instrument.terms.strike_ticks
            payoff = {
                InstrumentType.CALL: max(0, average - strike),
                InstrumentType.PUT: max(0, strike - average),
                InstrumentType.FUTURE: average,
            }[instrument.terms.type]
            assert outcome.detail == payoff
            if not late:
                assert abs(last_sheet[instrument.number] - payoff) <= 1  # the mark was there already
            oracle.settled(instrument.number)
    check_carried_out(exchange, oracle.sheet(0, expiry_s + 12 if late else expiry_s + 1))


def test_a_crash_is_followed_over_several_ticks_and_sheets() -> None:
    """The index falls by half between two ticks: neither tick nor mark leaves its band, none is refused."""
    market = make_market()
    calm = market.get_index(0, START_S)

    class Crashing(Shifted):
        def get_index(self, underlying: int, time_s: int) -> int:
            return market.get_index(underlying, START_S) // (1 if time_s == START_S else 2)

        def get_index_sum(self, underlying: int, from_s: int, to_s: int) -> int:
            return sum(self.get_index(underlying, s) for s in range(from_s, to_s))

        def get_state(self, underlying: int, time_s: int) -> UnderlyingState:
            state = market.get_state(underlying, START_S)
            index = self.get_index(underlying, time_s)
            forwards = {e: f * index // state.index_ticks for e, f in state.forward_ticks.items()}
            return replace(
                state, time_s=time_s, index_ticks=index, forward_ticks=forwards, perpetual_ticks=index
            )

    crashing: Any = Crashing(market, 0)
    oracle = make_oracle(crashing, KEYS, 2, domain(CHAIN_ID, ROLLUP))
    exchange = Exchange(oracle.publics, 2, START_S)
    open_market(oracle, exchange, crashing)
    seen = []
    for step in range(1, 12):
        time_s = START_S + 60 * step
        exchange.pass_time(time_s)
        check_carried_out(exchange, oracle.tick(0, time_s))
        check_carried_out(exchange, oracle.sheet(0, time_s))
        seen.append(oracle.ledger.get(0).index_ticks)
    assert seen == sorted(seen, reverse=True)
    assert calm * 8 // 10 < seen[0] < calm
    assert seen[-1] == calm // 2


def test_published_parameters_give_the_sheet_again() -> None:
    oracle, exchange, market = set_up()
    open_market(oracle, exchange, market)
    bundle = oracle.sheet(0, START_S + 1)
    parameters = decode_parameters(bundle.published[0])
    again = compute_sheet(oracle.catalogue.of(0), parameters)
    assert find_differences(again, bundle.sheets[0]) == []
    assert bundle.words == b"".join(bundle.operations)


def test_after_a_restart_the_ledger_is_read_from_the_machine() -> None:
    oracle, exchange, market = set_up()
    open_market(oracle, exchange, market)
    other = make_oracle(market, KEYS, 2, exchange.domain)
    other.restore(exchange.machine.state)
    assert list(other.catalogue) == list(oracle.catalogue)
    for underlying in (0, 1):
        assert other.ledger.get(underlying) == oracle.ledger.get(underlying)
    exchange.pass_time(START_S + 60)
    check_carried_out(exchange, other.tick(0, START_S + 60))
    check_carried_out(exchange, other.sheet(0, START_S + 60))
    settled = parse_name("BTC_USDC-27MAR26-200000-C")
    assert other.list_instrument(settled, START_S).listed[0].number == len(oracle.catalogue)
    with pytest.raises(OracleError, match="leave it out"):
        read_ledger(exchange.machine.state, (0, 1, 2))


@pytest.mark.rule("06-R02")
def test_too_few_signers_are_no_oracle() -> None:
    oracle, exchange, _ = set_up()
    bundle = oracle.tick(0, START_S)
    proposal, first, second = bundle.operations
    assert [o.reason for o in exchange.run([proposal, first, first])][-1] == Reason.ALREADY_APPROVED
    assert exchange.machine.state.cells[exchange.machine.state.underlying(0) + layout.INDEX] == 0
    assert [o.reason for o in exchange.run([second])] == [Reason.OK]
    assert exchange.machine.state.cells[exchange.machine.state.underlying(0) + layout.INDEX] > 0


@pytest.mark.rule("10-R03")
def test_an_approval_holds_for_one_deployment_and_one_proposal() -> None:
    oracle, exchange, _ = set_up()
    elsewhere = make_oracle(make_market(), KEYS, 2, domain(1, ROLLUP)).tick(0, START_S)
    assert exchange.run(elsewhere.operations)[-1].reason == Reason.BAD_SIGNATURE
    tick = oracle.tick(0, START_S)
    other = encode.index_tick(underlying=0, time_s=START_S, index_ticks=1, cumulative=0)
    assert exchange.run([other, *tick.operations[1:]])[-1].reason == Reason.BAD_SIGNATURE


@pytest.mark.rule("06-R07")
def test_a_sheet_whose_entry_was_changed_on_the_way_does_not_count() -> None:
    oracle, exchange, market = set_up()
    for underlying in (0, 1):
        check_carried_out(exchange, oracle.tick(underlying, START_S))
    check_carried_out(exchange, oracle.list_missing(market.get_terms(START_S), START_S))
    bundle = oracle.sheet(0, START_S)
    changed = bytearray(bundle.operations[3])
    changed[8] ^= 1
    outcomes = exchange.run([*bundle.operations[:3], bytes(changed), *bundle.operations[4:]])
    assert outcomes[-1].reason == Reason.BAD_SIGNATURE
    check_carried_out(exchange, bundle)


def test_a_signer_whose_market_is_another_refuses_and_the_others_carry_on() -> None:
    market = make_market()
    odd: Any = Shifted(market, 30)
    oracle, exchange, _ = set_up([market, odd, market])
    bundle = oracle.tick(0, START_S)
    assert [operation[1] for operation in bundle.operations[1:]] == [0, 2]
    check_carried_out(exchange, bundle)


@pytest.mark.parametrize(
    ("markets", "told"),
    [
        ((30, 0), "index"),
        ((-30, 0), "index"),
        ((0, 200), "is marked"),
        ((0, -200), "is marked"),
    ],
)
def test_a_proposer_whose_market_is_wrong_finds_no_signers(markets: tuple[int, int], told: str) -> None:
    market = make_market()
    wrong: Any = Shifted(market, *markets)
    oracle = make_oracle(wrong, KEYS, 2, domain(CHAIN_ID, ROLLUP), markets=[market] * 3)
    if told == "is marked":
        for underlying in (0, 1):
            oracle.tick(underlying, START_S)
        oracle.list_missing(market.get_terms(START_S), START_S)
    before = oracle.ledger.get(0)
    propose = oracle.sheet if told == "is marked" else oracle.tick
    with pytest.raises(OracleError, match=rf"0 of 3 signers approve, 2 must: .*{told}"):
        propose(0, START_S)
    assert oracle.ledger.get(0) == before


def test_a_sheet_that_is_not_of_its_parameters_is_not_signed() -> None:
    oracle, exchange, market = set_up()
    open_market(oracle, exchange, market)
    instruments, standing = oracle.catalogue.of(0), oracle.ledger.get(0)
    now_s = START_S + 1
    good = make_parameters(market, 0, now_s, standing.index_ticks, instruments)
    sheet = compute_sheet(instruments, good)
    signer = oracle._signers[0]

    def ask(**changes: Any) -> bytes:
        parts: dict[str, Any] = {
            "published": encode_parameters(good),
            "entries": encode_sheet(0, sheet),
            "flip": encode_flip(good, standing, len(sheet)),
            "now_s": now_s,
        }
        return signer.approve_sheet(**parts | changes)

    assert len(ask()) == 93
    number = instruments[4].number
    richer = sheet | {number: replace(sheet[number], mark_ticks=sheet[number].mark_ticks + 1)}
    entries = encode_sheet(0, sheet)
    elsewhere = replace(good, index_ticks=good.index_ticks + 1)
    for changes, told in (
        ({"entries": encode_sheet(0, richer)}, "not what follows"),
        ({"entries": entries[:-1]}, "not what follows"),
        ({"entries": [*entries[1:], entries[0]]}, "not what follows"),
        ({"flip": encode_flip(good, Standing(), len(sheet))}, "not that of these entries"),
        ({"flip": encode_flip(good, standing, len(sheet) - 1)}, "not that of these entries"),
        ({"published": encode_parameters(elsewhere)}, "the index is"),
        ({"published": b"{}"}, "give the JSON"),
        ({"now_s": now_s + 31}, "now it is"),
    ):
        with pytest.raises(MarketError, match=told):
            ask(**changes)


def test_ticks_that_lie_about_time_or_the_average_are_not_signed() -> None:
    oracle, exchange, market = set_up()
    open_market(oracle, exchange, market)
    signer, now_s = oracle._signers[0], START_S + 600
    index = market.get_index(0, now_s)
    gained = market.get_index_sum(0, START_S, now_s)
    assert len(signer.approve_tick(0, now_s, index, gained, now_s)) == 93
    for arguments, told in (
        ((0, now_s, index, gained * 1_002 // 1_000, now_s), "cumulative"),
        ((0, now_s, index, 0, now_s), "cumulative"),
        ((0, now_s, index * 102 // 100, gained, now_s), "index"),
        ((0, now_s, index, gained, now_s + 31), "now it is"),
        ((0, now_s, index, gained, START_S), "now it is"),
        ((0, START_S - 60, index, 0, now_s), "now it is"),
        ((2, now_s, index, gained, now_s), "not one of this oracle's"),
    ):
        with pytest.raises(OracleError, match=told):
            signer.approve_tick(*arguments)
    fresh = make_oracle(market, KEYS, 2, exchange.domain)._signers[0]
    with pytest.raises(OracleError, match="begins at 0"):
        fresh.approve_tick(0, START_S, market.get_index(0, START_S), 5, START_S)


def test_listings_out_of_the_ordinary_are_not_signed() -> None:
    oracle, exchange, market = set_up()
    open_market(oracle, exchange, market)
    signer = oracle._signers[0]
    good = oracle.catalogue.propose(parse_name("BTC_USDC-27MAR26-200000-C"))
    assert len(signer.approve_listing(good, START_S)) == 93
    listed = next(iter(oracle.catalogue))
    for instrument, told in (
        (replace(good, grid=Grid(1, 1, 1)), "another grid"),
        (replace(good, terms=parse_name("BTC_USDC-27MAR26-8000-C")), "a tenth and ten times"),
        (replace(good, terms=parse_name("BTC_USDC-27MAR26-1000000-C")), "a tenth and ten times"),
        (replace(good, terms=parse_name("BTC_USDC-27MAR26-200000-P")), "is above 2 times the index"),
        (replace(good, terms=parse_name("BTC_USDC-27JAN26-90000-C")), "expires at"),
        (replace(good, terms=parse_name("BTC_USDC-27MAR30-90000-C")), "expires at"),
        (replace(good, terms=replace(good.terms, expiry_s=START_S)), "08:00:00"),
        (replace(good, number=listed.number), "is taken"),
        (replace(good, terms=listed.terms, grid=listed.grid), "listed already"),
    ):
        with pytest.raises(OracleError, match=told):
            signer.approve_listing(instrument, START_S)
    before = len(oracle.catalogue)
    with pytest.raises(OracleError, match="0 of 3 signers approve"):
        oracle.list_instrument(parse_name("BTC_USDC-27MAR26-8000-C"), START_S)
    assert len(oracle.catalogue) == before


def test_an_oracle_needs_what_it_stands_on() -> None:
    oracle, _, market = set_up()
    with pytest.raises(OracleError, match="needs a tick and an instrument"):
        oracle.sheet(0, START_S)
    oracle.tick(0, START_S)
    with pytest.raises(OracleError, match="needs a tick and an instrument"):
        oracle.sheet(0, START_S)
    with pytest.raises(OracleError, match="not one of this oracle's"):
        oracle.tick(5, START_S)
    for threshold in (0, 4):
        with pytest.raises(OracleError, match="as in genesis"):
            make_oracle(market, KEYS, threshold, 1)
    assert [is_reading_time(s) for s in (27_000, 28_800, 27_001)] == [True, True, False]


def test_an_expiry_that_the_market_lost_takes_another_slice() -> None:
    market = make_market()
    state = market.get_state(0, START_S)
    first, second, *_ = sorted(state.surface.slices)
    left = {e: s for e, s in state.surface.slices.items() if e != first}
    lost = replace(state, surface=replace(state.surface, slices=left))
    part = find_slice(lost, first)
    assert part.b < left[second].b
    assert find_slice(state, first) == state.surface.slices[first]
    with pytest.raises(OracleError, match="no surface"):
        find_slice(replace(state, surface=replace(state.surface, slices={})), first)
    catalogue = Instrument(0, build_chain(0, first, [9_000_000])[0], Grid(1, 1, 1))
    assert make_parameters(market, 0, START_S, 9_000_000, [catalogue]).expiries[0].expiry_s == first
