"""Where everything lies: page numbers, fields of a page, and which fields make which cell (spec 02).

A page is 64 integers (fields) in the engine and 16 field elements (cells) in the tree. A cell is the sum of
its fields times powers of two, so that what is used together is hashed together. `PACKING` is the one table
of that; the tree library and the circuit read it.
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

ACCOUNT_PAGES: Final[i64] = 512
INSTRUMENT_REGION: Final[i64] = 134_217_728
MACHINE_REGION: Final[i64] = 268_435_456

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
ACCOUNT_RISK: Final[i64] = 1
ACCOUNT_KEYS: Final[i64] = 5
ACCOUNT_ORDERS: Final[i64] = 32
ACCOUNT_POSITIONS: Final[i64] = 256

# Account header fields

OWNER: Final[i64] = 0  # 4 limbs
CASH: Final[i64] = 4
LOCKED: Final[i64] = 5
RESTING: Final[i64] = 6
POSITIONS: Final[i64] = 7
BITMAP: Final[i64] = 8  # 8 limbs of 32 bits

# Risk page fields

SUMS: Final[i64] = 0  # 16 scenario sums
SUM_MARK: Final[i64] = 16
SUM_DELTA: Final[i64] = 17
SUM_GAMMA: Final[i64] = 18
GROSS: Final[i64] = 19
SHORT: Final[i64] = 20
REQUIREMENT: Final[i64] = 21
EPOCH: Final[i64] = 22
FIRST_POSITION: Final[i64] = 23  # 1 + instrument

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

Slot = tuple[int, int, bool]
"""(field, bits, signed): one field inside a cell, from the cell's low end up."""


def _wide(first: int, limbs: int = 5) -> list[Slot]:
    return [(first + k, 52, False) for k in range(limbs)]


def _each(fields: list[int], bits: int, signed: bool) -> list[list[Slot]]:
    return [[(field, bits, signed)] for field in fields]


def _account() -> list[list[Slot]]:
    return [
        _wide(int(OWNER), 4),
        [
            (int(CASH), 62, True),
            (int(LOCKED), 62, False),
            (int(RESTING), 16, False),
            (int(POSITIONS), 16, False),
        ],
        [(int(BITMAP) + k, 32, False) for k in range(4)],
        [(int(BITMAP) + k, 32, False) for k in range(4, 8)],
    ]


def _risk() -> list[list[Slot]]:
    cells: list[list[Slot]] = [[(4 * c + k, 62, True) for k in range(4)] for c in range(4)]
    cells.append([(int(SUM_MARK), 62, True), (int(SUM_DELTA), 62, True), (int(SUM_GAMMA), 62, True)])
    cells.append([(int(GROSS), 32, False), (int(SHORT), 32, False), (int(REQUIREMENT), 62, False)])
    cells.append([(int(EPOCH), 62, False), (int(FIRST_POSITION), 16, False)])
    return cells


def _keys() -> list[list[Slot]]:
    cells: list[list[Slot]] = []
    for key in range(4):
        base = key * int(KEY_RECORD)
        cells.append(_wide(base + int(KEY_X)))
        cells.append(_wide(base + int(KEY_Y)))
        cells.append(
            [
                (base + int(KEY_NONCE), 48, False),
                (base + int(KEY_EXPIRY_S), 48, False),
                (base + int(KEY_SCOPE), 8, False),
            ]
        )
    return cells


def _orders() -> list[list[Slot]]:
    cells: list[list[Slot]] = []
    for order in range(8):
        base = order * int(ORDER_RECORD)
        cells.append(
            [
                (base + int(ORDER_BOOK), 16, False),
                (base + int(ORDER_PRICE), 32, False),
                (base + int(ORDER_LEFT), 32, False),
                (base + int(ORDER_FILLED), 32, False),
                (base + int(ORDER_GENERATION), 32, False),
                (base + int(ORDER_TERMS), 50, False),
            ]
        )
        cells.append([(base + int(ORDER_PREVIOUS), 32, False), (base + int(ORDER_NEXT), 32, False)])
    return cells


def _positions() -> list[list[Slot]]:
    return [[(4 * k, 40, True), (4 * k + 1, 16, False), (4 * k + 2, 16, False)] for k in range(16)]


def _instrument() -> list[list[Slot]]:
    cells: list[list[Slot]] = [
        [
            (int(INSTRUMENT_STATE), 8, False),
            (int(INSTRUMENT_TYPE), 8, False),
            (int(INSTRUMENT_UNDERLYING), 8, False),
            (int(STRIKE), 32, False),
            (int(EXPIRY_S), 48, False),
            (int(TICK_STEP), 32, False),
            (int(LOT_STEP), 32, False),
            (int(MIN_SIZE), 32, False),
        ],
        [(int(PAYOFF), 32, False), (int(SLOW_MARK), 62, False), (int(SLOW_TIME_S), 48, False)],
    ]
    for entry in range(2):
        base = int(ENTRIES) + entry * int(ENTRY_RECORD)
        for first in (0, 6, 12):
            cells.append([(base + k, 32, True) for k in range(first, min(first + 6, 16))])
        cells.append(
            [
                (base + int(ENTRY_MARK), 32, False),
                (base + int(ENTRY_DELTA), 20, True),
                (base + int(ENTRY_GAMMA), 20, False),
                (base + int(ENTRY_TAG), 62, False),
            ]
        )
    return cells


def _machine() -> list[list[Slot]]:
    return [
        [(int(VERSION), 32, False), (int(CLOCK_MS), 62, False)],
        [(int(INBOX_CURSOR), 62, False), (int(BATCH_NUMBER), 62, False)],
        [(int(OUTBOX_COUNT), 16, False)],
        [(int(DEPOSITED), 62, False), (int(WITHDRAWN), 62, False)],
        [(int(SIGNERS), 8, False), (int(THRESHOLD), 8, False), (int(UNDERLYINGS), 8, False)],
        _wide(int(OUTBOX)),
        _wide(int(EVENTS)),
    ]


def _registers() -> list[list[Slot]]:
    return [[(4 * c + k, 62, True) for k in range(4)] for c in range(16)]


def _stage() -> list[list[Slot]]:
    return [
        [(int(STAGED_KIND), 8, False), (int(APPROVALS), 8, False), (int(APPROVAL_COUNT), 8, False)],
        _wide(int(STAGED_PAYLOAD)),
        _wide(int(STAGED_HASH)),
        *[[(int(STAGED_FIELDS) + 4 * c + k, 62, True) for k in range(4)] for c in range(3)],
    ]


def _signers() -> list[list[Slot]]:
    cells: list[list[Slot]] = []
    for signer in range(4):
        cells.append(_wide(signer * int(KEY_RECORD) + int(KEY_X)))
        cells.append(_wide(signer * int(KEY_RECORD) + int(KEY_Y)))
    return cells


def _underlying() -> list[list[Slot]]:
    return [
        [(int(INDEX), 32, False), (int(TICK_TIME_S), 48, False), (int(CUMULATIVE), 62, False)],
        [
            (int(SHEET_NUMBER), 40, False),
            (int(SHEET_REFERENCE), 32, False),
            (int(SHEET_TIME_S), 48, False),
            (int(SHEET_TAG), 62, False),
            (int(SHEET_BUFFER), 8, False),
        ],
        [(int(RISK_EPOCH), 62, False), (int(LISTED), 16, False)],
        [(int(FILLING_TAG), 62, False), (int(FILLING_OPEN), 8, False), (int(FILLING_COUNT), 16, False)],
        _wide(int(FILLING_HASH)),
    ]


def _readings() -> list[list[Slot]]:
    return [
        [(4 * c, 48, False), (4 * c + 1, 62, False), (4 * c + 2, 48, False), (4 * c + 3, 62, False)]
        for c in range(16)
    ]


def _journal() -> list[list[Slot]]:
    cells: list[list[Slot]] = []
    for fill in range(8):
        base = fill * int(JOURNAL_RECORD)
        cells.append(
            [
                (base + int(JOURNAL_ORDER), 32, False),
                (base + int(JOURNAL_LOTS), 32, False),
                (base + int(JOURNAL_PRICE), 32, False),
                (base + int(JOURNAL_FEE), 62, False),
            ]
        )
        cells.append(
            [
                (base + int(JOURNAL_TERMS), 50, False),
                (base + int(JOURNAL_FILLED), 32, False),
                (base + int(JOURNAL_WHOLE), 1, False),
            ]
        )
    return cells


def build_packing() -> list[list[list[Slot]]]:
    """Cells of each page kind, by kind number: at most 16, each at most 253 bits or one element in limbs."""
    table: list[list[list[Slot]]] = [
        [],
        _account(),
        _risk(),
        _keys(),
        _orders(),
        _positions(),
        _instrument(),
        _each(
            [int(HEAD_BID), int(HEAD_ASK), int(OPEN_INTEREST), int(CLEARING_POSITION), int(CLEARING_CASH)],
            62,
            True,
        ),
        _machine(),
        _registers(),
        _stage(),
        _signers(),
        _underlying(),
        _readings(),
        _journal(),
    ]
    return table


PACKING: Final = build_packing()


def compute_page_kind(number: int) -> int:
    """Kind of the page with this number (spec 02-R01); KIND_NONE where nothing can lie."""
    if number < 0:
        return int(KIND_NONE)
    if number < int(INSTRUMENT_REGION):
        offset = number % int(ACCOUNT_PAGES)
        if offset == int(ACCOUNT_HEADER):
            return int(KIND_ACCOUNT)
        if offset < int(ACCOUNT_KEYS):
            return int(KIND_RISK)
        if offset == int(ACCOUNT_KEYS):
            return int(KIND_KEYS)
        if int(ACCOUNT_ORDERS) <= offset < int(ACCOUNT_ORDERS) + 32:
            return int(KIND_ORDERS)
        if offset >= int(ACCOUNT_POSITIONS):
            return int(KIND_POSITIONS)
        return int(KIND_NONE)
    if number < int(MACHINE_REGION):
        if number >= int(INSTRUMENT_REGION) + 8192:
            return int(KIND_NONE)
        return int(KIND_INSTRUMENT) if number % 2 == 0 else int(KIND_BOOK)
    offset = number - int(MACHINE_REGION)
    if offset >= int(MACHINE_PAGES):
        return int(KIND_NONE)
    if offset >= int(MACHINE_JOURNAL):
        return int(KIND_JOURNAL)
    if offset >= int(MACHINE_READINGS):
        return int(KIND_READINGS)
    if offset >= int(MACHINE_UNDERLYINGS):
        return int(KIND_UNDERLYING) if offset < int(MACHINE_UNDERLYINGS) + 4 else int(KIND_NONE)
    if offset == int(MACHINE_HEADER):
        return int(KIND_MACHINE)
    if offset == int(MACHINE_REGISTERS):
        return int(KIND_REGISTERS)
    if offset == int(MACHINE_STAGE):
        return int(KIND_STAGE)
    if offset < int(MACHINE_SIGNERS) + 2:
        return int(KIND_SIGNERS)
    return int(KIND_NONE)
