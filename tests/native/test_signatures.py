"""EdDSA against the reference, and against everybody who would sign for somebody else."""

import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miletus import native
from tests.native import reference
from tests.native.reference import BASE, ORDER, R, add, compress, times
from tests.native.strategies import elements, seeds

KEY = native.derive_key(b"k" * 32)
X, Y = KEY.public
MESSAGE = 123456789
GOOD = KEY.sign(MESSAGE)
S = int.from_bytes(GOOD[32:])


def check(x: int, y: int, message: int, signature: bytes) -> bool:
    """Ask the library alone, and among enough others that it verifies them as one sum; both must agree."""
    alone = native.verify(x, y, message, signature)
    keys, messages, signatures = [(X, Y)] * 40, [MESSAGE] * 40, [GOOD] * 40
    keys[17], messages[17], signatures[17] = (x, y), message, signature
    flags = native.verify_many(keys, messages, signatures)
    assert flags == [True] * 17 + [alone] + [True] * 22
    return alone


def forge(r: tuple[int, int], s: int) -> bytes:
    return compress(r) + s.to_bytes(32, "big")


@pytest.mark.rule("10-R04", "10-R05", "10-R06")
@settings(max_examples=6, deadline=None)
@given(seeds, elements)
def test_signatures_are_the_reference(seed: bytes, message: int) -> None:
    key = native.derive_key(seed)
    public, signature = reference.sign(seed, message)
    assert key.public == public
    assert key.sign(message) == signature
    assert check(*public, message, signature)
    assert reference.verify(*public, message, signature)


@pytest.mark.rule("10-R04")
@settings(max_examples=15, deadline=None)
@given(st.data())
def test_changed_signatures_are_judged_as_the_reference_does(data: st.DataObject) -> None:
    raw = bytearray(GOOD)
    for at in data.draw(st.lists(st.integers(0, 63), max_size=2)):
        raw[at] = data.draw(st.integers(0, 255))
    message = data.draw(st.sampled_from([MESSAGE, MESSAGE, 0, R - 1]))
    assert check(X, Y, message, bytes(raw)) == reference.verify(X, Y, message, bytes(raw))


@pytest.mark.rule("10-R04")
@settings(max_examples=60, deadline=None)
@given(
    st.integers(-(2**300), 2**300),
    st.integers(-(2**300), 2**300),
    st.integers(-(2**300), 2**300),
    st.binary(max_size=130),
)
def test_garbage_is_false_and_never_an_exception(x: int, y: int, message: int, signature: bytes) -> None:
    assert not check(x, y, message, signature)
    assert not check(X, Y, MESSAGE, signature)
    assert not check(x, y, MESSAGE, GOOD)


@pytest.mark.rule("10-R04", "10-R05")
def test_a_flipped_bit_in_every_byte_is_found() -> None:
    for at in range(64):
        for bit in (0, 3, 7):
            raw = bytearray(GOOD)
            raw[at] ^= 1 << bit
            assert not check(X, Y, MESSAGE, bytes(raw))
    for bit in range(254):
        assert not native.verify(X ^ 1 << bit, Y, MESSAGE, GOOD)
        assert not native.verify(X, Y ^ 1 << bit, MESSAGE, GOOD)
        assert not native.verify(X, Y, MESSAGE ^ 1 << bit, GOOD)


@pytest.mark.rule("10-R04")
@pytest.mark.parametrize("s", [S + ORDER, S + 4 * ORDER, ORDER, ORDER + 1, 2**252, 2**256 - 1, 0, ORDER - S])
def test_s_is_below_the_order(s: int) -> None:
    assert not check(X, Y, MESSAGE, GOOD[:32] + s.to_bytes(32, "big"))


@pytest.mark.rule("10-R04", "10-R05")
def test_r_is_a_canonical_point() -> None:
    y = int.from_bytes(GOOD[:32], "little") & (2**255 - 1)
    sign = int.from_bytes(GOOD[:32], "little") - y
    assert not check(X, Y, MESSAGE, (y + R + sign).to_bytes(32, "little") + GOOD[32:])
    assert not check(X, Y, MESSAGE, (y + (2**255 - sign)).to_bytes(32, "little") + GOOD[32:])
    no_point = next(v for v in range(2, 100) if reference.decompress(v.to_bytes(32, "little")) is None)
    assert not check(X, Y, MESSAGE, no_point.to_bytes(32, "little") + GOOD[32:])
    assert not check(X, Y, MESSAGE, R.to_bytes(32, "little") + GOOD[32:])


@pytest.mark.rule("10-R05")
def test_the_sign_of_zero_is_canonical() -> None:
    """R = (0, 1) with s = 0 under the neutral key is valid; with the sign bit set it is no point."""
    plain = bytes([1]) + bytes(63)
    assert check(0, 1, MESSAGE, plain)
    assert not check(0, 1, MESSAGE, plain[:31] + b"\x80" + plain[32:])


@pytest.mark.rule("10-R04")
def test_the_key_is_a_canonical_point() -> None:
    for x, y in (
        (X + R, Y),
        (X, Y + R),
        (-X % R, Y),
        (X, -Y % R),
        (Y, X),
        (0, 0),
        (X, Y + 1),
        (-1, Y),
        (R, 1),
    ):
        assert not check(x, y, MESSAGE, GOOD)


@pytest.mark.rule("10-R04")
def test_the_equation_is_cofactored() -> None:
    """R and A may carry parts of small order: valid alone, valid together, whatever parts meet."""
    scalar = reference.reduce_wide(b"k" * 32)
    keys, messages, signatures = [], [], []
    small = reference.get_small_points()
    for i, on_key in enumerate(small):
        on_r = small[(3 * i + 1) % 8]
        a, r = add((X, Y), on_key), add(times(777 + i, BASE), on_r)
        s = (777 + i + reference.hash7(2, *r, *a, MESSAGE) * scalar) % ORDER
        assert reference.verify(*a, MESSAGE, forge(r, s))
        assert check(*a, MESSAGE, forge(r, s))
        assert not check(*a, MESSAGE, forge(r, (s + 1) % ORDER))
        keys.append(a)
        messages.append(MESSAGE)
        signatures.append(forge(r, s))
    assert native.verify_many(keys * 4, messages * 4, signatures * 4) == [True] * 32


@pytest.mark.rule("10-R04")
def test_a_key_of_small_order_asks_for_nothing_but_r() -> None:
    for point in reference.get_small_points():
        r = times(99, BASE)
        assert reference.verify(*point, MESSAGE, forge(r, 99))
        assert check(*point, MESSAGE, forge(r, 99))
        assert not check(*point, MESSAGE, forge(r, 98))


@pytest.mark.rule("10-R04")
def test_wrong_signatures_that_cancel_in_a_plain_sum_are_found() -> None:
    signatures = [KEY.sign(k) for k in range(40)]
    for at, shift in ((3, 5), (30, -5)):
        s = (int.from_bytes(signatures[at][32:]) + shift) % ORDER
        signatures[at] = signatures[at][:32] + s.to_bytes(32, "big")
    flags = native.verify_many([KEY.public] * 40, list(range(40)), signatures)
    assert flags == [k not in (3, 30) for k in range(40)]


@pytest.mark.rule("10-R04")
def test_the_message_is_canonical() -> None:
    """A message and itself plus r are one element: only one of the two numbers is a message."""
    for message in (MESSAGE + R, MESSAGE + 2 * R, MESSAGE - R):
        assert not check(X, Y, message, GOOD)
    assert not check(X, Y, R, KEY.sign(0))


def test_many_bad_ones_among_many() -> None:
    keys = [native.derive_key(bytes([k]) * 32) for k in range(7)]
    count = 300
    messages = [k * k for k in range(count)]
    signatures = [keys[k % 7].sign(messages[k]) for k in range(count)]
    for at in range(0, count, 3):
        messages[at] += 1
    flags = native.verify_many([keys[k % 7].public for k in range(count)], messages, signatures)
    assert flags == [k % 3 != 0 for k in range(count)]
    assert native.verify_many([], [], []) == []
    with pytest.raises(ValueError, match="1 keys, 2 messages and 1 signatures"):
        native.verify_many([KEY.public], [1, 2], [GOOD])


def test_signing_refuses_what_is_no_element() -> None:
    for bad in (-1, R, 2**256):
        with pytest.raises(ValueError, match="is not below the field's modulus"):
            KEY.sign(bad)


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_a_seed_has_32_bytes(size: int) -> None:
    with pytest.raises(ValueError, match=f"a seed has 32 bytes, not {size}"):
        native.derive_key(bytes(size))


def test_a_key_shows_no_secret_and_survives_pickling() -> None:
    secret = reference.reduce_wide(b"k" * 32)
    assert f"{secret}" not in repr(KEY)
    assert f"{secret:x}" not in repr(KEY)
    assert str(X) in repr(KEY)
    again = pickle.loads(pickle.dumps(KEY))
    assert again.public == KEY.public
    assert again.sign(MESSAGE) == GOOD
