"""Where the signature of an operation lies in its words (spec 10-R05), and what it covers."""

from miletus.codec.errors import CodecError
from miletus.codec.table import BY_KIND, FIRST_SIGNED_KIND, LAST_SIGNED_KIND, PAYLOAD_BYTES, WORD_BYTES

SIGNATURE_BYTES = 64


def with_signature(words: bytes, signature: bytes) -> bytes:
    """Put a signature (R in 32 bytes, then s in 32) into the words of one signed operation.

    CodecError if the words are not those of a whole signed operation or the signature is not 64 bytes.
    """
    require_signed(words)
    if len(signature) != SIGNATURE_BYTES:
        raise CodecError(f"a signature has {SIGNATURE_BYTES} bytes, this one {len(signature)}")
    first = words[:PAYLOAD_BYTES] + signature[31:32] + signature[63:64]
    return first + words[WORD_BYTES : len(words) - 2 * WORD_BYTES] + signature[:31] + signature[32:63]


def get_signature(words: bytes) -> bytes:
    """Get the 64 bytes of the signature in the words of one signed operation."""
    require_signed(words)
    r, s = words[-2 * WORD_BYTES : -WORD_BYTES], words[-WORD_BYTES:]
    return r + words[PAYLOAD_BYTES : PAYLOAD_BYTES + 1] + s + words[PAYLOAD_BYTES + 1 : WORD_BYTES]


def payload_element(word: bytes) -> int:
    """Bytes 0..28 of an operation's first word as a number: what a signature covers (spec 10-R03)."""
    return int.from_bytes(word[:PAYLOAD_BYTES], "big")


def to_forced(words: bytes) -> bytes:
    """The one word with which an account forces this operation through the inbox (spec 03-R03).

    Nothing in it is signed: L1 knows the sender. Key, nonce and time are zero, since nothing reads them.
    """
    if not words or not FIRST_SIGNED_KIND <= words[0] <= LAST_SIGNED_KIND:
        raise CodecError("only a signed kind can be forced")
    return words[:4] + bytes(10) + words[14:PAYLOAD_BYTES] + bytes(WORD_BYTES - PAYLOAD_BYTES)


def require_signed(words: bytes) -> None:
    """CodecError unless these are the words of one whole operation that carries a signature."""
    operation = BY_KIND.get(words[0]) if words else None
    if operation is None or not operation.signature:
        raise CodecError("these words are of no kind that carries a signature")
    if len(words) != operation.words * WORD_BYTES:
        raise CodecError(
            f"{operation.name} has {operation.words} words of {WORD_BYTES} bytes, not {len(words)} bytes"
        )
