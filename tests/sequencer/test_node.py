"""The node in one process: numbers, batches, answers, and what it does when the disk fails."""

import itertools
import os
import random
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from miletus.codec import decode_segment, to_forced
from miletus.engine import layout
from miletus.engine.audit import find_unbalanced, is_conserved
from miletus.native import NativeCrypto, Tree, prepare
from miletus.sequencer.answers import Answer
from miletus.sequencer.confirmations import recover_signer, verify_confirmation
from miletus.sequencer.errors import LogFull, NodeStopped
from miletus.sequencer.feed import BatchFileError, BatchRecord, InboxEntry, Outgoing
from miletus.sequencer.frames import SEQUENCED_WORDS, Item
from miletus.sequencer.node import Node
from miletus.sequencer.ordering import Policy
from miletus.sequencer.query import view_account, view_book, view_instrument, view_underlying
from tests.sequencer.world import (
    BUY,
    DEPLOYMENT,
    INDEX_TICKS,
    PERPETUAL,
    SELL,
    SMALL,
    Clock,
    Genesis,
    Trader,
    approve,
    inbox_entries,
    index_tick,
    open_market,
    open_node,
    take,
)

TRADERS = range(16, 20)


def trade(node: Node, clock: Clock, groups: int, seed: int = 1, passed_ms: int = 211) -> list[Answer]:
    """Random orders of everybody in groups of random size."""
    chance = random.Random(seed)
    traders = [Trader(account) for account in TRADERS]
    for trader in traders:
        trader.nonces = itertools.count(seed * 100_000)
    answers = []
    for _ in range(groups):
        clock.now_ms += passed_ms
        orders = [chance.choice(traders).random_order(chance) for _ in range(chance.randrange(1, 40))]
        answers += take(node.submit(orders))
    return answers


def replay(batches: list[BatchRecord]) -> Tree:
    """Follow the batches from the first state, whole segments at once, and hold every claim to it."""
    machine = Genesis().build_machine(NativeCrypto(DEPLOYMENT.chain_id, DEPLOYMENT.rollup), 64)
    tree = Tree()
    for batch in batches:
        machine.begin_batch(batch.time_bound_ms, batch.clock_floor_ms)
        for part in batch.segments:
            segment = decode_segment(part.source, part.words)
            prepare(segment, machine)
            machine.run(segment)
            if part is batch.segments[-1]:
                machine.end_batch()
            assert tree.update(*machine.take_dirty()) == part.root
        assert [(o.to_bytes(20, "big"), amount) for o, amount in machine.state.outbox] == [
            (out.owner, out.amount_micros) for out in batch.outbox
        ]
    return tree


@pytest.mark.rule("09-R01", "09-R03", "09-R08", "09-R10")
def test_every_number_is_given_once_and_confirmed(node: Node, clock: Clock) -> None:
    answers = trade(node, clock, 30)
    numbers = [answer.number for answer in answers]
    assert numbers == sorted(set(numbers))
    assert all(recover_signer(DEPLOYMENT, a.confirmation) == node.signer.address for a in answers[::7])
    due, chain = 1, DEPLOYMENT.start_chain(1)
    for group in node._log.get_groups(1):
        assert (group.first_number, group.running_keccak) == (due, chain)
        for item, confirmation in zip(group.items, node.get_confirmations(due), strict=True):
            assert (confirmation.number, confirmation.words) == (due, item.word_count)
            due, chain = due + item.word_count, confirmation.running_keccak
    assert due == node.next_number


@pytest.mark.rule("09-R03")
def test_an_answer_is_the_word_for_the_clients_own_operation(node: Node) -> None:
    words = Trader(16).order(BUY, INDEX_TICKS - 500, 5)
    (answer,) = take(node.submit([words]))
    assert verify_confirmation(
        DEPLOYMENT, answer.confirmation, Item(SEQUENCED_WORDS, words), node.signer.address
    )
    other = Trader(16).order(BUY, INDEX_TICKS - 510, 5)
    assert not verify_confirmation(
        DEPLOYMENT, answer.confirmation, Item(SEQUENCED_WORDS, other), node.signer.address
    )


@pytest.mark.rule("09-R05", "09-R10", "03-R16")
def test_batches_replayed_whole_give_every_root(node: Node, clock: Clock) -> None:
    trade(node, clock, 60)
    clock.now_ms += 1_000
    rich = Trader(16)
    rich.nonces = itertools.count(10**10)
    paid = take(node.submit([rich.withdraw(1_000_000 + k) for k in range(3)]))
    assert [answer.result.reason for answer in paid] == [0, 0, 0]
    node.close_batch()
    assert node.wait_for_roots(30)
    batches = list(node.batches.get_batches(1))
    assert len(batches) >= 3
    owner = (0xA000 + 16).to_bytes(20, "big")
    assert batches[-1].outbox == tuple(Outgoing(owner, 1_000_000 + k) for k in range(3))
    assert replay(batches).root() == node.last_root
    words = b"".join(part.words for batch in batches for part in batch.segments)
    logged = b"".join(i.words for g in node._log.get_groups(1) for i in g.items if i.tag < 2)
    assert words == logged
    for before, batch in itertools.pairwise(batches):
        assert batch.first_number == before.end_number + 1
        assert batch.running_keccak_before == before.segments[-1].running_keccak
        assert batch.time_bound_ms >= batch.clock_ms >= batch.clock_floor_ms


@pytest.mark.rule("01-R06", "01-R07")
def test_money_and_positions_are_whole_after_every_group(node: Node, clock: Clock) -> None:
    for seed in range(1, 15):
        trade(node, clock, 2, seed)
        assert is_conserved(node.machine.state)
        assert find_unbalanced(node.machine.state) == -1


@pytest.mark.rule("09-R04")
def test_a_node_comes_back_in_the_middle_of_a_batch(node: Node, clock: Clock) -> None:
    trade(node, clock, 25)
    assert node.open_batch is not None
    root = node.compute_root()
    state = node.next_number, node.open_batch, node.clock_ms, node._running_keccak, node.inbox_next
    node.close()
    again = open_node(node.directory, clock)
    try:
        assert (
            again.next_number,
            again.open_batch,
            again.clock_ms,
            again._running_keccak,
            again.inbox_next,
        ) == state
        assert again.compute_root() == root
        trade(again, clock, 10, seed=2)
        again.close_batch()
        assert again.wait_for_roots(30)
        assert replay(list(again.batches.get_batches(1))).root() == again.last_root
    finally:
        again.close()


@pytest.mark.rule("09-R10", "09-R04")
def test_batches_stay_below_their_words_over_restarts(tmp_path: Path, clock: Clock) -> None:
    config = replace(SMALL, policy=Policy(batch_ms=60_000, batch_words=200))
    node = open_market(tmp_path / "node", clock, config=config)
    for seed in range(1, 5):
        trade(node, clock, 4, seed=seed, passed_ms=50)
        node.close()
        node = open_node(tmp_path / "node", clock, config)
    node.close_batch()
    assert node.wait_for_roots(30)
    counts = [
        sum(len(part.words) // 31 for part in batch.segments[1:]) for batch in node.batches.get_batches(1)
    ]
    node.close()
    assert len(counts) > 3
    assert all(200 - 3 <= count <= 200 for count in counts[:-1])


def test_two_nodes_on_one_directory_are_an_error(node: Node, clock: Clock) -> None:
    with pytest.raises(NodeStopped, match=f"a node runs here already .process {os.getpid()}.: stop it first"):
        open_node(node.directory, clock)


def test_a_closed_node_says_so(node: Node) -> None:
    node.close()
    with pytest.raises(NodeStopped, match="the node was closed: start it again"):
        node.submit([Trader(16).order(BUY, INDEX_TICKS, 1)])
    node.close()


@pytest.mark.rule("09-R10")
def test_the_inbox_is_consumed_in_order_and_once(tmp_path: Path, clock: Clock) -> None:
    node = open_node(tmp_path, clock)
    entries = inbox_entries(range(16, 200))
    with pytest.raises(ValueError, match="inbox entry 1 where 0 is due: offer them in order"):
        node.offer_inbox(entries[1:])
    node.offer_inbox(entries[:100])
    node.offer_inbox(entries[50:])  # again what waits already
    while node.inbox:
        node.run_idle()
        clock.now_ms += 1_000
    node.offer_inbox(entries)  # again what is consumed
    assert not node.inbox
    node.close_batch()
    node.wait_for_roots()
    batches = list(node.batches.get_batches(1))
    assert len(batches) >= 3
    assert all(sum(len(part.words) // 31 for part in batch.segments[:1]) <= 256 for batch in batches)
    assert b"".join(batch.segments[0].words for batch in batches) == b"".join(e.words for e in entries)
    account = view_account(node.machine.state, 199)
    assert account is not None
    assert account.cash_micros == 10**12
    node.close()


@pytest.mark.rule("03-R12", "09-R10")
def test_a_forced_operation_is_carried_out(node: Node, clock: Clock) -> None:
    alice = Trader(16)
    take(node.submit([alice.order(BUY, INDEX_TICKS - 700, 5, slot=k) for k in range(3)]))
    words = to_forced(alice.cancel_all())
    node.offer_inbox([InboxEntry(node.inbox_next, words)])
    clock.now_ms += 10_000
    assert node.run_idle()
    account = view_account(node.machine.state, 16)
    assert account is not None
    assert account.orders == ()


@pytest.mark.rule("03-R03", "06-R01")
def test_a_tick_that_comes_through_l1_moves_the_index(tmp_path: Path, clock: Clock) -> None:
    """One entry, several operations; the order is rebuilt from the log as it was."""
    node = open_node(tmp_path, clock)
    entries = inbox_entries(range(16, 18))
    entries.append(InboxEntry(4, approve(index_tick(node.clock_ms // 1_000, INDEX_TICKS + 77))))
    entries.append(InboxEntry(5, entries[0].words))
    node.offer_inbox(entries)
    assert node.run_idle()
    state = node.machine.state
    assert state.cells[state.underlying(0) + layout.INDEX] == INDEX_TICKS + 77
    assert node.inbox_next == state.cells[layout.INBOX_CURSOR] == 6
    node.close_batch()
    node.wait_for_roots()
    assert replay(list(node.batches.get_batches(1))).root() == node.last_root
    root = node.last_root
    node.close()
    again = open_node(tmp_path, clock)
    again.wait_for_roots()
    assert (again.last_root, again.inbox_next) == (root, 6)
    again.close()


def test_an_idle_node_closes_its_batch_by_age(node: Node, clock: Clock) -> None:
    take(node.submit([Trader(16).order(BUY, INDEX_TICKS, 1)]))
    assert not node.run_idle()
    clock.now_ms += 5_000
    assert node.run_idle()
    assert node.open_batch is None
    assert not node.run_idle()


@contextmanager
def full_disk() -> Iterator[None]:
    """No file may grow or be written beyond its first bytes."""
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.rule("09-R14")
def test_a_full_disk_refuses_and_intake_goes_on_when_there_is_space(node: Node, clock: Clock) -> None:
    confirmed = trade(node, clock, 10)
    alice = Trader(16)
    state = node.next_number, list(node.machine.export_pages()[2])
    with full_disk():
        for nonce in (10**6, 10**6 + 1):
            with pytest.raises(LogFull, match=r"no room for more operations; free .* bytes there"):
                node.submit([alice.order(BUY, INDEX_TICKS, 1, nonce=nonce)])
    assert (node.next_number, list(node.machine.export_pages()[2])) == state
    (answer,) = take(node.submit([alice.order(BUY, INDEX_TICKS, 1, nonce=10**6)]))
    node.close()
    again = open_node(node.directory, clock)
    for promised in [*confirmed[-5:], answer]:
        assert promised.confirmation.leaf in [c.leaf for c in again.get_confirmations(promised.number)]
    again.close()


@pytest.mark.rule("09-R14")
def test_a_batch_file_that_has_no_room_is_written_when_it_has(node: Node, clock: Clock) -> None:
    trade(node, clock, 5)
    pending = node.order_close()
    assert pending is not None
    node.sync()
    with full_disk():
        node.confirm(pending)
        assert not node.wait_for_roots(0.3)
        assert list(node.batches.get_batches(1)) == []
    assert node.wait_for_roots(10)
    assert replay(list(node.batches.get_batches(1))).root() == node.last_root


@pytest.mark.rule("09-R14")
def test_a_sync_that_fails_stops_the_node(node: Node, clock: Clock) -> None:
    """The log's file is closed behind its back: the system itself refuses the sync."""
    confirmed = trade(node, clock, 3)
    pending = node.order([Trader(16).order(BUY, INDEX_TICKS, 1, nonce=10**6)], admitted=False)
    assert pending is not None
    descriptor, node._log._descriptor = node._log._descriptor, 10**6
    with pytest.raises(NodeStopped, match="what was confirmed is in the log; check the disk"):
        node.sync()
    with pytest.raises(NodeStopped):
        node.confirm(pending)
    with pytest.raises(NodeStopped):
        node.submit([Trader(16).order(BUY, INDEX_TICKS, 1, nonce=10**7)])
    os.close(descriptor)
    node.close()
    again = open_node(node.directory, clock)
    assert again.next_number > confirmed[-1].number
    again.close()


def test_views_show_accounts_instruments_and_books(node: Node) -> None:
    alice, bob = Trader(16), Trader(17)
    take(
        node.submit(
            [
                alice.order(BUY, INDEX_TICKS - 100, 5, slot=1),
                alice.order(BUY, INDEX_TICKS - 50, 7, slot=2),
                bob.order(SELL, INDEX_TICKS + 60, 9, slot=3),
                bob.order(SELL, INDEX_TICKS - 50, 3, slot=4),
            ]
        )
    )
    state = node.machine.state
    bids, asks = (view_book(state, PERPETUAL, side, 10) for side in (BUY, SELL))
    assert [(o.account, o.slot, o.price_ticks, o.left_lots, o.filled_lots) for o in bids] == [
        (16, 2, INDEX_TICKS - 50, 4, 3),
        (16, 1, INDEX_TICKS - 100, 5, 0),
    ]
    assert [(o.account, o.left_lots) for o in asks] == [(17, 9)]
    assert view_book(state, PERPETUAL, BUY, 1) == bids[:1]
    assert view_book(state, 5_000, BUY, 1) == ()
    account = view_account(state, 16)
    assert account is not None
    assert [(p.instrument, p.size_lots, p.mark_ticks) for p in account.positions] == [
        (PERPETUAL, 3, INDEX_TICKS)
    ]
    assert account.equity_micros == account.cash_micros + 3 * INDEX_TICKS
    assert account.owner == (0xA000 + 16).to_bytes(20, "big")
    assert [key.nonce for key in account.keys] == [2]
    assert [order.slot for order in account.orders] == [1, 2]
    assert view_account(state, 30) is None
    assert view_account(state, 2**24) is None
    instrument = view_instrument(state, PERPETUAL)
    assert instrument is not None
    assert (instrument.type, instrument.open_interest_lots, instrument.covered) == (3, 3, True)
    assert view_instrument(state, 77) is None
    underlying = view_underlying(state, 0)
    assert underlying is not None
    assert (underlying.index_ticks, underlying.sheet_number, underlying.listed) == (INDEX_TICKS, 1, 2)
    assert view_underlying(state, 2) is None


def test_a_damaged_batch_file_is_told(node: Node, clock: Clock) -> None:
    trade(node, clock, 3)
    node.close_batch()
    node.wait_for_roots()
    path = node.batches.get_path(1)
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    with pytest.raises(BatchFileError, match=f"{path.name} is damaged: remove it and restart the node"):
        node.batches.get_batch(1)


@pytest.mark.rule("09-R02", "09-R14")
def test_a_group_that_was_refused_by_the_disk_is_told_to_nobody(node: Node, clock: Clock) -> None:
    told: list[int] = []
    node.listeners.append(lambda group: told.append(group.first_number))
    number = node.next_number
    with full_disk(), pytest.raises(LogFull):
        node.submit([Trader(16).order(BUY, INDEX_TICKS, 1)])
    assert told == []
    take(node.submit([Trader(16).order(BUY, INDEX_TICKS, 1)]))
    assert told == [number]
