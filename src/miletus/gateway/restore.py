"""What was before the gateway started, from an indexer's database: trades, candles, orders, money, positions.

It is taken up once, right after the state, so that the methods about history read one memory, whether
something happened before or since. Labels are the client's own, and no index has them.
"""

from typing import Final

import structlog

from miletus.gateway.exchange import AccountBook, Entry, Exchange, UserTrade
from miletus.gateway.orders import CANCEL_REASONS, TIMES_IN_FORCE, Order
from miletus.gateway.portfolio import Holding
from miletus.gateway.trades import CANDLE_MINUTES, MINUTE_MS, Candle, Tape, Trade
from miletus.indexer.history import History
from miletus.indexer.views import FillView, OrderView
from miletus.market.names import UNDERLYINGS

ROWS: Final = 5_000
"""Rows of each kind that are taken up, of an instrument or an account."""

DAY_MINUTES: Final = 1_440


class Restorer:
    """Fills an exchange's memory with what is before `number`, from which on the feed is followed."""

    def __init__(self, exchange: Exchange, history: History, number: int) -> None:
        self.exchange = exchange
        self.history = history
        self.number = number
        self._trades: dict[tuple[int, int], Trade] = {}

    def restore(self) -> None:
        """Take all up. Raises IndexerError when the database can't be read."""
        for listing in self.exchange.listings:
            self._restore_tape(listing.number)
        for underlying in range(len(UNDERLYINGS)):
            self.exchange.deliveries[underlying] = self.history.get_delivery_prices(underlying, ROWS)
            for row in reversed(self.history.get_indices(underlying, limit=10_000)):
                self.exchange.indices.setdefault(underlying, {})[row.time_s // 60] = row.index_ticks
        for record in self.history.get_instruments():
            listing_known = self.exchange.listings.by_number.get(record.instrument)
            if listing_known is not None and not listing_known.created_ms:
                listing_known.created_ms = record.listed_ms
        for book in self.exchange.accounts.values():
            self.restore_account(book)
        structlog.get_logger().info("history taken up", trades=len(self._trades))

    # ---- trades

    def _restore_tape(self, instrument: int) -> None:
        rows = self.history.get_fills(instruments=[instrument], limit=ROWS).rows
        fills = [row for row in reversed(rows) if row.number < self.number]
        if not fills:
            return
        tape = self.exchange.tapes[instrument] = Tape()
        end_ms = fills[-1].time_ms
        days = self.history.get_candles(instrument, 0, end_ms, DAY_MINUTES)
        later = len(rows) - len(fills)
        tape.count = max(0, sum(day.fills for day in days) - later - len(fills))
        for row in fills:
            trade = self._make_trade(row, tape)
            self._trades[row.number, row.place] = trade
            tape.add(trade)
        tape.candles = {
            row.start_ms // MINUTE_MS: Candle(
                row.open_ticks,
                row.high_ticks,
                row.low_ticks,
                row.close_ticks,
                row.volume_lots,
                row.notional_micros,
            )
            for row in self.history.get_candles(instrument, end_ms - CANDLE_MINUTES * MINUTE_MS, end_ms)
        }

    def _make_trade(self, row: FillView, tape: Tape) -> Trade:
        return Trade(
            row.number,
            row.place,
            tape.count + 1,
            row.time_ms,
            row.instrument,
            row.price_ticks,
            row.size_lots,
            row.side,
            row.mark_ticks,
            row.index_ticks,
            tape.compute_direction(row.price_ticks),
            row.fee_micros,
            row.maker << 8,
            row.taker << 8,
        )

    # ---- accounts

    def restore_account(self, book: AccountBook) -> None:
        """Take up what is before of an account; call it before anything of it was taken in."""
        orders: dict[int, Order] = {}
        for row in reversed(self.history.get_orders(account=book.account, limit=ROWS).rows):
            if row.number < self.number and row.state in ("filled", "cancelled"):
                order = orders[row.id] = make_order(row)
                if order.id not in book.orders.by_id:
                    book.orders.by_id[order.id] = order
                    book.orders.ended.append(order)
        for known in book.orders.get_open():
            found = self.history.find_order(known.account, known.slot, known.generation)
            if found is not None:
                known.number, known.created_ms, known.updated_ms = (
                    found.number,
                    found.created_ms,
                    found.updated_ms,
                )
                if found.filled_lots == known.filled_lots:
                    known.notional_micros = found.notional_micros
                orders[found.id] = known
        self._restore_trades(book, orders)
        self._restore_ledger(book)
        for holding in self.history.get_holdings(book.account):
            now = book.portfolio.holdings.get(holding.instrument)
            if now is not None and now.size_lots == holding.size_lots:
                restored = Holding(holding.size_lots, holding.cost_micros, holding.profit_micros)
                book.portfolio.holdings[holding.instrument] = restored

    def _restore_trades(self, book: AccountBook, orders: dict[int, Order]) -> None:
        for row in reversed(self.history.get_fills(account=book.account, limit=ROWS).rows):
            trade = self._trades.get((row.number, row.place))
            if trade is None:
                continue
            for account, name, role in ((row.taker, row.taker_order, "T"), (row.maker, row.maker_order, "M")):
                order = orders.get(name) if name is not None else None
                if account == book.account and order is not None:
                    fee = row.fee_micros if role == "T" else 0
                    book.trades.append(UserTrade(trade, order, role, fee, 0))

    def _restore_ledger(self, book: AccountBook) -> None:
        trades = {(each.trade.number, each.trade.place): each for each in book.trades}
        rows = self.history.get_transactions(account=book.account, limit=ROWS).rows
        for row in reversed(rows):
            if row.number >= self.number:
                continue
            fills = [trades[key] for key in trades if key[0] == row.number] if row.kind == "trade" else []
            book.entries += 1
            book.ledger.append(
                Entry(
                    book.entries,
                    row.number,
                    row.time_ms,
                    row.kind,
                    row.change_micros,
                    row.balance_micros,
                    row.instrument,
                    next((each for each in fills if is_of(each, row.lots, row.price_ticks)), None),
                    row.position_lots,
                )
            )


def is_of(trade: UserTrade, lots: int, price_ticks: int) -> bool:
    """Whether a line of the ledger is about a trade."""
    return trade.trade.size_lots == abs(lots) and trade.trade.price_ticks == price_ticks


def make_order(row: OrderView) -> Order:
    """An order that ended before the gateway started."""
    return Order(
        row.account,
        row.slot,
        row.generation,
        row.instrument,
        row.side,
        row.price_ticks if not row.type else 0,
        row.size_lots,
        bool(row.type),
        TIMES_IN_FORCE[row.time_in_force],
        bool(row.post_only),
        bool(row.reduce_only),
        row.created_ms,
        row.updated_ms,
        row.number,
        state=row.state,
        filled_lots=row.filled_lots,
        notional_micros=row.notional_micros,
        replaced=bool(row.amendments),
        cancel_reason=CANCEL_REASONS.get(row.cause, "") if row.state == "cancelled" else "",
        has_ended=True,
    )
