"""What is held, what that risks, and what must not be quoted because of it."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from miletus.maker.config import LimitsConfig, ProtectionConfig
from miletus.maker.theory import Value
from miletus.market.board import Board
from miletus.market.requests import Side

LOTS = 10_000
"""Lots of a coin; spec 01."""

MICROS = 1_000_000
"""A tick on a lot is a micro, of which a USDC has so many; spec 01."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """Net risk in one underlying: delta in coins, gamma in coins for 1 %, vega and theta in USDC."""

    delta: float = 0.0
    gamma: float = 0.0
    vega: float = 0.0
    theta: float = 0.0


def compute_exposure(
    positions: Mapping[int, int], values: Mapping[int, Value], board: Board
) -> dict[int, Exposure]:
    """Exposure by underlying. Positions without a value count by the sheet's delta."""
    sums = {underlying: [0.0, 0.0, 0.0, 0.0] for underlying in board.index_ticks}
    for number, lots in positions.items():
        line = board.lines.get(number)
        if line is None:
            continue
        total, value = sums[line.instrument.terms.underlying], values.get(number)
        if value is None:
            total[0] += lots / LOTS * line.delta
            continue
        total[0] += lots / LOTS * value.delta
        total[1] += lots / LOTS * value.gamma * line.index_ticks / 100
        total[2] += lots * value.vega / MICROS
        total[3] += lots * value.theta / MICROS
    return {underlying: Exposure(*each) for underlying, each in sums.items()}


def find_forbidden(
    number: int,
    positions: Mapping[int, int],
    value: Value,
    exposure: Exposure,
    lots: int,
    limits: LimitsConfig,
) -> set[Side]:
    """Sides of an instrument that a fill of `lots` would take beyond a limit, or farther beyond it."""
    forbidden = set()
    held = positions.get(number, 0)
    for side in Side:
        change = lots * side.sign
        checks = (
            (held / LOTS, change / LOTS, limits.position),
            (exposure.delta, change / LOTS * value.delta, limits.delta),
            (exposure.vega, change * value.vega / MICROS, limits.vega),
        )
        if any(abs(now + more) > limit and abs(now + more) > abs(now) for now, more, limit in checks):
            forbidden.add(side)
    return forbidden


@dataclass
class Guard:
    """Says when quotes must be out: what happened lately, by a clock in seconds that only rises."""

    protection: ProtectionConfig
    paused_until: float = 0.0
    reason: str = ""
    pauses: int = 0
    _fills: dict[int, deque[tuple[float, float]]] = field(default_factory=dict)
    _indices: dict[int, deque[tuple[float, int]]] = field(default_factory=dict)
    _refusals: deque[float] = field(default_factory=deque)

    def note_fill(self, now: float, underlying: int, lots: int) -> None:
        """Others traded with our quotes."""
        recent = self._fills.setdefault(underlying, deque())
        recent.append((now, lots / LOTS))
        while recent and recent[0][0] < now - self.protection.fill_seconds:
            recent.popleft()
        total = sum(size for _, size in recent)
        if total > self.protection.fill_size:
            self.pause(now, f"{total:.4g} coins were filled within {self.protection.fill_seconds:g} s")
            recent.clear()

    def note_index(self, now: float, underlying: int, index_ticks: int) -> None:
        """The index is so high."""
        recent = self._indices.setdefault(underlying, deque())
        recent.append((now, index_ticks))
        while recent[0][0] < now - self.protection.fill_seconds:
            recent.popleft()
        low, high = min(t for _, t in recent), max(t for _, t in recent)
        if low and (high - low) / low > self.protection.index_move_share:
            self.pause(now, f"the index moved by {100 * (high - low) / low:.2g} %")
            recent.clear()
            recent.append((now, index_ticks))

    def note_refusal(self, now: float) -> None:
        """An order was refused."""
        self._refusals.append(now)
        while self._refusals[0] < now - self.protection.pause_seconds:
            self._refusals.popleft()
        if len(self._refusals) > self.protection.refusals:
            self.pause(now, f"{len(self._refusals)} orders were refused")
            self._refusals.clear()

    def pause(self, now: float, reason: str) -> None:
        """Take quotes out for a while."""
        self.paused_until = now + self.protection.pause_seconds
        self.reason = reason
        self.pauses += 1

    def find_reason(self, now: float, sheet_age_s: float, index_age_s: float, silence_s: float) -> str:
        """Why nothing may be quoted now; empty if it may."""
        protection = self.protection
        if silence_s > protection.silence_seconds:
            return f"the node has been silent for {silence_s:.1f} s"
        if index_age_s > protection.index_seconds:
            return f"the index is {index_age_s:.0f} s old"
        if sheet_age_s > protection.sheet_seconds:
            return f"the sheet is {sheet_age_s:.0f} s old"
        return self.reason if now < self.paused_until else ""
