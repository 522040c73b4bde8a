"""The table of cells fits the field: fields within their widths always make an element of their own."""

import pytest

from miletus.engine import layout as L
from miletus.engine import packing

FIELD = 21888242871839275222246405745257275088548364400416034343698204186575808495617


def describe_misfit(cells: list[list[packing.Slot]]) -> str | None:
    """Why the cells of a kind can't be packed, or None."""
    if len(cells) > 16:
        return f"{len(cells)} cells"
    used: list[int] = []
    for cell in cells:
        used += [field for field, _bits, _signed in cell]
        element = len(cell) == L.LIMBS and all(bits == L.LIMB_BITS for _field, bits, _signed in cell)
        if not element and sum(bits for _field, bits, _signed in cell) > packing.MAX_CELL_BITS:
            return f"{sum(bits for _field, bits, _signed in cell)} bits in the cell of field {cell[0][0]}"
    if len(set(used)) != len(used) or not all(0 <= field < L.PAGE for field in used):
        return "a field twice, or outside the page"
    return None


@pytest.mark.rule("02-R01")
@pytest.mark.parametrize("kind", range(int(L.KINDS)))
def test_cells_fit_the_field(kind: int) -> None:
    """At most 16 cells, each taken apart in one way only, no field in two of them."""
    assert describe_misfit(packing.PACKING[kind]) is None


def test_a_cell_that_is_too_wide_is_seen() -> None:
    """Eight limbs of 32 bits are 256 bits: more than an element has."""
    assert describe_misfit([[(k, 32, False) for k in range(8)]]) == "256 bits in the cell of field 0"
    assert describe_misfit([[(1, 8, False)], [(1, 8, False)]]) == "a field twice, or outside the page"
