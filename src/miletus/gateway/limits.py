"""Rate limits by credits: a pool that fills at a steady rate, and a cost for each request."""

import time
from dataclasses import dataclass

from miletus.gateway.errors import make_error


@dataclass(frozen=True)
class Rate:
    """A pool of `burst` requests that fills at `rate` requests a second."""

    burst: int
    rate: float


@dataclass(frozen=True)
class Limits:
    """What one account, one connection and all connections together may ask of a gateway.

    `matching` counts orders, changes and cancels of an account; `other` every other request of a connection.
    """

    matching: Rate = Rate(40_000, 20_000)
    other: Rate = Rate(10_000, 2_000)
    connections: int = 6_000
    frame_bytes: int = 1 << 20
    body_bytes: int = 1 << 20
    channels: int = 1_000
    in_flight: int = 2_000
    buffer_bytes: int = 4 << 20
    idle_seconds: float = 3_600.0


class Pool:
    """Credits of one account or connection."""

    __slots__ = ("_at", "_credits", "rate")

    def __init__(self, rate: Rate) -> None:
        self.rate = rate
        self._credits = float(rate.burst)
        self._at = time.monotonic()

    def take(self, count: int = 1) -> None:
        """Spend credits. RpcError too_many_requests, with the seconds to wait, if there are not enough."""
        now = time.monotonic()
        credits = min(self.rate.burst, self._credits + (now - self._at) * self.rate.rate)
        self._at = now
        if credits < count:
            self._credits = credits
            wait = (count - credits) / self.rate.rate
            raise make_error(
                "too_many_requests", f"{self.rate.rate:g} a second are allowed", wait=round(wait, 3)
            )
        self._credits = credits - count
