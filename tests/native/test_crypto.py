"""The machine with the library's cryptography: signed operations, approvals, accumulators, roots."""

import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miletus import codec, native
from miletus.codec import encode
from miletus.engine import layout, reasons, segment
from miletus.engine.elements import read_element
from miletus.engine.genesis import apply_genesis
from miletus.engine.machine import Machine
from miletus.engine.packing import PACKING
from miletus.engine.segment import RECORD
from miletus.native.crypto import NativeCrypto, prepare
from tests.native import reference

CHAIN, ROLLUP = 31337, b"\x42" * 20
OWNER, OTHER = 0xABCDEF, 0x123456
ALICE, BOB = 16, 17
NOW_S = 1_700_000_000
ALL = 15

DOMAIN = reference.hash7(1, CHAIN, int.from_bytes(ROLLUP))
KEYS = [native.derive_key(bytes([k]) * 32) for k in range(6)]
SIGNERS = KEYS[3:]


def build_machine() -> Machine:
    """Alice and Bob with money and a key each in slot 0; three oracle signers of whom two must agree."""
    machine = Machine(32, NativeCrypto(CHAIN, ROLLUP))
    apply_genesis(machine.state, [key.public for key in SIGNERS], 2, 2, NOW_S * 1000)
    machine.begin_batch(NOW_S * 1000 + 10**6, NOW_S * 1000)
    words = b"".join(
        encode.deposit(account=account, owner=owner, amount_micros=10**9)
        + encode.set_key_inbox(
            account=account, slot=0, scope=ALL, expiry_s=0, x=KEYS[k].public[0], y=KEYS[k].public[1]
        )
        for k, (account, owner) in enumerate(((ALICE, OWNER), (BOB, OTHER)))
    )
    run(machine, words, int(segment.INBOX))
    return machine


def run(machine: Machine, words: bytes, source: int = int(segment.SEQUENCED)) -> list[int]:
    """Prepare and run a segment; return the reasons of its receipts."""
    part = codec.decode_segment(source, words)
    prepare(part, machine)
    first = machine.state.receipt_count
    machine.run(part)
    return [machine.state.receipts[4 * k] for k in range(first, machine.state.receipt_count)]


def sign(key: native.PrivateKey, words: bytes, domain: int = DOMAIN) -> bytes:
    """Sign an operation as 10-R03 says; SetKey signs its x and y words too."""
    xy = reference.split_words(words[31:93]) if len(words) == 5 * 31 else [0, 0]
    message = reference.hash7(1, domain, int.from_bytes(words[:29]), *xy)
    return codec.with_signature(words, key.sign(message))


def withdraw(nonce: int, account: int = ALICE, amount: int = 5) -> bytes:
    return encode.withdraw(
        account=account, key=0, nonce=nonce, valid_until_s=NOW_S + 60, amount_micros=amount
    )


def set_key(nonce: int, public: tuple[int, int], slot: int = 0) -> bytes:
    return encode.set_key(
        account=ALICE,
        key=0,
        nonce=nonce,
        valid_until_s=NOW_S + 60,
        slot=slot,
        scope=ALL,
        expiry_s=0,
        x=public[0],
        y=public[1],
    )


def get_receipts(machine: Machine) -> list[list[int]]:
    receipts = machine.state.receipts
    return [[receipts[4 * k + j] for j in range(4)] for k in range(machine.state.receipt_count)]


@pytest.mark.rule("03-R10", "10-R03")
def test_only_the_owner_of_the_key_can_act() -> None:
    machine = build_machine()
    stolen = sign(KEYS[1], withdraw(1))
    elsewhere = sign(KEYS[0], withdraw(2), domain=reference.hash7(1, CHAIN + 1, int.from_bytes(ROLLUP)))
    other_rollup = sign(KEYS[0], withdraw(3), domain=reference.hash7(1, CHAIN, 7))
    unsigned = withdraw(4)
    good = sign(KEYS[0], withdraw(5))
    assert run(machine, stolen + elsewhere + other_rollup + unsigned + good) == [
        reasons.BAD_SIGNATURE,
        reasons.BAD_SIGNATURE,
        reasons.BAD_SIGNATURE,
        reasons.BAD_SIGNATURE,
        reasons.OK,
    ]


@pytest.mark.rule("03-R04", "10-R03", "10-R05")
def test_every_byte_of_a_signed_operation_is_signed() -> None:
    machine = build_machine()
    for words in (sign(KEYS[0], withdraw(1)), sign(KEYS[0], set_key(2, KEYS[2].public, slot=1))):
        for at in range(5, len(words)):
            changed = bytearray(words)
            changed[at] ^= 1
            part = codec.decode_segment(int(segment.SEQUENCED), bytes(changed))
            assert prepare(part, machine) == 0, f"byte {at} of {len(words)}"
        assert prepare(codec.decode_segment(int(segment.SEQUENCED), words), machine) == 1


@pytest.mark.rule("03-R10", "03-R14")
def test_a_key_set_in_the_segment_counts_from_there_on() -> None:
    """What was checked under the old key before the segment ran must not act after it is gone."""
    machine = build_machine()
    words = (
        sign(KEYS[0], withdraw(1))
        + sign(KEYS[0], set_key(2, KEYS[2].public))
        + sign(KEYS[0], withdraw(3))
        + sign(KEYS[2], withdraw(4))
        + sign(KEYS[1], withdraw(1, BOB))
    )
    assert run(machine, words) == [
        reasons.OK,
        reasons.OK,
        reasons.BAD_SIGNATURE,
        reasons.OK,
        reasons.OK,
    ]


@pytest.mark.rule("03-R14")
@pytest.mark.parametrize("shift", [reference.R, 2 * reference.R, 2**256 - 1])
def test_a_coordinate_beyond_the_field_does_not_stop_the_tree(shift: int) -> None:
    """Attack: a key whose x or y is not below r, so that state and tree would part or the tree refuse."""
    machine = build_machine()
    x, y = KEYS[2].public
    tree = native.Tree()
    run(machine, sign(KEYS[0], set_key(1, (min(x + shift, 2**256 - 1), y), slot=1)))
    run(machine, sign(KEYS[0], set_key(2, (x, min(y + shift, 2**256 - 1)), slot=2)))
    tree.update(*machine.take_dirty())


@pytest.mark.rule("06-R02", "10-R03")
def test_approvals_sign_what_is_staged() -> None:
    machine = build_machine()
    proposal = encode.index_tick(underlying=0, time_s=NOW_S, index_ticks=5_000_000, cumulative=0)
    other = encode.index_tick(underlying=0, time_s=NOW_S, index_ticks=5_000_001, cumulative=0)

    def approve(signer: int, words: bytes, key: native.PrivateKey) -> bytes:
        message = reference.hash7(1, DOMAIN, int.from_bytes(words[:29]), 0, 1)
        return codec.with_signature(encode.approve(signer=signer), key.sign(message))

    words = (
        proposal
        + approve(0, other, SIGNERS[0])
        + approve(1, proposal, SIGNERS[0])
        + approve(0, proposal, SIGNERS[0])
        + approve(1, proposal, SIGNERS[1])
    )
    bad = reasons.BAD_SIGNATURE
    assert run(machine, words) == [reasons.OK, bad, bad, reasons.OK, reasons.OK]


@pytest.mark.rule("10-R07")
def test_accumulators_of_a_run() -> None:
    machine = build_machine()
    run(machine, sign(KEYS[0], withdraw(1, amount=77)) + sign(KEYS[0], withdraw(1)))
    run(machine, sign(KEYS[1], withdraw(9, BOB, 88)))
    events = 0
    for row in get_receipts(machine):
        events = reference.hash7(3, events, *row)
    outbox = reference.hash7(4, reference.hash7(4, 0, OWNER, 77), OTHER, 88)
    assert read_element(machine.state, int(layout.EVENTS)) == events
    assert read_element(machine.state, int(layout.OUTBOX)) == outbox


@pytest.mark.rule("10-R07")
def test_running_hash_of_a_sheet() -> None:
    machine = build_machine()
    words = random.Random(1).randbytes(93)
    part = codec.decode_segment(int(segment.SEQUENCED), bytes([0x21]) + words[1:])
    address = int(layout.EVENTS)
    before = read_element(machine.state, address)
    machine.crypto.absorb_entry(machine.state, part, 0, address)
    expected = reference.hash7(6, before, *reference.split_words(part.words))
    assert read_element(machine.state, address) == expected


@pytest.mark.rule("10-R04")
@settings(max_examples=15, deadline=None)
@given(st.lists(st.one_of(st.binary(min_size=31, max_size=31), st.integers(0, 5)), max_size=30))
def test_prepare_is_total_and_marks_exactly_what_holds(parts: Sequence[bytes | int]) -> None:
    """Garbage words between good operations, cut off anywhere."""
    machine = build_machine()
    signed = [sign(KEYS[k % 2], withdraw(k + 1, (ALICE, BOB)[k % 2])) for k in range(6)]
    words = b"".join(part if isinstance(part, bytes) else signed[part] for part in parts)
    part = codec.decode_segment(int(segment.SEQUENCED), words)
    held = prepare(part, machine)
    marked = 0
    for record in range(part.count):
        at = record * int(RECORD)
        first, count = part.records[at + segment.R_FIRST_WORD], part.records[at + segment.R_WORDS]
        own = words[31 * first : 31 * (first + count)]
        assert part.records[at + segment.R_SIGNED] == (own in signed)
        marked += own in signed
    assert held == marked
    machine.run(part)
    assert machine.state.receipt_count >= part.count


def test_inbox_segments_are_not_prepared() -> None:
    machine = build_machine()
    forced = codec.to_forced(withdraw(1))
    assert prepare(codec.decode_segment(int(segment.INBOX), forced), machine) == 0
    assert run(machine, forced, int(segment.INBOX)) == [reasons.OK]


def test_prepare_asks_for_a_machine_of_its_own_kind() -> None:
    from miletus.engine.crypto import Crypto

    part = codec.decode_segment(int(segment.SEQUENCED), b"")
    with pytest.raises(TypeError, match="the machine's cryptography is Crypto, not NativeCrypto"):
        prepare(part, Machine(32, Crypto()))


@pytest.mark.rule("10-R01", "02-R02")
def test_the_root_follows_the_machine() -> None:
    """Updates of what changed, step after step, and all pages at once make one root."""
    machine = build_machine()
    tree = native.Tree()
    tree.update(*machine.take_dirty())
    for nonce in range(1, 6):
        run(machine, sign(KEYS[0], withdraw(nonce)))
        root = tree.update(*machine.take_dirty())
    assert native.Tree().update(*machine.export_pages()) == root
    numbers, kinds, fields = machine.export_pages()
    pages = {
        numbers[k]: reference.pack(PACKING[kinds[k]], list(fields[64 * k : 64 * k + 64]))
        for k in range(len(numbers))
    }
    assert int.from_bytes(root) == reference.compute_root(pages)
