"""Any bytes at all: through the codec into the machine, and the naive model agrees (spec 02-R05, 03-R01)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miletus.codec import decode_segment
from miletus.engine.segment import INBOX, R_PAYLOAD, R_SIGNED, RECORD, SEQUENCED
from tests.engine.naive import FIELDS
from tests.engine.pair import restore
from tests.engine.records import read_record
from tests.engine.worlds import WORLDS

kinds = st.sampled_from([*FIELDS, 0, 0x05, 0x16, 0x25, 0x32, 0x33, 0x80, 0xFF])
accounts = st.one_of(st.integers(14, 26), st.integers(0, 2**24 - 1))


@st.composite
def words(draw: st.DrawFn) -> bytes:
    """A word whose kind and account mean something now and then; nonces and times are often good."""
    kind, account = draw(kinds), draw(accounts)
    if kind == 1:
        account %= 128  # a deposit makes room for every account below it
    head = bytes([kind]) + account.to_bytes(3, "big")
    if draw(st.booleans()):
        nonce, valid_until_s = draw(st.integers(0, 9)), draw(st.sampled_from([0, 2**32 - 1]))
        head += bytes([draw(st.integers(0, 4))]) + nonce.to_bytes(5, "big") + valid_until_s.to_bytes(4, "big")
    return head + draw(st.binary(min_size=31 - len(head), max_size=31 - len(head)))


@pytest.mark.both_builds
@pytest.mark.rule("02-R05", "03-R01", "03-R02", "01-R06", "01-R07")
@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(WORLDS)), st.sampled_from([INBOX, SEQUENCED]), st.lists(words(), max_size=40))
def test_any_words_run_to_their_end(world: str, source: int, garbage: list[bytes]) -> None:
    pair = restore(WORLDS[world]())
    decoded = decode_segment(source, b"".join(garbage))
    records = [read_record(decoded, number) for number in range(decoded.count)]
    for number in range(decoded.count):  # what prepares a segment writes its result here
        decoded.records[number * RECORD + R_SIGNED] = decoded.records[number * RECORD + R_PAYLOAD] % 2
    pair.machine.state.clear_outputs()
    pair.machine.run(decoded)
    assert pair.machine.state.receipt_count == decoded.count
    pair.compare(source, records)
    pair.check()
