"""Poseidon2 hashes, messages, accumulators and the binding of data (spec 10-R02, R03, R07, R08)."""

from typing import Any, Final, NamedTuple

from miletus.native.library import check, element_bytes, elements_bytes, ffi, get_library, int64_buffer

FIELD_MODULUS: Final = 21888242871839275222246405745257275088548364400416034343698204186575808495617
"""r, the order of BN254's scalar field; spec 10."""

TAG_MESSAGE: Final = 1
TAG_CHALLENGE: Final = 2
TAG_RECEIPT: Final = 3
TAG_OUTBOX: Final = 4
TAG_DATA: Final = 5
TAG_SHEET: Final = 6

WORD_BYTES: Final = 31
PAYLOAD_BYTES: Final = 29


def hash7(tag: int, *elements: int) -> int:
    """Hash at most 7 field elements under a tag (10-R02). Raises ValueError for more, or for one >= r."""
    out = ffi.new("unsigned char[32]")
    check(get_library().miletus_hash7(tag, elements_bytes(elements), len(elements), out))
    return int.from_bytes(ffi.buffer(out))


def hash15(tag: int, *elements: int) -> int:
    """Hash at most 15 field elements under a tag (10-R02). Raises ValueError for more, or for one >= r."""
    out = ffi.new("unsigned char[32]")
    check(get_library().miletus_hash15(tag, elements_bytes(elements), len(elements), out))
    return int.from_bytes(ffi.buffer(out))


def keccak256(data: bytes | bytearray | memoryview) -> bytes:
    """Ethereum's keccak256."""
    out = ffi.new("unsigned char[32]")
    check(get_library().miletus_keccak(ffi.from_buffer(data), len(data), out))
    return bytes(ffi.buffer(out))


def parse_address(address: int | str | bytes) -> int:
    """An L1 address as a number, from 20 bytes, `0x` and 40 hex digits, or a number; ValueError otherwise."""
    if isinstance(address, int):
        number = address
    elif isinstance(address, str):
        digits = address.removeprefix("0x")
        if len(digits) != 40:
            raise ValueError(f"{address!r} is no L1 address: 0x and 40 hex digits are needed")
        number = int.from_bytes(bytes.fromhex(digits))
    else:
        number = int.from_bytes(address) if len(address) == 20 else -1
    if not 0 <= number < 1 << 160:
        raise ValueError(f"{address!r} is no L1 address: 160 bits are needed")
    return number


def domain(chain_id: int, rollup_address: int | str | bytes) -> int:
    """Domain of a deployment, in every message that is signed for it (10-R03)."""
    return hash7(TAG_MESSAGE, chain_id, parse_address(rollup_address))


def message(domain: int, payload: int, x: int = 0, y: int = 0) -> int:
    """Message of a signed word: payload is its bytes 0..28; x and y are SetKey's words (10-R03).

    For an Approve: the staged payload, the staged hash, and 1.
    """
    return hash7(TAG_MESSAGE, domain, payload, x, y)


def absorb_receipts(accumulator: int, receipts: Any, patient: bool = False) -> int:
    """Take receipts into the accumulator (10-R07): reason, filled, notional, detail of each, all flat.

    `patient`: on a thread of low priority.
    """
    memory, size = int64_buffer(receipts)
    if size % 4:
        raise ValueError(f"{size} integers are not whole receipts of 4")
    out = ffi.new("unsigned char[32]", element_bytes(accumulator))
    check(get_library().miletus_absorb_receipts(patient, out, memory, size // 4))
    return int.from_bytes(ffi.buffer(out))


def absorb_withdrawal(accumulator: int, owner: int, amount_micros: int) -> int:
    """Take a withdrawal into the outbox accumulator (10-R07); `owner` is the L1 address as a number."""
    return hash7(TAG_OUTBOX, accumulator, owner, amount_micros)


def absorb_entry(accumulator: int, words: bytes) -> int:
    """Take the three words of a SheetEntry into a sheet's running hash (10-R07)."""
    if len(words) != 3 * WORD_BYTES:
        raise ValueError(f"a sheet entry is {3 * WORD_BYTES} bytes, not {len(words)}")
    parts = [int.from_bytes(words[at : at + WORD_BYTES]) for at in range(0, len(words), WORD_BYTES)]
    return hash7(TAG_SHEET, accumulator, *parts)


class DataBinding(NamedTuple):
    """What binds a segment's data (10-R08)."""

    keccak: bytes
    """Of the words as 32 bytes each, big-endian."""
    h: int
    """Poseidon2 hash of the words, their number in it."""
    z: int
    """The point."""
    y: int
    """Value of the words' polynomial there."""


def bind_data(words: bytes, count: int) -> DataBinding:
    """Bind a segment's `count` words of 31 bytes each, concatenated. Raises ValueError for another length."""
    if len(words) != count * WORD_BYTES:
        raise ValueError(f"{count} words are {count * WORD_BYTES} bytes, not {len(words)}")
    out = ffi.new("unsigned char[128]")
    check(get_library().miletus_bind_data(ffi.from_buffer(words), len(words), out))
    raw = bytes(ffi.buffer(out))
    h, z, y = (int.from_bytes(raw[at : at + 32]) for at in (32, 64, 96))
    return DataBinding(raw[:32], h, z, y)
