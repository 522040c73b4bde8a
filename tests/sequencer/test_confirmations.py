"""Soft confirmations: what the sequencer signs, what convicts it, and what does not."""

import msgspec
import pytest
from eth_keys.datatypes import PrivateKey, Signature
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from miletus.sequencer.chain import Deployment, Ending, Opening
from miletus.sequencer.confirmations import (
    Confirmation,
    Signer,
    build_tree,
    contradict,
    recover_signer,
    verify_confirmation,
)
from miletus.sequencer.frames import Group, Item

DEPLOYMENT = Deployment.of(31337, "0x" + "ab" * 20)
SIGNER = Signer(DEPLOYMENT, bytes(31) + b"\7")

items = st.lists(
    st.builds(
        Item,
        st.integers(0, 3),
        st.integers(1, 5).flatmap(lambda n: st.binary(min_size=31 * n, max_size=31 * n)),
    ),
    min_size=1,
    max_size=20,
)


def confirm(group: Group, running: bytes = bytes(32), epoch: int = 1) -> list[Confirmation]:
    return SIGNER.confirm(epoch, build_tree(group._replace(running_keccak=running)))


@pytest.mark.rule("09-R03", "09-R11")
@given(items, st.integers(1, 2**40), st.integers(0, 2**44))
def test_each_item_of_a_group_is_confirmed_by_itself(texts: list[Item], first: int, time_ms: int) -> None:
    confirmations = confirm(Group(first, time_ms, bytes(32), texts))
    number = first
    for item, confirmation in zip(texts, confirmations, strict=True):
        assert verify_confirmation(DEPLOYMENT, confirmation, item, SIGNER.address)
        assert (confirmation.number, confirmation.words) == (number, item.word_count)
        assert confirmation.time_ms == time_ms
        number += item.word_count
    assert number == Group(first, time_ms, bytes(32), texts).end_number


@pytest.mark.rule("09-R03", "09-R11")
def test_the_signature_is_what_l1_would_recover() -> None:
    """Computed a second time from the text of the rules, with another library."""
    words = bytes(range(93))
    before = keccak(b"before")
    (confirmation,) = confirm(Group(77, 1234, bytes(32), [Item(0, words)]), before, epoch=9)
    parts = [b"\0" + words[at : at + 31] for at in (0, 31, 62)]
    running = before
    for part in parts:
        running = keccak(running + part)
    assert confirmation.running_keccak == running
    assert confirmation.words_hash == keccak(b"".join(parts))
    leaf = keccak(b"".join(n.to_bytes(32, "big") for n in (77, 3, 1234)) + confirmation.words_hash + running)
    message = keccak(
        keccak(b"Miletus soft confirmation")
        + (31337).to_bytes(32, "big")
        + bytes(12)
        + bytes.fromhex("ab" * 20)
        + (9).to_bytes(32, "big")
        + leaf
    )
    r, s = (int.from_bytes(confirmation.signature[at : at + 32], "big") for at in (0, 32))
    signature = Signature(vrs=(confirmation.signature[64] - 27, r, s))
    key = signature.recover_public_key_from_msg_hash(message)
    assert key.to_canonical_address() == SIGNER.address
    assert PrivateKey(bytes(31) + b"\7").public_key == key


@pytest.mark.rule("09-R03")
@given(items, st.data())
def test_nothing_in_a_confirmation_can_be_changed(texts: list[Item], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(texts) - 1))
    good = confirm(Group(10, 20, bytes(32), texts))[place]
    changes = [
        msgspec.structs.replace(good, epoch=2),
        msgspec.structs.replace(good, number=good.number + 1),
        msgspec.structs.replace(good, words=good.words + 1),
        msgspec.structs.replace(good, time_ms=21),
        msgspec.structs.replace(good, words_hash=bytes(32)),
        msgspec.structs.replace(good, running_keccak=bytes(32)),
        msgspec.structs.replace(good, path=(*good.path, bytes(32))),
        msgspec.structs.replace(good, signature=bytes(65)),
        msgspec.structs.replace(good, signature=good.signature[:64]),
        msgspec.structs.replace(good, signature=good.signature[:64] + b"\0"),
    ]
    for changed in changes:
        assert not verify_confirmation(DEPLOYMENT, changed, texts[place], SIGNER.address)
    other = Deployment.of(1, "0x" + "ab" * 20)
    assert recover_signer(other, good) != SIGNER.address
    assert recover_signer(Deployment.of(31337, "0x" + "ac" * 20), good) != SIGNER.address
    assert not verify_confirmation(DEPLOYMENT, good, Item(0, bytes(31 * 6)), SIGNER.address)


@pytest.mark.rule("09-R11")
def test_an_inner_node_is_no_leaf() -> None:
    """Attack: a path that is cut short would make a node of the tree pass for a confirmed item."""
    texts = [Item(0, bytes([k]) * 31) for k in range(4)]
    good = confirm(Group(1, 0, bytes(32), texts))[0]
    assert len(good.path) == 2
    for path in ((), good.path[:1], good.path[1:], good.path[::-1]):
        changed = msgspec.structs.replace(good, path=path)
        assert not verify_confirmation(DEPLOYMENT, changed, texts[0], SIGNER.address)


@pytest.mark.rule("09-R03", "09-R11")
def test_two_contents_for_one_number_convict_and_nothing_else_does() -> None:
    one = Item(0, b"\1" * 93)
    two = Item(0, b"\2" * 31)
    first, second = confirm(Group(5, 0, bytes(32), [one, two]))
    again = confirm(Group(5, 0, bytes(32), [one, two]))
    other_word = confirm(Group(5, 0, bytes(32), [two]))[0]
    inside = confirm(Group(7, 0, bytes(32), [two]))[0]
    other_past = confirm(Group(5, 0, bytes(32), [one]), keccak(b"other"))[0]
    other_time = confirm(Group(5, 1, bytes(32), [one]))[0]
    assert not contradict(first, second)
    assert not contradict(first, again[0])
    for other in (other_word, inside, other_past, other_time):
        assert contradict(first, other)
        assert contradict(other, first)
    assert not contradict(first, confirm(Group(5, 0, bytes(32), [two]), epoch=2)[0])  # another epoch: 09-R16


def extend(before: bytes, what: Opening | Ending) -> bytes:
    return build_tree(Group(1, 0, before, [what.encode()])).leaves[0].running_keccak


@pytest.mark.rule("09-R08", "09-R09")
@given(
    st.binary(min_size=32, max_size=32), st.integers(0, 2**48 - 1), st.integers(0, 2**16 - 1), st.booleans()
)
def test_openings_and_ends_are_items_like_words(before: bytes, wide: int, narrow: int, last: bool) -> None:
    opening = Opening(wide, wide, wide, narrow)
    ending = Ending(wide, narrow, narrow, last)
    assert Opening.decode(opening.encode()) == opening
    assert Ending.decode(ending.encode()) == ending
    assert opening.encode().word_count == ending.encode().word_count == 1
    number, two = wide.to_bytes(6, "big"), narrow.to_bytes(2, "big")
    assert extend(before, opening) == keccak(before + b"\2" + number * 3 + two + bytes(11))
    text = b"\3" + number + two + two + bytes([last]) + bytes(20)
    assert extend(before, ending) == keccak(before + text)


@pytest.mark.rule("09-R08")
def test_an_epoch_has_a_chain_of_its_own() -> None:
    start = keccak(
        (31337).to_bytes(32, "big") + bytes(12) + bytes.fromhex("ab" * 20) + (3).to_bytes(32, "big")
    )
    assert DEPLOYMENT.start_chain(3) == start
