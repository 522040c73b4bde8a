"""Accounts, deposits, and the ways in which tokens leave the vault."""

from typing import Any

import boa
import pytest

from tests.contracts.reference import make_forced_word
from tests.contracts.world import SOURCES, VAULT, World, get_deployer, refused, to_number

HONEST, KEEPS_FEE, MOVES_NOTHING, SAYS_NO, CALLS_BACK = 1, 2, 4, 8, 16


@pytest.fixture
def odd() -> Any:
    """A world whose token can be told to misbehave."""
    with boa.env.anchor():
        yield World(token=get_deployer(SOURCES / "OddToken.vy").deploy(6))


def prepare_withdrawal(world: World) -> tuple[tuple[int, int], ...]:
    """Account 16 deposits 5, and a final batch lets 2 of them out."""
    account = world.register("trader")
    world.deposit("trader", account, 5_000_000)
    outbox = ((to_number(world["trader"]), 2_000_000),)
    world.wait(60)
    world.commit(outbox=outbox)
    world.finalize_all()
    return outbox


@pytest.mark.rule("08-R14")
def test_accounts_are_numbered_from_16_without_gaps(world: World) -> None:
    people = ("trader", "thief", "trader", "challenger")
    for account, name in enumerate(people, 16):
        assert world.register(name) == account
        event = world.get_event(world.vault, "AccountRegistered")
        assert (event.account, event.owner) == (account, world[name])
    assert [world.vault.owner_of(account) for account in range(15, 21)] == [
        "0x0000000000000000000000000000000000000000",
        *(world[name] for name in people),
        "0x0000000000000000000000000000000000000000",
    ]
    assert world.vault.account_count() == 4


@pytest.mark.rule("08-R14")
def test_an_account_has_its_price_which_nobody_gets(world: World) -> None:
    price_wei = VAULT["account_fee_wei"]
    for value_wei in (0, price_wei - 1, price_wei + 1):
        with refused("accounts: value is not the price of an account"):
            world.vault.register(sender=world["thief"], value=value_wei)
    world.register("trader")
    assert boa.env.get_balance(world.vault.address) == price_wei
    for name in world.people:
        assert world.vault.credit_wei(world[name]) == 0


@pytest.mark.rule("08-R14")
def test_there_are_as_many_accounts_as_the_state_has_room_for(world: World) -> None:
    world.vault.eval(f"accounts.account_count = {262_144 - 17}")
    assert world.register("trader") == 262_143
    with refused("accounts: no number is left"):
        world.register("trader")


@pytest.mark.rule("08-R11")
def test_a_deposit_moves_tokens_and_makes_an_entry(world: World) -> None:
    account = world.register("trader")
    before = world.token.balanceOf(world["trader"])
    world.deposit("trader", account, 5_000_000)
    assert world.token.balanceOf(world["trader"]) == before - 5_000_000
    assert world.token.balanceOf(world.vault.address) == world.vault.held_micros() == 5_000_000


@pytest.mark.rule("08-R11")
def test_a_deposit_that_could_fail_in_the_machine_is_refused(world: World) -> None:
    account = world.register("trader")
    least, most = VAULT["min_deposit_micros"], VAULT["max_deposit_micros"]
    for amount in (0, 1, least - 1):
        with refused("vault: deposit is below the least"):
            world.deposit("trader", account, amount)
    for amount in (most + 1, 2**56, 2**256 - 1):
        with refused("vault: deposit is above the most"):
            world.deposit("trader", account, amount)
    fee_wei = VAULT["word_fee_wei"]
    for nobody in (0, 1, 15, account + 1, 2**24, 2**256 - 1):
        with refused("accounts: no such account"):
            world.vault.deposit(nobody, world["trader"], least, sender=world["trader"], value=fee_wei)
    world.deposit("trader", account, least)
    world.deposit("trader", account, most)
    assert world.vault.entry_count() == 2


@pytest.mark.rule("08-R11")
def test_a_deposit_names_the_owner(world: World) -> None:
    """Numbers dealt anew by a reorganisation send nobody's money to a stranger."""
    account = world.register("thief")
    fee_wei = VAULT["word_fee_wei"]
    with refused("accounts: account has another owner"):
        world.vault.deposit(account, world["trader"], 1_000_000, sender=world["trader"], value=fee_wei)


@pytest.mark.rule("08-R11")
def test_the_vault_holds_at_most_2_to_the_52() -> None:
    with boa.env.anchor():
        world = World(vault={"max_deposit_micros": 2**52})
        account = world.register("trader")
        world.deposit("trader", account, 2**52 - 1_000_000)
        with refused("custody: vault is full"):
            world.deposit("trader", account, 1_000_001)
        world.deposit("trader", account, 1_000_000)
        assert world.vault.held_micros() == 2**52


@pytest.mark.rule("08-R11")
def test_tokens_that_cannot_be_moved_make_no_entry(world: World) -> None:
    account = world.register("trader")
    world.token.approve(world.vault.address, 0, sender=world["trader"])
    with refused("token: allowance is too small"):
        world.deposit("trader", account, 1_000_000)
    assert (world.vault.entry_count(), world.vault.held_micros()) == (0, 0)


@pytest.mark.rule("08-R11")
@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        (KEEPS_FEE, "custody: token moved another amount"),
        (MOVES_NOTHING, "custody: token moved another amount"),
        (SAYS_NO, "custody: token refused the transfer"),
    ],
)
def test_a_token_that_misbehaves_makes_no_deposit(odd: World, mode: int, reason: str) -> None:
    account = odd.register("trader")
    odd.token.set_mode(mode)
    with refused(reason):
        odd.deposit("trader", account, 5_000_000)
    assert (odd.vault.entry_count(), odd.vault.held_micros()) == (0, 0)


@pytest.mark.rule("08-R10")
@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        (MOVES_NOTHING, "custody: token moved another amount"),
        (SAYS_NO, "custody: token refused the transfer"),
    ],
)
def test_a_withdrawal_that_the_token_does_not_pay_stays_owed(odd: World, mode: int, reason: str) -> None:
    outbox = prepare_withdrawal(odd)
    odd.token.set_mode(mode)
    with refused(reason):
        odd.claim(1, outbox, 0)
    assert not odd.rollup.is_claimed(1, 0)
    assert (odd.vault.held_micros(), odd.vault.paid_micros()) == (5_000_000, 0)
    odd.token.set_mode(HONEST)
    odd.claim(1, outbox, 0)
    assert (odd.vault.held_micros(), odd.vault.paid_micros()) == (3_000_000, 2_000_000)


@pytest.mark.rule("08-R10")
def test_a_fee_that_the_token_begins_to_keep_locks_nobody_in(odd: World) -> None:
    """The vault's own balance falls by the amount; what the receiver gets is between him and the token."""
    outbox = prepare_withdrawal(odd)
    odd.token.set_mode(KEEPS_FEE)
    odd.claim(1, outbox, 0)
    assert odd.token.balanceOf(odd.vault.address) == odd.vault.held_micros() == 3_000_000


@pytest.mark.rule("08-R10", "08-R11")
@pytest.mark.parametrize("function", ["deposit", "force", "set_key", "register", "withdraw_credit", "claim"])
def test_a_token_that_calls_back_finds_the_door_locked(odd: World, function: str) -> None:
    outbox = prepare_withdrawal(odd)
    contract = odd.rollup if function == "claim" else odd.vault
    arguments: dict[str, tuple[Any, ...]] = {
        "deposit": (16, odd["trader"], 1_000_000),
        "force": (make_forced_word(0x13, 16),),
        "set_key": (16, 0, 1, 0, 5, 6),
        "claim": (1, 0, odd["trader"], 2_000_000, []),
    }
    odd.token.set_call(
        contract.address, getattr(contract, function).prepare_calldata(*arguments.get(function, ()))
    )
    odd.token.set_mode(CALLS_BACK)
    locked = "no reason: 0x"  # the lock is the compiler's; every check of ours would have given a reason
    if function != "claim":
        with refused(locked):
            odd.deposit("trader", 16, 1_000_000)
    with refused(locked):
        odd.claim(1, outbox, 0)
    odd.token.set_mode(HONEST)
    assert (odd.vault.entry_count(), odd.vault.held_micros()) == (1, 5_000_000)
    odd.claim(1, outbox, 0)
    assert odd.vault.held_micros() == 3_000_000


@pytest.mark.rule("08-R11")
def test_a_token_that_returns_nothing_is_taken_at_its_word() -> None:
    with boa.env.anchor():
        world = World(token=get_deployer(SOURCES / "SilentToken.vy").deploy())
        account = world.register("trader")
        world.deposit("trader", account, 5_000_000)
        outbox = ((to_number(world["trader"]), 5_000_000),)
        world.wait(60)
        world.commit(outbox=outbox)
        world.finalize_all()
        before = world.token.balanceOf(world["trader"])
        world.claim(1, outbox, 0)
        assert world.token.balanceOf(world["trader"]) == before + 5_000_000


@pytest.mark.rule("08-R18")
def test_only_the_rollup_pays_and_rewards(world: World) -> None:
    account = world.register("trader")
    world.deposit("trader", account, 5_000_000)
    for name in (*world.people, None):
        sender = world[name] if name else world.deployer
        with refused("vault: sender is not the rollup"):
            world.vault.pay(sender, 1, 1, sender=sender)
        with refused("vault: sender is not the rollup"):
            world.vault.reward(sender, 0, 1, sender=sender)


@pytest.mark.rule("08-R19")
def test_eth_that_nobody_asked_for_is_refused(world: World) -> None:
    for contract in (world.rollup, world.vault):
        for data in (b"", b"\x01\x02\x03\x04"):
            assert boa.env.execute_code(contract.address, sender=world["thief"], value=1, data=data).is_error


@pytest.mark.rule("08-R12", "08-R18")
def test_a_frozen_rollup_gives_unconsumed_entries_back(world: World) -> None:
    account = world.register("trader")
    world.deposit("trader", account, 5_000_000)
    world.wait(60)
    world.commit()
    fee_wei = VAULT["word_fee_wei"]
    world.deposit("thief", account, 7_000_000)
    world.set_key("trader", account, 0, 1, 0, 5, 6)
    with refused("vault: rollup is not frozen"):
        world.vault.reclaim(1)
    world.wait(world.rollup_parameters["freeze_s"])
    world.rollup.freeze(sender=world["challenger"])

    before = world.token.balanceOf(world["trader"])
    with refused("vault: a batch consumed the entry"):
        world.vault.reclaim(0)
    with refused("inbox: no such entry"):
        world.vault.reclaim(3)
    for entry, amount in ((1, 7_000_000), (2, 0)):
        world.vault.reclaim(entry, sender=world["thief"])
        event = world.get_event(world.vault, "Reclaimed")
        assert (event.entry, event.owner, event.amount_micros) == (entry, world["trader"], amount)
    for entry in (1, 2):
        assert world.vault.is_reclaimed(entry)
        with refused("vault: entry is given back already"):
            world.vault.reclaim(entry)
    assert world.token.balanceOf(world["trader"]) == before + 7_000_000
    assert world.vault.credit_wei(world["trader"]) == 4 * fee_wei
    assert world.vault.held_micros() == world.token.balanceOf(world.vault.address) == 5_000_000


@pytest.mark.rule("08-R12")
def test_nothing_enters_a_frozen_vault(world: World) -> None:
    account = world.register("trader")
    world.deposit("trader", account, 5_000_000)
    world.wait(world.rollup_parameters["freeze_s"])
    world.rollup.freeze()
    with refused("vault: rollup is frozen"):
        world.register("trader")
    with refused("vault: rollup is frozen"):
        world.deposit("trader", account, 5_000_000)
    with refused("vault: rollup is frozen"):
        world.force("trader", make_forced_word(0x13, account))
    with refused("vault: rollup is frozen"):
        world.set_key("trader", account, 0, 1, 0, 5, 6)
