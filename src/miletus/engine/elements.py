"""Elements of the BN254 scalar field as limbs of 52 bits, least first (spec 10, `layout.LIMBS`)."""

from typing import Final

from mypy_extensions import i64

from miletus.engine import layout as L
from miletus.engine.state import State

FIELD: Final = 21888242871839275222246405745257275088548364400416034343698204186575808495617
"""Modulus of the field; spec 10."""

_LIMB: Final = 4_503_599_627_370_496


def write_element(s: State, address: i64, element: int) -> None:
    """Write a field element as 5 limbs."""
    rest: int = element
    k: i64 = 0
    while k < L.LIMBS:
        s.cells[address + k] = i64(rest % _LIMB)
        rest = rest // _LIMB
        k += 1


def read_element(s: State, address: i64) -> int:
    """Read 5 limbs as a field element."""
    element: int = 0
    k: i64 = L.LIMBS - 1
    while k >= 0:
        element = element * _LIMB + int(s.cells[address + k])
        k -= 1
    return element
