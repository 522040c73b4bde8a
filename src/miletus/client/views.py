"""What a machine's state says, in words of the field: accounts, instruments, books, the exchange as a whole.

Views read and never change. Money is in micro-USDC, prices in ticks of 0.01 USDC, sizes in lots of 0.0001
coin. An account's equity and requirement are computed from its positions, so they are right also where the
sums that the state keeps are stale (spec 05).
"""

import msgspec

from miletus.engine import layout as L
from miletus.engine import params as P
from miletus.engine.elements import read_element
from miletus.engine.margin import compute_floor, compute_mark, compute_move, compute_quadratic, compute_short
from miletus.engine.state import State
from miletus.market.names import InstrumentType, Terms

LISTED = 1
SETTLED = 2
STATES = ("empty", "listed", "settled")


class InstrumentView(msgspec.Struct, frozen=True):
    """An instrument: what it is, its grid, its mark, the best prices. `payoff_ticks` once it is settled."""

    instrument: int
    name: str
    state: str
    expiry_s: int
    mark_ticks: int
    bid_ticks: int | None
    ask_ticks: int | None
    open_interest_lots: int
    payoff_ticks: int | None
    tick_step: int
    lot_step: int
    min_size_lots: int


class LevelView(msgspec.Struct, frozen=True):
    """All orders of one side at one price."""

    price_ticks: int
    size_lots: int
    orders: int


class BookView(msgspec.Struct, frozen=True):
    """The book of an instrument, best prices first."""

    instrument: InstrumentView
    bids: tuple[LevelView, ...]
    asks: tuple[LevelView, ...]


class PositionView(msgspec.Struct, frozen=True):
    """A position: negative is short. Its value is at the mark, or at the payoff of a settled instrument."""

    instrument: int
    name: str
    size_lots: int
    mark_ticks: int
    value_micros: int
    is_settled: bool


class OrderView(msgspec.Struct, frozen=True):
    """A resting order. `expiry_s` is 0 if it rests until it is cancelled."""

    slot: int
    generation: int
    instrument: int
    name: str
    side: str
    price_ticks: int
    left_lots: int
    filled_lots: int
    post_only: bool
    reduce_only: bool
    expiry_s: int


class KeyView(msgspec.Struct, frozen=True):
    """A trading key of an account."""

    slot: int
    x: str
    y: str
    last_nonce: int
    scope: int
    expiry_s: int


class AccountView(msgspec.Struct, frozen=True):
    """An account. Initial margin is needed to add risk; `available_micros` is what is left of equity."""

    account: int
    owner: str
    cash_micros: int
    locked_micros: int
    equity_micros: int
    initial_margin_micros: int
    available_micros: int
    positions: tuple[PositionView, ...]
    orders: tuple[OrderView, ...]
    keys: tuple[KeyView, ...]


class UnderlyingView(msgspec.Struct, frozen=True):
    """What the oracle said last of one underlying."""

    underlying: int
    index_ticks: int
    tick_time_s: int
    sheet_number: int
    sheet_time_s: int
    reference_ticks: int
    listed: int


class ExchangeView(msgspec.Struct, frozen=True):
    """The machine as a whole."""

    clock_ms: int
    batch: int
    inbox_cursor: int
    deposited_micros: int
    withdrawn_micros: int
    fund_micros: int
    fees_micros: int
    underlyings: tuple[UnderlyingView, ...]


def view_exchange(s: State) -> ExchangeView:
    """View the machine's header and what the oracle said."""
    c = s.cells
    return ExchangeView(
        clock_ms=c[L.CLOCK_MS],
        batch=c[L.BATCH_NUMBER],
        inbox_cursor=c[L.INBOX_CURSOR],
        deposited_micros=c[L.DEPOSITED],
        withdrawn_micros=c[L.WITHDRAWN],
        fund_micros=c[s.header(P.FUND_ACCOUNT) + L.CASH],
        fees_micros=c[s.header(P.FEE_ACCOUNT) + L.CASH],
        underlyings=tuple(view_underlying(s, u) for u in range(c[L.UNDERLYINGS])),
    )


def view_underlying(s: State, underlying: int) -> UnderlyingView:
    """View an underlying."""
    c, at = s.cells, s.underlying(underlying)
    return UnderlyingView(
        underlying=underlying,
        index_ticks=c[at + L.INDEX],
        tick_time_s=c[at + L.TICK_TIME_S],
        sheet_number=c[at + L.SHEET_NUMBER],
        sheet_time_s=c[at + L.SHEET_TIME_S],
        reference_ticks=c[at + L.SHEET_REFERENCE],
        listed=c[at + L.LISTED],
    )


def get_terms(s: State, instrument: int) -> Terms:
    """The terms that an instrument is listed with."""
    c, at = s.cells, s.instrument(instrument)
    return Terms(
        c[at + L.INSTRUMENT_UNDERLYING],
        c[at + L.EXPIRY_S],
        c[at + L.STRIKE],
        InstrumentType(c[at + L.INSTRUMENT_TYPE]),
    )


def view_instrument(s: State, instrument: int) -> InstrumentView | None:
    """View an instrument, None if its place is empty."""
    if not 0 <= instrument < P.MAX_INSTRUMENTS:
        return None
    c, at = s.cells, s.instrument(instrument)
    state = c[at + L.INSTRUMENT_STATE]
    if state == 0:
        return None
    terms = get_terms(s, instrument)
    return InstrumentView(
        instrument=instrument,
        name=terms.name,
        state=STATES[state],
        expiry_s=terms.expiry_s,
        mark_ticks=get_mark(s, instrument),
        bid_ticks=get_best(s, at + L.PAGE + L.HEAD_BID),
        ask_ticks=get_best(s, at + L.PAGE + L.HEAD_ASK),
        open_interest_lots=c[at + L.PAGE + L.OPEN_INTEREST],
        payoff_ticks=c[at + L.PAYOFF] if state == SETTLED else None,
        tick_step=c[at + L.TICK_STEP],
        lot_step=c[at + L.LOT_STEP],
        min_size_lots=c[at + L.MIN_SIZE],
    )


def view_instruments(s: State, *, settled: bool = False) -> list[InstrumentView]:
    """View all listed instruments, and the settled ones if asked."""
    views = (view_instrument(s, number) for number in range(int(P.MAX_INSTRUMENTS)))
    return [view for view in views if view is not None and (settled or view.state == STATES[LISTED])]


def get_mark(s: State, instrument: int) -> int:
    """Mark of an instrument now, its payoff once it is settled, in ticks."""
    c, at = s.cells, s.instrument(instrument)
    if c[at + L.INSTRUMENT_STATE] == SETTLED:
        return int(c[at + L.PAYOFF])
    return int(compute_mark(s, at, s.underlying(c[at + L.INSTRUMENT_UNDERLYING])))


def get_best(s: State, head: int) -> int | None:
    """Price of the order that a head link names, None if the side is empty."""
    link = s.cells[head]
    return int(s.cells[s.order(link - 1) + L.ORDER_PRICE]) if link else None


def view_book(s: State, instrument: int, depth: int = 10) -> BookView | None:
    """View the book of an instrument, `depth` prices of each side; None if there is no such instrument."""
    view = view_instrument(s, instrument)
    if view is None:
        return None
    page = s.instrument(instrument) + L.PAGE
    bids, asks = (view_levels(s, s.cells[page + head], depth) for head in (L.HEAD_BID, L.HEAD_ASK))
    return BookView(view, bids, asks)


def view_levels(s: State, link: int, depth: int) -> tuple[LevelView, ...]:
    """View the levels of one side, walking its list from the head."""
    levels: list[LevelView] = []
    while link:
        at = s.order(link - 1)
        price, left = s.cells[at + L.ORDER_PRICE], s.cells[at + L.ORDER_LEFT]
        if levels and levels[-1].price_ticks == price:
            last = levels[-1]
            levels[-1] = LevelView(price, last.size_lots + left, last.orders + 1)
        elif len(levels) == depth:
            break
        else:
            levels.append(LevelView(price, left, 1))
        link = s.cells[at + L.ORDER_NEXT]
    return tuple(levels)


def view_account(s: State, account: int) -> AccountView | None:
    """View an account, None if it does not exist."""
    if not 0 <= account < s.capacity:
        return None
    c, at = s.cells, s.header(account)
    owner = sum(c[at + L.OWNER + k] << (52 * k) for k in range(4))
    if owner == 0 and account >= P.FIRST_ACCOUNT:
        return None
    cash, requirement, equity, positions = int(c[at + L.CASH]), 0, int(c[at + L.CASH]), []
    for underlying in range(c[L.UNDERLYINGS]):
        value, needed, held = view_risk(s, account, underlying)
        equity += value
        requirement += needed
        positions += held
    return AccountView(
        account=account,
        owner=f"0x{owner:040x}",
        cash_micros=cash,
        locked_micros=c[at + L.LOCKED],
        equity_micros=equity,
        initial_margin_micros=requirement,
        available_micros=max(0, equity - requirement),
        positions=tuple(positions),
        orders=view_orders(s, account),
        keys=view_keys(s, account),
    )


def view_risk(s: State, account: int, underlying: int) -> tuple[int, int, list[PositionView]]:
    """(value, initial margin, positions) of an account in an underlying (05-R01 to R03)."""
    c, u = s.cells, s.underlying(underlying)
    sums = [0] * int(P.SCENARIOS)
    mark = delta = gamma = short = value = 0
    positions: list[PositionView] = []
    link = c[s.risk(account, underlying) + L.FIRST_POSITION]
    while link:
        instrument = link - 1
        record, n = s.position(account, instrument), s.instrument(instrument)
        lots = c[record + L.POSITION_SIZE]
        view = view_position(s, instrument, lots)
        positions.append(view)
        if view.is_settled:
            value += view.value_micros
        else:
            entry = s.entry(n, u)
            sums = [total + lots * c[entry + k] for k, total in enumerate(sums)]
            mark += lots * c[entry + L.ENTRY_MARK]
            delta += lots * c[entry + L.ENTRY_DELTA]
            gamma += lots * c[entry + L.ENTRY_GAMMA]
            short += compute_short(c[n + L.INSTRUMENT_TYPE], lots)
        link = c[record + L.POSITION_NEXT]
    value += mark + compute_quadratic(delta, gamma, compute_move(s, u))
    requirement = max(0, -min(sums)) + compute_floor(short, c[u + L.SHEET_REFERENCE])
    return int(value), int(requirement), positions


def view_position(s: State, instrument: int, lots: int) -> PositionView:
    """View a position of so many lots."""
    mark = get_mark(s, instrument)
    settled = s.cells[s.instrument(instrument) + L.INSTRUMENT_STATE] == SETTLED
    return PositionView(instrument, get_terms(s, instrument).name, lots, mark, lots * mark, settled)


def view_orders(s: State, account: int) -> tuple[OrderView, ...]:
    """View an account's resting orders, by slot."""
    orders: list[OrderView] = []
    c = s.cells
    for slot in range(int(P.SLOTS)):
        at = s.order(account * P.SLOTS + slot)
        book, terms = c[at + L.ORDER_BOOK], c[at + L.ORDER_TERMS]
        if book:
            instrument, side = divmod(book - 1, 2)
            orders.append(
                OrderView(
                    slot=slot,
                    generation=c[at + L.ORDER_GENERATION],
                    instrument=instrument,
                    name=get_terms(s, instrument).name,
                    side="sell" if side else "buy",
                    price_ticks=c[at + L.ORDER_PRICE],
                    left_lots=c[at + L.ORDER_LEFT],
                    filled_lots=c[at + L.ORDER_FILLED],
                    post_only=bool(terms & 2),
                    reduce_only=bool(terms & 1),
                    expiry_s=terms >> 2,
                )
            )
    return tuple(orders)


def view_keys(s: State, account: int) -> tuple[KeyView, ...]:
    """View an account's trading keys; a slot without a key is left out."""
    keys: list[KeyView] = []
    for slot in range(int(P.KEYS)):
        at = s.key(account, slot)
        x, y = read_element(s, at + L.KEY_X), read_element(s, at + L.KEY_Y)
        if x or y:
            c = s.cells
            keys.append(
                KeyView(
                    slot=slot,
                    x=f"0x{x:064x}",
                    y=f"0x{y:064x}",
                    last_nonce=c[at + L.KEY_NONCE],
                    scope=c[at + L.KEY_SCOPE],
                    expiry_s=c[at + L.KEY_EXPIRY_S],
                )
            )
    return tuple(keys)
