"""Run every benchmark and write docs/benchmarks.md: `make bench`. Or some, by name.

A benchmark is a module `benchmarks.bench_*` that prints one JSON object on its last line. What is written is
what was measured in this run, with the machine's description. One that fails is said to have failed, the
others are run, and the exit code is 1.
"""

import argparse
import contextlib
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from miletus.tuning import build_environment

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "benchmarks.md"
NOTES = Path(__file__).parent / "notes"
"""One Markdown file a benchmark: what it measures, and what limits it."""

LIMIT_SECONDS = 1_200
"""How long one benchmark may take before it counts as failed."""


def describe_machine() -> str:
    """Processor, cores, memory and versions, in one line."""
    model = "unknown processor"
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        model = names[0].split(":", 1)[1].strip() if names else model
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return (
        f"{model}, {os.cpu_count()} cores, {pages / 2**30:.0f} GiB, Linux {platform.release()}, "
        f"Python {platform.python_version()}"
    )


def run(module: str, arguments: list[str], interpreted: bool) -> dict[str, Any]:
    """Run one benchmark in a session of its own and read its last line; `failed` says why there is none.

    Whatever it started ends with it, also when it takes longer than LIMIT_SECONDS.
    """
    environment = {**build_environment(), "PYTHONPATH": str(ROOT)}
    if interpreted:
        environment["MILETUS_INTERPRETED"] = "1"
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as trouble:
        child = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            env=environment,
            stdout=out,
            stderr=trouble,
            start_new_session=True,
        )
        try:
            code = child.wait(LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            return {"failed": f"not done within {LIMIT_SECONDS} s"}
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        out.seek(0)
        trouble.seek(0)
        lines, errors = out.read().strip().splitlines(), trouble.read().strip().splitlines()
    if code != 0:
        last = (errors or lines or [""])[-1]
        return {"failed": f"exit code {code}: {last}"}
    try:
        result: dict[str, Any] = json.loads(lines[-1])
    except (IndexError, ValueError):
        return {"failed": "its last line is no JSON object"}
    return result


def render_value(value: Any) -> str:
    """A figure for a table."""
    if isinstance(value, float):
        return f"{value:,.3g}" if abs(value) < 1_000 else f"{value:,.0f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value)


def render_table(result: dict[str, Any]) -> str:
    """A result as Markdown: scalars as rows, lists of records as tables of their own."""
    rows = [(k, v) for k, v in result.items() if not isinstance(v, list | dict)]
    text = "| figure | value |\n|---|---|\n"
    text += "".join(f"| {key} | {render_value(value)} |\n" for key, value in rows)
    for key, value in result.items():
        if isinstance(value, dict):
            inner = ", ".join(f"{k}: {render_value(v)}" for k, v in value.items())
            text += f"| {key} | {inner or 'none'} |\n"
    for key, value in result.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            columns = list(value[0])
            text += f"\n{key}:\n\n| " + " | ".join(columns) + " |\n|" + "---|" * len(columns) + "\n"
            for record in value:
                text += "| " + " | ".join(render_value(record.get(c, "")) for c in columns) + " |\n"
    return text


def find_benchmarks() -> list[str]:
    """Names of all benchmarks, sorted."""
    return sorted(path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py"))


HEAD = """# Benchmarks

Written by `make bench`; each section says when and where it was measured. Machines are shared and noisy:
compare figures of one run, and trust ratios and counts more than seconds.
"""


def get_title(name: str) -> str:
    """Heading of a benchmark's section."""
    return name.replace("_", " ").capitalize()


def read_sections() -> dict[str, str]:
    """The sections of the page as it is, by heading."""
    if not PAGE.exists():
        return {}
    parts = PAGE.read_text().split("\n## ")[1:]
    return {part.partition("\n")[0]: part.partition("\n")[2].strip() for part in parts}


def write_section(name: str, body: str) -> None:
    """Put a section into the page, in the place of its last one; those without a benchmark are left out."""
    sections = read_sections() | {get_title(name): body.strip()}
    titles = [get_title(each) for each in find_benchmarks()]
    page = HEAD + "".join(f"\n## {title}\n\n{sections[title]}\n" for title in titles if title in sections)
    PAGE.write_text(page)


def measure(name: str) -> tuple[str, bool]:
    """Run a benchmark, in both builds if it is the engine's: its section, and if nothing failed."""
    note = NOTES / f"{name}.md"
    parts = [f"> {describe_machine()}, {time.strftime('%Y-%m-%d', time.gmtime())}\n"]
    if note.exists():
        parts.append(note.read_text().strip() + "\n")
    good = True
    builds = [("", False)] if name != "engine" else [("Compiled:\n\n", False), ("Interpreted:\n\n", True)]
    for title, interpreted in builds:
        arguments = ["--words", "20000", "--runs", "3"] if interpreted else []
        print(f"{name} {title.strip()}".strip(), "...", flush=True)
        started = time.monotonic()
        result = run(f"benchmarks.bench_{name}", arguments, interpreted)
        print(f"  {time.monotonic() - started:.0f} s: {json.dumps(result)[:400]}", flush=True)
        if "failed" in result:
            good = False
            parts.append(f"{title}**It failed in this run**: `{result['failed']}`\n")
        else:
            parts.append(title + render_table(result))
    return "\n".join(parts), good


def main() -> int:
    """Run the benchmarks that are named, or all, and put each into the page once it is done."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="benchmarks; all, if none is named")
    parser.add_argument("--print", action="store_true", help="leave the page as it is")
    options = parser.parse_args()
    unknown = set(options.names) - set(find_benchmarks())
    if unknown:
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(find_benchmarks())}")
    failed = []
    for name in options.names or find_benchmarks():
        body, good = measure(name)
        if not good:
            failed.append(name)
        if not options.print:
            write_section(name, body)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
