"""`miletus demo`: the main job."""

from pathlib import Path
from typing import Annotated

import typer

from miletus.cli.options import JsonOption


def demo(
    chains: Annotated[
        Path | None, typer.Option(help="Folder of recorded chain snapshots; else the market is generated.")
    ] = None,
    report: Annotated[Path | None, typer.Option(help="File for the report, as JSON.")] = None,
    days: Annotated[float, typer.Option(min=0.05, max=30, help="Simulated days of trading.")] = 3,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed of market and traders.")] = 1,
    strikes: Annotated[int, typer.Option(min=1, max=40, help="Strikes of an expiry.")] = 8,
    expiries: Annotated[int, typer.Option(min=1, max=12, help="Expiries beside a quarterly one.")] = 3,
    makers: Annotated[int, typer.Option(min=1, max=8, help="Market makers.")] = 1,
    takers: Annotated[int, typer.Option(min=1, max=64, help="Accounts that take.")] = 12,
    proofs: Annotated[
        bool,
        typer.Option(
            "--proofs/--no-proofs",
            help="Prove a batch, catch a liar, leave a frozen copy: keys are made once.",
        ),
    ] = True,
    folder: Annotated[Path, typer.Option(help="Folder of its system, made anew; its logs stay.")] = Path(
        ".miletus/demo"
    ),
    as_json: JsonOption = False,
) -> None:
    """Trade a market on the rollup for some simulated days, and settle it on L1."""
    from miletus.cli.demo.run import run_demo

    run_demo(
        chains=chains,
        report_path=report,
        days=days,
        seed=seed,
        strikes=strikes,
        expiries=expiries,
        makers=makers,
        takers=takers,
        proofs=proofs,
        folder_path=folder,
        as_json=as_json,
    )
