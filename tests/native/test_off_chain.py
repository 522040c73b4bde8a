"""Segments without signatures say the same as with them, and nothing else can be read (11-R08)."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from librt.vecs import vec
from mypy_extensions import i64

from miletus.codec import decode_segment, encode
from miletus.codec.table import BY_KIND, WORD_BYTES
from miletus.codec.view import view_operations
from miletus.engine.machine import Machine, build_machine
from miletus.engine.reasons import Reason
from miletus.engine.segment import INBOX, SEQUENCED
from miletus.native import (
    NativeCrypto,
    OffChainCrypto,
    Tree,
    decode_parts,
    prepare,
    restore_signatures,
    strip_signatures,
)
from tests.sequencer.world import DEPLOYMENT, Trader
from vectors.make_vectors import FOLDER

SIGNED = [operation for operation in BY_KIND.values() if operation.signature]


def is_all_signed(vector: dict[str, Any]) -> bool:
    """Whether no operation of a vector has a bad signature, or is cut off."""
    bad = {Reason.BAD_SIGNATURE, Reason.INCOMPLETE}
    return all(receipt[0] not in bad for part in vector["segments"] for receipt in part["receipts"])


VECTORS = {path.stem: json.loads(path.read_text()) for path in sorted(Path(FOLDER).glob("*.json"))}
GOOD = [name for name, vector in VECTORS.items() if is_all_signed(vector)]


def make_words(dice: random.Random, count: int) -> bytes:
    """Whole operations of every kind and padding; their fields and signatures are noise."""
    kinds = [operation.kind for operation in BY_KIND.values()] + [0x77, 0xFF]
    words = b""
    for _ in range(count):
        kind = dice.choice(kinds)
        size = BY_KIND[kind].words if kind in BY_KIND else 1
        words += bytes([kind]) + dice.randbytes(size * WORD_BYTES - 1)
    return words


def read_naively(posted: bytes) -> list[tuple[int, bytes]]:
    """Operations of posted words by spec 11-R08 alone: (kind, own words), -1 for one that is cut off."""
    found, at = [], 0
    while at < len(posted):
        operation = BY_KIND.get(posted[at])
        count = 1 if operation is None else operation.words - (2 if operation.signature else 0)
        own = posted[at : at + count * WORD_BYTES]
        found.append((posted[at] if len(own) == count * WORD_BYTES else -1, own))
        at += count * WORD_BYTES
    return found


@pytest.mark.rule("11-R08", "08-R31")
@pytest.mark.parametrize("seed", range(20))
def test_what_is_stripped_is_restored(seed: int) -> None:
    words = make_words(random.Random(seed), 100)
    posted, signatures = strip_signatures(words)
    whole = b"".join(restore_signatures(posted))
    assert len(whole) == len(words)
    assert len(posted) == len(words) - 62 * len(signatures)
    views = view_operations(decode_segment(SEQUENCED, words))
    for view, (kind, own) in zip(views, read_naively(posted), strict=True):
        raw = words[view.first_word * WORD_BYTES :][: len(own)]
        assert own == raw
        assert own[0] == kind
    place = 0
    for _, own in read_naively(posted):
        if own[0] in {operation.kind for operation in SIGNED}:
            assert len(signatures.pop(place)) == 62
        place += len(own) // WORD_BYTES
    assert signatures == {}


@pytest.mark.rule("11-R08", "03-R02")
@pytest.mark.parametrize("seed", range(20))
def test_every_content_reads_as_the_spec_says(seed: int) -> None:
    """Noise, with the first bytes of kinds mixed in, however long: parts never cut an operation."""
    dice = random.Random(seed)
    kinds = [operation.kind for operation in BY_KIND.values()]
    words = [bytes([dice.choice(kinds)]) + dice.randbytes(30) for _ in range(1_024)]
    posted = b"".join(words)
    crypto = OffChainCrypto(DEPLOYMENT.chain_id, DEPLOYMENT.rollup)
    read = []
    for part in decode_parts(crypto, int(SEQUENCED), posted):
        assert len(part.words) <= 1_024 * WORD_BYTES
        for at in range(0, int(part.count) * 48, 48):
            kind, first = int(part.records[at]), int(part.records[at + 5])
            read.append((kind, part.words[first * WORD_BYTES]))
    expected = [(kind if kind >= 0 else 0x101, own[0]) for kind, own in read_naively(posted)]
    assert read == expected


@pytest.mark.rule("08-R31")
@pytest.mark.parametrize("operation", SIGNED, ids=lambda operation: operation.name)
def test_what_ends_inside_an_operation_is_not_stripped(operation) -> None:  # type: ignore[no-untyped-def]
    """Without signatures its words would be read as other operations."""
    tick = encode.tick(time_ms=1)
    for left in range(1, operation.words):
        with pytest.raises(ValueError, match="ends inside the operation at word 1"):
            strip_signatures(tick + bytes([operation.kind]).ljust(left * WORD_BYTES, b"\1"))


@pytest.mark.rule("08-R31")
def test_signatures_hold_in_sequenced_segments_alone() -> None:
    crypto = OffChainCrypto(DEPLOYMENT.chain_id, DEPLOYMENT.rollup)
    judging = NativeCrypto(DEPLOYMENT.chain_id, DEPLOYMENT.rollup)
    words = Trader(16).cancel_all()
    posted, _ = strip_signatures(words)
    (part,) = decode_parts(crypto, int(SEQUENCED), posted)
    machine = Machine(32, crypto)
    assert crypto.prepare(part, machine.state) == 1
    assert judging.prepare(part, machine.state) == 0
    assert crypto.verify_record(machine.state, part, 0, machine.state.key(16, 0))
    approve = encode.approve(signer=0)
    for source, holds in ((SEQUENCED, True), (INBOX, False)):
        segment = decode_segment(source, approve)
        assert crypto.verify_approval(machine.state, segment, 0, 0) is holds
    assert list(decode_parts(crypto, int(INBOX), b"")) != []
    assert len(list(decode_parts(judging, int(SEQUENCED), words))) == 1


@pytest.mark.rule("11-R08", "08-R31")
@pytest.mark.parametrize("name", GOOD)
def test_the_state_is_that_with_signatures(name: str) -> None:
    """The circuits' own test has the same vectors (circuits/edge/offchain_test.go)."""
    vector = VECTORS[name]
    numbers = [int(number) for number in vector["pages_before"]]
    fields = [page.get(str(k), 0) for page in vector["pages_before"].values() for k in range(64)]
    crypto = OffChainCrypto(vector["chain_id"], vector["rollup"])
    machine = build_machine(32, crypto, vec[i64](numbers), vec[i64](fields))
    machine.state.time_bound_ms = vector["time_bound_ms"]
    tree = Tree()
    tree.update(*machine.export_pages())
    for segment in vector["segments"]:
        source = int(INBOX if segment["source"] == "inbox" else SEQUENCED)
        words = b"".join(bytes.fromhex(word) for word in segment["words"])
        posted = strip_signatures(words)[0] if source == SEQUENCED else words
        for part in decode_parts(crypto, source, posted):
            prepare(part, machine)
            machine.run(part)
        assert tree.update(*machine.take_dirty()).hex() == segment["root_after"]
        machine.state.clear_outputs()


def test_most_vectors_are_all_signed() -> None:
    assert len(GOOD) >= 12
