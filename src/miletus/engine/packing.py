"""Which fields of a page make which cell, and how wide each is (spec 02).

A cell is the sum of its fields times powers of two. The circuit reads four neighbouring cells, a tuple, at
once: what is used together lies in one tuple. `PACKING` is the one table; tree library and circuit take it.
A width is that of the greatest value that the rules of spec 01 let the machine store.
"""

from typing import Final

from miletus.engine import layout as L

TUPLE: Final = 4
"""Cells of a tuple."""

MAX_CELL_BITS: Final = 252
"""A cell has at most so many bits, or is one element in limbs: its fields can then be told from it."""

Slot = tuple[int, int, bool]
"""(field, bits, signed): one field inside a cell, from the cell's low end up."""

# Widths by what a field holds, spec 01 and 02

ACCOUNT: Final = 18
NAME: Final = 26  # account x 256 + slot
LINK: Final = 27  # 1 + name
INSTRUMENT: Final = 13  # 1 + instrument, or how many
PRICE: Final = 28
LOTS: Final = 25  # of an order
GROSS: Final = 27
POSITION: Final = 28  # signed
OPEN_INTEREST: Final = 34
CASH: Final = 62  # signed
MONEY: Final = 62
DEPOSITS: Final = 60
NOTIONAL: Final = 52
FEE: Final = 42
LOCK: Final = 18
SUM: Final = 55  # signed: gross lots x a price
SLOW_SUM: Final = 57  # signed: a SUM of each underlying
DELTA: Final = 15  # signed
DELTA_SUM: Final = 41  # signed
GAMMA: Final = 20
GAMMA_SUM: Final = 47  # signed
SLOW: Final = 44  # a price x 2^16
CLOCK: Final = 48  # milliseconds
SECONDS: Final = 40
TERMS: Final = 42  # seconds x 4 + 2 bits
COUNTER: Final = 48
GENERATION: Final = 32
PHASE: Final = 6  # the circuit has phases of its own besides the engine's
WORD: Final = 32  # a number of 4 bytes, not yet checked


def _place(cells: dict[int, list[Slot]]) -> list[list[Slot]]:
    """Cells by their place; those between hold nothing."""
    return [cells.get(place, []) for place in range(max(cells) + 1)]


def _wide(first: int, limbs: int = 5) -> list[Slot]:
    """One element in limbs."""
    return [(first + k, int(L.LIMB_BITS), False) for k in range(limbs)]


def _risk() -> dict[int, list[Slot]]:
    """Tuples 1 and 2 of an account's pages 0 to 3: one underlying."""
    cells: dict[int, list[Slot]] = {
        4 + c: [(int(L.SUMS) + 4 * c + k, SUM, True) for k in range(4)] for c in range(4)
    }
    cells[8] = [
        (int(L.SUM_MARK), SUM, True),
        (int(L.SUM_DELTA), DELTA_SUM, True),
        (int(L.SUM_GAMMA), GAMMA_SUM, True),
    ]
    cells[9] = [(int(L.GROSS), GROSS, False), (int(L.SHORT), GROSS, False), (int(L.REQUIREMENT), SUM, False)]
    cells[10] = [(int(L.EPOCH), COUNTER, False), (int(L.FIRST_POSITION), INSTRUMENT, False)]
    return cells


def _account() -> dict[int, list[Slot]]:
    """Page 0 of an account: its header in tuple 0, and the risk of underlying 0."""
    cells: dict[int, list[Slot]] = {
        0: _wide(int(L.OWNER), 4),
        1: [
            (int(L.CASH), CASH, True),
            (int(L.LOCKED), LOCK, False),
            (int(L.RESTING), 9, False),
            (int(L.POSITIONS), 8, False),
        ],
        2: [(int(L.BITMAP) + k, 32, False) for k in range(4)],
        3: [(int(L.BITMAP) + k, 32, False) for k in range(4, 8)],
    }
    return {**cells, **_risk()}


def _keys() -> dict[int, list[Slot]]:
    """A key a tuple."""
    cells: dict[int, list[Slot]] = {}
    for key in range(4):
        base = key * int(L.KEY_RECORD)
        cells[4 * key] = _wide(base + int(L.KEY_X))
        cells[4 * key + 1] = _wide(base + int(L.KEY_Y))
        cells[4 * key + 2] = [
            (base + int(L.KEY_NONCE), 40, False),
            (base + int(L.KEY_EXPIRY_S), WORD, False),
            (base + int(L.KEY_SCOPE), 8, False),
        ]
    return cells


def _orders() -> dict[int, list[Slot]]:
    """Two orders a tuple: what an order is, and its links."""
    cells: dict[int, list[Slot]] = {}
    for order in range(8):
        base = order * int(L.ORDER_RECORD)
        cells[2 * order] = [
            (base + int(L.ORDER_BOOK), 14, False),
            (base + int(L.ORDER_PRICE), PRICE, False),
            (base + int(L.ORDER_LEFT), LOTS, False),
            (base + int(L.ORDER_FILLED), LOTS, False),
            (base + int(L.ORDER_GENERATION), GENERATION, False),
            (base + int(L.ORDER_TERMS), TERMS, False),
        ]
        cells[2 * order + 1] = [
            (base + int(L.ORDER_PREVIOUS), LINK, False),
            (base + int(L.ORDER_NEXT), LINK, False),
        ]
    return cells


def _positions() -> dict[int, list[Slot]]:
    """Four positions a tuple."""
    cells: dict[int, list[Slot]] = {}
    for position in range(16):
        base = position * int(L.POSITION_RECORD)
        cells[position] = [
            (base + int(L.POSITION_SIZE), POSITION, True),
            (base + int(L.POSITION_PREVIOUS), INSTRUMENT, False),
            (base + int(L.POSITION_NEXT), INSTRUMENT, False),
        ]
    return cells


def _instrument() -> dict[int, list[Slot]]:
    """Tuple 0: the definition; tuples 1 and 2: an entry each."""
    cells: dict[int, list[Slot]] = {
        0: [
            (int(L.INSTRUMENT_STATE), 2, False),
            (int(L.INSTRUMENT_TYPE), 2, False),
            (int(L.INSTRUMENT_UNDERLYING), 2, False),
            (int(L.STRIKE), PRICE, False),
            (int(L.EXPIRY_S), SECONDS, False),
            (int(L.TICK_STEP), WORD, False),
            (int(L.LOT_STEP), LOTS, False),
            (int(L.MIN_SIZE), LOTS, False),
        ],
        1: [
            (int(L.PAYOFF), PRICE, False),
            (int(L.SLOW_MARK), SLOW, False),
            (int(L.SLOW_TIME_S), SECONDS, False),
        ],
    }
    for entry in range(2):
        base = int(L.ENTRIES) + entry * int(L.ENTRY_RECORD)
        for half in range(2):
            first = base + 8 * half
            cells[4 + 4 * entry + half] = [(first + k, PRICE + 1, True) for k in range(8)]
        cells[6 + 4 * entry] = [
            (base + int(L.ENTRY_MARK), PRICE, False),
            (base + int(L.ENTRY_DELTA), DELTA, True),
            (base + int(L.ENTRY_GAMMA), GAMMA, False),
            (base + int(L.ENTRY_TAG), COUNTER, False),
        ]
    return cells


def _book() -> dict[int, list[Slot]]:
    """All in tuple 0."""
    return {
        0: [(int(L.HEAD_BID), LINK, False), (int(L.HEAD_ASK), LINK, False)],
        1: [(int(L.OPEN_INTEREST), OPEN_INTEREST, False)],
        2: [(int(L.CLEARING_POSITION), OPEN_INTEREST + 1, True), (int(L.CLEARING_CASH), CASH, True)],
    }


def _machine() -> dict[int, list[Slot]]:
    """The header of the machine."""
    return {
        0: [(int(L.VERSION), 32, False), (int(L.CLOCK_MS), CLOCK, False)],
        1: [(int(L.INBOX_CURSOR), COUNTER, False), (int(L.BATCH_NUMBER), COUNTER, False)],
        2: [(int(L.OUTBOX_COUNT), 9, False)],
        3: [(int(L.DEPOSITED), DEPOSITS, False), (int(L.WITHDRAWN), MONEY, False)],
        4: [(int(L.SIGNERS), 4, False), (int(L.THRESHOLD), 4, False), (int(L.UNDERLYINGS), 3, False)],
        5: _wide(int(L.OUTBOX)),
        6: _wide(int(L.EVENTS)),
    }


REGISTERS: Final[list[tuple[str, int, bool]]] = [
    ("phase", PHASE, False),
    ("account", ACCOUNT, False),
    ("slot", 9, False),  # a Cancel of many stands behind the last slot at the end
    ("instrument", 16, False),  # as it stands in the word, before it is checked
    ("side", 1, False),
    ("price", 36, False),  # the limit of a market order is no price of the grid
    ("left", WORD, False),
    ("size", WORD, False),
    ("prior", LOTS, False),
    ("tif", 2, False),
    ("market", 1, False),
    ("terms", 2, False),
    ("expiry_s", SECONDS, False),
    ("generation", GENERATION, False),
    ("heads", 7, False),
    ("filled", LOTS, False),
    ("notional", NOTIONAL, False),
    ("fills", 7, False),
    ("reason", 6, False),
    ("detail", PRICE, False),
    ("kind", 9, False),
    ("target", NAME, False),
    ("cause", 4, False),
    ("unlink_back", PHASE, False),
    ("refresh", ACCOUNT, False),
    ("refresh_back", PHASE, False),
    ("underlying", 3, False),
    ("position", INSTRUMENT, False),
    ("force", 1, False),
    ("slow", SLOW_SUM, True),
    ("amount", 56, False),
    ("to", ACCOUNT, False),
    ("mode", 8, False),
    ("count", 7, False),
    ("replaced", 1, False),
    ("named", 1, False),
]
"""(name, bits, signed) of each register; field k of the registers' page is the k-th (02-R03)."""


def _registers() -> dict[int, list[Slot]]:
    """One register after the other, a cell as full as it gets."""
    cells: dict[int, list[Slot]] = {0: []}
    place = used = 0
    for field, (_name, bits, signed) in enumerate(REGISTERS):
        if used + bits > MAX_CELL_BITS:
            place += 1
            used = 0
            cells[place] = []
        cells[place].append((field, bits, signed))
        used += bits
    return cells


def _stage() -> dict[int, list[Slot]]:
    """Tuple 0: what is staged and who approved it; tuple 1: its fields, each as wide as in any proposal."""
    base = int(L.STAGED_FIELDS)
    widths = [16, SECONDS, WORD, MONEY, SECONDS, WORD, WORD, WORD]
    return {
        0: [(int(L.STAGED_KIND), 8, False), (int(L.APPROVALS), 8, False), (int(L.APPROVAL_COUNT), 4, False)],
        1: _wide(int(L.STAGED_PAYLOAD)),
        2: _wide(int(L.STAGED_HASH)),
        4: [(base + k, widths[k], False) for k in range(4)],
        5: [(base + k, widths[k], False) for k in range(4, 8)],
    }


def _signers() -> dict[int, list[Slot]]:
    """A signer a tuple."""
    cells: dict[int, list[Slot]] = {}
    for signer in range(4):
        cells[4 * signer] = _wide(signer * int(L.KEY_RECORD) + int(L.KEY_X))
        cells[4 * signer + 1] = _wide(signer * int(L.KEY_RECORD) + int(L.KEY_Y))
    return cells


def _underlying() -> dict[int, list[Slot]]:
    """Tuple 0: what margin reads, then the rest of index and sheet; tuple 1: the sheet being filled."""
    return {
        0: [
            (int(L.INDEX), PRICE, False),
            (int(L.TICK_TIME_S), SECONDS, False),
            (int(L.SHEET_REFERENCE), PRICE, False),
            (int(L.SHEET_TIME_S), SECONDS, False),
            (int(L.SHEET_BUFFER), 1, False),
        ],
        1: [(int(L.SHEET_TAG), COUNTER, False), (int(L.RISK_EPOCH), COUNTER, False)],
        2: [
            (int(L.CUMULATIVE), DEPOSITS, False),
            (int(L.SHEET_NUMBER), 32, False),
            (int(L.LISTED), INSTRUMENT, False),
        ],
        4: [
            (int(L.FILLING_TAG), COUNTER, False),
            (int(L.FILLING_OPEN), 1, False),
            (int(L.FILLING_COUNT), INSTRUMENT, False),
            (int(L.FILLING_INDEX), PRICE, False),
        ],
        5: _wide(int(L.FILLING_HASH)),
    }


def _readings() -> dict[int, list[Slot]]:
    """Both readings of a day in one cell."""
    cells: dict[int, list[Slot]] = {}
    for day in range(16):
        cells[day] = []
        for record in (2 * day, 2 * day + 1):
            base = record * int(L.READING_RECORD)
            cells[day] += [
                (base + int(L.READING_TIME_S), SECONDS, False),
                (base + int(L.READING_CUMULATIVE), DEPOSITS, False),
            ]
    return cells


def _journal() -> dict[int, list[Slot]]:
    """A fill a cell."""
    cells: dict[int, list[Slot]] = {}
    for fill in range(8):
        base = fill * int(L.JOURNAL_RECORD)
        cells[fill] = [
            (base + int(L.JOURNAL_ORDER), LINK, False),
            (base + int(L.JOURNAL_LOTS), LOTS, False),
            (base + int(L.JOURNAL_PRICE), PRICE, False),
            (base + int(L.JOURNAL_FEE), FEE, False),
            (base + int(L.JOURNAL_TERMS), TERMS, False),
            (base + int(L.JOURNAL_FILLED), LOTS, False),
            (base + int(L.JOURNAL_WHOLE), 1, False),
        ]
    return cells


def build_packing() -> list[list[list[Slot]]]:
    """Cells of each page kind, by kind number: at most 16, each of MAX_CELL_BITS or one element in limbs."""
    kinds: list[dict[int, list[Slot]]] = [
        _account(),
        _risk(),
        _keys(),
        _orders(),
        _positions(),
        _instrument(),
        _book(),
        _machine(),
        _registers(),
        _stage(),
        _signers(),
        _underlying(),
        _readings(),
        _journal(),
    ]
    return [[], *[_place(cells) for cells in kinds]]


PACKING: Final = build_packing()


def compute_page_kind(number: int) -> int:
    """Kind of the page with this number (spec 02-R01); KIND_NONE where nothing can lie."""
    if number < 0:
        return int(L.KIND_NONE)
    if number < int(L.INSTRUMENT_REGION):
        return _compute_account_kind(number % int(L.ACCOUNT_PAGES))
    if number < int(L.MACHINE_REGION):
        if number >= int(L.INSTRUMENT_REGION) + 8192:
            return int(L.KIND_NONE)
        return int(L.KIND_INSTRUMENT) if number % 2 == 0 else int(L.KIND_BOOK)
    return _compute_machine_kind(number - int(L.MACHINE_REGION))


def _compute_account_kind(offset: int) -> int:
    """Kind of an account's page."""
    if offset == int(L.ACCOUNT_HEADER):
        return int(L.KIND_ACCOUNT)
    if offset < int(L.ACCOUNT_KEYS):
        return int(L.KIND_RISK)
    if offset == int(L.ACCOUNT_KEYS):
        return int(L.KIND_KEYS)
    within = offset % int(L.ACCOUNT_GROUP)
    if within == int(L.ACCOUNT_POSITIONS):
        return int(L.KIND_POSITIONS)
    ordered = within == int(L.ACCOUNT_ORDERS) and offset < int(L.ACCOUNT_GROUP) * int(L.ORDER_PAGES)
    return int(L.KIND_ORDERS) if ordered else int(L.KIND_NONE)


def _compute_machine_kind(offset: int) -> int:
    """Kind of a page of the machine."""
    if offset >= int(L.MACHINE_PAGES):
        return int(L.KIND_NONE)
    if offset >= int(L.MACHINE_JOURNAL):
        return int(L.KIND_JOURNAL)
    if offset >= int(L.MACHINE_READINGS):
        return int(L.KIND_READINGS)
    if offset >= int(L.MACHINE_UNDERLYINGS):
        return int(L.KIND_UNDERLYING) if offset < int(L.MACHINE_UNDERLYINGS) + 4 else int(L.KIND_NONE)
    if offset == int(L.MACHINE_HEADER):
        return int(L.KIND_MACHINE)
    if offset == int(L.MACHINE_REGISTERS):
        return int(L.KIND_REGISTERS)
    if offset in (int(L.MACHINE_STAGE), int(L.MACHINE_INBOX_STAGE)):
        return int(L.KIND_STAGE)
    return int(L.KIND_SIGNERS) if offset < int(L.MACHINE_SIGNERS) + 2 else int(L.KIND_NONE)
