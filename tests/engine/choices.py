"""Choices out of bytes: what a flow does at random, and hypothesis can shorten."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Choices:
    """Choices out of bytes, two a choice; when the bytes are used up every choice is the first."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def pick(self, count: int) -> int:
        """Choose one of at most 65,536, about evenly."""
        taken = int.from_bytes(self.data[self.at : self.at + 2], "big")
        self.at += 2
        return taken * count >> 16

    def between(self, least: int, greatest: int) -> int:
        """Choose from a range of any width: an end of it, near an end, or a number of some length."""
        span = greatest - least
        shape = self.pick(4)
        if shape == 0:
            return least + min(span, self.pick(3))
        if shape == 1:
            return greatest - min(span, self.pick(3))
        bits = self.pick(span.bit_length() + 1)
        return least + min(
            span, (1 << bits >> 1) + (self.pick(65_536) * 0x9E3779B97F4A7C15) % max(1, 1 << bits >> 1)
        )

    def one_in(self, count: int) -> bool:
        return self.pick(count) == count - 1

    def of(self, values: Sequence[T]) -> T:
        return values[self.pick(len(values))]
