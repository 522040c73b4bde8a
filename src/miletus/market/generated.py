"""A market that needs no file: seeded index paths with jumps, volatility that reverts, SSVI surfaces.

Every minute a standard normal for all coins together and one for each coin move the indices; now and then all
jump together. The level of volatility is a mean-reverting exponential that rises when the market falls. The
at-the-money variance of an expiry is the average of a forward variance that goes from today's level to the
long-run one, so it rises with the expiry, and with one rho and eta the surface is free of arbitrage.
"""

import math
import random
from dataclasses import dataclass
from typing import Final

from miletus.engine.params import DAY_S, PRICE_LIMIT
from miletus.market.black76 import YEAR_S
from miletus.market.errors import MarketError
from miletus.market.names import Terms
from miletus.market.surface import Surface, compute_variance_s, make_ssvi_slice
from miletus.market.timeline import (
    FRIDAY,
    HOUR_S,
    MINUTE_S,
    Choice,
    MinutePath,
    Selection,
    UnderlyingState,
    get_weekday,
    is_monthly,
    is_quarterly,
    next_expiry,
    require_underlyings,
    select_terms,
)

MAX_DAYS: Final = 366
"""Longest market; its paths are kept in memory, a minute a node."""

LAST_EXPIRY_DAYS: Final = 400
"""How far ahead quarterly expiries are made."""


@dataclass(frozen=True, slots=True)
class Coin:
    """Habits of one underlying. Volatilities are a year, as fractions; basis is a year's."""

    index_usdc: float
    volatility: float
    shared: float
    """Correlation with what moves all coins."""
    rho: float
    eta: float
    basis: float
    strike_usdc: float
    """Smallest distance of strikes."""


COINS: Final = (
    Coin(90_000.0, 0.45, 0.85, -0.25, 1.1, 0.045, 500.0),
    Coin(3_000.0, 0.65, 0.80, -0.20, 1.0, 0.035, 25.0),
)

REVERSION_A_YEAR: Final = 40.0
"""Speed at which volatility returns: half of a shock is gone in six days."""

VOLATILITY_OF_VOLATILITY: Final = 2.0
LEVERAGE: Final = -0.5
"""Correlation of volatility with the market."""

JUMPS_A_YEAR: Final = 60.0
JUMP_MEAN: Final = -0.006
JUMP_DEVIATION: Final = 0.015

TERM_REVERSION_A_YEAR: Final = 8.0
"""Speed at which forward variance goes to the long-run level."""


@dataclass(frozen=True, slots=True)
class _Node:
    """The market at one minute: logarithms of the indices, and of volatility over its long-run level."""

    log_indices: tuple[float, ...]
    log_level: float


class GeneratedMarket:
    """A market from `start_s`, of `days`, made from `seed` alone; keeps to `timeline.Market`."""

    def __init__(
        self,
        seed: int = 1,
        start_s: int = 1_769_594_400,
        days: int = 7,
        selection: Selection = Selection(),  # noqa: B008 - frozen
        coins: tuple[Coin, ...] = COINS,
        underlyings: tuple[int, ...] = (0, 1),
    ) -> None:
        if not 1 <= days <= MAX_DAYS or start_s < 946_684_800:
            raise MarketError(f"days {days}, start_s {start_s}: give 1 to {MAX_DAYS} days, from 2000 on")
        require_underlyings(underlyings, range(len(coins)))
        self.underlyings = underlyings
        self.start_s = start_s // MINUTE_S * MINUTE_S
        self.end_s = self.start_s + days * int(DAY_S)
        self._coins = coins
        self._selection = selection
        self._random = random.Random(f"miletus generated market {seed}")
        self._nodes = [_Node(tuple(math.log(coin.index_usdc) for coin in coins), 0.0)]
        self._paths = {underlying: self._make_path(underlying) for underlying in underlyings}

    def get_index(self, underlying: int, time_s: int) -> int:
        """The index in ticks at a second."""
        return self._paths[underlying].get(time_s)

    def get_index_sum(self, underlying: int, from_s: int, to_s: int) -> int:
        """Sum of the index over the seconds from_s, ..., to_s - 1."""
        return self._paths[underlying].get_sum(from_s, to_s)

    def get_state(self, underlying: int, time_s: int) -> UnderlyingState:
        """Index, forwards and surface at a second. The level of volatility is that of its minute."""
        coin = self._coins[underlying]
        index_ticks = self.get_index(underlying, time_s)
        level = math.exp(2 * self._get_node(time_s // MINUTE_S).log_level)
        slices, forwards = {}, {}
        for expiry_s in self._list_expiries(time_s):
            left_s = expiry_s - time_s
            years = compute_variance_s(left_s) / YEAR_S
            speed = TERM_REVERSION_A_YEAR * years
            variance = coin.volatility**2 * years * (1 + (level - 1) * -math.expm1(-speed) / speed)
            slices[expiry_s] = make_ssvi_slice(variance, coin.rho, coin.eta)
            forwards[expiry_s] = round(index_ticks * (1 + coin.basis * left_s / YEAR_S))
        perpetual = round(index_ticks * (1 + coin.basis / 2_000))
        return UnderlyingState(underlying, time_s, index_ticks, perpetual, forwards, Surface(time_s, slices))

    def get_terms(self, time_s: int) -> list[Terms]:
        """What should be listed, reviewed at every full hour."""
        hour_s = max(self.start_s, time_s // HOUR_S * HOUR_S)
        terms = []
        for underlying in self.underlyings:
            index_ticks = self.get_index(underlying, hour_s)
            choices = {
                expiry_s: Choice(index_ticks, self._list_strikes(underlying, index_ticks, expiry_s - hour_s))
                for expiry_s in self._list_expiries(hour_s)
            }
            terms += select_terms(underlying, hour_s, choices, self._selection)
        return terms

    def _make_path(self, underlying: int) -> MinutePath:
        def get_ticks(minute: int) -> int:
            ticks = round(100 * math.exp(self._get_node(minute).log_indices[underlying]))
            return max(1, min(ticks, int(PRICE_LIMIT) // 2))

        return MinutePath(self.start_s, self.end_s, get_ticks)

    def _get_node(self, minute: int) -> _Node:
        number = minute - self.start_s // MINUTE_S
        while len(self._nodes) <= number:
            self._nodes.append(self._step(self._nodes[-1]))
        return self._nodes[number]

    def _step(self, node: _Node) -> _Node:
        """One minute further."""
        dt = MINUTE_S / YEAR_S
        root = math.sqrt(dt)
        draw = self._random.gauss
        market, own_level = draw(0, 1), draw(0, 1)
        jump = draw(JUMP_MEAN, JUMP_DEVIATION) if self._random.random() < JUMPS_A_YEAR * dt else 0.0
        level = math.exp(node.log_level)
        moved = []
        for coin, value in zip(self._coins, node.log_indices, strict=True):
            noise = coin.shared * market + math.sqrt(1 - coin.shared**2) * draw(0, 1)
            volatility = coin.volatility * level
            moved.append(value - volatility**2 * dt / 2 + volatility * root * noise + jump)
        shock = LEVERAGE * market + math.sqrt(1 - LEVERAGE**2) * own_level
        log_level = node.log_level * (1 - REVERSION_A_YEAR * dt) + VOLATILITY_OF_VOLATILITY * root * shock
        # a jump down comes with a jump of volatility
        return _Node(tuple(moved), max(-1.5, min(1.5, log_level - 4 * min(jump, 0.0))))

    def _list_expiries(self, time_s: int) -> list[int]:
        """Every day for three days, four Fridays, and the ends of two months and of all quarters to come."""
        first = next_expiry(time_s)
        days = [first + day * int(DAY_S) for day in range(LAST_EXPIRY_DAYS)]
        fridays = [day for day in days if get_weekday(day) == FRIDAY]
        monthly = [day for day in fridays if is_monthly(day)]
        quarterly = [day for day in monthly if is_quarterly(day)]
        return sorted({*days[:3], *fridays[:4], *monthly[:2], *quarterly})

    def _list_strikes(self, underlying: int, index_ticks: int, left_s: int) -> tuple[int, ...]:
        """Strikes about a third of a standard deviation apart, on multiples of 1, 2, 4, ... steps."""
        coin = self._coins[underlying]
        deviation = index_ticks * coin.volatility * math.sqrt(left_s / YEAR_S)
        step = round(coin.strike_usdc * 100)
        while step * 2 < deviation / 3:
            step *= 2
        middle = round(index_ticks / step)
        return tuple(step * number for number in range(max(1, middle - 40), middle + 41))
