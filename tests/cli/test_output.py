"""What commands print: numbers as people read them, JSON as programs do, errors as one line."""

import errno
import io
import json
import signal
import subprocess
import sys
from contextlib import redirect_stdout

import msgspec
import pytest

from miletus import __version__
from miletus.cli.errors import CliError, explain
from miletus.cli.output import (
    Output,
    format_price,
    format_size,
    format_usdc,
    shorten,
)
from miletus.cli.refusals import ADVICE, explain_refusal
from miletus.engine.reasons import Reason
from miletus.market.errors import MarketError
from miletus.settlement.errors import L1Unreachable
from tests.cli.running import run


class Thing(msgspec.Struct):
    name: str
    size_lots: int


@pytest.mark.parametrize(
    ("micros", "text"),
    [
        (0, "$0.00"),
        (9_999, "$0.00"),
        (10_000, "$0.01"),
        (1_234_567_890_000, "$1,234,567.89"),
        (-1_500_000, "-$1.50"),
    ],
)
def test_money(micros: int, text: str) -> None:
    assert format_usdc(micros) == text


def test_prices_and_sizes() -> None:
    assert (format_price(7_832_150), format_price(-5)) == ("78,321.50", "-0.05")
    assert [format_size(lots) for lots in (0, 1, 100, -2_500, 123_450_000)] == [
        "0",
        "0.0001",
        "0.01",
        "-0.25",
        "12,345",
    ]


def test_long_hashes_are_shortened() -> None:
    assert shorten(bytes(range(32))) == "0x000102…1e1f"
    assert shorten("0x1234") == "0x1234"


def test_json_goes_to_standard_output_alone() -> None:
    out = io.StringIO()
    with redirect_stdout(out):
        output = Output(as_json=True)
        output.line("for people")
        output.table("t", ["a"], [[1]])
        output.facts("f", {"a": 1})
        output.result({"thing": Thing("x", 3), "amount": 2**70})
    assert json.loads(out.getvalue()) == {"amount": 2**70, "thing": {"name": "x", "size_lots": 3}}


def test_a_table_shows_every_cell(capsys: pytest.CaptureFixture[str]) -> None:
    Output().table("Orders", ["slot", "price", "post"], [[1, 1_234, True], [12, None, False]])
    text = capsys.readouterr().out
    for cell in ("Orders", "1,234", "yes", "12", "-", "no"):
        assert cell in text


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (CliError("say this"), "say this"),
        (MarketError("two\nlines"), "two lines"),
        (L1Unreachable("L1 is down; start it"), "L1 is down; start it"),
        (
            OSError(errno.ENOSPC, "No space left on device", "/data/log"),
            "/data/log: the disk is full: free some",
        ),
        (OSError(errno.EADDRINUSE, "in use"), "the port is in use: stop what listens"),
        (PermissionError(errno.EACCES, "denied", "/data"), "/data: not allowed: choose a folder"),
        (FileNotFoundError(errno.ENOENT, "none", "anvil"), "anvil: no such file or program: check the path"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), "no connection: is the system running?"),
    ],
)
def test_a_foreseen_error_is_one_line(error: Exception, line: str) -> None:
    text = explain(error)
    assert text is not None
    assert text.startswith(line)
    assert "\n" not in text


def test_an_unforeseen_error_keeps_its_traceback() -> None:
    assert explain(ZeroDivisionError()) is None
    assert explain(ExceptionGroup("tasks", [ZeroDivisionError()])) is None


def test_a_foreseen_error_of_one_of_many_tasks_is_one_line_too() -> None:
    assert explain(ExceptionGroup("tasks", [CliError("no account: make a deposit")])) == (
        "no account: make a deposit"
    )


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("fly",), "No such command 'fly': see miletus --help"),
        (("trade", "buy"), "Missing argument 'instrument': see miletus trade buy --help"),
        (("trade", "buy", "X"), "Missing argument 'size': see miletus trade buy --help"),
        (("trade", "cancel", "x"), "see miletus trade cancel --help"),
        (("deposit", "-5"), "No such option: -5: see miletus deposit --help"),
        (("status", "--jsn"), "see miletus status --help"),
        (("watchtower",), "Missing option '--rpc': see miletus watchtower --help"),
        (("up", "--port", "70000"), "--port"),
        (("up", "--window", "0"), "--window"),
        (("demo", "--days", "many"), "--days"),
        (("demo", "--days", "nan"), "--days"),
        (("demo", "--strikes", "99"), "--strikes"),
    ],
)
def test_a_wrong_command_is_one_line_that_names_the_help(arguments: tuple[str, ...], line: str) -> None:
    done = run(*arguments)
    assert (done.status, done.out, done.err.count("\n")) == (2, "", 1), done.err
    assert done.err.startswith("miletus: ")
    assert line in done.err
    assert "--help" in done.err


def test_without_a_command_the_help_is_shown() -> None:
    for arguments in ((), ("trade",), ("run",)):
        done = run(*arguments)
        assert done.status == 2
        assert "Commands" in done.out + done.err
    assert run("--help").status == 0


def test_the_version_names_the_build_that_runs() -> None:
    done = run("--version", environment={"MILETUS_INTERPRETED": "1"})
    assert (done.status, done.out) == (0, f"miletus {__version__}, machine interpreted\n")


def test_every_reason_that_an_operation_can_be_refused_with_has_advice() -> None:
    """The reasons of the oracle's words and of settlement come last, and no trader sees them."""
    wanted = {reason for reason in Reason if Reason.OK < reason <= Reason.ORDER_NOT_FOUND}
    assert set(ADVICE) == wanted
    for reason in wanted:
        text = explain_refusal(reason)
        assert text.startswith(f"{reason.name}: ")
        assert "\n" not in text
    assert explain_refusal(Reason.BAD_TICK) == "BAD_TICK"


def test_ctrl_c_while_the_command_is_still_being_loaded_shows_no_traceback() -> None:
    program = "import os, signal, miletus.cli.main; os.kill(os.getpid(), signal.SIGINT)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "")
