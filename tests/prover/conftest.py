"""The real prover, with keys that are made once."""

from collections.abc import Iterator

import pytest

from miletus.prover import Prover


@pytest.fixture(scope="session")
def prover() -> Iterator[Prover]:
    """A prover with the checkout's keys; the first run makes those of the outbox, in half a minute."""
    with Prover(setup=True, niceness=5) as running:
        running.setup("outbox")
        yield running
