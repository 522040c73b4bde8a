"""Steps are bounded and the machine can be taken apart between any two of them (02-R03, 02-R04)."""

import json
from pathlib import Path

import pytest

from miletus.codec import decode_segment
from miletus.engine import segment as G
from miletus.engine.machine import Hook, build_machine
from miletus.engine.pages import take_dirty
from miletus.engine.reasons import Reason
from miletus.engine.reasons import __dict__ as REASONS
from miletus.engine.state import State
from miletus.native import Tree, prepare
from tests.agreement.test_vectors import FILES, build

PAGES_A_STEP = 32


class Counter(Hook):
    """Counts the pages that each step wrote."""

    def __init__(self) -> None:
        self.most = 0
        self.steps = 0

    def boundary(self, state: State) -> None:
        """Take what the step changed."""
        self.steps += 1
        self.most = max(self.most, len(take_dirty(state)[0]))


@pytest.mark.rule("02-R04")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_step_writes_few_pages(path: Path) -> None:
    """No step of any vector writes more pages than the bound."""
    vector = json.loads(path.read_text())
    machine, _tree = build(vector)
    machine.take_dirty()
    counter = Counter()
    machine.hook = counter
    machine.watched = True
    for part in vector["segments"]:
        source = int(G.INBOX if part["source"] == "inbox" else G.SEQUENCED)
        segment = decode_segment(source, b"".join(bytes.fromhex(word) for word in part["words"]))
        prepare(segment, machine)
        machine.run(segment)
    assert counter.steps > 0
    assert counter.most <= PAGES_A_STEP
    if path.stem == "priority":
        assert counter.most >= 6  # a fill writes two accounts and a book: the counter counts


@pytest.mark.both_builds
@pytest.mark.rule("02-R03")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_rebuilt_between_any_two_steps(path: Path) -> None:
    """A machine that is written to pages and made anew after every single step ends at the vector's root."""
    vector = json.loads(path.read_text())
    machine, _tree = build(vector)
    for part in vector["segments"]:
        source = int(G.INBOX if part["source"] == "inbox" else G.SEQUENCED)
        words = b"".join(bytes.fromhex(word) for word in part["words"])
        segment = decode_segment(source, words)
        prepare(segment, machine)
        machine.start(segment)
        receipts = []
        done = False
        while not done:
            done = machine.run_steps(1)
            state = machine.state
            receipts += [
                [int(state.receipts[4 * k + j]) for j in range(4)] for k in range(state.receipt_count)
            ]
            record = int(state.r_record)
            bound = state.time_bound_ms
            numbers, _kinds, fields = machine.export_pages()
            machine = build_machine(32, machine.crypto, numbers, fields)
            machine.state.time_bound_ms = bound
            segment = decode_segment(source, words)
            prepare(segment, machine)
            machine.resume(segment, record)
        assert receipts == part["receipts"]
    fresh = Tree()
    fresh.update(*machine.export_pages())
    assert fresh.root().hex() == vector["segments"][-1]["root_after"]


def test_reasons_have_one_number() -> None:
    """The enum of reasons and the constants that the machine uses are the same numbers."""
    for reason in Reason:
        assert REASONS[reason.name] == reason.value
