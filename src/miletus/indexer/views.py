"""What history is told as. Units and meanings are those of the tables (`schema`)."""

from typing import Generic, Literal, TypeVar

import msgspec

T = TypeVar("T")

BatchStatus = Literal["open", "closed", "in_window", "posted", "proved", "final"]
"""open: still takes words; closed: confirmed, not on L1 yet; in_window: on L1, can be challenged; posted: its
window is over and nobody has made it final yet; proved and final: as L1 says."""


class Page(msgspec.Struct, Generic[T], frozen=True):
    """Some rows, and what to ask with for those that follow; None if there are none."""

    rows: tuple[T, ...]
    continuation: str | None


class FillView(msgspec.Struct, frozen=True):
    """A fill; `side` 0: the taker bought. Orders are ids of `orders`, None where no word placed them."""

    id: int
    number: int
    place: int
    time_ms: int
    instrument: int
    side: int
    price_ticks: int
    size_lots: int
    fee_micros: int
    index_ticks: int
    mark_ticks: int
    taker: int
    taker_order: int | None
    maker: int
    maker_order: int | None
    arrival_ms: int | None

    @property
    def name(self) -> str:
        """As `miletus audit` takes it."""
        return f"{self.number}.{self.place}"


class OrderView(msgspec.Struct, frozen=True):
    """An order; `type` 1 is a market order, `cause` of its removal and `reason` of its receipt by number."""

    id: int
    number: int
    account: int
    slot: int
    generation: int
    instrument: int
    side: int
    type: int
    time_in_force: int
    post_only: int
    reduce_only: int
    price_ticks: int
    size_lots: int
    filled_lots: int
    notional_micros: int
    expiry_s: int
    state: Literal["open", "filled", "cancelled", "rejected"]
    reason: int
    cause: int
    created_ms: int
    updated_ms: int
    updated_id: int
    amendments: int
    arrival_ms: int | None


class TransactionView(msgspec.Struct, frozen=True):
    """A change of an account's money, and what it has after it (cash and locked)."""

    id: int
    number: int
    time_ms: int
    account: int
    kind: Literal["trade", "deposit", "withdrawal", "transfer", "delivery", "eviction", "adjustment"]
    instrument: int | None
    lots: int
    price_ticks: int
    fee_micros: int
    change_micros: int
    balance_micros: int
    position_lots: int
    profit_micros: int
    counterparty: int | None
    fill: int | None


class CandleView(msgspec.Struct, frozen=True):
    """Prices and volume from `start_ms` on, of as many minutes as were asked for."""

    start_ms: int
    open_ticks: int
    high_ticks: int
    low_ticks: int
    close_ticks: int
    volume_lots: int
    notional_micros: int
    fills: int


class DayView(msgspec.Struct, frozen=True):
    """The last 24 hours of an instrument; prices are None where nothing was traded."""

    first_ticks: int | None
    last_ticks: int | None
    high_ticks: int | None
    low_ticks: int | None
    volume_lots: int
    notional_micros: int
    fills: int


class PortfolioView(msgspec.Struct, frozen=True):
    """An account at a moment."""

    account: int
    id: int
    time_ms: int
    cash_micros: int
    locked_micros: int
    equity_micros: int
    requirement_micros: int


class HoldingView(msgspec.Struct, frozen=True):
    """A position at a moment: what its lots cost, and what closing lots has made since the first."""

    account: int
    instrument: int
    id: int
    time_ms: int
    size_lots: int
    cost_micros: int
    profit_micros: int

    @property
    def average_ticks(self) -> float | None:
        """What a lot cost on average; None for no position."""
        return self.cost_micros / self.size_lots if self.size_lots else None


class DepositView(msgspec.Struct, frozen=True):
    """A deposit; `entry` is its place in L1's inbox."""

    id: int
    account: int
    amount_micros: int
    time_ms: int
    entry: int


class WithdrawalView(msgspec.Struct, frozen=True):
    """A withdrawal, the `place`-th of its batch's outbox; paid on L1 in a block, or not yet."""

    id: int
    account: int
    owner: str
    amount_micros: int
    time_ms: int
    batch: int
    place: int
    l1_paid_block: int | None


class SettlementView(msgspec.Struct, frozen=True):
    """An instrument's settlement."""

    instrument: int
    id: int
    underlying: int
    expiry_s: int
    time_ms: int
    settlement_ticks: int
    payoff_ticks: int


class DeliveryView(msgspec.Struct, frozen=True):
    """What a holder gets of a settlement; profit is over what the lots cost."""

    account: int
    instrument: int
    id: int
    time_ms: int
    size_lots: int
    settlement_ticks: int
    payoff_ticks: int
    amount_micros: int
    profit_micros: int


class InstrumentRecord(msgspec.Struct, frozen=True):
    """An instrument that was ever listed; `state` 1 listed, 2 settled."""

    instrument: int
    id: int
    type: int
    underlying: int
    strike_ticks: int
    expiry_s: int
    tick_step: int
    lot_step: int
    min_size_lots: int
    listed_ms: int
    state: int
    settled_ms: int | None
    settlement_ticks: int | None
    payoff_ticks: int | None


class IndexView(msgspec.Struct, frozen=True):
    """An index that counted from a word on."""

    underlying: int
    id: int
    time_s: int
    index_ticks: int


class BatchView(msgspec.Struct, frozen=True):
    """A batch and its way on L1; what L1 does not say yet is None."""

    number: int
    epoch: int
    first_number: int
    time_s: int
    clock_ms: int
    inbox_first: int
    inbox_count: int
    segments: int
    words: int
    operations: int
    fills: int
    closed: int
    digest: str
    l1_id: str | None
    l1_transaction: str | None
    l1_block_hash: str | None
    l1_root: str | None
    l1_proposer: str | None
    l1_block: int | None
    l1_time_s: int | None
    l1_bytes: int | None
    l1_gas: int | None
    l1_window_end_s: int | None
    l1_proved_block: int | None
    l1_final_block: int | None

    def get_status(self, l1_time_s: int) -> BatchStatus:
        """Where it is on its way, at a time of L1's clock."""
        if self.l1_final_block is not None:
            return "final"
        if self.l1_proved_block is not None:
            return "proved"
        if self.l1_block is not None:
            return "in_window" if l1_time_s < (self.l1_window_end_s or 0) else "posted"
        return "closed" if self.closed else "open"


class ProofView(msgspec.Struct, frozen=True):
    """A part of a batch that was proved as claimed: a segment's number, or 17 for the outbox."""

    batch_id: str
    part: int
    batch: int
    payee: str
    l1_transaction: str
    l1_block: int


class RemovalView(msgspec.Struct, frozen=True):
    """A batch that L1 removed; `part` was proved wrong, None for one that went with another or too late."""

    batch_id: str
    batch: int
    proposer: str
    part: int | None
    payee: str | None
    reward_wei: str
    burnt_wei: str
    l1_transaction: str
    l1_block: int
