"""A market over simulated time: what its index, forwards and surfaces are at a second, and what is listed.

Two markets keep to `Market`: `GeneratedMarket`, which needs no file, and `ReplayMarket`, which follows
recorded snapshots. Both are functions of their seed and of time alone: asking twice, or in another order,
gives the same answer.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from miletus.engine.params import DAY_S, EXPIRY_TIME_OF_DAY_S
from miletus.market.errors import MarketError
from miletus.market.names import InstrumentType, Terms
from miletus.market.surface import Surface

MINUTE_S: Final = 60
HOUR_S: Final = 3_600

DEEPEST_PUT: Final = 2
"""Puts are listed up to so many times the index. Beyond 2.15 times their mark is so large that the band of a
fill around it is wider than the maintenance margin of a lot."""

FRIDAY: Final = 4
"""Day of the week on which monthly and quarterly instruments expire; Monday is 0."""


@dataclass(frozen=True)
class UnderlyingState:
    """One underlying at one second."""

    underlying: int
    time_s: int
    index_ticks: int
    perpetual_ticks: int
    forward_ticks: Mapping[int, int]
    """By expiry in seconds; only of expiries that are to come."""
    surface: Surface


class Market(Protocol):
    """What makers, takers and the oracle need to know of a market."""

    underlyings: tuple[int, ...]
    start_s: int
    end_s: int

    def get_index(self, underlying: int, time_s: int) -> int:
        """The index in ticks at a second of start_s .. end_s; MarketError outside."""

    def get_index_sum(self, underlying: int, from_s: int, to_s: int) -> int:
        """Sum of the index over the seconds from_s, ..., to_s - 1, in ticks x seconds."""

    def get_state(self, underlying: int, time_s: int) -> UnderlyingState:
        """Everything about one underlying at a second."""

    def get_terms(self, time_s: int) -> list[Terms]:
        """What should be listed at a second. What was listed before stays listed until it expires."""


def require_within(time_s: int, start_s: int, end_s: int) -> None:
    """Raise MarketError for a time that the market does not have."""
    if not start_s <= time_s <= end_s:
        raise MarketError(
            f"time {time_s} is outside of {start_s} to {end_s}: ask for a second that the market has"
        )


def require_underlyings(wanted: tuple[int, ...], there: Collection[int]) -> None:
    """Raise MarketError unless `wanted` names some of the underlyings that are `there`, each once."""
    if not wanted or len(set(wanted)) != len(wanted) or not set(wanted) <= set(there):
        raise MarketError(
            f"underlyings {wanted}: choose from {', '.join(map(str, sorted(there)))}, each once"
        )


class MinutePath:
    """An index given at full minutes, linear between them, in whole ticks at every second (floored).

    `get_node` gives the ticks at a minute since 1970, the same at every call.
    """

    def __init__(self, start_s: int, end_s: int, get_node: Callable[[int], int]) -> None:
        self.start_s = start_s
        self.end_s = end_s
        self._get_node = get_node
        self._sums: dict[int, int] = {}

    def get(self, time_s: int) -> int:
        """Ticks at a second; MarketError outside of the path."""
        require_within(time_s, self.start_s, self.end_s)
        minute, second = divmod(time_s, MINUTE_S)
        first = self._get_node(minute)
        return first + (self._get_node(minute + 1) - first) * second // MINUTE_S if second else first

    def get_sum(self, from_s: int, to_s: int) -> int:
        """Sum over the seconds from_s, ..., to_s - 1."""
        total = 0
        while from_s < to_s:
            minute, second = divmod(from_s, MINUTE_S)
            if second == 0 and to_s - from_s >= MINUTE_S:
                total += self._get_minute_sum(minute)
                from_s += MINUTE_S
            else:
                total += self.get(from_s)
                from_s += 1
        return total

    def _get_minute_sum(self, minute: int) -> int:
        if minute not in self._sums:
            start_s = minute * MINUTE_S
            self._sums[minute] = sum(self.get(start_s + second) for second in range(MINUTE_S))
        return self._sums[minute]


@dataclass(frozen=True, slots=True)
class Selection:
    """How much of a market is listed, for each underlying."""

    nearest: int = 4
    """Expiries: so many of the next ones ..."""
    quarterly: int = 2
    """... and so many of the quarterly ones after them."""
    strikes: int = 12
    """Strikes of an expiry, those nearest to its forward when it was first listed and ever after."""
    least_left_s: int = 2 * HOUR_S
    """What expires earlier is not listed any more; more than the half hour of the settlement average."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What could be listed of one expiry."""

    forward_ticks: int
    strikes_ticks: tuple[int, ...]


def select_terms(
    underlying: int, time_s: int, choices: Mapping[int, Choice], selection: Selection
) -> list[Terms]:
    """Choose what is listed: the perpetual, and of the chosen expiries a future and the nearest strikes.

    `choices` is by expiry in seconds.
    """
    terms = [Terms(underlying, 0, 0, InstrumentType.PERPETUAL)]
    open_s = sorted(expiry_s for expiry_s in choices if expiry_s >= time_s + selection.least_left_s)
    chosen = open_s[: selection.nearest]
    quarterly = [expiry_s for expiry_s in open_s[selection.nearest :] if is_quarterly(expiry_s)]
    for expiry_s in chosen + quarterly[: selection.quarterly]:
        choice = choices[expiry_s]
        strikes = (k for k in choice.strikes_ticks if k <= DEEPEST_PUT * choice.forward_ticks * 9 // 10)
        nearest = sorted(strikes, key=lambda k: (abs(k - choice.forward_ticks), k))
        terms.append(Terms(underlying, expiry_s, 0, InstrumentType.FUTURE))
        for strike_ticks in sorted(nearest[: selection.strikes]):
            terms += [
                Terms(underlying, expiry_s, strike_ticks, kind)
                for kind in (InstrumentType.CALL, InstrumentType.PUT)
            ]
    return terms


def get_weekday(time_s: int) -> int:
    """Day of the week, Monday is 0; 1 January 1970 was a Thursday."""
    return (time_s // int(DAY_S) + 3) % 7


def is_monthly(expiry_s: int) -> bool:
    """Whether an expiry is on the last Friday of its month."""
    return get_weekday(expiry_s) == FRIDAY and get_month(expiry_s) != get_month(expiry_s + 7 * int(DAY_S))


def is_quarterly(expiry_s: int) -> bool:
    """Whether an expiry is on the last Friday of March, June, September or December."""
    return is_monthly(expiry_s) and get_month(expiry_s) % 3 == 2


def get_month(time_s: int) -> int:
    """Months since January of the year 0, by the civil calendar (H. Hinnant, "chrono-compatible dates")."""
    day = time_s // int(DAY_S) + 719_468
    era, of_era = divmod(day, 146_097)
    year = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    shifted = (5 * of_year + 2) // 153
    month = shifted + 2 if shifted < 10 else shifted - 10
    return (year + era * 400 + (1 if month < 2 else 0)) * 12 + month


def next_expiry(time_s: int) -> int:
    """The first 08:00:00 UTC after a second."""
    return (time_s - int(EXPIRY_TIME_OF_DAY_S)) // int(DAY_S) * int(DAY_S) + int(DAY_S + EXPIRY_TIME_OF_DAY_S)
