"""Following contracts' events along a chain that may change its mind.

The follower remembers the hashes of blocks it read. Each `poll` first finds the newest of them that the chain
still has, says how far it went back, and then gives the events from there to the head. Whoever keeps state
from events undoes what is above `reverted_to`, then applies the rest.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from miletus.settlement.errors import L1Inconsistent, L1Refused
from miletus.settlement.node import L1Node
from miletus.settlement.values import Header, Log

RECENT_BLOCKS = 64
"""Blocks below the head whose links are checked one by one; deeper ones are read in ranges."""

RANGE_BLOCKS = 2_000
"""Blocks asked for in one request for events; public nodes refuse much more."""

TRAIL_LENGTH = 1_024
"""Hashes remembered; a reorganisation beyond them starts over from the first block."""


@dataclass(frozen=True, slots=True)
class Update:
    """What changed since the last poll.

    Attributes:
        head: the block up to which everything is now known.
        reverted_to: the last block that is still valid, None if nothing was undone.
        blocks: blocks with events, rising, each with its events in order.

    """

    head: Header
    reverted_to: int | None
    blocks: tuple[tuple[Header, tuple[Log, ...]], ...]


class EventFollower:
    """Events of some contracts from `start_block` on.

    Args:
        node: the L1 node.
        addresses: contracts, checksummed.
        start_block: first block to read, that of the deployment.
        lag_seconds: how long a head that went back without another chain in its place is taken for a node
            that is behind; after that it is believed.
        monotonic: a clock for that.

    """

    def __init__(
        self,
        node: L1Node,
        addresses: Sequence[str],
        start_block: int,
        *,
        lag_seconds: float = 60.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.node = node
        self.addresses = list(addresses)
        self.start_block = start_block
        self._lag_seconds = lag_seconds
        self._monotonic = monotonic
        self._lag_since: float | None = None
        self._trail: list[tuple[int, bytes]] = []

    @property
    def position(self) -> int:
        """Number of the last block that was read."""
        return self._trail[-1][0] if self._trail else self.start_block - 1

    @property
    def trail(self) -> tuple[tuple[int, bytes], ...]:
        """Blocks that were read and are remembered: (number, hash), rising."""
        return tuple(self._trail)

    def resume(self, trail: Sequence[tuple[int, bytes]]) -> None:
        """Go on from blocks read in an earlier life; poll finds out which of them still hold."""
        self._trail = [(number, block_hash) for number, block_hash in trail if number >= self.start_block]

    def poll(self) -> Update:
        """Read up to the head.

        Raises:
            L1Error: nothing changed here; poll again.

        """
        head = self.node.get_head()
        trail = self._rewind(head)
        position = trail[-1][0] if trail else self.start_block - 1
        reverted_to = position if position < self.position else None
        blocks: list[tuple[Header, tuple[Log, ...]]] = []
        while position < head.number:
            last = min(head.number, position + RANGE_BLOCKS)
            found, passed = self._read(position + 1, last, head, trail[-1] if trail else None)
            blocks.extend(found)
            trail.extend(passed)
            position = last
        self._trail = trail[-TRAIL_LENGTH:]
        return Update(head, reverted_to, tuple(blocks))

    def _rewind(self, head: Header) -> list[tuple[int, bytes]]:
        """The remembered blocks that the chain still has."""
        trail = list(self._trail)
        while trail and not self._holds(trail[-1], head):
            trail.pop()
        if (
            self._trail
            and head.number < self._trail[-1][0]
            and trail
            and trail[-1] == (head.number, head.hash)
        ):
            self._wait_for_lag(head)
        else:
            self._lag_since = None
        return trail

    def _holds(self, block: tuple[int, bytes], head: Header) -> bool:
        number, block_hash = block
        if number >= head.number:
            return number == head.number and block_hash == head.hash
        return self.node.is_canonical(number, block_hash)

    def _wait_for_lag(self, head: Header) -> None:
        """Raise while the head is below what was read, and nothing else took the place of that."""
        now = self._monotonic()
        if self._lag_since is None:
            self._lag_since = now
        if now - self._lag_since < self._lag_seconds:
            raise L1Inconsistent(
                f"L1 at {self.node.rpc.url} went back from block {self.position} to {head.number} on the "
                "same chain; it lags behind or was rolled back: waiting, or use another node"
            )
        self._lag_since = None

    def _read(
        self, first: int, last: int, head: Header, before: tuple[int, bytes] | None
    ) -> tuple[list[tuple[Header, tuple[Log, ...]]], list[tuple[int, bytes]]]:
        """Events of a range, and the blocks to remember; all of one chain, the one that ends in `head`."""
        logs = self._get_logs(first, last)
        by_number: dict[int, list[Log]] = {}
        for log in logs:
            by_number.setdefault(log.block_number, []).append(log)
        recent = range(max(first, head.number - RECENT_BLOCKS + 1), last + 1)
        numbers = sorted({*by_number, *recent, last})
        headers: dict[int, Header] = {}
        for number, header in zip(numbers, self.node.get_headers(numbers), strict=True):
            if header is None:
                raise L1Inconsistent(
                    f"L1 at {self.node.rpc.url} has no block {number} below its head {head.number}"
                )
            headers[number] = header
        self._check_links(headers, head, before)
        blocks = []
        for number, some in by_number.items():
            if any(log.block_hash != headers[number].hash for log in some):
                raise L1Inconsistent(f"L1 at {self.node.rpc.url} changed block {number} while it was read")
            blocks.append((headers[number], tuple(some)))
        return blocks, [(number, headers[number].hash) for number in numbers]

    def _get_logs(self, first: int, last: int) -> list[Log]:
        """Events of a range; in halves where the node refuses so many at once."""
        try:
            return self.node.get_logs(self.addresses, first, last)
        except L1Refused:
            if first == last:
                raise
        middle = (first + last) // 2
        return self._get_logs(first, middle) + self._get_logs(middle + 1, last)

    def _check_links(
        self, headers: dict[int, Header], head: Header, before: tuple[int, bytes] | None
    ) -> None:
        known = dict([before] if before else [])
        known |= {number: header.hash for number, header in headers.items()}
        for number, header in headers.items():
            parent = known.get(number - 1)
            if parent is not None and header.parent_hash != parent:
                raise L1Inconsistent(
                    f"L1 at {self.node.rpc.url}: the parent of block {number} is not its block {number - 1}"
                )
        if head.number in headers and headers[head.number].hash != head.hash:
            raise L1Inconsistent(
                f"L1 at {self.node.rpc.url} changed its head {head.number} while it was read"
            )
