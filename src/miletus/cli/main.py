"""The command `miletus`: its sub-commands, and what becomes of an error."""

import os
import sys

import typer

from miletus.cli.commands.demo import demo
from miletus.cli.commands.run import run, watchtower
from miletus.cli.errors import FAILED, INTERRUPTED, explain

commands = typer.Typer(
    name="miletus",
    help="An exchange for options, futures and perpetuals that runs as its own rollup.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


commands.command()(demo)
commands.command()(watchtower)
commands.add_typer(run, name="run")


def app() -> None:
    """Run the command line; every foreseen error is one line on standard error."""
    try:
        commands()
    except KeyboardInterrupt:
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


def leave(status: int) -> None:
    """Exit with a status."""
    raise SystemExit(status) from None
