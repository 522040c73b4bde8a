"""docs/reference/cli.md: every command with its arguments and options, as `miletus --help` has them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import typer

from miletus.cli.main import commands

INTRODUCTION = """# The command line

Made from the code: `make reference`. Every command has `--help`. What a command prints is for people; with
`--json` it is one JSON document, for programs. What went wrong is one line on standard error, with exit
status 1; 2 is for a command that can't be read, 130 for Ctrl-C.

| variable | what it sets |
|---|---|
| `MILETUS_FOLDER` | the system's folder, as `--folder` does |
| `MILETUS_WALLET_KEY` | the wallet's private key, where no `--wallet` is given |
| `MILETUS_KEYS` | the folder of the circuits' keys |
| `MILETUS_METRICS` | host:port where a process serves `/health` and `/metrics` |
| `MILETUS_INTERPRETED` | 1 runs the machine as plain Python |
"""

KINDS = {int: "NUMBER", float: "NUMBER", Path: "PATH", str: "TEXT"}


def render() -> str:
    """The page."""
    root: Any = typer.main.get_command(commands)
    return "\n".join([INTRODUCTION, *describe_all(root, "miletus")]) + "\n"


def describe_all(group: Any, path: str) -> Iterator[str]:
    """The commands of a group, each as a section, in the order of the help."""
    for name, command in group.commands.items():
        if command.hidden:
            continue
        if hasattr(command, "commands"):
            yield from describe_all(command, f"{path} {name}")
        else:
            yield describe(command, f"{path} {name}")


def describe(command: Any, path: str) -> str:
    """A command as a section."""
    shown = [each for each in command.params if not getattr(each, "hidden", False)]
    arguments = [each for each in shown if each.param_type_name == "argument"]
    options = [each for each in shown if each.param_type_name == "option" and "--help" not in each.opts]
    usage = " ".join([path, *(get_name(each) for each in arguments), *(["[OPTIONS]"] if options else [])])
    text = f"## {path}\n\n{' '.join((command.help or '').split())}\n\n```text\n{usage}\n```\n"
    rows = [f"| `{get_name(each)}` | {get_help(each)} |" for each in arguments]
    rows += [f"| {get_opts(each)} | {get_help(each)} |" for each in options]
    if rows:
        text += "\n| | |\n|---|---|\n" + "\n".join(rows) + "\n"
    return text


def get_name(argument: Any) -> str:
    """An argument as the usage has it."""
    name = str(argument.name).upper()
    name += "..." if argument.nargs == -1 else ""
    return name if argument.required else f"[{name}]"


def get_opts(option: Any) -> str:
    """An option's names and what it takes."""
    names = ", ".join(f"`{each}`" for each in (*option.opts, *option.secondary_opts))
    if option.is_flag:
        return names
    return f"{names} {get_kind(option)}" + (", may be repeated" if option.multiple else "")


def get_kind(option: Any) -> str:
    """What an option takes, with its limits."""
    kind = option.type_descriptor.annotation
    name = KINDS.get((get_args(kind) or (kind,))[0], "TEXT")
    if option.min is not None and option.max is not None:
        return f"{name}, {option.min:,} to {option.max:,}" if option.min or option.max < 65_535 else name
    return f"{name}, {option.min} or more" if option.min else name


def get_help(param: Any) -> str:
    """What a parameter is, with its default."""
    text = " ".join((getattr(param, "help", None) or "").split()).replace("|", "\\|")
    default = getattr(param, "show_default", None)
    if not isinstance(default, str):
        default = param.default
        if callable(default) or default in (None, False, (), []) or param.required:
            default = None
    return text if default is None else f"{text} Default: `{default}`.".strip()
