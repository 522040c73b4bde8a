"""`miletus prove`, `challenge`, `bounty` and `exit`: what anyone can do with L1's data alone."""

from pathlib import Path
from typing import Annotated

import typer

from miletus.cli.folder import DEFAULT_FOLDER
from miletus.cli.options import FolderOption, JsonOption, WalletOption

SYSTEM = DEFAULT_FOLDER / "system"

JsonLinesOption = Annotated[bool, typer.Option("--json", help="Print each report as a line of JSON.")]

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
SizeOption = Annotated[str, typer.Option(help="Size of the circuit: small, medium, large.")]
SideOption = Annotated[int, typer.Option(min=0, help="Proofs at once; 0 for as many as fit.")]
SetupOption = Annotated[bool, typer.Option("--setup", help="Make development keys where there are none.")]


def prove(
    batch: Annotated[
        int | None, typer.Argument(min=1, help="Number of the batch; else the first that is not proved.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Go on until no pending batch is unproved.")] = False,
    size: SizeOption = "small",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Make the proofs; post nothing.")] = False,
    side_by_side: SideOption = 0,
    archive: Annotated[
        Path | None, typer.Option(help="Folder of batch files with signatures, which policy zk keeps off L1.")
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
    """Prove a batch on L1: a right one is final at once, a wrong one is removed. Who proves is paid."""
    from miletus.cli.outlook import Where
    from miletus.cli.proving import Options, prove_batches

    prove_batches(
        Where(folder, rpc, rollup, genesis, start_block, moved_time),
        Options(batch, every, size, wallet, not dry_run, mint, setup, side_by_side, archive),
        as_json,
    )


def challenge(
    prove: Annotated[
        str, typer.Option(help="Right batches to prove beside wrong ones: nothing, bounties, all.")
    ] = "nothing",
    least_bounty: Annotated[
        str, typer.Option(help="Least bounty that counts, in ETH, such as 0.01.")
    ] = "0.000000001",
    size: SizeOption = "small",
    side_by_side: SideOption = 0,
    niceness: Annotated[int, typer.Option(min=0, max=19, help="How much other programs go first.")] = 0,
    poll_seconds: Annotated[float, typer.Option(help="Pause between two looks at L1.")] = 2.0,
    once: Annotated[bool, typer.Option("--once", help="End when nothing is left to do.")] = False,
    wallet: WalletOption = None,
    own_wallet: Annotated[
        bool, typer.Option("--own-wallet", help="Use the wallet that the system's folder keeps for it.")
    ] = False,
    mint: MintOption = False,
    setup: SetupOption = False,
    rpc: RpcOption = None,
    rollup: RollupOption = None,
    genesis: GenesisOption = None,
    start_block: StartOption = 0,
    moved_time: MovedOption = False,
    folder: FolderOption = SYSTEM,
    as_json: JsonLinesOption = False,
    supervised: Annotated[bool, typer.Option("--supervised", hidden=True)] = False,
) -> None:
    """Watch a rollup from L1 alone, and have every wrong batch removed by a proof. Who proves is paid."""
    from miletus.cli.outlook import Where
    from miletus.cli.proving import is_own, parse_choice, parse_ether
    from miletus.cli.roles import prover as role
    from miletus.cli.roles.base import run_role

    options = role.Options(
        Where(folder, rpc, rollup, genesis, start_block, moved_time),
        wallet,
        own=own_wallet or is_own(wallet),
        mint=mint,
        size=size,
        choice=parse_choice(prove),
        least_bounty_wei=parse_ether(least_bounty),
        side_by_side=side_by_side,
        niceness=niceness,
        setup=setup,
        poll_seconds=poll_seconds,
        once=once,
        as_json=as_json,
    )
    run_role(lambda channel: role.run(channel, options), supervised=supervised)


def bounty(
    batch: Annotated[int, typer.Argument(min=1, help="Number of a pending batch.")],
    amount: Annotated[str, typer.Argument(help="Amount in ETH, such as 0.05.")],
    wallet: WalletOption = None,
    mint: MintOption = False,
    rpc: RpcOption = None,
    rollup: RollupOption = None,
    genesis: GenesisOption = None,
    start_block: StartOption = 0,
    moved_time: MovedOption = False,
    folder: FolderOption = SYSTEM,
    as_json: JsonOption = False,
) -> None:
    """Offer ETH to whoever proves a batch, and those before it, before its window ends."""
    from miletus.cli.outlook import Where
    from miletus.cli.proving import offer_bounty

    where = Where(folder, rpc, rollup, genesis, start_block, moved_time)
    offer_bounty(where, batch, amount, wallet, mint=mint, as_json=as_json)


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
