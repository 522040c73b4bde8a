"""The running keccak over everything that is ordered, and what it is made of (09-R08 to 09-R10).

Each number stands for 32 bytes: a tag, then 31 bytes, which are a word, the opening of a batch or the end of
a segment. The chain after number n is keccak256(the chain after n - 1, the 32 bytes of n).
"""

from dataclasses import dataclass
from typing import Final

from miletus.codec.table import WORD_BYTES
from miletus.native import keccak256
from miletus.native.hashing import parse_address
from miletus.sequencer.frames import BATCH_OPENING, SEGMENT_END, Item

OPENING_WIDTHS: Final = (6, 6, 6, 2)
"""Bytes of batch, time in seconds, first inbox entry and number of entries; 09-R09."""

ENDING_WIDTHS: Final = (6, 2, 2, 1)
"""Bytes of batch, segment, words and whether it is the batch's last; 09-R09."""

TAGS: Final = tuple(bytes((tag,)) for tag in range(4))


@dataclass(frozen=True)
class Deployment:
    """What a node works for: an L1 chain and a rollup contract on it (an address of 20 bytes)."""

    chain_id: int
    rollup: bytes

    @classmethod
    def of(cls, chain_id: int, rollup: int | str | bytes) -> "Deployment":
        """A deployment whose rollup's address is given in any of the usual forms."""
        return cls(chain_id, parse_address(rollup).to_bytes(20, "big"))

    @property
    def words(self) -> bytes:
        """Chain id and rollup as 32 bytes each, as L1 hashes them."""
        return self.chain_id.to_bytes(32, "big") + self.rollup.rjust(32, b"\0")

    @property
    def identity(self) -> bytes:
        """32 bytes that name it in files."""
        return keccak256(self.words)

    def start_chain(self, epoch: int) -> bytes:
        """The chain before the first number of an epoch."""
        return keccak256(self.words + epoch.to_bytes(32, "big"))


@dataclass(frozen=True)
class Opening:
    """What opens a batch: its number, its time (08-R04), and the inbox entries that it consumes."""

    batch: int
    time_s: int
    inbox_first: int
    inbox_count: int

    def encode(self) -> Item:
        """The item that is numbered."""
        values = (self.batch, self.time_s, self.inbox_first, self.inbox_count)
        return Item(BATCH_OPENING, pack(values, OPENING_WIDTHS))

    @classmethod
    def decode(cls, item: Item) -> "Opening":
        """Read an item that `encode` made."""
        return cls(*unpack(item.words, OPENING_WIDTHS))


@dataclass(frozen=True)
class Ending:
    """What ends a segment: its batch, its number in it, its words, and whether the batch ends with it."""

    batch: int
    segment: int
    words: int
    last: bool

    def encode(self) -> Item:
        """The item that is numbered."""
        values = (self.batch, self.segment, self.words, int(self.last))
        return Item(SEGMENT_END, pack(values, ENDING_WIDTHS))

    @classmethod
    def decode(cls, item: Item) -> "Ending":
        """Read an item that `encode` made."""
        batch, segment, words, last = unpack(item.words, ENDING_WIDTHS)
        return cls(batch, segment, words, last == 1)


def pack(values: tuple[int, ...], widths: tuple[int, ...]) -> bytes:
    """Values one after the other, big-endian, in the 31 bytes of an item."""
    fields = [value.to_bytes(width, "big") for value, width in zip(values, widths, strict=True)]
    return b"".join(fields).ljust(WORD_BYTES, b"\0")


def unpack(raw: bytes, widths: tuple[int, ...]) -> list[int]:
    """Read what `pack` wrote."""
    values, at = [], 0
    for width in widths:
        values.append(int.from_bytes(raw[at : at + width], "big"))
        at += width
    return values


def encode_parts(item: Item) -> bytes:
    """The 32 bytes of each number that an item takes, one after the other."""
    tag, words = TAGS[item.tag], item.words
    return b"".join([tag + words[at : at + WORD_BYTES] for at in range(0, len(words), WORD_BYTES)])
