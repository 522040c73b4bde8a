"""`miletus run <role>` and `miletus watchtower`: single processes, as an operator starts them by hand."""

from pathlib import Path
from typing import Annotated

import typer

from miletus.cli.options import FolderOption

run = typer.Typer(help="Run one process of a system by itself.", no_args_is_help=True)

Supervised = Annotated[bool, typer.Option("--supervised", hidden=True)]


@run.command()
def node(
    folder: FolderOption,
    port: Annotated[int, typer.Option(help="Where clients connect; 0 takes any free port.")] = 0,
    batch_seconds: Annotated[float, typer.Option(help="Age at which a batch closes.")] = 5.0,
    batch_words: Annotated[int, typer.Option(min=64, max=16_384, help="Words at which a batch closes.")] = (
        3_500
    ),
    supervised: Supervised = False,
) -> None:
    """The sequencer's node: orders, logs, executes and confirms."""
    from miletus.cli.roles import node as role
    from miletus.cli.roles.base import run_role
    from miletus.sequencer.config import NodeConfig
    from miletus.sequencer.ordering import Policy

    config = NodeConfig(policy=Policy(batch_ms=round(batch_seconds * 1000), batch_words=batch_words))
    run_role(lambda channel: role.run(channel, folder, config, port), supervised=supervised)


@run.command()
def batcher(
    folder: FolderOption,
    poll_seconds: Annotated[float, typer.Option(help="Pause between two looks at L1.")] = 1.0,
    supervised: Supervised = False,
) -> None:
    """The batcher: posts closed batches to L1."""
    from miletus.cli.roles import batcher as role
    from miletus.cli.roles.base import run_role

    run_role(lambda channel: role.run(channel, folder, poll_seconds), supervised=supervised)


@run.command()
def oracle(folder: FolderOption, supervised: Supervised = False) -> None:
    """The oracle: ticks, listings, sheets and settlements, approved by m of n signers."""
    from miletus.cli.roles import oracle as role
    from miletus.cli.roles.base import run_role

    run_role(lambda channel: role.run(channel, folder), supervised=supervised)


@run.command()
def maker(folder: FolderOption, supervised: Supervised = False) -> None:
    """The market makers: quote every instrument that is listed."""
    from miletus.cli.roles import traders as role
    from miletus.cli.roles.base import run_role

    run_role(lambda channel: role.run(channel, folder, role.MAKER), supervised=supervised)


@run.command()
def takers(folder: FolderOption, supervised: Supervised = False) -> None:
    """The takers: a crowd that trades against the makers."""
    from miletus.cli.roles import traders as role
    from miletus.cli.roles.base import run_role

    run_role(lambda channel: role.run(channel, folder, role.TAKERS), supervised=supervised)


def watchtower(
    rpc: Annotated[str, typer.Option(help="An L1 node, http:// or https://.")],
    rollup: Annotated[str, typer.Option(help="Address of the rollup contract.")],
    genesis: Annotated[Path, typer.Option(help="The deployment's genesis file.")],
    start_block: Annotated[int, typer.Option(help="Block of the deployment, to save time.")] = 0,
    snapshot: Annotated[Path | None, typer.Option(help="Folder for its snapshot, to go on from.")] = None,
    report: Annotated[Path | None, typer.Option(help="File for its report, written at every change.")] = None,
    poll_seconds: Annotated[float, typer.Option(help="Pause between two looks at L1.")] = 2.0,
    moved_time: Annotated[
        bool, typer.Option("--moved-time", help="Accept an L1 whose clock is moved by hand.")
    ] = False,
    once: Annotated[
        bool, typer.Option("--once", help="End at L1's head: status 0 if all agrees, else 1.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print each report as a line of JSON.")] = False,
    supervised: Supervised = False,
) -> None:
    """Re-execute a rollup from L1 alone, and raise an alarm at the first wrong claim."""
    from miletus.cli.roles import watchtower as role
    from miletus.cli.roles.base import run_role

    options = role.Options(
        rpc,
        rollup,
        genesis,
        start_block,
        snapshot,
        report,
        poll_seconds,
        moved_time=moved_time,
        once=once,
        as_json=as_json,
    )
    run_role(lambda channel: role.run(channel, options), supervised=supervised)
