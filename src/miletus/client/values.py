"""What the SDK gives: prices and money in USDC, sizes in coins, as exact decimals."""

from dataclasses import dataclass
from decimal import Decimal

from miletus.engine.reasons import Reason
from miletus.market.names import InstrumentType
from miletus.market.requests import Side, TimeInForce
from miletus.sequencer.confirmations import Confirmation


@dataclass(frozen=True, slots=True)
class Instrument:
    """An instrument: its terms and its grid. `strike` is None but for options, `expiry_s` for perpetuals."""

    name: str
    number: int
    type: InstrumentType
    underlying: str
    strike: Decimal | None
    expiry_s: int | None
    price_step: Decimal
    size_step: Decimal
    least_size: Decimal
    settled: bool


@dataclass(frozen=True, slots=True)
class Ticker:
    """An instrument now. `mark` is None where no sheet has it; a side of the book may be empty."""

    name: str
    index: Decimal
    mark: Decimal | None
    delta: Decimal | None
    bid: Decimal | None
    ask: Decimal | None
    bid_size: Decimal
    ask_size: Decimal
    open_interest: Decimal
    restricted: bool


@dataclass(frozen=True, slots=True)
class Book:
    """Levels (price, size) of both sides, the best first."""

    name: str
    bids: tuple[tuple[Decimal, Decimal], ...]
    asks: tuple[tuple[Decimal, Decimal], ...]


@dataclass(frozen=True, slots=True)
class Fill:
    """A fill of an own order as its answer tells it; `id` is what `miletus audit` takes."""

    id: str
    size: Decimal
    price: Decimal
    fee: Decimal


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """An order that rests: `slot` and `generation` name it for amend and cancel."""

    name: str
    side: Side
    price: Decimal
    left: Decimal
    filled: Decimal
    slot: int
    generation: int


@dataclass(frozen=True, slots=True)
class Placed:
    """What became of an order.

    `rests` says whether what is left is in the book, under `slot` and `generation`. `confirmation` is the
    sequencer's signature for its place, which was checked.
    """

    number: int
    name: str
    side: Side
    size: Decimal
    price: Decimal | None
    filled: Decimal
    average_price: Decimal | None
    fills: tuple[Fill, ...]
    rests: bool
    slot: int
    generation: int
    reason: Reason
    confirmation: Confirmation


@dataclass(frozen=True, slots=True)
class Position:
    """A position; negative is short."""

    name: str
    size: Decimal
    mark: Decimal
    value: Decimal


@dataclass(frozen=True, slots=True)
class Account:
    """An account now; `free` is what more risk may use. `margin` is older than the sheet if `stale`."""

    number: int
    owner: str
    cash: Decimal
    locked: Decimal
    equity: Decimal
    margin: Decimal
    free: Decimal
    stale: bool
    positions: tuple[Position, ...]
    orders: tuple[OpenOrder, ...]


@dataclass(frozen=True, slots=True)
class Trade:
    """A fill of anybody's: `side` is the taker's, `own` says whether this account took part."""

    id: str
    time_ms: int
    name: str
    side: Side
    price: Decimal
    size: Decimal
    own: bool


@dataclass(frozen=True, slots=True)
class Order:
    """An order to be placed; a `price` of None is a market order."""

    name: str
    side: Side
    size: Decimal | str | int
    price: Decimal | str | int | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    post_only: bool = False
    reduce_only: bool = False
    good_for_s: int = 0
    slot: int | None = None
    """The slot to use; None takes a free one. A given one's order is replaced."""


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A withdrawal on L1: it can be claimed when `final` and not `paid`."""

    batch: int
    index: int
    amount: Decimal
    final: bool
    paid: bool


@dataclass(frozen=True, slots=True)
class Finality:
    """How far an operation's word has come on L1, as L1 alone tells it.

    `root` is what the batch claims for the state after the word's segment. `proved` says that a proof showed
    the whole batch to be right; `final_at_s` is when it becomes final without one, if nobody refutes it.
    """

    number: int
    batch: int
    segment: int
    word: int
    transaction: str
    block: int
    root: str
    proved: bool
    final: bool
    final_at_s: int


@dataclass(frozen=True, slots=True)
class Departure:
    """What became of an account that left a frozen rollup.

    `worth` was proved to L1 and may be negative; `owed` is paid once claims are over; `proofs` were made now.
    """

    account: int
    owner: str
    worth: Decimal
    owed: Decimal
    paid: bool
    proofs: int
