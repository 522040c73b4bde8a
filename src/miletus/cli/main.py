"""The command `miletus`: its sub-commands, and what becomes of an error."""

import logging
import os
import signal
import sys

import typer

from miletus.cli.commands.demo import demo
from miletus.cli.commands.money import audit, claim, deposit, withdraw
from miletus.cli.commands.run import run, watchtower
from miletus.cli.commands.trade import account, book, instruments, trade
from miletus.cli.commands.up import status, up
from miletus.cli.errors import FAILED, INTERRUPTED, explain
from miletus.cli.logs import configure_log

commands = typer.Typer(
    name="miletus",
    help="An exchange for options, futures and perpetuals that runs as its own rollup.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
commands.command()(demo)
commands.command()(up)
commands.command()(status)
commands.command()(deposit)
commands.command()(account)
commands.command()(instruments)
commands.command()(book)
commands.add_typer(trade, name="trade")
commands.command()(withdraw)
commands.command()(claim)
commands.command()(audit)
commands.command()(watchtower)
commands.add_typer(run, name="run")


class Interrupted(BaseException):
    """Ctrl-C or SIGTERM: what runs is stopped in order on the way up, and no library takes it for its own."""


def app() -> None:
    """Run the command line; every foreseen error is one line on standard error."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    configure_log(for_people=True, level=logging.WARNING)
    try:
        commands()
    except Interrupted:
        sys.stderr.write("miletus: stopped\n")
        leave(INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # whoever read our output has left
        leave(FAILED)
    except Exception as error:
        line = explain(error)
        if line is None:
            raise
        sys.stderr.write(f"miletus: {line}\n")
        leave(FAILED)


def interrupt(number: int, frame: object) -> None:
    """End the command as Ctrl-C does."""
    raise Interrupted


def leave(status: int) -> None:
    """Exit with a status."""
    raise SystemExit(status) from None
