"""`miletus prove` and `miletus exit`: what anyone can do with L1's data alone."""

from pathlib import Path
from typing import Annotated

import typer

from miletus.cli.folder import DEFAULT_FOLDER
from miletus.cli.options import FolderOption, JsonOption, WalletOption

SYSTEM = DEFAULT_FOLDER / "system"

RpcOption = Annotated[
    str | None, typer.Option(help="An L1 node: with --rollup and --genesis no system is needed.")
]
RollupOption = Annotated[str | None, typer.Option(help="Address of the rollup contract.")]
GenesisOption = Annotated[Path | None, typer.Option(help="The deployment's genesis file.")]
StartOption = Annotated[int, typer.Option(min=0, help="Block of the deployment, to save time.")]
MovedOption = Annotated[bool, typer.Option("--moved-time", help="Accept an L1 whose clock is moved by hand.")]
MintOption = Annotated[
    bool, typer.Option("--mint", help="Have a development L1 give the wallet ETH for gas.")
]
SetupOption = Annotated[bool, typer.Option("--setup", help="Make development keys where there are none.")]


def prove(
    batch: Annotated[
        int | None, typer.Argument(min=1, help="Number of the batch; else the first that is not proved.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Go on until no pending batch is unproved.")] = False,
    size: Annotated[str, typer.Option(help="Size of the circuit: small, medium, large.")] = "small",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Make the proofs; post nothing.")] = False,
    side_by_side: Annotated[int, typer.Option(min=0, help="Proofs at once; 0 for as many as fit.")] = 0,
    wallet: WalletOption = None,
    mint: MintOption = False,
    setup: SetupOption = False,
    rpc: RpcOption = None,
    rollup: RollupOption = None,
    genesis: GenesisOption = None,
    start_block: StartOption = 0,
    moved_time: MovedOption = False,
    folder: FolderOption = SYSTEM,
    as_json: JsonOption = False,
) -> None:
    """Prove a batch on L1: a right one is final at once, a wrong one is removed. Who proves is paid."""
    from miletus.cli.outlook import Where
    from miletus.cli.proving import Options, prove_batches

    prove_batches(
        Where(folder, rpc, rollup, genesis, start_block, moved_time),
        Options(batch, every, size, wallet, not dry_run, mint, setup, side_by_side),
        as_json,
    )


def exit_(
    accounts: Annotated[
        list[int] | None, typer.Argument(min=16, help="Accounts, whosever; else those of the wallet.")
    ] = None,
    wallet: WalletOption = None,
    mint: MintOption = False,
    setup: SetupOption = False,
    rpc: RpcOption = None,
    rollup: RollupOption = None,
    genesis: GenesisOption = None,
    start_block: StartOption = 0,
    moved_time: MovedOption = False,
    folder: FolderOption = SYSTEM,
    as_json: JsonOption = False,
) -> None:
    """Leave a frozen rollup: prove what an account is worth in the last final state, claim it, be paid."""
    from miletus.cli.leaving import leave
    from miletus.cli.outlook import Where

    where = Where(folder, rpc, rollup, genesis, start_block, moved_time)
    leave(where, accounts or [], wallet, mint=mint, setup=setup, as_json=as_json)
