"""What is encoded is decoded, and every string of words decodes to something."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from miletus.codec import (
    WORD_BYTES,
    CodecError,
    decode_segment,
    encode,
    get_signature,
    payload_element,
    to_forced,
    with_signature,
)
from miletus.codec.table import BY_KIND, FIRST_SIGNED_KIND, LAST_SIGNED_KIND, TABLE, Operation
from miletus.codec.view import view_operation, view_operations
from miletus.engine import segment as kinds
from tests.codec.strategies import any_words, operations

INBOX, SEQUENCED = int(kinds.INBOX), int(kinds.SEQUENCED)
SIGNED = [operation for operation in TABLE if operation.signature]

pytestmark = pytest.mark.both_builds


def get_record(segment: kinds.Segment, number: int) -> list[int]:
    base = number * int(kinds.RECORD)
    return [segment.records[base + k] for k in range(int(kinds.RECORD))]


@pytest.mark.rule("03-R01", "03-R02")
@given(st.lists(operations(), max_size=8), st.lists(st.integers(0x34, 0xFF), max_size=3))
def test_what_is_encoded_is_decoded(
    items: list[tuple[Operation, dict[str, int], bytes]], unknown: list[int]
) -> None:
    words = b"".join(words for _, _, words in items) + b"".join(bytes([k]) + bytes(30) for k in unknown)
    views = view_operations(decode_segment(SEQUENCED, words))
    assert [(view.name, view.fields) for view in views] == [
        *((operation.name, values) for operation, values, _ in items),
        *(("unknown", {}) for _ in unknown),
    ]


@pytest.mark.rule("03-R01", "03-R02", "03-R03")
@settings(max_examples=300)
@given(st.sampled_from([INBOX, SEQUENCED]), any_words())
@example(INBOX, bytes([0x15]) + bytes(30))
@example(SEQUENCED, bytes([0x15]) + bytes(30))
def test_any_words_decode_and_none_is_left_over(source: int, words: bytes) -> None:
    segment = decode_segment(source, words)
    total, at = len(words) // WORD_BYTES, 0
    for number in range(segment.count):
        view = view_operation(segment, number)
        kind = words[at * WORD_BYTES]
        operation = BY_KIND.get(kind)
        forced = source == INBOX and FIRST_SIGNED_KIND <= kind <= LAST_SIGNED_KIND
        length = 1 if operation is None or forced else operation.words
        assert view.first_word == at
        assert view.words == min(length, total - at)
        if length > total - at:
            assert view.kind == kinds.INCOMPLETE
        else:
            assert view.kind == (kind if operation else kinds.UNKNOWN)
        at += view.words
    assert at == total


@pytest.mark.rule("03-R02")
@given(operations([o for o in TABLE if o.words > 1]), st.data())
def test_an_operation_that_is_cut_off_takes_the_rest(
    item: tuple[Operation, dict[str, int], bytes], data: st.DataObject
) -> None:
    operation, _, words = item
    left = data.draw(st.integers(1, operation.words - 1))
    segment = decode_segment(SEQUENCED, encode.tick(time_ms=5) + words[: left * WORD_BYTES])
    record = get_record(segment, 1)
    assert segment.count == 2
    assert record[int(kinds.R_KIND)] == kinds.INCOMPLETE
    assert record[int(kinds.R_FIRST_WORD) : int(kinds.R_WORDS) + 1] == [1, left]
    assert record[int(kinds.R_FIELDS) : int(kinds.R_PAYLOAD)] == [0] * 32


@pytest.mark.rule("03-R03")
@given(operations([o for o in TABLE if FIRST_SIGNED_KIND <= o.kind <= LAST_SIGNED_KIND]))
def test_a_forced_operation_is_one_word_from_the_inbox(
    item: tuple[Operation, dict[str, int], bytes],
) -> None:
    operation, values, words = item
    (view,) = view_operations(decode_segment(INBOX, to_forced(words)))
    kept = {name: value for name, value in values.items() if name not in ("key", "nonce", "valid_until_s")}
    if operation.kind == kinds.SET_KEY:  # refused there; the words of its key do not follow
        kept["x"] = kept["y"] = 0
    assert (view.kind, view.words) == (operation.kind, 1)
    assert {name: view.fields[name] for name in kept} == kept


@pytest.mark.rule("03-R04")
@given(any_words(1).filter(len))
def test_the_payload_is_29_bytes_of_any_first_word(word: bytes) -> None:
    record = get_record(decode_segment(SEQUENCED, word), 0)
    limbs = record[int(kinds.R_PAYLOAD) : int(kinds.R_PAYLOAD) + 5]
    assert sum(limb * 2 ** (52 * k) for k, limb in enumerate(limbs)) == payload_element(word)
    assert all(0 <= limb < 2**52 for limb in limbs)


@pytest.mark.rule("01-R01")
@given(st.binary(min_size=WORD_BYTES * 40, max_size=WORD_BYTES * 40), st.sampled_from([INBOX, SEQUENCED]))
def test_no_decoded_number_leaves_62_bits(words: bytes, source: int) -> None:
    segment = decode_segment(source, words)
    assert all(-(2**62) < value < 2**62 for n in range(segment.count) for value in get_record(segment, n))


@pytest.mark.rule("01-R01")
@pytest.mark.parametrize("cumulative", [2**62 - 1, 2**62, 2**63 - 1, 2**63, 2**64 - 1])
def test_a_value_beyond_62_bits_is_read_as_the_greatest(cumulative: int) -> None:
    words = encode.index_tick(underlying=0, time_s=1, index_ticks=2, cumulative=cumulative)
    (view,) = view_operations(decode_segment(SEQUENCED, words))
    assert view.fields["cumulative"] == 2**62 - 1


@pytest.mark.rule("10-R05")
@given(operations(SIGNED), st.binary(min_size=64, max_size=64))
def test_a_signature_changes_no_field(
    item: tuple[Operation, dict[str, int], bytes], signature: bytes
) -> None:
    operation, values, words = item
    signed = with_signature(words, signature)
    assert get_signature(signed) == signature
    assert payload_element(signed) == payload_element(words)
    (view,) = view_operations(decode_segment(SEQUENCED, signed))
    assert (view.name, view.fields) == (operation.name, values)
    assert signed[29:31] == signature[31:32] + signature[63:]
    assert signed[-62:] == signature[:31] + signature[32:63]


@pytest.mark.parametrize(
    ("length", "message"),
    [
        (30, "30 bytes are no whole number of 31-byte words"),
        (1, "1 bytes are no whole number of 31-byte words"),
        (1025 * 31, "1025 words are more than the 1024 of a segment"),
    ],
)
def test_an_impossible_length_is_one_clear_error(length: int, message: str) -> None:
    with pytest.raises(CodecError, match=message):
        decode_segment(SEQUENCED, bytes(length))


def test_a_full_segment_and_an_empty_one_decode() -> None:
    assert decode_segment(SEQUENCED, bytes(1024 * 31)).count == 1024
    assert decode_segment(INBOX, b"").count == 0


def test_a_source_is_inbox_or_sequenced() -> None:
    with pytest.raises(CodecError, match="0 \\(inbox\\) or 1 \\(sequenced\\), not 2"):
        decode_segment(2, bytes(31))


@pytest.mark.parametrize("size_lots", [-1, 2**32])
def test_a_value_without_room_is_one_clear_error(size_lots: int) -> None:
    with pytest.raises(CodecError, match=f"size_lots is {size_lots}, it must be 0..4294967295"):
        encode.amend(
            account=16,
            key=0,
            nonce=1,
            valid_until_s=0,
            slot=0,
            generation=0,
            price_ticks=1,
            size_lots=size_lots,
        )


@pytest.mark.parametrize("count", [0, 15, 17])
def test_a_sheet_entry_has_16_scenarios(count: int) -> None:
    with pytest.raises(CodecError, match=f"{count} scenarios, there must be 16"):
        encode.sheet_entry(
            underlying=0,
            first=1,
            instrument=0,
            mark_ticks=1,
            delta=0,
            gamma=0,
            scenarios=[0] * count,
        )


@pytest.mark.parametrize("words", [b"", bytes(31), encode.tick(time_ms=1), bytes([0x10]) + bytes(30)])
def test_only_whole_signed_operations_take_a_signature(words: bytes) -> None:
    with pytest.raises(CodecError, match=r"no kind that carries a signature|place_order has 3 words"):
        with_signature(words, bytes(64))


def test_a_signature_of_another_length_is_refused() -> None:
    with pytest.raises(CodecError, match="a signature has 64 bytes, this one 65"):
        with_signature(encode.approve(signer=0), bytes(65))


def test_only_signed_kinds_can_be_forced() -> None:
    with pytest.raises(CodecError, match="only a signed kind can be forced"):
        to_forced(encode.tick(time_ms=1))
