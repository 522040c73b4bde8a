"""Market data of now: what is listed, tickers, summaries, books, indices."""

from typing import Any, Literal

from miletus.engine import layout
from miletus.engine import params as P
from miletus.gateway.errors import make_invalid
from miletus.gateway.greeks import compute_analytics
from miletus.gateway.instruments import CURRENCY, describe_instrument, parse_currency
from miletus.gateway.numbers import format_price, format_size
from miletus.gateway.rpc import Call, Params, method
from miletus.gateway.tickers import describe_book, describe_summary, describe_tickers
from miletus.market.names import UNDERLYINGS

Kind = Literal["future", "option", "spot", "future_combo", "option_combo", "combo", "any"]

DEPTHS = (1, 5, 10, 20, 50, 100, 1_000, 10_000)


@method("public/get_currencies")
def get_currencies(call: Call, params: Params) -> list[dict[str, Any]]:
    """Currencies: USDC, in which all is held, and the coins that instruments are on."""
    names = {CURRENCY: "USD Coin", "BTC": "Bitcoin", "ETH": "Ethereum"}
    return [
        {
            "withdrawal_priorities": [],
            "withdrawal_fee": 0.0,
            "network_fee": 0.0,
            "network_currency": "ETH",
            "min_withdrawal_fee": 0.0,
            "min_confirmations": 1,
            "in_cross_collateral_pool": False,
            "fee_precision": 6,
            "decimals": 6 if code == CURRENCY else 4,
            "currency_long": names.get(code, code),
            "currency": code,
            "coin_type": "ETHER",
            "apr": 0.0,
        }
        for code in (*UNDERLYINGS, CURRENCY)
    ]


class IndexParams(Params, kw_only=True):
    """Parameters of public/get_index_price."""

    index_name: str


def find_index(name: str) -> int:
    """The underlying of an index name. RpcError for an unknown one."""
    coin, _, quote = name.lower().partition("_")
    if coin.upper() in UNDERLYINGS and quote in ("usdc", "usd"):
        return UNDERLYINGS.index(coin.upper())
    raise make_invalid("index_name", f"unknown index {name[:20]!r}: use {', '.join(get_index_names())}")


def get_index_names() -> list[str]:
    """Names of the indices."""
    return [f"{coin.lower()}_usdc" for coin in UNDERLYINGS]


@method("public/get_index_price")
def get_index_price(call: Call, params: IndexParams) -> dict[str, Any]:
    """The index of an underlying, as the oracle's last tick has it."""
    price = format_price(call.gateway.exchange.get_index(find_index(params.index_name)))
    return {"index_price": price, "estimated_delivery_price": price}


@method("public/get_index_price_names")
def get_index_price_names(call: Call, params: Params) -> list[str]:
    """Names of the indices."""
    return get_index_names()


class SupportedIndexParams(Params, kw_only=True):
    """Parameters of public/get_supported_index_names."""

    type: str = "all"


@method("public/get_supported_index_names")
def get_supported_index_names(call: Call, params: SupportedIndexParams) -> list[str]:
    """Names of the indices."""
    return get_index_names()


class InstrumentsParams(Params, kw_only=True):
    """Parameters of public/get_instruments."""

    currency: str = "any"
    kind: Kind | None = None
    expired: bool = False
    include_spots: bool = False


@method("public/get_instruments")
def get_instruments(call: Call, params: InstrumentsParams) -> list[dict[str, Any]]:
    """Instruments of a currency; USDC and any give all, a coin gives its USDC instruments."""
    listings = call.gateway.exchange.listings.select(params.currency, params.kind, expired=params.expired)
    return [describe_instrument(each) for each in listings]


class InstrumentParams(Params, kw_only=True):
    """Parameters of methods about one instrument."""

    instrument_name: str


@method("public/get_instrument")
def get_instrument(call: Call, params: InstrumentParams) -> dict[str, Any]:
    """One instrument."""
    return describe_instrument(call.gateway.exchange.listings.find(params.instrument_name))


@method("public/get_contract_size")
def get_contract_size(call: Call, params: InstrumentParams) -> dict[str, Any]:
    """Contract size of an instrument in coins."""
    return {
        "contract_size": format_size(call.gateway.exchange.listings.find(params.instrument_name).lot_step)
    }


@method("public/ticker")
def ticker(call: Call, params: InstrumentParams) -> dict[str, Any]:
    """The ticker of an instrument."""
    exchange = call.gateway.exchange
    return describe_tickers(exchange, [exchange.listings.find(params.instrument_name)])[0]


class SummaryParams(Params, kw_only=True):
    """Parameters of public/get_book_summary_by_currency."""

    currency: str
    kind: Kind | None = None


@method("public/get_book_summary_by_currency")
def get_book_summary_by_currency(call: Call, params: SummaryParams) -> list[dict[str, Any]]:
    """Book summaries of a currency's instruments."""
    exchange = call.gateway.exchange
    listings = exchange.listings.select(params.currency, params.kind)
    options = [each for each in listings if each.terms.is_option]
    analytics = compute_analytics(exchange, options, exchange.now_ms() / 1000)
    by_number = {each.number: part for each, part in zip(options, analytics, strict=True)}
    return [describe_summary(exchange, each, by_number.get(each.number)) for each in listings]


@method("public/get_book_summary_by_instrument")
def get_book_summary_by_instrument(call: Call, params: InstrumentParams) -> list[dict[str, Any]]:
    """The book summary of an instrument, as a list of one."""
    exchange = call.gateway.exchange
    listing = exchange.listings.find(params.instrument_name)
    options = [listing] if listing.terms.is_option else []
    analytics = compute_analytics(exchange, options, exchange.now_ms() / 1000)
    return [describe_summary(exchange, listing, analytics[0] if analytics else None)]


class OrderBookParams(Params, kw_only=True):
    """Parameters of public/get_order_book."""

    instrument_name: str
    depth: int = 5


@method("public/get_order_book")
def get_order_book(call: Call, params: OrderBookParams) -> dict[str, Any]:
    """The book of an instrument, with its ticker."""
    if not 1 <= params.depth <= DEPTHS[-1]:
        raise make_invalid("depth", f"one of {', '.join(map(str, DEPTHS))}")
    exchange = call.gateway.exchange
    return describe_book(exchange, exchange.listings.find(params.instrument_name), params.depth)


class OrderBookByIdParams(Params, kw_only=True):
    """Parameters of public/get_order_book_by_instrument_id."""

    instrument_id: int
    depth: int = 5


@method("public/get_order_book_by_instrument_id")
def get_order_book_by_instrument_id(call: Call, params: OrderBookByIdParams) -> dict[str, Any]:
    """The book of an instrument by its number."""
    listing = call.gateway.exchange.listings.by_number.get(params.instrument_id)
    if listing is None:
        raise make_invalid("instrument_id", "nothing is listed under this number")
    return describe_book(call.gateway.exchange, listing, max(1, min(params.depth, DEPTHS[-1])))


class ExpirationsParams(Params, kw_only=True):
    """Parameters of public/get_expirations."""

    currency: str = "any"
    kind: Literal["future", "option", "any"] = "any"
    currency_pair: str | None = None


@method("public/get_expirations")
def get_expirations(call: Call, params: ExpirationsParams) -> dict[str, Any]:
    """Expirations that are listed, as names of days, by kind; of a currency by its name, else together."""
    listings = call.gateway.exchange.listings.select(params.currency, params.kind)
    if params.currency_pair is not None:
        listings = [each for each in listings if each.index_name == params.currency_pair.lower()]

    def collect(kind: str) -> list[str]:
        found = {each.terms.expiry_s: each for each in listings if each.kind == kind}
        dated = [found[expiry].name.split("-")[1] for expiry in sorted(found) if expiry]
        return dated + (["PERPETUAL"] if kind == "future" and 0 in found else [])

    kinds = ("future", "option") if params.kind == "any" else (params.kind,)
    told = {kind: collect(kind) for kind in kinds}
    grouped = params.currency.lower() if parse_currency(params.currency) else None
    return {grouped: told} if grouped else told


class TradeVolumesParams(Params, kw_only=True):
    """Parameters of public/get_trade_volumes."""

    extended: bool = False


@method("public/get_trade_volumes", note="of what the gateway has seen")
def get_trade_volumes(call: Call, params: TradeVolumesParams) -> list[dict[str, Any]]:
    """Volumes of the last 24 hours by coin."""
    exchange = call.gateway.exchange
    told = []
    for coin in UNDERLYINGS:
        volumes = {"calls_volume": 0, "puts_volume": 0, "futures_volume": 0}
        for listing in exchange.listings.select(coin, None, expired=None):
            name = {"call": "calls_volume", "put": "puts_volume"}.get(
                listing.terms.type.name.lower(), "futures_volume"
            )
            volumes[name] += exchange.get_tape(listing.number).compute_day(exchange.now_ms()).volume_lots
        row: dict[str, Any] = {name: format_size(lots) for name, lots in volumes.items()}
        told.append(row | {"spot_volume": 0.0, "currency": coin})
    return told


def get_oracle_age_s(call: Call, underlying: int) -> int:
    """Seconds since the last tick of an index, by the machine's clock."""
    state = call.gateway.exchange.state
    last = int(state.cells[state.underlying(underlying) + layout.TICK_TIME_S])
    return int(state.cells[layout.CLOCK_MS]) // 1000 - last


MOST_ORDER_LOTS = int(P.MAX_ORDER_LOTS)
