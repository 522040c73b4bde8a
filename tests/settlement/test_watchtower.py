"""From L1 alone: the same state, or an alarm that names the first wrong claim."""

from miletus.settlement.watching import build_report
from miletus.settlement.watchtower import Watchtower
from tests.settlement.world import GENESIS, REORG_AGE_S, USDC, SmallSequencer, Trader, World, make_batcher


def test_agrees(world: World) -> None:
    alice = Trader.join(world)
    world.pass_time(REORG_AGE_S)
    sequencer = SmallSequencer(world)
    batcher = make_batcher(world, sequencer)
    sequencer.close([alice.transfer(17, 5)], [alice.withdraw(7 * USDC)])
    sequencer.close([alice.withdraw(8 * USDC)])
    for _ in range(4):
        batcher.poll()
        world.control.mine()
    tower = Watchtower(world.make_view(), GENESIS)
    done = tower.poll()
    assert [batch.number for batch in done] == [1, 2]
    print(build_report(tower))
    assert tower.replica.root == sequencer.replica.root
    assert 0
