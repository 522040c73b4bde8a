"""`miletus index`: history in a database."""

from pathlib import Path
from typing import Annotated

import typer

from miletus.cli.folder import DEFAULT_FOLDER
from miletus.cli.options import FolderOption

SYSTEM = DEFAULT_FOLDER / "system"


def index(
    folder: FolderOption = SYSTEM,
    database: Annotated[
        str | None,
        typer.Option(help="A file for SQLite, or postgresql://...; else one in the folder."),
    ] = None,
    l1_alone: Annotated[bool, typer.Option("--l1-alone", help="Read L1 and nothing of the node.")] = False,
    rpc: Annotated[
        str | None, typer.Option(help="An L1 node: with --rollup and --genesis no system is needed.")
    ] = None,
    rollup: Annotated[str | None, typer.Option(help="Address of the rollup contract.")] = None,
    genesis: Annotated[Path | None, typer.Option(help="The deployment's genesis file.")] = None,
    start_block: Annotated[int, typer.Option(min=0, help="Block of the deployment, to save time.")] = 0,
    moved_time: Annotated[bool, typer.Option(help="Accept an L1 whose clock is moved by hand.")] = False,
    poll_seconds: Annotated[float, typer.Option(min=0.05, help="Pause between two looks at L1.")] = 1.0,
    until_batch: Annotated[int, typer.Option(min=0, help="End when this batch is indexed from L1.")] = 0,
    supervised: Annotated[bool, typer.Option("--supervised", hidden=True)] = False,
) -> None:
    """Keep fills, orders, candles, money and batches in a database, from the node and L1, or L1 alone."""
    from miletus.cli.roles import indexer as role
    from miletus.cli.roles.base import run_role

    options = role.Options(
        folder, database, l1_alone, rpc, rollup, genesis, start_block, moved_time, poll_seconds, until_batch
    )
    run_role(lambda channel: role.run(channel, options), supervised=supervised)
