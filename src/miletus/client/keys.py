"""Trading keys, derived from a wallet's EIP-712 signature: the wallet alone is worth keeping (10-R06).

A wallet shows the user what is signed: the application, the chain, the rollup and the number of the key. The
same wallet gives the same key again, since it signs deterministically (RFC 6979), and a key of one deployment
is of no use in another, since chain and rollup are signed with it.
"""

import os
from pathlib import Path
from typing import Any, Final, Protocol

from eth_account import Account
from eth_account.signers.local import LocalAccount

from miletus.client.errors import WalletError
from miletus.native import PrivateKey, derive_key, keccak256

APPLICATION_NAME: Final = "Miletus"
APPLICATION_VERSION: Final = "1"

SECP256K1_ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
"""Order of the group that wallets sign in; SEC 2, section 2.4.1."""

KEY_VARIABLE: Final = "MILETUS_WALLET_KEY"
"""Environment variable with a wallet's private key, 32 bytes in hex."""


class Wallet(Protocol):
    """What signs typed data: a local account, or a hardware wallet behind the same method."""

    @property
    def address(self) -> str:
        """Its L1 address, checksummed."""

    def sign_typed_data(self, *, full_message: dict[str, Any]) -> Any:
        """Sign EIP-712 typed data; the result's `signature` is r, s, v in 65 bytes."""


def build_typed_data(chain_id: int, rollup: str, index: int) -> dict[str, Any]:
    """The EIP-712 message of trading key `index`; a wallet of any make can sign it."""
    return {
        "types": {
            "EIP712Domain": [
                {"name": "name", "type": "string"},
                {"name": "version", "type": "string"},
                {"name": "chainId", "type": "uint256"},
                {"name": "verifyingContract", "type": "address"},
            ],
            "TradingKey": [{"name": "index", "type": "uint32"}],
        },
        "primaryType": "TradingKey",
        "domain": {
            "name": APPLICATION_NAME,
            "version": APPLICATION_VERSION,
            "chainId": chain_id,
            "verifyingContract": rollup,
        },
        "message": {"index": index},
    }


def derive_trading_key(wallet: Wallet, chain_id: int, rollup: str, index: int = 0) -> PrivateKey:
    """Derive trading key `index` of a wallet in one deployment.

    Raises:
        WalletError: the index has no room in 32 bits, the signature is not low-s, or the wallet signs the
            same message in two ways, so that the key could never be derived again.

    """
    if not 0 <= index < 1 << 32:
        raise WalletError(f"trading key {index}: choose an index of 0 to {2**32 - 1}")
    typed_data = build_typed_data(chain_id, rollup, index)
    first = bytes(wallet.sign_typed_data(full_message=typed_data).signature)
    if bytes(wallet.sign_typed_data(full_message=typed_data).signature) != first:
        raise WalletError(
            f"wallet {wallet.address} signs the same message in different ways, so its trading key would be "
            "lost: use a wallet that signs deterministically (RFC 6979)"
        )
    return derive_key_of_signature(first)


def derive_key_of_signature(signature: bytes) -> PrivateKey:
    """The trading key that a wallet's signature gives. WalletError if the signature is not canonical."""
    return derive_key(keccak256(check_signature(signature)))


def check_signature(signature: bytes) -> bytes:
    """The 65 bytes of a canonical wallet signature, its last byte 27 or 28; WalletError for any other."""
    if len(signature) != 65:
        raise WalletError(
            f"a wallet signature has 65 bytes, this one {len(signature)}: use an EIP-712 wallet"
        )
    v = signature[64] + 27 if signature[64] < 2 else signature[64]  # some devices give the parity itself
    r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:64])
    if not (0 < r < SECP256K1_ORDER and 0 < s <= SECP256K1_ORDER // 2 and v in (27, 28)):
        raise WalletError("the wallet's signature is not canonical (low s, v 27 or 28): use another wallet")
    return signature[:64] + bytes((v,))


def load_wallet(key_file: Path | None = None) -> LocalAccount:
    """Load a wallet from a key file, or from MILETUS_WALLET_KEY; the key is never repeated in an error.

    Raises:
        WalletError: there is no key, it can't be read, or it is not 32 bytes in hex.

    """
    if key_file is not None:
        try:
            text = key_file.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            raise WalletError(f"{key_file}: no such key file: give the file with the wallet's key") from None
        except (OSError, UnicodeDecodeError):
            raise WalletError(f"{key_file}: can't be read: give a file with 32 bytes in hex") from None
        source = str(key_file)
    else:
        text, source = os.environ.get(KEY_VARIABLE, "").strip(), KEY_VARIABLE
        if not text:
            raise WalletError(f"no wallet: give --wallet FILE, or set {KEY_VARIABLE} to its key in hex")
    try:
        account: LocalAccount = Account.from_key(text)
    except Exception:  # whatever it is, its text may hold the key
        raise WalletError(f"{source}: not a private key: 32 bytes in hex are needed") from None
    return account
