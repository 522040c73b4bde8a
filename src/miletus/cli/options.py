"""Options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

FolderOption = Annotated[
    Path,
    typer.Option(
        "--folder", help="Folder of the system.", envvar="MILETUS_FOLDER", show_default=".miletus/system"
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document in place of tables.")]
WalletOption = Annotated[
    Path | None,
    typer.Option(
        "--wallet", help="File with a wallet's private key; else MILETUS_WALLET_KEY, else the system's."
    ),
]
