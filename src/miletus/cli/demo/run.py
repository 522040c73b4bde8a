"""Setting a demonstration up from the command's options, and ending it."""

import math
from pathlib import Path

from rich.console import Console

from miletus.cli.board import Screen
from miletus.cli.config import (
    Config,
    L1Config,
    MarketConfig,
    MetricsConfig,
    NodeConfig,
    ProofsConfig,
    RollupConfig,
)
from miletus.cli.demo.director import Director, make_board
from miletus.cli.demo.frozen import Frozen
from miletus.cli.demo.report import Report, check_report, print_summary, write_report
from miletus.cli.errors import CliError
from miletus.cli.folder import Folder
from miletus.cli.launch import check_disk, check_tools, stop_left_over
from miletus.cli.output import Output
from miletus.cli.roles.markets import open_market

WINDOW_S = 7 * 86_400
"""Challenge window of the demonstration's rollup: a week, as it would be."""

MAX_DELAY_S = 4 * 3_600
"""How much older than its L1 block a batch may be; the demonstration's time jumps by hours."""


def run_demo(
    *,
    chains: Path | None,
    report_path: Path | None,
    days: float,
    seed: int,
    strikes: int,
    expiries: int,
    makers: int,
    takers: int,
    proofs: bool,
    folder_path: Path,
    as_json: bool,
) -> None:
    """Run a demonstration; raises CliError when what it found is not as it should be."""
    if report_path is not None:
        check_report(report_path)
    check_tools(own_l1=True)
    check_disk(folder_path)
    config = Config(
        l1=L1Config(port=0),
        node=NodeConfig(port=0),
        rollup=RollupConfig(window_s=WINDOW_S, reorg_age_s=2, max_delay_s=MAX_DELAY_S),
        market=MarketConfig(
            chains=str(chains.absolute()) if chains is not None else "",
            seed=seed,
            days=math.ceil(days) + 1,
            expiries=expiries,
            quarterlies=1,
            strikes=strikes,
            makers=makers,
            takers=takers,
        ),
        metrics=MetricsConfig(port=0),
        proofs=ProofsConfig(sizes=("small",) if proofs else ()),
    )
    market = open_market(config.market)
    title = f"recorded chains in {chains}" if chains is not None else f"generated market, seed {seed}"
    hours = max(1, round(days * 24))
    end_s = min(market.start_s + hours * 3_600, market.end_s)
    folder = Folder(folder_path)
    stop_left_over(folder)
    folder.create(fresh=True)
    output = Output(as_json)
    console = Console(stderr=True, highlight=False) if as_json else output.console
    screen = Screen(console, make_board("Miletus", market, end_s), quiet=as_json)
    report = Director(folder, config, market, title, hours, screen).run()
    if report_path is not None:
        write_report(report_path, report)
    if not as_json:
        print_summary(output.console, report)
    output.result(report)
    require_right(report)


def require_right(report: Report) -> None:
    """Raise CliError for a demonstration whose result is not as it must be."""
    if not (report.roots_agreed and report.conserved):
        found = report.watchtower.get("alarm") or report.watchtower.get("imbalance") or "see the report"
        raise CliError(f"the watchtower does not agree: {found}")
    if report.batches_final != report.batches:
        raise CliError(
            f"{report.batches - report.batches_final} batches did not become final: see the report"
        )
    if report.frozen is not None:
        require_proofs(report, report.frozen)
    if report.audited_fill is not None and not report.audited_fill.root_agrees:
        raise CliError("the root that was recomputed for one fill is not the claimed one: see the report")


def require_proofs(report: Report, frozen: Frozen) -> None:
    """Raise CliError unless proofs did what they had to."""
    if not (report.proved_batches and report.frauds_caught and report.trade_to_final_seconds is not None):
        raise CliError("L1 shows no batch that is final by proof, or no liar that was caught: see the report")
    if report.exit_paid_micros != frozen.departure.worth_micros:
        raise CliError(
            f"the frozen copy paid {report.exit_paid_micros} micro-USDC to an account that is worth "
            f"{frozen.departure.worth_micros}: see the report"
        )
