"""What the machine derives from its cells, held against the cells: the levels of the books (02-R02).

A wrong level does no harm until an order is put in its place or taken from it, perhaps in another batch and
only in a machine that was not rebuilt in between. So it is looked for at once, in every run.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from miletus.engine import layout, params
from miletus.engine.state import ACCOUNTS_BASE, INSTRUMENTS_BASE, State

FIRST_ROOM = 16
"""Levels that a side has room for at first; the room doubles, so that a level costs the same on average."""
BOOK = int(layout.PAGE)
"""From an instrument's page to its book's, whose first two fields are the heads of its sides."""


def view(vector: Any) -> Any:
    return np.frombuffer(memoryview(vector), dtype=np.int64)


def check_levels(state: State) -> None:
    """Every side's run holds the prices of its list, worst first, each with the last order at that price."""
    counts, rooms, bases = map(view, (state.level_count, state.level_room, state.level_base))
    keys, tails = view(state.level_key), view(state.level_tail)
    pages = view(state.cells)[int(INSTRUMENTS_BASE) : int(ACCOUNTS_BASE)].reshape(-1, 2 * BOOK)
    heads = pages[:, BOOK : BOOK + 2].reshape(-1)
    assert len(heads) == len(counts) == 2 * params.MAX_INSTRUMENTS
    for side in np.flatnonzero(heads | counts).tolist():
        base, count = int(bases[side]), int(counts[side])
        found = list(
            zip(keys[base : base + count].tolist(), tails[base : base + count].tolist(), strict=True)
        )
        expected = list(reversed(walk(state, int(heads[side]), 1 - 2 * (side % 2)).items()))
        assert found == expected, f"02-R02: side {side}: levels {found}, its list says {expected}"
        assert count <= rooms[side]
    check_rooms(
        [(int(bases[side]), int(rooms[side])) for side in np.flatnonzero(rooms).tolist()],
        int(state.level_used),
    )
    assert state.level_used <= len(keys) == len(tails)


def walk(state: State, head: int, sign: int) -> dict[int, int]:
    """Keys of a side from the best to the worst, each with the last order at it."""
    found: dict[int, int] = {}
    while head:
        at = int(state.order(head - 1))
        found[sign * state.cells[at + layout.ORDER_PRICE]] = head
        head = state.cells[at + layout.ORDER_NEXT]
    return found


def check_rooms(runs: list[tuple[int, int]], used: int) -> None:
    """Runs lie apart from each other, and grew by doubling."""
    end = 0
    for base, room in sorted(runs):
        assert base >= end, "02-R02: two sides share room"
        assert room % FIRST_ROOM == 0, room
        assert (room // FIRST_ROOM).bit_count() == 1, room
        end = base + room
    assert end <= used
