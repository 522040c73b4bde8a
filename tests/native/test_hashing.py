"""Hashes, messages, accumulators and the binding of data against the reference."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miletus import native
from miletus.native.hashing import keccak256, parse_address
from tests.native import reference
from tests.native.reference import R
from tests.native.strategies import elements


@pytest.mark.rule("10-R02")
@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**64 - 1), st.lists(elements, max_size=7))
def test_hash7_is_the_reference(tag: int, values: list[int]) -> None:
    assert native.hash7(tag, *values) == reference.hash7(tag, *values)


@pytest.mark.rule("10-R02")
@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**64 - 1), st.lists(elements, max_size=15))
def test_hash15_is_the_reference(tag: int, values: list[int]) -> None:
    assert native.hash15(tag, *values) == reference.hash15(tag, *values)


@pytest.mark.rule("10-R02")
def test_missing_inputs_are_zeros_and_tags_part_the_uses() -> None:
    assert native.hash7(1, 5) == native.hash7(1, 5, 0, 0)
    assert len({native.hash7(tag, 1, 2) for tag in range(10)}) == 10
    assert native.hash7(1, 2) != native.hash15(1, 2)


@pytest.mark.parametrize("bad", [R, R + 1, 2**256 - 1, 2**256, -1])
def test_what_is_no_element_is_refused(bad: int) -> None:
    with pytest.raises(ValueError, match="is not below the field's modulus"):
        native.hash7(1, bad)
    with pytest.raises(ValueError, match="is not below the field's modulus"):
        native.hash15(1, 0, bad)


def test_too_many_elements_are_refused() -> None:
    with pytest.raises(ValueError, match="8 elements to hash, at most 7"):
        native.hash7(1, *range(8))
    with pytest.raises(ValueError, match="16 elements to hash, at most 15"):
        native.hash15(1, *range(16))


@pytest.mark.rule("10-R03")
@settings(max_examples=10, deadline=None)
@given(st.integers(1, 2**64), st.integers(0, 2**160 - 1), st.integers(0, 2**232 - 1), elements, elements)
def test_messages_begin_with_the_deployment(chain: int, rollup: int, payload: int, x: int, y: int) -> None:
    own = native.domain(chain, rollup)
    assert own == reference.hash7(1, chain, rollup)
    assert native.message(own, payload) == reference.hash7(1, own, payload)
    assert native.message(own, payload, x, y) == reference.hash7(1, own, payload, x, y)


def test_addresses_may_be_bytes_text_or_numbers() -> None:
    text = "0x" + "00" * 18 + "beef"
    assert parse_address(text) == parse_address(bytes(18) + b"\xbe\xef") == parse_address(0xBEEF) == 0xBEEF


@pytest.mark.parametrize("bad", ["0x12", "", b"abc", -1, 2**160, "0x" + "zz" * 20])
def test_what_is_no_address_is_refused(bad: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each says so in its own words
        parse_address(bad)  # type: ignore[arg-type]


@given(st.binary(max_size=300))
def test_keccak(data: bytes) -> None:
    assert keccak256(data) == reference.keccak(data)
    assert keccak256(bytearray(data)) == keccak256(memoryview(data))


@pytest.mark.rule("10-R08")
@settings(max_examples=15, deadline=None)
@given(st.integers(0, 45), st.randoms(use_true_random=False))
def test_binding_is_the_reference(count: int, random: object) -> None:
    words = random.randbytes(31 * count)  # type: ignore[attr-defined]
    assert tuple(native.bind_data(words, count)) == reference.bind_data(words)


@pytest.mark.rule("10-R08")
@pytest.mark.parametrize("size", [0, 30, 32, 61, 93])
def test_words_of_another_length_are_refused(size: int) -> None:
    with pytest.raises(ValueError, match="2 words are 62 bytes"):
        native.bind_data(bytes(size), 2)


@pytest.mark.rule("10-R08")
def test_padding_with_zeros_is_other_data() -> None:
    short, long = native.bind_data(b"\1" * 31, 1), native.bind_data(b"\1" * 31 + bytes(31), 2)
    assert short.h != long.h
    assert short.z != long.z


receipts = st.tuples(
    st.integers(0, 255), st.integers(0, 2**24), st.integers(-(2**62), 2**62), st.integers(0, 2**34)
)


@pytest.mark.rule("10-R07")
@settings(max_examples=10, deadline=None)
@given(elements, st.lists(receipts, max_size=4))
def test_events_accumulator_is_the_reference(start: int, rows: list[tuple[int, int, int, int]]) -> None:
    expected = start
    for row in rows:
        expected = reference.hash7(3, expected, *(v % R for v in row))
    flat = [v for row in rows for v in row]
    assert native.absorb_receipts(start, flat) == expected


def test_part_of_a_receipt_is_refused() -> None:
    with pytest.raises(ValueError, match="3 integers are not whole receipts"):
        native.absorb_receipts(0, [1, 2, 3])


@pytest.mark.rule("10-R07")
@settings(max_examples=8, deadline=None)
@given(elements, st.integers(0, 2**160 - 1), st.integers(1, 2**60), st.binary(min_size=93, max_size=93))
def test_outbox_and_sheet_accumulators(start: int, owner: int, amount: int, words: bytes) -> None:
    assert native.absorb_withdrawal(start, owner, amount) == reference.hash7(4, start, owner, amount)
    assert native.absorb_entry(start, words) == reference.hash7(6, start, *reference.split_words(words))


def test_a_sheet_entry_has_three_words() -> None:
    with pytest.raises(ValueError, match="a sheet entry is 93 bytes, not 92"):
        native.absorb_entry(0, bytes(92))
