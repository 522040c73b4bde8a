"""What a channel is."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from miletus.gateway.errors import make_error, make_invalid
from miletus.gateway.exchange import Changes, Exchange
from miletus.gateway.rpc import encode

if TYPE_CHECKING:
    from miletus.gateway.sessions import WebSocketSession

INTERVALS: Final = {"raw": 0.0, "100ms": 0.1, "agg2": 1.0}
"""Seconds between two messages of a channel, at least; raw tells of each confirmed group."""

Topic = tuple[str, int]
"""What a channel listens to: a kind, such as book or index, and the instrument, underlying or account."""


class Channel:
    """A channel with its subscribers.

    The hub calls `note` with each group's changes that touch one of `topics`, and `build` when its interval
    has passed; what `build` gives is told to all, None is not.
    """

    splits = False
    """Whether each item of what `build` gives is a message of its own."""

    def __init__(self, exchange: Exchange, name: str, interval: float, topics: list[Topic]) -> None:
        self.exchange = exchange
        self.name = name
        self.interval = interval
        self.topics = topics
        self.subscribers: set[WebSocketSession] = set()
        self.due_at = 0.0

    def note(self, changes: Changes) -> None:
        """Take in what changed."""

    def build(self) -> Any:
        """What is told now."""
        return None

    def begin(self) -> Any:
        """What a new subscriber is told first; what the others are owed was told to them just before."""
        return None

    def reset(self) -> Any:
        """What all are told when the state is a new one."""
        return self.begin()

    def encode(self, data: Any) -> bytes:
        """A notification."""
        return encode(
            {"params": {"data": data, "channel": self.name}, "method": "subscription", "jsonrpc": "2.0"}
        )

    def encode_all(self, data: Any) -> list[bytes]:
        """The notifications of what `build` gave: one, or one for each item where `splits`."""
        if self.splits and isinstance(data, list):
            return [self.encode(item) for item in data]
        return [self.encode(data)]


MakeChannel = Callable[[Exchange, str, list[str], "int | None"], Channel]
"""Makes a channel from its name and its parts, for an account if it is private. RpcError if it is none."""

FAMILIES: Final[dict[str, MakeChannel]] = {}
"""By the first part of a channel's name, or the first two for `user` and the like."""

DESCRIPTIONS: Final[dict[str, str]] = {}
"""Forms of the channels, for the reference page."""


def family(prefix: str, *forms: str) -> Callable[[MakeChannel], MakeChannel]:
    """Put a maker of channels into the table; `forms` are how their names look."""

    def register(make: MakeChannel) -> MakeChannel:
        FAMILIES[prefix] = make
        for form in forms:
            DESCRIPTIONS[form] = (make.__doc__ or "").split("\n\n")[0]
        return make

    return register


def parse_interval(text: str, allowed: tuple[str, ...] = ("raw", "100ms", "agg2")) -> float:
    """Seconds of an interval's name."""
    if text not in allowed:
        raise make_invalid("channels", f"interval {text[:20]!r}: one of {', '.join(allowed)}")
    return INTERVALS[text]


def reject_form(name: str) -> Any:
    """Say that a channel's name is none."""
    raise make_invalid(
        "channels", f"{name[:60]!r} is no channel of this gateway: see docs/reference/gateway.md"
    )


def require_account(account: int | None) -> int:
    """The account of a private channel."""
    if account is None:
        raise make_error("unauthorized", "authenticate, and subscribe by private/subscribe")
    return account
