"""Traces: what the engine's tests make the machine do, and what it has to answer.

The tests compare the machine with the naive model and with numbers written down by hand. Here each machine
that they make is recorded once, unchanged: the pages it starts from, the segments it is given, and after each
segment its receipts, events, outbox and changed pages. A mutant that a test would see gives another answer.

What the scenarios make it do is replayed step by step: the registers between two steps are state (02-R03),
which the circuits have to agree with, and each step has to say which pages it changed. After every segment
the levels of the books are held against their lists, as the tests hold them.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import coverage
import pytest

from miletus.engine.machine import Machine, build_machine
from miletus.engine.segment import Segment
from tests.engine.flow import ITEM, Flow
from tests.engine.levels import check_levels
from tests.engine.narrow import check_division, check_quadratic
from tests.engine.pair import CAPACITY, restore
from tests.engine.steps import Mirror, Page, take_steps
from tests.engine.support import FoldCrypto
from tests.engine.worlds import WORLDS

MAX_STEPS = 30_000
"""Steps of one segment; more is a machine that does not come to its end."""

TESTS = [
    f"tests/engine/test_{name}.py"
    for name in (
        *("place_order", "matching", "amend_cancel", "margin", "expiry", "money", "words"),
        *("sheets", "listing", "oracle", "state", "levels", "edges", "neighbours"),
    )
]
FLOWS = [("market", 1_200), ("brim", 400), ("wide", 120), ("genesis", 150)]
"""Worlds, and items of random flow in each."""

CHECKS: dict[str, Callable[[Any], None]] = {
    "miletus.engine.numbers": lambda module: check_division(
        module.mul_div, module.mul_div_up, module.magnitude, module.positive
    ),
    "miletus.engine.margin": lambda module: check_quadratic(module.compute_quadratic),
}
"""What the tests hold functions to without a machine, by the module that has them."""

Answer = tuple[Any, ...]


@dataclass
class Trace:
    """One machine: the pages that it was made from, and what was asked of it."""

    numbers: Any
    fields: Any
    inputs: tuple[int, int, list[tuple[int, int]]] = (0, 0, [])
    """Time bound, clock floor, and the outbox so far of the batch that it begins in: no pages."""
    stepwise: bool = False
    """Whether the answers tell of every step."""
    steps: list[tuple[str, Any, Answer]] = field(default_factory=list)
    """(what, segment or batch inputs, the answer)."""


class NoEnd(Exception):
    """The machine did not come to the end of a segment."""


def get_answer(machine: Machine, mirror: Mirror, segment: Segment, stepwise: bool) -> Answer:
    """Carry out a segment, and tell all that can be seen of it. Raises NoEnd."""
    changed: list[list[Page]] = []
    mirror.named.clear()
    if stepwise:
        for pages in take_steps(machine, mirror, segment):
            changed.append(pages)
            if len(changed) > MAX_STEPS:
                raise NoEnd
    else:
        machine.start(segment)
        if not machine.run_steps(MAX_STEPS):
            raise NoEnd
    machine.flush()
    changed.append(mirror.hear())
    state = machine.state
    check_levels(state)
    return (
        [state.receipts[k] for k in range(4 * state.receipt_count)],
        [state.events[k] for k in range(8 * state.event_count)],
        [hash(tuple(pages)) for pages in changed],
        sorted(mirror.named),
        tuple(state.outbox),
    )


class Recorder:
    """Records every machine while it is in place."""

    def __init__(self) -> None:
        self.traces: list[Trace] = []
        self.stepwise = True
        """Whether the machines that are made from now on are watched step by step."""

    def __enter__(self) -> Recorder:
        self.old = (Machine.run, Machine.import_pages, Machine.begin_batch, Machine.end_batch)
        run, import_pages, begin_batch, end_batch = self.old
        traces = self.traces

        def recorded_import(machine: Machine, numbers: Any, fields: Any) -> None:
            import_pages(machine, numbers, fields)
            trace = Trace(numbers, fields, stepwise=self.stepwise)
            machine.__dict__["trace"], machine.__dict__["mirror"] = trace, Mirror(machine)
            traces.append(trace)

        def recorded_run(machine: Machine, segment: Segment) -> None:
            trace = machine.__dict__.get("trace")
            state = machine.state
            if trace is None:
                run(machine, segment)
                return
            if not trace.steps:
                trace.inputs = (state.time_bound_ms, state.clock_floor_ms, list(state.outbox))
            answer = get_answer(machine, machine.__dict__["mirror"], segment, trace.stepwise)
            trace.steps.append(("run", segment, answer))

        def recorded_begin(machine: Machine, time_bound_ms: int, clock_floor_ms: int) -> None:
            begin_batch(machine, time_bound_ms, clock_floor_ms)
            if (trace := machine.__dict__.get("trace")) is not None:
                trace.steps.append(("begin", (time_bound_ms, clock_floor_ms), ()))

        def recorded_end(machine: Machine) -> None:
            end_batch(machine)
            if (trace := machine.__dict__.get("trace")) is not None:
                trace.steps.append(("end", (), ()))

        patch(recorded_run, recorded_import, recorded_begin, recorded_end)
        return self

    def __exit__(self, *_: object) -> None:
        patch(*self.old)


def patch(run: Any, import_pages: Any, begin_batch: Any, end_batch: Any) -> None:
    """Put these in the place of the machine's own methods."""
    for name, function in (
        ("run", run),
        ("import_pages", import_pages),
        ("begin_batch", begin_batch),
        ("end_batch", end_batch),
    ):
        setattr(Machine, name, function)


def record_traces(seed: int) -> list[Trace]:
    """Run the tests and some flows, and record them; a test that fails ends the process."""
    with Recorder() as recorder:
        status = pytest.main(
            [*TESTS, "-q", "-x", "-p", "no:cacheprovider", "-k", "not any_field and not mul_div"]
        )
        if status != 0:
            raise SystemExit("mutate: the tests fail without any mutant: make test-python says which")
        recorder.stepwise = False
        for number, (world, items) in enumerate(FLOWS):
            pair = restore(WORLDS[world]())
            flow, dice = Flow(pair), random.Random(seed + number)
            for k in range(items):
                flow.step(dice.randbytes(ITEM))
                if k % 20 == 19:
                    pair.rebuild()  # a new trace, so that each is short
    return [trace for trace in recorder.traces if any(step[0] == "run" for step in trace.steps)]


def replay(trace: Trace) -> bool:
    """Do it again: whether every answer is the same. Raises what the machine raises, and NoEnd."""
    machine = build_machine(CAPACITY, FoldCrypto(), trace.numbers, trace.fields)
    mirror = Mirror(machine)
    state = machine.state
    state.time_bound_ms, state.clock_floor_ms = trace.inputs[:2]
    state.outbox = list(trace.inputs[2])
    for what, argument, answer in trace.steps:
        if what == "begin":
            machine.begin_batch(*argument)
        elif what == "end":
            machine.end_batch()
        else:
            machine.state.clear_outputs()
            if get_answer(machine, mirror, argument, trace.stepwise) != answer:
                return False
    return True


def find_lines(traces: list[Trace], files: list[str]) -> dict[str, dict[int, list[int]]]:
    """For each file and line, the traces that pass it, quickest first; every replay has to succeed."""
    seconds: list[float] = []
    watcher = coverage.Coverage(data_file=None, config_file=False, include=files)
    watcher.start()
    for number, trace in enumerate(traces):
        watcher.switch_context(str(number))
        start = time.process_time()
        if not replay(trace):
            raise SystemExit("mutate: a replay differs from its record: the machine is not deterministic")
        seconds.append(time.process_time() - start)
    watcher.stop()
    data = watcher.get_data()
    return {
        file: {
            line: sorted(map(int, filter(None, contexts)), key=seconds.__getitem__)
            for line, contexts in data.contexts_by_lineno(file).items()
        }
        for file in data.measured_files()
    }


__all__ = ["CHECKS", "NoEnd", "Trace", "find_lines", "record_traces", "replay"]
