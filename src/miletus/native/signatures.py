"""BabyJubJub EdDSA (spec 10-R04 to R06): keys, signing, and one total check, one by one or many at once."""

from collections.abc import Sequence
from typing import Final

from miletus.native.library import check, element_bytes, ffi, get_library

SIGNATURE_BYTES: Final = 64
SEED_BYTES: Final = 32

_KEY_BYTES: Final = 128
_FLAG: Final = ffi.typeof("unsigned char[]")


class PrivateKey:
    """A trading key. Its repr shows only the public point; pickling it writes the secret."""

    __slots__ = ("_raw", "public")

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self.public: Final[tuple[int, int]] = (int.from_bytes(raw[64:96]), int.from_bytes(raw[96:]))
        """The public key (x, y)."""

    def sign(self, message: int) -> bytes:
        """Sign a field element: 64 bytes, the same for the same message. ValueError if not below r."""
        out = ffi.new("unsigned char[64]")
        check(get_library().miletus_sign(self._raw, element_bytes(message), out))
        return bytes(ffi.buffer(out))

    def __repr__(self) -> str:
        return f"PrivateKey(public={self.public!r})"

    def __reduce__(self) -> tuple[type["PrivateKey"], tuple[bytes]]:
        return PrivateKey, (self._raw,)


def derive_key(seed: bytes) -> PrivateKey:
    """Derive the key of a seed of 32 bytes (10-R06). Raises ValueError for another length."""
    if len(seed) != SEED_BYTES:
        raise ValueError(f"a seed has {SEED_BYTES} bytes, not {len(seed)}")
    out = ffi.new(f"unsigned char[{_KEY_BYTES}]")
    check(get_library().miletus_derive(seed, out))
    return PrivateKey(bytes(ffi.buffer(out)))


def verify(x: int, y: int, message: int, signature: bytes) -> bool:
    """Whether a signature of `message` under the key (x, y) is valid (10-R04). No input raises."""
    return verify_many([(x, y)], [message], [signature])[0]


def verify_many(
    keys: Sequence[tuple[int, int]], messages: Sequence[int], signatures: Sequence[bytes]
) -> list[bool]:
    """What `verify` says of each, on all cores: all as one random linear combination, each if that fails.

    A false True has a chance of 2^-128. Raises ValueError if the three are not of one length.
    """
    if not len(keys) == len(messages) == len(signatures):
        raise ValueError(f"{len(keys)} keys, {len(messages)} messages and {len(signatures)} signatures")
    if not keys:
        return []
    publics = b"".join([_encode(x) + _encode(y) for x, y in keys])
    flags = ffi.new(_FLAG, len(keys))
    check(
        get_library().miletus_verify_many(
            len(keys),
            publics,
            b"".join([_encode(message) for message in messages]),
            b"".join([s if len(s) == SIGNATURE_BYTES else _NOT_CANONICAL * 2 for s in signatures]),
            flags,
        )
    )
    return [flag == 1 for flag in ffi.buffer(flags)[:]]


_NOT_CANONICAL: Final = b"\xff" * 32
"""Stands for what does not fit 32 bytes: it is no field element either."""


def _encode(element: int) -> bytes:
    try:
        return element.to_bytes(32)
    except OverflowError:
        return _NOT_CANONICAL
