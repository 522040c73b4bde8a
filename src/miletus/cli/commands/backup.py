"""`miletus backup` and `miletus restore`: what an operator keeps a copy of."""

from pathlib import Path
from typing import Annotated

import typer

from miletus.cli.folder import DEFAULT_FOLDER
from miletus.cli.options import FolderOption, JsonOption

SYSTEM = DEFAULT_FOLDER / "system"


def backup(
    file: Annotated[Path, typer.Argument(help="File to write, such as system.tar.gz; it holds the keys.")],
    folder: FolderOption = SYSTEM,
    as_json: JsonOption = False,
) -> None:
    """Copy a system's keys, log, batches and intents into one file; it may run meanwhile."""
    from miletus.cli.backing import make_backup

    make_backup(folder, file, as_json)


def restore(
    file: Annotated[Path, typer.Argument(help="A file that miletus backup wrote.")],
    folder: FolderOption = SYSTEM,
    as_json: JsonOption = False,
) -> None:
    """Bring a system back from such a file, up to what L1 has of it, into an empty folder."""
    from miletus.cli.backing import restore_backup

    restore_backup(folder, file, as_json)
