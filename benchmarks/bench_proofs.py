"""Constraints an operation costs, and what proving costs by them. Prints JSON on the last line.

Small is set up and proved here; what medium and large would take is computed from that and from their rows.
"""

import argparse
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks import intake_market
from benchmarks.flow import Flow, build_words
from benchmarks.proof_flow import MAKERS, RETAIL, SEGMENT_WORDS, Market, count, make_job, sum_used
from benchmarks.proof_kinds import EACH, check, write_inbox, write_script
from benchmarks.proof_prices import (
    price_alone,
    price_together,
    read_prices,
    read_sizes,
)
from benchmarks.report import render_table
from miletus.prover import EdgesJob, find_program
from vectors import world as vector_world

WARM_UP = 2_000
"""Operations before those that are counted, so that books are full."""

PROOFS = 5
QUOTES = 32
"""Quotes under one signature, in the forecast."""

AIM_CORE_SECONDS = 0.2


# ---- constraints --------------------------------------------------------------------------------------


def measure_kinds() -> list[dict[str, Any]]:
    """Constraints of one operation of each kind, each as if it were alone in an edge."""
    script = write_script()
    base = vector_world.build_market()
    words = b"".join(script.world.words)
    counted = count(make_vector_job(base.machine, words))
    reasons = check(base, words)
    inbox, inbox_words = write_inbox()
    counted_inbox = count(make_vector_job(inbox.machine, inbox_words, index=0))
    names = [*script.names, "deposit", "set_key_inbox"]
    for k, (name, reason) in enumerate(zip(script.names, reasons, strict=True)):
        if reason and "refused" not in name and "undone" not in name:
            raise RuntimeError(f"operation {k} of the script ({name}) was refused for {reason}")
    kinds: dict[str, list[dict[str, Any]]] = {}
    for name, operation in zip(names, [*counted, *counted_inbox], strict=True):
        if name:
            kinds.setdefault(name, []).append(operation)
    return [describe_kind(name, operations) for name, operations in kinds.items()]


def make_vector_job(machine: Any, words: bytes, index: int = 1) -> EdgesJob:
    """A job of the vectors' deployment."""
    kept = intake_market.CHAIN_ID, intake_market.ROLLUP
    intake_market.CHAIN_ID, intake_market.ROLLUP = vector_world.CHAIN_ID, vector_world.ROLLUP
    try:
        return make_job(machine, words, index=index)
    finally:
        intake_market.CHAIN_ID, intake_market.ROLLUP = kept


def describe_kind(name: str, operations: list[dict[str, Any]]) -> dict[str, Any]:
    """A row of the table of kinds."""
    parts = [price_alone(operation) for operation in operations]
    share = len(operations) if name.startswith(EACH) else 1
    sums = {key: round(sum(part[key] for part in parts) / share) for key in parts[0]}
    return {
        "operation": name.removeprefix(EACH),
        "machine_steps": sum(operation["steps"] for operation in operations) // share,
        "steps": sums["steps"],
        "signatures_hashes_words": sums["signature"] + sums["hashes"] + sums["words"],
        "pages_and_nodes": sums["pages"] + sums["nodes"],
        "constraints": sum(sums.values()),
    }


def measure_tables(flows: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Rows and constraints an operation, by table, of each flow in an edge of its own size."""
    prices, rows = read_prices(), []
    used = {name: sum_used(operations) for name, operations in flows.items()}
    tables = sorted({table for counts in used.values() for table in counts})
    for table in tables:
        row: dict[str, Any] = {"table": table, "constraints_a_row": prices[f"step: {table}"]}
        for name, operations in flows.items():
            each = used[name].get(table, 0) / len(operations)
            row[f"{name}_rows"] = round(each, 3)
            row[f"{name}_constraints"] = round(each * prices[f"step: {table}"])
        rows.append(row)
    together = {name: price_together(operations) for name, operations in flows.items()}
    for part in ("signature", "hashes", "words", "pages", "nodes", "once"):
        row = {"table": part, "constraints_a_row": ""}
        for name, operations in flows.items():
            row[f"{name}_rows"] = ""
            row[f"{name}_constraints"] = round(together[name][part] / len(operations))
        rows.append(row)
    return rows


def build_quotes() -> list[bytes]:
    """The makers' requotes alone, each maker's one after the other, as whole sheets would come."""
    flow = Flow(requotes=1.0)
    intake_market.FLOW = flow
    rows = build_words(flow, WARM_UP, 2)
    signed = intake_market.sign_flow(WARM_UP, 2, WARM_UP + SEGMENT_WORDS)
    order = sorted(range(len(rows)), key=lambda k: (rows[k][1], k))
    return [signed[k] for k in order]


# ---- proving ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Timed:
    """What a command took."""

    output: str
    wall_seconds: float
    core_seconds: float
    peak_bytes: int


def run_timed(command: Sequence[str], text: str = "") -> Timed:
    """Run a command with its input, and add up what its process used."""
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+") as given, tempfile.TemporaryFile("w+") as said:
        given.write(text)
        given.seek(0)
        process = subprocess.Popen(command, stdin=given, stdout=said, stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        errors = process.stderr.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - start
        said.seek(0)
        output = said.read()
    if process.returncode != 0:
        raise RuntimeError(errors.strip().splitlines()[-1] if errors.strip() else "the prover failed")
    return Timed(output, wall, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024)


def measure_setup(folder: Path, circuit: str) -> dict[str, Any]:
    """Compile a circuit and make its development keys in a fresh folder."""
    setup = run_timed([str(find_program()), "-keys", str(folder), "setup", circuit])
    return {
        "set_up_core_seconds": setup.core_seconds,
        "set_up_seconds": setup.wall_seconds,
        "set_up_peak_bytes": setup.peak_bytes,
        "key_bytes": sum(path.stat().st_size for path in folder.glob("*.pk")),
        "compiled_circuit_bytes": sum(path.stat().st_size for path in folder.glob("*.cs")),
    }


def measure_proofs(folder: Path, job: EdgesJob, constraints: int) -> dict[str, Any]:
    """Proofs of a job's edges one by one, less a run of the first alone, which also loads the key."""
    command = [str(find_program()), "-keys", str(folder), "prove", "-side-by-side", "1", "-"]
    many = run_timed(command, json.dumps(job.to_json()))
    proofs = [json.loads(line) for line in many.output.splitlines()]
    first_words = proofs[0]["about"]["cursor_after"]
    one = run_timed(command, json.dumps(shorten(job, first_words).to_json()))
    extra = len(proofs) - len(one.output.splitlines())
    return {
        "constraints": constraints,
        "proofs": len(proofs),
        "operations": sum(proof["about"]["used"]["done"] for proof in proofs),
        "proof_core_seconds": (many.core_seconds - one.core_seconds) / extra,
        "proof_seconds": (many.wall_seconds - one.wall_seconds) / extra,
        "load_and_prove_one_seconds": one.wall_seconds,
        "proof_peak_bytes": many.peak_bytes,
    }


def measure_small(job: EdgesJob, keys: Path | None) -> dict[str, Any]:
    """The smallest size, set up in a folder that is deleted, or with keys that are there."""
    folder = keys if keys is not None else Path(tempfile.mkdtemp(prefix="miletus-keys-"))
    circuit = "edge-small"
    try:
        setup = {} if keys is not None else measure_setup(folder, circuit)
        listed = subprocess.run(
            [str(find_program()), "-keys", str(folder), "export", circuit],
            capture_output=True,
            text=True,
            check=True,
        )
        constraints: int = json.loads(listed.stdout)["constraints"]
        return setup | measure_proofs(folder, job, constraints)
    finally:
        if keys is None:
            shutil.rmtree(folder)


def shorten(job: EdgesJob, words: int) -> EdgesJob:
    """A job with only the first words of its segment."""
    (segment,) = job.segments
    return replace(job, segments=[replace(segment, words=segment.words[: words * 31])])


def forecast(jobs: dict[str, EdgesJob], proving: dict[str, Any]) -> list[dict[str, Any]]:
    """Core-seconds an operation for each size; measured at small, computed from its price for the others."""
    each = proving["proof_core_seconds"] / proving["constraints"]
    rows = []
    for size, constraints in read_sizes().items():
        scale = constraints / proving["constraints"]
        row: dict[str, Any] = {"size": size, "by": "measured" if scale == 1 else "forecast"}
        row["constraints"] = constraints
        for name, job in jobs.items():
            edges = count(job, size)
            full = edges[:-1] or edges
            operations = sum(edge["operations"] for edge in full) / len(full)
            row[f"{name}_operations_an_edge"] = round(operations, 1)
            row[f"{name}_constraints_an_operation"] = round(constraints / max(operations, 1e-9))
            row[f"{name}_core_seconds_an_operation"] = each * constraints / max(operations, 1e-9)
        row["proof_core_seconds"] = each * constraints
        for key in ("set_up_core_seconds", "key_bytes"):
            if key in proving:
                row[key] = round(proving[key] * scale)
        row["peak_bytes"] = round(proving["proof_peak_bytes"] * scale)
        rows.append(row)
    return rows


def main() -> None:
    """Count, prove, and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--no-proofs", action="store_true", help="count constraints alone")
    parser.add_argument("--keys", type=Path, help="prove with the keys in this folder, without a set-up")
    options = parser.parse_args()
    kinds = measure_kinds()
    jobs, flows = {}, {}
    for name, flow in (("makers", MAKERS), ("retail", RETAIL)):
        market = Market(flow, WARM_UP)
        jobs[name] = market.make_job()
        flows[name] = count(jobs[name])
        if name == "makers":
            market.operations = build_quotes()
            flows["quotes"] = count(market.make_job())
    tables = measure_tables(flows)
    result: dict[str, Any] = {}
    for name, operations in flows.items():
        parts = price_together(operations)
        result[f"{name}_constraints_an_operation_without_spare_rows"] = round(
            sum(parts.values()) / len(operations)
        )
    if not options.no_proofs:
        small = [edge["words"] for edge in count(jobs["makers"], "small")[:PROOFS]]
        proving = measure_small(shorten(jobs["makers"], sum(small)), options.keys)
        sizes = forecast(jobs, proving)
        each = proving["proof_core_seconds"] / proving["constraints"]
        shared = read_prices()["signature"] + read_prices()["hash row"]
        together = sum(price_together(flows["quotes"]).values()) / len(flows["quotes"])
        quote = together - shared * (1 - 1 / QUOTES)
        result |= {f"small_{key}": value for key, value in proving.items()}
        result["microseconds_of_a_core_a_constraint"] = each * 1e6
        result["aim_core_seconds_an_operation_at_large"] = AIM_CORE_SECONDS
        result[f"forecast_constraints_a_quote_of_{QUOTES}_under_a_signature"] = round(quote)
        result[f"forecast_core_seconds_a_quote_of_{QUOTES}_under_a_signature"] = quote * each
        result["sizes"] = sizes
    result |= {"kinds": kinds, "tables": tables}
    print(render_table(result))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
