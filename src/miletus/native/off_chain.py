"""Sequenced segments without the words of signatures: what L1 has of them under policy zk (08-R31, 11-R08).

An operation's signature is its last two words; what of it lies in its first word stays. Without them every
operation is taken as complete and its signature as valid, since a batch is final by proof alone, and there is
no proof of a signature that does not hold. Inbox segments keep all words.
"""

from collections.abc import Iterator
from typing import Final

from miletus.codec import decode_segment
from miletus.codec.table import BY_KIND, WORD_BYTES
from miletus.engine import segment as segments
from miletus.engine.params import MAX_SEGMENT_WORDS
from miletus.engine.segment import SEQUENCED, Segment
from miletus.engine.state import State
from miletus.native.crypto import NativeCrypto

SIGNATURE_WORDS: Final = 2
"""Words of a signature besides the two bytes in the operation's first word (10-R05)."""

_RECORD = int(segments.RECORD)
_KIND = int(segments.R_KIND)
_SIGNED = int(segments.R_SIGNED)
_FIRST_SIGNED_KIND = int(segments.PLACE_ORDER)
_LAST_SIGNED_KIND = int(segments.QUOTE_SHEET)
_NO_SIGNATURE = bytes(SIGNATURE_WORDS * WORD_BYTES)


class OffChainCrypto(NativeCrypto):
    """Cryptography of a deployment of policy zk, for who has L1's data alone: sequenced signatures hold."""

    def prepare(self, segment: Segment, state: State) -> int:
        """As the base class has it; every signature of a sequenced segment holds."""
        if segment.source != SEQUENCED:
            return super().prepare(segment, state)
        held, records = 0, segment.records
        for at in range(0, int(segment.count) * _RECORD, _RECORD):
            if _FIRST_SIGNED_KIND <= records[at + _KIND] <= _LAST_SIGNED_KIND:
                records[at + _SIGNED] = 1
                held += 1
        return held

    def verify_record(self, state: State, segment: Segment, record: int, key_address: int) -> bool:
        """As the base class has it; only sequenced records have signatures."""
        return True

    def verify_approval(self, state: State, segment: Segment, record: int, key_address: int) -> bool:
        """As the base class has it; approvals through the inbox are judged."""
        if segment.source == SEQUENCED:
            return True
        return super().verify_approval(state, segment, record, key_address)


def decode_parts(crypto: NativeCrypto, source: int, words: bytes) -> Iterator[Segment]:
    """A segment's words, as L1 has them, decoded: what to run one after the other.

    One segment, or under policy zk several parts of one, whose signatures are words of zeros.
    """
    if source != SEQUENCED or not isinstance(crypto, OffChainCrypto):
        yield decode_segment(source, words)
        return
    for part in restore_signatures(words):
        yield decode_segment(source, part)


def strip_signatures(words: bytes) -> tuple[bytes, dict[int, bytes]]:
    """What is posted of a sequenced segment: (its words without signatures, the signatures).

    Signatures are 62 bytes by the place that their operation's first word has in what is posted.

    Raises:
        ValueError: the segment ends inside an operation, which without signatures would be another one.

    """
    posted: list[bytes] = []
    signatures: dict[int, bytes] = {}
    at = place = 0
    while at < len(words):
        count, signed = _get_shape(words[at])
        own = words[at : at + count * WORD_BYTES]
        if len(own) < count * WORD_BYTES:
            raise ValueError(
                f"the segment ends inside the operation at word {at // WORD_BYTES}: "
                "without signatures it can't be posted"
            )
        at += len(own)
        if signed:
            signatures[place] = own[-len(_NO_SIGNATURE) :]
            own = own[: -len(_NO_SIGNATURE)]
        posted.append(own)
        place += len(own) // WORD_BYTES
    return b"".join(posted), signatures


def restore_signatures(posted: bytes) -> Iterator[bytes]:
    """Posted words with zeros in the place of signatures, in parts of whole operations that a segment holds.

    What the segment's end cuts off stays as it is: with its signature it would be cut off too.
    """
    part: list[bytes] = []
    at = room = 0
    while at < len(posted):
        count, signed = _get_shape(posted[at])
        size = (count - SIGNATURE_WORDS * signed) * WORD_BYTES
        own = posted[at : at + size]
        at += size
        if signed and len(own) == size:
            own += _NO_SIGNATURE
        if len(own) > room:
            if part:
                yield b"".join(part)
            part, room = [], int(MAX_SEGMENT_WORDS) * WORD_BYTES
        part.append(own)
        room -= len(own)
    if part:
        yield b"".join(part)


def _get_shape(kind: int) -> tuple[int, bool]:
    """(words of a sequenced operation of this kind, whether the last two are a signature)."""
    operation = BY_KIND.get(kind)
    return (operation.words, operation.signature) if operation is not None else (1, False)
