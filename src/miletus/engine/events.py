"""Events: what happened inside a word, for those who watch. They are derived, never state.

An event is 8 integers: (kind, record of the run, a, b, c, d, e, f); unused ones are 0.
"""

from typing import Final

from mypy_extensions import i64

FILL: Final[i64] = 1
"""a maker's order (account x 256 + slot), b taker's, c 2 x instrument + side, d price, e lots, f fee."""

RESTED: Final[i64] = 2
"""a order, b 2 x instrument + side, c price, d lots left, e generation."""

REMOVED: Final[i64] = 3
"""a order, b cause, c lots left, d 2 x instrument + side, e generation."""

SWEPT: Final[i64] = 4
"""a account, b instrument, c position in lots, d payoff."""

SETTLED: Final[i64] = 5
"""a instrument, b payoff, c settlement price."""

WITHDRAWN: Final[i64] = 6
"""a account, b amount in micros."""

DEPOSITED: Final[i64] = 7
"""a account, b amount in micros."""

REDUCED: Final[i64] = 8
"""a order, b lots left after an Amend that kept its place."""

TRANSFERRED: Final[i64] = 9
"""a from, b to, c amount in micros."""

LISTED: Final[i64] = 10
"""a instrument."""

FLIPPED: Final[i64] = 11
"""a underlying, b sheet number, c reference index."""

INDEXED: Final[i64] = 12
"""a underlying, b index, c time in seconds, d 1 if kept as a late reading only."""

# Causes of a removal

CAUSE_CANCELLED: Final[i64] = 1
CAUSE_REPLACED: Final[i64] = 2
CAUSE_FILLED: Final[i64] = 3
CAUSE_SELF_MATCH: Final[i64] = 4
CAUSE_EXPIRED: Final[i64] = 5
CAUSE_BAND: Final[i64] = 6
CAUSE_MARGIN: Final[i64] = 7
CAUSE_REDUCE_ONLY: Final[i64] = 8
CAUSE_SETTLED: Final[i64] = 9
