"""What commands print: numbers as people read them, JSON as programs do, errors as one line."""

import errno
import io
import json
import subprocess
import sys
from contextlib import redirect_stdout

import msgspec
import pytest

from miletus.cli.errors import CliError, explain
from miletus.cli.output import (
    Output,
    format_price,
    format_size,
    format_usdc,
    shorten,
)
from miletus.market.errors import MarketError
from miletus.settlement.errors import L1Unreachable


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


def test_the_command_line_tells_an_unknown_command() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "miletus.cli", "fly"], capture_output=True, text=True, check=False
    )
    assert run.returncode == 2
    assert "fly" in run.stderr
