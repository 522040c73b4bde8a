"""Answers of a node are believed only under the sequencer's signature, however many came before them."""

from typing import Any, cast

import msgspec
import pytest

from miletus.client.connection import CheckedConnection
from miletus.sequencer.chain import Deployment
from miletus.sequencer.confirmations import Confirmation, Signer, build_tree
from miletus.sequencer.frames import SEQUENCED_WORDS, Group, Item

DEPLOYMENT = Deployment.of(31337, "0x" + "cd" * 20)
SIGNER, OTHER = Signer(DEPLOYMENT, bytes(31) + b"\x2a"), Signer(DEPLOYMENT, bytes(31) + b"\x2b")


def confirm(signer: Signer, count: int, first: int = 1) -> list[Confirmation]:
    items = [Item(SEQUENCED_WORDS, bytes([place + 1]) * 93) for place in range(count)]
    return signer.confirm(1, build_tree(Group(first, 1_700_000_000_000, bytes(32), items)))


def connect() -> CheckedConnection:
    return CheckedConnection(cast(Any, None), DEPLOYMENT, SIGNER.address)


def is_signed(connection: CheckedConnection, confirmation: Confirmation) -> bool:
    return connection._is_signed(confirmation)


@pytest.mark.rule("09-R11")
@pytest.mark.parametrize("count", [1, 2, 3, 7, 64, 65])
def test_every_answer_of_a_group_is_believed_in_any_order(count: int) -> None:
    confirmations = confirm(SIGNER, count)
    for order in (confirmations, confirmations[::-1]):
        connection = connect()
        assert all(is_signed(connection, each) for each in order)
        assert all(is_signed(connection, each) for each in order)


def flip(raw: bytes) -> bytes:
    return bytes((raw[0] ^ 1,)) + raw[1:]


@pytest.mark.rule("09-R11")
@pytest.mark.parametrize("known", [0, 1, 10])
def test_what_is_not_signed_is_not_believed_beside_what_is(known: int) -> None:
    confirmations = confirm(SIGNER, 11)
    connection = connect()
    for each in confirmations[:known]:
        assert is_signed(connection, each)
    last = confirmations[-1]
    forged = [
        msgspec.structs.replace(last, number=last.number + 3),
        msgspec.structs.replace(last, time_ms=last.time_ms + 1),
        msgspec.structs.replace(last, words_hash=flip(last.words_hash)),
        msgspec.structs.replace(last, running_keccak=flip(last.running_keccak)),
        msgspec.structs.replace(last, signature=flip(last.signature)),
        msgspec.structs.replace(last, epoch=2),
        msgspec.structs.replace(last, words_hash=flip(last.words_hash), path=confirmations[0].path),
        msgspec.structs.replace(last, words_hash=flip(last.words_hash), path=()),
    ]
    assert not any(is_signed(connection, each) for each in forged)
    assert not any(is_signed(connection, each) for each in confirm(OTHER, 11))
    assert is_signed(connection, last)
    assert not any(is_signed(connection, each) for each in forged)
