"""Trading keys from wallets: the same again, of one deployment, and of no wallet that could lose them."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data

from miletus.client import WalletError, build_typed_data, derive_trading_key, load_wallet
from miletus.client.keys import KEY_VARIABLE, SECP256K1_ORDER, check_signature
from miletus.native import keccak256

WALLET = Account.from_key("0x" + "11" * 32)
ROLLUP = "0x" + "22" * 20


class ScriptedWallet:
    """A wallet that answers with the signatures it is given, in turn."""

    address = WALLET.address

    def __init__(self, *signatures: bytes) -> None:
        self._signatures = list(signatures)

    def sign_typed_data(self, *, full_message: dict[str, Any]) -> Any:
        return SimpleNamespace(signature=self._signatures.pop(0))


@pytest.mark.rule("10-R06")
def test_the_same_wallet_gives_the_same_key() -> None:
    assert derive_trading_key(WALLET, 1, ROLLUP).public == derive_trading_key(WALLET, 1, ROLLUP).public


@pytest.mark.rule("10-R06")
def test_each_chain_rollup_index_and_wallet_has_a_key_of_its_own() -> None:
    other = Account.from_key("0x" + "12" * 32)
    keys = {
        derive_trading_key(WALLET, 1, ROLLUP).public,
        derive_trading_key(WALLET, 2, ROLLUP).public,
        derive_trading_key(WALLET, 1, "0x" + "23" * 20).public,
        derive_trading_key(WALLET, 1, ROLLUP, 1).public,
        derive_trading_key(other, 1, ROLLUP).public,
    }
    assert len(keys) == 5


@pytest.mark.rule("10-R06")
def test_what_is_signed_is_the_specified_typed_data() -> None:
    """The EIP-712 digest, computed from the types by hand."""
    type_hash = keccak256(
        b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
    )
    domain = keccak256(
        type_hash
        + keccak256(b"Miletus")
        + keccak256(b"1")
        + (31337).to_bytes(32)
        + int(ROLLUP, 16).to_bytes(32)
    )
    struct = keccak256(keccak256(b"TradingKey(uint32 index)") + (7).to_bytes(32))
    message = encode_typed_data(full_message=build_typed_data(31337, ROLLUP, 7))
    assert (message.header, message.body) == (domain, struct)


@pytest.mark.rule("10-R06")
def test_a_wallet_that_signs_differently_each_time_is_refused() -> None:
    message = build_typed_data(1, ROLLUP, 0)
    one = bytes(WALLET.sign_typed_data(full_message=message).signature)
    two = bytes(WALLET.sign_typed_data(full_message=build_typed_data(1, ROLLUP, 1)).signature)
    with pytest.raises(WalletError, match="deterministically"):
        derive_trading_key(ScriptedWallet(one, two), 1, ROLLUP)


@pytest.mark.rule("10-R06")
def test_a_signature_that_is_not_canonical_is_refused() -> None:
    good = bytes(WALLET.sign_typed_data(full_message=build_typed_data(1, ROLLUP, 0)).signature)
    high_s = SECP256K1_ORDER - int.from_bytes(good[32:64])
    malleated = good[:32] + high_s.to_bytes(32) + bytes((55 - good[64],))
    for bad in (
        malleated,
        good[:64],
        good[:64] + b"\x1d",
        bytes(32) + good[32:],
        good[:32] + bytes(32) + b"\x1b",
    ):
        with pytest.raises(WalletError):
            derive_trading_key(ScriptedWallet(bad, bad), 1, ROLLUP)


@pytest.mark.rule("10-R06")
def test_a_device_that_gives_the_parity_alone_derives_the_same_key() -> None:
    good = bytes(WALLET.sign_typed_data(full_message=build_typed_data(1, ROLLUP, 0)).signature)
    parity = good[:64] + bytes((good[64] - 27,))
    assert check_signature(parity) == good


@pytest.mark.parametrize("index", [-1, 1 << 32])
def test_an_index_beyond_32_bits_is_refused(index: int) -> None:
    with pytest.raises(WalletError, match="choose an index"):
        derive_trading_key(WALLET, 1, ROLLUP, index)


def test_a_wallet_is_loaded_from_a_file_or_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key_file = tmp_path / "wallet"
    key_file.write_text("0x" + "11" * 32 + "\n")
    assert load_wallet(key_file).address == WALLET.address
    monkeypatch.setenv(KEY_VARIABLE, "11" * 32)
    assert load_wallet().address == WALLET.address


def test_a_wallet_that_is_not_there_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    with pytest.raises(WalletError, match="give --wallet FILE"):
        load_wallet()
    with pytest.raises(WalletError, match="no such key file"):
        load_wallet(tmp_path / "absent")
    with pytest.raises(WalletError, match="can't be read"):
        load_wallet(tmp_path)


def test_a_bad_key_is_not_repeated_in_the_error(tmp_path: Path) -> None:
    key_file = tmp_path / "wallet"
    for secret in ("fe" * 31, "zz" * 32, "ff" * 32, "fe" * 40):
        key_file.write_text(secret)
        with pytest.raises(WalletError) as error:
            load_wallet(key_file)
        assert secret[:12] not in str(error.value)
        assert error.value.__cause__ is None
