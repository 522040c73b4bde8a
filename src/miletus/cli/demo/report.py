"""What a demonstration came to: the report that is written, and the summary that is printed."""

import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from miletus.cli.audit import FillAudit
from miletus.cli.board import format_latency
from miletus.cli.demo.frozen import Frozen
from miletus.cli.errors import CliError
from miletus.cli.finality import PROVED
from miletus.cli.output import encode_json, format_price, format_size, format_usdc, shorten

SIDE_BY_SIDE = 120
"""Columns of a terminal from which on panels stand beside each other."""


class Report(msgspec.Struct, frozen=True):
    """The result of a demonstration. Money in micro-USDC, gas and bytes of L1 a data word, latencies in us.

    `trade_to_final_seconds` is from the time of a batch with fills to the L1 block in which a proof made it
    final, `lie_to_removal_seconds` from the commit of a wrong batch to the block that removed it; `frozen`
    and `exit_paid_micros` are about a copy of L1. `from_l1_alone` names the fields that a watchtower found,
    which had an L1 RPC and nothing else.
    """

    words: int
    operations: int
    fills: int
    batches: int
    batches_final: int
    roots_agreed: bool
    conserved: bool
    l1_gas_per_word: float
    l1_bytes_per_word: float
    ack_p50_us: float
    ack_p99_us: float
    acks: int
    deposited_micros: int
    withdrawn_micros: int
    state_root: str
    market: str
    seed: int
    simulated_hours: float
    instruments_listed: int
    instruments_settled: int
    sheets: int
    ticks: int
    accounts: int
    volume_micros: int
    fees_micros: int
    refused: dict[str, int]
    setup_seconds: float
    run_seconds: float
    audited_fill: FillAudit | None
    proved_batches: int
    frauds_caught: int
    trade_to_final_seconds: float | None
    lie_to_removal_seconds: float | None
    exit_paid_micros: int
    frozen: Frozen | None
    watchtower: dict[str, Any]
    from_l1_alone: tuple[str, ...] = (
        "words",
        "operations",
        "fills",
        "batches",
        "batches_final",
        "roots_agreed",
        "conserved",
        "l1_gas_per_word",
        "l1_bytes_per_word",
        "deposited_micros",
        "withdrawn_micros",
        "state_root",
        "audited_fill",
        "proved_batches",
        "frauds_caught",
        "trade_to_final_seconds",
        "lie_to_removal_seconds",
        "exit_paid_micros",
    )


def compute_percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of all are not above; 0 if there is none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0


def check_report(path: Path) -> None:
    """See that the report can be written, before the minute that it takes. CliError if it can't."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.open("ab").close()
    except OSError as error:
        raise CliError(
            f"{path}: the report can't be written ({error.strerror}): give another --report"
        ) from None


def write_report(path: Path, report: Report) -> None:
    """Write the report as JSON. CliError if the file can't be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(encode_json(report) + "\n")
    except OSError as error:
        raise CliError(
            f"{path}: the report can't be written ({error.strerror}): give another --report"
        ) from None


def print_summary(console: Console, report: Report) -> None:
    """Print what happened, what it cost, and who checked it."""
    style = "green" if report.roots_agreed and report.conserved else "red"
    happened = make_table(
        {
            "market": report.market,
            "simulated": f"{report.simulated_hours:,.0f} hours, {report.accounts} accounts",
            "listed, settled": f"{report.instruments_listed:,}, {report.instruments_settled:,} instruments",
            "operations": f"{report.operations:,} in {report.words:,} data words",
            "fills": f"{report.fills:,}, {format_usdc(report.volume_micros)} of premium and notional",
            "taker fees": format_usdc(report.fees_micros),
        }
    )
    cost = make_table(
        {
            "signed answer after": f"{format_latency(report.ack_p50_us, report.ack_p99_us)} (p50 / p99)",
            "measured on": f"{report.acks:,} operations, synced to disk",
            "batches on L1": f"{report.batches:,}, all final: {yes(report.batches_final == report.batches)}",
            "L1 gas a word": f"{report.l1_gas_per_word:,.0f}",
            "L1 bytes a word": f"{report.l1_bytes_per_word:,.2f}",
        }
    )
    checked = make_table(
        {
            "every root agrees": yes(report.roots_agreed),
            "money conserved": yes(report.conserved),
            "deposited": format_usdc(report.deposited_micros),
            "withdrawn to L1 wallets": format_usdc(report.withdrawn_micros),
            "root of the state": shorten(report.state_root, 10),
        }
    )
    panels = [
        Panel(happened, title="what happened", border_style="blue"),
        Panel(cost, title="what it took", border_style="blue"),
        Panel(checked, title="what the watchtower found, from L1 alone", border_style=style),
    ]
    if report.frozen is not None:
        panels.append(Panel(make_proofs(report), title="what proofs did, from L1 alone", border_style=style))
    if report.audited_fill is not None:
        traced = make_audit(report.audited_fill)
        panels.append(Panel(traced, title="one fill, traced on L1", border_style=style))
    if console.width < SIDE_BY_SIDE:
        console.print(*panels, sep="\n")
        return
    grid = Table.grid(padding=(0, 1))
    for left, right in itertools.zip_longest(panels[::2], panels[1::2], fillvalue=""):
        grid.add_row(left, right)
    console.print(grid)


def make_proofs(report: Report) -> Table:
    """What proofs did."""
    frozen = report.frozen
    assert frozen is not None
    return make_table(
        {
            "batches final by proof": f"{report.proved_batches:,}",
            "trade to final": f"{report.trade_to_final_seconds or 0:,.0f} s",
            "frauds caught": f"{report.frauds_caught:,}",
            "lie to removal": f"{report.lie_to_removal_seconds or 0:,.0f} s",
            "paid by a frozen copy": f"{format_usdc(report.exit_paid_micros)} to account {frozen.account}",
            "its options": f"{frozen.options:,} at slow marks",
        }
    )


def make_audit(audit: FillAudit) -> Table:
    """A fill, and where on L1 it comes from."""
    way = "a proof" if audit.finality.kind == PROVED else "its window"
    what = (
        f"{audit.side} {format_size(audit.size_lots)} {audit.instrument} at {format_price(audit.price_ticks)}"
    )
    return make_table(
        {
            f"fill {audit.fill}": what,
            "data word": f"{audit.word} of segment {audit.segment}, batch {audit.batch}",
            "L1 transaction": f"{shorten(audit.l1_transaction, 10)} in block {audit.l1_block}",
            "recomputed root": f"{shorten(audit.segment_root)}, agrees: {yes(audit.root_agrees)}",
            "final": f"{yes(audit.is_final)}, by {way}",
        }
    )


def make_table(facts: dict[str, str]) -> Table:
    """Names and values, one a line."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    for name, value in facts.items():
        table.add_row(name, value)
    return table


def yes(value: bool) -> str:
    """A verdict in its colour."""
    return "[green]yes[/]" if value else "[bold red]NO[/]"
