"""What L1 holds of a word, and what faster finality costs: a real chain, real verdicts."""

import asyncio
import dataclasses
from typing import Any

import pytest
from eth_account.signers.local import LocalAccount

from miletus.codec.table import WORD_BYTES
from miletus.engine import layout
from miletus.engine.crypto import Crypto
from miletus.engine.machine import Machine
from miletus.gateway.access import make_credential
from miletus.gateway.chain import L1Reader
from miletus.gateway.errors import RpcError
from miletus.gateway.gateway import Gateway
from miletus.gateway.methods.proving import (
    BatchParams,
    PayParams,
    get_faster_finality,
    pay_faster_finality,
)
from miletus.gateway.rpc import Call
from miletus.gateway.trail import EDGE_GAS, REWARD_PERMILLE, NoBounties, Trail
from miletus.settlement.anvil import Anvil, AnvilControl
from miletus.settlement.court import Court
from miletus.settlement.errors import SettlementError
from miletus.settlement.intents import Call as L1Call
from miletus.settlement.l1 import HYBRID, ZK
from miletus.settlement.numbering import NotOnL1, Numbering, find_number
from miletus.settlement.proving import BatchProver
from tests.gateway.world import make_settings
from tests.settlement.conftest import alice, anvil, control, node, sequencer, shared_control  # noqa: F401
from tests.settlement.fixture_prover import FixtureProver, get_fixture_keys
from tests.settlement.support import change_segment, lie, post
from tests.settlement.world import GENESIS, USDC, WINDOW_S, SmallSequencer, Trader, World, deploy_world

ETHER = 10**18


@pytest.fixture(scope="module")
def deployed_hybrid(anvil: Anvil, shared_control: AnvilControl) -> World:  # noqa: F811
    return deploy_world(
        anvil.connect(timeout_seconds=20.0), shared_control, get_fixture_keys(), policy=HYBRID
    )


@pytest.fixture
def world(deployed_hybrid: World, control: AnvilControl) -> World:  # noqa: F811
    """A deployment that pays for proofs; the chain is put back afterwards."""
    made = deployed_hybrid
    return World(made.node, control, made.deployment, made.sequencer)


def open_trail(world: World) -> tuple[Trail, LocalAccount]:
    wallet = world.make_wallet()
    return Trail(world.make_view(), lambda: world.make_sender(wallet), wallet.address), wallet


def prove(world: World, number: int) -> None:
    sender = world.make_sender(world.make_wallet())
    BatchProver(world.make_view(), GENESIS, sender, FixtureProver()).prove(number)  # type: ignore[arg-type]


def get_number(sequencer: SmallSequencer, number: int) -> int:  # noqa: F811
    """The number of the first operation after the Tick of a batch's first own segment."""
    first = 1
    for batch in sequencer.batches[: number - 1]:
        first += 1 + sum(segment.words_count + 1 for segment in map(_Sized, batch.segments))
    return first + 1 + _Sized(sequencer.batches[number - 1].segments[0]).words_count + 1 + 1


class _Sized:
    @staticmethod
    def words_of(sequencer: SmallSequencer, number: int) -> bytes:  # noqa: F811
        return sequencer.batches[number - 1].segments[0].words

    def __init__(self, segment: object) -> None:
        self.words_count = len(segment.words) // WORD_BYTES  # type: ignore[attr-defined]


@pytest.mark.rule("08-R30", "08-R27", "09-R09")
def test_a_word_is_followed_to_its_proof_which_somebody_paid_for(
    world: World,
    alice: Trader,  # noqa: F811
    sequencer: SmallSequencer,  # noqa: F811
) -> None:
    words = alice.transfer(17, 5 * USDC)
    sequencer.close([alice.withdraw(USDC)])
    sequencer.close([words])
    trail, payer = open_trail(world)
    number = get_number(sequencer, 2)
    with pytest.raises(NotOnL1, match="wait until its batch is posted"):
        trail.trace(number, 1)
    with pytest.raises(NoBounties, match="is not on L1 yet"):
        trail.quote(2)
    post(world, sequencer)
    before = trail.trace(number, 1)
    assert (before.posted.number, before.segment, before.word, before.verdict) == (2, 1, 1, "pending")
    assert b"".join(before.words) == words
    opening = number - 3 - len(_Sized.words_of(sequencer, 2)) // WORD_BYTES
    known = (2, "0x" + before.posted.id.hex(), opening)
    assert Trail(world.make_view()).trace(number, 1, known) == before
    stale = (2, "0x" + bytes(32).hex(), 1)
    assert trail.trace(number, 1, stale) == before
    assert (before.proofs, before.parts) == ((), 2)
    assert before.root == sequencer.get_claims(2)[1].root

    quote = trail.quote(2)
    assert (quote.first, quote.offered_wei) == (1, 0)
    assert quote.proofs >= 5  # two batches of two segments, and an outbox
    assert quote.gas > 4 * EDGE_GAS
    assert quote.bounty_wei == quote.cost_wei * REWARD_PERMILLE // 1_000 > quote.gas * quote.gas_price_wei
    assert quote.window_end_s == before.posted.committed_at_s + WINDOW_S
    paid = trail.pay(2, ETHER)
    receipt = world.node.get_receipt(paid)
    assert receipt is not None
    assert receipt.succeeded
    stranger = world.make_sender(world.make_wallet())
    stranger.submit("by hand", L1Call(quote.court, quote.data, 2 * ETHER))
    stranger.wait("by hand")
    assert trail.quote(2).offered_wei == 3 * ETHER
    court = Court(world.node, world.rollup.court)
    assert court.get_bounty(before.posted.id).amount_wei == 3 * ETHER

    reader = L1Reader(world.make_view())
    assert not any(each.is_proved for each in reader.poll().values())
    assert all(each.is_own for each in reader.poll().values())
    prove(world, 1)
    assert [each.is_proved for each in reader.poll().values()] == [True, False]
    assert trail.quote(2).proofs < quote.proofs
    prove(world, 2)
    assert all(each.is_proved and each.is_final for each in reader.poll().values())
    after = trail.trace(number, 1)
    assert after.verdict == "proved"
    assert {proof.part for proof in after.proofs} == {0, 1}
    final = world.node.get_receipt(after.verdict_transaction or b"")
    assert final is not None
    assert final.succeeded
    with pytest.raises(NoBounties, match="batch 2 is final already"):
        trail.pay(2, ETHER)
    assert world.node.get_balance(payer.address) < 10**22 - ETHER


def make_call(trail: Trail | None, scope: str | None = None, owner: str = "0x0") -> Call:
    """A request to a gateway that reads L1; with a scope, of a client that has it for its owner's account."""
    gateway = Gateway(dataclasses.replace(make_settings(1), trail=trail))
    gateway.mirror.machine = Machine(32, Crypto())
    state = gateway.exchange.state
    for k in range(4):
        state.cells[state.header(16) + layout.OWNER + k] = int(owner, 16) >> 52 * k & ((1 << 52) - 1)
    grant = None
    if scope is not None:
        credential = make_credential(16, scope)
        gateway.access.credentials[credential.client_id] = credential
        grant = gateway.access.open_for(credential, scope)
    return Call(gateway, gateway.make_http_session(), grant)


def quote_by(call: Call, **fields: Any) -> dict[str, Any]:
    return asyncio.run(get_faster_finality(call, BatchParams(**fields)))


def pay_by(call: Call, **fields: Any) -> dict[str, Any]:
    return asyncio.run(pay_faster_finality(call, PayParams(**fields)))


@pytest.mark.rule("08-R30")
def test_who_may_move_money_can_pay_by_the_gateway(
    world: World,
    alice: Trader,  # noqa: F811
    sequencer: SmallSequencer,  # noqa: F811
) -> None:
    sequencer.close([alice.transfer(17, 5)])
    post(world, sequencer)
    trail, payer = open_trail(world)
    told = quote_by(make_call(trail), batch=1)
    assert not told["can_pay_here"]  # a visitor
    assert int(told["bounty_wei"]) == int(told["transaction"]["value_wei"]) > int(told["cost_wei"]) > 0
    assert told["transaction"]["to"] == world.rollup.court
    for scope in (None, "wallet:read trade:read_write account:read_write"):
        with pytest.raises(RpcError) as refused:
            pay_by(make_call(trail, scope, payer.address), batch=1, amount_wei="5")
        assert refused.value.code in (13009, 13021)
    other = make_call(trail, "wallet:read_write", world.make_wallet().address)
    assert not quote_by(other, batch=1)["can_pay_here"]
    with pytest.raises(RpcError, match="not this account's") as refused:
        pay_by(other, batch=1, amount_wei="5")
    assert refused.value.code == 13021
    may = make_call(trail, "wallet:read_write", payer.address)
    assert quote_by(may, batch=1)["can_pay_here"]
    for text in ("", "0", "-1", "1.5", "0x1", "1e3", "9" * 40, str(1 << 96)):
        with pytest.raises(RpcError) as refused:
            pay_by(may, batch=1, amount_wei=text)
        assert refused.value.code == -32602
    paid = pay_by(may, batch=1, amount_wei=told["bounty_wei"])
    assert paid["offered_wei"] == told["bounty_wei"]
    assert world.node.get_receipt(bytes.fromhex(paid["transaction"][2:])) is not None
    again = quote_by(may, batch=1)
    assert (again["offered_wei"], again["transaction"]["value_wei"]) == (told["bounty_wei"], "0")
    with pytest.raises(RpcError) as refused:
        quote_by(make_call(None), batch=1)
    assert refused.value.code == 10033


@pytest.mark.rule("08-R28")
def test_what_a_removed_batch_held_is_on_l1_no_more(
    world: World,
    alice: Trader,  # noqa: F811
    sequencer: SmallSequencer,  # noqa: F811
) -> None:
    sequencer.close([alice.transfer(17, 5)])
    lie(sequencer, 1, change_segment(1, root=bytes(31) + b"\7"))
    post(world, sequencer)
    trail, _ = open_trail(world)
    number = get_number(sequencer, 1)
    assert trail.trace(number, 1).posted.number == 1
    prove(world, 1)
    with pytest.raises(NotOnL1):
        trail.trace(number, 1)
    with pytest.raises(NoBounties):
        trail.quote(1)


def test_a_batch_that_nobody_proved_is_told_to_be_unchallenged(
    world: World,
    alice: Trader,  # noqa: F811
    sequencer: SmallSequencer,  # noqa: F811
) -> None:
    sequencer.close([alice.transfer(17, 5)])
    post(world, sequencer)
    world.pass_time(WINDOW_S)
    world.do(world.make_sender(world.make_wallet()), "finalise", world.rollup.finalise())
    trail, _ = open_trail(world)
    trace = trail.trace(get_number(sequencer, 1), 1)
    assert (trace.verdict, trace.proofs) == ("unchallenged", ())
    assert trace.verdict_transaction is not None


def test_numbers_that_are_no_words_are_told(
    world: World,
    alice: Trader,  # noqa: F811
    sequencer: SmallSequencer,  # noqa: F811
) -> None:
    sequencer.close([alice.transfer(17, 5)])
    post(world, sequencer)
    view = world.make_view()
    view.poll()
    numbering = Numbering(view)
    assert find_number(view, 2).segment == 0
    with pytest.raises(NotOnL1, match="the opening of batch 1"):
        numbering.find(1)
    for wrong, epoch in ((0, 1), (-5, 1), (10**9, 1), (3, 2)):
        with pytest.raises(NotOnL1):
            numbering.find(wrong, epoch)


def test_a_gateway_without_a_wallet_says_so(world: World, sequencer: SmallSequencer) -> None:  # noqa: F811
    trail = Trail(world.make_view())
    assert not trail.has_wallet
    with pytest.raises(NoBounties, match="send the transaction by your own"):
        trail.pay(1, 1)


def test_l1_refuses_what_nobody_can_pay(
    world: World,
    alice: Trader,  # noqa: F811
    sequencer: SmallSequencer,  # noqa: F811
) -> None:
    sequencer.close([alice.transfer(17, 5)])
    post(world, sequencer)
    trail, _ = open_trail(world)
    for amount_wei in (0, 1 << 96, 10**30):
        with pytest.raises(SettlementError):
            trail.pay(1, amount_wei)


@pytest.mark.rule("08-R31")
def test_signatures_that_stay_off_l1_have_numbers_too(
    anvil: Anvil,  # noqa: F811
    control: AnvilControl,  # noqa: F811
) -> None:
    made = deploy_world(anvil.connect(timeout_seconds=20.0), control, get_fixture_keys(), policy=ZK)
    trader = Trader.join(made)
    made.pass_time(100)
    own = SmallSequencer(made, off_chain=True)
    first, second = trader.transfer(17, 5), trader.transfer(17, 6)
    own.close([first, second])
    post(made, own)
    trail, _ = open_trail(made)
    number = get_number(own, 1)
    one, two = trail.trace(number, 1), trail.trace(number + len(first) // WORD_BYTES, 1)
    assert one.words[0][:29] == first[:29]
    assert two.words[0][:29] == second[:29]
    assert two.word == one.word + 3
