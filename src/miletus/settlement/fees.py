"""What is paid for a transaction: at first, and when it has to be replaced."""

from dataclasses import dataclass
from typing import Final

from miletus.settlement.errors import FeeCapReached
from miletus.settlement.intents import Attempt
from miletus.settlement.values import Header

GWEI: Final = 10**9

REPLACEMENT_PERMILLE: Final = 1_100
"""Least factor at which nodes let a transaction replace one of the same nonce."""


@dataclass(frozen=True, slots=True)
class FeePolicy:
    """What is paid, and when more.

    Attributes:
        cap_wei: most that is paid for a unit of gas, base fee and tip together.
        tip_floor_wei: least tip.
        bump_permille: factor of fees when a transaction is replaced; nodes want at least 1100.
        patience_seconds: wait for inclusion before fees rise.
        depth: blocks, its own included, after which an included transaction is taken for settled.

    """

    cap_wei: int = 500 * GWEI
    tip_floor_wei: int = GWEI // 10
    bump_permille: int = 1_250
    patience_seconds: float = 36.0
    depth: int = 12


DEFAULT_FEES: Final = FeePolicy()


@dataclass(frozen=True, slots=True)
class Moment:
    """What the chain says now: its head, our nonce at that head, and what the next block costs, wei a gas."""

    head: Header
    nonce: int
    base_fee_wei: int
    tip_wei: int


def compute_fees(policy: FeePolicy, key: str, last: Attempt | None, moment: Moment) -> tuple[int, int]:
    """(tip, most for a unit of gas) in wei, above those of the last attempt if there was one.

    Raises:
        FeeCapReached: L1 or the replacement asks for more than the cap.

    """
    cap = policy.cap_wei
    tip = moment.tip_wei
    max_fee = 2 * moment.base_fee_wei + tip
    least = moment.base_fee_wei
    if last is not None:
        tip = max(tip, _raise(last.tip_wei, policy.bump_permille))
        max_fee = max(max_fee, _raise(last.max_fee_wei, policy.bump_permille))
        least = max(least, _raise(last.max_fee_wei, REPLACEMENT_PERMILLE))
    if least > cap:
        raise FeeCapReached(
            f"{key!r} waits: L1 asks {least / GWEI:.3g} gwei, the cap is {cap / GWEI:.3g}; "
            "raise the cap or wait for lower fees"
        )
    return min(tip, cap), min(max_fee, cap)


def _raise(wei: int, permille: int) -> int:
    return -(-wei * permille // 1_000)
