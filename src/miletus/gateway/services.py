"""How the processes of an exchange are: each one's health and figures, read where it serves them.

What is told are the figures of Miletus itself (`miletus_...`), not those of the process or its machine.
"""

import asyncio
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from prometheus_client.parser import text_string_to_metric_families

REQUEST_SECONDS: Final = 2.0
KEEP_SECONDS: Final = 2.0
"""How long an answer is good: many may look, but each process is asked once."""

MOST_BYTES: Final = 1 << 20


@dataclass(frozen=True)
class Service:
    """A process: `status` is ok, or what is wrong with it; `figures` are by name, without the prefix."""

    name: str
    status: str
    figures: dict[str, float] = field(default_factory=dict)


class Services:
    """Reads processes. `get_addresses` gives the address of each one's /health, by name, as it is now."""

    def __init__(self, get_addresses: Callable[[], dict[str, str]]) -> None:
        self._get_addresses = get_addresses
        self._lock = asyncio.Lock()
        self._read_at = 0.0
        self._known: list[Service] = []

    async def get(self) -> list[Service]:
        """All processes, by name; what does not answer is told as such."""
        async with self._lock:
            if not self._known or time.monotonic() - self._read_at > KEEP_SECONDS:
                addresses = await asyncio.to_thread(self._get_addresses)
                reads = (asyncio.to_thread(read_service, *each) for each in sorted(addresses.items()))
                self._known = list(await asyncio.gather(*reads))
                self._read_at = time.monotonic()
            return self._known


def read_service(name: str, address: str) -> Service:
    """Ask one process by HTTP. Blocks for some seconds at most."""
    try:
        health = msgspec.json.decode(_get(address), type=dict[str, Any])
        text = _get(address.removesuffix("/health") + "/metrics").decode()
        return Service(name, str(health.get("status", "")), parse_figures(name, text))
    except (OSError, ValueError) as error:
        return Service(name, f"does not answer: {error}")


def parse_figures(name: str, text: str) -> dict[str, float]:
    """Figures of one process, of what Prometheus would scrape. ValueError for what is no such text."""
    prefix = f"miletus_{name}_"
    return {
        sample.name.removeprefix(prefix): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith(prefix)
    }


def _get(address: str) -> bytes:
    """The body of an answer; one with an error's status has a body too."""
    try:
        with urllib.request.urlopen(address, timeout=REQUEST_SECONDS) as response:
            return bytes(response.read(MOST_BYTES))
    except urllib.error.HTTPError as error:
        with error:
            return error.read(MOST_BYTES)
