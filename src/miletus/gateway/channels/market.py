"""ticker, incremental_ticker, quote, perpetual, markprice.options and indices: what the market looks like."""

from typing import Any

from miletus.gateway.books import BUY, SELL
from miletus.gateway.channels.base import Channel, family, parse_interval, reject_form
from miletus.gateway.errors import make_invalid
from miletus.gateway.exchange import Exchange
from miletus.gateway.greeks import compute_analytics
from miletus.gateway.instruments import Listing
from miletus.gateway.methods.market import find_index
from miletus.gateway.numbers import format_price, format_size
from miletus.gateway.tickers import describe_tickers
from miletus.market.names import UNDERLYINGS


class TickerChannel(Channel):
    """The ticker of an instrument."""

    def __init__(self, exchange: Exchange, name: str, interval: float, listing: Listing) -> None:
        topics = [("book", listing.number), ("trades", listing.number), ("state of", listing.number)]
        super().__init__(exchange, name, interval, [*topics, ("index", listing.terms.underlying)])
        self.listing = listing

    def build(self) -> Any:
        """The ticker."""
        return describe_tickers(self.exchange, [self.listing])[0]

    def begin(self) -> Any:
        """The ticker."""
        return self.build()


class IncrementalTickerChannel(TickerChannel):
    """What changed in the ticker of an instrument."""

    def __init__(self, exchange: Exchange, name: str, interval: float, listing: Listing) -> None:
        super().__init__(exchange, name, interval, listing)
        self._sent: dict[str, Any] = {}

    def build(self) -> Any:
        """The fields that are not what was told last."""
        now = describe_tickers(self.exchange, [self.listing])[0]
        changed = {name: value for name, value in now.items() if self._sent.get(name, ...) != value}
        self._sent = now
        if not set(changed) - {"timestamp"}:
            return None
        always = {"timestamp": now["timestamp"], "instrument_name": now["instrument_name"]}
        return {"type": "change"} | changed | always

    def begin(self) -> Any:
        """The whole ticker."""
        if not self._sent:
            self._sent = describe_tickers(self.exchange, [self.listing])[0]
        return {"type": "snapshot"} | self._sent


class QuoteChannel(Channel):
    """Best bid and ask."""

    def __init__(self, exchange: Exchange, name: str, listing: Listing) -> None:
        super().__init__(exchange, name, 0.0, [("book", listing.number)])
        self.listing = listing
        self._sent: tuple[Any, Any] = (None, None)

    def build(self) -> Any:
        """Best prices, if they are not what was told last."""
        books = self.exchange.books
        best = books.get_best(self.listing.number, BUY), books.get_best(self.listing.number, SELL)
        if best == self._sent:
            return None
        self._sent = best
        return self.begin()

    def begin(self) -> Any:
        """Best prices."""
        books = self.exchange.books
        bid, ask = (books.get_best(self.listing.number, side) or (0, 0) for side in (BUY, SELL))
        return {
            "timestamp": self.exchange.mirror.time_ms,
            "instrument_name": self.listing.name,
            "best_bid_price": format_price(bid[0]),
            "best_bid_amount": format_size(bid[1]),
            "best_ask_price": format_price(ask[0]),
            "best_ask_amount": format_size(ask[1]),
        }


class PerpetualChannel(Channel):
    """Funding of a perpetual."""

    def __init__(self, exchange: Exchange, name: str, interval: float, listing: Listing) -> None:
        super().__init__(exchange, name, interval, [("index", listing.terms.underlying)])
        self.listing = listing

    def build(self) -> Any:
        """Index and interest; the exchange has no funding yet."""
        index = format_price(self.exchange.get_index(self.listing.terms.underlying))
        return {"timestamp": self.exchange.mirror.time_ms, "interest": 0.0, "index_price": index}

    def begin(self) -> Any:
        """The same."""
        return self.build()


class MarkPriceChannel(Channel):
    """Marks and volatilities of all options of an index."""

    def __init__(self, exchange: Exchange, name: str, underlying: int) -> None:
        super().__init__(exchange, name, 1.0, [("index", underlying), ("state", 0)])
        self.underlying = underlying

    def build(self) -> Any:
        """Each option's mark and volatility."""
        listings = self.exchange.listings.select(UNDERLYINGS[self.underlying], "option")
        analytics = compute_analytics(self.exchange, listings, self.exchange.now_ms() / 1000)
        return [
            {
                "timestamp": self.exchange.mirror.time_ms,
                "mark_price": format_price(self.exchange.get_mark(each.number)),
                "iv": round(part.mark_iv / 100, 4),
                "instrument_name": each.name,
            }
            for each, part in zip(listings, analytics, strict=True)
        ]

    def begin(self) -> Any:
        """The same."""
        return self.build()


class IndexChannel(Channel):
    """An index; `estimated` tells it as the price of the next expiration."""

    def __init__(self, exchange: Exchange, name: str, underlying: int, estimated: bool) -> None:
        super().__init__(exchange, name, 0.0, [("index", underlying)])
        self.underlying = underlying
        self.estimated = estimated

    def build(self) -> Any:
        """The index."""
        price = format_price(self.exchange.get_index(self.underlying))
        index_name = self.name.split(".", 1)[1]
        if not self.estimated:
            return {"timestamp": self.exchange.mirror.time_ms, "price": price, "index_name": index_name}
        now_s = self.exchange.now_ms() // 1000
        return {"seconds": (28_800 - now_s) % 86_400, "price": price, "is_estimated": False}

    def begin(self) -> Any:
        """The same."""
        return self.build()


@family("ticker", "ticker.{instrument_name}.{interval}")
def make_ticker(exchange: Exchange, name: str, parts: list[str], account: int | None) -> Channel:
    """The ticker of an instrument."""
    if len(parts) != 3:
        reject_form(name)
    return TickerChannel(exchange, name, parse_interval(parts[2]), exchange.listings.find(parts[1]))


@family("incremental_ticker", "incremental_ticker.{instrument_name}")
def make_incremental_ticker(exchange: Exchange, name: str, parts: list[str], account: int | None) -> Channel:
    """The ticker of an instrument once, then what changes in it."""
    if len(parts) != 2:
        reject_form(name)
    return IncrementalTickerChannel(exchange, name, 0.1, exchange.listings.find(parts[1]))


@family("quote", "quote.{instrument_name}")
def make_quote(exchange: Exchange, name: str, parts: list[str], account: int | None) -> Channel:
    """Best bid and ask of an instrument."""
    if len(parts) != 2:
        reject_form(name)
    return QuoteChannel(exchange, name, exchange.listings.find(parts[1]))


@family("perpetual", "perpetual.{instrument_name}.{interval}")
def make_perpetual(exchange: Exchange, name: str, parts: list[str], account: int | None) -> Channel:
    """Index and interest of a perpetual; interest is 0, there is no funding yet."""
    if len(parts) != 3:
        reject_form(name)
    listing = exchange.listings.find(parts[1])
    if not listing.is_perpetual:
        raise make_invalid("channels", f"{listing.name} is no perpetual")
    return PerpetualChannel(exchange, name, parse_interval(parts[2]), listing)


@family("markprice.options", "markprice.options.{index_name}")
def make_mark_price(exchange: Exchange, name: str, parts: list[str], account: int | None) -> Channel:
    """Marks and implied volatilities of all options of an index."""
    if len(parts) != 3:
        reject_form(name)
    return MarkPriceChannel(exchange, name, find_index(parts[2]))


@family("deribit_price_index", "deribit_price_index.{index_name}")
def make_index(exchange: Exchange, name: str, parts: list[str], account: int | None) -> Channel:
    """The index, as the oracle's ticks have it."""
    if len(parts) != 2:
        reject_form(name)
    return IndexChannel(exchange, name, find_index(parts[1]), estimated=False)


@family("estimated_expiration_price", "estimated_expiration_price.{index_name}")
def make_estimate(exchange: Exchange, name: str, parts: list[str], account: int | None) -> Channel:
    """The index as an estimate of the next settlement price."""
    if len(parts) != 2:
        reject_form(name)
    return IndexChannel(exchange, name, find_index(parts[1]), estimated=True)
