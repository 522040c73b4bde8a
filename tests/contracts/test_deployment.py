"""What can be deployed, and that nothing can be changed afterwards."""

from typing import Any

import boa
import cbor2
import pytest
from vyper.compiler.output import build_abi_output

from tests.contracts.proving import NO_TIP, Prover
from tests.contracts.reference import FIELD
from tests.contracts.world import (
    CONTRACTS,
    DAY_S,
    DOMAIN,
    EXIT,
    NOBODY,
    ROLLUP,
    SOURCES,
    VAULT,
    World,
    deploy_verifier,
    get_deployer,
    refused,
)

DEPLOYED = ("Rollup", "Vault", "Court", "Exit", "Verifier")
YEARS_S = 10 * 365 * 86_400


@pytest.mark.rule("08-R19")
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"sequencer": NOBODY}, "terms: sequencer is not named"),
        ({"genesis_root": FIELD.to_bytes(32, "big")}, "terms: genesis root is not a field element"),
        ({"policy": 3}, "terms: no such policy"),
        ({"policy": 1}, "statements: policy needs keys"),
        ({"policy": 2}, "statements: policy needs keys"),
        ({"bond_wei": 0}, "terms: bond is zero"),
        ({"bond_wei": 2**96}, "terms: bond is above 2^96"),
        ({"grace_s": 0}, "terms: grace is zero"),
        ({"grace_s": YEARS_S + 1}, "terms: period is longer than 10 years"),
        ({"window_s": 0}, "terms: window or silence is zero"),
        ({"silence_s": 0}, "terms: window or silence is zero"),
        ({"reorg_age_s": 7_200}, "terms: deadline is not above the reorganisation age"),
        ({"deadline_s": ROLLUP["freeze_s"]}, "terms: freeze is not above the deadline"),
        ({"window_s": YEARS_S + 1}, "terms: period is longer than 10 years"),
        ({"silence_s": 2**256 - 1}, "terms: period is longer than 10 years"),
        ({"freeze_s": YEARS_S + 1}, "terms: period is longer than 10 years"),
        ({"max_delay_s": YEARS_S + 1}, "terms: period is longer than 10 years"),
    ],
)
def test_a_rollup_that_could_not_work_is_refused(changes: dict[str, Any], reason: str) -> None:
    with boa.env.anchor(), refused(reason):
        World(rollup=changes)


@pytest.mark.rule("08-R19")
def test_the_widest_parameters_work() -> None:
    periods = dict.fromkeys(("window_s", "silence_s", "max_delay_s", "freeze_s", "grace_s"), YEARS_S)
    tight = {"deadline_s": YEARS_S - 1, "reorg_age_s": YEARS_S - 2}
    with boa.env.anchor():
        World(rollup={"bond_wei": 1} | periods | tight).commit()
        World(vault={"min_deposit_micros": 1, "max_deposit_micros": 2**52, "words_per_block": 25})
        World(vault={"min_deposit_micros": 2**52, "max_deposit_micros": 2**52})


@pytest.mark.rule("08-R19")
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"min_deposit_micros": 0}, "vault: least deposit is zero"),
        ({"max_deposit_micros": 999_999}, "vault: most deposit is below the least"),
        ({"max_deposit_micros": 2**52 + 1}, "vault: most deposit is above 2^52"),
        ({"words_per_block": 24}, "inbox: words_per_block is below 25"),
        ({"words_per_block": 257}, "inbox: words_per_block is above 256"),
    ],
)
def test_a_vault_that_could_not_work_is_refused(changes: dict[str, int], reason: str) -> None:
    with boa.env.anchor(), refused(reason):
        World(vault=changes)


@pytest.mark.rule("08-R19")
def test_the_contracts_name_each_other(world: World) -> None:
    vault, rollup = get_deployer(CONTRACTS / "Vault.vy"), get_deployer(CONTRACTS / "Rollup.vy")
    parameters = tuple(world.rollup_parameters.values())
    others = (world.court.address, world.exit.address)
    with refused("rollup: vault names another rollup"):
        rollup.deploy(world.vault.address, *others, parameters)
    for named in ((NOBODY, others[1]), (others[0], NOBODY)):
        with refused("rollup: court or exit is not named"):
            rollup.deploy(world.vault.address, *named, parameters, override_address=world.rollup.address)
    with refused("court: rollup names another court"):
        get_deployer(CONTRACTS / "Court.vy").deploy(world.rollup.address, DOMAIN, [], NOBODY)
    with refused("exit: rollup names another exit"):
        get_deployer(CONTRACTS / "Exit.vy").deploy(world.rollup.address, NOBODY, NOBODY, 1, 1)
    with refused("vault: rollup is not named"):
        vault.deploy(NOBODY, world.token.address, tuple(VAULT.values()))


@pytest.mark.rule("08-R11")
def test_the_token_has_six_decimals(world: World) -> None:
    vault = get_deployer(CONTRACTS / "Vault.vy")
    with refused("custody: token has no code"):
        vault.deploy(world.rollup.address, world["thief"], tuple(VAULT.values()))
    other = get_deployer(SOURCES / "OddToken.vy").deploy(18)
    with refused("custody: token does not have 6 decimals"):
        vault.deploy(world.rollup.address, other.address, tuple(VAULT.values()))


@pytest.mark.rule("08-R19")
def test_every_parameter_can_be_read(world: World) -> None:
    for name, value in world.rollup_parameters.items():
        assert getattr(world.rollup, name)() == value
    for name, value in world.vault_parameters.items():
        assert getattr(world.vault, name)() == value
    assert world.rollup.vault() == world.vault.address
    assert (world.vault.rollup(), world.vault.token()) == (world.rollup.address, world.token.address)


@pytest.mark.rule("08-R19")
def test_nobody_can_change_a_contract() -> None:
    """The functions that change anything are these, and what each may do is tested by name."""
    found = {name: get_changing_functions(name) for name in DEPLOYED}
    assert found["Rollup"] == {
        *("commit", "finalize", "expire", "claim", "freeze", "release", "withdraw_credit"),
        *("remove", "abandon", "freeze_silent"),
    }
    assert found["Vault"] == {
        *("register", "deposit", "set_key", "force", "force_tick", "reclaim", "withdraw_credit"),
        *("pay", "pay_exit", "reward"),
    }
    assert found["Court"] == {
        *("prove", "prove_outbox", "refute_outbox", "add_hash", "withdraw_credit", "fallback"),
        *("pay_reward", "offer_bounty", "settle_bounty", "pay_bounty", "return_bounty"),
    }
    assert found["Exit"] == {"open", "claim_account", "pay_account", "prove_silence"}
    assert found["Verifier"] == set()


@pytest.mark.rule("08-R19")
def test_what_one_contract_may_ask_of_another_nobody_else_may(world: World) -> None:
    for name, person in world.people.items():
        with refused("rollup: sender is not the court"):
            world.rollup.remove(1, sender=person)
        with refused("rollup: sender is not the court"):
            world.rollup.abandon(sender=person)
        with refused("rollup: sender is not the exit"):
            world.rollup.freeze_silent(sender=person)
        with refused("vault: sender is not the exit"):
            world.vault.pay_exit(person, 1, 1, sender=person)
        with refused("court: sender is not the rollup"):
            world.send(name, b"", 1, to=world.court)
    world.commit()
    world.finalize_all()
    for number in (0, 1):
        with refused("rollup: batch is final"):
            world.rollup.remove(number, sender=world.court.address)


def get_changing_functions(name: str) -> set[str]:
    abi = build_abi_output(get_deployer(CONTRACTS / f"{name}.vy").compiler_data)
    functions = [item for item in abi if item["type"] in ("function", "fallback", "receive")]
    return {item.get("name", item["type"]) for item in functions if item["stateMutability"] != "view"}


@pytest.mark.rule("08-R13")
def test_batches_stay_what_they_are_whatever_anyone_calls(world: World) -> None:
    world.deposit("trader", world.register("trader"), 5_000_000)
    world.wait(60)
    for _ in range(3):
        world.commit()
    before = [tuple(world.rollup.get_batch(number)) for number in range(4)]
    for name in world.people:
        for function in ("freeze", "withdraw_credit"):
            with pytest.raises(boa.BoaError):
                getattr(world.rollup, function)(sender=world[name])
    world.finalize_all()
    world.commit()
    assert [tuple(world.rollup.get_batch(number)) for number in range(4)] == before


@pytest.mark.rule("08-R19")
def test_no_contract_can_run_foreign_code_or_die() -> None:
    """Neither DELEGATECALL nor SELFDESTRUCT nor CREATE is among the instructions."""
    forbidden = {
        0xF0: "CREATE",
        0xF2: "CALLCODE",
        0xF4: "DELEGATECALL",
        0xF5: "CREATE2",
        0xFF: "SELFDESTRUCT",
    }
    for name in DEPLOYED:
        data = get_deployer(CONTRACTS / f"{name}.vy").compiler_data
        code = data.bytecode_runtime
        _, size, tables, *_ = cbor2.loads(data.bytecode[-int.from_bytes(data.bytecode[-2:]) : -2])
        assert size == len(code)
        code = code[: size - sum(tables)]
        assert not {forbidden[opcode] for opcode in read_opcodes(code) if opcode in forbidden}
    assert [op for op in read_opcodes(bytes.fromhex("60f45b61ffff5bf4")) if op in forbidden] == [0xF4]


def read_opcodes(code: bytes) -> list[int]:
    opcodes = []
    at = 0
    while at < len(code):
        opcodes.append(code[at])
        at += 1 + max(0, code[at] - 0x5F) if 0x5F <= code[at] <= 0x7F else 1
    return opcodes


# ---- court and exit


@pytest.mark.rule("08-R34")
def test_without_keys_nobody_can_leave(world: World) -> None:
    with refused("exit: no key of silence"):
        world.exit.prove_silence(NO_TIP, 1, 2**60, 0, (0,) * 12)
    with refused("exit: no key of exits"):
        world.exit.claim_account(16, world["trader"], 2**32 - 1, 2**63, (0,) * 12)


@pytest.mark.rule("08-R19")
def test_an_exit_that_could_not_work_is_refused(world: World) -> None:
    with boa.env.anchor():
        wrong = deploy_verifier(3)
        cases: list[tuple[str, tuple[object, ...]]] = [
            ("exit: period is zero", (NOBODY, NOBODY, 0, 1)),
            ("exit: period is zero", (NOBODY, NOBODY, 1, 0)),
            ("exit: period is longer than 10 years", (NOBODY, NOBODY, 3651 * DAY_S, 1)),
            ("exit: period is longer than 10 years", (NOBODY, NOBODY, 1, 3651 * DAY_S)),
            ("exit: key is not one of exits", (wrong, NOBODY, 1, 1)),
            ("exit: key is not one of silence", (NOBODY, wrong, 1, 1)),
        ]
        for reason, arguments in cases:
            with refused(reason):
                get_deployer(CONTRACTS / "Exit.vy").deploy(
                    world.rollup.address, *arguments, override_address=world.exit.address
                )
        longest = get_deployer(CONTRACTS / "Exit.vy").deploy(
            world.rollup.address, NOBODY, NOBODY, YEARS_S, YEARS_S, override_address=world.exit.address
        )
        assert (longest.claim_s(), longest.oracle_silence_s()) == (YEARS_S, YEARS_S)


@pytest.mark.rule("08-R19")
def test_a_court_that_could_not_work_is_refused(world: World) -> None:
    with boa.env.anchor():
        edge, outbox = deploy_verifier(10), deploy_verifier(4)
        cases: list[tuple[str, tuple[object, ...]]] = [
            ("statements: domain is not a field element", (FIELD, [edge], outbox)),
            ("statements: key is not one of edges", (5, [edge, outbox], outbox)),
            ("statements: key is not one of outboxes", (5, [edge], edge)),
            ("statements: outboxes have a key and edges have none", (5, [], outbox)),
        ]
        for reason, arguments in cases:
            with refused(reason):
                get_deployer(CONTRACTS / "Court.vy").deploy(
                    world.rollup.address, *arguments, override_address=world.court.address
                )
        court = get_deployer(CONTRACTS / "Court.vy").deploy(
            world.rollup.address, 5, [edge] * 8, outbox, override_address=world.court.address
        )
        assert (court.rollup(), court.domain()) == (world.rollup.address, 5)
        assert (court.edge_verifier(7), court.outbox_verifier()) == (edge, outbox)


@pytest.mark.rule("08-R19")
def test_court_and_exit_tell_what_they_were_made_with(proving: Prover) -> None:
    world = proving.world
    assert (world.rollup.court(), world.rollup.exit()) == (world.court.address, world.exit.address)
    assert (world.exit.rollup(), world.exit.vault()) == (world.rollup.address, world.vault.address)
    assert (world.exit.claim_s(), world.exit.oracle_silence_s()) == (
        EXIT["claim_s"],
        EXIT["oracle_silence_s"],
    )
    counts = [
        get_deployer(CONTRACTS / "Verifier.vy").at(address).input_count()
        for address in (
            *(world.court.edge_verifier(0), world.court.outbox_verifier()),
            *(world.exit.exit_verifier(), world.exit.silence_verifier()),
        )
    ]
    assert counts == [10, 4, 4, 2]
    assert world.court.edge_verifier(1) == NOBODY
