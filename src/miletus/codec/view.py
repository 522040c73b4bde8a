"""Decoded records for people and tools: by name, wide values whole. The machine reads records themselves."""

from dataclasses import dataclass

from miletus.codec.table import BY_KIND, LIMB_BITS
from miletus.engine.segment import INCOMPLETE, R_FIRST_WORD, R_KIND, R_WORDS, RECORD, Segment


@dataclass(frozen=True)
class OperationView:
    """One operation of a segment: `fields` by name, the header's included, units as in the codec's table."""

    kind: int
    name: str
    first_word: int
    words: int
    fields: dict[str, int]


def view_operation(segment: Segment, number: int) -> OperationView:
    """View the operation `number` of a decoded segment. IndexError if it has no such operation."""
    if not 0 <= number < segment.count:
        raise IndexError(f"operation {number} of a segment of {segment.count}")
    base = number * int(RECORD)
    records = segment.records
    kind = records[base + R_KIND]
    first, words = records[base + R_FIRST_WORD], records[base + R_WORDS]
    operation = BY_KIND.get(kind)
    if operation is None:
        return OperationView(kind, "incomplete" if kind == INCOMPLETE else "unknown", first, words, {})
    fields: dict[str, int] = {}
    for field in (*operation.header, *operation.fields):
        value = 0
        for limb in range(max(1, field.limbs)):
            value += records[base + field.place + limb] * 2 ** (LIMB_BITS * limb)
        fields[field.name] = value
    return OperationView(kind, operation.name, first, words, fields)


def view_operations(segment: Segment) -> list[OperationView]:
    """View every operation of a decoded segment, in order."""
    return [view_operation(segment, number) for number in range(segment.count)]
