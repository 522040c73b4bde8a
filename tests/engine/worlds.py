"""Worlds to begin from: genesis, a market of options, futures and perpetuals, and two at the edges of widths.

Each is built by operations that both implementations carry out, so the set-up is a test of its own.
"""

from __future__ import annotations

from functools import cache
from math import isqrt

from miletus.engine import params, segment
from miletus.engine.reasons import Reason
from tests.engine.naive_margin import CALL, FUTURE, LISTED, PERPETUAL, PUT, World
from tests.engine.pair import THRESHOLD, Pair, restore
from tests.engine.records import Record, make

DAY_S = 86_400
TODAY_S = 1_772_438_400
"""2026-03-02 08:00:00 UTC: the first expiry, in seconds; the worlds begin 70 minutes before."""
ALL_SCOPES = 15
TRADERS = range(16, 24)
WHALE = 24
INDICES = (6_500_000, 140_000_000)
"""65,000 and 1,400,000 USDC, in ticks: the second shows what only a great index can reach."""

PROPOSALS = (segment.INDEX_TICK, segment.FLIP, segment.LIST)


# ---- single operations ------------------------------------------------------------------------------------


def deposit(account: int, amount: int, owner: int | None = None) -> Record:
    return make(
        segment.DEPOSIT, account=account, owner=0xA000 + account if owner is None else owner, amount=amount
    )


def set_key(
    account: int, slot: int = 0, scope: int = ALL_SCOPES, expiry_s: int = 0, x: int = 1, y: int = 1
) -> Record:
    return make(segment.SET_KEY_INBOX, account=account, slot=slot, scope=scope, expiry_s=expiry_s, x=x, y=y)


def sign(world: World, account: int, kind: int, **fields: int) -> Record:
    """A word that the account's key 0 has signed, with the next nonce, valid for a minute."""
    keys = world.accounts[account].keys if account in world.accounts else None
    nonce = keys[0].nonce + 1 if keys else 1
    header = {"account": account, "nonce": nonce, "valid_until_s": world.clock_s + 60}
    return make(kind, **(header | fields))


def order(
    world: World, account: int, slot: int, instrument: int, flags: int, price: int, size: int, **more: int
) -> Record:
    fields = {
        "slot": slot,
        "instrument": instrument,
        "flags": flags,
        "price": price,
        "size": size,
        "good_for_s": 0,
    }
    return sign(world, account, segment.PLACE_ORDER, **(fields | more))


def approvals(count: int = THRESHOLD, first: int = 0) -> list[Record]:
    return [make(segment.APPROVE, signer=first + k) for k in range(count)]


def tick_clock(time_ms: int) -> Record:
    return make(segment.TICK, time_ms=time_ms)


def index_tick(world: World, underlying: int, index: int, time_s: int | None = None) -> Record:
    coin = world.underlyings[underlying]
    at_s = world.clock_s if time_s is None else time_s
    passed_s = at_s - coin.tick_time_s if coin.index else 0
    cumulative = coin.cumulative + max(0, passed_s) * coin.index
    return make(
        segment.INDEX_TICK,
        underlying=underlying,
        time_s=at_s,
        index=index,
        cumulative=cumulative,
        payload=at_s,
    )


def listing(
    number: int, kind: int, underlying: int, strike: int, expiry_s: int, tick_step: int = 1, lot_step: int = 1
) -> Record:
    return make(
        segment.LIST,
        instrument=number,
        type=kind,
        underlying=underlying,
        strike=strike,
        expiry_s=expiry_s,
        tick_step=tick_step,
        lot_step=lot_step,
        min_size=lot_step,
        payload=number,
    )


# ---- sheets -------------------------------------------------------------------------------------------


def value_option(index: int, strike: int, width: int) -> tuple[int, int, int]:
    """A call that is smooth in the index: (mark, delta, gamma) of a hyperbola of this width, in ticks."""
    root = max(1, isqrt((index - strike) ** 2 + width**2))
    gamma = 10_000 * 65_536 * width**2 // (2 * root**3)
    return (index - strike + root) // 2, 5_000 + 5_000 * (index - strike) // root, min(gamma, (1 << 20) - 1)


def value(kind: int, index: int, strike: int, width: int) -> tuple[int, int, int]:
    if kind in (FUTURE, PERPETUAL):
        return index, 10_000, 0
    mark, delta, gamma = value_option(index, strike, width)
    return (mark, delta, gamma) if kind == CALL else (max(0, mark - index + strike), delta - 10_000, gamma)


def sheet_entry(world: World, number: int, first: int, reference: int, **changes: int) -> Record:
    """A sheet's entry for an instrument, as a sensible oracle makes it: 16 moves from -16 % to +14 %."""
    item = world.instruments[number]
    days = max(0, item.expiry_s - world.clock_s) / DAY_S
    width = int(reference * min(0.2, 0.01 + 0.02 * days))
    mark, delta, gamma = value(item.type, reference, item.strike, width)
    mark = min(mark, params.PRICE_LIMIT - 1)
    fields = {"underlying": item.underlying, "first": first, "instrument": number, "mark": mark}
    fields |= {"delta": delta, "gamma": gamma}
    for k in range(16):
        there = value(item.type, reference * (84 + 2 * k) // 100, item.strike, width)[0]
        fields[f"scenario_{k}"] = there - mark
    return make(segment.SHEET_ENTRY, **(fields | changes))


def get_live(world: World, underlying: int) -> list[int]:
    return [
        n for n, item in world.instruments.items() if item.state == LISTED and item.underlying == underlying
    ]


def flip(world: World, underlying: int, reference: int, count: int, **changes: int) -> Record:
    coin = world.underlyings[underlying]
    fields = {"underlying": underlying, "number": coin.sheet_number + 1, "reference_index": reference}
    fields |= {"time_s": max(world.clock_s, coin.sheet_time_s + 1), "count": count, "payload": reference}
    return make(segment.FLIP, **(fields | changes))


def sheet(world: World, underlying: int, reference: int | None = None) -> list[Record]:
    """A whole sheet with its flip and approvals."""
    at = world.underlyings[underlying].index if reference is None else reference
    live = get_live(world, underlying)
    entries = [sheet_entry(world, number, k == 0, at) for k, number in enumerate(live)]
    return [*entries, flip(world, underlying, at, len(live)), *approvals()]


# ---- worlds -------------------------------------------------------------------------------------------


def must(pair: Pair, records: list[Record], source: int = segment.SEQUENCED) -> None:
    """Send operations that set a world up; each must succeed."""
    for receipt, record in zip(pair.send(*records, source=source), records, strict=True):
        assert receipt[0] == Reason.OK, (Reason(receipt[0]), record)


def fund(pair: Pair, accounts: range, amount: int) -> None:
    must(pair, [deposit(account, amount) for account in accounts], segment.INBOX)
    must(pair, [set_key(account) for account in accounts], segment.INBOX)


def propose(pair: Pair, record: Record) -> None:
    must(pair, [record, *approvals()])


def publish(pair: Pair, underlying: int, reference: int | None = None) -> None:
    must(pair, sheet(pair.naive.world, underlying, reference))


def list_chain(pair: Pair) -> None:
    """Six instruments an underlying: expiring today, tomorrow, and never; on the pages' edges too."""
    for underlying, first in ((0, 0), (1, 14)):
        strike = INDICES[underlying]
        step = strike // 50_000
        kinds = [
            (CALL, strike, TODAY_S, step, 10),
            (PUT, strike - 1000 * step, TODAY_S, step, 10),
            (FUTURE, 0, TODAY_S, 1, 1),
            (CALL, strike + 1500 * step, TODAY_S + DAY_S, step, 5),
            (PUT, strike - 1500 * step, TODAY_S + DAY_S, 1, 1),
            (PERPETUAL, 0, 0, step // 2, 1),
        ]
        for k, (kind, at, expiry_s, tick_step, lot_step) in enumerate(kinds):
            number = params.MAX_INSTRUMENTS - 1 if k == 5 and underlying else first + k
            propose(
                pair,
                listing(number, kind, underlying, at // tick_step * tick_step, expiry_s, tick_step, lot_step),
            )


@cache
def build_market() -> bytes:
    """Two underlyings, twelve instruments with sheets in force, eight traders and a whale."""
    pair = Pair()
    list_chain(pair)
    for underlying, index in enumerate(INDICES):
        propose(pair, index_tick(pair.naive.world, underlying, index))
        publish(pair, underlying)
    fund(pair, range(16, 20), 40_000_000_000)
    fund(pair, range(20, 24), 2_000_000_000)
    fund(pair, range(WHALE, WHALE + 2), 1 << 55)
    pair.check()
    return pair.save()


@cache
def build_wide() -> bytes:
    """140 instruments of one underlying, and an account that holds 127 positions of the 128 it may."""
    pair = Pair()
    world = pair.naive.world
    for number in range(140):
        propose(pair, listing(number, CALL, 0, 5_000_000 + 20_000 * number, TODAY_S + DAY_S))
    propose(pair, index_tick(world, 0, INDICES[0]))
    publish(pair, 0)
    fund(pair, range(WHALE, WHALE + 2), 1 << 55)
    fund(pair, range(16, 18), 40_000_000_000)
    for number in range(127):
        mark = world.instruments[number].entries[world.underlyings[0].buffer].mark
        must(pair, [order(world, WHALE + 1, 0, number, 1, mark, 10)])
        must(pair, [order(world, WHALE, 0, number, 0, mark, 10)])
    pair.check()
    return pair.save()


@cache
def build_brim() -> bytes:
    """Cash near 2^60 in one account, and an instrument whose open interest is near its limit.

    The open interest is set by hand in both implementations: 128 accounts would be needed to reach it.
    """
    pair = restore(build_market())
    limit, chunk = params.CASH_LIMIT_MICROS, (1 << 56) - 1
    while pair.naive.world.deposited + chunk < limit:
        must(pair, [deposit(WHALE, chunk)], segment.INBOX)
    must(pair, [deposit(WHALE, limit - 1 - pair.naive.world.deposited)], segment.INBOX)
    must(pair, [sign(pair.naive.world, WHALE + 1, segment.TRANSFER, to=WHALE, amount=(1 << 55) - (1 << 41))])
    pair.set_open_interest(4, params.MAX_OPEN_INTEREST_LOTS - 50)
    pair.check()
    return pair.save()


@cache
def build_genesis() -> bytes:
    """Signers, a clock and the greatest number of underlyings; nothing else."""
    return Pair(underlyings=params.MAX_UNDERLYINGS).save()


WORLDS = {"market": build_market, "wide": build_wide, "brim": build_brim, "genesis": build_genesis}
