"""What a page is told of L1 to deposit and to claim, against the contracts themselves."""

import pytest

from miletus.gateway.custody import Custody
from miletus.settlement.errors import L1Error
from tests.settlement.support import poll_until
from tests.settlement.world import REORG_AGE_S, USDC, WINDOW_S, SmallSequencer, Trader, World, make_batcher


def make_custody(world: World) -> Custody:
    return Custody(world.make_view(), world.deployment.chain_id)


def test_terms_are_the_contracts_own(world: World) -> None:
    custody = make_custody(world)
    terms = custody.get_terms()
    assert (terms.rollup, terms.vault, terms.token) == (
        world.rollup.address,
        world.vault.address,
        world.token.address,
    )
    assert terms.word_fee_wei == world.vault.word_fee_wei
    assert terms.account_fee_wei == world.vault.account_fee_wei
    assert custody.l1_url == world.node.rpc.url
    assert Custody(world.make_view(), 1).l1_url is None  # of a chain where keys are worth something


def test_an_account_is_found_once_it_is_registered_and_the_first_counts(world: World) -> None:
    custody = make_custody(world)
    wallet = world.make_wallet()
    assert custody.find_account(wallet.address) is None
    trader = Trader.join(world)
    assert custody.find_account(trader.wallet.address) == trader.account
    world.do(trader.sender, "second", world.vault.register())
    assert make_custody(world).find_account(trader.wallet.address.lower()) == trader.account
    assert custody.find_account(wallet.address) is None


@pytest.mark.rule("08-R10", "08-R11")
def test_a_withdrawal_is_posted_then_final_with_a_proof_that_pays(world: World) -> None:
    trader = Trader.join(world)
    world.pass_time(REORG_AGE_S)
    sequencer = SmallSequencer(world)
    sequencer.close([trader.withdraw(25 * USDC), trader.withdraw(5 * USDC)])
    batcher = make_batcher(world, sequencer)
    poll_until(batcher, world, 1)
    custody = make_custody(world)
    owner = trader.wallet.address
    posted = custody.get_withdrawals(owner)
    assert [each.withdrawal.amount_micros for each in posted] == [25 * USDC, 5 * USDC]
    assert all(each.proof is None and not each.withdrawal.final for each in posted)
    assert posted[0].final_at_s > world.get_time() >= posted[0].final_at_s - WINDOW_S

    world.pass_time(WINDOW_S)
    for _ in range(4):
        batcher.poll()
        world.control.mine()
    due = custody.get_withdrawals(owner)[0]
    assert due.withdrawal.final
    assert due.proof is not None
    before = world.token.get_balance(owner)
    claim = world.rollup.claim(due.withdrawal.number, due.withdrawal.index, owner, 25 * USDC, due.proof)
    world.do(trader.sender, "claim", claim)
    assert world.token.get_balance(owner) - before == 25 * USDC
    left = custody.get_withdrawals(owner)
    assert [(each.withdrawal.claimed, each.proof is None) for each in left] == [(True, True), (False, False)]
    assert custody.get_withdrawals(world.make_wallet().address) == []


def test_an_l1_that_is_away_is_said_to_be(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    custody = make_custody(world)

    def fail(*_: object, **__: object) -> object:
        raise L1Error("L1 is away")

    monkeypatch.setattr(world.node.rpc, "call", fail)
    with pytest.raises(L1Error, match="away"):
        custody.find_account(world.sequencer.address)
