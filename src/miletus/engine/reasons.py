"""Why an operation was refused: the first number of its receipt, each with the rule that it comes from."""

from enum import IntEnum
from typing import Final

from mypy_extensions import i64


class Reason(IntEnum):
    """Result of an operation; OK, or why it did nothing more (spec 03-R19)."""

    OK = 0
    UNKNOWN_KIND = 1  # 03-R01
    INCOMPLETE = 2  # 03-R02
    NOT_FROM_INBOX = 3  # 03-R03
    NOT_FROM_SEQUENCER = 4  # 03-R03
    NOT_SUPPORTED = 5  # 07-R06
    UNKNOWN_ACCOUNT = 6  # 03-R05
    UNKNOWN_KEY = 7  # 03-R06
    KEY_EXPIRED = 8  # 03-R07
    OUT_OF_SCOPE = 9  # 03-R07
    NONCE_USED = 10  # 03-R08
    OUT_OF_TIME = 11  # 03-R09
    BAD_SIGNATURE = 12  # 03-R10
    BAD_ACCOUNT = 13  # 03-R13
    BAD_AMOUNT = 14  # 03-R13
    BAD_TIME = 15  # 03-R15
    MARGIN = 16  # 05-R05
    OUTBOX_FULL = 17  # 03-R17
    WIDTH = 18  # 01-R04
    STALE = 19  # 06-R08
    BAD_FLAGS = 20  # 04-R02
    UNKNOWN_INSTRUMENT = 21  # 04-R02
    EXPIRED = 22  # 04-R02
    NO_SHEET = 23  # 04-R02
    BAD_PRICE = 24  # 04-R02
    BAD_SIZE = 25  # 04-R02
    SLOT_TAKEN = 26  # 04-R01
    REDUCE_ONLY = 27  # 04-R03
    POST_ONLY = 28  # 04-R03
    MAKER_LIMIT = 29  # 04-R05
    BAND = 30  # 04-R08
    NOT_FILLED = 31  # 04-R14
    ORDER_NOT_FOUND = 32  # 04-R18
    NOTHING_STAGED = 33  # 06-R02
    UNKNOWN_SIGNER = 34  # 06-R02
    ALREADY_APPROVED = 35  # 06-R02
    UNKNOWN_UNDERLYING = 36  # 06-R03
    BAD_TICK = 37  # 06-R03
    TICK_BAND = 38  # 06-R04
    BAD_SHEET = 39  # 06-R06
    DUPLICATE = 40  # 06-R06
    NO_INDEX = 41  # 06-R06
    MARK_BAND = 42  # 06-R06
    SHEET_GAMMA = 43  # 06-R06
    BAD_LISTING = 44  # 06-R10
    TOO_EARLY = 45  # 07-R01
    NO_READING = 46  # 07-R01


# The same numbers as plain integers, for the machine

OK: Final[i64] = 0
UNKNOWN_KIND: Final[i64] = 1
INCOMPLETE: Final[i64] = 2
NOT_FROM_INBOX: Final[i64] = 3
NOT_FROM_SEQUENCER: Final[i64] = 4
NOT_SUPPORTED: Final[i64] = 5
UNKNOWN_ACCOUNT: Final[i64] = 6
UNKNOWN_KEY: Final[i64] = 7
KEY_EXPIRED: Final[i64] = 8
OUT_OF_SCOPE: Final[i64] = 9
NONCE_USED: Final[i64] = 10
OUT_OF_TIME: Final[i64] = 11
BAD_SIGNATURE: Final[i64] = 12
BAD_ACCOUNT: Final[i64] = 13
BAD_AMOUNT: Final[i64] = 14
BAD_TIME: Final[i64] = 15
MARGIN: Final[i64] = 16
OUTBOX_FULL: Final[i64] = 17
WIDTH: Final[i64] = 18
STALE: Final[i64] = 19
BAD_FLAGS: Final[i64] = 20
UNKNOWN_INSTRUMENT: Final[i64] = 21
EXPIRED: Final[i64] = 22
NO_SHEET: Final[i64] = 23
BAD_PRICE: Final[i64] = 24
BAD_SIZE: Final[i64] = 25
SLOT_TAKEN: Final[i64] = 26
REDUCE_ONLY: Final[i64] = 27
POST_ONLY: Final[i64] = 28
MAKER_LIMIT: Final[i64] = 29
BAND: Final[i64] = 30
NOT_FILLED: Final[i64] = 31
ORDER_NOT_FOUND: Final[i64] = 32
NOTHING_STAGED: Final[i64] = 33
UNKNOWN_SIGNER: Final[i64] = 34
ALREADY_APPROVED: Final[i64] = 35
UNKNOWN_UNDERLYING: Final[i64] = 36
BAD_TICK: Final[i64] = 37
TICK_BAND: Final[i64] = 38
BAD_SHEET: Final[i64] = 39
DUPLICATE: Final[i64] = 40
NO_INDEX: Final[i64] = 41
MARK_BAND: Final[i64] = 42
SHEET_GAMMA: Final[i64] = 43
BAD_LISTING: Final[i64] = 44
TOO_EARLY: Final[i64] = 45
NO_READING: Final[i64] = 46
