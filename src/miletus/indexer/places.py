"""Where something happened, as one number that orders all rows: batch, segment, word, and which of the word.

    id = ((batch x 32 + segment) x 2048 + word) x 1024 + k

A place follows from what is posted on L1 and from nothing else, so a row has the same id whoever makes it.
Ids fit 53 bits, which JavaScript counts exactly, for 134 million batches.
"""

from typing import Final, NamedTuple

SEGMENTS: Final = 32
"""More than the segments of a batch (1 inbox and 16 sequenced; spec 09-R10)."""

WORDS: Final = 2_048
"""More than the words of a segment (1,024); the last one names the segment's end."""

PARTS: Final = 1_024
"""More than the events of a word (512)."""

SEGMENT_END: Final = WORDS - 1
"""The word that rows of a segment's end carry."""

BATCH_SPAN: Final = SEGMENTS * WORDS * PARTS
"""Ids of a batch."""


class Place(NamedTuple):
    """What an id says."""

    batch: int
    segment: int
    word: int
    part: int


def make_id(batch: int, segment: int, word: int, part: int = 0) -> int:
    """The id of a place."""
    return ((batch * SEGMENTS + segment) * WORDS + word) * PARTS + part


def first_id(batch: int) -> int:
    """The first id of a batch: all rows of it and of later ones have this or more."""
    return batch * BATCH_SPAN


def read_id(value: int) -> Place:
    """What an id says."""
    rest, part = divmod(value, PARTS)
    rest, word = divmod(rest, WORDS)
    batch, segment = divmod(rest, SEGMENTS)
    return Place(batch, segment, word, part)
