"""A strategy of nautilus_trader on its own Deribit adapter, for a process of its own.

`nautilus_client.py HTTP_URL WS_URL CLIENT_ID SECRET INSTRUMENT SIGNAL_FILE`: it places a post-only bid,
amends and cancels it, then buys at the market. Once the signal file is there, it places another bid and
cancels that.
Every event is a line of JSON. It runs under a Python and packages of its own (see test_nautilus.py).
"""

import datetime
import json
import sys
from pathlib import Path

from nautilus_trader import common, live, model, trading
from nautilus_trader.adapters import deribit

HTTP_URL, WS_URL, CLIENT_ID, SECRET, INSTRUMENT, SIGNAL = sys.argv[1:7]


def tell(event: str, **fields: object) -> None:
    print(json.dumps({"event": event, **fields}), flush=True)


class Walk(trading.Strategy):
    def on_start(self) -> None:
        self.instrument = model.InstrumentId.from_str(f"{INSTRUMENT}.DERIBIT")
        found = self.cache.instrument(self.instrument)
        tell("started", instrument=str(found.id) if found is not None else None)
        self.step = 0
        self.seen: set[str] = set()
        self.subscribe_book_deltas(self.instrument, model.BookType.L2_MBP)
        self.subscribe_quotes(self.instrument)
        self.subscribe_trades(self.instrument)
        self.clock.set_timer("look", datetime.timedelta(milliseconds=500), callback=self.look)

    def once(self, what: str, **fields: object) -> None:
        if what not in self.seen:
            self.seen.add(what)
            tell(what, **fields)

    def on_book_deltas(self, deltas: model.OrderBookDeltas) -> None:
        self.once("book")

    def on_quote(self, quote: model.QuoteTick) -> None:
        self.once("quote")

    def on_trade(self, trade: model.TradeTick) -> None:
        self.once("trade", price=str(trade.price))

    def look(self, event: object) -> None:
        if self.step == 0 and "book" in self.seen:
            self.step = 1
            self.bid("64500.0")
        elif self.step == 5 and Path(SIGNAL).exists():
            self.step = 6
            tell("going on")
            self.bid("64400.0")

    def bid(self, price: str) -> None:
        self.order = self.order_factory.limit(
            self.instrument,
            model.OrderSide.BUY,
            model.Quantity.from_str("0.010"),
            model.Price.from_str(price),
            post_only=True,
        )
        self.submit_order(self.order)

    def on_order_accepted(self, event: model.OrderAccepted) -> None:
        tell("accepted", venue_order_id=str(event.venue_order_id), step=self.step)
        if self.step == 1:
            self.step = 2
            self.modify_order(
                self.order.client_order_id,
                quantity=model.Quantity.from_str("0.020"),
                price=model.Price.from_str("64600.0"),
            )
        elif self.step == 6:
            self.step = 7
            self.cancel_order(self.order.client_order_id)

    def on_order_updated(self, event: model.OrderUpdated) -> None:
        tell("updated", quantity=str(event.quantity), price=str(event.price))
        if self.step == 2:
            self.step = 3
            self.cancel_order(self.order.client_order_id)

    def on_order_canceled(self, event: model.OrderCanceled) -> None:
        tell("canceled", step=self.step)
        if self.step == 3:
            self.step = 4
            quantity = model.Quantity.from_str("0.005")
            self.order = self.order_factory.market(self.instrument, model.OrderSide.BUY, quantity)
            self.submit_order(self.order)

    def on_order_filled(self, event: model.OrderFilled) -> None:
        tell("filled", quantity=str(event.last_qty), price=str(event.last_px), fee=str(event.commission))
        self.step = 5

    def on_position_opened(self, event: model.PositionOpened) -> None:
        tell("position", quantity=str(event.quantity), side=str(event.side))

    def on_order_rejected(self, event: model.OrderRejected) -> None:
        tell("rejected", reason=str(event.reason))

    def on_order_modify_rejected(self, event: model.OrderModifyRejected) -> None:
        tell("modify rejected", reason=str(event.reason))

    def on_order_cancel_rejected(self, event: model.OrderCancelRejected) -> None:
        tell("cancel rejected", reason=str(event.reason))


def main() -> None:
    access = {"api_key": CLIENT_ID, "api_secret": SECRET, "base_url_http": HTTP_URL, "base_url_ws": WS_URL}
    products = [deribit.DeribitProductType.FUTURE]
    account = model.AccountId("DERIBIT-master")
    data = deribit.DeribitDataClientConfig(product_types=products, **access)
    execution = deribit.DeribitExecutionClientConfig(account_id=account, product_types=products, **access)
    builder = live.LiveNode.builder("test", model.TraderId("TESTER-001"), common.Environment.LIVE)
    node = (
        builder.with_logging(common.LoggerConfig(stdout_level=common.LogLevel.INFO))
        .with_reconciliation(True)
        .add_data_client(None, deribit.DeribitDataClientFactory(), data)
        .add_exec_client(None, deribit.DeribitExecutionClientFactory(), execution)
        .build()
    )
    node.add_strategy(Walk(trading.StrategyConfig(strategy_id=model.StrategyId("WALK-001"))))
    node.run()


if __name__ == "__main__":
    main()
