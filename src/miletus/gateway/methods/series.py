"""Series of prices: candles, indices, volatility, settlement prices."""

import math
from typing import Any, Final

from miletus.gateway.errors import make_invalid
from miletus.gateway.instruments import parse_currency
from miletus.gateway.methods.market import IndexParams, find_index
from miletus.gateway.numbers import format_money, format_price, format_size
from miletus.gateway.rpc import Call, Params, method
from miletus.gateway.trades import MINUTE_MS
from miletus.market.names import UNDERLYINGS

RESOLUTIONS: Final = {
    **{str(minutes): minutes for minutes in (1, 3, 5, 10, 15, 30, 60, 120, 180, 360, 720)},
    "1D": 1_440,
}
"""Minutes of a candle by the name of its resolution."""

MOST_CANDLES: Final = 5_001
HOUR_MS: Final = 3_600_000
VOLATILITY_DAYS: Final = 15
HOURS_OF_A_YEAR: Final = 8_760

_SEEN: Final = "of what the gateway, or the index that it was given, has seen"


class ChartParams(Params, kw_only=True):
    """Parameters of public/get_tradingview_chart_data."""

    instrument_name: str
    start_timestamp: int
    end_timestamp: int
    resolution: str


@method("public/get_tradingview_chart_data", note=_SEEN)
def get_tradingview_chart_data(call: Call, params: ChartParams) -> dict[str, Any]:
    """Candles of an instrument; one in which nothing traded has the close before it."""
    exchange = call.gateway.exchange
    listing = exchange.listings.find(params.instrument_name)
    minutes = RESOLUTIONS.get(params.resolution)
    if minutes is None:
        raise make_invalid("resolution", f"one of {', '.join(RESOLUTIONS)}")
    end_ms = min(params.end_timestamp, exchange.now_ms())
    start_ms = max(params.start_timestamp, end_ms - (MOST_CANDLES - 1) * minutes * MINUTE_MS, 0)
    told: dict[str, Any] = {name: [] for name in ("volume", "ticks", "open", "low", "high", "cost", "close")}
    for at, candle in exchange.get_tape(listing.number).collect_candles(start_ms, end_ms, minutes):
        told["ticks"].append(at)
        told["volume"].append(format_size(candle.volume_lots))
        told["cost"].append(format_money(candle.cost_micros))
        for name in ("open", "low", "high", "close"):
            told[name].append(format_price(getattr(candle, f"{name}_ticks")))
    return told | {"status": "ok" if told["ticks"] else "no_data"}


class IndexChartParams(IndexParams, kw_only=True):
    """Parameters of public/get_index_chart_data."""

    range: str = "1d"


@method("public/get_index_chart_data", note=_SEEN)
def get_index_chart_data(call: Call, params: IndexChartParams) -> list[list[float]]:
    """The index, minute by minute."""
    spans = {"1h": 60, "1d": 1_440, "2d": 2_880, "1m": 43_200, "1y": 525_600, "all": 10**9}
    if params.range not in spans:
        raise make_invalid("range", f"one of {', '.join(spans)}")
    minutes = call.gateway.exchange.indices.get(find_index(params.index_name), {})
    since = call.gateway.exchange.now_ms() // MINUTE_MS - spans[params.range]
    return [[at * MINUTE_MS, format_price(ticks)] for at, ticks in minutes.items() if at >= since]


class CurrencyParams(Params, kw_only=True):
    """Parameters of methods about a coin."""

    currency: str


@method("public/get_historical_volatility", note=_SEEN)
def get_historical_volatility(call: Call, params: CurrencyParams) -> list[list[float]]:
    """Annualised volatility of the index over 15 days, in per cent, hour by hour where it is known."""
    coin = parse_currency(params.currency)
    if coin is None:
        raise make_invalid("currency", f"one of {', '.join(UNDERLYINGS)}")
    minutes = call.gateway.exchange.indices.get(UNDERLYINGS.index(coin), {})
    hours: dict[int, int] = {}
    for at, ticks in minutes.items():
        hours[at // 60] = ticks
    return compute_volatility(hours)


def compute_volatility(hours: dict[int, int]) -> list[list[float]]:
    """Volatility by hour from the last index of each hour."""
    rows: list[list[float]] = []
    returns: list[tuple[int, float]] = []
    before: tuple[int, int] | None = None
    for hour in sorted(hours):
        if before is not None and hour - before[0] == 1:
            returns.append((hour, math.log(hours[hour] / before[1])))
        before = hour, hours[hour]
        window = [value for at, value in returns if at > hour - VOLATILITY_DAYS * 24]
        if len(window) >= 2:
            mean = sum(window) / len(window)
            variance = sum((value - mean) ** 2 for value in window) / (len(window) - 1)
            rows.append([hour * HOUR_MS, round(math.sqrt(variance * HOURS_OF_A_YEAR) * 100, 8)])
    return rows


class DeliveryParams(IndexParams, kw_only=True):
    """Parameters of public/get_delivery_prices."""

    offset: int = 0
    count: int = 10


@method("public/get_delivery_prices", note=_SEEN)
def get_delivery_prices(call: Call, params: DeliveryParams) -> dict[str, Any]:
    """Settlement prices of an index, newest first."""
    if params.offset < 0 or not 1 <= params.count <= 1_000:
        raise make_invalid("count", "from 1 to 1000, with an offset from 0")
    delivered = call.gateway.exchange.deliveries.get(find_index(params.index_name), [])
    rows = sorted(delivered, reverse=True)
    shown = rows[params.offset : params.offset + params.count]
    return {
        "records_total": len(rows),
        "data": [{"delivery_price": format_price(price), "date": format_date(at)} for at, price in shown],
    }


def format_date(time_s: int) -> str:
    """A day as 2026-03-27."""
    from datetime import UTC, datetime

    return datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%d")
