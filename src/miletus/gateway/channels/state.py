"""instrument.state and platform_state: what is listed, and whether trading goes on."""

from typing import Any

from miletus.gateway.channels.base import Channel, family, reject_form
from miletus.gateway.channels.trades import Selection
from miletus.gateway.exchange import Changes, Exchange
from miletus.gateway.instruments import Listing


class StateChannel(Channel):
    """Instruments of a kind and currency that are listed or settled."""

    splits = True

    def __init__(self, exchange: Exchange, name: str, selection: Selection) -> None:
        super().__init__(exchange, name, 0.0, [("state", 0)])
        self.selection = selection
        self._waiting: list[tuple[Listing, str]] = []

    def note(self, changes: Changes) -> None:
        """Keep what is to be told."""
        told = [(each, "created") for each in changes.listed] + [
            (each, "settled") for each in changes.settled
        ]
        self._waiting += [(each, state) for each, state in told if self.selection.has(each)]

    def build(self) -> Any:
        """One instrument a message."""
        waiting, self._waiting = self._waiting, []
        return [
            {"timestamp": self.exchange.mirror.time_ms, "state": state, "instrument_name": each.name}
            for each, state in waiting
        ] or None


@family("instrument.state", "instrument.state.{kind}.{currency}")
def make_state(exchange: Exchange, name: str, parts: list[str], account: int | None) -> Channel:
    """Instruments that are listed (created) or settled."""
    if len(parts) != 4:
        reject_form(name)
    return StateChannel(exchange, name, Selection(parts[2], parts[3]))


@family("platform_state", "platform_state")
def make_platform_state(exchange: Exchange, name: str, parts: list[str], account: int | None) -> Channel:
    """Nothing is told: trading here is never locked by hand."""
    return Channel(exchange, name, 0.0, [])
