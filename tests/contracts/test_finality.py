"""When batches become final, what returns then, and withdrawals."""

from typing import Any

import boa
import pytest

from tests.contracts.reference import compute_proof, compute_root
from tests.contracts.world import DAY_S, ETHER, SOURCES, VAULT, World, get_deployer, refused, to_number

Outbox = tuple[tuple[int, int], ...]


def fund(world: World, amount_micros: int) -> None:
    """Account 16 of the trader, with a deposit that the next batch consumes."""
    world.deposit("trader", world.register("trader"), amount_micros)
    world.wait(60)


def make_outbox(count: int) -> Outbox:
    return tuple((0xA0000 + i, 1_000 + i) for i in range(count))


@pytest.mark.rule("08-R09")
def test_a_batch_is_final_when_its_window_has_passed(world: World) -> None:
    window_s = world.rollup_parameters["window_s"]
    with refused("rollup: no batch is proved or has passed its window"):
        world.rollup.finalize(1)
    world.commit()
    world.wait(window_s - 1)
    with refused("rollup: no batch is proved or has passed its window"):
        world.rollup.finalize(1)
    assert world.rollup.final_number() == 0
    world.wait(1)
    with refused("rollup: no batch is proved or has passed its window"):
        world.rollup.finalize(0)
    assert world.rollup.finalize(1, sender=world["thief"]) == 1
    event = world.get_event(world.rollup, "BatchFinal")
    assert (event.number, event.id) == (1, world.get_head().id)
    assert world.rollup.final_number() == 1


@pytest.mark.rule("08-R09")
def test_batches_become_final_in_order(world: World) -> None:
    window_s = world.rollup_parameters["window_s"]
    for _ in range(5):
        world.commit()
        world.wait(100)
    world.wait(window_s - 500)
    for number in range(1, 6):
        assert world.rollup.finalize(64) == 1
        assert world.rollup.final_number() == number
        with refused("rollup: no batch is proved or has passed its window"):
            world.rollup.finalize(64)
        world.wait(100)


@pytest.mark.rule("08-R09")
def test_many_batches_become_final_in_parts(world: World) -> None:
    for _ in range(70):
        world.commit()
    world.wait(world.rollup_parameters["window_s"])
    assert world.rollup.finalize(3) == 3
    assert world.rollup.finalize(2**256 - 1) == 64
    assert world.rollup.finalize(64) == 3


@pytest.mark.rule("08-R08")
def test_the_bond_returns_when_the_batch_is_final(world: World) -> None:
    bond_wei = world.rollup_parameters["bond_wei"]
    sequencer = world["sequencer"]
    before_wei = boa.env.get_balance(sequencer)
    world.commit()
    world.commit()
    assert boa.env.get_balance(sequencer) == before_wei - 2 * bond_wei
    with refused("credit: nothing is owed to the sender"):
        world.rollup.withdraw_credit(sender=sequencer)
    world.finalize_all()
    with refused("credit: nothing is owed to the sender"):
        world.rollup.withdraw_credit(sender=world["thief"])
    assert world.rollup.credit_wei(sequencer) == 2 * bond_wei
    world.rollup.withdraw_credit(sender=sequencer)
    event = world.get_event(world.rollup, "CreditPaid")
    assert (event.owner, event.amount_wei) == (sequencer, 2 * bond_wei)
    assert boa.env.get_balance(sequencer) == before_wei
    assert boa.env.get_balance(world.rollup.address) == 0
    with refused("credit: nothing is owed to the sender"):
        world.rollup.withdraw_credit(sender=sequencer)


@pytest.mark.rule("08-R08", "08-R19")
def test_a_proposer_that_refuses_eth_stops_nobody(world: World) -> None:
    forwarder = get_deployer(SOURCES / "Forwarder.vy").deploy()
    account = world.register("trader")
    world.people["forwarder"] = forwarder.address
    world.token.mint(forwarder.address, 10**9)
    world.deposit("trader", account, 1_000_000)
    world.commit()
    world.finalize_all()
    world.rollup.eval(f"credit.credit_wei[{forwarder.address}] = {ETHER}")
    call = world.rollup.withdraw_credit.prepare_calldata()
    with refused("credit: the sender refused the payment"):
        forwarder.forward(world.rollup.address, call)
    assert world.rollup.credit_wei(forwarder.address) == ETHER
    forwarder.set_wants_ether(True)
    forwarder.forward(world.rollup.address, call)
    assert boa.env.get_balance(forwarder.address) == ETHER


@pytest.mark.rule("08-R16")
def test_the_proposer_gets_the_prepayments_that_his_batch_consumed(world: World) -> None:
    account = world.register("trader")
    fee_wei = VAULT["word_fee_wei"]
    world.deposit("trader", account, 1_000_000)
    world.set_key("trader", account, 0, 1, 0, 5, 6)
    world.wait(60)
    world.commit("sequencer", world.draft(inbox_count=1))
    world.wait(world.rollup_parameters["silence_s"])
    world.commit("proposer", world.draft(inbox_count=1))
    assert world.vault.credit_wei(world["proposer"]) == 0
    world.finalize_all()
    assert world.vault.credit_wei(world["sequencer"]) == fee_wei
    assert world.vault.credit_wei(world["proposer"]) == 3 * fee_wei
    before_wei = boa.env.get_balance(world["proposer"])
    world.vault.withdraw_credit(sender=world["proposer"])
    assert boa.env.get_balance(world["proposer"]) == before_wei + 3 * fee_wei


@pytest.mark.rule("08-R10")
def test_a_withdrawal_is_paid_once_to_its_owner_by_anyone(world: World) -> None:
    fund(world, 5_000_000)
    outbox = ((to_number(world["trader"]), 2_000_000), (to_number(world["challenger"]), 1_000_000))
    world.commit(outbox=outbox)
    with refused("rollup: batch is not final"):
        world.claim(1, outbox, 0)
    world.finalize_all()
    before = world.token.balanceOf(world["trader"]), world.token.balanceOf(world["thief"])
    assert not world.rollup.is_claimed(1, 0)
    world.claim(1, outbox, 0, name="thief")
    event = world.get_event(world.rollup, "Paid")
    assert (event.owner, event.amount_micros) == (world["trader"], 2_000_000)
    event = world.get_event(world.rollup, "WithdrawalPaid")
    assert (event.number, event.index, event.owner) == (1, 0, world["trader"])
    assert event.amount_micros == 2_000_000
    after = world.token.balanceOf(world["trader"]), world.token.balanceOf(world["thief"])
    assert after == (before[0] + 2_000_000, before[1])
    assert world.rollup.is_claimed(1, 0)
    assert not world.rollup.is_claimed(1, 1)
    for name in ("trader", "thief"):
        with refused("outbox: withdrawal is paid already"):
            world.claim(1, outbox, 0, name=name)
    world.claim(1, outbox, 1)
    assert world.vault.paid_micros() == 3_000_000
    assert world.vault.held_micros() == world.token.balanceOf(world.vault.address) == 2_000_000


@pytest.mark.rule("08-R10")
@pytest.mark.parametrize("count", [1, 2, 3, 5, 128, 129, 255, 256])
def test_every_withdrawal_of_an_outbox_can_be_claimed(world: World, count: int) -> None:
    fund(world, 10_000_000)
    outbox = make_outbox(count)
    world.commit(outbox=outbox)
    assert bytes(world.get_head().outbox_root) == compute_root(outbox)
    world.finalize_all()
    for index in sorted({0, 1, count // 2, count - 2, count - 1} & set(range(count)), reverse=True):
        world.claim(1, outbox, index)
        assert world.token.balanceOf(f"0x{outbox[index][0]:040x}") == outbox[index][1]
        with refused("outbox: withdrawal is paid already"):
            world.claim(1, outbox, index)


@pytest.mark.rule("08-R10")
def test_the_thief_has_no_proof(world: World) -> None:
    fund(world, 5_000_000)
    outbox = make_outbox(5)
    world.commit(outbox=outbox)
    world.commit()
    world.finalize_all()
    claim = world.rollup.claim
    owner, amount = f"0x{outbox[1][0]:040x}", outbox[1][1]
    proof = compute_proof(outbox, 1)
    attempts: list[tuple[str, Any]] = [
        ("outbox: proof does not fit", (1, 1, world["thief"], amount, proof)),
        ("outbox: proof does not fit", (1, 1, owner, amount + 1, proof)),
        ("outbox: proof does not fit", (1, 0, owner, amount, proof)),
        ("outbox: proof does not fit", (1, 1, owner, amount, proof[::-1])),
        ("outbox: proof does not fit", (1, 1, owner, amount + 2**56, proof)),
        ("outbox: proof does not fit", (1, 1, owner, 2**256 - 1, proof)),
        ("outbox: proof has a wrong length", (1, 1, owner, amount, proof[:-1])),
        ("outbox: proof has a wrong length", (1, 1, owner, amount, [*proof, bytes(32)])),
        ("outbox: proof has a wrong length", (1, 1, owner, amount, [])),
        ("outbox: batch has no such withdrawal", (1, 5, owner, amount, proof)),
        ("outbox: batch has no such withdrawal", (1, 2**256 - 1, owner, amount, proof)),
        ("outbox: batch has no such withdrawal", (2, 1, owner, amount, proof)),
        ("outbox: batch has no such withdrawal", (0, 0, owner, amount, [])),
        ("rollup: batch is not final", (3, 1, owner, amount, proof)),
    ]
    for reason, arguments in attempts:
        with refused(reason):
            claim(*arguments, sender=world["thief"])
    assert world.vault.paid_micros() == 0
    claim(1, 1, owner, amount, proof)


@pytest.mark.rule("08-R10")
def test_a_node_of_the_tree_is_no_withdrawal(world: World) -> None:
    """Levels follow from the count, so a proof that ends at an inner node is too short."""
    fund(world, 5_000_000)
    outbox = make_outbox(4)
    world.commit(outbox=outbox)
    world.finalize_all()
    inner = compute_proof(outbox, 0)[1]
    owner, amount = "0x" + inner[5:25].hex(), int.from_bytes(inner[25:], "big")
    with refused("outbox: proof has a wrong length"):
        world.rollup.claim(1, 1, owner, amount, [compute_proof(outbox, 2)[1]])


@pytest.mark.rule("08-R18")
def test_no_batch_can_touch_a_deposit_that_waits(world: World) -> None:
    """A lie that became final by silence pays no more than was deposited by what final batches consumed."""
    fund(world, 5_000_000)
    thief = to_number(world["thief"])
    outbox = ((thief, 5_000_001), (thief, 5_000_000), (thief, 1))
    world.commit(outbox=outbox, inbox_count=1)
    world.deposit("trader", 16, 50_000_000)
    world.finalize_all()
    with refused("vault: more than was deposited"):
        world.claim(1, outbox, 0, name="thief")
    world.claim(1, outbox, 1, name="thief")
    with refused("vault: more than was deposited"):
        world.claim(1, outbox, 2, name="thief")
    assert world.vault.held_micros() == world.token.balanceOf(world.vault.address) == 50_000_000
    world.commit(inbox_count=1)
    world.finalize_all()
    world.claim(1, outbox, 2, name="thief")


@pytest.mark.rule("08-R12")
def test_a_frozen_rollup_still_finishes_and_pays(world: World) -> None:
    fund(world, 5_000_000)
    outbox = ((to_number(world["trader"]), 2_000_000),)
    world.commit()
    world.deposit("trader", 16, 3_000_000)
    world.wait(world.rollup_parameters["freeze_s"] - DAY_S)
    world.commit(inbox_count=0, outbox=outbox)
    world.wait(DAY_S)
    world.rollup.freeze(sender=world["trader"])
    world.vault.reclaim(1)
    with refused("rollup: frozen"):
        world.commit()
    assert world.finalize_all() == 2
    world.claim(2, outbox, 0)
    assert world.vault.held_micros() == world.token.balanceOf(world.vault.address) == 3_000_000
    assert world.rollup.credit_wei(world["sequencer"]) == 2 * world.rollup_parameters["bond_wei"]
