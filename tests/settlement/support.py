"""What the tests of posting and watching share."""

from collections.abc import Callable
from pathlib import Path

import msgspec

from miletus.sequencer.feed import BatchRecord, SegmentRecord
from miletus.settlement.batcher import Batcher, Progress
from miletus.settlement.chain import ChainView
from miletus.settlement.commitment import decode_commit
from miletus.settlement.l1 import Rollup, Vault
from miletus.settlement.node import L1Node
from miletus.settlement.watchtower import Watchtower
from tests.settlement.meddler import Meddler
from tests.settlement.world import GENESIS, SmallSequencer, Trader, World, make_batcher


def get_posted(world: World) -> list[bytes]:
    """Words of each batch on L1, inbox included, read by a fresh view."""
    view = world.make_view()
    view.poll()
    posted = []
    for batch in view.batches:
        transaction = world.node.get_transaction(batch.transaction_hash)
        assert transaction is not None
        commitment = decode_commit(transaction.input)
        inbox = view.get_words(batch.inbox_first, batch.inbox_end)
        posted.append(inbox + b"".join(segment.words for segment in commitment.segments))
    return posted


def get_closed(sequencer: SmallSequencer) -> list[bytes]:
    return [b"".join(segment.words for segment in batch.segments) for batch in sequencer.batches]


def poll_until(batcher: Batcher, world: World, posted: int, rounds: int = 30) -> Progress:
    """Poll, mining a block each time, as L1 does."""
    for _ in range(rounds):
        progress = batcher.poll()
        if progress.posted >= posted:
            return progress
        world.control.mine()
    raise AssertionError(progress)


def count_reverted(world: World) -> int:
    """Transactions of the sequencer that were included for nothing."""
    count = 0
    for number in range(world.deployment.start_block, world.node.get_head().number + 1):
        block = world.node.rpc.call("eth_getBlockByNumber", [hex(number), True])
        for transaction in block["transactions"]:
            if transaction["from"] == world.sequencer.address.lower():
                receipt = world.node.get_receipt(bytes.fromhex(transaction["hash"][2:]))
                count += receipt is not None and not receipt.succeeded
    return count


def make_tower(world: World, path: Path | None = None, depth: int = 64) -> Watchtower:
    return Watchtower(world.make_view(), GENESIS, path, depth)


def post(world: World, sequencer: SmallSequencer) -> None:
    poll_until(make_batcher(world, sequencer), world, len(sequencer.batches))


def lie(sequencer: SmallSequencer, number: int, change: Callable[[BatchRecord], BatchRecord]) -> BatchRecord:
    """Falsify a closed batch; what it was."""
    honest = sequencer.batches[number - 1]
    sequencer.batches[number - 1] = change(honest)
    return honest


def change_segment(place: int, **fields: object) -> Callable[[BatchRecord], BatchRecord]:
    def change(batch: BatchRecord) -> BatchRecord:
        segments: list[SegmentRecord] = list(batch.segments)
        segments[place] = msgspec.structs.replace(segments[place], **fields)
        return msgspec.structs.replace(batch, segments=tuple(segments))

    return change


def close_many(world: World, alice: Trader, sequencer: SmallSequencer, count: int) -> None:
    for number in range(count):
        sequencer.close([alice.withdraw(number + 1)])
    post(world, sequencer)


def view_through(meddler: Meddler, world: World) -> ChainView:
    node = L1Node.connect(meddler.url, world.node.rules, attempts=1)
    rollup, vault = Rollup(node, world.rollup.address), Vault(node, world.vault.address)
    return ChainView(rollup, vault, world.deployment.start_block, 0.0)


def make_polled(world: World) -> Watchtower:
    tower = make_tower(world)
    tower.poll()
    return tower
