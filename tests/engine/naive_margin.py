"""The naive model's state, and what an account is worth (spec 02 and 05): plain objects, nothing cached.

Nothing here is shared with the engine but the numbers of `params` and `reasons`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from miletus.engine import events, params
from miletus.engine.reasons import Reason

EMPTY, LISTED, SETTLED = 0, 1, 2
CALL, PUT, FUTURE, PERPETUAL = 0, 1, 2, 3
BUY, SELL = 0, 1
UNDERLYINGS = range(params.MAX_UNDERLYINGS)


Stage = dict[str, int | set[int] | dict[str, int]]
"""A proposal and who approved it; empty if there is none."""

Event = tuple[int, ...]
"""(kind, a, b, c, d, e, f), of `miletus.engine.events`; unused ones are 0."""


def make_event(kind: int, *values: int) -> Event:
    return (kind, *values, *(0,) * (6 - len(values)))


@dataclass
class Entry:
    """What a sheet says of one instrument."""

    mark: int = 0
    delta: int = 0
    gamma: int = 0
    scenarios: tuple[int, ...] = (0,) * 16
    tag: int = 0


@dataclass(eq=False)
class Order:
    """An order that rests, or that is about to; it equals nothing but itself."""

    account: int
    slot: int
    instrument: int
    side: int
    price: int
    left: int
    filled: int
    generation: int
    expiry_s: int
    post_only: bool
    reduce_only: bool


@dataclass
class Instrument:
    """One place of the list of instruments, with its book and its clearing account."""

    state: int = EMPTY
    type: int = 0
    underlying: int = 0
    strike: int = 0
    expiry_s: int = 0
    tick_step: int = 0
    lot_step: int = 0
    min_size: int = 0
    payoff: int = 0
    slow_mark: int = 0
    slow_time_s: int = 0
    entries: list[Entry] = field(default_factory=lambda: [Entry(), Entry()])
    book: tuple[list[Order], list[Order]] = field(default_factory=lambda: ([], []))
    open_interest: int = 0
    clearing_position: int = 0
    clearing_cash: int = 0


@dataclass
class Underlying:
    """What the oracle last said of one coin, and the sheet that is being filled."""

    index: int = 0
    tick_time_s: int = 0
    cumulative: int = 0
    sheet_number: int = 0
    reference: int = 0
    sheet_time_s: int = 0
    sheet_tag: int = 0
    buffer: int = 0
    risk_epoch: int = 0
    listed: int = 0
    filling_tag: int = 0
    filling_open: int = 0
    filling_count: int = 0
    filling_hash: int = 0
    filling_index: int = 0
    readings: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)


@dataclass
class Risk:
    """Sums over an account's positions in one underlying, as they were when last formed (spec 05)."""

    scenarios: list[int] = field(default_factory=lambda: [0] * 16)
    mark: int = 0
    delta: int = 0
    gamma: int = 0
    gross: int = 0
    short: int = 0
    requirement: int = 0
    epoch: int = 0


@dataclass
class Key:
    """A trading key of an account."""

    x: int = 0
    y: int = 0
    nonce: int = 0
    expiry_s: int = 0
    scope: int = 0


@dataclass
class Account:
    """One account; `positions` has a list of [instrument, size] an underlying, newest first."""

    owner: int = 0
    cash: int = 0
    locked: int = 0
    orders: dict[int, Order] = field(default_factory=dict)
    generations: dict[int, int] = field(default_factory=dict)
    positions: list[list[list[int]]] = field(default_factory=lambda: [[] for _ in UNDERLYINGS])
    risk: list[Risk] = field(default_factory=lambda: [Risk() for _ in UNDERLYINGS])
    keys: list[Key] = field(default_factory=lambda: [Key() for _ in range(params.KEYS)])

    def get_position(self, underlying: int, instrument: int) -> int:
        return sum(size for number, size in self.positions[underlying] if number == instrument)

    def add_position(self, underlying: int, instrument: int, lots: int) -> None:
        held = self.positions[underlying]
        size = self.get_position(underlying, instrument)
        if size == 0:
            held.insert(0, [instrument, lots])
            return
        place = next(place for place, (number, _) in enumerate(held) if number == instrument)
        held[place][1] += lots
        if held[place][1] == 0:
            del held[place]

    def count_positions(self) -> int:
        return sum(len(held) for held in self.positions)


@dataclass
class World:
    """Everything that the machine knows."""

    signers: int
    threshold: int
    underlying_count: int
    clock_ms: int = 0
    time_bound_ms: int = 0
    clock_floor_ms: int = 0
    inbox_cursor: int = 0
    batch_number: int = 0
    deposited: int = 0
    withdrawn: int = 0
    outbox: list[tuple[int, int]] = field(default_factory=list)
    outbox_hash: int = 0
    events_hash: int = 0
    accounts: dict[int, Account] = field(default_factory=dict)
    instruments: dict[int, Instrument] = field(default_factory=dict)
    underlyings: list[Underlying] = field(default_factory=lambda: [Underlying() for _ in UNDERLYINGS])
    stage: Stage = field(default_factory=dict)
    inbox_stage: Stage = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    """What happened in the operation in progress: no state, see `miletus.engine.events`."""

    @property
    def clock_s(self) -> int:
        return self.clock_ms // 1000

    def get_account(self, number: int) -> Account:
        return self.accounts.setdefault(number, Account())

    def has_account(self, number: int) -> bool:
        return number in self.accounts and self.accounts[number].owner != 0

    def get_instrument(self, number: int) -> Instrument:
        """An instrument's place, empty (and not kept) if nothing was ever listed there."""
        return self.instruments.get(number, Instrument())


# ---- marks ------------------------------------------------------------------------------------------


def ceil_div(a: int, b: int) -> int:
    return -(-a // b)


def quadratic(delta: int, gamma: int, move: int) -> int:
    """05-R01: change of value for a move of the index, each step rounded down."""
    size = abs(move)
    return delta * move // params.DELTA_ONE + (gamma * size // params.GAMMA_SPAN) * size // 20_000


def get_move(coin: Underlying) -> int:
    most = coin.reference // 4
    return max(-most, min(most, coin.index - coin.reference))


def get_coin(world: World, item: Instrument) -> Underlying:
    return world.underlyings[item.underlying]


def get_entry(world: World, item: Instrument) -> Entry | None:
    """The entry in force, or None if the sheet in force says nothing of this instrument."""
    coin = get_coin(world, item)
    entry = item.entries[coin.buffer]
    return entry if coin.sheet_tag != 0 and entry.tag == coin.sheet_tag else None


def compute_mark(world: World, item: Instrument) -> int:
    """05-R02: the mark now, in ticks."""
    entry = get_entry(world, item)
    assert entry is not None
    return max(0, entry.mark + quadratic(entry.delta, entry.gamma, get_move(get_coin(world, item))))


def compute_band(world: World, item: Instrument) -> int:
    """04-R08: how far from the mark a fill may be, in ticks."""
    index, mark = get_coin(world, item).index, compute_mark(world, item)
    return index * params.BAND_INDEX_PERMILLE // 1000 + mark * params.BAND_MARK_PERMILLE // 1000


def is_old(world: World, coin: Underlying) -> bool:
    tick_age_s, sheet_age_s = world.clock_s - coin.tick_time_s, world.clock_s - coin.sheet_time_s
    return tick_age_s > params.TICK_MAX_AGE_S or sheet_age_s > params.SHEET_MAX_AGE_S


def is_restricted(world: World, item: Instrument) -> bool:
    """06-R08."""
    coin, entry = get_coin(world, item), get_entry(world, item)
    assert entry is not None
    moved = abs(coin.index - coin.reference) * 1000 > coin.reference * params.MOVE_LIMIT_PERMILLE
    curved = quadratic(0, entry.gamma, get_move(coin)) > coin.index // 100
    return is_old(world, coin) or moved or curved


# ---- an account ---------------------------------------------------------------------------------------


def compute_risk(world: World, number: int, held: list[list[int]]) -> Risk:
    """05: sums over positions in underlying `number`, by the entries in force."""
    coin = world.underlyings[number]
    risk = Risk(epoch=coin.risk_epoch)
    for instrument, size in held:
        item = world.instruments[instrument]
        entry = get_entry(world, item)
        assert entry is not None
        risk.scenarios = [s + size * e for s, e in zip(risk.scenarios, entry.scenarios, strict=True)]
        risk.mark += size * entry.mark
        risk.delta += size * entry.delta
        risk.gamma += size * entry.gamma
        risk.gross += abs(size)
        if size < 0 and item.type in (CALL, PUT):
            risk.short -= size
    floor = ceil_div(risk.short * params.SHORT_FLOOR_PERMILLE * coin.reference, 1000)
    risk.requirement = max(0, -min(risk.scenarios)) + floor
    return risk


def compute_equity(world: World, cash: int, risks: list[Risk]) -> int:
    """05-R02, in micros."""
    moves = [get_move(coin) for coin in world.underlyings]
    pairs = zip(risks, moves, strict=True)
    return cash + sum(risk.mark + quadratic(risk.delta, risk.gamma, move) for risk, move in pairs)


def compute_requirement(risks: list[Risk]) -> int:
    return sum(risk.requirement for risk in risks)


def refresh(world: World, account: Account, always: bool = False) -> None:
    """05-R09: settled positions become cash, sums are formed anew where a flip or a Settle made them old."""
    for number, coin in enumerate(world.underlyings):
        if always or account.risk[number].epoch != coin.risk_epoch:
            for instrument, size in list(account.positions[number]):
                if world.instruments[instrument].state == SETTLED:
                    sweep(world, account, instrument, size)
            account.risk[number] = compute_risk(world, number, account.positions[number])


def sweep(world: World, account: Account, instrument: int, size: int) -> None:
    """07-R05."""
    item = world.instruments[instrument]
    account.cash += size * item.payoff
    item.clearing_cash -= size * item.payoff
    item.clearing_position += size
    item.open_interest -= max(0, size)
    account.add_position(item.underlying, instrument, -size)
    number = next(number for number, other in world.accounts.items() if other is account)
    world.events.append(make_event(events.SWEPT, number, instrument, size, item.payoff))


def change(world: World, account: Account, instrument: int, lots: int, paid: int) -> None:
    """Add signed lots to a position, take what was paid, bring sums and open interest along."""
    item = world.instruments[instrument]
    number = item.underlying
    before = account.get_position(number, instrument)
    account.cash -= paid
    account.add_position(number, instrument, lots)
    item.open_interest += max(0, before + lots) - max(0, before)
    account.risk[number] = compute_risk(world, number, account.positions[number])


def judge(
    world: World, account: Account, instrument: int, lots: int, price: int, fee: int, lock: int = 0
) -> Reason:
    """05-R05 and 05-R06: may this account take signed `lots` at `price`? OK, WIDTH or MARGIN.

    `lock` is money that is set aside first and counts neither before nor after.
    """
    item = world.instruments[instrument]
    number = item.underlying
    cash_before = account.cash - lock
    cash_after = cash_before - lots * price - fee
    after = Account(positions=[[list(pair) for pair in held] for held in account.positions])
    after.add_position(number, instrument, lots)
    risks_before = account.risk
    risks_after = list(risks_before)
    risks_after[number] = compute_risk(world, number, after.positions[number])
    if (
        risks_after[number].gross > params.MAX_GROSS_LOTS
        or after.count_positions() > params.MAX_POSITIONS
        or abs(cash_after) >= params.CASH_LIMIT_MICROS
    ):
        return Reason.WIDTH
    equity_before = compute_equity(world, cash_before, risks_before)
    equity_after = compute_equity(world, cash_after, risks_after)
    needed_before, needed_after = compute_requirement(risks_before), compute_requirement(risks_after)
    if not is_restricted(world, item) and equity_after >= needed_after:
        return Reason.OK
    if (
        needed_after < needed_before
        and equity_after - needed_after >= equity_before - needed_before
        and (equity_after >= 0 or equity_after >= equity_before)
    ):
        return Reason.OK
    return Reason.MARGIN


def compute_fee(world: World, item: Instrument, lots: int, price: int) -> int:
    """05-R07: what the taker pays for a fill, in micros."""
    if item.type in (FUTURE, PERPETUAL):
        return ceil_div(lots * price * params.FUTURE_FEE_PPM, 1_000_000)
    share = ceil_div(lots * get_coin(world, item).index * params.OPTION_FEE_PPM, 1_000_000)
    return min(share, ceil_div(lots * price, params.OPTION_FEE_CAP_DIVISOR))


def can_leave(world: World, account: Account, amount: int) -> Reason:
    """03-R17: may this much cash go by other than a fill? Refreshes in full first (05-R10)."""
    refresh(world, account, always=True)
    if any(
        held and is_old(world, world.underlyings[number]) for number, held in enumerate(account.positions)
    ):
        return Reason.STALE
    slow_equity = account.cash
    for held in account.positions:
        for instrument, size in held:
            slow = world.instruments[instrument].slow_mark
            slow_equity += size * (slow // params.SLOW_ONE if size > 0 else ceil_div(slow, params.SLOW_ONE))
    needed = compute_requirement(account.risk)
    if min(compute_equity(world, account.cash, account.risk), slow_equity) - amount < needed:
        return Reason.MARGIN
    return Reason.OK
