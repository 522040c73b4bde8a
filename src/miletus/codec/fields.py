"""How a value is put into the bytes of words."""

from miletus.codec.errors import CodecError


def put(words: bytearray, operation: str, field: str, value: int, offset: int, width: int) -> None:
    """Put an unsigned value, big-endian. CodecError if it is negative or wider than the field."""
    try:
        words[offset : offset + width] = value.to_bytes(width, "big")
    except OverflowError:
        limit = 2 ** (8 * width) - 1
        raise CodecError(f"{operation}: {field} is {value}, it must be 0..{limit}") from None


def put_signed(words: bytearray, operation: str, field: str, value: int, offset: int, width: int) -> None:
    """Put a signed value, big-endian two's complement. CodecError if it is wider than the field."""
    try:
        words[offset : offset + width] = value.to_bytes(width, "big", signed=True)
    except OverflowError:
        half = 2 ** (8 * width - 1)
        raise CodecError(f"{operation}: {field} is {value}, it must be {-half}..{half - 1}") from None
