"""`miletus deposit`, `withdraw`, `claim` and `audit`: what goes by L1."""

from pathlib import Path
from typing import Annotated

import typer

from miletus.cli.folder import DEFAULT_FOLDER
from miletus.cli.options import FolderOption, JsonOption, WalletOption

SYSTEM = DEFAULT_FOLDER / "system"

AmountArgument = Annotated[str, typer.Argument(help="Amount in USDC, such as 1000 or 12.50.")]


def deposit(
    amount: AmountArgument,
    wallet: WalletOption = None,
    mint: Annotated[
        bool, typer.Option("--mint", help="Mint it first, and ETH for gas; a development L1 allows that.")
    ] = False,
    folder: FolderOption = SYSTEM,
    as_json: JsonOption = False,
) -> None:
    """Deposit from an L1 wallet; the first one registers an account and binds the trading key."""
    from miletus.cli.money import make_deposit

    make_deposit(folder, wallet, amount, mint, as_json)


def withdraw(
    amount: AmountArgument,
    wallet: WalletOption = None,
    folder: FolderOption = SYSTEM,
    as_json: JsonOption = False,
) -> None:
    """Withdraw to the L1 wallet that owns the account; claim it once its batch is final."""
    from miletus.cli.money import make_withdrawal

    make_withdrawal(folder, wallet, amount, as_json)


def claim(wallet: WalletOption = None, folder: FolderOption = SYSTEM, as_json: JsonOption = False) -> None:
    """Show the wallet's withdrawals on L1, and have those that are final paid."""
    from miletus.cli.money import claim_all

    claim_all(folder, wallet, as_json)


def audit(
    fill: Annotated[str, typer.Argument(help="A fill, as miletus trade prints it, such as 48213.0.")],
    folder: FolderOption = SYSTEM,
    rpc: Annotated[str | None, typer.Option(help="Another L1 node than the system's.")] = None,
    deployment: Annotated[
        Path | None, typer.Option(help="Deployment file, with --genesis and --rpc: needs no system at all.")
    ] = None,
    genesis: Annotated[Path | None, typer.Option(help="The deployment's genesis file.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Trace a fill to its data word, batch, L1 transaction, proofs and verdict, recomputed from L1 alone."""
    from miletus.cli.money import print_audit

    print_audit(folder, fill, rpc, deployment, genesis, as_json)
