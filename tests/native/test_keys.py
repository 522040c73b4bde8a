"""Trading keys from wallets: EIP-712 computed by hand, and signatures that were tampered with."""

from typing import Any

import pytest
from coincurve import PrivateKey as Secp256k1
from eth_account import Account
from eth_account.messages import encode_typed_data
from hypothesis import given, settings
from hypothesis import strategies as st

from miletus import native
from miletus.native import keys
from miletus.native.keys import (
    WalletSignatureError,
    build_typed_data,
    derive_from_signature,
    derive_trading_key,
)
from tests.native.reference import keccak, reduce_wide, sign

CHAIN, ROLLUP = 31337, "0x5FbDB2315678afecb367f032d93F642f64180aa3"
WALLET_KEY = b"\x11" * 32
WALLET = Account.from_key(WALLET_KEY)
DATA = build_typed_data(CHAIN, ROLLUP)
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def sign_typed(data: dict[str, Any], wallet: Any = WALLET) -> bytes:
    return bytes(wallet.sign_message(encode_typed_data(full_message=data)).signature)


SIGNATURE = sign_typed(DATA)


def compute_digest(chain: int, rollup: str, index: int) -> bytes:
    """EIP-712 from its text: keccak(0x1901 || domain separator || hash of the struct)."""
    domain_type = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
    domain = keccak(
        keccak(domain_type)
        + keccak(b"Miletus")
        + keccak(b"1")
        + chain.to_bytes(32)
        + bytes.fromhex(rollup[2:]).rjust(32, b"\0")
    )
    struct = keccak(keccak(b"TradingKey(uint32 index)") + index.to_bytes(32))
    return keccak(b"\x19\x01" + domain + struct)


@pytest.mark.rule("10-R06")
@settings(max_examples=10, deadline=None)
@given(st.integers(1, 2**64), st.integers(0, 2**160 - 1), st.integers(0, 2**32 - 1))
def test_the_message_is_eip_712(chain: int, rollup: int, index: int) -> None:
    address = f"0x{rollup:040x}"
    signable = encode_typed_data(full_message=build_typed_data(chain, address, index))
    assert keccak(b"\x19" + signable.version + signable.header + signable.body) == compute_digest(
        chain, address, index
    )


@pytest.mark.rule("10-R06")
def test_the_seed_is_the_hash_of_the_signature() -> None:
    key = derive_trading_key(WALLET_KEY, CHAIN, ROLLUP)
    assert key.public == native.derive_key(keccak(SIGNATURE)).public
    public, signature = sign(keccak(SIGNATURE), 5)
    assert (key.public, key.sign(5)) == (public, signature)
    assert reduce_wide(keccak(SIGNATURE)) != 0


@pytest.mark.rule("10-R06")
def test_a_wallet_makes_the_same_key_again_and_others_elsewhere() -> None:
    key = derive_trading_key(WALLET_KEY, CHAIN, ROLLUP)
    assert derive_trading_key("0x" + WALLET_KEY.hex(), CHAIN, ROLLUP.lower()).public == key.public
    others = [
        derive_trading_key(WALLET_KEY, CHAIN, ROLLUP, 1),
        derive_trading_key(WALLET_KEY, 1, ROLLUP),
        derive_trading_key(WALLET_KEY, CHAIN, b"\x22" * 20),
        derive_trading_key(b"\x12" * 32, CHAIN, ROLLUP),
    ]
    assert len({key.public, *(other.public for other in others)}) == 5


def test_a_wallet_that_counts_v_from_zero_makes_the_same_key() -> None:
    low = SIGNATURE[:64] + bytes([SIGNATURE[64] - 27])
    expected = derive_trading_key(WALLET_KEY, CHAIN, ROLLUP).public
    assert derive_from_signature(low, WALLET.address, DATA).public == expected


@pytest.mark.rule("10-R06")
def test_a_malleated_signature_is_refused() -> None:
    """(r, n - s, v flipped) is valid for the same wallet and would be another key."""
    s = ORDER - int.from_bytes(SIGNATURE[32:64])
    other = SIGNATURE[:32] + s.to_bytes(32) + bytes([55 - SIGNATURE[64]])
    signable = encode_typed_data(full_message=DATA)
    assert Account.recover_message(signable, signature=other) == WALLET.address  # it does recover
    with pytest.raises(WalletSignatureError, match="high s"):
        derive_from_signature(other, WALLET.address, DATA)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (b"", "has 0 bytes, not 65"),
        (SIGNATURE[:64], "has 64 bytes, not 65"),
        (SIGNATURE + b"\0", "has 66 bytes, not 65"),
        (SIGNATURE[:64] + b"\x1d", "v = 29"),
        (SIGNATURE[:64] + b"\xff", "v = 255"),
        (bytes(32) + SIGNATURE[32:], "out of range"),
        (ORDER.to_bytes(32) + SIGNATURE[32:], "out of range"),
        (SIGNATURE[:32] + bytes(32) + SIGNATURE[64:], "out of range"),
        (SIGNATURE[:32] + b"\xff" * 32 + SIGNATURE[64:], "out of range"),
        (SIGNATURE[:64] + bytes([55 - SIGNATURE[64]]), "no key at all|or of another message"),
    ],
)
def test_malformed_signatures_are_refused(bad: bytes, message: str) -> None:
    with pytest.raises(WalletSignatureError, match=message):
        derive_from_signature(bad, WALLET.address, DATA)


@pytest.mark.rule("10-R06")
def test_a_flipped_bit_in_every_byte_is_refused() -> None:
    for at in range(65):
        bad = bytearray(SIGNATURE)
        bad[at] ^= 1
        with pytest.raises(WalletSignatureError):
            derive_from_signature(bytes(bad), WALLET.address, DATA)


@pytest.mark.rule("10-R06")
def test_the_signature_of_somebody_or_something_else_is_refused() -> None:
    thief = Account.from_key(b"\x66" * 32)
    for data, wallet in (
        (DATA, thief),
        (build_typed_data(1, ROLLUP), WALLET),
        (build_typed_data(CHAIN, ROLLUP, 1), WALLET),
        (build_typed_data(CHAIN, b"\x01" * 20), WALLET),
    ):
        with pytest.raises(WalletSignatureError, match="or of another message"):
            derive_from_signature(sign_typed(data, wallet), WALLET.address, DATA)


@pytest.mark.rule("10-R06")
def test_a_wallet_that_does_not_sign_deterministically_is_refused() -> None:
    asked: list[dict[str, Any]] = []

    def steady(data: dict[str, Any]) -> bytes:
        asked.append(data)
        return sign_typed(data)

    key = keys.derive_from_wallet(steady, WALLET.address, CHAIN, ROLLUP)
    assert asked == [DATA, DATA]
    assert key.public == derive_trading_key(WALLET_KEY, CHAIN, ROLLUP).public

    def random(data: dict[str, Any]) -> bytes:
        """A good signature with a nonce of its own each time, as RFC 6979 forbids."""
        digest = compute_digest(CHAIN, ROLLUP, data["message"]["index"])
        secret = Secp256k1(WALLET_KEY).to_int()
        nonce = Secp256k1()
        r = int.from_bytes(nonce.public_key.format(compressed=False)[1:33]) % ORDER
        odd = nonce.public_key.format()[0] - 2
        s = (int.from_bytes(digest) + r * secret) * pow(nonce.to_int(), -1, ORDER) % ORDER
        if s > ORDER // 2:
            s, odd = ORDER - s, 1 - odd
        return r.to_bytes(32) + s.to_bytes(32) + bytes([27 + odd])

    with pytest.raises(WalletSignatureError, match="RFC 6979"):
        keys.derive_from_wallet(random, WALLET.address, CHAIN, ROLLUP)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((CHAIN, ROLLUP, -1), "key index -1"),
        ((CHAIN, ROLLUP, 2**32), "key index 4294967296"),
        ((0, ROLLUP, 0), "chain id 0"),
        ((CHAIN, "0x12", 0), "is no L1 address"),
    ],
)
def test_bad_deployments_are_refused(arguments: tuple[int, str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build_typed_data(*arguments)
