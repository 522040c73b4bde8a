"""Where operations come to lie: the shape of batches and segments, whatever arrives."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miletus.codec import encode
from miletus.engine import segment as kinds
from miletus.sequencer.chain import Ending, Opening
from miletus.sequencer.config import DEFAULT_POLICY
from miletus.sequencer.feed import InboxEntry, compute_time_bound_ms
from miletus.sequencer.frames import BATCH_OPENING, INBOX_WORDS, SEGMENT_END, SEQUENCED_WORDS, Item
from miletus.sequencer.ordering import (
    LEAST_BATCH_WORDS,
    MAX_BATCH_SEGMENTS,
    MAX_INBOX_WORDS,
    SEGMENT_WORDS,
    Plan,
    Policy,
)
from miletus.settlement.commitment import Claim, Commitment, PostedSegment, Withdrawal, encode_commit

ORDER, SET_KEY, SETTLE, WITHDRAW = (
    bytes([kind]) + bytes(31 * words - 1)
    for kind, words in ((kinds.PLACE_ORDER, 3), (kinds.SET_KEY, 5), (kinds.SETTLE, 1), (kinds.WITHDRAW, 3))
)
START_MS = 1_772_438_400_000
TRANSACTION_BYTES = 300
"""What a transaction has around its input, generously: fees, nonce, address, signature."""


def make_plan(policy: Policy = DEFAULT_POLICY) -> Plan:
    return Plan(policy, clock_ms=START_MS - 60_000, batch=0, inbox_next=0)


def make_inbox(count: int, first: int = 0) -> list[InboxEntry]:
    texts = [encode.deposit(account=16 + k, owner=1, amount_micros=1) for k in range(count)]
    texts = [text if k % 2 else b"\x02" + bytes(92) for k, text in enumerate(texts)]
    return [InboxEntry(first + k, text) for k, text in enumerate(texts)]


def split_batches(items: list[Item]) -> Iterator[tuple[Opening, list[list[Item]], list[Ending]]]:
    """Openings with their segments and ends; every rule of 09-R10 about the shape is asserted on the way."""
    at = 0
    while at < len(items):
        assert items[at].tag == BATCH_OPENING
        opening = Opening.decode(items[at])
        segments: list[list[Item]] = [[]]
        endings: list[Ending] = []
        at += 1
        while at < len(items):
            if items[at].tag == SEGMENT_END:
                endings.append(Ending.decode(items[at]))
                at += 1
                if endings[-1].last:
                    break
                segments.append([])
            else:
                segments[-1].append(items[at])
                at += 1
        yield opening, segments, endings


def check_shape(items: list[Item], last_is_open: bool) -> None:
    inbox_next, clock_ms = 0, 0
    batches = list(split_batches(items))
    for number, (opening, segments, endings) in enumerate(batches, start=1):
        assert opening.batch == number
        assert opening.inbox_first == inbox_next
        inbox_next += opening.inbox_count
        is_open = last_is_open and number == len(batches)
        assert [ending.segment for ending in endings] == list(range(len(segments) - is_open))
        assert [ending.last for ending in endings] == [*[False] * (len(endings) - 1), not is_open]
        assert all(ending.batch == number for ending in endings)
        assert 1 <= len(segments) - 1 <= MAX_BATCH_SEGMENTS
        inbox, *sequenced = segments
        assert all(item.tag == INBOX_WORDS for item in inbox)
        assert len(inbox) == opening.inbox_count
        assert sum(item.word_count for item in inbox) <= MAX_INBOX_WORDS
        withdrawals = 0
        for segment, ending in zip(segments, [*endings, None], strict=False):
            count = sum(item.word_count for item in segment)
            assert count <= SEGMENT_WORDS
            assert ending is None or ending.words == count
        for segment in sequenced:
            assert segment
            assert all(item.tag == SEQUENCED_WORDS for item in segment)
            withdrawals += sum(item.words[0] == kinds.WITHDRAW for item in segment)
        assert withdrawals <= 256
        assert sequenced[0][0].words[0] == kinds.TICK
        for item in (item for segment in sequenced for item in segment):
            if item.words[0] == kinds.TICK:
                time_ms = int.from_bytes(item.words[1:7], "big")
                assert clock_ms < time_ms <= compute_time_bound_ms(opening.time_s)
                clock_ms = time_ms


@pytest.mark.rule("09-R10")
@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.lists(st.sampled_from([ORDER, SET_KEY, SETTLE, WITHDRAW]), max_size=8),
            st.integers(1, 120),
            st.integers(-2_000, 9_000),
            st.integers(0, 150),
        ),
        max_size=30,
    )
)
def test_batches_have_their_shape_whatever_arrives(
    groups: list[tuple[list[bytes], int, int, int]],
) -> None:
    plan, now_ms, offered = make_plan(), START_MS, 0
    items: list[Item] = []
    inbox: list[InboxEntry] = []
    expected: list[bytes] = []
    for operations, times, passed_ms, entries in groups:
        now_ms += passed_ms
        inbox = [entry for entry in [*inbox, *make_inbox(entries, offered)] if entry.index >= plan.inbox_next]
        offered += entries
        expected += operations * times
        items += plan.add(operations * times, inbox, now_ms)
        plan.outbox = 0 if not plan.is_open else plan.outbox
    check_shape(items, plan.is_open)
    told = [item.words for item in items if item.tag == SEQUENCED_WORDS and item.words[0] != kinds.TICK]
    assert told == expected


@pytest.mark.rule("09-R10")
def test_a_batch_of_orders_alone_fills_16_segments() -> None:
    plan = make_plan(Policy(batch_words=MAX_BATCH_SEGMENTS * SEGMENT_WORDS))
    items = plan.add([ORDER] * 6_000, [], START_MS)
    check_shape(items, plan.is_open)
    (_, segments, _), *rest = split_batches(items)
    assert len(segments) == 17
    assert all(sum(item.word_count for item in segment) > SEGMENT_WORDS - 5 for segment in segments[1:])
    assert rest


@pytest.mark.rule("09-R10")
@settings(deadline=None, max_examples=40)
@given(
    st.integers(LEAST_BATCH_WORDS, 5_000),
    st.lists(
        st.tuples(st.sampled_from([ORDER, SET_KEY, SETTLE, WITHDRAW]), st.integers(1, 900)),
        min_size=1,
        max_size=12,
    ),
)
def test_a_batch_never_has_more_words_than_its_policy_allows(
    batch_words: int, runs: list[tuple[bytes, int]]
) -> None:
    plan, items = make_plan(Policy(batch_ms=60_000, batch_words=batch_words)), []
    for place, (operation, times) in enumerate(runs):
        items += plan.add([operation] * times, make_inbox(8, 8 * place), START_MS + 101 * place)
        plan.outbox = 0 if not plan.is_open else plan.outbox
    check_shape(items, plan.is_open)
    counts = [sum(item.word_count for segment in each for item in segment) for each in split_sequenced(items)]
    assert max(counts) <= batch_words
    longest = max(len(operation) // 31 for operation, _ in runs)
    withdrawals = sum(times for operation, times in runs if operation == WITHDRAW)
    if withdrawals <= 256:  # else the outbox closes batches too
        assert all(count + longest + 1 > batch_words for count in counts[:-1])


def split_sequenced(items: list[Item]) -> list[list[list[Item]]]:
    """Sequenced segments of each batch."""
    return [segments[1:] for _, segments, _ in split_batches(items)]


@pytest.mark.rule("09-R10")
def test_the_largest_batch_fits_into_a_transaction_that_nodes_pass_on() -> None:
    """Orders and as many withdrawals as an outbox holds, as they are posted."""
    plan = make_plan()
    items = plan.add([WITHDRAW] * 256 + [ORDER] * 2_000, [], START_MS)
    segments = split_sequenced(items)[0]
    words = [b"".join(item.words for item in segment) for segment in segments]
    assert sum(map(len, words)) > 31 * (DEFAULT_POLICY.batch_words - 5)
    claim = Claim(bytes(32), 0)
    posted = Commitment(
        parent=bytes(32),
        time_s=START_MS // 1000,
        inbox_count=0,
        inbox_keccak=bytes(32),
        segments=(PostedSegment(b"", 0, claim), *(PostedSegment(text, 0, claim) for text in words)),
        outbox=(Withdrawal(bytes(20), 1),) * 256,
    )
    assert len(encode_commit(posted)) + TRANSACTION_BYTES < 128 * 1024


@pytest.mark.rule("09-R10")
def test_a_batch_that_a_restart_found_open_keeps_count() -> None:
    whole = make_plan(Policy(batch_words=2_000))
    opening = Opening.decode(whole.add([ORDER] * 500, [], START_MS)[0])
    later = make_plan(Policy(batch_words=2_000))
    later.batch, later.clock_ms = whole.batch, whole.clock_ms
    later.resume(opening, whole.segment, whole.words, whole.batch_words, 0, START_MS)
    assert later.add([ORDER] * 500, [], START_MS + 1) == whole.add([ORDER] * 500, [], START_MS + 1)


def test_a_policy_that_no_operation_would_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="batch_words 6"):
        Policy(batch_words=LEAST_BATCH_WORDS - 1)


@pytest.mark.rule("09-R10")
def test_a_batch_closes_by_its_age_and_sooner_for_the_inbox() -> None:
    policy = Policy(batch_ms=5_000, inbox_wait_ms=1_000)
    plan = make_plan(policy)
    plan.add([ORDER], [], START_MS)
    assert not plan.is_due(START_MS + 4_999, inbox_waits=False)
    assert plan.is_due(START_MS + 5_000, inbox_waits=False)
    assert not plan.is_due(START_MS + 999, inbox_waits=True)
    assert plan.is_due(START_MS + 1_000, inbox_waits=True)
    items = plan.add([ORDER], make_inbox(2), START_MS + 1_000)
    assert [item.tag for item in items][:4] == [SEGMENT_END, BATCH_OPENING, INBOX_WORDS, INBOX_WORDS]


@pytest.mark.rule("09-R10")
def test_withdrawals_that_the_outbox_would_not_hold_go_into_the_next_batch() -> None:
    plan = make_plan()
    items = plan.add([WITHDRAW] * 300, [], START_MS)
    check_shape(items, plan.is_open)
    counts = [
        sum(item.words[0] == kinds.WITHDRAW for segment in segments for item in segment)
        for _, segments, _ in split_batches(items)
    ]
    assert counts == [256, 44]


@pytest.mark.rule("09-R10")
@pytest.mark.parametrize("batch_ms", [1, 250, 5_000, 60_000])
def test_a_batch_can_be_committed_when_it_is_closed(batch_ms: int) -> None:
    """Its time is not after the moment at which it closes, so L1's clock has reached it (08-R04)."""
    for shift in (0, 1, 499, 999):
        plan = make_plan(Policy(batch_ms=batch_ms))
        items = plan.add([ORDER], [], START_MS + shift)
        opening = Opening.decode(items[0])
        assert opening.time_s * 1_000 <= START_MS + shift + batch_ms
        assert compute_time_bound_ms(opening.time_s) >= START_MS + shift + batch_ms


def test_a_clock_that_goes_back_stops_no_order() -> None:
    plan = make_plan()
    items = plan.add([ORDER], [], START_MS)
    items += plan.add([ORDER] * 3, [], START_MS - 3_600_000)
    items += plan.close()
    items += plan.add([ORDER], [], START_MS - 3_600_000)
    check_shape(items, plan.is_open)
