"""The machine step by step, as somebody sees it who is told of changed pages alone (02-R03)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from miletus.engine import layout
from miletus.engine.machine import Machine
from miletus.engine.registers import save_registers
from miletus.engine.segment import Segment

Page = tuple[int, bytes]
"""Number of a page, and its fields."""


class Mirror:
    """The pages of a machine, kept up by what it says has changed."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.known: dict[int, bytes] = {}
        self.named: set[int] = set()
        """Numbers of the pages that were said to have changed, whether they had or not."""
        save_registers(machine.state)
        cells = view_cells(machine)
        for page in np.flatnonzero(cells.any(axis=1)).tolist():
            self.known[machine.state.compute_page_number(page)] = cells[page].tobytes()
        self.hear()

    def hear(self) -> list[Page]:
        """Pages that changed since the last call, in the order of their numbers; registers are written."""
        state = self.machine.state
        save_registers(state)
        cells = view_cells(self.machine)
        changed = []
        for k in range(state.dirty_count):
            page = int(state.stack[k])
            state.dirty[page] = 0
            number, fields = int(state.compute_page_number(page)), cells[page].tobytes()
            self.named.add(number)
            if self.known.get(number, EMPTY) != fields:
                self.known[number] = fields
                changed.append((number, fields))
        state.dirty_count = 0
        return sorted(changed)

    def find_unheard(self) -> list[int]:
        """Numbers of pages that are not as they were last heard of."""
        state, cells = self.machine.state, view_cells(self.machine)
        pages = np.flatnonzero(cells.any(axis=1)).tolist()
        found = {int(state.compute_page_number(page)): cells[page].tobytes() for page in pages}
        known = {number: fields for number, fields in self.known.items() if fields != EMPTY}
        return sorted(n for n in found.keys() | known.keys() if found.get(n) != known.get(n))


EMPTY = bytes(8 * int(layout.PAGE))


def view_cells(machine: Machine) -> Any:
    """One row a page."""
    return np.frombuffer(memoryview(machine.state.cells), dtype=np.int64).reshape(-1, int(layout.PAGE))


def take_steps(machine: Machine, mirror: Mirror, segment: Segment) -> Iterator[list[Page]]:
    """Carry out a segment one step after the other; give the pages that each changed."""
    machine.start(segment)
    done = False
    while not done:
        done = machine.run_steps(1)
        yield mirror.hear()
