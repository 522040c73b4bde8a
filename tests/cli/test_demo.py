"""The main job, as a person starts it: from nothing to withdrawals paid on L1, on both kinds of market."""

import json
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from miletus.cli.demo.report import compute_percentile
from miletus.cli.demo.run import require_proofs, require_right
from miletus.cli.errors import CliError
from tests.cli.running import COMMAND, run, wait_until_gone
from tests.market.recorded import CHAINS, needs_chains

WANTED = (
    "words",
    "fills",
    "batches",
    "batches_final",
    "roots_agreed",
    "conserved",
    "l1_gas_per_word",
    "l1_bytes_per_word",
    "ack_p50_us",
    "ack_p99_us",
    "withdrawn_micros",
    "proved_batches",
    "frauds_caught",
    "trade_to_final_seconds",
    "exit_paid_micros",
)


def run_demo(tmp_path: Path, *options: str) -> dict[str, Any]:
    """Run a demonstration; its report, which must be the file and the output alike."""
    path = tmp_path / "out" / "report.json"
    done = run(
        "demo", "--folder", str(tmp_path / "demo"), "--report", str(path), "--json", *options, seconds=1_800
    )
    assert done.status == 0, done.err
    report: dict[str, Any] = json.loads(path.read_text())
    assert done.json == report
    return report


def check(report: dict[str, Any], tmp_path: Path) -> None:
    """What must be true of any demonstration."""
    assert all(name in report for name in WANTED)
    assert report["roots_agreed"] is True
    assert report["conserved"] is True
    assert report["batches_final"] == report["batches"] > 2
    assert report["fills"] > 50
    assert report["instruments_settled"] > 0
    assert 32 <= report["l1_bytes_per_word"] < 40
    assert 500 < report["l1_gas_per_word"] < 5_000
    assert 0 < report["ack_p50_us"] <= report["ack_p99_us"]
    tower = report["watchtower"]
    assert tower["withdrawn_micros"] == tower["put_out_micros"] == report["withdrawn_micros"] > 0
    assert tower["deposited_micros"] > report["withdrawn_micros"]
    fill = report["audited_fill"]
    assert fill["root_agrees"] is True
    assert fill["is_final"] is True
    assert json.loads((tmp_path / "demo" / "watchtower.json").read_text())["root"] == report["state_root"]


def check_proofs(report: dict[str, Any]) -> None:
    """What must be true of a demonstration with proofs; its figures are the watchtowers', from L1 alone."""
    tower, frozen, fill = report["watchtower"], report["frozen"], report["audited_fill"]
    assert report["proved_batches"] == tower["proved_batches"] == 2
    assert report["frauds_caught"] == tower["frauds_caught"] == 1
    assert report["trade_to_final_seconds"] == tower["trade_to_final_seconds"] > 0
    assert report["lie_to_removal_seconds"] == tower["lie_to_removal_seconds"] > 0
    assert report["exit_paid_micros"] == frozen["report"]["exit_paid_micros"] > 0
    assert report["exit_paid_micros"] == frozen["departure"]["worth_micros"]
    assert frozen["departure"]["proofs"] > 0
    assert frozen["options"] > 0
    assert frozen["report"]["l1_block"] > tower["l1_block"]
    assert tower["exit_paid_micros"] == 0  # the exchange itself is not frozen
    assert fill["finality"]["kind"] == "proved"
    assert [part["part"] for part in fill["finality"]["parts"]] == ["segment 0", "segment 1"]
    assert fill["finality"]["parts"][-1]["l1_transaction"] == fill["finality"]["l1_transaction"]
    assert fill["finality"]["removed_before"] == []


@pytest.mark.rule("09-R05", "09-R07", "08-R09", "08-R10", "07-R02", "08-R27", "08-R28", "08-R32", "08-R33")
def test_a_generated_market_is_traded_proved_and_settled(tmp_path: Path) -> None:
    """The whole story: a batch final by proof, a liar caught, days of trading, an exit from a frozen copy."""
    report = run_demo(tmp_path, "--days", "0.95", "--strikes", "3", "--expiries", "2")
    check(report, tmp_path)
    check_proofs(report)


@needs_chains
@pytest.mark.rule("09-R05", "09-R07", "08-R09", "08-R10", "07-R02")
def test_recorded_chains_are_traded_and_settled(tmp_path: Path) -> None:
    report = run_demo(tmp_path, "--chains", str(CHAINS), "--days", "0.3", "--strikes", "6", "--no-proofs")
    check(report, tmp_path)
    assert (report["proved_batches"], report["frauds_caught"], report["exit_paid_micros"]) == (0, 0, 0)
    assert report["audited_fill"]["finality"]["kind"] == "window"
    assert str(CHAINS) in report["market"]


@pytest.mark.parametrize(
    ("options", "moment"),
    [(("--no-proofs",), "takers are ready"), ((), "which a proof shall make final")],
    ids=["trades", "proves"],
)
def test_ctrl_c_stops_every_process(tmp_path: Path, options: tuple[str, ...], moment: str) -> None:
    folder = tmp_path / "demo"
    process = subprocess.Popen(
        [*COMMAND, "demo", "--folder", str(folder), "--days", "5", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if moment in line:
            break
    processes = json.loads((folder / "system.json").read_text())["processes"]
    assert len(processes) >= 4
    pids = list(processes.values())
    if "prover" in processes:
        pids += wait_for_children(processes["prover"])  # the program that makes proofs
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=240)
    assert (process.returncode, err) == (130, "miletus: stopped\n")
    assert wait_until_gone(pids) == []


def wait_for_children(pid: int) -> list[int]:
    """Processes that a process has started, once there are any."""
    end = time.monotonic() + 240
    while time.monotonic() < end:
        tasks = Path(f"/proc/{pid}/task").glob("*/children")
        found = [int(text) for task in tasks for text in task.read_text().split()]
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"process {pid} started nothing")


def test_a_report_that_cannot_be_written_is_told_before_anything_runs(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    folder = tmp_path / "demo"
    done = run("demo", "--folder", str(folder), "--report", str(tmp_path / "file" / "report.json"))
    assert (done.status, done.err.count("\n")) == (1, 1)
    assert "give another --report" in done.err
    assert not folder.exists()


def test_a_missing_folder_of_chains_is_one_line(tmp_path: Path) -> None:
    done = run("demo", "--chains", str(tmp_path / "absent"), "--folder", str(tmp_path / "demo"))
    assert done.status == 1
    assert done.err.count("\n") == 1
    assert "give the folder that holds the chain snapshots" in done.err


@pytest.mark.parametrize(
    ("variable", "message"),
    [
        ("MILETUS_NATIVE_LIBRARY", "unset or correct it"),
        ("MILETUS_CONTRACTS", "correct or unset it"),
    ],
)
def test_a_missing_part_is_one_line(tmp_path: Path, variable: str, message: str) -> None:
    environment = {variable: str(tmp_path / "absent")}
    done = run("demo", "--folder", str(tmp_path / "demo"), environment=environment)
    assert done.status == 1
    assert done.err.count("\n") == 1
    assert message in done.err


class Found:
    """As much of a report as the verdict looks at."""

    roots_agreed = True
    conserved = True
    batches = 9
    batches_final = 9
    audited_fill = None
    frozen = None
    watchtower: dict[str, object] = {"alarm": None, "imbalance": ""}  # noqa: RUF012


def test_a_right_result_passes() -> None:
    require_right(Found())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("roots_agreed", False, "does not agree"),
        ("conserved", False, "does not agree"),
        ("batches_final", 8, "1 batches did not become final"),
    ],
)
def test_a_wrong_result_is_an_error(name: str, value: object, message: str) -> None:
    found = Found()
    setattr(found, name, value)
    with pytest.raises(CliError, match=message):
        require_right(found)  # type: ignore[arg-type]


class Proved:
    """As much of a report as the verdict on proofs looks at."""

    proved_batches = 2
    frauds_caught = 1
    trade_to_final_seconds = 20
    exit_paid_micros = 7


class Left:
    """As much of an exit as the verdict looks at."""

    class departure:
        """What the account is worth."""

        worth_micros = 7


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("proved_batches", 0, "no batch that is final by proof"),
        ("frauds_caught", 0, "no liar that was caught"),
        ("trade_to_final_seconds", None, "no batch that is final by proof"),
        ("exit_paid_micros", 6, "paid 6 micro-USDC to an account that is worth 7"),
    ],
)
def test_proofs_that_did_not_do_what_they_had_to_are_an_error(name: str, value: object, message: str) -> None:
    proved = Proved()
    require_proofs(proved, Left())  # type: ignore[arg-type]
    setattr(proved, name, value)
    with pytest.raises(CliError, match=message):
        require_proofs(proved, Left())  # type: ignore[arg-type]


def test_percentiles_are_values_that_were_measured() -> None:
    values = [float(value) for value in range(100, 0, -1)]
    assert compute_percentile(values, 0.5) == 50
    assert compute_percentile(values, 0.99) == 99
    assert compute_percentile([7.0], 0.99) == 7
    assert compute_percentile([], 0.5) == 0
