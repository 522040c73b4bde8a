"""A node under policy zk: whoever has its batches without signatures computes its roots (09-R19)."""

import itertools
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from miletus.codec import encode
from miletus.codec.table import WORD_BYTES
from miletus.engine.reasons import Reason
from miletus.engine.segment import INBOX, SEQUENCED
from miletus.native import OffChainCrypto, Tree, decode_parts, derive_key, prepare, strip_signatures
from miletus.sequencer.errors import Refused
from miletus.sequencer.feed import BatchRecord, InboxEntry
from miletus.sequencer.node import Node
from tests.sequencer.test_epochs import make_foreign
from tests.sequencer.world import (
    BUY,
    DEPLOYMENT,
    INDEX_TICKS,
    SELL,
    SMALL,
    Clock,
    Genesis,
    Trader,
    approve,
    index_tick,
    open_market,
    open_node,
    take,
)

ZK = replace(SMALL, signatures_off_chain=True)
OLD, NEW = derive_key(bytes(31) + b"\1"), derive_key(bytes(31) + b"\2")


def compute_root(batches: Sequence[BatchRecord]) -> bytes:
    """Root after batches as L1 has them: sequenced words without signatures, which are taken as valid."""
    machine = Genesis().build_machine(OffChainCrypto(DEPLOYMENT.chain_id, DEPLOYMENT.rollup), 64)
    tree = Tree()
    for batch in batches:
        machine.begin_batch(batch.time_bound_ms, batch.clock_floor_ms)
        for place, segment in enumerate(batch.segments):
            text = strip_signatures(segment.words)[0] if place and not batch.foreign else segment.words
            for part in decode_parts(OFF_CHAIN, int(SEQUENCED if place else INBOX), text):
                prepare(part, machine)
                machine.run(part)
            machine.state.clear_outputs()
            if place == len(batch.segments) - 1:
                machine.end_batch()
        tree.update(*machine.take_dirty())
    return tree.root()


OFF_CHAIN = OffChainCrypto(DEPLOYMENT.chain_id, DEPLOYMENT.rollup)


def close_and_compare(node: Node) -> None:
    """Close the open batch; its root is that of what is posted."""
    node.close_batch()
    assert node.wait_for_roots(60)
    assert compute_root(list(node.batches.get_batches(1))) == node.last_root


@pytest.fixture
def market(tmp_path: Path, clock: Clock) -> Node:
    return open_market(tmp_path, clock, config=ZK)


def trade(node: Node, seed: int, count: int = 200, nonce_from: int = 1) -> None:
    dice = random.Random(seed)
    traders = [Trader(account) for account in range(16, 20)]
    for trader in traders:
        trader.nonces = itertools.count(nonce_from)
    orders = [dice.choice(traders).random_order(dice) for _ in range(count)]
    answers = take(node.submit(orders))
    assert sum(answer.result.filled_lots > 0 for answer in answers) > count // 20


@pytest.mark.rule("09-R19", "08-R31", "11-R08")
def test_batches_without_signatures_give_the_nodes_roots(market: Node, clock: Clock) -> None:
    trade(market, 1)
    close_and_compare(market)
    clock.now_ms += 5_000
    take(list(market.submit_bundle(approve(index_tick(clock.now_ms // 1_000, INDEX_TICKS + 1_000)))))
    trade(market, 2, nonce_from=10_000)
    close_and_compare(market)
    market.close()


@pytest.mark.rule("09-R19", "09-R04")
def test_a_node_that_comes_back_has_the_signatures(market: Node, clock: Clock) -> None:
    """Even of a batch whose file was lost: it is written again from the log, signatures and all."""
    trade(market, 3)
    market.close_batch()
    market.wait_for_roots(60)
    (path,) = [market.batches.get_path(number) for number in market.batches.get_numbers()]
    before = path.read_bytes()
    market.close()
    path.unlink()
    again = open_node(market.directory, clock, ZK)
    assert again.wait_for_roots(60)
    assert path.read_bytes() == before
    (batch,) = again.batches.get_batches(1)
    assert sum(len(strip_signatures(segment.words)[1]) for segment in batch.segments[1:]) > 200
    close_and_compare(again)
    again.close()


@pytest.mark.rule("09-R19")
def test_a_key_that_changes_within_a_group(market: Node) -> None:
    """What the old key signed after the change would be found not to hold: no proof of the batch."""
    alice, bob = Trader(16), Trader(17)
    change = alice.set_key(0, NEW)
    attack = alice.order(BUY, INDEX_TICKS - 5_000, 1)
    outcomes = market.submit([change, attack, bob.order(SELL, INDEX_TICKS + 5_000, 1)])
    assert isinstance(outcomes[1], Refused)
    assert "a key of account 16 is about to change: send it again when that is done" in str(outcomes[1])
    take([outcomes[0], outcomes[2]])
    (outcome,) = market.submit([attack])
    assert isinstance(outcome, Refused)
    assert outcome.reason is Reason.BAD_SIGNATURE
    alice.key = NEW
    take(market.submit([alice.order(BUY, INDEX_TICKS - 5_000, 1)]))
    close_and_compare(market)
    market.close()


@pytest.mark.rule("09-R19")
def test_a_key_that_changes_through_the_inbox(market: Node, clock: Clock) -> None:
    """The entry is consumed in the group that opens the batch, before what was signed with the old key."""
    market.close_batch()
    alice, bob = Trader(16), Trader(17)
    x, y = NEW.public
    words = encode.set_key_inbox(account=16, slot=0, scope=15, expiry_s=0, x=x, y=y)
    clock.now_ms += 2_000
    market.offer_inbox([InboxEntry(market.inbox_next, words)])
    attack = alice.order(BUY, INDEX_TICKS - 5_000, 1)
    outcomes = market.submit([attack, bob.order(SELL, INDEX_TICKS + 5_000, 1)])
    assert isinstance(outcomes[0], Refused)
    take(outcomes[1:])
    assert market.inbox == []
    alice.key = NEW
    take(market.submit([alice.order(BUY, INDEX_TICKS - 5_000, 1)]))
    close_and_compare(market)
    market.close()


def test_other_policies_let_the_machine_judge(tmp_path: Path, clock: Clock) -> None:
    """There it is a receipt like any other, and costs who sent it a fee of L1 words alone."""
    node = open_market(tmp_path, clock)
    alice = Trader(16)
    outcomes = take(node.submit([alice.set_key(0, NEW), alice.order(BUY, INDEX_TICKS - 5_000, 1)]))
    assert [answer.result.reason for answer in outcomes] == [Reason.OK, Reason.BAD_SIGNATURE]
    node.close()


@pytest.mark.rule("09-R19", "09-R16")
def test_another_proposers_batch_has_no_signatures(market: Node, clock: Clock) -> None:
    """It is followed as L1 has it, also after a restart and below the next fork."""
    trade(market, 4)
    market.close_batch()
    clock.now_ms += 6_000
    carried = approve(index_tick(clock.now_ms // 1_000, INDEX_TICKS + 500))
    take(list(market.submit_bundle(carried)))
    trade(market, 5, nonce_from=10_000)
    market.close_batch()
    assert market.wait_for_roots(60)
    alice = Trader(16)
    alice.nonces = itertools.count(5_000)
    whole = make_foreign(clock, market, alice.order(BUY, INDEX_TICKS - 5_000, 2, slot=9))
    posted = whole._replace(segments=tuple(strip_signatures(text)[0] for text in whole.segments))
    assert len(whole.segments[0]) - len(posted.segments[0]) == 2 * WORD_BYTES
    market.begin_epoch(1, [posted])
    assert market.last_batch == 2
    close_and_compare(market)
    market.close()
    again = open_node(market.directory, clock, ZK)
    again.begin_epoch(2, [make_foreign(clock, again)])
    close_and_compare(again)
    assert [batch.foreign for batch in again.batches.get_batches(1)][:3] == [False, True, True]
    again.close()
