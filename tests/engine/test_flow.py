"""The machine against the naive model on flows of random operations, valid and not.

After every operation: equal receipts, money conserved (01-R06), positions that sum to zero (01-R07). Every
few items: equal states, field by field, and lists, bitmaps and counts of the pages that agree.
"""

from __future__ import annotations

import os
import random
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from miletus.engine import events as E
from miletus.engine.reasons import Reason
from tests.engine.flow import ITEM, Flow
from tests.engine.pair import Pair, restore
from tests.engine.support import get_pages
from tests.engine.worlds import WORLDS

NORMAL_WORDS = 20_000
LONG_WORDS = int(os.environ.get("MILETUS_FLOW_WORDS", "1000000"))
EPISODES = [("market", 2_500)] * 5 + [("brim", 2_500), ("wide", 3_000)] + [("genesis", 250)] * 8
"""Worlds and words of the normal run."""
SHARES = {"market": 65, "brim": 15, "wide": 10, "genesis": 10}
"""Per cent of the episodes of the long run that each world gets."""

Count = Counter[tuple[int, int]]
"""How often an event happened: (kind, cause) of `miletus.engine.events`."""

items = st.lists(st.binary(min_size=ITEM, max_size=ITEM), max_size=60)
flow_settings = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


class CountingFlow(Flow):
    """A flow that counts what happened inside its operations."""

    def __init__(self, pair: Pair, counts: Count) -> None:
        super().__init__(pair)
        self.counts = counts
        pair.on_events = self.count

    def count(self) -> None:
        state = self.pair.machine.state
        for k in range(state.event_count):
            kind = state.events[8 * k]
            self.counts[kind, state.events[8 * k + 3] if kind == E.REMOVED else 0] += 1


def run(world: str, words: int, seed: int, reasons: Counter[Reason], counts: Count) -> int:
    """Run random items in `world` until `words` were sent; look at the whole state every 25 items."""
    pair = restore(WORLDS[world]())
    flow, dice = CountingFlow(pair, counts), random.Random(seed)
    number = 0
    while flow.words < words:
        flow.step(dice.randbytes(ITEM))
        number += 1
        if number % 25 == 0:
            pair.check()
        if number % 400 == 0:
            pair.rebuild()
    pair.check()
    for (_, reason), times in pair.reasons.items():
        reasons[reason] += times
    return flow.words


@pytest.mark.rule("01-R01", "01-R06", "01-R07", "02-R05", "03-R19")
def test_machine_and_naive_model_agree_on_random_words() -> None:
    reasons: Counter[Reason] = Counter()
    counts: Count = Counter()
    words = sum(run(world, goal, 11 + k, reasons, counts) for k, (world, goal) in enumerate(EPISODES))
    assert words >= NORMAL_WORDS
    never = [reason.name for reason in Reason if reasons[reason] == 0]
    assert not never, f"these reasons never occurred: {never}"
    assert reasons[Reason.OK] > NORMAL_WORDS // 3
    causes = {cause for kind, cause in counts if kind == E.REMOVED}
    assert causes == set(range(E.CAUSE_CANCELLED, E.CAUSE_SETTLED + 1))
    kinds = {kind for kind, _ in counts}
    assert kinds == set(range(E.FILL, E.INDEXED + 1))
    assert counts[E.FILL, 0] > 500


@pytest.mark.long
@pytest.mark.rule("01-R06", "01-R07", "02-R05")
@pytest.mark.parametrize("part", range(10))
def test_machine_and_naive_model_agree_on_a_million_words(part: int) -> None:
    reasons: Counter[Reason] = Counter()
    counts: Count = Counter()
    goal, words, episode = LONG_WORDS // 10, 0, 0
    while words < goal:  # new worlds now and then, so that none ends up empty of live instruments
        world = random.Random(1_000 * part + episode).choices(list(SHARES), list(SHARES.values()))[0]
        words += run(world, 10_000, 1_000_000 * (part + 1) + episode, reasons, counts)
        episode += 1
    assert counts[E.FILL, 0] > goal // 50


@pytest.mark.both_builds
@pytest.mark.rule("01-R06", "01-R07", "02-R05")
@flow_settings
@given(items, st.sampled_from(sorted(WORLDS)))
def test_machine_and_naive_model_agree(flow_items: list[bytes], world: str) -> None:
    pair = restore(WORLDS[world]())
    flow = Flow(pair)
    for number, item in enumerate(flow_items):
        flow.step(item)
        if number % 10 == 9:
            pair.check()
    pair.check()


@pytest.mark.rule("02-R02")
@flow_settings
@given(items, st.sampled_from(["market", "brim"]), st.randoms(use_true_random=False))
def test_a_machine_rebuilt_from_pages_goes_on_equally(
    flow_items: list[bytes], world: str, dice: random.Random
) -> None:
    pair = restore(WORLDS[world]())
    flow = Flow(pair)
    for item in flow_items:
        flow.step(item)
        if dice.randrange(4) == 0:
            pair.rebuild()
    pair.check()


@pytest.mark.rule("02-R02")
@flow_settings
@given(items, st.sampled_from(["market", "brim", "wide"]))
def test_the_pages_that_are_said_to_have_changed_are_all_that_did(
    flow_items: list[bytes], world: str
) -> None:
    """A tree that hears only of changed pages holds the state all the same."""
    pair = restore(WORLDS[world]())
    told: dict[int, list[int]] = {}

    def hear() -> None:
        numbers, _, fields = pair.machine.take_dirty()
        values = memoryview(fields).tolist()
        for k, number in enumerate(memoryview(numbers).tolist()):
            told[number] = values[k * 64 : k * 64 + 64]

    hear()
    flow = Flow(pair)
    pair.on_events = hear
    for item in flow_items:
        flow.step(item)
        hear()
        assert {number: page for number, page in told.items() if any(page)} == get_pages(pair.machine)


@pytest.mark.rule("02-R03")
@settings(flow_settings, max_examples=12)
@given(
    st.lists(st.binary(min_size=ITEM, max_size=ITEM), max_size=12),
    st.lists(st.integers(1, 9), min_size=1, max_size=4),
)
def test_a_machine_stopped_after_any_step_goes_on_equally(flow_items: list[bytes], limits: list[int]) -> None:
    pair = restore(WORLDS["market"]())
    flow = Flow(pair, limits)
    for item in flow_items:
        flow.step(item)
    pair.check()
