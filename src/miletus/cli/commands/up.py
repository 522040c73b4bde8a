"""`miletus up` and `miletus status`: a system that keeps running."""

from pathlib import Path
from typing import Annotated

import typer

from miletus.cli.folder import DEFAULT_FOLDER
from miletus.cli.options import FolderOption, JsonOption


def up(
    folder: FolderOption = DEFAULT_FOLDER / "system",
    config: Annotated[Path | None, typer.Option(help="Configuration, a TOML file.")] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Remove the folder's system and begin anew.")
    ] = False,
    port: Annotated[
        int | None,
        typer.Option(
            min=0, max=65_535, help="Port of the node; 0 takes any free ones, for gateway and metrics too."
        ),
    ] = None,
    l1_port: Annotated[
        int | None, typer.Option(min=0, max=65_535, help="Port of the system's own L1; 0 takes any.")
    ] = None,
    rpc: Annotated[str | None, typer.Option(help="An L1 in place of the system's own.")] = None,
    window: Annotated[int | None, typer.Option(min=1, help="Challenge window in seconds.")] = None,
    chains: Annotated[Path | None, typer.Option(help="Folder of recorded chain snapshots.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Start a system and keep it running: L1, node, batcher, watchtower, oracle, traders, index, gateway."""
    from miletus.cli.start import start_system

    start_system(
        folder_path=folder,
        config_path=config,
        fresh=fresh,
        port=port,
        l1_port=l1_port,
        rpc=rpc,
        window_s=window,
        chains=chains,
        as_json=as_json,
    )


def status(folder: FolderOption = DEFAULT_FOLDER / "system", as_json: JsonOption = False) -> None:
    """Tell how a system is: its processes, node, L1 and watchtower."""
    from miletus.cli.state import print_status

    print_status(folder, as_json)
