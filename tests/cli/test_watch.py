"""`miletus watchtower` as a person starts it: against honest batches, a lie, and what is no rollup."""

import json
import signal
import subprocess
from pathlib import Path

import pytest

from tests.cli.running import COMMAND, run
from tests.settlement.support import change_segment, lie, post
from tests.settlement.world import SmallSequencer, Trader, World


def get_arguments(world: World, genesis_path: Path) -> list[str]:
    rpc, rollup = world.node.rpc.url, world.deployment.rollup
    return ["watchtower", "--rpc", rpc, "--rollup", rollup, "--genesis", str(genesis_path), "--moved-time"]


@pytest.mark.rule("09-R07")
def test_honest_batches_are_agreed_with(
    world: World,
    alice: Trader,
    sequencer: SmallSequencer,
    genesis_path: Path,
    tmp_path: Path,
) -> None:
    arguments = get_arguments(world, genesis_path)
    done = run(*arguments, "--once")
    assert done.status == 0, done.err
    assert done.out.startswith("0 of 0 batches re-executed")
    sequencer.close([alice.withdraw(5)])
    sequencer.close([alice.withdraw(7)])
    post(world, sequencer)
    done = run(*arguments, "--once", "--json", "--report", str(tmp_path / "report.json"))
    assert done.status == 0, done.err
    reports = [json.loads(line) for line in done.out.splitlines()]
    assert [report["batches_verified"] for report in reports] == [1, 2]
    assert reports[-1]["roots_agreed"] is True
    assert reports[-1]["put_out_micros"] == 12
    assert json.loads((tmp_path / "report.json").read_text()) == reports[-1]
    told = run(*arguments, "--once")
    assert told.out.splitlines()[-1].startswith("2 of 2 batches re-executed, every root agrees (0 final)")


@pytest.mark.rule("09-R07")
def test_a_lie_is_named_and_is_the_exit_status(
    world: World,
    alice: Trader,
    sequencer: SmallSequencer,
    genesis_path: Path,
) -> None:
    sequencer.close([alice.withdraw(5)])
    post(world, sequencer)
    sequencer.close([alice.withdraw(7)])
    lie(sequencer, 2, change_segment(1, root=b"\x07" + bytes(31)))
    post(world, sequencer)
    done = run(*get_arguments(world, genesis_path), "--once")
    assert done.status == 1
    assert done.err == "miletus: do not build on this rollup: see above\n"
    alarm = done.out.splitlines()[-1]
    assert alarm.startswith("ALARM ")
    assert "batch 2" in alarm
    assert "root" in alarm


def test_it_watches_until_it_is_stopped(
    world: World,
    alice: Trader,
    sequencer: SmallSequencer,
    genesis_path: Path,
) -> None:
    process = subprocess.Popen(
        [*COMMAND, *get_arguments(world, genesis_path), "--json", "--poll-seconds", "0.1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["batches"] == 0
    sequencer.close([alice.withdraw(5)])
    post(world, sequencer)
    while json.loads(process.stdout.readline())["batches_verified"] != 1:
        pass
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "")


def test_what_is_no_rollup_is_one_line(world: World, genesis_path: Path, tmp_path: Path) -> None:
    rpc, rollup = world.node.rpc.url, world.deployment.rollup
    (tmp_path / "torn.json").write_text("{")
    other = tmp_path / "other.json"
    text = json.loads(genesis_path.read_text())
    for one, two, three, message in (
        ("http://127.0.0.1:9", rollup, genesis_path, "check that the node runs"),
        ("8545", rollup, genesis_path, "HTTP JSON-RPC address"),
        (rpc, "0x12", genesis_path, "40 hex digits"),
        (rpc, "0x" + "11" * 20, genesis_path, "holds no contract"),
        (rpc, world.deployment.token, genesis_path, ""),
        (rpc, rollup, tmp_path / "torn.json", "is no genesis file"),
        (rpc, rollup, tmp_path / "absent.json", "absent.json"),
        (rpc, rollup, other, "fetch the deployment's file again"),
    ):
        other.write_text(json.dumps(text | {"threshold": 1}))
        done = run("watchtower", "--rpc", one, "--rollup", two, "--genesis", str(three), "--once")
        assert (done.status, done.err.count("\n")) == (1, 1), done.err
        assert message in done.err
