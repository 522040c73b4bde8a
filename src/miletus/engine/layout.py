"""Where everything lies: page numbers and fields of a page (spec 02).

A page is 64 integers (fields) in the engine and 16 field elements (cells) in the tree; `packing` says which
fields make which cell.
"""

from typing import Final

from mypy_extensions import i64

PAGE: Final[i64] = 64
"""Fields of a page."""

PAGE_BITS: Final[i64] = 6
"""A page of `cells` is an address shifted right by this."""

LIMBS: Final[i64] = 5
"""A field element is kept as 5 limbs of 52 bits, least first; an L1 address as 4."""

LIMB_BITS: Final[i64] = 52

# Page numbers in the tree, spec 02-R01

ACCOUNT_PAGES: Final[i64] = 2_048
INSTRUMENT_REGION: Final[i64] = 536_870_912
MACHINE_REGION: Final[i64] = 805_306_368

# Page kinds

KIND_NONE: Final[i64] = 0
KIND_ACCOUNT: Final[i64] = 1
KIND_RISK: Final[i64] = 2
KIND_KEYS: Final[i64] = 3
KIND_ORDERS: Final[i64] = 4
KIND_POSITIONS: Final[i64] = 5
KIND_INSTRUMENT: Final[i64] = 6
KIND_BOOK: Final[i64] = 7
KIND_MACHINE: Final[i64] = 8
KIND_REGISTERS: Final[i64] = 9
KIND_STAGE: Final[i64] = 10
KIND_SIGNERS: Final[i64] = 11
KIND_UNDERLYING: Final[i64] = 12
KIND_READINGS: Final[i64] = 13
KIND_JOURNAL: Final[i64] = 14
KINDS: Final[i64] = 15

# Offsets of an account's pages

ACCOUNT_HEADER: Final[i64] = 0
ACCOUNT_RISK: Final[i64] = 0
"""Page u holds the risk of underlying u; the first of them is the header's page."""

ACCOUNT_KEYS: Final[i64] = 4
ACCOUNT_ORDERS: Final[i64] = 6
ACCOUNT_POSITIONS: Final[i64] = 7
ACCOUNT_GROUP: Final[i64] = 8
"""From a page of orders, or of positions, to the next one."""

ORDER_PAGES: Final[i64] = 32
POSITION_PAGES: Final[i64] = 256

# Header fields, in an account's page 0

OWNER: Final[i64] = 0  # 4 limbs
CASH: Final[i64] = 4
LOCKED: Final[i64] = 5
RESTING: Final[i64] = 6
POSITIONS: Final[i64] = 7
BITMAP: Final[i64] = 8  # 8 limbs of 32 bits

# Risk fields, the same in an account's pages 0 to 3

SUMS: Final[i64] = 16  # 16 scenario sums
SUM_MARK: Final[i64] = 32
SUM_DELTA: Final[i64] = 33
SUM_GAMMA: Final[i64] = 34
GROSS: Final[i64] = 35
SHORT: Final[i64] = 36
REQUIREMENT: Final[i64] = 37
EPOCH: Final[i64] = 38
FIRST_POSITION: Final[i64] = 39  # 1 + instrument

# Keys page: 4 records of 16 fields

KEY_RECORD: Final[i64] = 16
KEY_X: Final[i64] = 0
KEY_Y: Final[i64] = 5
KEY_NONCE: Final[i64] = 10
KEY_EXPIRY_S: Final[i64] = 11
KEY_SCOPE: Final[i64] = 12

# Orders page: 8 records of 8 fields

ORDER_RECORD: Final[i64] = 8
ORDER_BOOK: Final[i64] = 0  # 1 + 2 x instrument + side, 0 = no order
ORDER_PRICE: Final[i64] = 1
ORDER_LEFT: Final[i64] = 2
ORDER_FILLED: Final[i64] = 3
ORDER_GENERATION: Final[i64] = 4
ORDER_TERMS: Final[i64] = 5  # expiry in seconds x 4 + 2 x post-only + reduce-only
ORDER_PREVIOUS: Final[i64] = 6  # 1 + account x 256 + slot
ORDER_NEXT: Final[i64] = 7

# Positions page: 16 records of 4 fields

POSITION_RECORD: Final[i64] = 4
POSITION_SIZE: Final[i64] = 0
POSITION_PREVIOUS: Final[i64] = 1  # 1 + instrument
POSITION_NEXT: Final[i64] = 2

# Instrument page fields

INSTRUMENT_STATE: Final[i64] = 0  # 0 empty, 1 listed, 2 settled
INSTRUMENT_TYPE: Final[i64] = 1
INSTRUMENT_UNDERLYING: Final[i64] = 2
STRIKE: Final[i64] = 3
EXPIRY_S: Final[i64] = 4
TICK_STEP: Final[i64] = 5
LOT_STEP: Final[i64] = 6
MIN_SIZE: Final[i64] = 7
PAYOFF: Final[i64] = 8
SLOW_MARK: Final[i64] = 9
SLOW_TIME_S: Final[i64] = 10
ENTRIES: Final[i64] = 16  # 2 entries of 20 fields
ENTRY_RECORD: Final[i64] = 20
ENTRY_MARK: Final[i64] = 16
ENTRY_DELTA: Final[i64] = 17
ENTRY_GAMMA: Final[i64] = 18
ENTRY_TAG: Final[i64] = 19

# Book page fields

HEAD_BID: Final[i64] = 0  # 1 + account x 256 + slot
HEAD_ASK: Final[i64] = 1
OPEN_INTEREST: Final[i64] = 2
CLEARING_POSITION: Final[i64] = 3
CLEARING_CASH: Final[i64] = 4

# Offsets of the machine's pages

MACHINE_HEADER: Final[i64] = 0
MACHINE_REGISTERS: Final[i64] = 1
MACHINE_STAGE: Final[i64] = 2
MACHINE_SIGNERS: Final[i64] = 3  # 2 pages of 4 signers
MACHINE_INBOX_STAGE: Final[i64] = 5  # what the inbox proposes
MACHINE_UNDERLYINGS: Final[i64] = 8  # 4 pages
MACHINE_READINGS: Final[i64] = 16  # 2 pages an underlying
MACHINE_JOURNAL: Final[i64] = 24  # 8 pages of 8 fills
MACHINE_PAGES: Final[i64] = 32

# Machine header fields

VERSION: Final[i64] = 0
CLOCK_MS: Final[i64] = 1
INBOX_CURSOR: Final[i64] = 2
BATCH_NUMBER: Final[i64] = 3
OUTBOX_COUNT: Final[i64] = 4
DEPOSITED: Final[i64] = 5
WITHDRAWN: Final[i64] = 6
SIGNERS: Final[i64] = 7
THRESHOLD: Final[i64] = 8
UNDERLYINGS: Final[i64] = 9
OUTBOX: Final[i64] = 16  # 5 limbs
EVENTS: Final[i64] = 21  # 5 limbs

# Stage page fields

STAGED_KIND: Final[i64] = 0
STAGED_PAYLOAD: Final[i64] = 1  # 5 limbs
STAGED_HASH: Final[i64] = 6  # 5 limbs
APPROVALS: Final[i64] = 11  # bitmap of signers
APPROVAL_COUNT: Final[i64] = 12
STAGED_FIELDS: Final[i64] = 16  # the proposal's fields, as decoded
STAGED_COUNT: Final[i64] = 8  # of a List, which has the most

# Underlying page fields

INDEX: Final[i64] = 0
TICK_TIME_S: Final[i64] = 1
CUMULATIVE: Final[i64] = 2
SHEET_NUMBER: Final[i64] = 3
SHEET_REFERENCE: Final[i64] = 4
SHEET_TIME_S: Final[i64] = 5
SHEET_TAG: Final[i64] = 6
SHEET_BUFFER: Final[i64] = 7
RISK_EPOCH: Final[i64] = 8
LISTED: Final[i64] = 9
FILLING_TAG: Final[i64] = 10
FILLING_OPEN: Final[i64] = 11
FILLING_COUNT: Final[i64] = 12
FILLING_INDEX: Final[i64] = 13  # when the filling began
FILLING_HASH: Final[i64] = 16  # 5 limbs

# Readings page: 32 records of 2 fields; two pages an underlying

READING_RECORD: Final[i64] = 2
READING_TIME_S: Final[i64] = 0
READING_CUMULATIVE: Final[i64] = 1

# Journal page: 8 records of 8 fields; what a fill-or-kill order must be able to take back

JOURNAL_RECORD: Final[i64] = 8
JOURNAL_ORDER: Final[i64] = 0  # 1 + account x 256 + slot
JOURNAL_LOTS: Final[i64] = 1
JOURNAL_PRICE: Final[i64] = 2
JOURNAL_FEE: Final[i64] = 3
JOURNAL_TERMS: Final[i64] = 4
JOURNAL_FILLED: Final[i64] = 5
JOURNAL_WHOLE: Final[i64] = 6  # 1 if the fill left nothing of the order
