"""Snapshots of Deribit's option chains, with its futures and perpetuals, as linear prices in USDC.

Deribit's BTC and ETH options are coin-margined: their mark is in coin and equals Black-76 on the future of
the expiry divided by that future (no discounting, years of 365 days). So mark x future is the price of the
linear option of the same strike, and the implied volatility is the same.

A folder holds `deribit_options_snapshot_<time>Z.csv[.gz]` files and, if they are there,
`perpetual_futures_prices.csv[.gz]` and `term_futures_marks.csv[.gz]`; without these two a perpetual is at the
index and a future at the forward that the options' rows name.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Final

from miletus.engine.params import PRICE_LIMIT
from miletus.market.errors import ChainError, InstrumentNameError
from miletus.market.files import RowError, read_number, read_optional, read_rows, read_time
from miletus.market.names import TICKS_PER_USDC, UNDERLYINGS, InstrumentType, Terms, parse_name

SNAPSHOT_NAME: Final = re.compile(r"deribit_options_snapshot_(\d{8}T\d{6})Z\.csv(\.gz)?", re.ASCII)
PERPETUALS_NAME: Final = "perpetual_futures_prices.csv"
FUTURES_NAME: Final = "term_futures_marks.csv"

MAX_PRICE_USDC: Final = float(int(PRICE_LIMIT) - 1) / TICKS_PER_USDC
"""Highest price that the machine has room for; spec 01-R03."""

MAX_VOLATILITY: Final = 20.0
"""2,000 % a year: above it an implied volatility is a fault of the file."""

PRICE_TOLERANCE_COINS: Final = 0.006
"""How far a mark may lie outside the bounds that no arbitrage sets. Marks and futures of a snapshot are not
sampled at one instant; on real files the worst is 0.0047 coins, in a crash."""

SNAPSHOT_COLUMNS: Final = frozenset(
    {
        "timestamp",
        "instrument_name",
        "option_type",
        "strike",
        "expiry_datetime",
        "bid_price",
        "ask_price",
        "mark_price",
        "futures_price",
        "implied_volatility",
        "currency",
        "index_price",
    }
)
PERPETUAL_COLUMNS: Final = frozenset(
    ("snapshot_timestamp_ms", "coin", "perp_futures_mark_price", "accepted_under_max_gap")
)
FUTURE_COLUMNS: Final = frozenset(
    ("snapshot_timestamp_ms", "currency", "futures_instrument_name", "snapshot_term_mark_price")
)


@dataclass(frozen=True, slots=True)
class OptionQuote:
    """One option of a snapshot. Prices are in USDC for one coin; a side without a quote is None."""

    terms: Terms
    forward_usdc: float
    mark_usdc: float
    bid_usdc: float | None
    ask_usdc: float | None
    volatility: float
    """Implied by the mark, a year, as a fraction."""


@dataclass(frozen=True)
class ChainSnapshot:
    """All chains at one time. `refused` has one line for each row that was left out, with file and line."""

    time_ms: int
    index_usdc: Mapping[int, float]
    """By underlying."""
    perpetual_usdc: Mapping[int, float]
    forward_usdc: Mapping[tuple[int, int], float]
    """By underlying and expiry in seconds."""
    quotes: tuple[OptionQuote, ...]
    refused: tuple[str, ...]

    @property
    def time_s(self) -> int:
        """Seconds since 1970."""
        return self.time_ms // 1000

    def of(self, underlying: int, expiry_s: int) -> list[OptionQuote]:
        """Get the options of one expiry."""
        return [q for q in self.quotes if q.terms.underlying == underlying and q.terms.expiry_s == expiry_s]


def find_snapshots(folder: Path) -> list[tuple[int, Path]]:
    """Find the snapshot files of a folder with the second in their name, by rising time.

    ChainError if the folder is missing or holds none.
    """
    if not folder.is_dir():
        raise ChainError(f"{folder}: no such folder: give the folder that holds the chain snapshots")
    found: dict[int, Path] = {}
    for path in sorted(folder.iterdir()):
        match = SNAPSHOT_NAME.fullmatch(path.name)
        if match is not None:
            found.setdefault(_parse_file_time(path, match[1]), path)
    if not found:
        raise ChainError(
            f"{folder}: no file deribit_options_snapshot_<time>Z.csv or .csv.gz: give the folder of snapshots"
        )
    return sorted(found.items())


def read_chain(path: Path) -> ChainSnapshot:
    """Read one snapshot. A bad row is left out and told in `refused`; ChainError if nothing is left."""
    quotes: dict[Terms, OptionQuote] = {}
    indices: dict[int, list[float]] = {}
    refused: list[str] = []
    time_ms: int | None = None
    for line, row in read_rows(path, SNAPSHOT_COLUMNS):
        try:
            row_ms = int(read_time(row, "timestamp") * 1000)
            time_ms = row_ms if time_ms is None else time_ms
            if row_ms != time_ms:
                raise RowError(f"timestamp {row['timestamp']} is of another snapshot")
            quote, index_usdc = _read_option(row, row_ms)
            if quote.terms in quotes:
                raise RowError(f"{row['instrument_name']} is there already")
        except (RowError, InstrumentNameError) as error:
            refused.append(f"{path.name}:{line}: {error}; the row is left out")
            continue
        quotes[quote.terms] = quote
        indices.setdefault(quote.terms.underlying, []).append(index_usdc)
    if time_ms is None or not quotes:
        raise ChainError(
            f"{path}: no usable row: fetch the file again ({refused[0] if refused else 'empty'})"
        )
    index = {underlying: median(values) for underlying, values in indices.items()}
    return ChainSnapshot(time_ms, index, index, _get_forwards(quotes), tuple(quotes.values()), tuple(refused))


def _get_forwards(quotes: Mapping[Terms, OptionQuote]) -> dict[tuple[int, int], float]:
    forwards: dict[tuple[int, int], list[float]] = {}
    for terms, quote in quotes.items():
        forwards.setdefault((terms.underlying, terms.expiry_s), []).append(quote.forward_usdc)
    return {key: median(values) for key, values in sorted(forwards.items())}


def _read_option(row: Mapping[str, str], time_ms: int) -> tuple[OptionQuote, float]:
    """Check that the columns of a row agree with each other; returns its quote and its index price."""
    terms = _parse_inverse_name(row["instrument_name"])
    side = {"call": InstrumentType.CALL, "put": InstrumentType.PUT}.get(row["option_type"])
    strike_ticks = round(read_number(row, "strike", 0.01, MAX_PRICE_USDC) * TICKS_PER_USDC)
    expiry_s = int(read_time(row, "expiry_datetime"))
    told = (UNDERLYINGS[terms.underlying], terms.type, terms.strike_ticks, terms.expiry_s)
    if told != (row["currency"], side, strike_ticks, expiry_s):
        raise RowError(f"{row['instrument_name']} is not what its columns say it is")
    if expiry_s * 1000 <= time_ms:
        raise RowError(f"{row['instrument_name']} has expired")
    forward = read_number(row, "futures_price", 0.01, MAX_PRICE_USDC)
    mark = read_number(row, "mark_price", 0.0, MAX_PRICE_USDC)
    low, high = _get_mark_bounds(terms, forward)
    if not low - PRICE_TOLERANCE_COINS <= mark <= high + PRICE_TOLERANCE_COINS:
        raise RowError(f"mark_price {mark} is an arbitrage: outside {low:.4f} to {high:.4f}")
    bid = read_optional(row, "bid_price", 0.0, MAX_PRICE_USDC)
    ask = read_optional(row, "ask_price", 0.0, MAX_PRICE_USDC)
    quote = OptionQuote(
        terms,
        forward,
        mark * forward,
        bid * forward if bid else None,
        ask * forward if ask else None,
        read_number(row, "implied_volatility", 0.001, MAX_VOLATILITY),
    )
    return quote, read_number(row, "index_price", 0.01, MAX_PRICE_USDC)


def _get_mark_bounds(terms: Terms, forward_usdc: float) -> tuple[float, float]:
    """Least and largest mark, in coins, without arbitrage against the future."""
    strike = terms.strike_ticks / TICKS_PER_USDC / forward_usdc
    return (
        (max(0.0, 1 - strike), 1.0) if terms.type == InstrumentType.CALL else (max(0.0, strike - 1), strike)
    )


def _parse_inverse_name(name: str) -> Terms:
    """Read a coin-margined name, BTC-27MAR26-90000-C, as the linear option of the same terms."""
    coin, dash, rest = name.partition("-")
    terms = parse_name(f"{coin}_USDC-{rest}" if dash else name)
    if not terms.is_option:
        raise RowError(f"{name[:40]!r} is not an option")
    return terms


def _parse_file_time(path: Path, text: str) -> int:
    try:
        return int(datetime.strptime(text, "%Y%m%dT%H%M%S").replace(tzinfo=UTC).timestamp())
    except ValueError:
        raise ChainError(f"{path}: {text} is no time: name it like 20260128T040047Z") from None


Prices = dict[int, dict[tuple[int, int], float]]
"""By time in milliseconds; then by underlying and expiry in seconds (0 for a perpetual)."""


def read_futures(folder: Path) -> tuple[Prices, tuple[str, ...]]:
    """Read the marks of perpetuals and futures that lie beside the snapshots, and a line for each bad row."""
    prices: Prices = {}
    refused: list[str] = []
    tables = (
        (PERPETUALS_NAME, PERPETUAL_COLUMNS, _read_perpetual),
        (FUTURES_NAME, FUTURE_COLUMNS, _read_future),
    )
    for name, columns, read in tables:
        path = next((p for p in (folder / name, folder / f"{name}.gz") if p.is_file()), None)
        for line, row in read_rows(path, columns) if path is not None else ():
            try:
                time_ms = int(read_number(row, "snapshot_timestamp_ms", 0, 4e12))
                key, price = read(row)
                prices.setdefault(time_ms, {})[key] = price
            except (RowError, InstrumentNameError) as error:
                refused.append(f"{path.name if path else name}:{line}: {error}; the row is left out")
    return prices, tuple(refused)


def _read_perpetual(row: Mapping[str, str]) -> tuple[tuple[int, int], float]:
    if row["accepted_under_max_gap"] != "True":
        raise RowError("the price was taken too far from the time of the snapshot")
    price = read_number(row, "perp_futures_mark_price", 0.01, MAX_PRICE_USDC)
    return (_get_underlying(row["coin"]), 0), price


def _read_future(row: Mapping[str, str]) -> tuple[tuple[int, int], float]:
    name = row["futures_instrument_name"].removeprefix("SYN.")
    price = read_number(row, "snapshot_term_mark_price", 0.01, MAX_PRICE_USDC)
    coin, _, rest = name.partition("-")
    terms = parse_name(f"{coin}_USDC-{rest}")
    if terms.type != InstrumentType.FUTURE or coin != row["currency"]:
        raise RowError(f"{name[:40]!r} is not a future on {row['currency'][:10]!r}")
    return (terms.underlying, terms.expiry_s), price


def _get_underlying(coin: str) -> int:
    if coin not in UNDERLYINGS:
        raise RowError(f"coin {coin[:10]!r} is not one of {', '.join(UNDERLYINGS)}")
    return UNDERLYINGS.index(coin)


def with_futures(snapshot: ChainSnapshot, prices: Prices) -> ChainSnapshot:
    """Put the marks of perpetuals and futures that were taken with `snapshot` into it."""
    taken = prices.get(snapshot.time_ms, {})
    perpetuals = {u: price for (u, expiry_s), price in taken.items() if expiry_s == 0}
    forwards = {key: price for key, price in taken.items() if key in snapshot.forward_usdc}
    return replace(
        snapshot,
        perpetual_usdc={**snapshot.perpetual_usdc, **perpetuals},
        forward_usdc={**snapshot.forward_usdc, **forwards},
    )
