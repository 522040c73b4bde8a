"""`miletus force`: operations through L1, which no sequencer can keep out."""

from pathlib import Path
from typing import Annotated

import typer

from miletus.cli.folder import DEFAULT_FOLDER
from miletus.cli.options import FolderOption, JsonOption, WalletOption

SYSTEM = DEFAULT_FOLDER / "system"

force = typer.Typer(help="Force an operation through L1's inbox, signed by the wallet.", no_args_is_help=True)

AccountOption = Annotated[int | None, typer.Option(min=16, help="The wallet's first account otherwise.")]
RpcOption = Annotated[
    str | None, typer.Option(help="An L1 node: with --rollup and --genesis no system is needed.")
]
RollupOption = Annotated[str | None, typer.Option(help="Address of the rollup contract.")]
GenesisOption = Annotated[Path | None, typer.Option(help="The deployment's genesis file.")]
StartOption = Annotated[int, typer.Option(min=0, help="Block of the deployment, to save time.")]
MovedOption = Annotated[bool, typer.Option("--moved-time", help="Accept an L1 whose clock is moved by hand.")]


@force.command()
def withdraw(
    amount: Annotated[str, typer.Argument(help="Amount in USDC, such as 1000 or 12.50.")],
    account: AccountOption = None,
    wallet: WalletOption = None,
    rpc: RpcOption = None,
    rollup: RollupOption = None,
    genesis: GenesisOption = None,
    start_block: StartOption = 0,
    moved_time: MovedOption = False,
    folder: FolderOption = SYSTEM,
    as_json: JsonOption = False,
) -> None:
    """Force a withdrawal to the wallet, to be claimed when the batch that consumed it is final."""
    from miletus.cli.forcing import force_withdrawal
    from miletus.cli.outlook import Where

    where = Where(folder, rpc, rollup, genesis, start_block, moved_time)
    force_withdrawal(where, amount, account, wallet, as_json)


@force.command()
def cancel(
    account: AccountOption = None,
    wallet: WalletOption = None,
    rpc: RpcOption = None,
    rollup: RollupOption = None,
    genesis: GenesisOption = None,
    start_block: StartOption = 0,
    moved_time: MovedOption = False,
    folder: FolderOption = SYSTEM,
    as_json: JsonOption = False,
) -> None:
    """Force the cancellation of all orders of the account, which frees what they lock."""
    from miletus.cli.forcing import force_cancel
    from miletus.cli.outlook import Where

    where = Where(folder, rpc, rollup, genesis, start_block, moved_time)
    force_cancel(where, account, wallet, as_json)
