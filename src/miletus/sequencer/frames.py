"""The bytes of the log: groups of numbered items, framed so that what is torn or damaged shows (09-R02, R04).

A file has a fixed length, with zeros where nothing was written yet. It begins with a header that says which
log it belongs to; then follow groups, each a frame: length, crc32, first number, time, count, and its items.
A frame of zeros is the end. The crc is seeded by chance, file by file, so that nobody can send words that
look like a frame.
"""

import struct
import zlib
from typing import Final, NamedTuple

from miletus.codec.table import WORD_BYTES

# Tags of items, spec 09-R08

SEQUENCED_WORDS: Final = 0
INBOX_WORDS: Final = 1
BATCH_OPENING: Final = 2
SEGMENT_END: Final = 3

MAX_GROUP_WORDS: Final = 4_096
"""Words of a group, at most; so a frame has a bounded length and a torn one a bounded place."""

FILE_MAGIC: Final = b"MILETUSL"
FILE_HEADER: Final = struct.Struct(">8sIIQQ32s8s")
"""Magic, format version, epoch, number of the file, number of its first word, deployment, salt."""
FILE_HEADER_BYTES: Final = FILE_HEADER.size + 4
FORMAT_VERSION: Final = 1

FRAME: Final = struct.Struct(">IIQQHH32s")
"""Length of the body, crc32 of what follows it, first number, time in ms, items, words, running keccak."""
CHECKED_FROM: Final = 8
MAX_FRAME_BYTES: Final = FRAME.size + MAX_GROUP_WORDS * (WORD_BYTES + 2)


class Item(NamedTuple):
    """What is ordered as one: an operation's words, or the one word that opens a batch or ends a segment."""

    tag: int
    words: bytes

    @property
    def word_count(self) -> int:
        """Numbers that it takes: one a word."""
        return len(self.words) // WORD_BYTES


class Group(NamedTuple):
    """Items that were synced together; `first_number` is the number of the first one's first word.

    `running_keccak` is the chain before the group: so a group says by itself what of it was confirmed.
    """

    first_number: int
    time_ms: int
    running_keccak: bytes
    items: list[Item]

    @property
    def end_number(self) -> int:
        """Number of the first word after the group."""
        return self.first_number + sum(item.word_count for item in self.items)


class FileHeader(NamedTuple):
    """Which log a file belongs to, and where in it. `salt` is 8 bytes of chance."""

    epoch: int
    file_number: int
    first_number: int
    identity: bytes
    salt: bytes

    @property
    def seed(self) -> int:
        """What the crc of the file's frames begins with."""
        return zlib.crc32(self.salt)


def encode_file_header(header: FileHeader) -> bytes:
    """The first bytes of a file."""
    raw = FILE_HEADER.pack(FILE_MAGIC, FORMAT_VERSION, *header)
    return raw + zlib.crc32(raw).to_bytes(4, "big")


def decode_file_header(raw: bytes) -> FileHeader | None:
    """The header that a file begins with, or None if it is not whole."""
    if len(raw) < FILE_HEADER_BYTES:
        return None
    magic, version, *rest = FILE_HEADER.unpack_from(raw)
    check = int.from_bytes(raw[FILE_HEADER.size : FILE_HEADER_BYTES], "big")
    if magic != FILE_MAGIC or version != FORMAT_VERSION or check != zlib.crc32(raw[: FILE_HEADER.size]):
        return None
    return FileHeader(*rest)


def encode_group(group: Group, seed: int) -> bytes:
    """The frame of a group. ValueError if it has more than MAX_GROUP_WORDS words."""
    parts: list[bytes] = []
    words = 0
    for tag, text in group.items:
        count = len(text) // WORD_BYTES
        words += count
        parts.append(bytes((tag, count)))
        parts.append(text)
    if words > MAX_GROUP_WORDS:
        raise ValueError(f"a group of {words} words; at most {MAX_GROUP_WORDS} go into one")
    body = b"".join(parts)
    numbers = (group.first_number, group.time_ms, len(group.items), words)
    head = FRAME.pack(len(body), 0, *numbers, group.running_keccak)
    crc = zlib.crc32(body, zlib.crc32(head[CHECKED_FROM:], seed))
    return head[:4] + crc.to_bytes(4, "big") + head[CHECKED_FROM:] + body


def decode_group(raw: bytes, offset: int, seed: int) -> tuple[Group, int] | None:
    """The group whose frame is at `offset`, and the offset after it; None if no whole frame is there."""
    if offset + FRAME.size > len(raw):
        return None
    length, crc, first_number, time_ms, count, words, running_keccak = FRAME.unpack_from(raw, offset)
    start = offset + FRAME.size
    end = start + length
    if not length or start + length > len(raw) or length > MAX_FRAME_BYTES - FRAME.size:
        return None
    if zlib.crc32(raw[offset + CHECKED_FROM : end], seed) != crc:
        return None
    items: list[Item] = []
    at = start
    while at + 2 <= end:
        size = raw[at + 1] * WORD_BYTES
        items.append(Item(raw[at], raw[at + 2 : at + 2 + size]))
        at += 2 + size
    group = Group(first_number, time_ms, running_keccak, items)
    if at != end or len(items) != count or group.end_number - first_number != words:
        return None
    return group, end


def is_zero(raw: bytes) -> bool:
    """Whether all bytes are zero."""
    return raw.count(0) == len(raw)
