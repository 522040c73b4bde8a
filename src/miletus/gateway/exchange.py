"""The exchange as the gateway knows it: the mirror, and what traders want to know that no cell holds."""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from miletus.engine import events as E
from miletus.engine import layout
from miletus.engine import segment as kinds
from miletus.engine.state import State
from miletus.gateway.books import Books
from miletus.gateway.instruments import Listing, Listings
from miletus.gateway.labels import Labels
from miletus.gateway.mirror import Applied, Mirror
from miletus.gateway.orders import AccountOrders, Meta, Order, get_account, is_signed
from miletus.gateway.portfolio import Portfolio
from miletus.gateway.trades import Tape, Trade
from miletus.market.names import UNDERLYINGS
from miletus.sequencer.answers import FeedGroup
from miletus.sequencer.query import get_mark

_FILL, _RESTED, _REMOVED, _REDUCED = int(E.FILL), int(E.RESTED), int(E.REMOVED), int(E.REDUCED)
_SWEPT, _SETTLED, _LISTED = int(E.SWEPT), int(E.SETTLED), int(E.LISTED)
_FLIPPED, _INDEXED = int(E.FLIPPED), int(E.INDEXED)
_WITHDRAWN, _DEPOSITED, _TRANSFERRED = int(E.WITHDRAWN), int(E.DEPOSITED), int(E.TRANSFERRED)
_AMEND = int(kinds.AMEND)

LEDGER: Final = 20_000
"""Entries of an account's transaction log that are remembered."""

INDEX_MINUTES: Final = 40 * 24 * 60
"""Minutes of index prices that are remembered."""


@dataclass(slots=True, eq=False)
class UserTrade:
    """An account's side of a trade, with its order as it was then. `role` is M or T."""

    trade: Trade
    order: Order
    role: str
    fee_micros: int
    realised_micros: int


@dataclass(slots=True, eq=False)
class Entry:
    """A line of an account's transaction log: what moved its cash, in micros."""

    id: int
    number: int
    time_ms: int
    type: str
    change_micros: int
    cash_micros: int
    instrument: int | None = None
    trade: UserTrade | None = None
    position_lots: int = 0


@dataclass(slots=True, eq=False)
class AccountBook:
    """All that is known of an account that the gateway serves."""

    account: int
    orders: AccountOrders
    portfolio: Portfolio
    trades: deque[UserTrade] = field(default_factory=lambda: deque(maxlen=LEDGER))
    ledger: deque[Entry] = field(default_factory=lambda: deque(maxlen=LEDGER))
    entries: int = 0


@dataclass(slots=True)
class AccountChanges:
    """What a group did to an account: orders and positions that changed, trades, and whether cash moved."""

    orders: dict[str, Order] = field(default_factory=dict)
    trades: list[UserTrade] = field(default_factory=list)
    positions: set[int] = field(default_factory=set)


@dataclass(slots=True)
class Changes:
    """What a group did. `books` has the touched prices of each book (2 x instrument + side)."""

    books: dict[int, set[int]] = field(default_factory=dict)
    trades: list[Trade] = field(default_factory=list)
    indices: set[int] = field(default_factory=set)
    sheets: set[int] = field(default_factory=set)
    listed: list[Listing] = field(default_factory=list)
    settled: list[Listing] = field(default_factory=list)
    accounts: dict[int, AccountChanges] = field(default_factory=dict)


class Exchange:
    """Takes in what the link brings; `listeners` hear of each group, or None for a new state."""

    def __init__(self, mirror: Mirror, now_ms: Callable[[], int]) -> None:
        self.mirror = mirror
        self.now_ms = now_ms
        self.books = Books()
        self.listings = Listings()
        self.tapes: dict[int, Tape] = {}
        self.accounts: dict[int, AccountBook] = {}
        self.metas: dict[bytes, Meta] = {}
        self.labels: Labels | None = None
        self.indices: dict[int, dict[int, int]] = {}
        """By underlying, the last index of each minute, in ticks."""
        self.deliveries: dict[int, list[tuple[int, int]]] = {}
        """By underlying, settlement prices: expiry in seconds, price in ticks."""
        self.listeners: list[Callable[[Changes | None], None]] = []
        self._epoch = 0

    @property
    def state(self) -> State:
        """The machine's state, for reading."""
        return self.mirror.state

    # ---- the link's side

    def reset(self) -> None:
        """Begin with the state that the mirror was just given."""
        state = self.state
        self.listings.load(state)
        self.books.load(state, self.mirror.place)
        for account in self.accounts.values():
            if self.mirror.epoch != self._epoch:  # the numbers that are known are of other words now
                account.orders.forget_numbers()
            self._load(account)
        self._epoch = self.mirror.epoch
        for underlying in range(int(state.cells[layout.UNDERLYINGS])):
            self._note_index(underlying, self.get_index(underlying), self.mirror.clock_ms)
        for listener in self.listeners:
            listener(None)

    def take(self, group: FeedGroup, applied: Iterable[Applied]) -> None:
        """Take in a group that the mirror has carried out."""
        changes = Changes()
        for each in applied:
            self._take(each, changes)
        changes.books = self.books.take_touched()
        for listener in self.listeners:
            listener(changes)

    # ---- accounts

    def serve(self, account: int) -> AccountBook:
        """Keep orders and positions of an account from now on."""
        book = self.accounts.get(account)
        if book is None:
            book = AccountBook(account, AccountOrders(account), Portfolio(account))
            self.accounts[account] = book
            if self.mirror.epoch:
                self._load(book)
        return book

    def _load(self, book: AccountBook) -> None:
        if book.account < self.state.capacity:
            book.orders.load(self.state, self.mirror.clock_ms)
            book.portfolio.load(self.state)

    def get_cash(self, account: int) -> int:
        """Cash and what is locked for resting orders, in micros."""
        header = self.state.header(account)
        return int(self.state.cells[header + layout.CASH] + self.state.cells[header + layout.LOCKED])

    # ---- market

    def get_index(self, underlying: int) -> int:
        """The index in ticks."""
        return int(self.state.cells[self.state.underlying(underlying) + layout.INDEX])

    def get_mark(self, instrument: int) -> int:
        """The mark of now in ticks."""
        return get_mark(self.state, instrument)

    def get_tape(self, instrument: int) -> Tape:
        """The trades of an instrument."""
        tape = self.tapes.get(instrument)
        if tape is None:
            tape = self.tapes[instrument] = Tape()
        return tape

    # ---- words

    def _take(self, applied: Applied, changes: Changes) -> None:
        words = applied.words
        own: Order | None = None
        book: AccountBook | None = None
        if is_signed(words):
            book = self.accounts.get(get_account(words))
            if book is not None:
                meta = self.metas.pop(words, None)
                own = book.orders.take(applied, meta)
                if own is not None and self.labels is not None:
                    if meta is not None:
                        self.labels.put(own)
                    else:  # placed before a restart, and told after it
                        self.labels.apply([own])
        events = applied.result.events
        if not events:
            return
        place = self.mirror.place
        fills = 0
        amending = words[0] == _AMEND
        for event in events:
            kind = event[0]
            if kind == _FILL:
                self.books.take(event, place)
                self._fill(applied, event, fills, own, changes)
                fills += 1
            elif kind in (_RESTED, _REMOVED, _REDUCED):
                self.books.take(event, place)
                self._move(applied, event, own, amending, changes)
            else:
                self._note(applied, event, changes)
        if own is not None and book is not None:
            book.orders.finish(own, applied)
            self._changes(changes, own.account).orders[own.id] = own

    def _fill(
        self, applied: Applied, event: tuple[int, ...], place: int, own: Order | None, changes: Changes
    ) -> None:
        _, maker, taker, book, price, lots, fee = event
        instrument, side = book >> 1, book & 1
        tape = self.get_tape(instrument)
        trade = Trade(
            applied.number,
            place,
            tape.count + 1,
            applied.time_ms,
            instrument,
            price,
            lots,
            side,
            self.get_mark(instrument),
            self.get_index(self.listings.by_number[instrument].terms.underlying),
            tape.compute_direction(price),
            fee,
            maker,
            taker,
        )
        tape.add(trade)
        changes.trades.append(trade)
        if own is not None:
            self._book_trade(self.accounts[own.account], own, trade, "T", side, fee, changes)
        account = self.accounts.get(maker >> 8)
        if account is not None:
            order = account.orders.by_slot.get(maker & 255)
            if order is not None:
                self._book_trade(account, order, trade, "M", 1 - side, 0, changes)

    def _book_trade(
        self, book: AccountBook, order: Order, trade: Trade, role: str, side: int, fee: int, changes: Changes
    ) -> None:
        lots = trade.size_lots if side == 0 else -trade.size_lots
        realised = book.portfolio.fill(trade.instrument, lots, trade.price_ticks)
        book.portfolio.holdings[trade.instrument].fees_micros += fee
        book.orders.fill(order, trade.size_lots, trade.price_ticks, fee, trade.time_ms)
        user = UserTrade(trade, order, role, fee, realised)
        book.trades.append(user)
        self._append(book, trade.number, trade.time_ms, "trade", -lots * trade.price_ticks - fee, trade=user)
        mine = self._changes(changes, book.account)
        mine.trades.append(user)
        mine.orders[order.id] = order
        mine.positions.add(trade.instrument)

    def _move(
        self, applied: Applied, event: tuple[int, ...], own: Order | None, amending: bool, changes: Changes
    ) -> None:
        account, slot = event[1] >> 8, event[1] & 255
        book = self.accounts.get(account)
        if book is None:
            return
        order: Order | None = None
        if event[0] == _RESTED and own is not None:
            book.orders.rest(own, event)
            book.orders.release_slot(slot)
            order = own
        elif event[0] == _REMOVED:
            order = book.orders.remove(slot, event[2], applied.time_ms, amending=amending)
        elif event[0] == _REDUCED:
            order = book.orders.reduce(slot, event[2])
        if order is not None:
            self._changes(changes, account).orders[order.id] = order

    def _note(self, applied: Applied, event: tuple[int, ...], changes: Changes) -> None:
        kind = event[0]
        if kind == _INDEXED:
            if not event[4]:
                self._note_index(event[1], event[2], applied.time_ms)
                changes.indices.add(event[1])
        elif kind == _FLIPPED:
            changes.sheets.add(event[1])
        elif kind == _LISTED:
            changes.listed.append(self.listings.put(self.state, event[1], applied.time_ms))
        elif kind == _SETTLED:
            listing = self.listings.put(self.state, event[1], applied.time_ms)
            listing.is_settled, listing.payoff_ticks, listing.settled_ms = True, event[2], applied.time_ms
            delivered = self.deliveries.setdefault(listing.terms.underlying, [])
            if (listing.terms.expiry_s, event[3]) not in delivered:
                delivered.append((listing.terms.expiry_s, event[3]))
            changes.settled.append(listing)
        elif kind == _SWEPT:
            self._sweep(applied, event, changes)
        elif kind in (_DEPOSITED, _WITHDRAWN, _TRANSFERRED):
            self._pay(applied, event, changes)

    def _sweep(self, applied: Applied, event: tuple[int, ...], changes: Changes) -> None:
        _, account, instrument, lots, payoff = event[:5]
        book = self.accounts.get(account)
        if book is not None:
            book.portfolio.close(instrument, payoff)
            type = "delivery" if self.listings.by_number[instrument].kind == "option" else "settlement"
            self._append(book, applied.number, applied.time_ms, type, lots * payoff, instrument=instrument)
            self._changes(changes, account).positions.add(instrument)

    def _pay(self, applied: Applied, event: tuple[int, ...], changes: Changes) -> None:
        moves = {
            _DEPOSITED: [(event[1], "deposit", event[2])],
            _WITHDRAWN: [(event[1], "withdrawal", -event[2])],
            _TRANSFERRED: [(event[1], "transfer", -event[3]), (event[2], "transfer", event[3])],
        }[event[0]]
        for account, type, amount in moves:
            book = self.accounts.get(account)
            if book is not None:
                self._append(book, applied.number, applied.time_ms, type, amount)
                self._changes(changes, account)

    def _append(
        self,
        book: AccountBook,
        number: int,
        time_ms: int,
        type: str,
        change: int,
        instrument: int | None = None,
        trade: UserTrade | None = None,
    ) -> None:
        book.entries += 1
        if trade is not None:
            instrument = trade.trade.instrument
        holding = book.portfolio.holdings.get(instrument) if instrument is not None else None
        lots = holding.size_lots if holding is not None else 0
        cash = self.get_cash(book.account)
        entry = Entry(book.entries, number, time_ms, type, change, cash, instrument, trade, lots)
        book.ledger.append(entry)

    def _note_index(self, underlying: int, index_ticks: int, time_ms: int) -> None:
        if underlying >= len(UNDERLYINGS) or not index_ticks:
            return
        minutes = self.indices.setdefault(underlying, {})
        minutes[time_ms // 60_000] = index_ticks
        while len(minutes) > INDEX_MINUTES:
            del minutes[next(iter(minutes))]

    @staticmethod
    def _changes(changes: Changes, account: int) -> AccountChanges:
        known = changes.accounts.get(account)
        if known is None:
            known = changes.accounts[account] = AccountChanges()
        return known
