"""Trading keys from a wallet: the EIP-712 signature that a trader makes once (spec 10-R06).

The wallet signs a typed message that names the deployment; the signature is the seed of the trading key, so
the wallet can make the key again and nothing needs to be kept. SetKey on L1, sent by the wallet's address,
binds the key to it.
"""

from collections.abc import Callable
from typing import Any, Final

from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_utils.address import to_checksum_address

from miletus.native.hashing import keccak256, parse_address
from miletus.native.signatures import PrivateKey, derive_key

MAX_INDEX: Final = 2**32 - 1
"""Highest index of a trading key of a wallet, a uint32."""

_ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
"""Order of secp256k1; a canonical signature has s at most half of it (EIP-2)."""


class WalletSignatureError(ValueError):
    """The wallet's signature can't be a trading key's seed; the message says what to do."""


def build_typed_data(chain_id: int, rollup_address: int | str | bytes, index: int = 0) -> dict[str, Any]:
    """Build the EIP-712 message for key `index`, as `eth_signTypedData_v4` takes it.

    Raises ValueError for a chain id, an address or an index that is out of range.
    """
    if not 0 <= index <= MAX_INDEX:
        raise ValueError(f"key index {index} is not in 0..{MAX_INDEX}")
    if not 0 < chain_id < 2**256:
        raise ValueError(f"chain id {chain_id} is not in 1..2^256-1")
    rollup = to_checksum_address(parse_address(rollup_address).to_bytes(20))
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
        "domain": {"name": "Miletus", "version": "1", "chainId": chain_id, "verifyingContract": rollup},
        "message": {"index": index},
    }


def derive_from_signature(
    signature: bytes, wallet: int | str | bytes, typed_data: dict[str, Any]
) -> PrivateKey:
    """Derive the trading key from a wallet's signature (r, s, v: 65 bytes) of `build_typed_data`'s message.

    Raises WalletSignatureError unless the signature is `wallet`'s own, of this message, with low s. v may be
    0, 1, 27 or 28; it counts as 27 or 28.
    """
    canonical = _normalise(bytes(signature))
    try:
        signer = Account.recover_message(encode_typed_data(full_message=typed_data), signature=canonical)
    except Exception:
        raise WalletSignatureError("the wallet's signature is of no key at all: sign again") from None
    expected = to_checksum_address(parse_address(wallet).to_bytes(20))
    if signer != expected:
        raise WalletSignatureError(
            f"the signature is {signer}'s, or of another message, not {expected}'s: "
            "sign this deployment's message with the wallet that owns the account (contract wallets can't)"
        )
    return derive_key(keccak256(canonical))


def derive_from_wallet(
    sign: Callable[[dict[str, Any]], bytes],
    wallet: int | str | bytes,
    chain_id: int,
    rollup_address: int | str | bytes,
    index: int = 0,
) -> PrivateKey:
    """Derive the trading key of a wallet that is asked through `sign(typed data) -> 65 bytes`.

    It is asked twice: a wallet that does not sign deterministically (RFC 6979) would make another key next
    time, and nothing signed with the first one could be signed again. Raises WalletSignatureError then.
    """
    typed_data = build_typed_data(chain_id, rollup_address, index)
    key = derive_from_signature(sign(typed_data), wallet, typed_data)
    again = derive_from_signature(sign(typed_data), wallet, typed_data)
    if again.public != key.public:
        raise WalletSignatureError(
            "this wallet signs the same message differently each time: use one that signs by RFC 6979"
        )
    return key


def derive_trading_key(
    wallet_key: bytes | str, chain_id: int, rollup_address: int | str | bytes, index: int = 0
) -> PrivateKey:
    """Derive the trading key of a wallet whose private key (32 bytes, or hex) is at hand."""
    account = Account.from_key(wallet_key)
    typed_data = build_typed_data(chain_id, rollup_address, index)
    signature = bytes(account.sign_message(encode_typed_data(full_message=typed_data)).signature)
    return derive_from_signature(signature, account.address, typed_data)


def _normalise(signature: bytes) -> bytes:
    """Bring v to 27 or 28 and refuse what is malformed or malleable."""
    if len(signature) != 65:
        raise WalletSignatureError(f"the wallet's signature has {len(signature)} bytes, not 65 (r, s, v)")
    r, s, v = int.from_bytes(signature[:32]), int.from_bytes(signature[32:64]), signature[64]
    if v in (0, 1):
        v += 27
    if v not in (27, 28):
        raise WalletSignatureError(f"the wallet's signature has v = {v}, not 27 or 28")
    if not 0 < r < _ORDER or not 0 < s < _ORDER:
        raise WalletSignatureError(
            "the wallet's signature is out of range: r and s are below the curve's order"
        )
    if s > _ORDER // 2:
        raise WalletSignatureError("the wallet's signature has a high s (EIP-2): it was changed, sign again")
    return signature[:64] + bytes([v])
