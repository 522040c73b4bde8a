"""The watchtower: re-executes everything from L1 alone, and tells what it found.

It is given an address of L1, the rollup's address and the published first state; it reads nothing else of the
system, not even its folder, so what it says is evidence.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from miletus.cli.channel import Channel, Fields
from miletus.cli.errors import CliError
from miletus.cli.output import Output, format_usdc
from miletus.cli.roles.base import follow_l1
from miletus.settlement.chain import ChainView
from miletus.settlement.deployment import check_rollup
from miletus.settlement.genesis import Genesis
from miletus.settlement.l1 import Vault
from miletus.settlement.node import MOVED_TIME, HeadRules, L1Node
from miletus.settlement.verdicts import Verdicts
from miletus.settlement.verify import Verified
from miletus.settlement.watching import build_report
from miletus.settlement.watchtower import Watchtower

TOLD: Final = ("batches_verified", "batches_final", "alarm", "conserved")
"""Fields of a report whose change people are told."""


@dataclass(frozen=True)
class Options:
    """What a watchtower is given. `moved_time` accepts an L1 whose clock is moved by hand.

    `once` ends when it has come to L1's head; `as_json` prints each report as one line of JSON.
    """

    rpc: str
    rollup: str
    genesis: Path
    start_block: int = 0
    snapshot_folder: Path | None = None
    report_path: Path | None = None
    poll_seconds: float = 2.0
    moved_time: bool = False
    once: bool = False
    as_json: bool = False


def run(channel: Channel, options: Options) -> None:
    """Run until told to stop; a wrong claim is told, and what is built on it is not looked at."""
    rules = MOVED_TIME if options.moved_time else HeadRules()
    l1 = L1Node.connect(options.rpc, rules)
    genesis = Genesis.load(options.genesis)
    rollup = check_rollup(l1, options.rollup, genesis.compute_root())
    view = ChainView(rollup, Vault(l1, rollup.vault), options.start_block)
    snapshot = None
    if options.snapshot_folder is not None:
        options.snapshot_folder.mkdir(parents=True, exist_ok=True)
        snapshot = options.snapshot_folder / f"{rollup.address.lower()}.snapshot"
    tower = Watchtower(view, genesis, snapshot)
    proofs = ProofReport(view)
    last: dict[str, Any] = {}

    output = Output(options.as_json)

    def tell(report: dict[str, Any]) -> None:
        channel.told |= report
        if channel.supervised:
            channel.report(**report)
        elif options.as_json:
            sys.stdout.buffer.write(msgspec.json.encode(report) + b"\n")
            sys.stdout.buffer.flush()
        elif any(report[name] != last.get(name) for name in TOLD):
            output.line(describe_report(report))

    def poll() -> None:
        nonlocal last
        # one batch at a time, so that the parent sees how it goes on
        proofs.take(tower.poll(limit=1))
        report = {**build_report(tower), **proofs.build()}
        if report != last:
            tell(report)
            if options.report_path is not None:
                write_report(options.report_path, report)
        last = report

    def get_pause() -> float:
        behind = tower.alarm is None and tower.verified_number < view.head_number
        return 0.0 if behind else options.poll_seconds

    def get_report() -> Fields:
        proofs.take(tower.poll())
        return {**build_report(tower), **proofs.build()}

    channel.handlers["report"] = get_report
    channel.is_ready = True
    if channel.supervised:
        channel.ready()
    if options.once:
        poll()
        while not channel.stopping and not get_pause():
            poll()
    else:
        follow_l1(channel, poll, get_pause)
    tower.save()
    if options.once and (last["alarm"] or not last["conserved"]):
        raise CliError("do not build on this rollup: see above")


class ProofReport:
    """What L1 says of proofs and exits, for the report."""

    def __init__(self, view: ChainView) -> None:
        self._view = view
        self._verdicts = Verdicts(view.rollup, view.start_block)
        self._traded: dict[bytes, int] = {}
        self._longest_s: int | None = None

    def take(self, verified: Sequence[Verified]) -> None:
        """Take note of batches that were executed: the times of those with fills."""
        for batch in verified:
            posted = self._view.get_batch(batch.number)
            if batch.fills and posted is not None and posted.id == batch.id:
                self._traded[batch.id] = posted.time_s

    def build(self) -> Fields:
        """Fields of the report.

        `trade_to_final_seconds` is the shortest time from that of a batch with fills, which is about its
        first word's, to the L1 block in which a proof made it final; `lie_to_removal_seconds` the longest
        from the commit of a wrong batch to the block that removed it. None if there is none.
        """
        verdicts = self._verdicts
        verdicts.poll()
        waits = [
            final.at_s - self._traded[batch_id]
            for batch_id, final in verdicts.finals.items()
            if batch_id in verdicts.proved and batch_id in self._traded
        ]
        committed = {
            batch.id: batch.committed_at_s for removal in self._view.removals for batch in removal.batches
        }
        refuted = {refutation.batch_id for refutation in verdicts.refutations}
        lasted = [
            removed.at_s - committed[removed.batch_id]
            for removed in verdicts.removed
            if removed.batch_id in refuted and removed.batch_id in committed
        ]
        self._longest_s = max(
            [*lasted, *([] if self._longest_s is None else [self._longest_s])], default=None
        )
        return {
            "proved_batches": verdicts.proved_batches,
            "frauds_caught": len(verdicts.refutations),
            "trade_to_final_seconds": min(waits, default=None),
            "lie_to_removal_seconds": self._longest_s,
            "exit_paid_micros": verdicts.exit_paid_micros,
        }


def describe_report(report: dict[str, Any]) -> str:
    """What was found, in one line."""
    if report["alarm"]:
        return f"[bold red]ALARM {report['alarm']['message']}[/]"
    money = "money is conserved" if report["conserved"] else f"[bold red]{report['imbalance']}[/]"
    came, went = format_usdc(report["deposited_micros"]), format_usdc(report["put_out_micros"])
    return (
        f"{report['batches_verified']:,} of {report['batches']:,} batches re-executed, every root agrees "
        f"({report['batches_final']:,} final); {report['words']:,} words, {report['fills']:,} fills; "
        f"{came} came in, {went} went out, {money}"
    )


def write_report(path: Path, report: dict[str, Any]) -> None:
    """Write a report, whole or not at all."""
    draft = path.with_suffix(path.suffix + ".draft")
    draft.write_text(json.dumps(report, indent=2) + "\n")
    draft.replace(path)
