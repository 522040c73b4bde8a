"""The real sequencer, its log and its files, through batcher and L1 to the watchtower: trades and all."""

from pathlib import Path

import pytest

from benchmarks.flow import Flow
from benchmarks.posted_market import open_posted_market, sign_operations
from miletus.settlement.anvil import AnvilControl
from miletus.settlement.commitment import decode_commit
from miletus.settlement.node import L1Node
from miletus.settlement.watching import build_report
from miletus.settlement.watchtower import Watchtower

FLOW = Flow(instruments=8, accounts=8, makers=3)


@pytest.mark.both_builds
@pytest.mark.rule("09-R05", "09-R06", "09-R07")
def test_trades_are_rebuilt_from_l1(node: L1Node, control: AnvilControl, tmp_path: Path) -> None:
    with open_posted_market(node, control, tmp_path, FLOW) as market:
        assert market.trade(sign_operations(400)) > 300
        market.post_all()
        market.reopen()
        market.trade(sign_operations(200, seed=2, nonce_from=1_000))
        height = node.get_head().number
        last = market.post_all()
        control.reorganise(node.get_head().number - height + 2)
        assert market.post_all() == last

        tower = Watchtower(market.make_view(), market.genesis)
        tower.poll()
        assert tower.alarm is None
        assert tower.replica.root == market.sequencer.last_root
        report = build_report(tower)
        assert report["roots_agreed"] is True
        assert report["conserved"] is True
        assert report["fills"] > 20
        assert report["batches"] == last

        for posted in tower.view.batches:
            closed = market.sequencer.batches.get_batch(posted.number)
            transaction = node.get_transaction(posted.transaction_hash)
            assert closed is not None
            assert transaction is not None
            on_l1 = [segment.words for segment in decode_commit(transaction.input).segments[1:]]
            assert on_l1 == [segment.words for segment in closed.segments[1:]]
            inbox = tower.view.get_words(posted.inbox_first, posted.inbox_end)
            assert inbox == closed.segments[0].words
