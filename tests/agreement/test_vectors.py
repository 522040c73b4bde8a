"""The machine gives what the shared vectors say, from their pages alone; and they are what is made today."""

import json
from pathlib import Path
from typing import Any

import pytest
from librt.vecs import vec
from mypy_extensions import i64

from miletus.codec import decode_segment
from miletus.engine import layout as L
from miletus.engine import segment as G
from miletus.engine.audit import find_unbalanced, is_conserved
from miletus.engine.elements import read_element
from miletus.engine.machine import Machine, build_machine
from miletus.native import NativeCrypto, Tree, prepare
from vectors.make_vectors import FOLDER, make_all, read_pages
from vectors.world import World

FILES = sorted(FOLDER.glob("*.json"))


def build(vector: dict[str, Any]) -> tuple[Machine, Tree]:
    """A machine and a tree from the pages of a vector."""
    numbers: list[int] = []
    fields: list[int] = []
    for number, page in vector["pages_before"].items():
        numbers.append(int(number))
        fields.extend(page.get(str(k), 0) for k in range(64))
    crypto = NativeCrypto(vector["chain_id"], vector["rollup"])
    machine = build_machine(32, crypto, vec[i64](numbers), vec[i64](fields))
    machine.state.time_bound_ms = vector["time_bound_ms"]
    tree = Tree()
    tree.update(*machine.export_pages())
    return machine, tree


def run(vector: dict[str, Any], machine: Machine, tree: Tree) -> None:
    """Run a vector's segments and compare every result."""
    for part in vector["segments"]:
        source = int(G.INBOX if part["source"] == "inbox" else G.SEQUENCED)
        segment = decode_segment(source, b"".join(bytes.fromhex(word) for word in part["words"]))
        prepare(segment, machine)
        machine.run(segment)
        state = machine.state
        receipts = [[int(state.receipts[4 * k + j]) for j in range(4)] for k in range(state.receipt_count)]
        assert receipts == part["receipts"]
        assert tree.update(*machine.take_dirty()).hex() == part["root_after"]
        assert hex(read_element(state, L.OUTBOX)) == part["outbox_accumulator"]
        assert hex(read_element(state, L.EVENTS)) == part["events_accumulator"]
        state.clear_outputs()


@pytest.mark.both_builds
@pytest.mark.rule("02-R02", "03-R19", "10-R01", "10-R07")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_vector(path: Path) -> None:
    """Receipts, pages, accumulators and roots are those of the vector; money and positions balance."""
    vector = json.loads(path.read_text())
    machine, tree = build(vector)
    assert tree.root().hex() == vector["root_before"]
    run(vector, machine, tree)
    after = read_pages(World(machine, tree))
    expected = {**vector["pages_before"], **vector["pages_changed"]}
    assert after == {number: page for number, page in expected.items() if page}
    assert [[hex(owner), amount] for owner, amount in machine.state.outbox] == vector["outbox"]
    assert is_conserved(machine.state)
    assert find_unbalanced(machine.state) == -1


def test_vectors_are_current() -> None:
    """What is committed is what the command makes."""
    made = make_all()
    assert sorted(made) == [path.stem for path in FILES]
    for path in FILES:
        assert json.loads(path.read_text()) == made[path.stem], f"{path.name}: run make vectors"


def test_a_tampered_vector_is_noticed() -> None:
    """A word, a page or a receipt that differs makes the comparison fail."""
    vector = json.loads((FOLDER / "priority.json").read_text())
    vector["segments"][0]["words"][0] = vector["segments"][0]["words"][0].replace("10", "12", 1)
    machine, tree = build(vector)
    with pytest.raises(AssertionError):
        run(vector, machine, tree)
    vector = json.loads((FOLDER / "priority.json").read_text())
    cash = vector["pages_before"][str(int(L.ACCOUNT_PAGES) * 16)]
    cash[str(int(L.CASH))] += 1
    machine, tree = build(vector)
    assert tree.root().hex() != vector["root_before"]
