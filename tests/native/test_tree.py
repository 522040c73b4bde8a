"""Packing, tree and proofs against the reference, with the engine's own layout of pages."""

from array import array
from concurrent.futures import ThreadPoolExecutor

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from librt.vecs import vec
from mypy_extensions import i64

from miletus import native
from miletus.engine import layout
from miletus.engine.packing import PACKING
from miletus.native.tree import Proof
from tests.native import reference
from tests.native.strategies import kinds, page_fields

FIELDS = int(layout.PAGE)
ACCOUNT, BOOK = int(layout.KIND_ACCOUNT), int(layout.KIND_BOOK)
LAST_PAGE = 2**30 - 1

Page = tuple[int, list[int]]  # kind, fields


@st.composite
def pages(draw: st.DrawFn) -> Page:
    kind = draw(kinds)
    return kind, draw(page_fields(kind))


numbers = st.one_of(st.integers(0, 70), st.integers(0, LAST_PAGE), st.sampled_from([LAST_PAGE, 2**27, 2**28]))


def update(tree: native.Tree, content: dict[int, Page]) -> bytes:
    rows = [v for _, fields in content.values() for v in fields]
    return tree.update(list(content), [kind for kind, _ in content.values()], rows)


def pack(content: dict[int, Page]) -> dict[int, list[int]]:
    return {n: reference.pack(PACKING[kind], fields) for n, (kind, fields) in content.items()}


@pytest.mark.rule("02-R01")
def test_every_cell_of_the_layout_is_one_element_and_no_other() -> None:
    """At most 253 bits, or one element in limbs; each field in one cell of its kind."""
    for kind, cells in enumerate(PACKING):
        assert len(cells) <= 16
        used = [field for slots in cells for field, _, _ in slots]
        assert len(used) == len(set(used)), f"kind {kind} packs a field twice"
        for slots in cells:
            bits = sum(width for _, width, _ in slots)
            assert bits <= 253 or [width for _, width, _ in slots] == [52] * 5, f"kind {kind}: {slots}"


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_packing_is_the_reference(data: st.DataObject) -> None:
    kind = data.draw(kinds)
    fields = data.draw(page_fields(kind))
    assert native.pack_page(kind, fields) == reference.pack(PACKING[kind], fields)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_different_pages_have_different_cells(data: st.DataObject) -> None:
    kind = data.draw(kinds)
    one, other = data.draw(page_fields(kind)), data.draw(page_fields(kind))
    assert (one == other) == (native.pack_page(kind, one) == native.pack_page(kind, other))


def test_a_field_one_past_its_width_is_refused() -> None:
    """On both sides of every field of every kind."""
    for kind, cells in enumerate(PACKING):
        for slots in cells:
            wide = sum(bits for _, bits, _ in slots) > 253
            for field, bits, signed in slots:
                for value, fits in (
                    (2 ** (bits - signed) - 1, not wide or field != slots[-1][0]),
                    (2 ** (bits - signed), False),
                    (-(2 ** (bits - 1)) if signed else 0, True),
                    (-(2 ** (bits - 1)) - 1 if signed else -1, False),
                ):
                    fields = [0] * FIELDS
                    fields[field] = value
                    if fits:
                        native.pack_page(kind, fields)
                    else:
                        with pytest.raises(ValueError, match=r"outside its width|below the field's modulus"):
                            native.pack_page(kind, fields)


def test_a_field_without_a_cell_must_be_zero() -> None:
    fields = [0] * FIELDS
    fields[63] = 1
    with pytest.raises(ValueError, match="field 63 of a page of kind 7 has no cell but the value 1"):
        native.pack_page(BOOK, fields)


@pytest.mark.rule("10-R01")
@settings(max_examples=8, deadline=None)
@given(st.lists(st.dictionaries(numbers, pages(), max_size=5), max_size=3))
def test_roots_are_the_reference(updates: list[dict[int, Page]]) -> None:
    tree = native.Tree()
    content: dict[int, Page] = {}
    for change in updates:
        content |= change
        root = update(tree, change)
        assert root == tree.root()
        assert int.from_bytes(root) == reference.compute_root(pack(content))
    zero = reference.hash_untouched(0)
    assert len(tree) == sum(reference.hash_children(cells) != zero for cells in pack(content).values())


@pytest.mark.rule("10-R01", "02-R01")
@settings(max_examples=6, deadline=None)
@given(st.dictionaries(numbers, pages(), min_size=1, max_size=5), st.data())
def test_proofs_lead_to_the_root_and_nothing_else_does(content: dict[int, Page], data: st.DataObject) -> None:
    tree = native.Tree()
    root = update(tree, content)
    number = data.draw(st.sampled_from(sorted(content)))
    cells = pack(content)[number]
    proof = tree.prove(number)
    assert reference.compute_proof_root(number, cells, proof.siblings) == int.from_bytes(root)
    assert native.verify_proof(root, cells, proof)
    changed = list(cells)
    changed[data.draw(st.integers(0, 15))] ^= 1
    assert not native.verify_proof(root, changed, proof)
    at = data.draw(st.integers(0, 69))
    siblings = (*proof.siblings[:at], proof.siblings[at] ^ 1, *proof.siblings[at + 1 :])
    assert not native.verify_proof(root, cells, Proof(number, siblings))
    assert not native.verify_proof(bytes(32), cells, proof)


@pytest.mark.rule("10-R01")
def test_an_untouched_page_is_proved_as_zeros() -> None:
    tree = native.Tree()
    assert native.verify_proof(tree.root(), [0] * 16, tree.prove(LAST_PAGE))
    root = update(tree, {5: (ACCOUNT, [1] + [0] * 63)})
    assert native.verify_proof(root, [0] * 16, tree.prove(6))
    assert not native.verify_proof(root, [0] * 16, tree.prove(5))


def test_malformed_proofs_prove_nothing() -> None:
    tree = native.Tree()
    root, proof = tree.root(), tree.prove(0)
    for bad in (
        Proof(0, proof.siblings[:-1]),
        Proof(0, (*proof.siblings, 0)),
        Proof(2**30, proof.siblings),
        Proof(-1, proof.siblings),
        Proof(2**80, proof.siblings),
        Proof(0, (reference.R, *proof.siblings[1:])),
        Proof(0, (-1, *proof.siblings[1:])),
        Proof(0, ()),
    ):
        assert not native.verify_proof(root, [0] * 16, bad)
    for cells in ([], [0] * 15, [0] * 17, [reference.R] + [0] * 15):
        assert not native.verify_proof(root, cells, proof)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"numbers": [1, 2**30]}, "page number 1073741824 is not in"),
        ({"numbers": [-1, 1]}, "page number -1 is not in"),
        ({"numbers": [7, 7]}, "page 7 is given twice"),
        ({"kinds": [BOOK, 15]}, "page 2: there is no page kind 15"),
        ({"kinds": [-1, BOOK]}, "page 1: there is no page kind -1"),
        ({"kinds": [0, BOOK]}, "page 1: field 0 of a page of kind 0 has no cell"),
        ({"fields": [2**62] + [0] * 127}, "page 1: field 0 is 4611686018427387904: outside its width"),
        ({"fields": [0] * 127}, "2 page numbers with 2 kinds and 127 fields"),
        ({"kinds": [BOOK]}, "2 page numbers with 1 kinds and 128 fields"),
    ],
)
def test_bad_updates_say_why_and_change_nothing(change: dict[str, list[int]], message: str) -> None:
    tree = native.Tree()
    before = tree.update([1], [BOOK], [9] + [0] * 63)
    good = {"numbers": [1, 2], "kinds": [BOOK, BOOK], "fields": [1] + [0] * 127}
    with pytest.raises(ValueError, match=message):
        tree.update(**(good | change))
    assert tree.root() == before


def test_pages_may_come_in_any_kind_of_memory() -> None:
    fields = list(range(5)) + [0] * 59
    roots = set()
    for make in (
        list,
        tuple,
        lambda v: array("q", v),
        lambda v: vec[i64](v),
        lambda v: numpy.array(v, "int64"),
    ):
        tree = native.Tree()
        roots.add(tree.update(make([3]), make([BOOK]), make(fields)))
    roots.add(native.Tree().update([3], bytes([BOOK]), memoryview(array("q", fields))))
    assert len(roots) == 1


@pytest.mark.parametrize(
    "bad",
    [array("i", [3]), array("d", [3.0]), numpy.array([3], "float64"), b"12345678", numpy.arange(4)[::2]],
)
def test_memory_of_other_types_is_refused(bad: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        native.Tree().update(bad, [BOOK], [0] * 64)


def test_threads_may_share_a_tree() -> None:
    def work(number: int) -> None:
        tree.update([number], [BOOK], [number + 1] + [0] * 63)
        assert len(tree.prove(number).siblings) == 70

    tree, expected = native.Tree(), native.Tree()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(200)))
    rows = [v for number in range(200) for v in [number + 1] + [0] * 63]
    assert tree.root() == expected.update(list(range(200)), [BOOK] * 200, rows)
