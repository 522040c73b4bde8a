"""Recorded snapshots as a time line.

What was recorded holds at its minute, and between two snapshots there is a way from one to the other that
could have been:

- Index: a Brownian bridge in the logarithm, minute by minute, between the recorded values (each at the full
  minute of its snapshot), with the at-the-money volatility of the earlier snapshot's first expiry of a day or
  more. Each stretch has a random generator of its own, seeded by (seed, underlying, snapshot).
- Forwards and perpetual: their ratio to the index, linear in time. After the last snapshot that has an
  expiry, the ratio of its forward goes to 1 at expiry.
- Surface: that of the last snapshot, decayed; it moves with the forward, and nothing of the next snapshot
  is in it. (Slices whose parameters are mixed from two snapshots offer arbitrage nearly always.)
- Instruments: what the last snapshot has, chosen by a `Selection`.
"""

import math
import random
from bisect import bisect_right
from pathlib import Path
from typing import Final

from miletus.market.black76 import YEAR_S
from miletus.market.chains import ChainSnapshot, find_snapshots, read_chain, read_futures, with_futures
from miletus.market.errors import ChainError
from miletus.market.names import TICKS_PER_USDC, UNDERLYINGS, Terms
from miletus.market.surface import compute_variance_s
from miletus.market.svi_fit import FittedSurface, fit_surface
from miletus.market.timeline import (
    MINUTE_S,
    Choice,
    MinutePath,
    Selection,
    UnderlyingState,
    require_underlyings,
    require_within,
    select_terms,
)

SHORTEST_S: Final = 86_400
"""The bridge takes its volatility from the first expiry at least so far away."""


class ReplayMarket:
    """The snapshots of a folder, from the one at or after `start_s`; keeps to `timeline.Market`.

    `underlyings` are those that the first snapshot has, unless some of them are named.

    Files are read, and surfaces fitted, when time comes to them. ChainError if the folder has fewer than two
    snapshots in the range, or when a file that time comes to can't be used.
    """

    def __init__(
        self,
        folder: Path,
        seed: int = 1,
        start_s: int = 0,
        end_s: int | None = None,
        selection: Selection = Selection(),  # noqa: B008 - frozen
        underlyings: tuple[int, ...] = (),
    ) -> None:
        found = [
            (time_s // MINUTE_S * MINUTE_S, path)
            for time_s, path in find_snapshots(folder)
            if time_s >= start_s and (end_s is None or time_s <= end_s)
        ]
        if len(found) < 2:
            raise ChainError(f"{folder}: {len(found)} snapshots in the range: a replay needs two at least")
        self._seed = seed
        self._selection = selection
        self._times = [time_s for time_s, _ in found]
        self._files = [path for _, path in found]
        self._prices, self.refused = read_futures(folder)
        self.start_s, self.end_s = self._times[0], self._times[-1]
        self._snapshots: dict[int, ChainSnapshot] = {}
        self._chosen: dict[int, list[Terms]] = {}
        self._bridges: dict[tuple[int, int], list[int]] = {}
        self._fitted: dict[tuple[int, int], FittedSurface] = {}
        self.underlyings: tuple[int, ...] = ()
        there = tuple(sorted(self.get_snapshot(0).index_usdc))
        require_underlyings(underlyings or there, there)
        self.underlyings = underlyings or there
        self._paths = {u: self._make_path(u) for u in self.underlyings}

    def get_index(self, underlying: int, time_s: int) -> int:
        """The index in ticks at a second."""
        return self._paths[underlying].get(time_s)

    def get_index_sum(self, underlying: int, from_s: int, to_s: int) -> int:
        """Sum of the index over the seconds from_s, ..., to_s - 1."""
        return self._paths[underlying].get_sum(from_s, to_s)

    def get_state(self, underlying: int, time_s: int) -> UnderlyingState:
        """Index, forwards and surface at a second."""
        index_ticks = self.get_index(underlying, time_s)
        number, share = self._locate(time_s)
        early, late = self.get_snapshot(number), self.get_snapshot(min(number + 1, len(self._times) - 1))
        forwards = {}
        for (each, expiry_s), forward in early.forward_usdc.items():
            if each == underlying and expiry_s > time_s:
                before = forward / early.index_usdc[underlying]
                if (each, expiry_s) in late.forward_usdc:
                    after = late.forward_usdc[each, expiry_s] / late.index_usdc[underlying]
                    ratio = before + (after - before) * share
                else:
                    start_s = self._times[number]
                    ratio = 1 + (before - 1) * (expiry_s - time_s) / (expiry_s - start_s)
                forwards[expiry_s] = round(index_ticks * ratio)
        ratios = [s.perpetual_usdc[underlying] / s.index_usdc[underlying] for s in (early, late)]
        perpetual = round(index_ticks * (ratios[0] + (ratios[1] - ratios[0]) * share))
        surface = self.get_fitted(underlying, number).surface.decayed(time_s)
        return UnderlyingState(underlying, time_s, index_ticks, perpetual, forwards, surface)

    def get_terms(self, time_s: int) -> list[Terms]:
        """What should be listed: by the snapshot that is the last one at a second."""
        number, _ = self._locate(time_s)
        if number not in self._chosen:
            self._chosen[number] = self._choose(number)
        latest_s = time_s + self._selection.least_left_s
        return [terms for terms in self._chosen[number] if terms.expiry_s == 0 or terms.expiry_s >= latest_s]

    def get_snapshot(self, number: int) -> ChainSnapshot:
        """Read the snapshot of this number, 0 the first of the replay; read once."""
        if number not in self._snapshots:
            snapshot = with_futures(read_chain(self._files[number]), self._prices)
            missing = [UNDERLYINGS[u] for u in self.underlyings if u not in snapshot.index_usdc]
            if missing:
                raise ChainError(
                    f"{self._files[number]}: no usable row of {', '.join(missing)}: take the file out of the "
                    "folder"
                )
            self._snapshots[number] = snapshot
        return self._snapshots[number]

    def get_fitted(self, underlying: int, number: int) -> FittedSurface:
        """Fit the surface of a snapshot; fitted once."""
        key = (underlying, number)
        if key not in self._fitted:
            self._fitted[key] = fit_surface(self.get_snapshot(number), underlying)
        return self._fitted[key]

    def _choose(self, number: int) -> list[Terms]:
        snapshot, time_s = self.get_snapshot(number), self._times[number]
        terms = []
        for underlying in self.underlyings:
            fitted = self.get_fitted(underlying, number).surface.slices
            choices = {}
            for (each, expiry_s), forward in snapshot.forward_usdc.items():
                if each == underlying and expiry_s in fitted:
                    strikes = {quote.terms.strike_ticks for quote in snapshot.of(underlying, expiry_s)}
                    choices[expiry_s] = Choice(round(forward * TICKS_PER_USDC), tuple(sorted(strikes)))
            terms += select_terms(underlying, time_s, choices, self._selection)
        return terms

    def _locate(self, time_s: int) -> tuple[int, float]:
        """Number of the last snapshot at a second, and the share of the way to the next that has passed."""
        require_within(time_s, self.start_s, self.end_s)
        number = bisect_right(self._times, time_s) - 1
        if number == len(self._times) - 1:
            return number, 0.0
        start_s, end_s = self._times[number], self._times[number + 1]
        return number, (time_s - start_s) / (end_s - start_s)

    def _make_path(self, underlying: int) -> MinutePath:
        def get_ticks(minute: int) -> int:
            number, _ = self._locate(minute * MINUTE_S)
            return self._get_bridge(underlying, number)[minute - self._times[number] // MINUTE_S]

        return MinutePath(self.start_s, self.end_s, get_ticks)

    def _get_bridge(self, underlying: int, number: int) -> list[int]:
        """The index at every minute from a snapshot to before the next."""
        key = (underlying, number)
        if key not in self._bridges:
            begin = math.log(self.get_snapshot(number).index_usdc[underlying])
            if number == len(self._times) - 1:
                self._bridges[key] = [round(math.exp(begin) * TICKS_PER_USDC)]
            else:
                end = math.log(self.get_snapshot(number + 1).index_usdc[underlying])
                minutes = (self._times[number + 1] - self._times[number]) // MINUTE_S
                generator = random.Random(f"miletus replay {self._seed} {underlying} {self._times[number]}")
                volatility = self._get_volatility(underlying, number)
                logs = make_bridge(begin, end, minutes, volatility, generator)
                self._bridges[key] = [round(math.exp(value) * TICKS_PER_USDC) for value in logs[:-1]]
        return self._bridges[key]

    def _get_volatility(self, underlying: int, number: int) -> float:
        """At-the-money volatility a year of the first expiry that is a day or more away."""
        surface = self.get_fitted(underlying, number).surface
        expiry_s = min(
            (e for e in surface.slices if e - surface.time_s >= SHORTEST_S), default=max(surface.slices)
        )
        part = surface.slices[expiry_s]
        variance = part.a + part.b * (-part.rho * part.m + math.hypot(part.m, part.sigma))
        return math.sqrt(max(variance, 0.0) / (compute_variance_s(expiry_s - surface.time_s) / YEAR_S))


def make_bridge(
    begin: float, end: float, minutes: int, volatility: float, generator: random.Random
) -> list[float]:
    """A Brownian bridge of `minutes` steps, both ends included; `volatility` a year, per root of time."""
    values = [begin]
    deviation = volatility * math.sqrt(MINUTE_S / YEAR_S)
    for left in range(minutes, 1, -1):
        here = values[-1]
        spread = deviation * math.sqrt((left - 1) / left)
        values.append(here + (end - here) / left + spread * generator.gauss(0, 1))
    return [*values, end]
