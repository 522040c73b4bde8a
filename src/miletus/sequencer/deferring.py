"""The events accumulator, folded behind the back of intake.

No rule of the machine reads it (10-R07): it is a cell that the root holds. A fold takes longer than most
operations, so the machine of a node leaves its receipts here, and the thread of the roots folds them in.
"""

from array import array
from typing import Any

from miletus.engine import layout
from miletus.engine.state import RECEIPT, State
from miletus.native import NativeCrypto, OffChainCrypto, absorb_receipts

_RECEIPT = int(RECEIPT)
_EVENTS = int(layout.EVENTS)
_LIMBS, _LIMB_BITS = int(layout.LIMBS), int(layout.LIMB_BITS)
_HEADER = int(layout.MACHINE_REGION + layout.MACHINE_HEADER)
_PAGE = int(layout.PAGE)


class DeferringCrypto(NativeCrypto):
    """Cryptography of a node's machine: its events accumulator stays as it was, `take` has what it lacks."""

    def __init__(self, chain_id: int, rollup_address: int | str | bytes) -> None:
        super().__init__(chain_id, rollup_address)
        self._receipts: list[bytes] = []

    def absorb_receipts(self, state: State, first: int, count: int, address: int) -> None:
        """Keep the receipts for later."""
        part = memoryview(state.receipts)[first * _RECEIPT : (first + count) * _RECEIPT]
        self._receipts.append(part.tobytes())

    def take(self) -> bytes:
        """Receipts since the last call, 4 integers each."""
        receipts, self._receipts = b"".join(self._receipts), []
        return receipts

    def peek(self) -> bytes:
        """Receipts since the last `take`."""
        return b"".join(self._receipts)


class FollowingCrypto(OffChainCrypto, DeferringCrypto):
    """The same while the node follows batches that L1 has without signatures (policy zk)."""


def fold(events: int, receipts: bytes) -> int:
    """The accumulator after receipts."""
    return absorb_receipts(events, array("q", receipts), patient=True) if receipts else events


def read_events(numbers: Any, fields: Any) -> int:
    """The accumulator among pages; 0 where the machine's header is none of them."""
    for place, number in enumerate(memoryview(numbers).tolist()):
        if number == _HEADER:
            at = place * _PAGE + _EVENTS
            return sum(int(fields[at + k]) << (_LIMB_BITS * k) for k in range(_LIMBS))
    return 0


def write_events(numbers: Any, fields: Any, events: int) -> None:
    """Put the accumulator into the machine's header among pages."""
    for place, number in enumerate(memoryview(numbers).tolist()):
        if number == _HEADER:
            at = place * _PAGE + _EVENTS
            for k in range(_LIMBS):
                fields[at + k] = events >> (_LIMB_BITS * k) & (1 << _LIMB_BITS) - 1
