"""Words: sources, authorisation, clock and receipts (spec 03-R01 to 03-R12, 03-R15, 03-R16, 03-R19)."""

from __future__ import annotations

import pytest

from miletus.engine import segment
from miletus.engine.reasons import Reason
from miletus.engine.segment import INBOX, SEQUENCED
from tests.engine import worlds as w
from tests.engine.desk import ANN, BOB, IOC, PERP, Desk
from tests.engine.naive import FIELDS
from tests.engine.pair import START_MS
from tests.engine.records import Record, make

pytestmark = pytest.mark.both_builds
M = 1_000_000
NOW_S = START_MS // 1000
INBOX_KINDS = (segment.DEPOSIT, segment.SET_KEY_INBOX)
FORCED = (segment.PLACE_ORDER, segment.AMEND, segment.CANCEL, segment.WITHDRAW, segment.TRANSFER)
SEQUENCED_KINDS = (
    *(segment.SET_KEY, segment.QUOTE_SHEET, segment.SHEET_ENTRY, segment.FLIP, segment.LIST),
    *(segment.TICK, segment.SETTLE, segment.LIQUIDATE, segment.FUND),
)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def make_zero(kind: int) -> Record:
    return make(kind, **dict.fromkeys(FIELDS.get(kind, ()), 0))


def make_cancel(desk: Desk, account: int = ANN, **header: int) -> Record:
    """A signed word that does nothing by itself: cancel all."""
    fields = {"mode": 2, "slot": 0, "generation": 0, "instrument": 0}
    return w.sign(desk.world, account, segment.CANCEL, **(fields | header))


def get_nonce(desk: Desk, account: int = ANN, key: int = 0) -> int:
    return int(desk.account(account)["keys"][key]["nonce"])


# ---- sources ----------------------------------------------------------------------------------------------


@pytest.mark.rule("03-R01", "03-R02")
@pytest.mark.parametrize("source", [INBOX, SEQUENCED])
def test_padding_unknown_and_incomplete_operations(desk: Desk, source: int) -> None:
    replies = desk.send_all(*map(make, (segment.PADDING, segment.UNKNOWN, segment.INCOMPLETE)), source=source)
    assert [reply.reason for reply in replies] == [Reason.OK, Reason.UNKNOWN_KIND, Reason.INCOMPLETE]
    assert all(reply[1:] == (0, 0, 0) for reply in replies)


@pytest.mark.rule("03-R03")
@pytest.mark.parametrize("kind", INBOX_KINDS)
def test_attack_a_deposit_or_key_in_sequenced_data_does_nothing(desk: Desk, kind: int) -> None:
    word = w.deposit(ANN, 5) if kind == segment.DEPOSIT else w.set_key(ANN, x=66)
    before = desk.account(ANN)
    assert desk.send(word, source=SEQUENCED) == (Reason.NOT_FROM_INBOX, 0, 0, 0)
    assert desk.account(ANN) == before
    assert desk.send(word, source=INBOX).reason == Reason.OK


@pytest.mark.rule("03-R03")
@pytest.mark.parametrize("kind", SEQUENCED_KINDS)
def test_what_belongs_to_sequenced_data_does_nothing_in_the_inbox(desk: Desk, kind: int) -> None:
    word = make_zero(kind) | {"account": ANN, "nonce": 9, "valid_until_s": NOW_S}
    assert desk.send(word, source=INBOX) == (Reason.NOT_FROM_SEQUENCER, 0, 0, 0)
    assert get_nonce(desk) == 0


@pytest.mark.rule("03-R03", "03-R12")
@pytest.mark.parametrize("kind", FORCED)
def test_a_forced_operation_needs_no_signature_but_an_account(desk: Desk, kind: int) -> None:
    word = make_zero(kind) | {"account": ANN, "key": 9, "signed": 0}
    reply = desk.send(word, source=INBOX)
    assert reply.reason not in (
        Reason.UNKNOWN_KEY,
        Reason.BAD_SIGNATURE,
        Reason.NONCE_USED,
        Reason.OUT_OF_TIME,
    )
    assert get_nonce(desk) == 0
    for nobody in (0, 1, 15, 20, 40_000, 262_143, 262_144, (1 << 24) - 1):
        assert desk.send(word | {"account": nobody}, source=INBOX) == (Reason.UNKNOWN_ACCOUNT, 0, 0, 0)


@pytest.mark.rule("03-R03", "03-R12")
def test_a_forced_order_trades(desk: Desk) -> None:
    desk.sell(BOB, 5, M)
    word = w.order(desk.world, ANN, 0, PERP, 0, M, 5) | {
        "key": 3,
        "nonce": 0,
        "valid_until_s": 0,
        "signed": 0,
    }
    assert desk.send(word, source=INBOX) == (Reason.OK, 5, 5 * M, 1)


@pytest.mark.rule("03-R03")
def test_the_inbox_cursor_counts_operations_of_the_inbox(desk: Desk) -> None:
    before = desk.view["header"]["inbox_cursor"]
    desk.send(w.deposit(ANN, 5), w.set_key(ANN), make(segment.UNKNOWN), make(segment.PADDING), source=INBOX)
    desk.send(make_cancel(desk), make(segment.UNKNOWN))
    assert desk.view["header"]["inbox_cursor"] == before + 4


@pytest.mark.rule("03-R11", "07-R06")
def test_a_quote_sheet_is_authorised_and_then_refused(desk: Desk) -> None:
    word = w.sign(desk.world, ANN, segment.QUOTE_SHEET)
    assert desk.send(word | {"signed": 0}).reason == Reason.BAD_SIGNATURE
    assert desk.send(word) == (Reason.NOT_SUPPORTED, 0, 0, 0)
    assert desk.send(word).reason == Reason.NONCE_USED


# ---- authorisation -----------------------------------------------------------------------------------


@pytest.mark.rule("03-R05")
@pytest.mark.parametrize("account", [0, 1, 15, 20, 4_000, 262_143, 262_144, (1 << 24) - 1])
def test_the_account_must_exist(desk: Desk, account: int) -> None:
    assert desk.send(make_cancel(desk, account)) == (Reason.UNKNOWN_ACCOUNT, 0, 0, 0)


@pytest.mark.rule("03-R06")
@pytest.mark.parametrize("key", [1, 3, 4, 255])
def test_the_key_slot_must_hold_a_key(desk: Desk, key: int) -> None:
    assert desk.send(make_cancel(desk, key=key)).reason == Reason.UNKNOWN_KEY


@pytest.mark.rule("03-R06")
@pytest.mark.parametrize(("x", "y"), [(1, 0), (0, 1), (1 << 255, 0), (0, 1 << 255)])
def test_a_key_is_any_point_but_zero_zero(desk: Desk, x: int, y: int) -> None:
    desk.send(w.set_key(ANN, 1, x=x, y=y), source=INBOX)
    assert desk.send(make_cancel(desk, key=1)).reason == Reason.OK


@pytest.mark.rule("03-R07")
def test_a_key_works_through_its_last_second(desk: Desk) -> None:
    desk.send(w.set_key(ANN, 1, expiry_s=NOW_S + 2), source=INBOX)
    desk.wait(2.999)
    assert desk.send(make_cancel(desk, key=1)).reason == Reason.OK
    desk.wait(0.001)
    assert desk.send(make_cancel(desk, key=1, nonce=50)).reason == Reason.KEY_EXPIRED


@pytest.mark.rule("03-R07")
@pytest.mark.parametrize("scope", [0, 1, 2, 4, 8, 15, 240])
def test_a_scope_allows_its_kinds_and_no_other(desk: Desk, scope: int) -> None:
    bits = {
        **dict.fromkeys((segment.PLACE_ORDER, segment.AMEND, segment.CANCEL, segment.QUOTE_SHEET), 1),
        segment.TRANSFER: 2,
        segment.WITHDRAW: 4,
        segment.SET_KEY: 8,
    }
    desk.send(w.set_key(ANN, 1, scope=scope), source=INBOX)
    for nonce, (kind, bit) in enumerate(bits.items(), 1):
        word = make_zero(kind) | {
            "account": ANN,
            "key": 1,
            "nonce": nonce,
            "valid_until_s": NOW_S,
            "slot": 200,
        }
        word = {
            name: value for name, value in word.items() if name != "slot" or "slot" in FIELDS.get(kind, ())
        }
        assert (desk.send(word).reason != Reason.OUT_OF_SCOPE) == (scope & bit > 0)


@pytest.mark.rule("03-R08", "03-R11")
def test_nonces_grow_with_gaps_and_none_is_used_twice(desk: Desk) -> None:
    for nonce, reason in [(5, Reason.OK), (5, Reason.NONCE_USED), (4, Reason.NONCE_USED), (9, Reason.OK)]:
        assert desk.send(make_cancel(desk, nonce=nonce)).reason == reason
    assert desk.send(make_cancel(desk, nonce=0)).reason == Reason.NONCE_USED
    assert desk.send(make_cancel(desk, nonce=(1 << 40) - 1)).reason == Reason.OK
    assert get_nonce(desk) == (1 << 40) - 1


@pytest.mark.rule("03-R11")
def test_attack_a_refused_operation_cannot_be_sent_again(desk: Desk) -> None:
    word = w.order(desk.world, ANN, 0, PERP, 0, M, 1 << 24)
    assert desk.send(word).reason == Reason.MARGIN
    desk.deposit(ANN, 1 << 55)
    assert desk.send(word) == (Reason.NONCE_USED, 0, 0, 0)


@pytest.mark.rule("03-R11")
def test_each_key_has_nonces_of_its_own(desk: Desk) -> None:
    desk.send(w.set_key(ANN, 1), source=INBOX)
    assert desk.send(make_cancel(desk, nonce=5)).reason == Reason.OK
    assert desk.send(make_cancel(desk, key=1, nonce=5)).reason == Reason.OK


@pytest.mark.rule("03-R09")
def test_a_word_is_valid_through_its_last_second(desk: Desk) -> None:
    word = make_cancel(desk, valid_until_s=NOW_S + 1)
    desk.wait(1.999)
    assert desk.send(word).reason == Reason.OK
    desk.wait(0.001)
    assert desk.send(word | {"nonce": 9}).reason == Reason.OUT_OF_TIME
    assert get_nonce(desk) == word["nonce"], "an unauthorised word uses no nonce"


@pytest.mark.rule("03-R10")
def test_attack_a_word_that_its_key_has_not_signed(desk: Desk) -> None:
    before = desk.account(ANN)
    assert desk.send(make_cancel(desk) | {"signed": 0}) == (Reason.BAD_SIGNATURE, 0, 0, 0)
    assert desk.account(ANN) == before


@pytest.mark.rule("03-R10")
@pytest.mark.parametrize("hint", [0, 1])
@pytest.mark.parametrize("signed", [0, 1])
def test_the_key_that_counts_is_the_one_at_this_word(desk: Desk, hint: int, signed: int) -> None:
    """A result prepared before the key changed within the segment, in either direction, doesn't count."""
    new = {"slot": 0, "scope": 15, "expiry_s": 0, "x": 6, "y": 6}
    words = [
        w.sign(desk.world, ANN, segment.SET_KEY, **new),
        make_cancel(desk, nonce=7, signed=signed) | {"hint": hint},
    ]
    replies = desk.send_all(*words)
    assert replies[0].reason == Reason.OK
    assert replies[1].reason == (Reason.OK if signed else Reason.BAD_SIGNATURE)


@pytest.mark.rule("03-R05", "03-R06", "03-R07", "03-R08", "03-R09", "03-R10")
def test_authorisation_is_checked_in_its_order(desk: Desk) -> None:
    """A word with every fault loses one after the other."""
    desk.send(w.set_key(ANN, 1, scope=2, expiry_s=NOW_S - 1), source=INBOX)
    word = make_cancel(desk, 20, key=4, nonce=0, valid_until_s=0, signed=0)
    steps = [
        ({}, Reason.UNKNOWN_ACCOUNT),
        ({"account": ANN}, Reason.UNKNOWN_KEY),
        ({"key": 1}, Reason.KEY_EXPIRED),
    ]
    for change, reason in steps:
        word |= change
        assert desk.send(word).reason == reason
    desk.send(w.set_key(ANN, 1, scope=2), source=INBOX)
    assert desk.send(word).reason == Reason.OUT_OF_SCOPE
    desk.send(w.set_key(ANN, 1, scope=1), source=INBOX)
    for change, reason in [
        ({}, Reason.NONCE_USED),
        ({"nonce": 1}, Reason.OUT_OF_TIME),
        ({"valid_until_s": NOW_S}, Reason.BAD_SIGNATURE),
        ({"signed": 1}, Reason.OK),
    ]:
        word |= change
        assert desk.send(word).reason == reason


# ---- the clock ---------------------------------------------------------------------------------------


@pytest.mark.rule("03-R15")
def test_the_clock_only_rises_and_not_beyond_the_batch_s_bound(desk: Desk) -> None:
    desk.pair.begin_batch(START_MS + 5_000, 0)
    for time_ms, reason in [
        (START_MS, Reason.BAD_TIME),
        (START_MS - 1, Reason.BAD_TIME),
        (0, Reason.BAD_TIME),
        (START_MS + 1, Reason.OK),
        (START_MS + 5_001, Reason.BAD_TIME),
        ((1 << 48) - 1, Reason.BAD_TIME),
        (START_MS + 5_000, Reason.OK),
    ]:
        assert desk.send(w.tick_clock(time_ms)).reason == reason
    assert desk.view["header"]["clock_ms"] == START_MS + 5_000


@pytest.mark.rule("03-R16")
@pytest.mark.parametrize(
    ("floor_ms", "clock_ms"), [(START_MS + 70_000, START_MS + 70_000), (START_MS - 1, START_MS)]
)
def test_the_end_of_a_batch_raises_the_clock_to_its_floor(desk: Desk, floor_ms: int, clock_ms: int) -> None:
    desk.pair.begin_batch(START_MS + 100_000, floor_ms)
    desk.send(make(segment.PADDING), source=INBOX)
    assert desk.view["header"]["clock_ms"] == START_MS, "the end of a segment does not"
    desk.pair.end_batch()
    desk.pair.check()
    assert desk.view["header"]["clock_ms"] == clock_ms


# ---- receipts ----------------------------------------------------------------------------------------


@pytest.mark.rule("03-R19", "03-R11")
def test_every_operation_leaves_one_receipt_and_all_enter_the_accumulator(desk: Desk) -> None:
    before = desk.view["header"]["events"]
    replies = desk.send_all(
        make_cancel(desk), make(segment.UNKNOWN), w.order(desk.world, BOB, 0, PERP, 0, M, 3)
    )
    assert [reply.reason for reply in replies] == [Reason.OK, Reason.UNKNOWN_KIND, Reason.OK]
    assert desk.view["header"]["events"] != before
    assert desk.sell(ANN, 2, M, tif=IOC) == (Reason.OK, 2, 2 * M, 1)
