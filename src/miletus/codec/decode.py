"""From words to the records that the machine executes."""

from librt.vecs import vec
from mypy_extensions import i64

from miletus.codec.decode_gen import count_operations, fill_records
from miletus.codec.errors import CodecError
from miletus.engine.params import MAX_SEGMENT_WORDS
from miletus.engine.segment import INBOX, RECORD, SEQUENCED, Segment


def decode_segment(source: i64, words: bytes) -> Segment:
    """Decode the words of one segment (31 bytes each, concatenated; at most MAX_SEGMENT_WORDS).

    `source` is INBOX or SEQUENCED. Every content decodes (spec 03-R01, 03-R02); a length that is no whole
    number of words, or that no segment can have, is a CodecError.
    """
    if source != INBOX and source != SEQUENCED:
        raise CodecError(f"a segment's source is 0 (inbox) or 1 (sequenced), not {source}")
    length: i64 = len(words)
    if length % 31 != 0:
        raise CodecError(f"{length} bytes are no whole number of 31-byte words")
    total = length // 31
    if total > MAX_SEGMENT_WORDS:
        raise CodecError(f"{total} words are more than the {MAX_SEGMENT_WORDS} of a segment")
    count = count_operations(source, words, total)
    records = vec[i64]([0] * (count * RECORD))
    fill_records(source, words, total, records)
    return Segment(source, records, count, words)
