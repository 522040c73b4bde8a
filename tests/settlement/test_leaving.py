"""Who holds options leaves a rollup that its oracle has left: from L1's data alone, by real proofs."""

from collections.abc import Iterator
from typing import Any

import pytest

from miletus.codec import encode, payload_element, with_signature
from miletus.codec.table import WORD_BYTES
from miletus.native import absorb_entry, derive_key, domain, message
from miletus.prover import Prover
from miletus.settlement.anvil import Anvil, AnvilControl
from miletus.settlement.keys import export_keys
from miletus.settlement.leaving import Leaving, NotYet
from miletus.settlement.worth import Holding, compute_worth
from tests.settlement.support import post
from tests.settlement.world import (
    GENESIS,
    REORG_AGE_S,
    USDC,
    WINDOW_S,
    SmallSequencer,
    Trader,
    World,
    deploy_world,
)

DAY_S = 86_400
CALL, PERPETUAL = 0, 3
INDEX_TICKS = 9_000_000
MARK_TICKS = 200_000
SIZE_LOTS = 1_000
BUY, SELL = 0, 1


class Oracle:
    """Signs what the oracle says, in one batch."""

    def __init__(self, world: World, time_s: int) -> None:
        self.domain = domain(world.deployment.chain_id, world.deployment.rollup)
        self.time_s = time_s

    def approve(self, proposal: bytes, staged: int = 0) -> bytes:
        """A proposal and its approvals by two of three signers."""
        text = message(self.domain, payload_element(proposal), staged, 1)
        approvals = (
            with_signature(encode.approve(signer=k), derive_key(bytes([k + 1]) * 32).sign(text))
            for k in range(GENESIS.threshold)
        )
        return proposal + b"".join(approvals)

    def list_call(self) -> bytes:
        """A call on BTC that expires ten days later."""
        expiry_s = (self.time_s // DAY_S + 10) * DAY_S + 8 * 3_600
        return self.approve(
            encode.list_instrument(
                instrument=5,
                type=CALL,
                underlying=0,
                strike_ticks=INDEX_TICKS,
                expiry_s=expiry_s,
                tick_step=100,
                lot_step=10,
                min_size_lots=10,
            )
        )

    def tick(self) -> bytes:
        """The first tick of BTC."""
        return self.approve(
            encode.index_tick(underlying=0, time_s=self.time_s, index_ticks=INDEX_TICKS, cumulative=0)
        )

    def sheet(self) -> bytes:
        """A sheet of one entry."""
        scenarios = [max((2 * k - 15) * 700_000 // 15, -MARK_TICKS) for k in range(16)]
        entry = encode.sheet_entry(
            underlying=0,
            first=1,
            instrument=5,
            mark_ticks=MARK_TICKS,
            delta=5_000,
            gamma=300,
            scenarios=scenarios,
        )
        flip = encode.flip(
            underlying=0, number=1, reference_index_ticks=INDEX_TICKS, time_s=self.time_s, count=1
        )
        return entry + self.approve(flip, absorb_entry(0, entry))


def order(trader: Trader, side: int, price_ticks: int) -> bytes:
    """A limit order of the call."""
    trader.nonce += 1
    fields: dict[str, Any] = {
        "account": trader.account,
        "key": 0,
        "nonce": trader.nonce,
        "valid_until_s": 2**32 - 1,
        "slot": 0,
        "instrument": 5,
        "flags": side,
        "price_ticks": price_ticks,
        "size_lots": SIZE_LOTS,
        "good_for_s": 0,
    }
    words = encode.place_order(**fields)
    assert len(words) >= WORD_BYTES
    return trader.sign(words)


@pytest.fixture(scope="module")
def prover() -> Iterator[Prover]:
    with Prover(setup=True, niceness=5) as running:
        yield running


@pytest.mark.long
@pytest.mark.rule("08-R32", "08-R33", "08-R34")
def test_who_holds_options_leaves_when_the_oracle_is_silent(
    anvil: Anvil, control: AnvilControl, prover: Prover
) -> None:
    keys = export_keys(prover, [], ("exit", "silence"))
    world = deploy_world(anvil.connect(timeout_seconds=20.0), control, keys)
    bob, carol = Trader.join(world, 100_000 * USDC), Trader.join(world, 100_000 * USDC)
    world.pass_time(REORG_AGE_S)
    sequencer = SmallSequencer(world)
    time_s = world.get_time()
    oracle = Oracle(world, time_s)
    sequencer.close(
        [oracle.list_call() + oracle.tick() + oracle.sheet()],
        [order(carol, SELL, 210_000), order(bob, BUY, 210_000)],
        time_s=time_s,
    )
    pages = sequencer.replica.export_pages()
    value = SIZE_LOTS * MARK_TICKS
    assert compute_worth(pages, bob.account).holdings == (Holding(5, SIZE_LOTS, value),)
    assert compute_worth(pages, carol.account).holdings == (Holding(5, -SIZE_LOTS, -value),)
    post(world, sequencer)

    leaving = Leaving(world.make_view(), GENESIS, world.make_sender(world.make_wallet()), prover)
    with pytest.raises(NotYet, match="the rollup is not frozen and can't be now"):
        leaving.open()
    world.pass_time(4 * DAY_S)
    sequencer.close([bob.withdraw(5 * USDC)])
    assert sequencer.batches[1].outbox == ()  # without marks nobody can withdraw, so he has to leave
    post(world, sequencer)
    with pytest.raises(NotYet, match="the rollup is not frozen and can't be now"):
        leaving.open()  # the last final state is the first batch's, when the oracle spoke
    world.pass_time(WINDOW_S)
    end_s = leaving.open()
    assert world.rollup.get_frozen_at()
    assert world.rollup.get_final_number() == 2

    last = sequencer.replica.export_pages()
    owed = {}
    for trader in (carol, bob):
        departure = leaving.leave(trader.account)
        owed[trader.account] = compute_worth(last, trader.account).total_micros
        assert departure.worth_micros == departure.owed_micros == owed[trader.account]
        assert (departure.paid, departure.proofs) == (False, 1)
        assert leaving.find_accounts(trader.wallet.address) == [trader.account]
    assert owed[bob.account] < 100_000 * USDC - 10_000 * SIZE_LOTS  # he paid more than the mark, and a fee
    assert sum(owed.values()) <= leaving.exit.get_available() == 200_000 * USDC
    world.pass_time(end_s - world.get_time())
    for trader in (bob, carol):
        before = world.token.get_balance(trader.wallet.address)
        assert leaving.leave(trader.account).paid
        assert world.token.get_balance(trader.wallet.address) == before + owed[trader.account]
        leaving.leave(trader.account)
        assert world.token.get_balance(trader.wallet.address) == before + owed[trader.account]
