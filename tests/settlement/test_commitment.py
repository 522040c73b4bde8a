"""The input of commit: encoding and decoding are inverse, and nothing malformed decodes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miletus.settlement.commitment import (
    FIELD,
    Claim,
    Commitment,
    MalformedCommit,
    PostedSegment,
    Withdrawal,
    compute_withdrawal_proof,
    decode_commit,
    encode_commit,
    encode_withdrawal,
    from_slots,
    to_slots,
)
from miletus.settlement.contracts import Contract, keccak256

hashes = st.binary(min_size=32, max_size=32)
elements = st.integers(0, FIELD - 1)
roots = elements.map(lambda value: value.to_bytes(32, "big"))


def segments(words: st.SearchStrategy[bytes]) -> st.SearchStrategy[PostedSegment]:
    return st.builds(PostedSegment, words, elements, st.builds(Claim, roots, elements))


texts = st.integers(1, 5).flatmap(lambda count: st.binary(min_size=31 * count, max_size=31 * count))
withdrawals = st.builds(
    Withdrawal,
    st.integers(1, 2**160 - 1).map(lambda value: value.to_bytes(20, "big")),
    st.integers(1, 2**56 - 1),
)
commitments = st.builds(
    Commitment,
    parent=hashes,
    time_s=st.integers(0, 2**256 - 1),
    inbox_count=st.integers(0, 2**256 - 1),
    inbox_keccak=hashes,
    segments=st.tuples(segments(st.just(b"")), st.lists(segments(texts), max_size=4)).map(
        lambda parts: (parts[0], *parts[1])
    ),
    outbox=st.lists(withdrawals, max_size=5).map(tuple),
)


@given(commitments)
def test_inverse(batch: Commitment) -> None:
    assert decode_commit(encode_commit(batch)) == batch


@given(st.binary(max_size=600))
def test_any_bytes_decode_to_what_gives_them_or_to_an_error(data: bytes) -> None:
    selector = Contract.load("Rollup").get_selector("commit")
    for text in (data, selector + data):
        try:
            batch = decode_commit(text)
        except MalformedCommit:
            continue
        assert encode_commit(batch) == text


@given(commitments, st.data())
def test_cut_or_lengthened(batch: Commitment, data: st.DataObject) -> None:
    text = encode_commit(batch)
    cut = data.draw(st.integers(0, len(text) - 1))
    for wrong in (text[:cut], text + b"\0", text + bytes(32)):
        with pytest.raises(MalformedCommit):
            decode_commit(wrong)


def make(words: bytes = bytes(31), **changes: int) -> Commitment:
    claim = Claim(bytes(32), 0)
    parts = (PostedSegment(b"", 0, claim), PostedSegment(words, 0, claim))
    return Commitment(bytes(32), 1, 0, bytes(32), parts, (Withdrawal(b"\x01" * 20, 1),))


@pytest.mark.parametrize(
    ("slot", "value", "match"),
    [
        (6, FIELD, "not a field element"),
        (7, 2**256 - 1, "not a field element"),
        (9, 0, "a segment has 0 words"),
        (9, 1_025, "a segment has 1025 words"),
        (9, 2**255, "words"),
        (4, 17, "too many"),
        (4, 2**200, "too many"),
        (5, 257, "too many"),
        (13, 2**248, "wider than 31 bytes"),
        (14, 5, "no owner"),
        (14, 5 << 56, "no amount"),
        (14, 2**240, "wider than one"),
    ],
)
def test_numbers_that_no_commit_has(slot: int, value: int, match: str) -> None:
    text = bytearray(encode_commit(make()))
    text[4 + 32 * slot : 36 + 32 * slot] = value.to_bytes(32, "big")
    with pytest.raises(MalformedCommit, match=match):
        decode_commit(bytes(text))


def test_most_that_fits() -> None:
    claim = Claim(bytes(32), 0)
    full = PostedSegment(bytes(31 * 1_024), 1, claim)
    outbox = tuple(Withdrawal(b"\x01" * 20, amount) for amount in range(1, 257))
    batch = Commitment(bytes(32), 1, 0, bytes(32), (PostedSegment(b"", 0, claim), *[full] * 16), outbox)
    assert decode_commit(encode_commit(batch)) == batch
    assert batch.word_count == 16 * 1_024


@pytest.mark.rule("08-R04")
def test_inputs_follow_from_the_time() -> None:
    batch = make()
    assert (batch.time_bound_ms, batch.clock_floor_ms) == (6_000, 0)
    later = Commitment(bytes(32), 10_000, 0, bytes(32), batch.segments, ())
    assert (later.time_bound_ms, later.clock_floor_ms) == (10_005_000, 6_400_000)


def test_slots() -> None:
    assert to_slots(b"\x01" * 62) == (b"\0" + b"\x01" * 31) * 2
    assert from_slots(to_slots(bytes(range(62)))) == bytes(range(62))
    with pytest.raises(MalformedCommit, match="wider"):
        from_slots(bytes(32) + b"\x01" + bytes(31))


@pytest.mark.rule("08-R10")
@given(st.lists(withdrawals, min_size=1, max_size=20), st.data())
def test_every_withdrawal_has_a_proof_of_its_own(outbox: list[Withdrawal], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(outbox) - 1))
    root, proof = compute_withdrawal_proof(outbox, index)
    node, place = keccak256(encode_withdrawal(outbox[index])), index
    for sibling in proof:
        node = keccak256(node + sibling if place % 2 == 0 else sibling + node)
        place //= 2
    assert node == root
    assert len(proof) == (len(outbox) - 1).bit_length()
