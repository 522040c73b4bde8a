"""What is listed, by name and number, as the API tells of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from miletus.engine import layout, params
from miletus.engine.state import State
from miletus.gateway.errors import make_error, make_invalid
from miletus.gateway.numbers import format_price, format_size
from miletus.market.errors import InstrumentNameError
from miletus.market.names import UNDERLYINGS, InstrumentType, Terms, parse_name
from miletus.sequencer.query import PAGE

CURRENCY: Final = "USDC"

PERPETUAL_END_MS: Final = 32_503_708_800_000
"""Expiration of what has none, as Deribit writes it: the year 3000."""

KINDS: Final = ("future", "option", "spot", "future_combo", "option_combo", "combo", "any")

OTHER_CURRENCIES: Final = ("USDT", "EURR", "SOL", "XRP", "USDE", "USYC", "BUIDL", "STETH", "PAXG", "BNB")
"""Currencies of Deribit's in which nothing is listed or held here: clients ask about all that they know."""

LISTED, SETTLED = 1, 2
WEEK_S: Final = 7 * 86_400


@dataclass(slots=True)
class Listing:
    """An instrument. Prices in ticks, sizes in lots; `created_ms` is the listing, or 0 before our time."""

    number: int
    terms: Terms
    name: str
    tick_step: int
    lot_step: int
    min_size_lots: int
    created_ms: int
    is_settled: bool = False
    payoff_ticks: int = 0
    settled_ms: int = 0

    @property
    def kind(self) -> str:
        """Kind: option or future; a perpetual is a future."""
        return "option" if self.terms.is_option else "future"

    @property
    def coin(self) -> str:
        """The underlying's coin."""
        return UNDERLYINGS[self.terms.underlying]

    @property
    def index_name(self) -> str:
        """Name of its index, such as btc_usdc."""
        return f"{self.coin.lower()}_usdc"

    @property
    def is_perpetual(self) -> bool:
        """Whether it never expires."""
        return self.terms.type is InstrumentType.PERPETUAL

    @property
    def expiration_ms(self) -> int:
        """Expiration as the API writes it."""
        return self.terms.expiry_s * 1000 or PERPETUAL_END_MS


class Listings:
    """All instruments; a number is one instrument at a time."""

    def __init__(self) -> None:
        self.by_number: dict[int, Listing] = {}
        self.by_name: dict[str, Listing] = {}

    def __iter__(self) -> Iterator[Listing]:
        """Go through all, by rising number."""
        return iter([self.by_number[number] for number in sorted(self.by_number)])

    def load(self, state: State) -> None:
        """Begin with what a state has; times of listing that are known already stay."""
        for number in range(int(params.MAX_INSTRUMENTS)):
            if state.cells[state.instrument(number) + layout.INSTRUMENT_STATE]:
                self.put(state, number, 0)

    def put(self, state: State, number: int, time_ms: int) -> Listing:
        """Take in what lies under a number."""
        cells, page = state.cells, state.instrument(number)
        terms = Terms(
            int(cells[page + layout.INSTRUMENT_UNDERLYING]),
            int(cells[page + layout.EXPIRY_S]),
            int(cells[page + layout.STRIKE]),
            InstrumentType(int(cells[page + layout.INSTRUMENT_TYPE])),
        )
        known = self.by_number.get(number)
        created_ms = known.created_ms if known is not None and known.terms == terms else time_ms
        listing = Listing(
            number,
            terms,
            terms.name,
            int(cells[page + layout.TICK_STEP]),
            int(cells[page + layout.LOT_STEP]),
            int(cells[page + layout.MIN_SIZE]),
            created_ms,
            is_settled=int(cells[page + layout.INSTRUMENT_STATE]) == SETTLED,
            payoff_ticks=int(cells[page + layout.PAYOFF]),
        )
        self.by_number[number] = listing
        older = self.by_name.get(listing.name)
        if older is None or older.is_settled or older.number == number:
            self.by_name[listing.name] = listing
        return listing

    def find(self, name: object) -> Listing:
        """The instrument of a name. RpcError if the name is none, or nothing of it is or was listed."""
        listing = self.by_name.get(name) if isinstance(name, str) else None
        if listing is not None:
            return listing
        if not isinstance(name, str):
            raise make_invalid("instrument_name", "a name is needed, such as BTC_USDC-PERPETUAL")
        try:
            parse_name(name)
        except InstrumentNameError as error:
            raise make_invalid("instrument_name", str(error)) from None
        raise make_error("instrument_not_found", f"{name} is not listed: see public/get_instruments")

    def select(self, currency: str, kind: str | None, *, expired: bool | None = False) -> list[Listing]:
        """What is listed in a currency (any, USDC, or a coin, for whose USDC instruments) and of a kind."""
        coin = parse_currency(currency)
        return [
            each
            for each in self
            if (coin is None or each.coin == coin)
            and (kind in (None, "any") or each.kind == kind)
            and (expired is None or each.is_settled == expired)
        ]


def parse_currency(currency: str) -> str | None:
    """The coin that a currency parameter selects, None for all. RpcError for an unknown one."""
    upper = currency.upper()
    if upper in ("ANY", CURRENCY):
        return None
    if upper in UNDERLYINGS or upper in OTHER_CURRENCIES:
        return upper
    raise make_invalid(
        "currency", f"unknown currency {currency[:20]!r}: use any, USDC, {', '.join(UNDERLYINGS)}"
    )


def describe_instrument(listing: Listing, open_interest_listed: bool = True) -> dict[str, Any]:
    """An instrument, as public/get_instrument has it."""
    terms = listing.terms
    fee = (params.OPTION_FEE_PPM if terms.is_option else params.FUTURE_FEE_PPM) / 1_000_000
    told: dict[str, Any] = {
        "tick_size": format_price(listing.tick_step),
        "tick_size_steps": [],
        "taker_commission": fee,
        "maker_commission": 0.0,
        "block_trade_commission": fee,
        "block_trade_min_trade_amount": format_size(listing.min_size_lots),
        "block_trade_tick_size": format_price(listing.tick_step),
        "settlement_period": get_settlement_period(listing),
        "settlement_currency": CURRENCY,
        "quote_currency": CURRENCY,
        "base_currency": listing.coin,
        "counter_currency": CURRENCY,
        "price_index": listing.index_name,
        "min_trade_amount": format_size(listing.min_size_lots),
        "contract_size": format_size(listing.lot_step),
        "kind": listing.kind,
        "is_active": not listing.is_settled,
        "state": "closed" if listing.is_settled else "open",
        "instrument_type": "linear",
        "instrument_name": listing.name,
        "instrument_id": listing.number,
        "rfq": False,
        "expiration_timestamp": listing.expiration_ms,
        "creation_timestamp": listing.created_ms,
    }
    if terms.is_option:
        told["strike"] = format_price(terms.strike_ticks)
        told["option_type"] = "call" if terms.type is InstrumentType.CALL else "put"
    else:
        told["max_leverage"] = 50
        told["max_liquidation_commission"] = 0.0
        told["future_type"] = "linear"
    return told


def get_settlement_period(listing: Listing) -> str:
    """Settlement period, as Deribit names it: by how far the expiry is from the listing."""
    if listing.is_perpetual:
        return "perpetual"
    if listing.created_ms and listing.terms.expiry_s - listing.created_ms // 1000 <= 3 * 86_400:
        return "day"
    if listing.created_ms and listing.terms.expiry_s - listing.created_ms // 1000 <= 5 * WEEK_S:
        return "week"
    return "month"


def get_open_interest(state: State, number: int) -> int:
    """Open interest in lots."""
    return int(state.cells[state.instrument(number) + PAGE + layout.OPEN_INTEREST])
