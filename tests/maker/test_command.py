"""`miletus maker` at a system of processes: with a real oracle, takers, L1, and signals."""

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import COMMAND, Running, run, up

SYSTEM = """
[l1]
block_time_seconds = 1
[node]
batch_seconds = 2.0
[rollup]
window_s = 6
[oracle]
step_seconds = 1.0
[gateway]
run = false
[index]
run = false
[market]
strikes = 6
expiries = 1
quarterlies = 1
makers = 0
takers = 8
"""

MAKER = """
[quotes]
coins = ["BTC"]
option_size = 0.5
[run]
report_seconds = 0.5
"""


def until(what: Callable[[], Any], seconds: float = 90.0) -> Any:
    end = time.monotonic() + seconds
    while not (answer := what()):
        assert time.monotonic() < end, "it does not happen"
        time.sleep(0.2)
    return answer


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("maker")
    (folder / "miletus.toml").write_text(SYSTEM)
    (folder / "maker.toml").write_text(MAKER)
    with up(folder / "system", "--config", str(folder / "miletus.toml")) as running:
        assert running.do("deposit", "500000", "--mint").status == 0
        until(lambda: running.do("account").status == 0)
        yield running


def start(system: Running, *options: str) -> subprocess.Popen[str]:
    config = system.folder.parent / "maker.toml"
    return subprocess.Popen(
        [*COMMAND, "maker", "--folder", str(system.folder), "--config", str(config), "--json", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def read_report(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stderr is not None
    line = process.stderr.readline()
    assert line, "the maker ended"
    report: dict[str, Any] = json.loads(line)
    return report


def test_it_quotes_a_whole_chain_and_ctrl_c_cancels_everything(system: Running) -> None:
    process = start(system)
    report = read_report(process)
    while report["resting"] < 20 or report["reason"]:
        report = read_report(process)
    assert report["problems"] == []
    assert report["fit_points"]["BTC"] < 2.0
    account = system.do("account").json
    assert len(account["orders"]) >= 20
    assert {order["name"].partition("_")[0] for order in account["orders"]} == {"BTC"}
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert json.loads(out)["resting"] == 0
    after = system.do("account").json
    assert after["orders"] == []
    last = json.loads(out)
    deposited = 500_000_000_000
    equity = after["equity_micros"] + after["locked_micros"]
    # the account is valued at the sheet's marks, the maker's profit at its fit of them
    assert last["profit"]["total"] == pytest.approx((equity - deposited) / 1e6, abs=50)


@pytest.mark.rule("04-R07", "04-R16")
def test_a_maker_that_is_killed_leaves_orders_that_end_by_themselves(system: Running) -> None:
    process = start(system)
    until(lambda: read_report(process)["resting"] >= 10)
    process.kill()
    process.communicate()
    orders = system.do("account").json["orders"]
    assert orders
    assert all(0 < order["expiry_s"] <= time.time() + 21 for order in orders)
    again = start(system, "--seconds", "3")
    _, err = again.communicate(timeout=90)
    assert again.returncode == 0, err
    assert system.do("account").json["orders"] == []


def test_a_dry_run_needs_no_account(system: Running, tmp_path: Path) -> None:
    process = start(system, "--dry-run", "--seconds", "3")
    out, err = process.communicate(timeout=90)
    assert process.returncode == 0, err
    assert json.loads(out)["sent"] == 0
    assert any(json.loads(line)["quotes"] > 10 for line in err.splitlines())


def test_a_bad_start_is_one_line(system: Running, tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text("[quotes]\nwidth = 3\n")
    folder = str(system.folder)
    for arguments, message in (
        (("--config", str(bad)), "width"),
        (("--account", "17"), "needs its wallet"),
        (("--config", str(tmp_path / "none.toml")), "no such file"),
    ):
        done = run("maker", "--folder", folder, *arguments)
        assert (done.status, done.err.count("\n")) == (1, 1), done.err
        assert message in done.err
