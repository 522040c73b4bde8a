"""The queue of entries: what is written there, what a batch must and must not consume."""

import boa
import pytest

from miletus.codec import encode
from tests.contracts.reference import (
    FIELD,
    Segment,
    compute_running,
    make_deposit_word,
    make_forced_word,
    make_key_words,
)
from tests.contracts.world import VAULT, World, refused, to_number

PLACE, AMEND, CANCEL, WITHDRAW, TRANSFER = range(0x10, 0x15)


def split(words: bytes) -> list[int]:
    return [int.from_bytes(words[at : at + 31], "big") for at in range(0, len(words), 31)]


@pytest.mark.rule("08-R15", "08-R11")
def test_a_deposit_is_the_word_of_the_codec(world: World) -> None:
    account = world.register("trader")
    owner = to_number(world["trader"])
    entry = world.deposit("thief", account, 5_000_123)
    assert list(world.vault.get_words(entry, 1)) == [make_deposit_word(account, owner, 5_000_123)]
    coded = encode.deposit(account=account, owner=owner, amount_micros=5_000_123)
    assert list(world.vault.get_words(entry, 1)) == split(coded)


@pytest.mark.rule("08-R15")
@pytest.mark.parametrize(
    "key",
    [(0, 1, 0, 5, 6), (3, 255, 2**32 - 1, FIELD - 1, FIELD - 2), (1, 0, 0, 0, 0), (2, 9, 77, 2**248, 2**253)],
)
def test_a_key_is_the_words_of_the_codec(world: World, key: tuple[int, int, int, int, int]) -> None:
    account = world.register("trader")
    entry = world.set_key("trader", account, *key)
    slot, scope, expiry_s, x, y = key
    words = list(world.vault.get_words(entry, 1))
    assert words == make_key_words(account, *key)
    assert words == split(
        encode.set_key_inbox(account=account, slot=slot, scope=scope, expiry_s=expiry_s, x=x, y=y)
    )


@pytest.mark.rule("08-R15")
@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ((4, 1, 0, 5, 6), "vault: no such key slot"),
        ((0, 256, 0, 5, 6), "vault: scope is wider than a byte"),
        ((0, 1, 2**32, 5, 6), "vault: expiry is wider than 4 bytes"),
        ((0, 1, 0, FIELD, 6), "vault: key is not two field elements"),
        ((0, 1, 0, 5, FIELD), "vault: key is not two field elements"),
        ((0, 1, 0, 5, 2**256 - 1), "vault: key is not two field elements"),
    ],
)
def test_a_key_that_has_no_words_is_refused(
    world: World, key: tuple[int, int, int, int, int], reason: str
) -> None:
    account = world.register("trader")
    with refused(reason):
        world.set_key("trader", account, *key)
    assert world.vault.entry_count() == 0


@pytest.mark.rule("08-R15", "03-R03")
def test_five_kinds_can_be_forced(world: World) -> None:
    account = world.register("trader")
    for kind in range(256):
        word = make_forced_word(kind, account, bytes(range(27)))
        if kind in (PLACE, AMEND, CANCEL, WITHDRAW, TRANSFER):
            entry = world.force("trader", word)
            assert list(world.vault.get_words(entry, 1)) == [word]
        else:
            with refused("vault: operation can't be forced"):
                world.force("trader", word)
    assert world.vault.entry_count() == 5


@pytest.mark.rule("08-R15")
def test_a_word_wider_than_31_bytes_cannot_be_forced(world: World) -> None:
    account = world.register("trader")
    with refused("vault: operation can't be forced"):
        world.force("trader", make_forced_word(WITHDRAW, account) | 1 << 248)


@pytest.mark.rule("08-R15")
def test_the_thief_cannot_touch_the_account_of_the_trader(world: World) -> None:
    account = world.register("trader")
    world.register("thief")
    with refused("accounts: account has another owner"):
        world.force("thief", make_forced_word(WITHDRAW, account))
    with refused("accounts: account has another owner"):
        world.set_key("thief", account, 0, 255, 0, 5, 6)
    for nobody in (0, 15, account + 2, 2**24 - 1):
        with refused("accounts: no such account"):
            world.force("thief", make_forced_word(TRANSFER, nobody))
        with refused("accounts: no such account"):
            world.set_key("thief", nobody, 0, 255, 0, 5, 6)
    assert world.vault.entry_count() == 0


@pytest.mark.rule("08-R15")
def test_the_hash_chain_tells_if_an_entry_is_missing(world: World) -> None:
    account = world.register("trader")
    running = bytes(32)
    lists = []
    for step in range(4):
        if step % 2 == 0:
            entry = world.deposit("trader", account, 1_000_000 + step)
        else:
            entry = world.set_key("trader", account, 0, 1, 0, step, step)
        event = world.get_event(world.vault, "EntryAdded")
        lists.append(list(event.words))
        running = compute_running(running, event.words)
        assert list(event.words) == list(world.vault.get_words(entry, 1))
        assert (event.entry, event.account, event.created_at_s) == (step, account, world.now_s)
        assert bytes(event.running_keccak) == running == bytes(world.vault.running_keccak())
    forged = bytes(32)
    for words in (lists[0], *lists[2:]):
        forged = compute_running(forged, words)
    assert forged != running


@pytest.mark.rule("08-R15")
def test_entries_lie_one_after_the_other(world: World) -> None:
    account = world.register("trader")
    world.deposit("trader", account, 3_000_000)
    world.wait(5)
    world.set_key("trader", account, 0, 1, 0, 5, 6)
    world.deposit("trader", account, 4_000_000)
    entries = [tuple(world.vault.get_entry(i)) for i in range(4)]
    now_s = world.now_s
    assert entries[0] == (now_s - 5, 0, 1, 3_000_000)
    assert entries[1] == (now_s, 1, 4, 3_000_000)
    assert entries[2] == (now_s, 4, 5, 7_000_000)
    assert entries[3] == (0, 0, 0, 0)
    assert len(world.vault.get_words(0, 3)) == 5
    assert list(world.vault.get_words(3, 0)) == []
    for first, count in ((0, 4), (3, 1), (4, 0), (2**256 - 1, 1)):
        with refused("inbox: no such entry"):
            world.vault.get_words(first, count)
    with refused("inbox: more than 256 words"):
        world.vault.get_words(0, 257)


@pytest.mark.rule("08-R16")
def test_every_word_is_prepaid(world: World) -> None:
    account = world.register("trader")
    fee_wei = VAULT["word_fee_wei"]
    trader = world["trader"]
    deposit = (account, trader, 1_000_000)
    for value_wei in (0, fee_wei - 1, fee_wei + 1):
        with refused("inbox: value is not the prepayment"):
            world.vault.deposit(*deposit, sender=trader, value=value_wei)
        with refused("inbox: value is not the prepayment"):
            world.vault.force(make_forced_word(CANCEL, account), sender=trader, value=value_wei)
        with refused("inbox: value is not the prepayment"):
            world.vault.set_key(account, 0, 1, 0, 5, 6, sender=trader, value=3 * value_wei)
    assert world.token.balanceOf(world.vault.address) == 0


@pytest.mark.rule("08-R16")
def test_a_flood_fills_no_more_than_one_batch_a_block(world: World) -> None:
    account = world.register("thief")
    word = make_forced_word(CANCEL, account)
    for _ in range(254):
        world.force("thief", word)
    with refused("inbox: this block is full, send it again"):
        world.set_key("thief", account, 0, 1, 0, 5, 6)
    world.force("thief", word)
    world.force("thief", word)
    with refused("inbox: this block is full, send it again"):
        world.force("thief", word)
    world.wait(12)
    assert world.force("thief", word) == 256
    world.wait(60)
    with refused("inbox: more than 256 words"):
        world.commit(inbox_count=257, inbox=Segment((word,) * 257))
    world.commit(inbox_count=256)
    world.commit(inbox_count=1)
    assert world.get_head().inbox_end == 257


@pytest.mark.rule("08-R05")
def test_an_entry_is_not_consumed_before_it_outlived_a_reorganisation(world: World) -> None:
    account = world.register("trader")
    age_s = world.rollup_parameters["reorg_age_s"]
    world.deposit("trader", account, 1_000_000)
    world.wait(1)
    world.deposit("trader", account, 2_000_000)
    world.wait(age_s - 2)
    with refused("rollup: an inbox entry is too young"):
        world.commit(inbox_count=1)
    world.wait(1)
    with refused("rollup: an inbox entry is too young"):
        world.commit(inbox_count=2)
    world.commit(inbox_count=1)
    world.wait(1)
    world.commit(inbox_count=1)
    with refused("inbox: no such entry"):
        world.commit(draft=world.draft(inbox_count=0).changed(inbox_count=1))
    assert world.rollup.head_inbox_end() == 2


@pytest.mark.rule("08-R05")
def test_an_entry_that_was_due_at_the_parent_is_not_left_out(world: World) -> None:
    account = world.register("trader")
    deadline_s = world.rollup_parameters["deadline_s"]
    world.deposit("trader", account, 1_000_000)
    world.wait(deadline_s - 1)
    world.commit(inbox_count=0)  # its parent is the genesis
    world.wait(1)
    world.commit(inbox_count=0)  # due now, but not when its parent was committed
    with refused("rollup: an inbox entry that is due is left out"):
        world.commit(inbox_count=0)
    world.commit(inbox_count=1)
    world.commit(inbox_count=0)


@pytest.mark.rule("08-R05")
def test_what_is_due_and_does_not_fit_waits_for_the_next_batch(world: World) -> None:
    account = world.register("trader")
    word = make_forced_word(CANCEL, account)
    for _ in range(2):
        for _ in range(253):
            world.force("trader", word)
        world.set_key("trader", account, 0, 1, 0, 5, 6)
        world.wait(12)
    world.wait(world.rollup_parameters["deadline_s"])
    world.commit(inbox_count=0)
    with refused("rollup: an inbox entry that is due is left out"):
        world.commit(inbox_count=253)  # the key's three words still fit
    world.commit(inbox_count=254)
    with refused("rollup: an inbox entry that is due is left out"):
        world.commit(inbox_count=0)
    with refused("rollup: an inbox entry that is due is left out"):
        world.commit(inbox_count=252)
    world.commit(inbox_count=254)
    assert world.rollup.head_inbox_end() == world.vault.entry_count() == 508


@pytest.mark.rule("08-R05")
def test_entries_are_consumed_in_order_and_once(world: World) -> None:
    account = world.register("trader")
    for amount in range(1_000_000, 1_000_005):
        world.deposit("trader", account, amount)
    world.wait(60)
    first = world.commit(inbox_count=2)
    second = world.commit(inbox_count=3)
    amounts = [word % 2**56 for word in (*first.inbox.words, *second.inbox.words)]
    assert amounts == list(range(1_000_000, 1_000_005))
    assert world.rollup.head_inbox_end() == 5


@pytest.mark.rule("08-R05")
def test_claims_about_other_inbox_words_are_refused(world: World) -> None:
    """As after a reorganisation that put another entry into the place of the one that was executed."""
    account = world.register("trader")
    world.deposit("trader", account, 1_000_000)
    world.wait(60)
    executed = world.draft().inbox.words
    for words in ((), (executed[0] + 1,), (*executed, 0)):
        with refused("tail: inbox words are not those that were executed"):
            world.commit(inbox=Segment(words))
    with refused("tail: inbox words are not those that were executed"):
        world.commit(inbox_count=0, inbox=Segment(executed))
    world.commit()


@pytest.mark.rule("08-R15")
def test_times_have_room_in_their_packed_places(world: World) -> None:
    account = world.register("trader")
    boa.env.timestamp = 2**40 - 100
    entry = world.deposit("trader", account, 2**40)
    assert tuple(world.vault.get_entry(entry)) == (2**40 - 100, 0, 1, 2**40)
    world.wait(90)
    world.commit()
    head = world.get_head()
    assert (head.committed_at_s, head.inbox_end, head.proposer) == (2**40 - 10, 1, world["sequencer"])
