"""What the machine asks of cryptography, as pure functions of words and state (spec 10).

The engine computes no hash and checks no signature itself: an implementation is handed to it. Results must
depend on nothing but the arguments, or two machines would part.
"""

from mypy_extensions import i64, mypyc_attr

from miletus.engine.segment import Segment
from miletus.engine.state import State


@mypyc_attr(allow_interpreted_subclasses=True)
class Crypto:
    """Base of all implementations. Addresses are of `state.cells`; field elements there are 5 limbs."""

    def verify_record(self, state: State, segment: Segment, record: i64, key_address: i64) -> bool:
        """Whether the signed record's signature holds under the key (x, y: 10 limbs) at `key_address`."""
        raise NotImplementedError

    def verify_approval(self, state: State, segment: Segment, record: i64, key_address: i64) -> bool:
        """Whether the Approve record signs what is on the stage, under the key at `key_address`."""
        raise NotImplementedError

    def absorb_entry(self, state: State, segment: Segment, record: i64, address: i64) -> None:
        """Take the three words of a SheetEntry into the running hash at `address` (spec 10-R07)."""
        raise NotImplementedError

    def absorb_receipts(self, state: State, first: i64, count: i64, address: i64) -> None:
        """Take receipts `first` .. `first + count - 1` of `state.receipts` into the events accumulator."""
        raise NotImplementedError

    def absorb_withdrawal(self, state: State, owner_address: i64, amount: i64, address: i64) -> None:
        """Take (owner: 4 limbs at `owner_address`, amount in micros) into the outbox accumulator."""
        raise NotImplementedError
