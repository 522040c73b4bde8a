"""The first state: signers of the oracle, underlyings, clock."""

from mypy_extensions import i64

from miletus.engine import layout as L
from miletus.engine import params as P
from miletus.engine.elements import write_element
from miletus.engine.state import SIGNERS_BASE, State


def apply_genesis(
    s: State, signers: list[tuple[int, int]], threshold: int, underlyings: int, clock_ms: int
) -> None:
    """Write the genesis into an empty state.

    `signers` are public keys (x, y) of the oracle; `threshold` of them must agree. Raises ValueError for
    numbers that the state has no room for.
    """
    if not 1 <= threshold <= len(signers) <= int(P.MAX_SIGNERS):
        raise ValueError(f"genesis: threshold {threshold} of {len(signers)} signers; need 1 <= m <= n <= 8")
    if not 1 <= underlyings <= int(P.MAX_UNDERLYINGS):
        raise ValueError(f"genesis: {underlyings} underlyings; need 1 to {P.MAX_UNDERLYINGS}")
    c = s.cells
    s.touch(0)
    c[L.VERSION] = P.MACHINE_VERSION
    c[L.CLOCK_MS] = i64(clock_ms)
    c[L.SIGNERS] = i64(len(signers))
    c[L.THRESHOLD] = i64(threshold)
    c[L.UNDERLYINGS] = i64(underlyings)
    for j, (x, y) in enumerate(signers):
        at: i64 = SIGNERS_BASE + i64(j) * L.KEY_RECORD
        s.touch(at)
        write_element(s, at + L.KEY_X, x)
        write_element(s, at + L.KEY_Y, y)
