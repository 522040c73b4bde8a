"""The state of the machine: pages in one flat vector, and what is derived from them (spec 02).

A page is PAGE integers at a fixed place: the machine's pages first, then instruments, then accounts, then
pages of positions, which are made when first used. An address is an index of `cells`. Before a record is
first written in a step its page is touched, so that the tree hashes only what changed.
"""

from typing import Final, final

from librt.vecs import extend, vec
from mypy_extensions import i64, u8

from miletus.engine import layout as L
from miletus.engine import params as P
from miletus.engine.layout import PAGE
from miletus.engine.segment import INBOX

INSTRUMENTS_BASE: Final[i64] = 2048
"""Address of instrument 0: after 32 pages of the machine."""

ACCOUNTS_BASE: Final[i64] = 526_336
"""Address of account 0: after 2 x 4,096 instrument pages."""

ACCOUNT_STRIDE: Final[i64] = 2_560
"""40 pages an account: 4 of risk, the first with the header, keys, 3 spare, 32 of orders."""

ORDERS_OFFSET: Final[i64] = 512
"""Address of an account's first order, from its header."""

UNDERLYINGS_BASE: Final[i64] = 512
READINGS_BASE: Final[i64] = 1_024
STAGE_BASE: Final[i64] = 128
SIGNERS_BASE: Final[i64] = 192
INBOX_STAGE_BASE: Final[i64] = 320
REGISTERS_BASE: Final[i64] = 64
JOURNAL_BASE: Final[i64] = 1_536

RECEIPT: Final[i64] = 4
EVENT: Final[i64] = 8

_POOL_RESERVE: Final[i64] = 80
"""Position pages that one word may need: a taker and 64 makers, with room."""


def build_powers() -> vec[i64]:
    """Powers of two; a shift of a literal is a 32-bit shift when compiled, so the engine uses these."""
    return vec[i64]([2**k for k in range(62)])


@final
class State:
    """Cells, registers and derived tables. `capacity` is the number of accounts that there is room for."""

    def __init__(self, capacity: i64) -> None:
        pages: i64 = (ACCOUNTS_BASE + capacity * ACCOUNT_STRIDE) // PAGE
        # more than most need: growing copies all cells, which takes seconds in a full state
        pool: i64 = capacity * 4 + 2 * _POOL_RESERVE
        self.capacity: i64 = capacity
        self.pool_first: i64 = pages
        self.pool_used: i64 = 0
        self.pool_room: i64 = pool
        total: i64 = (pages + pool) * PAGE
        self.cells: vec[i64] = build_zeros(total)
        self.dirty: vec[u8] = vec[u8]([0] * int(pages + pool))
        self.stack: vec[i64] = build_zeros(pages + pool)
        self.dirty_count: i64 = 0
        self.position_table: vec[i64] = build_zeros(capacity * L.POSITION_PAGES)
        self.pool_number: vec[i64] = build_zeros(pool)
        self.pow2: vec[i64] = build_powers()
        # levels of the books, by 2 x instrument + side: derived from the order lists
        sides: i64 = 2 * P.MAX_INSTRUMENTS
        self.level_base: vec[i64] = build_zeros(sides)
        self.level_count: vec[i64] = build_zeros(sides)
        self.level_room: vec[i64] = build_zeros(sides)
        self.level_key: vec[i64] = build_zeros(4_096)
        self.level_tail: vec[i64] = build_zeros(4_096)
        self.level_used: i64 = 0
        # key slots set in the running segment: their precomputed signature results don't count
        self.rekeyed: vec[i64] = build_zeros(capacity * P.KEYS)
        self.run_number: i64 = 1
        # inputs of the batch, not state
        self.time_bound_ms: i64 = 0
        self.clock_floor_ms: i64 = 0
        # outputs
        self.receipts: vec[i64] = build_zeros(RECEIPT * 1_024)
        self.receipt_count: i64 = 0
        self.absorbed: i64 = 0
        self.events: vec[i64] = build_zeros(EVENT * 1_024)
        self.event_count: i64 = 0
        self.outbox: list[tuple[int, int]] = []
        # registers
        self.r_phase: i64 = 0
        self.r_record: i64 = 0
        self.r_account: i64 = 0
        self.r_slot: i64 = 0
        self.r_instrument: i64 = 0
        self.r_side: i64 = 0
        self.r_price: i64 = 0
        self.r_left: i64 = 0
        self.r_size: i64 = 0
        self.r_prior: i64 = 0
        self.r_tif: i64 = 0
        self.r_market: i64 = 0
        self.r_terms: i64 = 0
        self.r_expiry_s: i64 = 0
        self.r_generation: i64 = 0
        self.r_heads: i64 = 0
        self.r_filled: i64 = 0
        self.r_notional: i64 = 0
        self.r_fills: i64 = 0
        self.r_reason: i64 = 0
        self.r_detail: i64 = 0
        self.r_kind: i64 = 0
        self.r_target: i64 = 0
        self.r_cause: i64 = 0
        self.r_unlink_back: i64 = 0
        self.r_refresh: i64 = 0
        self.r_refresh_back: i64 = 0
        self.r_underlying: i64 = 0
        self.r_position: i64 = 0
        self.r_force: i64 = 0
        self.r_slow: i64 = 0
        self.r_amount: i64 = 0
        self.r_to: i64 = 0
        self.r_mode: i64 = 0
        self.r_count: i64 = 0
        self.r_replaced: i64 = 0
        self.r_named: i64 = 0
        # results of the last compute_fill, used by the step that asked
        self.f_requirement: i64 = 0

    # ---- pages

    def touch(self, address: i64) -> None:
        """Mark the page of `address` as changed. Call before its first write in a step."""
        page: i64 = address >> L.PAGE_BITS
        if self.dirty[page] == 0:
            self.dirty[page] = 1
            self.stack[self.dirty_count] = page
            self.dirty_count += 1

    def compute_page_number(self, page: i64) -> i64:
        """Number in the tree of a page of `cells`; -1 for spare pages (spec 02-R01)."""
        if page >= self.pool_first:
            return self.pool_number[page - self.pool_first]
        address: i64 = page * PAGE
        if address >= ACCOUNTS_BASE:
            account: i64 = (address - ACCOUNTS_BASE) // ACCOUNT_STRIDE
            offset: i64 = (address - ACCOUNTS_BASE - account * ACCOUNT_STRIDE) // PAGE
            if offset >= 8:
                offset = L.ACCOUNT_ORDERS + (offset - 8) * L.ACCOUNT_GROUP
            elif offset > L.ACCOUNT_KEYS:
                return -1
            return account * L.ACCOUNT_PAGES + offset
        if address >= INSTRUMENTS_BASE:
            return L.INSTRUMENT_REGION + (address - INSTRUMENTS_BASE) // PAGE
        return L.MACHINE_REGION + page

    def compute_address(self, number: i64) -> i64:
        """Address of the page with this number, made if it is of positions; -1 if there is none."""
        if number >= L.MACHINE_REGION:
            if number >= L.MACHINE_REGION + L.MACHINE_PAGES:
                return -1
            return (number - L.MACHINE_REGION) * PAGE
        if number >= L.INSTRUMENT_REGION:
            if number >= L.INSTRUMENT_REGION + 2 * P.MAX_INSTRUMENTS:
                return -1
            return INSTRUMENTS_BASE + (number - L.INSTRUMENT_REGION) * PAGE
        account: i64 = number // L.ACCOUNT_PAGES
        offset: i64 = number - account * L.ACCOUNT_PAGES
        if number < 0 or account >= self.capacity:
            return -1
        if offset <= L.ACCOUNT_KEYS:
            return self.header(account) + offset * PAGE
        group: i64 = offset // L.ACCOUNT_GROUP
        within: i64 = offset - group * L.ACCOUNT_GROUP
        if within == L.ACCOUNT_POSITIONS:
            self.reserve_positions()
            return self.make_position_page(account, group)
        if within == L.ACCOUNT_ORDERS and group < L.ORDER_PAGES:
            return self.header(account) + ORDERS_OFFSET + group * PAGE
        return -1

    def reserve_positions(self) -> None:
        """Make room for the position pages of one word. Only between steps: it replaces `cells`."""
        if self.pool_used + _POOL_RESERVE <= self.pool_room:
            return
        more: i64 = self.pool_room
        self.cells = extend(self.cells, build_zeros(more * PAGE))
        self.dirty = extend(self.dirty, vec[u8]([0] * int(more)))
        self.stack = extend(self.stack, build_zeros(more))
        self.pool_number = extend(self.pool_number, build_zeros(more))
        self.pool_room += more

    def make_position_page(self, account: i64, group: i64) -> i64:
        """Address of the page of 16 positions, made if it was not there."""
        at: i64 = account * L.POSITION_PAGES + group
        page: i64 = self.position_table[at]
        if page == 0:
            page = self.pool_first + self.pool_used
            number: i64 = account * L.ACCOUNT_PAGES + L.ACCOUNT_POSITIONS + group * L.ACCOUNT_GROUP
            self.pool_number[self.pool_used] = number
            self.pool_used += 1
            self.position_table[at] = page
        return page * PAGE

    # ---- addresses

    def header(self, account: i64) -> i64:
        """Address of an account's header."""
        return ACCOUNTS_BASE + account * ACCOUNT_STRIDE

    def risk(self, account: i64, underlying: i64) -> i64:
        """Address of the page with an account's risk in an underlying."""
        return ACCOUNTS_BASE + account * ACCOUNT_STRIDE + (L.ACCOUNT_RISK + underlying) * PAGE

    def key(self, account: i64, key: i64) -> i64:
        """Address of an account's key record."""
        return ACCOUNTS_BASE + account * ACCOUNT_STRIDE + L.ACCOUNT_KEYS * PAGE + key * L.KEY_RECORD

    def order(self, name: i64) -> i64:
        """Address of the order named account x 256 + slot."""
        account: i64 = name >> P.SLOT_BITS
        slot: i64 = name & (P.SLOTS - 1)
        return ACCOUNTS_BASE + account * ACCOUNT_STRIDE + ORDERS_OFFSET + slot * L.ORDER_RECORD

    def instrument(self, instrument: i64) -> i64:
        """Address of an instrument's definition; its book page follows it."""
        return INSTRUMENTS_BASE + instrument * 2 * PAGE

    def underlying(self, underlying: i64) -> i64:
        """Address of an underlying's page."""
        return UNDERLYINGS_BASE + underlying * PAGE

    def entry(self, instrument_address: i64, underlying_address: i64) -> i64:
        """Address of the instrument's sheet entry in force."""
        buffer: i64 = self.cells[underlying_address + L.SHEET_BUFFER]
        return instrument_address + L.ENTRIES + buffer * L.ENTRY_RECORD

    def position(self, account: i64, instrument: i64) -> i64:
        """Address of a position record, -1 if its page was never made (then the position is zero)."""
        group: i64 = instrument >> 4
        page: i64 = self.position_table[account * L.POSITION_PAGES + group]
        if page == 0:
            return -1
        return page * PAGE + (instrument - group * 16) * L.POSITION_RECORD

    def make_position(self, account: i64, instrument: i64) -> i64:
        """As `position`, with the page made if needed."""
        group: i64 = instrument >> 4
        return self.make_position_page(account, group) + (instrument - group * 16) * L.POSITION_RECORD

    def get_position_lots(self, account: i64, instrument: i64) -> i64:
        """Signed size of a position."""
        at: i64 = self.position(account, instrument)
        if at < 0:
            return 0
        return self.cells[at + L.POSITION_SIZE]

    # ---- outputs

    def reserve_outputs(self) -> None:
        """Make room for the receipt and the events of one word."""
        if (self.receipt_count + 1) * RECEIPT > i64(len(self.receipts)):
            self.receipts = extend(self.receipts, build_zeros(i64(len(self.receipts))))
        if (self.event_count + 512) * EVENT > i64(len(self.events)):
            self.events = extend(self.events, build_zeros(i64(len(self.events)) + 512 * EVENT))

    def emit(self, kind: i64, a: i64, b: i64, c: i64, d: i64, e: i64, f: i64) -> None:
        """Record an event of the word in progress (not state; see `events.py`)."""
        at: i64 = self.event_count * EVENT
        v = self.events
        v[at] = kind
        v[at + 1] = self.r_record
        v[at + 2] = a
        v[at + 3] = b
        v[at + 4] = c
        v[at + 5] = d
        v[at + 6] = e
        v[at + 7] = f
        self.event_count += 1

    def clear_outputs(self) -> None:
        """Forget receipts, events and outbox that were read."""
        self.receipt_count = 0
        self.absorbed = 0
        self.event_count = 0


def get_stage(source: i64) -> i64:
    """Address of the stage of segments of this source (06-R01)."""
    return INBOX_STAGE_BASE if source == INBOX else STAGE_BASE


def build_zeros(count: i64) -> vec[i64]:
    """A vector of `count` zeros."""
    return vec[i64]([0] * int(count))
