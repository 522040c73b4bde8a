"""What hypothesis draws for the tests of the native library."""

from hypothesis import strategies as st

from miletus.engine import layout
from miletus.engine.packing import PACKING
from tests.native.reference import R

elements = st.one_of(st.integers(0, R - 1), st.sampled_from([0, 1, 2, R - 1, R - 2, (R - 1) // 2, 2**253]))
"""Field elements, edges more often than chance."""

seeds = st.binary(min_size=32, max_size=32)
kinds = st.integers(1, len(PACKING) - 1)


@st.composite
def page_fields(draw: st.DrawFn, kind: int) -> list[int]:
    """64 integers that a page of this kind may hold; a wide element stays below r."""
    fields = [0] * int(layout.PAGE)
    for slots in PACKING[kind]:
        if sum(bits for _, bits, _ in slots) > 253:
            value = draw(elements)
            for field, bits, _ in slots:
                fields[field] = value % 2**bits
                value //= 2**bits
            continue
        for field, bits, signed in slots:
            low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
            fields[field] = draw(st.one_of(st.integers(low, high), st.sampled_from([low, high, 0])))
    return fields
