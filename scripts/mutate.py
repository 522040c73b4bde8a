"""Change the machine in one place after the other, and see that its tests notice.

Each mutant of book, margin and settlement runs in a process of its own on the interpreted machine, against
what the tests recorded (see `mutation/traces.py`), until an answer differs. One that no test notices is a
survivor, unless `tests/engine/mutants_equivalent.txt` names it with the reason why it changes nothing.

    mutate.py [--minutes M] [--seed N] [--jobs N] [--only FILE] [MODULE ...]

Prints the survivors; exit status 1 if there is any. MODULE is a name such as `book` or `settle`; FILE has
names of mutants, one a line, as this prints them: to see whether the survivors of a run survive still.
"""

import argparse
import gc
import importlib
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
ENGINE = ROOT / "src" / "miletus" / "engine"
EQUIVALENT = ROOT / "tests" / "engine" / "mutants_equivalent.txt"
MODULES = (
    *("book", "matching", "incoming", "fill_or_kill", "margin", "refresh", "numbers"),
    *("transactions.place_order", "transactions.amend", "transactions.cancel", "transactions.settle"),
    *("transactions.withdraw", "transactions.transfer", "transactions.deposit"),
)
SECONDS = 10
"""A mutant that takes more of a processor's time than this for one trace has no end."""

KILLED, SURVIVED, NOT_COVERED = "killed", "survived", "not covered"


def read_equivalent() -> dict[str, str]:
    """Names of the mutants that change nothing, with the reasons."""
    found: dict[str, str] = {}
    for number, line in enumerate(EQUIVALENT.read_text().splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            name, mark, reason = line.partition("  # ")
            if not mark or not reason.strip():
                raise SystemExit(f"{EQUIVALENT}:{number}: no reason: write it after two blanks and a #")
            found[name.strip()] = reason.strip()
    return found


def get_functions(module: Any) -> Iterator[tuple[str, FunctionType]]:
    """Functions and methods that a module defines, by name."""
    for name, value in vars(module).items():
        if isinstance(value, FunctionType) and value.__module__ == module.__name__:
            yield name, value
        elif isinstance(value, type) and value.__module__ == module.__name__:
            yield from ((f"{name}.{k}", v) for k, v in vars(value).items() if isinstance(v, FunctionType))


def put_in_place(mutant: Any, module: ModuleType) -> None:
    """Give the mutated function's code to the function that everybody holds."""
    fresh = ModuleType(module.__name__)
    fresh.__dict__["__file__"] = module.__file__
    exec(compile(mutant.build_tree(), str(mutant.path), "exec"), fresh.__dict__)
    dict(get_functions(module))[mutant.function].__code__ = dict(get_functions(fresh))[
        mutant.function
    ].__code__


def read_names(file: Path) -> set[str]:
    """Names of mutants in a file, alone on their lines or as a report has them."""
    lines = (line.strip() for line in file.read_text().splitlines())
    return {line.split(f": {result}: ")[-1] for line in lines for result in (get_result(line),) if line}


def get_result(line: str) -> str:
    """The result that a report's line tells."""
    return NOT_COVERED if f": {NOT_COVERED}: " in line else SURVIVED


def is_noticed(mutant: Any, module: ModuleType, traces: list[Any]) -> bool:
    """Whether some trace goes another way. Runs in a process of its own."""
    from mutation.traces import CHECKS, replay

    put_in_place(mutant, module)
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
    try:
        CHECKS.get(module.__name__, lambda _: None)(module)
    except Exception:
        return True
    for trace in traces:
        # its default action ends the process, which is noticed too
        signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
        try:
            if not replay(trace):
                return True
        except Exception:  # whatever a mutant raises, the machine never does
            return True
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return False


def run_apart(mutant: Any, module: ModuleType, traces: list[Any]) -> int:
    """Start a process for one mutant and give its id; its exit status is 0 if nobody noticed."""
    process = os.fork()
    if process == 0:
        status = 1
        try:
            sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115
            status = 1 if is_noticed(mutant, module, traces) else 0
        finally:
            os._exit(status)
    return process


def find_passing(mutant: Any, lines: dict[int, list[int]]) -> list[int]:
    """Traces that pass the first line of the mutant that is a line of its own to the interpreter."""
    covered = (lines[line] for line in range(mutant.line, mutant.last_line + 1) if lines.get(line))
    return next(covered, [])


class Run:
    """A run over mutants, `jobs` at a time, until they or the time are used up."""

    def __init__(self, jobs: int, deadline: float) -> None:
        self.jobs, self.deadline = jobs, deadline
        self.running: dict[int, Any] = {}
        self.results: list[tuple[Any, str]] = []

    def wait_for_one(self) -> None:
        """Wait until a process ends, and note what became of its mutant."""
        process, status = os.wait()
        if process in self.running:
            self.results.append((self.running.pop(process), SURVIVED if status == 0 else KILLED))

    def go(self, mutants: list[Any], traces: list[Any], lines: dict[str, dict[int, list[int]]]) -> None:
        """Run them all, each against the traces that pass its line."""
        for mutant in mutants:
            if time.monotonic() > self.deadline:
                break
            passing = find_passing(mutant, lines.get(str(mutant.path), {}))
            if not passing:
                self.results.append((mutant, NOT_COVERED))
                continue
            while len(self.running) >= self.jobs:
                self.wait_for_one()
            module = importlib.import_module(get_module_name(mutant.path))
            self.running[run_apart(mutant, module, [traces[k] for k in passing])] = mutant
        while self.running:
            self.wait_for_one()


def get_module_name(path: Path) -> str:
    """Turn a module's path into the name that it is imported by."""
    return ".".join(path.relative_to(ROOT / "src").with_suffix("").parts)


def get_path(module: str) -> Path:
    """Find a module's file by its last name."""
    full = next((name for name in MODULES if name.rpartition(".")[2] == module.rpartition(".")[2]), None)
    if full is None:
        raise SystemExit(f"mutate: no module {module!r}: choose among {', '.join(MODULES)}")
    return ENGINE.joinpath(*full.split(".")).with_suffix(".py")


def report(results: list[tuple[Any, str]], total: int, equivalent: dict[str, str]) -> int:
    """Print what was found, and give the exit status."""
    alive = [(mutant, result) for mutant, result in results if result != KILLED]
    survivors = [(mutant, result) for mutant, result in alive if mutant.name not in equivalent]
    killed_after_all = {mutant.name for mutant, result in results if result == KILLED} & set(equivalent)
    for mutant, result in sorted(survivors, key=lambda pair: (str(pair[0].path), pair[0].line)):
        print(f"{mutant.path.relative_to(ROOT)}:{mutant.line}: {result}: {mutant.name}")
    for name in sorted(killed_after_all):
        print(f"{EQUIVALENT.relative_to(ROOT)}: not equivalent, a test notices it: {name}")
    counts = Counter(result for _, result in results)
    print(
        f"{len(results)} of {total} mutants: {counts[KILLED]} killed, "
        f"{len(alive) - len(survivors)} equivalent, {len(survivors)} survivors"
    )
    return 1 if survivors or killed_after_all else 0


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minutes", type=float, default=40, help="stop after this time (40)")
    parser.add_argument("--seed", type=int, default=1, help="order of the mutants, and the random flows (1)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes at a time")
    parser.add_argument("--only", type=Path, metavar="FILE", help="run only the mutants named in this file")
    parser.add_argument("modules", nargs="*", help="modules to mutate (all of book, margin and settlement)")
    arguments = parser.parse_args()
    deadline = time.monotonic() + 60 * arguments.minutes
    os.chdir(ROOT)
    os.environ["MILETUS_INTERPRETED"] = "1"
    sys.path[:0] = [str(ROOT), str(ROOT / "scripts"), str(ROOT / "src")]
    # after the environment says which machine is wanted
    from mutation.operators import find_mutants
    from mutation.traces import find_lines, record_traces

    paths = [get_path(module) for module in arguments.modules or MODULES]
    equivalent = read_equivalent()
    only = read_names(arguments.only) if arguments.only else set()
    traces = record_traces(arguments.seed)
    lines = find_lines(traces, [str(path) for path in paths])
    mutants = [mutant for path in paths for mutant in find_mutants(path) if not only or mutant.name in only]
    random.Random(arguments.seed).shuffle(mutants)
    print(f"{len(traces)} traces, {len(mutants)} mutants", flush=True)
    gc.collect()
    gc.freeze()
    run = Run(arguments.jobs, deadline)
    run.go(mutants, traces, lines)
    names = {mutant.name for path in paths for mutant in find_mutants(path)}
    for name in sorted(only - names):
        print(f"{arguments.only}: no such mutant any more: {name}")
    return report(run.results, len(mutants), equivalent)


if __name__ == "__main__":
    sys.exit(main())
