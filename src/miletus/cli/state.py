"""What `miletus status` tells: is every process there, where is the node, what does L1 have, who agrees."""

import asyncio
import json
from pathlib import Path

import httpx
import msgspec

from miletus.cli.board import format_time
from miletus.cli.errors import CliError
from miletus.cli.folder import is_running
from miletus.cli.output import Output, shorten
from miletus.cli.person import open_site
from miletus.cli.roles.base import Site
from miletus.cli.roles.markets import connect_node
from miletus.sequencer.protocol import Status

OK = "ok"

HEALTH_SECONDS = 10.0


class StatusReport(msgspec.Struct, frozen=True):
    """How a system is. `watchtower` is its own report or None; `health` tells ok, or what is wrong."""

    folder: str
    processes: dict[str, bool]
    clock_ms: int
    next_number: int
    open_batch: int | None
    last_batch: int
    root: str
    l1_block: int
    l1_time_s: int
    batches_on_l1: int
    batches_final: int
    is_open_to_all: bool
    frozen_at_s: int
    health: dict[str, str]
    watchtower: dict[str, object] | None

    @property
    def is_well(self) -> bool:
        """Whether everything runs and the watchtower agrees."""
        agrees = self.watchtower is None or bool(
            self.watchtower["roots_agreed"] or not self.watchtower["alarm"]
        )
        healthy = all(told == OK for told in self.health.values())
        return all(self.processes.values()) and agrees and healthy and not self.frozen_at_s


def print_status(path: Path, as_json: bool) -> None:
    """Print how a system is. CliError at the end if it is not well."""
    report = read_status(open_site(path))
    output = Output(as_json)
    output.facts(
        f"Miletus in {report.folder}",
        {
            "processes": ", ".join(
                name if alive else f"[red]{name} (gone)[/]" for name, alive in report.processes.items()
            ),
            "exchange time": format_time(report.clock_ms),
            "next number": report.next_number,
            "batch": f"{report.open_batch} is open"
            if report.open_batch
            else f"{report.last_batch} is closed",
            "root": shorten(report.root, 10),
            "L1": f"block {report.l1_block:,}, {format_time(report.l1_time_s * 1000)}",
            "batches on L1": f"{report.batches_on_l1:,}, {report.batches_final:,} of them final",
            "frozen": format_time(report.frozen_at_s * 1000) if report.frozen_at_s else "no",
            "health": ", ".join(
                name if told == OK else f"[red]{name}: {told}[/]" for name, told in report.health.items()
            )
            or "not served",
            "watchtower": describe_watchtower(report.watchtower),
        },
    )
    output.result({"well": report.is_well, **msgspec.to_builtins(report)})
    if not report.is_well:
        raise CliError("the system is not well: see above, and the logs in its folder")


def describe_watchtower(report: dict[str, object] | None) -> str:
    """The watchtower's findings in one line."""
    if report is None:
        return "has not reported yet"
    alarm = report["alarm"]
    if isinstance(alarm, dict):
        return f"[bold red]ALARM {alarm['message']}[/]"
    conserved = "money is conserved" if report["conserved"] else f"[bold red]{report['imbalance']}[/]"
    return f"{report['batches_verified']} of {report['batches']} batches re-executed, all agree; {conserved}"


def read_status(site: Site) -> StatusReport:
    """Ask node, L1 and the watchtower's report file."""
    node = asyncio.run(ask_node(site))
    l1 = site.connect_l1()
    rollup = site.deployment.check(l1)
    head = l1.get_head()
    return StatusReport(
        folder=str(site.folder.path),
        processes={name: is_running(pid) for name, pid in site.system.processes.items()},
        clock_ms=node.clock_ms,
        next_number=node.next_number,
        open_batch=node.open_batch,
        last_batch=node.batch,
        root="0x" + node.root.hex(),
        l1_block=head.number,
        l1_time_s=head.timestamp_s,
        batches_on_l1=rollup.get_head_number(),
        batches_final=rollup.get_final_number(),
        is_open_to_all=rollup.is_open(),
        frozen_at_s=rollup.get_frozen_at(),
        health={name: ask_health(url) for name, url in site.system.health.items()},
        watchtower=read_watchtower(site.folder.path / "watchtower.json"),
    )


async def ask_node(site: Site) -> Status:
    """Where the node stands."""
    async with await connect_node(site) as node:
        return await node.plain.get_status()


def ask_health(url: str) -> str:
    """What a process says of its health: ok, or what is wrong."""
    try:
        return str(httpx.get(url, timeout=HEALTH_SECONDS, trust_env=False).json()["status"])
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        return "does not answer"


def read_watchtower(path: Path) -> dict[str, object] | None:
    """The watchtower's last report, None if it has none yet."""
    try:
        report: dict[str, object] = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return report
