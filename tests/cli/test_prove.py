"""`miletus prove` and `miletus exit` from L1's data alone: the real program, a real chain, real proofs."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from miletus.prover import Prover
from miletus.settlement.anvil import Anvil
from miletus.settlement.court import Court
from miletus.settlement.keys import NO_KEYS, VerifyingKeys, export_keys
from miletus.settlement.l1 import HYBRID, OPTIMISTIC
from tests.settlement.fixture_prover import get_fixture_keys
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


class Stage:
    """A deployment with some batches, and the command on it."""

    def __init__(self, anvil: Anvil, path: Path, keys: VerifyingKeys, policy: int = OPTIMISTIC) -> None:
        self.world: World = deploy_world(anvil.connect(timeout_seconds=20.0), anvil.control(), keys, policy)
        self.alice = Trader.join(self.world)
        self.world.pass_time(REORG_AGE_S)
        self.sequencer = SmallSequencer(self.world)
        self.path = path
        GENESIS.save(path / "genesis.json")
        wallet = self.world.make_wallet()
        self.payee = wallet.address
        (path / "wallet").write_text(bytes(wallet.key).hex())

    def build(self, command: str, arguments: tuple[str, ...], *, named: bool) -> list[str]:
        """The command's line."""
        where = ["--rollup", self.world.rollup.address, "--genesis", str(self.path / "genesis.json")]
        return [
            *(sys.executable, "-m", "miletus.cli", command),
            *("--rpc", self.world.node.rpc.url, *(where if named else ())),
            *("--wallet", str(self.path / "wallet"), "--folder", str(self.path / "folder"), "--moved-time"),
            *arguments,
        ]

    def run(
        self, *arguments: str, named: bool = True, command: str = "prove"
    ) -> subprocess.CompletedProcess[str]:
        """The command in a process of its own."""
        return subprocess.run(
            self.build(command, arguments, named=named),
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "COLUMNS": "200"},
        )

    def start(self, *arguments: str, command: str) -> subprocess.Popen[str]:
        """The command in a process that goes on."""
        return subprocess.Popen(
            self.build(command, arguments, named=True),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "COLUMNS": "200"},
        )


@pytest.fixture(scope="module")
def anvil() -> Iterator[Anvil]:
    with Anvil() as process:
        yield process


@pytest.fixture(scope="module")
def keyless(anvil: Anvil, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage(anvil, tmp_path_factory.mktemp("keyless"), NO_KEYS)


@pytest.mark.parametrize(
    ("arguments", "named", "line"),
    [
        ((), False, "with --rpc give --rollup and --genesis too"),
        ((), True, "this deployment has no key of edges of size 'small'"),
        (("--size", "giant"), True, "no key of edges of size 'giant'"),
        (("0",), True, "greater than or equal to 1"),
    ],
)
def test_what_can_not_be_proved_is_told_in_one_line(
    keyless: Stage, arguments: tuple[str, ...], named: bool, line: str
) -> None:
    done = keyless.run(*arguments, named=named)
    assert done.returncode != 0
    assert line in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stdout == ""


@pytest.mark.long
@pytest.mark.rule("08-R27", "08-R28")
def test_a_batch_and_a_lie_are_proved_by_the_command(
    anvil: Anvil, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with Prover(setup=True, niceness=5) as prover:
        keys = export_keys(prover, ["small"])
    stage = Stage(anvil, tmp_path_factory.mktemp("proved"), keys)
    stage.sequencer.close([stage.alice.transfer(17, 5 * USDC)])
    stage.sequencer.close([stage.alice.transfer(17, 6 * USDC)])
    lie(stage.sequencer, 2, change_segment(1, root=bytes(31) + b"\x07"))
    post(stage.world, stage.sequencer)
    first = stage.run("--json")
    assert first.returncode == 0, first.stderr
    (verdict,) = json.loads(first.stdout)
    assert (verdict["number"], verdict["final"], verdict["removed"]) == (1, True, False)
    assert verdict["peak_bytes"] > 100 << 20
    dry = stage.run("2", "--dry-run")
    assert "batch 2 is wrong" in dry.stdout
    assert stage.world.rollup.get_head_number() == 2
    second = stage.run("--all")
    assert second.returncode == 0, second.stderr
    assert "batch 2 is removed" in second.stdout
    assert "peak memory" in second.stdout
    assert stage.world.rollup.get_head_number() == stage.world.rollup.get_final_number() == 1
    third = stage.run()
    assert third.returncode == 1
    assert "no batch is pending that is not proved" in third.stderr


@pytest.mark.parametrize(
    ("command", "arguments", "line"),
    [
        ("challenge", (), "this deployment has no key of edges of size 'small'"),
        ("challenge", ("--prove", "some"), "give one of nothing, bounties, all"),
        ("challenge", ("--least-bounty", "much"), "amount of ETH 'much' is no number"),
        ("challenge", ("--least-bounty", "0.0000000001"), "multiple of"),
        ("bounty", ("1", "0.05"), "there is no batch 1 on L1, the last one is 0"),
        ("bounty", ("1", "0"), "it must be positive"),
        ("bounty", ("0", "1"), "greater than or equal to 1"),
    ],
)
def test_what_can_not_be_challenged_or_paid_for_is_told_in_one_line(
    keyless: Stage, command: str, arguments: tuple[str, ...], line: str
) -> None:
    done = keyless.run(*arguments, command=command)
    assert done.returncode != 0
    assert line in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stdout == ""


@pytest.fixture(scope="module")
def hybrid(anvil: Anvil, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """A deployment with bounties, of circuits that say nothing, and one batch."""
    stage = Stage(anvil, tmp_path_factory.mktemp("hybrid"), get_fixture_keys(), HYBRID)
    stage.sequencer.close([stage.alice.transfer(17, 5 * USDC)])
    post(stage.world, stage.sequencer)
    return stage


@pytest.mark.rule("08-R30")
def test_a_bounty_is_offered_by_the_command(hybrid: Stage) -> None:
    first = hybrid.run("1", "0.05", "--json", command="bounty")
    assert first.returncode == 0, first.stderr
    told = json.loads(first.stdout)
    assert (told["batch"], told["amount_wei"], told["total_wei"]) == (1, 5 * 10**16, 5 * 10**16)
    second = hybrid.run("1", "0.25", command="bounty")
    assert "0.25 ETH offered for batch 1 (0.3 ETH in all)" in second.stdout
    court = Court(hybrid.world.node, hybrid.world.rollup.court)
    assert court.get_bounty(hybrid.world.rollup.get_batch(1).id).amount_wei == 3 * 10**17


def test_a_challenger_has_nothing_to_do_where_all_is_right(hybrid: Stage) -> None:
    done = hybrid.run("--once", "--json", command="challenge")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout.splitlines()[-1])
    assert (report["batches_verified"], report["removed"], report["problem"]) == (1, [], "")


def test_a_challenger_stops_at_once(hybrid: Stage) -> None:
    process = hybrid.start("--json", "--poll-seconds", "0.1", command="challenge")
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["batches_verified"] == 1
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "")


def test_nobody_leaves_a_rollup_that_runs(keyless: Stage) -> None:
    done = keyless.run(command="exit")
    assert done.returncode == 1
    assert "the rollup is not frozen and can't be now" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.long
@pytest.mark.rule("08-R32", "08-R33", "08-R12", "08-R18")
def test_accounts_leave_a_frozen_rollup_by_the_command(
    anvil: Anvil, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Nothing runs but L1. Somebody else proves; owners are paid, once, and what they have to the micro."""
    with Prover(setup=True, niceness=5) as prover:
        keys = export_keys(prover, [], ("exit", "silence"))
    stage = Stage(anvil, tmp_path_factory.mktemp("frozen"), keys)
    world, alice = stage.world, stage.alice
    bob = Trader.join(world, 50 * USDC)
    world.pass_time(REORG_AGE_S)
    stage.sequencer.close([alice.transfer(bob.account, 30 * USDC + 1)], [alice.withdraw(7 * USDC)])
    post(world, stage.sequencer)
    alice.deposit("that nobody consumes", 3 * USDC)
    world.pass_time(500_001)
    first = stage.run(str(alice.account), command="exit")
    assert first.returncode == 0, first.stderr
    assert "claimed, $962.99 owed" in first.stdout
    assert world.rollup.get_frozen_at()
    assert world.rollup.get_final_number() == 1
    second = stage.run(str(bob.account), "--json", command="exit")
    (departure,) = json.loads(second.stdout)
    assert (departure["worth_micros"], departure["paid"]) == (80 * USDC + 1, False)
    nobody = stage.run("400", command="exit")
    assert "account 400 has no owner" in nobody.stderr
    world.pass_time(30 * 86_400)
    before = {one.wallet.address: world.token.get_balance(one.wallet.address) for one in (alice, bob)}
    last = stage.run(str(alice.account), str(bob.account), "--json", command="exit")
    assert last.returncode == 0, last.stderr
    assert [(one["paid"], one["proofs"]) for one in json.loads(last.stdout)] == [(True, 0), (True, 0)]
    gained = {owner: world.token.get_balance(owner) - had for owner, had in before.items()}
    owed = {alice.wallet.address: 963 * USDC - 1, bob.wallet.address: 80 * USDC + 1}
    assert gained == owed
    again = stage.run(str(alice.account), command="exit")
    assert again.returncode == 0, again.stderr
    assert (
        world.token.get_balance(alice.wallet.address)
        == before[alice.wallet.address] + owed[alice.wallet.address]
    )
