"""What the stateful tests remember of a deployment, and how they are run."""

from dataclasses import dataclass, field

from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test


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


def run_lives(machine: type[RuleBasedStateMachine], max_examples: int, steps: int) -> None:
    """Live so many random lives of so many steps."""
    options = settings(
        max_examples=max_examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine, settings=options)
