"""Views of the machine's state for clients: accounts, instruments, books. They read and change nothing."""

from collections.abc import Iterator

import msgspec

from miletus.engine import layout, params
from miletus.engine.elements import read_element
from miletus.engine.margin import compute_mark, compute_requirement, is_restricted
from miletus.engine.refresh import is_stale
from miletus.engine.state import State
from miletus.engine.transactions.authorise import exists

PAGE = int(layout.PAGE)


class KeyView(msgspec.Struct, frozen=True):
    """A trading key: its point as 32 bytes each, its last nonce, expiry (0: none) and scope (03-R07)."""

    slot: int
    x: bytes
    y: bytes
    nonce: int
    expiry_s: int
    scope: int


class OrderView(msgspec.Struct, frozen=True):
    """A resting order; `side` 0 buys."""

    account: int
    slot: int
    instrument: int
    side: int
    price_ticks: int
    left_lots: int
    filled_lots: int
    generation: int
    expiry_s: int
    post_only: bool
    reduce_only: bool


class PositionView(msgspec.Struct, frozen=True):
    """A position and what it is worth at the mark of now."""

    instrument: int
    size_lots: int
    mark_ticks: int
    value_micros: int


class AccountView(msgspec.Struct, frozen=True):
    """An account. Equity is at the marks of now; the requirement is as last computed if `stale` (05-R08)."""

    account: int
    owner: bytes
    cash_micros: int
    locked_micros: int
    equity_micros: int
    requirement_micros: int
    stale: bool
    keys: tuple[KeyView, ...]
    positions: tuple[PositionView, ...]
    orders: tuple[OrderView, ...]


class InstrumentView(msgspec.Struct, frozen=True):
    """An instrument; `state` 1 is listed, 2 settled; `type` as in List; `covered` if a sheet has it."""

    instrument: int
    state: int
    type: int
    underlying: int
    strike_ticks: int
    expiry_s: int
    tick_step: int
    lot_step: int
    min_size_lots: int
    payoff_ticks: int
    open_interest_lots: int
    mark_ticks: int
    delta: int
    gamma: int
    covered: bool
    restricted: bool


class UnderlyingView(msgspec.Struct, frozen=True):
    """An underlying: its index, and the sheet in force."""

    underlying: int
    index_ticks: int
    tick_time_s: int
    cumulative: int
    sheet_number: int
    sheet_reference_ticks: int
    sheet_time_s: int
    listed: int


def view_account(state: State, account: int) -> AccountView | None:
    """View an account; None if it does not exist."""
    if not 0 <= account < state.capacity or (account >= 16 and not exists(state, account)):
        return None
    cells, header = state.cells, state.header(account)
    owner = sum(int(cells[header + k]) << (52 * k) for k in range(4))
    positions = tuple(iterate_positions(state, account))
    cash = int(cells[header + layout.CASH])
    return AccountView(
        account,
        owner.to_bytes(20, "big"),
        cash,
        int(cells[header + layout.LOCKED]),
        cash + sum(position.value_micros for position in positions),
        int(compute_requirement(state, account)),
        bool(is_stale(state, account)),
        tuple(iterate_keys(state, account)),
        positions,
        tuple(iterate_orders(state, account)),
    )


def iterate_keys(state: State, account: int) -> Iterator[KeyView]:
    """The keys of an account."""
    for slot in range(int(params.KEYS)):
        at = state.key(account, slot)
        x, y = read_element(state, at + layout.KEY_X), read_element(state, at + layout.KEY_Y)
        if x or y:
            names = (layout.KEY_NONCE, layout.KEY_EXPIRY_S, layout.KEY_SCOPE)
            numbers = (int(state.cells[at + name]) for name in names)
            yield KeyView(slot, x.to_bytes(32, "big"), y.to_bytes(32, "big"), *numbers)


def iterate_positions(state: State, account: int) -> Iterator[PositionView]:
    """The open positions of an account, newest first within an underlying."""
    cells = state.cells
    for underlying in range(int(cells[layout.UNDERLYINGS])):
        following = int(cells[state.risk(account, underlying) + layout.FIRST_POSITION])
        while following:
            at = state.position(account, following - 1)
            size, mark = int(cells[at + layout.POSITION_SIZE]), get_mark(state, following - 1)
            yield PositionView(following - 1, size, mark, size * mark)
            following = int(cells[at + layout.POSITION_NEXT])


def iterate_orders(state: State, account: int) -> Iterator[OrderView]:
    """The resting orders of an account, by slot."""
    cells, header = state.cells, state.header(account)
    for group in range(8):
        bitmap = int(cells[header + layout.BITMAP + group])
        for bit in range(32):
            if bitmap >> bit & 1:
                yield view_order(state, account * int(params.SLOTS) + group * 32 + bit)


def view_order(state: State, name: int) -> OrderView:
    """View the resting order named account x 256 + slot."""
    cells, at = state.cells, state.order(name)
    book, terms = int(cells[at + layout.ORDER_BOOK]) - 1, int(cells[at + layout.ORDER_TERMS])
    return OrderView(
        name // int(params.SLOTS),
        name % int(params.SLOTS),
        book // 2,
        book % 2,
        int(cells[at + layout.ORDER_PRICE]),
        int(cells[at + layout.ORDER_LEFT]),
        int(cells[at + layout.ORDER_FILLED]),
        int(cells[at + layout.ORDER_GENERATION]),
        terms // 4,
        terms // 2 % 2 == 1,
        terms % 2 == 1,
    )


def view_book(state: State, instrument: int, side: int, most: int) -> tuple[OrderView, ...]:
    """The first `most` orders of one side of a book in price-time order."""
    if not 0 <= instrument < params.MAX_INSTRUMENTS:
        return ()
    head = layout.HEAD_BID if side == 0 else layout.HEAD_ASK
    following = int(state.cells[state.instrument(instrument) + PAGE + head])
    orders: list[OrderView] = []
    while following and len(orders) < most:
        orders.append(view_order(state, following - 1))
        following = int(state.cells[state.order(following - 1) + layout.ORDER_NEXT])
    return tuple(orders)


def view_instrument(state: State, instrument: int) -> InstrumentView | None:
    """View an instrument; None if nothing is listed under the number."""
    if not 0 <= instrument < params.MAX_INSTRUMENTS:
        return None
    cells, page = state.cells, state.instrument(instrument)
    status = int(cells[page + layout.INSTRUMENT_STATE])
    if status == 0:
        return None
    underlying_page = state.underlying(cells[page + layout.INSTRUMENT_UNDERLYING])
    entry = state.entry(page, underlying_page)
    covered = is_covered(state, instrument)
    return InstrumentView(
        instrument,
        status,
        type=int(cells[page + layout.INSTRUMENT_TYPE]),
        underlying=int(cells[page + layout.INSTRUMENT_UNDERLYING]),
        strike_ticks=int(cells[page + layout.STRIKE]),
        expiry_s=int(cells[page + layout.EXPIRY_S]),
        tick_step=int(cells[page + layout.TICK_STEP]),
        lot_step=int(cells[page + layout.LOT_STEP]),
        min_size_lots=int(cells[page + layout.MIN_SIZE]),
        payoff_ticks=int(cells[page + layout.PAYOFF]),
        open_interest_lots=int(cells[page + PAGE + layout.OPEN_INTEREST]),
        mark_ticks=get_mark(state, instrument),
        delta=int(cells[entry + layout.ENTRY_DELTA]) if covered else 0,
        gamma=int(cells[entry + layout.ENTRY_GAMMA]) if covered else 0,
        covered=covered,
        restricted=bool(is_restricted(state, page, underlying_page)),
    )


def is_covered(state: State, instrument: int) -> bool:
    """Whether the sheet in force has an entry for the instrument."""
    cells, page = state.cells, state.instrument(instrument)
    underlying_page = state.underlying(cells[page + layout.INSTRUMENT_UNDERLYING])
    tag = cells[underlying_page + layout.SHEET_TAG]
    return bool(tag != 0 and cells[state.entry(page, underlying_page) + layout.ENTRY_TAG] == tag)


def get_mark(state: State, instrument: int) -> int:
    """The mark of now, the payoff of a settled instrument, 0 where no sheet has it."""
    cells, page = state.cells, state.instrument(instrument)
    if cells[page + layout.INSTRUMENT_STATE] == 2:
        return int(cells[page + layout.PAYOFF])
    if not is_covered(state, instrument):
        return 0
    return int(compute_mark(state, page, state.underlying(cells[page + layout.INSTRUMENT_UNDERLYING])))


def view_underlying(state: State, underlying: int) -> UnderlyingView | None:
    """View an underlying; None if there is none of this number."""
    if not 0 <= underlying < state.cells[layout.UNDERLYINGS]:
        return None
    page = state.underlying(underlying)
    names = (
        layout.INDEX,
        layout.TICK_TIME_S,
        layout.CUMULATIVE,
        layout.SHEET_NUMBER,
        layout.SHEET_REFERENCE,
        layout.SHEET_TIME_S,
        layout.LISTED,
    )
    return UnderlyingView(underlying, *(int(state.cells[page + name]) for name in names))
