"""trades and chart.trades: what was traded."""

from typing import Any

from miletus.gateway.channels.base import Channel, family, parse_interval, reject_form
from miletus.gateway.errors import make_invalid
from miletus.gateway.exchange import Changes, Exchange
from miletus.gateway.instruments import KINDS, Listing, parse_currency
from miletus.gateway.methods.series import RESOLUTIONS
from miletus.gateway.numbers import format_money, format_price, format_size
from miletus.gateway.trades import MINUTE_MS, Trade
from miletus.gateway.views import describe_trade


class Selection:
    """Instruments of a kind and a currency, those that are listed later too."""

    def __init__(self, kind: str, currency: str) -> None:
        if kind not in KINDS:
            raise make_invalid("channels", f"kind {kind[:20]!r}: one of {', '.join(KINDS)}")
        self.kind = kind
        self.coin = parse_currency(currency)

    def has(self, listing: Listing) -> bool:
        """Whether an instrument is one of them."""
        return self.kind in ("any", listing.kind) and self.coin in (None, listing.coin)


class TradesChannel(Channel):
    """Trades of one instrument."""

    def __init__(self, exchange: Exchange, name: str, interval: float, listing: Listing) -> None:
        super().__init__(exchange, name, interval, [("trades", listing.number)])
        self.listing = listing
        self._waiting: list[Trade] = []

    def note(self, changes: Changes) -> None:
        """Keep what is to be told."""
        self._waiting += [trade for trade in changes.trades if trade.instrument == self.listing.number]

    def build(self) -> Any:
        """The trades since the last message."""
        waiting, self._waiting = self._waiting, []
        return [describe_trade(self.exchange, trade) for trade in waiting] or None


class AllTradesChannel(Channel):
    """Trades of a kind and currency."""

    def __init__(self, exchange: Exchange, name: str, interval: float, selection: Selection) -> None:
        super().__init__(exchange, name, interval, [("trades of", 0)])
        self.selection = selection
        self._waiting: list[Trade] = []

    def note(self, changes: Changes) -> None:
        """Keep what is to be told."""
        by_number = self.exchange.listings.by_number
        self._waiting += [
            trade for trade in changes.trades if self.selection.has(by_number[trade.instrument])
        ]

    def build(self) -> Any:
        """The trades since the last message."""
        waiting, self._waiting = self._waiting, []
        return [describe_trade(self.exchange, trade) for trade in waiting] or None


class ChartChannel(Channel):
    """The candle that is being formed."""

    def __init__(self, exchange: Exchange, name: str, listing: Listing, minutes: int) -> None:
        super().__init__(exchange, name, 1.0, [("trades", listing.number)])
        self.listing = listing
        self.minutes = minutes

    def build(self) -> Any:
        """The candle of now."""
        tape, now_ms = self.exchange.get_tape(self.listing.number), self.exchange.mirror.time_ms
        start_ms = now_ms // (self.minutes * MINUTE_MS) * self.minutes * MINUTE_MS
        for at, candle in tape.collect_candles(start_ms, start_ms, self.minutes):
            return {
                "volume": format_size(candle.volume_lots),
                "tick": at,
                "open": format_price(candle.open_ticks),
                "low": format_price(candle.low_ticks),
                "high": format_price(candle.high_ticks),
                "cost": format_money(candle.cost_micros),
                "close": format_price(candle.close_ticks),
            }
        return None

    def begin(self) -> Any:
        """The same."""
        return self.build()


@family("trades", "trades.{instrument_name}.{interval}", "trades.{kind}.{currency}.{interval}")
def make_trades(exchange: Exchange, name: str, parts: list[str], account: int | None) -> Channel:
    """Trades of an instrument, or of a kind and currency."""
    if len(parts) == 3:
        return TradesChannel(exchange, name, parse_interval(parts[2]), exchange.listings.find(parts[1]))
    if len(parts) != 4:
        reject_form(name)
    return AllTradesChannel(exchange, name, parse_interval(parts[3]), Selection(parts[1], parts[2]))


@family("chart.trades", "chart.trades.{instrument_name}.{resolution}")
def make_chart(exchange: Exchange, name: str, parts: list[str], account: int | None) -> Channel:
    """The candle of an instrument that is being formed, once a second while it changes."""
    if len(parts) != 4:
        reject_form(name)
    if parts[3] not in RESOLUTIONS:
        raise make_invalid("channels", f"resolution {parts[3][:20]!r}: one of {', '.join(RESOLUTIONS)}")
    return ChartChannel(exchange, name, exchange.listings.find(parts[2]), RESOLUTIONS[parts[3]])
