"""The hub: who is subscribed to what, and when each channel tells."""

import asyncio
import importlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

import structlog

from miletus.gateway.channels.base import FAMILIES, Channel, Topic, reject_form
from miletus.gateway.exchange import Changes

if TYPE_CHECKING:
    from miletus.gateway.gateway import Gateway
    from miletus.gateway.sessions import WebSocketSession

MODULES: Final = ("book", "market", "state", "trades", "user")

BEAT_SECONDS: Final = 0.1
"""Shortest interval of a channel that is not raw."""

Key = tuple[str, int | None]
"""A channel's name, and the account for a private one."""


def load_families() -> None:
    """Fill the table of channels; they import methods, so not while this module is loaded."""
    for module in MODULES:
        importlib.import_module(f"miletus.gateway.channels.{module}")


class Hub:
    """All channels that somebody is subscribed to."""

    def __init__(self, gateway: "Gateway") -> None:
        load_families()
        self.gateway = gateway
        self.channels: dict[Key, Channel] = {}
        self._by_topic: dict[Topic, set[Channel]] = {}
        self._dirty: set[Channel] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._log = structlog.get_logger()
        gateway.exchange.listeners.append(self.take)

    def start(self) -> None:
        """Begin to tell, in the running event loop."""
        self._timer = asyncio.get_running_loop().call_later(BEAT_SECONDS, self._beat)

    def stop(self) -> None:
        """Tell no more."""
        if self._timer is not None:
            self._timer.cancel()

    # ---- subscriptions

    def subscribe(self, session: "WebSocketSession", names: Iterable[str], account: int | None) -> list[str]:
        """Subscribe a session; which channels it now has of those. What they tell first comes afterwards."""
        chosen: list[tuple[str, Channel]] = []
        for name in dict.fromkeys(names):
            if name not in session.channels:
                channel = self._find(name, account)
                session.channels[name] = channel
                chosen.append((name, channel))
        asyncio.get_running_loop().call_soon(self._begin, session, chosen)
        return list(dict.fromkeys(names))

    def unsubscribe(self, session: "WebSocketSession", names: Iterable[str]) -> list[str]:
        """End subscriptions; which ended."""
        ended = []
        for name in names:
            channel = session.channels.pop(name, None)
            if channel is not None:
                channel.subscribers.discard(session)
                self._drop(channel)
                ended.append(name)
        return ended

    def forget(self, session: "WebSocketSession") -> None:
        """End all subscriptions of a session."""
        self.unsubscribe(session, list(session.channels))

    def _begin(self, session: "WebSocketSession", chosen: list[tuple[str, Channel]]) -> None:
        """Bring everyone up to date, then let the new one in."""
        for name, channel in chosen:
            if session.channels.get(name) is not channel:
                continue
            if channel in self._dirty:
                self._tell(channel)
            channel.subscribers.add(session)
            data = channel.begin()
            if data is not None:
                session.send(channel.encode(data))

    def _find(self, name: str, account: int | None) -> Channel:
        parts = name.split(".")
        private = parts[0] == "user"
        key = (name, account if private else None)
        channel = self.channels.get(key)
        if channel is None:
            make = FAMILIES.get(".".join(parts[:2])) or FAMILIES.get(parts[0])
            if make is None:
                reject_form(name)
                raise AssertionError("unreachable")
            channel = make(self.gateway.exchange, name, parts, account if private else None)
            self.channels[key] = channel
            for topic in channel.topics:
                self._by_topic.setdefault(topic, set()).add(channel)
        return channel

    def _drop(self, channel: Channel) -> None:
        """Forget a channel that nobody is subscribed to any more."""
        waits = any(channel in session.channels.values() for session in self.gateway.sessions)
        if channel.subscribers or waits:
            return
        for key in [key for key, each in self.channels.items() if each is channel]:
            del self.channels[key]
        for topic in channel.topics:
            known = self._by_topic.get(topic, set())
            known.discard(channel)
            if not known:
                self._by_topic.pop(topic, None)
        self._dirty.discard(channel)

    # ---- what they tell

    def take(self, changes: Changes | None) -> None:
        """Take in what a group changed, or a new state."""
        if changes is None:
            for channel in list(self.channels.values()):
                self._broadcast(channel, channel.reset())
            return
        if not self._by_topic:
            return
        now = asyncio.get_running_loop().time()
        touched: set[Channel] = set()
        for topic in list_topics(changes):
            touched |= self._by_topic.get(topic, set())
        for channel in touched:
            channel.note(changes)
            if channel.interval == 0.0:
                self._tell(channel)
            elif channel not in self._dirty:
                self._dirty.add(channel)
                channel.due_at = max(channel.due_at, now)

    def _beat(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(BEAT_SECONDS, self._beat)
        now = loop.time()
        due = [channel for channel in self._dirty if channel.due_at <= now]
        for channel in due:
            self._tell(channel)
            channel.due_at = now + channel.interval - BEAT_SECONDS / 2

    def _tell(self, channel: Channel) -> None:
        self._dirty.discard(channel)
        try:
            data = channel.build()
        except Exception:
            self._log.exception("a channel failed", channel=channel.name)
            return
        self._broadcast(channel, data)

    @staticmethod
    def _broadcast(channel: Channel, data: Any) -> None:
        if data is None or not channel.subscribers:
            return
        bodies = channel.encode_all(data)
        for session in list(channel.subscribers):
            for body in bodies:
                session.send(body)


def list_topics(changes: Changes) -> Iterable[Topic]:
    """What a group touched."""
    for book in changes.books:
        yield "book", book >> 1
    for trade in changes.trades:
        yield "trades", trade.instrument
        yield "trades of", 0
    for underlying in changes.indices:
        yield "index", underlying
    for underlying in changes.sheets:
        yield "index", underlying
    for listing in (*changes.listed, *changes.settled):
        yield "state", 0
        yield "state of", listing.number
    for account in changes.accounts:
        yield "account", account
