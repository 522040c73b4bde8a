"""An account's trading desk: signs each operation with the account's key, and has it ordered once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from miletus.client import RequestError, Side, TimeInForce, Trader
from miletus.engine import layout
from miletus.engine.reasons import Reason
from miletus.gateway.errors import RpcError, make_error, make_refusal
from miletus.gateway.exchange import AccountBook, Exchange, UserTrade
from miletus.gateway.instruments import Listing
from miletus.gateway.link import Link, NodeAway, Ordered
from miletus.gateway.orders import CANCELLED, TIMES_IN_FORCE, Meta, Order, make_order_id
from miletus.native import PrivateKey, domain
from miletus.sequencer.errors import Refused

TRIES: Final = 3
"""How often an operation is made anew that collided with one of another program of the same account."""


@dataclass(frozen=True)
class Seat:
    """An account, and the trading key with which it is served."""

    account: int
    key_slot: int
    key: PrivateKey


@dataclass(slots=True)
class Ticket:
    """A new order in the machine's units. `good_for_s` 0 rests until it is cancelled."""

    listing: Listing
    side: int
    size_lots: int
    price_ticks: int
    market: bool = False
    time_in_force: TimeInForce = TimeInForce.GTC
    post_only: bool = False
    reduce_only: bool = False
    good_for_s: int = 0
    valid_until_s: int | None = None


@dataclass(slots=True)
class Placed:
    """What became of an order that was placed or changed: the order as it is now, and its trades."""

    order: Order
    trades: list[UserTrade]


class Desk:
    """The desk of one seat. `get_time_s` is the exchange's clock."""

    def __init__(self, exchange: Exchange, link: Link, seat: Seat, get_time_s: Callable[[], int]) -> None:
        self.exchange = exchange
        self.link = link
        self.seat = seat
        self.book: AccountBook = exchange.serve(seat.account)
        deployment = link.deployment
        self._trader = Trader(
            account=seat.account,
            key_slot=seat.key_slot,
            key=seat.key,
            domain=domain(deployment.chain_id, deployment.rollup),
            now_s=get_time_s,
        )

    # ---- operations

    async def place(self, ticket: Ticket, meta: Meta) -> Placed:
        """Place an order. RpcError if the machine refuses it."""
        for attempt in range(TRIES):
            slot = self._reserve_slot()
            try:
                ordered = await self._submit(lambda slot=slot: self._sign_place(ticket, slot), meta)  # type: ignore[misc]
            finally:
                self.book.orders.release_slot(slot)
            result = ordered.applied.result
            if result.reason != Reason.SLOT_TAKEN or attempt == TRIES - 1:
                break
        order = self.book.orders.get(make_order_id(self.seat.account, slot, result.detail % (1 << 32)))
        if order is not None and order.number == ordered.applied.number:
            return Placed(order, self._get_trades(order, ordered))
        if result.reason == Reason.NOT_FILLED:
            return Placed(self._make_unfilled(ticket, slot, ordered, meta), [])
        raise make_refusal(Reason(result.reason), ticket.side)

    async def amend(self, order: Order, size_lots: int, price_ticks: int) -> Placed:
        """Change an order's price or total size; the machine cancels one whose change it refuses (04-R18)."""
        trader = self._trader
        ordered = await self._submit(
            lambda: trader.amend(order.slot, order.generation, size_lots, price_ticks), None
        )
        reason = Reason(ordered.applied.result.reason)
        if reason is Reason.OK or ordered.applied.result.filled_lots:
            return Placed(order, self._get_trades(order, ordered))
        if reason is Reason.ORDER_NOT_FOUND:
            raise make_error("already_closed", f"the order is {order.state}")
        error = make_refusal(reason, order.side)
        error.data = {**(error.data or {}), "order_state": order.state}
        raise error

    async def cancel(self, order: Order) -> Order:
        """Cancel an order. RpcError not_open_order if it rests no more."""
        trader = self._trader
        ordered = await self._submit(lambda: trader.cancel(order.slot, order.generation), None)
        reason = Reason(ordered.applied.result.reason)
        if reason is Reason.ORDER_NOT_FOUND:
            raise make_error("not_open_order", f"the order is {order.state}")
        if reason is not Reason.OK:
            raise make_refusal(reason)
        return order

    async def cancel_instrument(self, instrument: int) -> int:
        """Cancel all orders in an instrument; how many there were."""
        return await self._cancel_many(lambda: self._trader.cancel_instrument(instrument))

    async def cancel_all(self) -> int:
        """Cancel all orders; how many there were."""
        return await self._cancel_many(self._trader.cancel_all)

    async def withdraw(self, amount_micros: int) -> Ordered:
        """Withdraw to the owner's L1 address."""
        return await self._pay(lambda: self._trader.withdraw(amount_micros))

    async def transfer(self, to: int, amount_micros: int) -> Ordered:
        """Pay to another account."""
        return await self._pay(lambda: self._trader.transfer(to, amount_micros))

    # ---- inside

    def _reserve_slot(self) -> int:
        slot = self.book.orders.reserve_slot()
        if slot is None:
            raise make_error("max_total_open_orders", "256 orders rest already: cancel one first")
        return slot

    async def _pay(self, build: Callable[[], bytes]) -> Ordered:
        ordered = await self._submit(build, None)
        reason = Reason(ordered.applied.result.reason)
        if reason is not Reason.OK:
            raise make_refusal(reason)
        return ordered

    async def _cancel_many(self, build: Callable[[], bytes]) -> int:
        ordered = await self._submit(build, None)
        reason = Reason(ordered.applied.result.reason)
        if reason is not Reason.OK:
            raise make_refusal(reason)
        return ordered.applied.result.detail

    async def _submit(self, build: Callable[[], bytes], meta: Meta | None) -> Ordered:
        """Sign an operation and have it ordered; it is signed anew if another program took its nonce."""
        for attempt in range(TRIES):
            self._trader.last_nonce = max(self._trader.last_nonce, self._get_nonce())
            try:
                words = build()
            except RequestError as error:
                raise make_error("invalid_amount", str(error)) from None
            if meta is not None:
                self.exchange.metas[words] = meta
            try:
                return await self.link.submit(words)
            except Refused as error:
                self.exchange.metas.pop(words, None)
                if error.reason is Reason.NONCE_USED and attempt < TRIES - 1:
                    self._trader.last_nonce += 1
                    continue
                raise explain(error) from None
            except NodeAway as error:
                raise make_error("retry", str(error)) from None
        raise AssertionError("unreachable")

    def _get_nonce(self) -> int:
        """Last nonce of the key in the state."""
        state = self.exchange.state
        if self.seat.account >= state.capacity:
            return 0
        return int(state.cells[state.key(self.seat.account, self.seat.key_slot) + layout.KEY_NONCE])

    def _sign_place(self, ticket: Ticket, slot: int) -> bytes:
        return self._trader.place(
            ticket.listing.number,
            Side(ticket.side),
            ticket.size_lots,
            ticket.price_ticks,
            slot=slot,
            time_in_force=ticket.time_in_force,
            market=ticket.market,
            post_only=ticket.post_only,
            reduce_only=ticket.reduce_only,
            good_for_s=ticket.good_for_s,
        )

    def _get_trades(self, order: Order, ordered: Ordered) -> list[UserTrade]:
        """The trades of an order in the word that was just ordered, which are the account's last ones."""
        number = ordered.applied.number
        found: list[UserTrade] = []
        for trade in reversed(self.book.trades):
            if trade.trade.number < number:
                break
            if trade.trade.number == number and trade.order is order and trade.role == "T":
                found.append(trade)
        return found[::-1]

    def _make_unfilled(self, ticket: Ticket, slot: int, ordered: Ordered, meta: Meta) -> Order:
        """An immediate order that found nothing: it never rested, and is told as cancelled."""
        applied = ordered.applied
        return Order(
            self.seat.account,
            slot,
            applied.result.detail % (1 << 32),
            ticket.listing.number,
            ticket.side,
            ticket.price_ticks,
            ticket.size_lots,
            ticket.market,
            TIMES_IN_FORCE[ticket.time_in_force],
            ticket.post_only,
            ticket.reduce_only,
            applied.time_ms,
            applied.time_ms,
            applied.number,
            state=CANCELLED,
            cancel_reason=TIMES_IN_FORCE[ticket.time_in_force],
            meta=meta,
        )


def explain(error: Refused) -> RpcError:
    """What a client is told of an operation that the node did not take."""
    if error.reason is None:
        return make_error("retry", str(error))
    return make_refusal(error.reason)
