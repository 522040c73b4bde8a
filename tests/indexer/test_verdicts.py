"""Proofs and removals of L1 become rows, and go when L1 takes them back."""

from pathlib import Path
from typing import Any

import pytest

from miletus.indexer.chain import ChainFollower
from miletus.indexer.database import Database, open_database
from miletus.indexer.feed import take_record
from miletus.indexer.history import History
from miletus.indexer.indexer import Indexer
from miletus.settlement.anvil import Anvil, AnvilControl
from miletus.settlement.court import OUTBOX
from miletus.settlement.l1 import HYBRID, ZK
from miletus.settlement.proving import BatchProver
from tests.indexer.conftest import MakeAddress
from tests.indexer.tables import find_difference, read_tables
from tests.settlement.conftest import alice, sequencer, shared_control  # noqa: F401
from tests.settlement.fixture_prover import FixtureProver, get_fixture_keys
from tests.settlement.support import change_segment, lie, post
from tests.settlement.world import (
    GENESIS,
    REORG_AGE_S,
    USDC,
    SmallSequencer,
    Trader,
    World,
    deploy_world,
)


@pytest.fixture(scope="module")
def deployed(anvil: Anvil, shared_control: AnvilControl) -> World:  # noqa: F811
    return deploy_world(
        anvil.connect(timeout_seconds=20.0), shared_control, get_fixture_keys(), policy=HYBRID
    )


@pytest.fixture
def world(deployed: World, control: AnvilControl) -> World:
    """A deployment whose batches can be proved; the chain is put back afterwards."""
    return World(deployed.node, control, deployed.deployment, deployed.sequencer)


def follow(world: World, database: Database) -> ChainFollower:
    deployment = world.deployment
    indexer = Indexer(database, GENESIS, deployment.chain_id, deployment.rollup)
    return ChainFollower(indexer, world.make_view())


def prove(world: World, number: int) -> str:
    sender = world.make_sender(world.make_wallet())
    BatchProver(world.make_view(), GENESIS, sender, FixtureProver()).prove(number)  # type: ignore[arg-type]
    return sender.address.lower()


def read_anew(world: World, path: Path) -> dict[str, list[Any]]:
    database = open_database(path)
    follow(world, database).follow_alone()
    rows = read_tables(database)
    database.close()
    return rows


@pytest.mark.rule("08-R27", "08-R28")
def test_proofs_and_removals_are_told_and_taken_back(
    world: World,
    alice: Trader,  # noqa: F811
    sequencer: SmallSequencer,  # noqa: F811
    make_address: MakeAddress,
    tmp_path: Path,
) -> None:
    database = open_database(make_address())
    follower, history = follow(world, database), History(database)
    sequencer.close([alice.withdraw(USDC)])
    post(world, sequencer)
    follower.follow_alone()
    assert history.get_proofs() == history.get_removals() == []
    height = world.node.get_head().number
    payee = prove(world, 1)
    follower.follow_alone()
    proofs = history.get_proofs(1)
    assert {proof.part for proof in proofs} == {0, 1, OUTBOX}
    assert {proof.payee for proof in proofs} == {payee}
    for proof in proofs:
        receipt = world.node.get_receipt(bytes.fromhex(proof.l1_transaction.removeprefix("0x")))
        assert receipt is not None
        assert receipt.block_number == proof.l1_block
    batch = history.get_batch(1)
    assert batch is not None
    assert batch.l1_proved_block == max(proof.l1_block for proof in proofs)
    assert batch.l1_final_block == batch.l1_proved_block
    assert find_difference(read_tables(database), read_anew(world, tmp_path / "one.sqlite")) == ""

    again = follow(world, database)  # as after a restart: nothing is written twice
    again.follow_alone()
    assert history.get_proofs(1) == proofs

    world.control.reorganise(world.node.get_head().number - height)
    again.follow_alone()
    assert history.get_proofs() == []
    batch = history.get_batch(1)
    assert batch is not None
    assert (batch.l1_proved_block, batch.l1_final_block) == (None, None)
    database.close()


@pytest.mark.rule("08-R28")
def test_a_removed_batch_stays_told_when_another_takes_its_number(
    world: World,
    alice: Trader,  # noqa: F811
    sequencer: SmallSequencer,  # noqa: F811
    make_address: MakeAddress,
    tmp_path: Path,
) -> None:
    database = open_database(make_address())
    follower, history = follow(world, database), History(database)
    sequencer.close([alice.transfer(17, 5)])
    honest = lie(sequencer, 1, change_segment(1, root=bytes(31) + b"\7"))
    sequencer.close([alice.transfer(17, 6)])
    post(world, sequencer)
    follower.follow_alone()
    ids = [world.rollup.get_batch(number).id for number in (1, 2)]
    bond_wei = world.rollup.get_batch(1).bond_wei
    payee = prove(world, 1)
    follower.follow_alone()
    assert history.get_batch(1) is None
    found = {row.batch: row for row in history.get_removals()}
    assert {"0x" + each.hex() for each in ids} == {row.batch_id for row in found.values()}
    assert (found[1].part, found[1].payee, int(found[1].reward_wei)) == (1, payee, bond_wei // 2)
    assert (found[2].part, found[2].payee) == (None, None)
    assert found[1].proposer == world.sequencer.address.lower()
    sequencer.batches[0] = honest
    post(world, sequencer)
    prove(world, 1)
    follower.follow_alone()
    batch = history.get_batch(1)
    assert batch is not None
    assert batch.l1_id not in {row.batch_id for row in history.get_removals()}
    assert {proof.batch_id for proof in history.get_proofs(1)} == {batch.l1_id}
    assert len(history.get_removals()) == 2
    assert find_difference(read_tables(database), read_anew(world, tmp_path / "anew.sqlite")) == ""
    database.close()


@pytest.mark.rule("08-R31")
def test_under_policy_zk_rows_of_l1_alone_are_those_of_the_node(
    anvil: Anvil, control: AnvilControl, tmp_path: Path, make_address: MakeAddress
) -> None:
    """Signatures are not on L1: rows, numbers and digests are the same without them."""
    made = deploy_world(anvil.connect(timeout_seconds=20.0), control, get_fixture_keys(), policy=ZK)
    trader = Trader.join(made)
    made.pass_time(REORG_AGE_S)
    own = SmallSequencer(made, off_chain=True)
    for turn in range(2):
        many = [trader.transfer(17, 5 + turn + k) for k in range(300)]  # 300 words on L1, 900 of the node
        own.close([*many, trader.withdraw(USDC)], [trader.transfer(17, 3)])
    post(made, own)
    deployment = made.deployment
    told, alone = open_database(make_address()), open_database(make_address())
    beside = Indexer(told, GENESIS, deployment.chain_id, deployment.rollup, off_chain=True)
    for record in own.batches:
        take_record(beside, record)
    assert beside.last_batch == 2
    follower = ChainFollower(beside, made.make_view())
    follower.read()
    while (number := follower.next_unknown()) is not None:
        posting = follower.read_posting(number)
        assert posting is not None
        assert follower.take(posting)
    assert beside.rollbacks == 0
    other = Indexer(alone, GENESIS, deployment.chain_id, deployment.rollup, off_chain=True)
    ChainFollower(other, made.make_view()).follow_alone()
    without = ("arrival_ms", "epoch", "first_number", "number")  # this sequencer gives no numbers
    one, two = (
        {name: rows for name, rows in read_tables(each, without=without).items() if name != "pages"}
        for each in (told, alone)
    )
    assert find_difference(one, two) == ""
    assert len(one["withdrawals"]) == 2
    assert History(alone).get_batch(2).words == History(told).get_batch(2).words > 900  # type: ignore[union-attr]
    told.close()
    alone.close()
