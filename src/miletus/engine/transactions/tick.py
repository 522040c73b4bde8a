"""Tick: the machine's clock moves (03-R15)."""

from mypy_extensions import i64

from miletus.engine import layout as L
from miletus.engine import segment as G
from miletus.engine.phases import DONE
from miletus.engine.reasons import BAD_TIME
from miletus.engine.segment import Segment
from miletus.engine.state import State
from miletus.engine.transactions.authorise import refuse


def apply_tick(s: State, segment: Segment, at: i64) -> None:
    """Set the clock, forward only and not beyond the batch's bound."""
    c = s.cells
    time_ms: i64 = segment.records[at + G.R_FIELDS]
    # CHECK
    if time_ms <= c[L.CLOCK_MS] or time_ms > s.time_bound_ms:
        refuse(s, BAD_TIME)
        return
    # APPLY
    s.touch(0)
    c[L.CLOCK_MS] = time_ms
    # PUBLISH
    s.r_phase = DONE
