"""Policy zk on a real chain: signatures stay off L1, and nothing is final that was not proved (08-R31)."""

from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest

from miletus.codec import encode
from miletus.codec.table import WORD_BYTES
from miletus.native import strip_signatures
from miletus.sequencer.feed import BatchRecord, BatchStore
from miletus.settlement.anvil import Anvil, AnvilControl
from miletus.settlement.batcher import Batcher, build_commitment
from miletus.settlement.challenger import Challenger
from miletus.settlement.errors import CallReverted
from miletus.settlement.l1 import ZK
from miletus.settlement.proving import BatchProver
from miletus.settlement.sender import Sender
from miletus.settlement.signatures import SignatureInvalid, SignaturesMissing
from tests.settlement.fixture_prover import FixtureProver, get_fixture_keys
from tests.settlement.support import change_segment, get_posted, lie, make_tower, poll_until, post
from tests.settlement.world import (
    GENESIS,
    USDC,
    WINDOW_S,
    SmallSequencer,
    Trader,
    World,
    deploy_world,
    make_batcher,
)


@pytest.fixture(scope="module")
def deployed_zk(anvil: Anvil, shared_control: AnvilControl) -> World:
    node = anvil.connect(timeout_seconds=20.0)
    return deploy_world(node, shared_control, get_fixture_keys(), policy=ZK)


@pytest.fixture
def world(deployed_zk: World, control: AnvilControl) -> World:
    """A deployment of policy zk; the chain is put back afterwards."""
    made = deployed_zk
    return World(made.node, control, made.deployment, made.sequencer)


@dataclass
class Archive:
    """Batch files as they were at some moment; None in the place of what was withheld."""

    batches: dict[int, BatchRecord] = field(default_factory=dict)

    def get_batch(self, number: int) -> BatchRecord | None:
        return self.batches.get(number)


def make_prover(world: World, archive: object, edges: int = 1) -> BatchProver:
    sender = world.make_sender(world.make_wallet())
    program = FixtureProver(edges)
    return BatchProver(world.make_view(), GENESIS, sender, program, archive=archive)  # type: ignore[arg-type]


def poll_until_removed(world: World, batcher: Batcher) -> None:
    """Have the batcher see to what is past its deadline; it then posts again what is young enough."""
    for _ in range(30):
        batcher.poll()
        if batcher.view.removals:
            return
        world.clock.seconds += 30
        world.control.mine()
    raise AssertionError(batcher.view.head_number)


def expire(world: World, sender: Sender) -> None:
    """Let the deadline pass, and somebody remove what is next."""
    world.pass_time(WINDOW_S)
    world.do(sender, "expire", world.rollup.expire())


@pytest.mark.rule("08-R31")
def test_signatures_are_not_posted(world: World, alice: Trader, sequencer: SmallSequencer) -> None:
    """Two words of three; who has L1 alone computes the same roots, and the inbox segment is whole."""
    batch = sequencer.close([alice.withdraw(1), alice.transfer(17, 5)], [alice.withdraw(2)])
    post(world, sequencer)
    (text,) = get_posted(world)
    whole = b"".join(segment.words for segment in batch.segments)
    assert len(whole) - len(text) == 3 * 2 * WORD_BYTES
    inbox = batch.segments[0].words
    assert text[: len(inbox)] == inbox
    for segment in batch.segments[1:]:
        posted, signatures = strip_signatures(segment.words)
        assert posted in text
        assert all(signature not in text for signature in signatures.values())
    tower = make_tower(world)
    (verified,) = tower.poll()
    assert tower.alarm is None
    assert verified.root == batch.segments[-1].root == tower.replica.root
    assert verified.wrong_hashes == 0


@pytest.mark.rule("08-R31", "08-R27", "08-R09")
@pytest.mark.parametrize("edges", [1, 3])
def test_a_batch_is_final_by_proof_alone(
    world: World, alice: Trader, sequencer: SmallSequencer, edges: int
) -> None:
    sequencer.close([alice.withdraw(1)], [alice.transfer(17, 5)])
    post(world, sequencer)
    world.pass_time(WINDOW_S // 2)
    with pytest.raises(CallReverted, match="no batch is proved"):
        world.do(alice.sender, "finalise", world.rollup.finalise())
    verdict = make_prover(world, sequencer, edges).prove(1)
    assert verdict.final
    assert verdict.proofs == verdict.posted == 3 * edges + 1
    assert world.rollup.get_final_number() == 1


@pytest.mark.rule("08-R31")
def test_l1_alone_is_not_enough_for_a_proof(
    world: World, alice: Trader, sequencer: SmallSequencer, tmp_path: Path
) -> None:
    """No archive, an empty one, that of another batch, and what another proposer leaves: each is said."""
    honest = sequencer.close([alice.withdraw(1)])
    post(world, sequencer)
    others = [
        (None, "not on L1"),
        (BatchStore(tmp_path), "not on L1"),
        (Archive({1: sequencer.close([alice.withdraw(1)])}), "is not the one on L1"),
        (Archive({1: change_segment(1, words=honest.segments[1].words[:-WORD_BYTES])(honest)}), "is not the"),
        (
            Archive({1: change_segment(1, words=strip_signatures(honest.segments[1].words)[0])(honest)}),
            "is n",
        ),
    ]
    for archive, says in others:
        with pytest.raises(SignaturesMissing, match=says):
            make_prover(world, archive).prove(1)
    store = BatchStore(tmp_path)
    store.put_batch(honest)
    assert make_prover(world, store).prove(1).final


@pytest.mark.rule("08-R31", "08-R22", "08-R08")
def test_a_signature_that_was_never_valid(world: World, alice: Trader, sequencer: SmallSequencer) -> None:
    """A thief proposes a withdrawal that its owner never signed: right by L1's data, and yet never final."""
    signed, stolen = alice.transfer(17, 1), alice.withdraw(999 * USDC)
    forged = stolen[: 31 - 2] + bytes(2) + stolen[31:-62] + bytes(62)
    thief = SmallSequencer(world, off_chain=True)
    batch = thief.close([signed, forged])
    assert batch.outbox  # the machine takes it as signed
    post(world, thief)
    tower = make_tower(world)
    assert len(tower.poll()) == 1
    prover = make_prover(world, thief)
    with pytest.raises(SignatureInvalid, match=r"the operation at word 2 of segment 1 does not hold"):
        prover.prove(1)
    with pytest.raises(SignaturesMissing):
        make_prover(world, None).prove(1)
    bond_wei = world.rollup.get_batch(1).bond_wei
    before_wei = world.rollup.get_credit(world.sequencer.address)
    expire(world, alice.sender)
    assert world.rollup.get_head_number() == 0
    assert world.rollup.get_final_number() == 0
    assert world.rollup.get_credit(world.sequencer.address) == before_wei
    assert world.rollup.read_int("burnt_wei") == bond_wei
    world.control.mine()
    assert tower.poll() == []
    assert tower.verified_number == 0


@pytest.mark.rule("08-R31", "08-R06", "08-R07")
def test_withheld_signatures_cost_users_nothing_but_time(
    world: World, alice: Trader, sequencer: SmallSequencer
) -> None:
    """The operator keeps them back: the batch goes, and what was signed is posted and proved by another."""
    operations = [alice.transfer(17, 5 * USDC), alice.withdraw(7 * USDC)]
    sequencer.close(operations)
    sequencer.close([alice.withdraw(USDC)])
    batcher = make_batcher(world, sequencer)
    poll_until(batcher, world, 2)
    prover = make_prover(world, Archive({1: sequencer.batches[1]}))
    with pytest.raises(SignaturesMissing):
        prover.prove(1)
    expire(world, alice.sender)
    assert world.rollup.get_head_number() == 0

    honest = SmallSequencer(world)
    again = honest.close(operations)
    post(world, honest)
    verdict = make_prover(world, honest).prove(1)
    assert verdict.final
    (paid,) = again.outbox
    assert (paid.owner, paid.amount_micros) == (bytes.fromhex(alice.wallet.address[2:]), 7 * USDC)
    tower = make_tower(world)
    tower.poll()
    assert tower.replica.root == honest.replica.root


@pytest.mark.rule("08-R31")
def test_what_is_proved_in_time_is_not_removed(
    world: World, alice: Trader, sequencer: SmallSequencer
) -> None:
    """The first is final, the second is half proved at its deadline and goes with the third."""
    for _ in range(3):
        sequencer.close([alice.withdraw(1)])
    batcher = make_batcher(world, sequencer)
    poll_until(batcher, world, 3)
    prover = make_prover(world, sequencer)
    assert prover.prove(1).final
    stop_after(prover, 1)
    with pytest.raises(StoppedHere):
        prover.prove(2)
    world.pass_time(WINDOW_S)
    poll_until_removed(world, batcher)
    (removal,) = batcher.view.removals
    assert (removal.number, len(removal.batches)) == (2, 2)
    assert world.rollup.get_final_number() == 1


class StoppedHere(Exception):
    """The prover's machine went down."""


def stop_after(prover: BatchProver, count: int) -> None:
    """Have the prover's wallet fail after so many transactions."""
    submit, sent = prover.sender.resubmit, 0

    def resubmit(*arguments: object, **options: object) -> object:
        nonlocal sent
        if sent == count:
            raise StoppedHere
        sent += 1
        return submit(*arguments, **options)  # type: ignore[arg-type]

    prover.sender.resubmit = resubmit  # type: ignore[method-assign,assignment]


@pytest.mark.rule("08-R31", "08-R22")
def test_a_challenger_removes_what_it_can_not_refute(
    world: World, alice: Trader, sequencer: SmallSequencer
) -> None:
    """A lie whose signatures are withheld: it waits for the deadline, and then goes on."""
    sequencer.close([alice.withdraw(1)])
    sequencer.close([alice.withdraw(2)])
    honest = sequencer.batches[1]
    lie(sequencer, 2, change_segment(1, root=bytes(31) + b"\7"))
    post(world, sequencer)
    assert make_prover(world, sequencer).prove(1).final
    challenger = Challenger(make_tower(world), make_prover(world, None))
    for _ in range(2):
        with pytest.raises(SignaturesMissing):
            challenger.poll()
    alarm = challenger.tower.alarm
    assert alarm is not None
    assert alarm.batch == 2
    world.pass_time(WINDOW_S)
    world.control.mine()
    assert challenger.poll() == []
    assert (world.rollup.get_head_number(), challenger.tower.alarm) == (1, None)
    sequencer.batches[1] = honest
    post(world, sequencer)
    assert [batch.number for batch in challenger.poll()] == [2]
    assert not challenger.prover.remove_overdue()


@pytest.mark.rule("08-R31")
def test_nothing_is_removed_that_was_proved_or_has_time(
    world: World, alice: Trader, sequencer: SmallSequencer
) -> None:
    prover, other = make_prover(world, sequencer), make_prover(world, None)
    assert not prover.remove_overdue()
    sequencer.close([alice.withdraw(1)])
    sequencer.close([alice.withdraw(2)])
    post(world, sequencer)
    prover.prove(2)
    assert not prover.remove_overdue()
    world.pass_time(WINDOW_S - 100)
    world.control.mine()
    assert not prover.remove_overdue()
    prover.prove(1)
    world.pass_time(200)
    world.control.mine()
    assert not prover.remove_overdue()
    assert world.rollup.get_final_number() == 2
    sequencer.close([alice.withdraw(3)])
    post(world, sequencer)
    world.pass_time(WINDOW_S)
    world.control.mine()
    assert prover.remove_overdue()
    assert not other.remove_overdue()
    assert world.rollup.get_head_number() == 2


@pytest.mark.rule("08-R31", "08-R28")
def test_a_lie_needs_signatures_to_be_refuted_or_goes_at_its_deadline(
    world: World, alice: Trader, sequencer: SmallSequencer
) -> None:
    sequencer.close([alice.withdraw(1)])
    lie(sequencer, 1, change_segment(1, root=bytes(31) + b"\7"))
    post(world, sequencer)
    tower = make_tower(world)
    tower.poll()
    assert tower.alarm is not None
    with pytest.raises(SignaturesMissing):
        make_prover(world, None).prove(1)
    assert make_prover(world, sequencer).prove(1).removed


@pytest.mark.rule("08-R31", "08-R28")
@pytest.mark.parametrize("place", [0, 2])
def test_a_lie_about_what_nobody_signs_is_refuted_from_l1_alone(
    world: World, alice: Trader, sequencer: SmallSequencer, place: int
) -> None:
    """The inbox segment, and one that holds only the sequencer's own words."""
    later = 2_000_000_000_000
    sequencer.close([alice.withdraw(1)], [encode.tick(time_ms=later)])
    lie(sequencer, 1, change_segment(place, root=bytes(31) + b"\7"))
    post(world, sequencer)
    assert make_prover(world, None).prove(1).removed


@pytest.mark.rule("08-R31", "09-R05")
def test_the_batcher_knows_its_own_batches(world: World, alice: Trader, sequencer: SmallSequencer) -> None:
    """After a restart with nothing but the chain: what is on L1 without signatures is what was closed."""
    sequencer.close([alice.withdraw(1)])
    post(world, sequencer)
    sequencer.close([alice.withdraw(2)])
    progress = poll_until(make_batcher(world, sequencer), world, 2)
    assert progress.posted == 2


@pytest.mark.rule("08-R31")
def test_an_expiry_that_a_reorganisation_takes_back(
    world: World, alice: Trader, sequencer: SmallSequencer
) -> None:
    """The removal is sent again, for the same batch."""
    sequencer.close([alice.withdraw(1)])
    batcher = make_batcher(world, sequencer)
    poll_until(batcher, world, 1)
    batch_id = world.rollup.get_batch(1).id
    world.control.mine(3)
    world.pass_time(WINDOW_S)
    poll_until_removed(world, batcher)
    (removal,) = batcher.view.removals
    world.control.reorganise(world.node.get_head().number - removal.block_number + 1)
    batcher.view.poll()
    assert batcher.view.removals == []
    assert batcher.view.head_id == batch_id
    poll_until_removed(world, batcher)
    assert world.rollup.read("is_removed", batch_id)


@pytest.mark.rule("08-R31")
def test_a_batch_says_the_same_with_and_without() -> None:
    """Policies other than zk post every word."""
    segment = {"number": 1, "source": 1, "first_number": 0, "end_number": 0, "root": bytes(32), "outbox": 0}
    words = encode.tick(time_ms=1)
    assert strip_signatures(words) == (words, {})
    raw = {**segment, "words": words, "running_keccak": b""}
    batch = msgspec.convert(
        {
            "epoch": 0,
            "number": 1,
            "first_number": 0,
            "time_s": 1,
            "clock_ms": 0,
            "inbox_first": 0,
            "inbox_count": 0,
            "running_keccak_before": b"",
            "segments": [{**raw, "words": b""}, raw],
            "outbox": [],
        },
        BatchRecord,
        builtin_types=(bytes,),
    )
    assert build_commitment(batch, bytes(32)) == build_commitment(batch, bytes(32), off_chain=True)
