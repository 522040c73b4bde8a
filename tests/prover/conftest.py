"""The real prover, with keys that are made once."""

from collections.abc import Iterator

import pytest

from miletus.prover import Prover


@pytest.fixture(scope="session")
def prover() -> Iterator[Prover]:
    """A prover with the checkout's keys; the first run makes those of the smaller circuits, in a minute."""
    with Prover(setup=True, niceness=5) as running:
        for circuit in ("outbox", "exit", "silence"):
            running.setup(circuit)
        yield running
