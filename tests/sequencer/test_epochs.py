"""A new epoch: the node goes on after another proposer's batches, and keeps what it can of its order."""

import itertools
import random
from pathlib import Path

import pytest

from miletus.codec import encode, to_forced
from miletus.codec.table import WORD_BYTES
from miletus.engine.audit import find_unbalanced, is_conserved
from miletus.engine.reasons import Reason
from miletus.sequencer.answers import Answer
from miletus.sequencer.confirmations import contradict
from miletus.sequencer.epochs import (
    BatchUnknown,
    ForeignBatch,
    get_epoch,
    get_epoch_directory,
    prepare_epoch,
    read_carried,
)
from miletus.sequencer.feed import BatchRecord
from miletus.sequencer.node import Node
from miletus.sequencer.ordering import split_entries
from miletus.sequencer.query import view_account
from tests.sequencer.test_node import replay
from tests.sequencer.world import (
    BUY,
    DEPLOYMENT,
    INDEX_TICKS,
    Clock,
    Trader,
    approve,
    inbox_entries,
    index_tick,
    open_node,
    take,
)


def trade_batches(node: Node, clock: Clock, batches: int, seed: int = 1) -> list[Answer]:
    """Closed batches of random orders."""
    chance = random.Random(seed)
    traders = [Trader(account) for account in range(16, 20)]
    for trader in traders:
        trader.nonces = itertools.count(seed * 10_000)
    answers = []
    for _ in range(batches):
        clock.now_ms += 700
        answers += take(node.submit([chance.choice(traders).random_order(chance) for _ in range(25)]))
        node.close_batch()
    assert node.wait_for_roots(30)
    return answers


def make_foreign(clock: Clock, node: Node, words: bytes = b"") -> ForeignBatch:
    """A batch of someone else: a Tick and perhaps words of his choice."""
    clock.now_ms += 1_000
    tick = encode.tick(time_ms=clock.now_ms)
    return ForeignBatch(clock.now_ms // 1_000, (), (tick + words,))


def read_batches(node: Node) -> list[BatchRecord]:
    return list(node.batches.get_batches(1))


@pytest.mark.rule("09-R16")
def test_displaced_operations_are_ordered_anew_and_the_others_batch_stands(node: Node, clock: Clock) -> None:
    old = trade_batches(node, clock, 4)
    last_nonce = max(key.nonce for key in view_account(node.machine.state, 16).keys)  # type: ignore[union-attr]
    kept = read_batches(node)[:2]
    displaced = [b.segments for b in read_batches(node)[2:]]
    foreign = make_foreign(clock, node)
    node.begin_epoch(2, [foreign])
    assert (node.epoch, node.last_batch) == (2, 3)
    batches = read_batches(node)
    assert batches[:2] == kept
    assert batches[2].foreign
    assert batches[2].segments[1].words == foreign.segments[0]
    account = view_account(node.machine.state, 16)
    assert account is not None
    assert max(key.nonce for key in account.keys) == last_nonce  # nothing of it was lost
    node.close_batch()
    assert node.wait_for_roots(30)
    batches = read_batches(node)
    assert batches[3].epoch == 2
    assert batches[3].first_number == 1
    assert replay(batches).root() == node.last_root
    mine = get_orders(b"".join(part.words for part in batches[3].segments))
    assert mine == [words for segments in displaced for part in segments for words in get_orders(part.words)]
    new = [node.get_confirmations(number)[0] for number in (1, 2)]
    assert not any(contradict(answer.confirmation, one) for answer in old for one in new)
    assert is_conserved(node.machine.state)
    assert find_unbalanced(node.machine.state) == -1


def get_orders(words: bytes) -> list[bytes]:
    """PlaceOrders among whole operations."""
    orders, at = [], 0
    while at < len(words):
        size = {0x10: 3, 0x24: 3, 0x21: 3, 0x02: 3}.get(words[at], 1) * WORD_BYTES
        if words[at] == 0x10:
            orders.append(words[at : at + size])
        at += size
    return orders


@pytest.mark.rule("09-R16")
def test_what_another_proposer_ordered_already_is_not_ordered_again(node: Node, clock: Clock) -> None:
    trade_batches(node, clock, 1)
    alice = Trader(16)
    alice.nonces = itertools.count(10**9)
    words = alice.order(BUY, INDEX_TICKS - 5_000, 3, slot=99)
    take(node.submit([words]))
    node.close_batch()
    foreign = make_foreign(clock, node, words)  # who saw the word may post it
    node.begin_epoch(2, [foreign])
    account = view_account(node.machine.state, 16)
    assert account is not None
    assert [order.slot for order in account.orders].count(99) == 1
    (outcome,) = node.submit([words])
    assert getattr(outcome, "reason", None) is Reason.NONCE_USED


@pytest.mark.rule("09-R16", "09-R04")
def test_a_new_epoch_survives_a_restart_and_a_crash_before_it_is_taken_up(node: Node, clock: Clock) -> None:
    trade_batches(node, clock, 5)
    foreign = [make_foreign(clock, node), make_foreign(clock, node)]
    # the crash: everything is prepared, and the process dies before it does anything with it
    prepare_epoch(node.directory, DEPLOYMENT, node._build_machine, 3, foreign)
    assert read_carried(get_epoch_directory(node.directory, 2))
    node.close()
    again = open_node(node.directory, clock)
    assert again.epoch == 2
    assert not read_carried(get_epoch_directory(node.directory, 2))
    trade_batches(again, clock, 3, seed=2)
    root, number = again.compute_root(), again.next_number
    again.close()
    third = open_node(node.directory, clock)
    assert (third.epoch, third.next_number) == (2, number)
    assert third.compute_root() == root
    third.wait_for_roots(30)
    batches = read_batches(third)
    assert [batch.foreign for batch in batches[:6]] == [False, False, False, True, True, False]
    assert replay(batches).root() == third.last_root
    third.close()


@pytest.mark.rule("09-R16")
def test_epochs_follow_each_other_even_below_the_last_fork(node: Node, clock: Clock) -> None:
    trade_batches(node, clock, 6)
    node.begin_epoch(5, [make_foreign(clock, node)])
    trade_batches(node, clock, 2, seed=2)
    node.begin_epoch(2, [make_foreign(clock, node), make_foreign(clock, node)])
    assert node.epoch == 3
    assert [batch.epoch for batch in read_batches(node)][:4] == [1, 1, 3, 3]
    trade_batches(node, clock, 2, seed=3)
    node.begin_epoch(node.last_batch, [make_foreign(clock, node)])
    node.close_batch()
    node.wait_for_roots(30)
    assert replay(read_batches(node)).root() == node.last_root
    assert is_conserved(node.machine.state)


@pytest.mark.rule("09-R16")
def test_the_inbox_that_another_proposer_consumed_is_not_consumed_again(tmp_path: Path, clock: Clock) -> None:
    node = open_node(tmp_path, clock)
    entries = inbox_entries(range(16, 22))
    node.offer_inbox(entries[:4])
    node.run_idle()
    node.close_batch()
    words = tuple(entry.words for entry in entries[4:9])
    clock.now_ms += 2_000
    foreign = ForeignBatch(clock.now_ms // 1_000, words, ())
    node.begin_epoch(1, [foreign])
    assert node.inbox_next == 9
    node.offer_inbox(entries)
    assert [entry.index for entry in node.inbox] == [9, 10, 11]
    node.run_idle()
    node.close_batch()
    node.wait_for_roots(30)
    assert split_entries(b"".join(b.segments[0].words for b in read_batches(node))) == tuple(
        entry.words for entry in entries
    )
    assert replay(read_batches(node)).root() == node.last_root
    node.close()


@pytest.mark.rule("09-R16")
def test_a_base_that_is_not_there_changes_nothing(node: Node, clock: Clock) -> None:
    trade_batches(node, clock, 1)
    before = node.next_number
    with pytest.raises(BatchUnknown, match="batch 2 is missing: restore its file"):
        node.begin_epoch(9, [make_foreign(clock, node)])
    assert get_epoch(node.directory) == 1
    take(node.submit([Trader(16).order(BUY, INDEX_TICKS, 1, nonce=10**9)]))
    assert node.next_number > before


def test_entries_of_an_inbox_segment_are_told_apart() -> None:
    texts = [entry.words for entry in inbox_entries(range(16, 18))]
    texts.append(to_forced(Trader(16).cancel_all()))
    ticks = [index_tick(2_000_000_000 + k) for k in range(3)]
    texts += [approve(ticks[0]), approve(ticks[1], signers=(0, 1, 2)), ticks[2], texts[0]]
    assert split_entries(b"".join(texts)) == tuple(texts)
