"""What the stateful test remembers of a deployment."""

from dataclasses import dataclass, field


@dataclass
class Entry:
    """An entry of the queue as the model remembers it."""

    created_at_s: int
    words: list[int]
    owner: str
    amount_micros: int = 0
    reclaimed: bool = False


@dataclass
class Batch:
    """A batch as the model remembers it."""

    id: bytes
    proposer: str
    at_s: int
    first: int
    end: int
    outbox: tuple[tuple[int, int], ...] = ()
    claimed: set[int] = field(default_factory=set)
