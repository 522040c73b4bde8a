"""The watchtower as a process: lines, report, status."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from miletus.settlement.values import to_hex
from miletus.settlement.watching import main
from tests.settlement.support import change_segment, close_many, lie, post
from tests.settlement.world import WINDOW_S, SmallSequencer, Trader, World, make_batcher


def run_watchtower(world: World, genesis: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [
        *(sys.executable, "-m", "miletus.settlement.watchtower"),
        *("--rpc", world.node.rpc.url, "--rollup", world.rollup.address, "--genesis", str(genesis)),
        *("--moved-time", "--poll-seconds", "0.1", *options),
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=os.environ)


def test_as_a_process(
    world: World, alice: Trader, sequencer: SmallSequencer, genesis_path: Path, tmp_path: Path
) -> None:
    close_many(world, alice, sequencer, 2)
    world.pass_time(WINDOW_S)
    batcher = make_batcher(world, sequencer)
    for _ in range(3):
        batcher.poll()
        world.control.mine()
    done = run_watchtower(
        world, genesis_path, "--once", "--snapshot", str(tmp_path / "s"), "--report", str(tmp_path / "r.json")
    )
    assert (done.returncode, done.stderr) == (0, "")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["event"] for line in lines] == ["batch", "batch", "report"]
    assert lines[-1]["roots_agreed"] is True
    assert lines[-1]["batches_final"] == 2
    assert lines[-1]["root"] == to_hex(sequencer.replica.root)
    assert json.loads((tmp_path / "r.json").read_text())["words"] == lines[-1]["words"]


def test_as_a_process_that_finds_a_lie(
    world: World, alice: Trader, sequencer: SmallSequencer, genesis_path: Path
) -> None:
    sequencer.close([alice.withdraw(1)])
    lie(sequencer, 1, change_segment(1, root=bytes(32)))
    post(world, sequencer)
    done = run_watchtower(world, genesis_path, "--stop-on-alarm")
    assert done.returncode == 2
    assert done.stderr.startswith("ALARM batch 1 (0x")
    alarm = json.loads(done.stdout.splitlines()[0])
    assert (alarm["event"], alarm["batch"], alarm["segment"], alarm["kind"]) == ("alarm", 1, 1, "root")


def test_what_it_can_t_work_with_is_one_line(
    world: World, genesis_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.json").write_text("{}")
    cases = [
        (genesis_path, ("--rpc", "http://127.0.0.1:1"), "can't be used after 4 tries"),
        (genesis_path, ("--rollup", world.sequencer.address), "holds no contract"),
        (tmp_path / "bad.json", (), "is no genesis file"),
        (tmp_path / "absent.json", (), "is no genesis file"),
    ]
    for path, options, text in cases:
        base = ["--rpc", world.node.rpc.url, "--rollup", world.rollup.address, "--genesis", str(path)]
        assert main([*base, "--once", *options]) == 1
        told = capsys.readouterr()
        assert text in told.err
        assert len(told.err.splitlines()) == 1
        assert told.out == ""
