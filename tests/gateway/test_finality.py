"""How far a word has come is told of the batch that it lies in, and of no other."""

from pathlib import Path

import pytest

from miletus.gateway.finality import CONFIRMED, POSTED, OnChain, Roads
from miletus.gateway.mirror import Mirror
from tests.gateway.test_mirror import Following, hand_over
from tests.sequencer.test_epochs import make_foreign
from tests.sequencer.world import DEPLOYMENT


class Reader:
    """L1 as a gateway would read it; nothing is asked."""

    window_s = 60

    def poll(self) -> dict[int, OnChain]:
        return {}


@pytest.fixture
def following(tmp_path: Path) -> object:
    made = Following(tmp_path / "node")
    yield made
    made.node.close()


def begin(following: Following) -> Roads:
    """A gateway that starts now."""
    mirror, roads = Mirror(DEPLOYMENT), Roads(Reader())
    hand_over(following.node, mirror)
    roads.begin(mirror.epoch, mirror.next_number, mirror.batch)
    following.node.listeners.append(roads.take)
    return roads


@pytest.mark.rule("09-R01")
def test_a_gateway_that_starts_between_two_batches_takes_none_for_the_other(following: Following) -> None:
    node = following.node
    closed = node.open_batch
    assert closed is not None
    node.close_batch()
    opening = node.next_number
    roads = begin(following)
    following.trade(1)
    assert node.open_batch == closed + 1
    roads.on_chain = {closed: OnChain(closed, "0x01", 1, 100, True, True)}
    road = roads.find(node.epoch, opening + 1)
    assert (road.batch, road.state, road.on_chain) == (closed + 1, CONFIRMED, None)


def test_another_proposer_s_batch_holds_none_of_the_sequencer_s_words(following: Following) -> None:
    roads = begin(following)
    number, batch = following.node.next_number, following.node.open_batch
    assert batch is not None
    following.trade(1)
    roads.on_chain = {batch: OnChain(batch, "0x01", 1, 100, True, True, is_own=False)}
    assert roads.find(1, number).state == CONFIRMED
    roads.on_chain = {batch: OnChain(batch, "0x01", 1, 100, False)}
    assert roads.find(1, number).state == POSTED


def test_words_that_are_numbered_again_are_of_their_new_batch() -> None:
    roads = Roads(Reader())
    for number, batch in ((10, 4), (20, 5), (30, 6)):
        roads.begin(1, number, batch)
    roads.begin(1, 25, 5)  # the node has gone back
    roads.begin(1, 28, 6)
    assert [roads.find(1, number).batch for number in (10, 20, 27, 28, 29, 31)] == [4, 5, 5, 6, 6, 6]


@pytest.mark.rule("09-R16")
def test_an_order_of_an_earlier_epoch_is_not_told_by_another_word_s_number(following: Following) -> None:
    node, orders = following.node, following.exchange.accounts[16].orders
    node.close_batch()
    words = following.traders[0].order(0, 6_000_000, 5, slot=99)
    node.submit([words])
    following.follow()
    order = orders.by_slot[99]
    assert order.number > 0
    hand_over(node, following.mirror)
    following.exchange.reset()
    assert orders.by_slot[99].number == order.number > 0  # the same epoch: it is the same word's
    node.begin_epoch(node.last_batch, [make_foreign(following.clock, node)])
    hand_over(node, following.mirror)
    following.exchange.reset()
    assert orders.by_id[order.id].number == 0
