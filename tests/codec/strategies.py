"""Values of every field of every kind, and words of any content."""

from typing import Any

from hypothesis import strategies as st

from miletus.codec import encode
from miletus.codec.table import TABLE, WORD_BYTES, Field, Operation

NAMES = {"list": "list_instrument"}


def field_values(field: Field) -> st.SearchStrategy[int]:
    """Every value that a field has room for; of an 8-byte one those that it can give back."""
    bits = 8 * field.width
    if field.signed:
        return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    if bits == 64:
        return st.integers(0, 2**62 - 1)
    return st.integers(0, 2**bits - 1)


@st.composite
def operations(draw: st.DrawFn, kinds: list[Operation] = TABLE) -> tuple[Operation, dict[str, int], bytes]:
    """An operation, its values by name, and its words as the encoder gives them."""
    operation = draw(st.sampled_from(kinds))
    values = {f.name: draw(field_values(f)) for f in (*operation.header, *operation.fields)}
    return operation, values, encode_values(operation, values)


def encode_values(operation: Operation, values: dict[str, int]) -> bytes:
    arguments: dict[str, Any] = {k: v for k, v in values.items() if not k.startswith("scenario_")}
    scenarios = [v for k, v in values.items() if k.startswith("scenario_")]
    if scenarios:
        arguments["scenarios"] = scenarios
    words: bytes = getattr(encode, NAMES.get(operation.name, operation.name))(**arguments)
    return words


def any_words(most: int = 40) -> st.SearchStrategy[bytes]:
    """Words of any content, with known kinds more often than chance would have them."""
    kind = st.one_of(st.sampled_from([o.kind for o in TABLE]), st.integers(0, 255))
    word = st.tuples(kind, st.binary(min_size=WORD_BYTES - 1, max_size=WORD_BYTES - 1))
    return st.lists(word, max_size=most).map(lambda ws: b"".join(bytes([k]) + rest for k, rest in ws))
