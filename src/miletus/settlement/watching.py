"""The watchtower as a process: its command line, its lines of JSON, its report."""

import argparse
import json
import signal
import sys
from pathlib import Path
from threading import Event
from typing import Any

from miletus.native import NativeLibraryError
from miletus.settlement.chain import ChainView
from miletus.settlement.deployment import check_rollup
from miletus.settlement.errors import L1Error, SettlementError
from miletus.settlement.genesis import Genesis
from miletus.settlement.l1 import Vault
from miletus.settlement.node import MOVED_TIME, HeadRules, L1Node
from miletus.settlement.values import to_hex
from miletus.settlement.verify import Verified
from miletus.settlement.watchtower import DEPTH_BLOCKS, Watchtower

OK, FAILED, ALARM = 0, 1, 2
"""Exit statuses: all claims right, could not work, a wrong claim."""


def build_report(tower: Watchtower) -> dict[str, Any]:
    """What the watchtower knows, as JSON values; money in micros, times in ms.

    `roots_agreed` says that every claim of every batch on L1 was found right. `conserved` says that money
    and positions add up in the rebuilt state, that it holds the deposits that L1 took in for the entries
    consumed, and that L1 paid no more than the machine put out. `withdrawn_micros` is what L1 paid.
    """
    view, totals, replica = tower.view, tower.totals, tower.replica
    rollup, vault, head = view.rollup, view.vault, view.head
    assert head is not None
    paid = vault.get_paid(head.hash)
    imbalance = find_imbalance(tower) if tower.alarm is None else "not looked for after a wrong claim"
    return {
        "status": "alarm" if tower.alarm else "agreed",
        "chain_id": rollup.node.get_chain_id(),
        "rollup": rollup.address,
        "l1_block": head.number,
        "l1_time_s": head.timestamp_s,
        "batches": view.head_number,
        "batches_verified": tower.verified_number,
        "batches_final": rollup.get_final_number(head.hash),
        "segments": totals.segments,
        "words": totals.words,
        "operations": totals.operations,
        "fills": totals.fills,
        "l1_bytes": totals.l1_bytes,
        "l1_gas": totals.l1_gas,
        "l1_bytes_per_word": round(totals.l1_bytes / totals.words, 3) if totals.words else None,
        "l1_gas_per_word": round(totals.l1_gas / totals.words, 3) if totals.words else None,
        "root": to_hex(replica.root),
        "clock_ms": replica.clock_ms,
        "roots_agreed": tower.alarm is None and tower.verified_number == view.head_number,
        "conserved": not imbalance,
        "imbalance": imbalance,
        "deposited_micros": replica.deposited_micros,
        "put_out_micros": replica.withdrawn_micros,
        "withdrawn_micros": paid,
        "wrong_data_hashes": totals.wrong_hashes,
        "alarm": tower.alarm.to_json() if tower.alarm else None,
    }


def find_imbalance(tower: Watchtower) -> str:
    """What does not add up in the rebuilt state or between it and L1; empty if nothing."""
    view, replica = tower.view, tower.replica
    assert view.head is not None
    found = replica.find_imbalance()
    if found:
        return found
    last = view.inbox_end - 1
    taken_in = view.vault.get_entry(last, view.head.hash).deposited_micros if last >= 0 else 0
    if tower.verified_number == view.head_number and replica.deposited_micros != taken_in:
        return f"the machine holds deposits of {replica.deposited_micros}, L1 took in {taken_in}"
    paid = view.vault.get_paid(view.head.hash)
    if paid > replica.withdrawn_micros:
        return f"L1 paid {paid}, the machine put out {replica.withdrawn_micros}"
    return ""


class Watching:
    """One run of the watchtower: polls, prints, and ends as it was asked to."""

    def __init__(self, tower: Watchtower, options: argparse.Namespace) -> None:
        self.tower = tower
        self.options = options
        self.stop = Event()
        self._alarmed: object = None
        self._snapshot_problem = ""

    def run(self) -> int:
        """Exit status."""
        last = ""
        while not self.stop.is_set():
            try:
                done = self.tower.poll()
            except L1Error as error:
                if self.options.once:
                    raise
                if str(error) != last:
                    print_json({"event": "l1", "problem": str(error)})
                last = str(error)
            else:
                last = ""
                self._tell(done)
                if self._is_done():
                    break
            self.stop.wait(self.options.poll_seconds)
        self.tower.save()
        report = build_report(self.tower)
        print_json({"event": "report", **report})
        self._write_report(report)
        return ALARM if self.tower.alarm is not None else OK

    def _is_done(self) -> bool:
        options, tower = self.options, self.tower
        if options.once or (tower.alarm is not None and options.stop_on_alarm):
            return True
        return bool(options.until_batch and tower.verified_number >= options.until_batch)

    def _tell(self, done: list[Verified]) -> None:
        for batch in done:
            print_json(
                {
                    "event": "batch",
                    "number": batch.number,
                    "id": to_hex(batch.id),
                    "l1_block": batch.block_number,
                    "root": to_hex(batch.root),
                    "segments": batch.segments,
                    "words": batch.words,
                }
            )
        if self.tower.snapshot_problem not in ("", self._snapshot_problem):
            print_json({"event": "snapshot", "problem": self.tower.snapshot_problem})
        self._snapshot_problem = self.tower.snapshot_problem
        alarm = self.tower.alarm
        if alarm is not None and alarm != self._alarmed:
            print_json({"event": "alarm", **alarm.to_json()})
            print(f"ALARM {alarm}", file=sys.stderr, flush=True)
        if done or alarm != self._alarmed:
            self._write_report(build_report(self.tower))
        self._alarmed = alarm

    def _write_report(self, report: dict[str, Any]) -> None:
        path: Path | None = self.options.report
        if path is not None:
            draft = path.with_suffix(path.suffix + ".draft")
            draft.write_text(json.dumps(report, indent=2) + "\n")
            draft.replace(path)


def print_json(line: dict[str, Any]) -> None:
    """One line of JSON on the standard output, at once."""
    print(json.dumps(line), flush=True)


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m miletus.settlement.watchtower",
        description="Verify a rollup from L1 alone. Lines of JSON; status 0: all claims right, 2: not.",
    )
    parser.add_argument("--rpc", required=True, help="address of the L1 node, http:// or https://")
    parser.add_argument("--rollup", required=True, help="address of the rollup contract")
    parser.add_argument("--genesis", required=True, type=Path, help="the deployment's genesis file")
    parser.add_argument("--start-block", type=int, default=0, help="block of the deployment, to save time")
    parser.add_argument("--snapshot", type=Path, help="directory for its snapshot, to go on from later")
    parser.add_argument("--depth", type=int, default=DEPTH_BLOCKS, help="blocks after which L1 is settled")
    parser.add_argument("--poll-seconds", type=float, default=2.0, help="pause between looks at L1")
    parser.add_argument("--once", action="store_true", help="verify up to the head, report and end")
    parser.add_argument("--until-batch", type=int, default=0, help="end when this batch is verified")
    parser.add_argument("--stop-on-alarm", action="store_true", help="end at a wrong claim")
    parser.add_argument("--report", type=Path, help="file for the report, written anew at every change")
    parser.add_argument("--moved-time", action="store_true", help="accept an L1 whose clock was moved")
    parser.add_argument(
        "--timeout-seconds", type=float, default=10.0, help="longest wait for an answer of L1"
    )
    return parser


def open_watchtower(options: argparse.Namespace) -> Watchtower:
    """A watchtower as the command line describes it. Raises SettlementError."""
    rules = MOVED_TIME if options.moved_time else HeadRules()
    node = L1Node.connect(options.rpc, rules, timeout_seconds=options.timeout_seconds)
    genesis = Genesis.load(options.genesis)
    rollup = check_rollup(node, options.rollup, genesis.compute_root())
    view = ChainView(rollup, Vault(node, rollup.vault), options.start_block)
    path = None
    if options.snapshot is not None:
        options.snapshot.mkdir(parents=True, exist_ok=True)
        path = options.snapshot / f"{rollup.address.lower()}.snapshot"
    return Watchtower(view, genesis, path, options.depth)


def main(arguments: list[str] | None = None) -> int:
    """Entry point; exit status."""
    options = build_parser().parse_args(arguments)
    try:
        watching = Watching(open_watchtower(options), options)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: watching.stop.set())
        return watching.run()
    except (SettlementError, NativeLibraryError, OSError) as error:
        print(f"watchtower: {error}", file=sys.stderr)
        return FAILED
