"""The one table of data words, and what is read from it: encoder, decoder, reference page.

No rule of the machine and no I/O belongs here.
"""

from miletus.codec.decode import decode_segment
from miletus.codec.errors import CodecError
from miletus.codec.signature import get_signature, payload_element, to_forced, with_signature
from miletus.codec.table import WORD_BYTES

__all__ = [
    "WORD_BYTES",
    "CodecError",
    "decode_segment",
    "get_signature",
    "payload_element",
    "to_forced",
    "with_signature",
]
