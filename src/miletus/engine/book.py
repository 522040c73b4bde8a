"""Order books: lists in price-time order, and the levels that find a place in them fast (spec 04).

The lists are state. Levels are derived: for each side of each book a sorted run of (key, last order at that
price), worst first, so that what happens near the best price moves little. The key of a bid is its price,
of an ask the price negated: higher is better on both sides.
"""

from typing import Final

from librt.vecs import extend
from mypy_extensions import i64

from miletus.engine import layout as L
from miletus.engine import params as P
from miletus.engine.events import REMOVED, RESTED
from miletus.engine.layout import PAGE
from miletus.engine.state import State, build_zeros

_FIRST_ROOM: Final[i64] = 16
"""Levels that a side has room for when it first needs any."""


def find_level(s: State, side: i64, key: i64) -> i64:
    """Index, within the side's run, of the first level whose key is at least `key`."""
    base: i64 = s.level_base[side]
    low: i64 = 0
    high: i64 = s.level_count[side]
    keys = s.level_key
    # most orders are near the best price: look at the end first
    middle: i64 = high - 1
    while low < high:
        if keys[base + middle] < key:
            low = middle + 1
        else:
            high = middle
        middle = (low + high) >> 1
    return low


def insert_level(s: State, side: i64, at: i64, key: i64, tail: i64) -> None:
    """Put a new level at index `at` of the side's run."""
    count: i64 = s.level_count[side]
    if count == s.level_room[side]:
        grow_levels(s, side)
    base: i64 = s.level_base[side]
    keys = s.level_key
    tails = s.level_tail
    k: i64 = base + count
    stop: i64 = base + at
    while k > stop:
        keys[k] = keys[k - 1]
        tails[k] = tails[k - 1]
        k -= 1
    keys[stop] = key
    tails[stop] = tail
    s.level_count[side] = count + 1


def grow_levels(s: State, side: i64) -> None:
    """Double the room of a side's run, at the end of the arena."""
    room: i64 = s.level_room[side]
    count: i64 = s.level_count[side]
    base: i64 = s.level_base[side]
    wanted: i64 = 2 * room if room > 0 else _FIRST_ROOM
    if s.level_used + wanted > i64(len(s.level_key)):
        more: i64 = i64(len(s.level_key)) + wanted
        s.level_key = extend(s.level_key, build_zeros(more))
        s.level_tail = extend(s.level_tail, build_zeros(more))
    fresh: i64 = s.level_used
    k: i64 = 0
    while k < count:
        s.level_key[fresh + k] = s.level_key[base + k]
        s.level_tail[fresh + k] = s.level_tail[base + k]
        k += 1
    s.level_base[side] = fresh
    s.level_room[side] = wanted
    s.level_used = fresh + wanted


def remove_level(s: State, side: i64, at: i64) -> None:
    """Take the level at index `at` out of the side's run."""
    count: i64 = s.level_count[side] - 1
    base: i64 = s.level_base[side]
    keys = s.level_key
    tails = s.level_tail
    k: i64 = base + at
    stop: i64 = base + count
    while k < stop:
        keys[k] = keys[k + 1]
        tails[k] = tails[k + 1]
        k += 1
    s.level_count[side] = count


def link(s: State, name: i64, side: i64, price: i64) -> None:
    """Put the order's record, whose own fields are set, into the list of its side (02-R08)."""
    key: i64 = price if side & 1 == 0 else -price
    at: i64 = find_level(s, side, key)
    base: i64 = s.level_base[side]
    previous: i64 = 0
    if at < s.level_count[side]:
        previous = s.level_tail[base + at]
        if s.level_key[base + at] == key:
            s.level_tail[base + at] = name + 1
        else:
            insert_level(s, side, at, key, name + 1)
    else:
        insert_level(s, side, at, key, name + 1)
    link_after(s, name, side, previous)


def link_after(s: State, name: i64, side: i64, previous: i64) -> None:
    """Set the links so that the order follows `previous` (1 + name; 0 = it becomes the head).

    Its own page is touched already: its fields were set in this step.
    """
    c = s.cells
    o: i64 = s.order(name)
    if previous == 0:
        book: i64 = s.instrument(side >> 1) + PAGE + (side & 1)
        s.touch(book)
        following: i64 = c[book]
        c[book] = name + 1
    else:
        p: i64 = s.order(previous - 1)
        s.touch(p)
        following = c[p + L.ORDER_NEXT]
        c[p + L.ORDER_NEXT] = name + 1
    c[o + L.ORDER_PREVIOUS] = previous
    c[o + L.ORDER_NEXT] = following
    if following != 0:
        q: i64 = s.order(following - 1)
        s.touch(q)
        c[q + L.ORDER_PREVIOUS] = name + 1


def unlink(s: State, name: i64) -> None:
    """Take an order out of the list of its side and out of its level (02-R08)."""
    c = s.cells
    o: i64 = s.order(name)
    side: i64 = c[o + L.ORDER_BOOK] - 1
    price: i64 = c[o + L.ORDER_PRICE]
    previous: i64 = c[o + L.ORDER_PREVIOUS]
    following: i64 = c[o + L.ORDER_NEXT]
    s.touch(o)
    if previous == 0:
        book: i64 = s.instrument(side >> 1) + PAGE + (side & 1)
        s.touch(book)
        c[book] = following
    else:
        p: i64 = s.order(previous - 1)
        s.touch(p)
        c[p + L.ORDER_NEXT] = following
    if following != 0:
        q: i64 = s.order(following - 1)
        s.touch(q)
        c[q + L.ORDER_PREVIOUS] = previous
    at: i64 = find_level(s, side, price if side & 1 == 0 else -price)
    base: i64 = s.level_base[side]
    if s.level_tail[base + at] == name + 1:
        if previous != 0 and c[s.order(previous - 1) + L.ORDER_PRICE] == price:
            s.level_tail[base + at] = previous
        else:
            remove_level(s, side, at)


def relink_head(s: State, name: i64, side: i64, price: i64) -> None:
    """Put an order back at the head of its side, as before it was filled (04-R15)."""
    key: i64 = price if side & 1 == 0 else -price
    count: i64 = s.level_count[side]
    if count == 0 or s.level_key[s.level_base[side] + count - 1] != key:
        insert_level(s, side, count, key, name + 1)
    link_after(s, name, side, 0)


def set_slot(s: State, name: i64, taken: bool) -> None:
    """Set or clear the slot's bit in its account's bitmap and count it (02-R09)."""
    c = s.cells
    slot: i64 = name & (P.SLOTS - 1)
    h: i64 = s.header(name >> P.SLOT_BITS)
    limb: i64 = h + L.BITMAP + (slot >> 5)
    bit: i64 = s.pow2[slot & 31]
    s.touch(h)
    if taken:
        c[limb] = c[limb] + bit
        c[h + L.RESTING] = c[h + L.RESTING] + 1
    else:
        c[limb] = c[limb] - bit
        c[h + L.RESTING] = c[h + L.RESTING] - 1


def rest(
    s: State, name: i64, side: i64, price: i64, left: i64, filled: i64, generation: i64, terms: i64
) -> None:
    """Write an order, whose lock is taken, into its slot and its book (04-R13, 04-R16).

    Its slot has the generation already: it got it before it matched, or keeps it when it is amended.
    """
    c = s.cells
    o: i64 = s.order(name)
    s.touch(o)
    c[o + L.ORDER_BOOK] = side + 1
    c[o + L.ORDER_PRICE] = price
    c[o + L.ORDER_LEFT] = left
    c[o + L.ORDER_FILLED] = filled
    c[o + L.ORDER_TERMS] = terms
    link(s, name, side, price)
    set_slot(s, name, True)
    s.emit(RESTED, name, side, price, left, generation, 0)


def move_lock(s: State, account: i64, amount: i64) -> None:
    """Move `amount` micros (negative: back) from cash to locked."""
    c = s.cells
    h: i64 = s.header(account)
    s.touch(h)
    c[h + L.CASH] = c[h + L.CASH] - amount
    c[h + L.LOCKED] = c[h + L.LOCKED] + amount


def remove(s: State, name: i64, cause: i64, forfeit: bool, quiet: bool) -> None:
    """Take a resting order away: list, level, slot and lock; its slot keeps the generation (04-R17).

    `quiet` leaves the event to a fill-or-kill order, which may have to take the removal back.
    """
    c = s.cells
    o: i64 = s.order(name)
    account: i64 = name >> P.SLOT_BITS
    if not quiet:
        s.emit(
            REMOVED, name, cause, c[o + L.ORDER_LEFT], c[o + L.ORDER_BOOK] - 1, c[o + L.ORDER_GENERATION], 0
        )
    unlink(s, name)
    c[o + L.ORDER_BOOK] = 0
    c[o + L.ORDER_PRICE] = 0
    c[o + L.ORDER_LEFT] = 0
    c[o + L.ORDER_FILLED] = 0
    c[o + L.ORDER_TERMS] = 0
    c[o + L.ORDER_PREVIOUS] = 0
    c[o + L.ORDER_NEXT] = 0
    set_slot(s, name, False)
    h: i64 = s.header(account)
    c[h + L.LOCKED] = c[h + L.LOCKED] - P.REST_LOCK_MICROS
    if forfeit:
        f: i64 = s.header(P.FEE_ACCOUNT)
        s.touch(f)
        c[f + L.CASH] = c[f + L.CASH] + P.REST_LOCK_MICROS
    else:
        c[h + L.CASH] = c[h + L.CASH] + P.REST_LOCK_MICROS


def rebuild_levels(s: State) -> None:
    """Make the levels of a state that was just made from its lists (02-R02)."""
    c = s.cells
    side: i64
    for side in range(2 * P.MAX_INSTRUMENTS):
        name: i64 = c[s.instrument(side >> 1) + PAGE + (side & 1)]
        while name != 0:
            o: i64 = s.order(name - 1)
            price: i64 = c[o + L.ORDER_PRICE]
            key: i64 = price if side & 1 == 0 else -price
            base: i64 = s.level_base[side]
            # a list goes from its best price to its worst, which is the first level of the run
            if s.level_count[side] > 0 and s.level_key[base] == key:
                s.level_tail[base] = name
            else:
                insert_level(s, side, 0, key, name)
            name = c[o + L.ORDER_NEXT]
