"""Phases of the machine: what the next step does (spec 02-R03). The phase is a register."""

from typing import Final

from mypy_extensions import i64

FETCH: Final[i64] = 0
"""Take the next operation."""

UNLINK: Final[i64] = 1
"""Take one order out of its book."""

REFRESH: Final[i64] = 2
"""Rebuild an account's sums, one position or one underlying a step."""

ENTER: Final[i64] = 3
"""Check an order that may enter its book."""

READY: Final[i64] = 4
"""Check what needs fresh sums, and give the order its limit and generation."""

MATCH: Final[i64] = 5
"""Look at the head of the other side once."""

REST: Final[i64] = 6
"""Put what is left into the book."""

UNDO: Final[i64] = 7
"""Take one fill of a fill-or-kill order back."""

SCAN: Final[i64] = 8
"""Find the next order slot that a Cancel means."""

PAY: Final[i64] = 9
"""Carry out a Withdraw or Transfer after the refresh."""

CLEAR: Final[i64] = 10
"""Remove a head of a settled instrument's book."""

REENTER: Final[i64] = 11
"""Enter an amended order again."""

DONE: Final[i64] = 12
"""Leave the receipt."""

PUBLISH: Final[i64] = 13
"""Tell of one fill of a fill-or-kill order that stands."""
