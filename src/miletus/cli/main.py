"""The command `miletus`: its sub-commands, and what becomes of an error."""

# ruff: noqa: E402
import signal

signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C during the imports below ends this without a traceback

import logging
import os
import sys
from typing import Annotated

import typer

from miletus import __version__, build_kind
from miletus.cli.commands.backup import backup, restore
from miletus.cli.commands.demo import demo
from miletus.cli.commands.force import force
from miletus.cli.commands.index import index
from miletus.cli.commands.maker import maker
from miletus.cli.commands.money import audit, claim, deposit, withdraw
from miletus.cli.commands.prove import bounty, challenge, exit_, prove
from miletus.cli.commands.run import run, watchtower
from miletus.cli.commands.trade import account, book, instruments, trade
from miletus.cli.commands.up import status, up
from miletus.cli.errors import FAILED, INTERRUPTED, explain
from miletus.cli.gateway import gateway
from miletus.cli.logs import configure_log


def print_version(asked: bool) -> None:
    """Print the version and which build of the machine runs, and end."""
    if asked:
        sys.stdout.write(f"miletus {__version__}, machine {build_kind()}\n")
        raise typer.Exit


def prepare(
    version: Annotated[
        bool, typer.Option("--version", callback=print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options of the command itself."""


commands = typer.Typer(
    name="miletus",
    help="An exchange for options, futures and perpetuals that runs as its own rollup.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
commands.callback()(prepare)
commands.command()(demo)
commands.command()(up)
commands.command()(status)
commands.command()(backup)
commands.command()(restore)
commands.command()(deposit)
commands.command()(account)
commands.command()(instruments)
commands.command()(book)
commands.add_typer(trade, name="trade")
commands.command()(withdraw)
commands.command()(claim)
commands.add_typer(force, name="force")
commands.command()(audit)
commands.command()(watchtower)
commands.command()(challenge)
commands.command()(prove)
commands.command()(bounty)
commands.command("exit")(exit_)
commands.command()(index)
commands.command()(maker)
commands.command()(gateway)
commands.add_typer(run, name="run")


class Interrupted(BaseException):
    """Ctrl-C or SIGTERM: what runs is stopped in order on the way up, and no library takes it for its own."""


def app() -> None:
    """Run the command line; every foreseen error is one line on standard error."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    configure_log(for_people=True, level=logging.WARNING)
    try:
        leave(commands(prog_name="miletus", standalone_mode=False) or 0)
    except typer.TyperException as error:
        sys.stderr.write(explain_usage(error))
        leave(error.exit_code)
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


def explain_usage(error: typer.TyperException) -> str:
    """What is wrong with how the command was written, in one line; the help where nothing was written."""
    message, context = error.format_message(), getattr(error, "ctx", None)
    if "\n" in message.strip():
        return message.rstrip() + "\n"
    path = context.command_path if context is not None else "miletus"
    return f"miletus: {message.rstrip('.')}: see {path} --help\n"


def interrupt(number: int, frame: object) -> None:
    """End the command as Ctrl-C does."""
    raise Interrupted


def leave(status: int) -> None:
    """Exit with a status."""
    raise SystemExit(status) from None
