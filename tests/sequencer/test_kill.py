"""Kill -9 at random moments under load loses nothing that was confirmed."""

import asyncio
import random
from pathlib import Path

import pytest

from tests.sequencer.killing import Killer


@pytest.mark.rule("09-R02", "09-R04", "09-R15")
@pytest.mark.parametrize("kills", [10, pytest.param(200, marks=pytest.mark.long)])
def test_whatever_was_confirmed_is_there_after_every_kill(tmp_path: Path, kills: int) -> None:
    killer = Killer(tmp_path / "node", random.Random(kills))
    asyncio.run(killer.run(kills))
    assert killer.kills == kills
    assert killer.unanswered > 0  # the kills did come in the middle of something
    killer.check()
