"""A decoded segment: what the codec gives the machine (spec 03).

One operation is one record of RECORD integers. Which words of the segment made it is `FIRST_WORD` and
`WORDS`; the raw words stay with the segment, for hashes and signatures.
"""

from typing import Final, final

from librt.vecs import vec
from mypy_extensions import i64

RECORD: Final[i64] = 48
"""Integers of a record."""

R_KIND: Final[i64] = 0
R_ACCOUNT: Final[i64] = 1
R_KEY: Final[i64] = 2
R_NONCE: Final[i64] = 3
R_VALID_UNTIL_S: Final[i64] = 4
R_FIRST_WORD: Final[i64] = 5
R_WORDS: Final[i64] = 6
R_SIGNED: Final[i64] = 7
"""1 if the signature holds under the key that the state held when the segment was prepared."""
R_FIELDS: Final[i64] = 8
"""The kind's own fields, in the order of spec 03's table; wide values as limbs of 52 bits, least first."""
R_PAYLOAD: Final[i64] = 40
"""Bytes 0..28 of the first word as 5 limbs."""

# Kinds, spec 03

PADDING: Final[i64] = 0x00
DEPOSIT: Final[i64] = 0x01
SET_KEY_INBOX: Final[i64] = 0x02
PLACE_ORDER: Final[i64] = 0x10
AMEND: Final[i64] = 0x11
CANCEL: Final[i64] = 0x12
WITHDRAW: Final[i64] = 0x13
TRANSFER: Final[i64] = 0x14
SET_KEY: Final[i64] = 0x15
QUOTE_SHEET: Final[i64] = 0x16
INDEX_TICK: Final[i64] = 0x20
SHEET_ENTRY: Final[i64] = 0x21
FLIP: Final[i64] = 0x22
LIST: Final[i64] = 0x23
APPROVE: Final[i64] = 0x24
TICK: Final[i64] = 0x30
SETTLE: Final[i64] = 0x31
LIQUIDATE: Final[i64] = 0x32
FUND: Final[i64] = 0x33
UNKNOWN: Final[i64] = 0x100
"""A first byte that names no kind."""
INCOMPLETE: Final[i64] = 0x101
"""An operation that the end of the segment cut off; spec 03-R02."""

INBOX: Final[i64] = 0
SEQUENCED: Final[i64] = 1


@final
class Segment:
    """`count` records and the words they came from (31 bytes each, concatenated)."""

    def __init__(self, source: i64, records: vec[i64], count: i64, words: bytes) -> None:
        self.source: i64 = source
        self.records: vec[i64] = records
        self.count: i64 = count
        self.words: bytes = words
