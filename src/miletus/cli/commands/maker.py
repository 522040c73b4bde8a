"""`miletus maker`: a market maker to start from."""

from pathlib import Path
from typing import Annotated

import typer

from miletus.cli.folder import DEFAULT_FOLDER
from miletus.cli.options import FolderOption, JsonOption, WalletOption

SYSTEM = DEFAULT_FOLDER / "system"


def maker(
    config: Annotated[
        Path | None, typer.Option("--config", help="TOML file; see docs/guides/maker.md.")
    ] = None,
    wallet: WalletOption = None,
    account: Annotated[int | None, typer.Option(min=16, help="The wallet's first account otherwise.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Think and tell; send nothing.")] = False,
    seconds: Annotated[float, typer.Option(min=0, help="End after so long; 0 runs until it is stopped.")] = 0,
    folder: FolderOption = SYSTEM,
    as_json: JsonOption = False,
) -> None:
    """Quote options and futures around a fitted surface, within limits; Ctrl-C cancels every order."""
    from miletus.cli.making import make_market

    make_market(folder, config, wallet, account, dry_run=dry_run, seconds=seconds, as_json=as_json)
