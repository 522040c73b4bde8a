"""How a value is cut out of words: eight bytes are read at once, shifted and masked.

A read starts at a byte of its word between 0 and 23, so that it never leaves the word.
"""

from collections.abc import Callable
from dataclasses import dataclass

from miletus.codec.table import LIMB_BITS, WORD_BYTES, Field, Part

READ_BYTES = 8
LAST_START = WORD_BYTES - READ_BYTES


@dataclass(frozen=True)
class Cut:
    """`bits` bits of the 8 bytes at `start` of `word`, from bit `shift` on, moved up by `up` bits."""

    word: int
    start: int
    shift: int
    bits: int
    up: int


def cut_part(part: Part, low: int, high: int, up: int) -> Cut:
    """Bits low .. high - 1 of a part, counted from its least bit."""
    end = part.offset + part.width
    start = min(max(end - low // 8 - READ_BYTES, 0), LAST_START)
    cut = Cut(part.word, start, 8 * (start + READ_BYTES - end) + low, high - low, up)
    assert cut.shift >= 0, (part, cut)
    assert cut.shift + cut.bits <= 8 * READ_BYTES, (part, cut)
    return cut


def cut_field(field: Field) -> list[list[Cut]]:
    """For each integer of the field (one, or its limbs), the cuts whose sum it is."""
    if not field.limbs:
        (part,) = field.parts
        return [[cut_part(part, 0, 8 * part.width, 0)]]
    limbs: list[list[Cut]] = [[] for _ in range(field.limbs)]
    low = 8 * field.width
    for part in field.parts:
        low -= 8 * part.width
        for number, cuts in enumerate(limbs):
            first = max(low, number * LIMB_BITS)
            last = min(low + 8 * part.width, (number + 1) * LIMB_BITS)
            if first < last:
                cuts.append(cut_part(part, first - low, last - low, first - number * LIMB_BITS))
    return limbs


def write_cut(cut: Cut, read: Callable[[int, int], str], mask: bool = True) -> str:
    """The expression of a cut; `read(word, start)` is the language's read of 8 bytes."""
    text = read(cut.word, cut.start)
    if cut.shift:
        text = f"{text} >> {cut.shift}"
    if mask:
        text = f"({text}) & {(2**cut.bits - 1):#x}" if cut.shift else f"{text} & {(2**cut.bits - 1):#x}"
    return f"({text}) << {cut.up}" if cut.up else text


def write_value(field: Field, cuts: list[Cut], read: Callable[[int, int], str], bound: str) -> str:
    """The expression of one integer of a field; `bound` names the function that limits 8-byte values."""
    if not field.limbs and field.width == READ_BYTES:
        return f"{bound}({write_cut(cuts[0], read, mask=False)})"
    text = " | ".join(write_cut(cut, read) if len(cuts) == 1 else f"({write_cut(cut, read)})" for cut in cuts)
    if field.signed:
        half = 2 ** (8 * field.width - 1)
        return f"(({text}) ^ {half:#x}) - {half:#x}"
    return text
