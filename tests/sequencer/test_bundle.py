"""The oracle's unsigned words enter the log only with enough approvals, and only once."""

import pytest

from miletus.codec import encode
from miletus.engine.events import INDEXED
from miletus.engine.reasons import Reason
from miletus.native import absorb_entry
from miletus.sequencer.bundle import MAX_BUNDLE_WORDS
from miletus.sequencer.errors import Refused
from miletus.sequencer.node import Node
from tests.sequencer.world import CALL, INDEX_TICKS, Clock, approve, index_tick, listing, sheet


def refuse(node: Node, words: bytes) -> Refused:
    before = node.next_number
    with pytest.raises(Refused) as caught:
        node.submit_bundle(words)
    assert node.next_number == before
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.fixture
def now_s(clock: Clock) -> int:
    clock.now_ms += 5_000
    return clock.now_ms // 1000


@pytest.mark.rule("09-R13")
def test_an_approved_tick_moves_the_index(node: Node, now_s: int) -> None:
    answers = node.submit_bundle(approve(index_tick(now_s, INDEX_TICKS + 50)))
    assert [answer.result.reason for answer in answers] == [0, 0, 0]
    events = [event for answer in answers for event in answer.result.events]
    assert events == [(int(INDEXED), 0, INDEX_TICKS + 50, now_s, 0, 0, 0)]


@pytest.mark.rule("09-R13")
@pytest.mark.parametrize("signers", [(), (0,), (0, 0), (0, 7)])
def test_too_few_signers_are_refused(node: Node, now_s: int, signers: tuple[int, ...]) -> None:
    known = tuple(signer % 3 for signer in signers)
    words = approve(index_tick(now_s), signers=known)
    if 7 in signers:
        words = words[: -3 * 31] + encode.approve(signer=7)
    error = refuse(node, words)
    assert "2 must: collect more" in str(error) or error.reason is Reason.UNKNOWN_SIGNER


@pytest.mark.rule("09-R13")
def test_a_forged_approval_is_refused(node: Node, now_s: int) -> None:
    words = bytearray(approve(index_tick(now_s)))
    words[-1] ^= 1
    assert refuse(node, bytes(words)).reason is Reason.BAD_SIGNATURE
    other = approve(index_tick(now_s, INDEX_TICKS + 1))
    assert refuse(node, index_tick(now_s) + other[31:]).reason is Reason.BAD_SIGNATURE


@pytest.mark.rule("09-R13")
def test_what_was_carried_out_is_not_taken_again(node: Node, now_s: int) -> None:
    """Attack: approvals carry no nonce, so anyone could send old bundles for ever."""
    bundles = [approve(index_tick(now_s)), sheet(2, now_s), approve(listing(5, 3))]
    for words in bundles[:1] + bundles[2:]:
        assert {answer.result.reason for answer in node.submit_bundle(words)} == {0}
    assert refuse(node, bundles[0]).reason is Reason.BAD_TIME
    assert refuse(node, bundles[2]).reason is Reason.DUPLICATE
    assert refuse(node, sheet(1, now_s)).reason is Reason.BAD_SHEET
    assert refuse(node, approve(index_tick(now_s + 3_600))).reason is Reason.BAD_TIME


@pytest.mark.rule("09-R13")
def test_sheet_entries_need_an_approved_flip(node: Node, now_s: int) -> None:
    words = sheet(2, now_s)
    entries = words[: 2 * 3 * 31]
    assert "without an approved Flip" in str(refuse(node, entries))
    assert "without an approved Flip" in str(refuse(node, entries + approve(index_tick(now_s))))
    changed = bytearray(words)
    changed[9] ^= 1  # a mark that the signers did not see
    assert refuse(node, bytes(changed)).reason is Reason.BAD_SIGNATURE
    assert {answer.result.reason for answer in node.submit_bundle(words)} == {0}


@pytest.mark.rule("09-R13")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (b"", "a bundle is 1 to"),
        (bytes(30), "a bundle is 1 to"),
        (bytes(31 * (MAX_BUNDLE_WORDS + 1)), "a bundle is 1 to"),
        (encode.tick(time_ms=1), "holds no Tick there"),
        (encode.padding(), "holds no Padding there"),
        (encode.approve(signer=0), "holds no Approve there"),
        (b"\xee" + bytes(30), "holds no kind 0xee there"),
        (encode.approve(signer=0)[:62], "ends inside Approve"),
        (b"\x21" + bytes(30), "ends inside SheetEntry"),
    ],
)
def test_what_is_no_bundle_is_refused(node: Node, words: bytes, message: str) -> None:
    assert message in str(refuse(node, words))


@pytest.mark.rule("09-R13")
def test_unknown_underlyings_and_instruments_are_refused(node: Node, now_s: int) -> None:
    for underlying in (2, 3, 4, 255):
        tick = encode.index_tick(underlying=underlying, time_s=now_s, index_ticks=1, cumulative=1)
        assert refuse(node, approve(tick)).reason is Reason.UNKNOWN_UNDERLYING
        flip = encode.flip(underlying=underlying, number=1, reference_index_ticks=1, time_s=now_s, count=1)
        assert refuse(node, approve(flip)).reason is Reason.UNKNOWN_UNDERLYING
        entry = encode.sheet_entry(
            underlying=underlying,
            first=0,
            instrument=0,
            mark_ticks=1,
            delta=0,
            gamma=0,
            scenarios=[0] * 16,
        )
        assert refuse(node, entry + approve(flip, absorb_entry(0, entry))).reason is Reason.UNKNOWN_UNDERLYING
    assert refuse(node, approve(listing(4_096, 3))).reason is Reason.DUPLICATE
    assert refuse(node, approve(listing(65_535, 3))).reason is Reason.DUPLICATE


@pytest.mark.rule("09-R13")
@pytest.mark.parametrize(
    ("word", "reason"),
    [
        (encode.settle(instrument=CALL), Reason.TOO_EARLY),
        (encode.settle(instrument=0), Reason.UNKNOWN_INSTRUMENT),
        (encode.settle(instrument=9), Reason.UNKNOWN_INSTRUMENT),
        (encode.settle(instrument=65_535), Reason.UNKNOWN_INSTRUMENT),
        (encode.tick(time_ms=1), None),
        (encode.settle(instrument=CALL)[:30], None),
        (b"", None),
    ],
)
def test_a_settle_that_would_do_nothing_is_refused(node: Node, word: bytes, reason: Reason | None) -> None:
    before = node.next_number
    with pytest.raises(Refused) as caught:
        node.submit_settle(word)
    assert caught.value.reason is reason
    assert node.next_number == before


@pytest.mark.rule("09-R13")
def test_an_expired_instrument_is_settled_once(node: Node, clock: Clock) -> None:
    instrument = node.machine.state.instrument(CALL)
    expiry_s = int(node.machine.state.cells[instrument + 4])
    clock.now_ms = (expiry_s + 10) * 1_000
    node.submit_bundle(approve(index_tick(expiry_s + 10)))
    with pytest.raises(Refused, match=r"the index at .* is not there yet"):
        node.submit_settle(encode.settle(instrument=CALL))
    for time_s in (expiry_s - 1_800, expiry_s):
        assert node.submit_bundle(approve(index_tick(time_s)))[-1].result.reason == 0
    answer = node.submit_settle(encode.settle(instrument=CALL))
    assert answer.result.reason == 0
    assert answer.result.detail == 0  # out of the money
    with pytest.raises(Refused, match="is settled already and its book is empty"):
        node.submit_settle(encode.settle(instrument=CALL))
