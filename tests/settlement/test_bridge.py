"""From a wallet on L1 into the machine and back, once each."""

import pytest

from miletus.codec import encode, to_forced
from miletus.settlement.bridge import Bridge, Claimable
from miletus.settlement.errors import CallReverted, SettlementError
from miletus.settlement.watching import build_report
from miletus.settlement.watchtower import Watchtower
from tests.settlement.support import poll_until
from tests.settlement.world import (
    ALL_SCOPES,
    GENESIS,
    REORG_AGE_S,
    USDC,
    WINDOW_S,
    SmallSequencer,
    Trader,
    World,
    make_batcher,
)


@pytest.fixture
def bridge(world: World) -> Bridge:
    wallet = world.make_wallet()
    bridge = Bridge(world.make_sender(wallet), world.rollup, timeout_seconds=20.0)
    world.do(bridge.sender, "mint", world.token.mint(wallet.address, 100 * USDC))
    return bridge


def make_final(world: World, sequencer: SmallSequencer) -> None:
    batcher = make_batcher(world, sequencer)
    poll_until(batcher, world, len(sequencer.batches))
    world.pass_time(WINDOW_S)
    for _ in range(4):
        batcher.poll()
        world.control.mine()


@pytest.mark.rule("08-R10", "08-R11", "03-R13", "03-R17")
def test_in_and_out(world: World, bridge: Bridge) -> None:
    account = bridge.register()
    assert world.vault.get_owner(account) == bridge.sender.address
    entry = bridge.deposit("savings", account, 60 * USDC)
    assert bridge.deposit("savings", account, 60 * USDC) == entry  # once by its name
    trader = Trader(world, bridge.sender.account, bridge.sender, account, Trader.join(world).key)
    bridge.set_key("main", account, 0, ALL_SCOPES, 0, *trader.key.public)
    assert world.token.get_balance(bridge.sender.address) == 40 * USDC
    world.pass_time(REORG_AGE_S)

    sequencer = SmallSequencer(world)
    sequencer.close([trader.withdraw(25 * USDC)], [trader.withdraw(5 * USDC), trader.withdraw(USDC)])
    batcher = make_batcher(world, sequencer)
    poll_until(batcher, world, 1)
    view = world.make_view()
    view.poll()
    waiting = bridge.get_withdrawals(view)
    assert [entry.amount_micros for entry in waiting] == [25 * USDC, 5 * USDC, USDC]
    assert not any(entry.final or entry.claimed for entry in waiting)
    with pytest.raises(CallReverted, match="batch is not final"):
        bridge.claim(view, waiting[0])

    make_final(world, sequencer)
    view.poll()
    for claimable in bridge.get_withdrawals(view)[:2]:
        assert claimable.final
        assert bridge.claim(view, claimable).succeeded
        assert bridge.claim(view, claimable).succeeded  # asked twice, paid once
    assert world.token.get_balance(bridge.sender.address) == (40 + 30) * USDC
    assert [entry.claimed for entry in bridge.get_withdrawals(view)] == [True, True, False]

    tower = Watchtower(world.make_view(), GENESIS)
    tower.poll()
    report = build_report(tower)
    assert report["conserved"] is True
    assert report["withdrawn_micros"] == 30 * USDC
    assert report["put_out_micros"] == 31 * USDC
    assert report["batches_final"] == 1


@pytest.mark.rule("08-R10")
def test_anyone_may_claim_and_the_owner_is_paid(world: World, bridge: Bridge) -> None:
    alice = Trader.join(world)
    world.pass_time(REORG_AGE_S)
    sequencer = SmallSequencer(world)
    sequencer.close([alice.withdraw(3 * USDC)])
    make_final(world, sequencer)
    view = world.make_view()
    view.poll()
    before = world.token.get_balance(alice.wallet.address)
    assert bridge.get_withdrawals(view) == []
    (due,) = bridge.get_withdrawals(view, alice.wallet.address)
    bridge.claim(view, due)
    assert world.token.get_balance(alice.wallet.address) == before + 3 * USDC
    assert world.token.get_balance(bridge.sender.address) == 100 * USDC


@pytest.mark.rule("08-R10")
def test_a_thief_who_changes_a_claim(world: World, bridge: Bridge) -> None:
    alice = Trader.join(world)
    world.pass_time(REORG_AGE_S)
    sequencer = SmallSequencer(world)
    sequencer.close([alice.withdraw(3 * USDC)], [alice.withdraw(4 * USDC)])
    make_final(world, sequencer)
    view = world.make_view()
    view.poll()
    own = bridge.sender.address
    owner = alice.wallet.address
    for forged in (
        Claimable(1, 0, own, 3 * USDC, True, False),
        Claimable(1, 0, owner, 4 * USDC, True, False),
        Claimable(1, 1, owner, 3 * USDC, True, False),
    ):
        with pytest.raises(CallReverted, match="outbox: proof does not fit"):
            bridge.claim(view, forged)
    with pytest.raises(IndexError, match="no number 2"):
        bridge.claim(view, Claimable(1, 2, owner, 3 * USDC, True, False))
    with pytest.raises(SettlementError, match="not on L1 any more"):
        bridge.claim(view, Claimable(2, 0, owner, 3 * USDC, True, False))


@pytest.mark.rule("03-R12", "08-R05")
def test_a_forced_withdrawal_needs_nobody_s_signature(world: World, bridge: Bridge) -> None:
    account = bridge.register()
    bridge.deposit("savings", account, 60 * USDC)
    words = encode.withdraw(account=account, key=0, nonce=0, valid_until_s=0, amount_micros=9 * USDC)
    entry = bridge.force("leave", to_forced(words))
    assert entry == world.vault.get_entry_count() - 1
    world.pass_time(REORG_AGE_S)
    sequencer = SmallSequencer(world)
    sequencer.close()
    make_final(world, sequencer)
    view = world.make_view()
    view.poll()
    (due,) = bridge.get_withdrawals(view)
    bridge.claim(view, due)
    assert world.token.get_balance(bridge.sender.address) == 49 * USDC


def test_deposits_that_can_t_be_made(world: World, bridge: Bridge) -> None:
    account = bridge.register()
    with pytest.raises(SettlementError, match="get tokens first"):
        bridge.deposit("too much", account, 101 * USDC)
    with pytest.raises(CallReverted, match="accounts: "):
        bridge.deposit("nobody's", account + 1, USDC)
    with pytest.raises(CallReverted, match="below the least"):
        bridge.deposit("dust", account, 1)
    assert world.token.get_balance(bridge.sender.address) == 100 * USDC
    bridge.deposit("right", account, USDC)  # a failure leaves nothing that stands in the way


def test_a_deposit_survives_a_reorganisation_once(world: World, bridge: Bridge) -> None:
    account = bridge.register()
    bridge.deposit("savings", account, 60 * USDC)
    world.control.mine(2)
    world.control.reorganise(4)
    assert bridge.deposit("savings", account, 60 * USDC) == world.vault.get_entry_count() - 1
    assert world.vault.get_held() == 60 * USDC
