"""What may enter the log: garbage, replays and strangers cost it nothing."""

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from miletus.codec import encode, with_signature
from miletus.codec.table import BY_KIND
from miletus.engine.reasons import Reason
from miletus.native import derive_key, domain
from miletus.sequencer.answers import Answer
from miletus.sequencer.errors import Refused
from miletus.sequencer.intake import MAX_ADMITTED_WORDS
from miletus.sequencer.node import Node
from tests.sequencer.world import BUY, INDEX_TICKS, SELL, Trader, take

ALICE = 16


def refuse(node: Node, words: bytes) -> Refused:
    """Submit what must be refused, and see that nothing came of it."""
    before = node.next_number, node.machine.export_pages()[2]
    (outcome,) = node.submit([words])
    assert isinstance(outcome, Refused), outcome
    assert "\n" not in str(outcome)
    assert node.next_number == before[0]
    assert list(node.machine.export_pages()[2]) == list(before[1])
    return outcome


@pytest.mark.rule("09-R12")
@pytest.mark.parametrize(
    ("words", "message", "reason"),
    [
        (b"", "no words were sent", Reason.INCOMPLETE),
        (b"\x10", "PlaceOrder is 93 bytes, these are 1: send all of it", Reason.INCOMPLETE),
        (b"\x10" + bytes(91), "PlaceOrder is 93 bytes, these are 92", Reason.INCOMPLETE),
        (b"\x10" + bytes(93), "PlaceOrder is 93 bytes, these are 94: send one operation at a time", None),
        (b"\x15" + bytes(92), "SetKey is 155 bytes, these are 93", Reason.INCOMPLETE),
        (b"\x10" + bytes(185), "these are 186: send one operation at a time", None),
        (b"\x99" + bytes(30), "0x99 is no kind of operation", Reason.UNKNOWN_KIND),
        (
            encode.deposit(account=16, owner=1, amount_micros=1),
            "from L1's inbox alone",
            Reason.NOT_FROM_INBOX,
        ),
        (b"\x02" + bytes(92), "comes from L1's inbox alone", Reason.NOT_FROM_INBOX),
        (encode.tick(time_ms=2**48 - 1), "Tick is the sequencer's own", None),
        (
            encode.flip(underlying=0, number=1, reference_index_ticks=1, time_s=1, count=1),
            "only in a bundle",
            None,
        ),
        (encode.approve(signer=0), "only in a bundle", None),
        (encode.settle(instrument=0), "sent as a settlement", None),
        (encode.liquidate(), "not supported yet", Reason.NOT_SUPPORTED),
        (encode.padding(), "only in a bundle", None),
    ],
)
def test_what_is_no_signed_operation_is_refused(
    node: Node, words: bytes, message: str, reason: Reason | None
) -> None:
    error = refuse(node, words)
    assert message in str(error)
    assert error.reason is reason


@pytest.mark.rule("09-R12", "03-R05", "03-R06", "03-R07", "03-R08", "03-R09", "03-R10")
def test_what_the_state_does_not_allow_is_refused_with_its_reason(node: Node) -> None:
    alice = Trader(ALICE)
    (first,) = take(node.submit([alice.order(BUY, INDEX_TICKS, 5, nonce=7)]))
    assert first.result.reason == Reason.OK
    late = node.clock_ms // 1000 - 1
    stranger = Trader(ALICE)
    stranger.key = derive_key(bytes(32))
    elsewhere = Trader(ALICE, chain_domain=domain(1, "0x" + "cd" * 20))
    other_rollup = Trader(ALICE, chain_domain=domain(31337, "0x" + "ce" * 20))
    cases = [
        (Trader(900).order(BUY, 10, 1), Reason.UNKNOWN_ACCOUNT, "deposit on L1 first"),
        (Trader(2**24 - 1).order(BUY, 10, 1), Reason.UNKNOWN_ACCOUNT, "deposit on L1 first"),
        (Trader(0).order(BUY, 10, 1), Reason.UNKNOWN_ACCOUNT, "deposit on L1 first"),
        (alice.order(BUY, 10, 1, nonce=8, key=1), Reason.UNKNOWN_KEY, "register one on L1"),
        (alice.order(BUY, 10, 1, nonce=8, key=255), Reason.UNKNOWN_KEY, "register one on L1"),
        (alice.order(BUY, 10, 1, nonce=7), Reason.NONCE_USED, "the last of key 0 is 7: take a higher one"),
        (alice.order(BUY, 10, 1, nonce=1), Reason.NONCE_USED, "take a higher one"),
        (alice.order(BUY, 10, 1, nonce=8, valid_until_s=late), Reason.OUT_OF_TIME, "sign it anew"),
        (stranger.order(BUY, 10, 1, nonce=8), Reason.BAD_SIGNATURE, "for this chain and rollup"),
        (elsewhere.order(BUY, 10, 1, nonce=8), Reason.BAD_SIGNATURE, "for this chain and rollup"),
        (other_rollup.order(BUY, 10, 1, nonce=8), Reason.BAD_SIGNATURE, "for this chain and rollup"),
    ]
    for words, reason, message in cases:
        error = refuse(node, words)
        assert error.reason is reason
        assert message in str(error)


@pytest.mark.rule("09-R12")
def test_a_changed_byte_of_a_signed_order_is_refused(node: Node) -> None:
    words = Trader(ALICE).order(BUY, INDEX_TICKS, 5, nonce=7)
    for place in [*range(4, 31), 31, 61, 62, 92]:
        changed = bytearray(words)
        changed[place] ^= 1
        refuse(node, bytes(changed))


@pytest.mark.rule("09-R12")
def test_a_replay_in_the_same_group_is_refused(node: Node) -> None:
    alice = Trader(ALICE)
    one, two = alice.order(BUY, INDEX_TICKS, 5, nonce=3), alice.order(BUY, INDEX_TICKS, 5, nonce=4)
    before = node.next_number
    outcomes = node.submit([two, two, one, alice.order(BUY, INDEX_TICKS, 5, slot=1, nonce=5)])
    assert [isinstance(outcome, Answer) for outcome in outcomes] == [True, False, False, True]
    assert all(o.reason is Reason.NONCE_USED for o in outcomes if isinstance(o, Refused))
    assert node.next_number - before <= 3 + 3 + 1  # the two, and perhaps a Tick


@pytest.mark.rule("09-R12")
def test_a_flood_of_bad_signatures_leaves_no_trace_and_good_orders_pass(node: Node) -> None:
    chance, alice = random.Random(5), Trader(ALICE)
    good = [alice.order(BUY, INDEX_TICKS - 1_000 * k, 5, slot=k) for k in range(10)]
    garbage = [with_signature(Trader(17).order(SELL, 10, 1), chance.randbytes(64)) for _ in range(300)]
    mixed = [
        words
        for k, words in enumerate(garbage)
        for words in ([words, good[k // 30]] if k % 30 == 29 else [words])
    ]
    before = node.next_number
    outcomes = node.submit(mixed)
    assert [
        words for words, outcome in zip(mixed, outcomes, strict=True) if isinstance(outcome, Answer)
    ] == good
    assert node.next_number - before <= 3 * len(good) + 1


@pytest.mark.rule("09-R12")
def test_nobody_can_use_up_the_nonces_of_others(node: Node) -> None:
    """Attack: a forged operation with the highest nonce, in the group of the owner's own ones."""
    alice, chance = Trader(ALICE), random.Random(6)
    forged = with_signature(alice.order(BUY, 10, 1, nonce=2**40 - 1), chance.randbytes(64))
    honest = alice.order(BUY, INDEX_TICKS, 5, nonce=1)
    refused, answer = node.submit([forged, honest])
    assert isinstance(refused, Refused)
    assert refused.reason is Reason.BAD_SIGNATURE
    assert isinstance(answer, Answer)
    assert answer.result.reason == Reason.OK


@pytest.mark.rule("09-R12", "03-R10")
def test_signatures_are_checked_again_when_a_key_changed_meanwhile(node: Node) -> None:
    """What was verified while another group was ordered is decided under the keys of the moment."""
    alice, fresh = Trader(ALICE), derive_key(b"r" * 32)
    by_old, rotation = alice.order(BUY, INDEX_TICKS, 1, nonce=50), alice.set_key(0, fresh)
    by_fresh = Trader(ALICE)
    by_fresh.key = fresh
    both = [by_old, by_fresh.order(BUY, INDEX_TICKS, 1, nonce=51)]
    candidates = node.screen(both)
    node.verify(candidates)
    take(node.submit([rotation]))
    verdicts = node.decide(candidates)
    assert [None if v is None else v.reason for v in verdicts] == [Reason.BAD_SIGNATURE, None]


@pytest.mark.rule("09-R12")
def test_nonces_are_held_against_the_state_of_the_moment(node: Node) -> None:
    alice = Trader(ALICE)
    one, two = alice.order(BUY, INDEX_TICKS, 1, nonce=5), alice.order(BUY, INDEX_TICKS, 1, nonce=6)
    early = node.screen([one, two])
    node.verify(early)
    take(node.submit([one]))
    verdicts = node.decide(early)
    assert [None if v is None else v.reason for v in verdicts] == [Reason.NONCE_USED, None]


@pytest.mark.rule("09-R12")
def test_a_new_key_works_once_it_is_confirmed(node: Node) -> None:
    alice, fresh = Trader(ALICE), derive_key(b"f" * 32)
    by_fresh = Trader(ALICE)
    by_fresh.key = fresh
    early = by_fresh.order(BUY, INDEX_TICKS, 5, key=1, nonce=1)
    registered, refused = node.submit([alice.set_key(1, fresh), early])
    assert isinstance(registered, Answer)
    assert registered.result.reason == Reason.OK
    assert isinstance(refused, Refused)
    assert refused.reason is Reason.UNKNOWN_KEY
    (answer,) = take(node.submit([early]))
    assert answer.result.reason == Reason.OK


@pytest.mark.rule("03-R10", "09-R12")
def test_an_order_under_a_key_that_was_just_replaced_does_nothing(node: Node) -> None:
    """Attack: the thief of a key sends with the rotation, in one group, so that both pass intake."""
    alice = Trader(ALICE)
    rotation = alice.set_key(0, derive_key(b"n" * 32))
    stolen = alice.order(BUY, INDEX_TICKS, 5)
    rotated, theft = take(node.submit([rotation, stolen]))
    assert rotated.result.reason == Reason.OK
    assert theft.result.reason == Reason.BAD_SIGNATURE


@pytest.mark.rule("09-R12", "02-R05")
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(
        st.binary(max_size=200),
        st.tuples(
            st.sampled_from(sorted(BY_KIND)), st.integers(0, 6).map(lambda n: 31 * n + 30), st.randoms()
        ).map(lambda t: bytes([t[0]]) + t[2].randbytes(t[1])),
    )
)
def test_no_bytes_break_intake(node: Node, words: bytes) -> None:
    before = node.next_number
    (outcome,) = node.submit([words])
    assert isinstance(outcome, Refused)
    assert node.next_number == before


def test_too_much_at_once_is_an_error_of_the_caller(node: Node) -> None:
    with pytest.raises(ValueError, match=f"more than {MAX_ADMITTED_WORDS} words at once"):
        node.submit([bytes(93)] * 342)
