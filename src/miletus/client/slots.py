"""Which of an account's 256 order slots may be used for a new order."""

from collections.abc import Iterable
from typing import Final

from miletus.client.errors import RequestError

COUNT: Final = 256


class Slots:
    """Slots that are known to be free, given out in turn, so that one that just ended is not used at once.

    An order that others fill frees its slot without a word to us: the account is looked at when none is left.
    """

    def __init__(self) -> None:
        self._free: dict[int, None] = dict.fromkeys(range(COUNT))

    def reset(self, taken: Iterable[int]) -> None:
        """Take up what the account says: these slots have orders."""
        occupied = set(taken)
        self._free = {slot: None for slot in range(COUNT) if slot not in occupied}

    def count_free(self) -> int:
        """Slots that can be given out."""
        return len(self._free)

    def take(self, count: int) -> list[int]:
        """Give out slots. RequestError if there are not so many."""
        if count > len(self._free):
            raise RequestError(
                f"{count} order slots are needed, {len(self._free)} are free: cancel orders first"
            )
        taken = list(self._free)[:count]
        for slot in taken:
            del self._free[slot]
        return taken

    def free(self, slot: int) -> None:
        """A slot is free again."""
        self._free[slot] = None
