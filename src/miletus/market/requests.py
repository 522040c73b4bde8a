"""What makers and takers ask for, independent of keys and transport: whoever drives them signs and sends."""

from dataclasses import dataclass
from enum import IntEnum


class Side(IntEnum):
    """Side of an order, as in PlaceOrder's flags (spec 04)."""

    BUY = 0
    SELL = 1

    @property
    def sign(self) -> int:
        """1 for a buy, -1 for a sell."""
        return 1 if self == Side.BUY else -1

    @property
    def other(self) -> "Side":
        """The opposite side."""
        return Side(1 - self)


class TimeInForce(IntEnum):
    """How long what is not filled at once stays, as in PlaceOrder's flags (spec 04)."""

    GTC = 0
    IOC = 1
    FOK = 2


@dataclass(frozen=True, slots=True)
class Place:
    """A new order, its price and size on the grid. `account` is 0, 1, ... of the agent's own."""

    account: int
    slot: int
    instrument: int
    side: Side
    price_ticks: int
    size_lots: int
    time_in_force: TimeInForce = TimeInForce.GTC
    market: bool = False
    post_only: bool = False
    reduce_only: bool = False
    replace: bool = False
    good_for_s: int = 0


@dataclass(frozen=True, slots=True)
class Amend:
    """Another price or total size, fills included, for a resting order (spec 04-R18)."""

    account: int
    slot: int
    generation: int
    price_ticks: int
    size_lots: int


@dataclass(frozen=True, slots=True)
class Cancel:
    """Take a resting order out, whichever is in the slot (spec 04-R19, mode 0 with generation 0)."""

    account: int
    slot: int


Request = Place | Amend | Cancel
