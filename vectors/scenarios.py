"""What each vector does, in a world that can trade. Names are files under `vectors/`."""

from collections.abc import Callable

from miletus.codec import encode, to_forced
from vectors.world import (
    ALICE,
    BOB,
    BUY,
    CALL,
    CAROL,
    DAVE,
    ETH_CALL,
    EXPIRY_S,
    FOK,
    FUTURE,
    IOC,
    MARKET,
    PERPETUAL,
    POST_ONLY,
    PUT,
    REDUCE_ONLY,
    REPLACE,
    SELL,
    World,
    btc_entries,
    eth_entries,
    key_of,
)


def priority(w: World) -> None:
    """Orders fill by price, then by time; what is left rests."""
    w.place(BOB, CALL, SELL, 200_000, 100, 0)
    w.place(CAROL, CALL, SELL, 199_900, 100, 0)
    w.place(DAVE, CALL, SELL, 199_900, 50, 0)
    w.place(ALICE, CALL, BUY, 200_000, 300, 0)


def times_in_force(w: World) -> None:
    """Immediate, fill-or-kill (filled and undone), market, post-only."""
    w.place(BOB, CALL, SELL, 200_000, 100, 0)
    w.place(CAROL, CALL, SELL, 201_000, 100, 0)
    w.place(ALICE, CALL, BUY | FOK, 201_000, 250, 0)
    w.place(ALICE, CALL, BUY | FOK, 201_000, 150, 1)
    w.place(ALICE, CALL, BUY | POST_ONLY, 201_000, 10, 2)
    w.place(ALICE, CALL, BUY | IOC, 201_000, 100, 3)
    w.place(ALICE, CALL, BUY | IOC, 150_000, 100, 3)
    w.place(BOB, PERPETUAL, SELL, 9_000_050, 100, 1)
    w.place(ALICE, PERPETUAL, BUY | MARKET, 0, 60, 4)


def reduce_only(w: World) -> None:
    """A reduce-only order never turns a position round."""
    w.place(BOB, PERPETUAL, SELL, 9_000_000, 100, 0)
    w.place(ALICE, PERPETUAL, BUY, 9_000_000, 100, 0)
    w.place(CAROL, PERPETUAL, BUY, 8_999_950, 500, 0)
    w.place(ALICE, PERPETUAL, SELL | REDUCE_ONLY, 8_999_950, 300, 1)
    w.place(DAVE, PERPETUAL, SELL | REDUCE_ONLY, 8_999_950, 10, 1)


def positions(w: World) -> None:
    """Positions open, close in the middle of a list and come back; stale sums are rebuilt, a maker's too."""
    rows = [(CALL, 200_000, 100), (PUT, 180_000, 100), (PERPETUAL, 9_000_000, 20), (ETH_CALL, 9_000, 500)]
    for slot, (instrument, price, size) in enumerate(rows):
        w.place(BOB, instrument, SELL, price, size, slot)
        w.place(ALICE, instrument, BUY, price, size, slot)
    w.place(ALICE, PUT, SELL, 180_000, 100, 0)
    w.place(BOB, PUT, BUY | IOC, 180_000, 100, 5)
    w.place(BOB, CALL, SELL, 200_000, 50, 0)
    w.place(DAVE, CALL, SELL, 200_100, 30, 0)
    w.tick(5, (9_000, 300))
    w.sheet(0, btc_entries(500))
    w.sheet(1, eth_entries())
    w.place(CAROL, CALL, BUY | IOC, 200_000, 20, 0)
    w.place(CAROL, CALL, BUY, 199_900, 60, 1)
    w.place(DAVE, CALL, BUY, 199_800, 40, 1)
    w.place(ALICE, CALL, SELL | FOK, 199_000, 250, 6)
    w.place(ALICE, CALL, SELL | FOK, 199_000, 100, 6)


def amend_while_filling(w: World) -> None:
    """Amending 10 to 10 while 6 fill does not trade 16; reductions keep their place."""
    w.place(ALICE, CALL, BUY, 199_000, 100, 0)
    w.place(BOB, CALL, SELL | IOC, 199_000, 60, 0)
    w.send("amend", ALICE, slot=0, generation=1, price_ticks=199_500, size_lots=100)
    w.place(CAROL, CALL, SELL | IOC, 199_000, 100, 0)
    w.place(ALICE, PUT, BUY, 179_000, 100, 1)
    w.place(CAROL, PUT, BUY, 179_000, 100, 1)
    w.send("amend", ALICE, slot=1, generation=1, price_ticks=179_000, size_lots=50)
    w.place(BOB, PUT, SELL | IOC, 179_000, 80, 2)
    w.send("amend", CAROL, slot=1, generation=9, price_ticks=179_000, size_lots=50)
    w.send("amend", CAROL, slot=1, generation=1, price_ticks=179_001, size_lots=50)


def cancels(w: World) -> None:
    """By slot, by instrument, all; and a replacement that is refused cancels the old order."""
    for slot, (instrument, price) in enumerate([(CALL, 190_000), (PUT, 170_000), (CALL, 191_000)]):
        w.place(ALICE, instrument, BUY, price, 20, slot)
    w.cancel(ALICE, 0, slot=1, generation=7)
    w.cancel(ALICE, 0, slot=1, generation=1)
    w.cancel(ALICE, 1, instrument=CALL)
    w.place(ALICE, PUT, BUY, 170_000, 20, 5)
    w.place(ALICE, PUT, BUY | REPLACE, 170_050, 20, 5)
    w.place(BOB, ETH_CALL, SELL, 9_000, 200, 9)
    w.place(BOB, CALL, SELL, 210_000, 20, 8)
    w.cancel(BOB, 2)


def ladders(w: World) -> None:
    """Both sides at several prices: orders come and go at head, middle and end of their lists."""
    for account, price, slot in [
        (ALICE, 190_000, 0),
        (BOB, 191_000, 255),
        (ALICE, 191_000, 1),
        (CAROL, 189_000, 31),
        (CAROL, 189_000, 32),
    ]:
        w.place(account, CALL, BUY, price, 20, slot)
    for account, flags, price, slot in [
        (BOB, SELL, 210_000, 0),
        (CAROL, SELL, 209_000, 128),
        (DAVE, SELL, 210_000, 127),
        (DAVE, SELL | POST_ONLY, 211_000, 126),
    ]:
        w.place(account, CALL, flags, price, 20, slot)
    for slot in (2, 3, 64):
        w.place(ALICE, PUT, BUY, 170_000, 20, slot)
    w.cancel(ALICE, 0, slot=3)
    w.place(ALICE, PUT, BUY | REPLACE, 170_100, 20, 2)
    w.cancel(BOB, 0, slot=255, generation=1)
    w.send("amend", BOB, slot=0, generation=1, price_ticks=209_000, size_lots=40)
    w.cancel(CAROL, 1, instrument=CALL)
    w.send(
        "place_order",
        BOB,
        slot=7,
        instrument=CALL,
        flags=SELL,
        price_ticks=205_000,
        size_lots=20,
        good_for_s=1,
    )
    w.clock_ms += 5_000
    w.words.append(encode.tick(time_ms=w.clock_ms))
    w.place(DAVE, CALL, BUY | IOC, 206_000, 20, 4)
    w.cancel(ALICE, 2)


def order_refusals(w: World) -> None:
    """Orders, amendments and cancels that fail each check of theirs."""
    w.place(ALICE, CALL, BUY, 190_000, 20, 0)
    w.place(ALICE, CALL, BUY, 190_000, 20, 0)
    w.place(ALICE, CALL, 128 | BUY, 190_000, 20, 1)
    w.place(ALICE, CALL, 6 | BUY, 190_000, 20, 1)
    w.place(ALICE, CALL, BUY | POST_ONLY | MARKET, 190_000, 20, 1)
    w.place(ALICE, CALL, BUY | POST_ONLY | IOC, 190_000, 20, 1)
    w.place(ALICE, 4_000, BUY, 190_000, 20, 1)
    w.place(ALICE, 65_535, BUY, 190_000, 20, 1)
    w.place(ALICE, CALL, BUY, 0, 20, 1)
    w.place(ALICE, CALL, BUY, 2**28, 20, 1)
    w.place(ALICE, CALL, BUY, 190_001, 20, 1)
    w.place(ALICE, CALL, BUY, 190_000, 0, 1)
    w.place(ALICE, CALL, BUY, 190_000, 2**24 + 1, 1)
    w.place(ALICE, CALL, BUY | REPLACE, 190_000, 2**32 - 1, 0)
    w.place(ALICE, CALL, BUY, 190_000, 20, 2)
    for price, size in ((190_000, 0), (0, 20)):
        w.send("amend", ALICE, slot=2, generation=1, price_ticks=price, size_lots=size)
    w.place(ALICE, CALL, BUY, 190_000, 20, 2)
    w.send("amend", ALICE, slot=2, generation=2, price_ticks=190_000, size_lots=20)
    w.send("amend", ALICE, slot=2, generation=2, price_ticks=190_000, size_lots=2**32 - 1)
    w.cancel(ALICE, 3)
    w.cancel(ALICE, 0, slot=9)
    w.cancel(ALICE, 2)
    w.send("quote_sheet", ALICE)
    w.place(DAVE, CALL, SELL | REDUCE_ONLY, 190_000, 20, 0)


def margin(w: World) -> None:
    """Too large an order is refused; a maker who can no longer bear his order is evicted."""
    w.place(ALICE, PERPETUAL, BUY, 9_000_000, 4_000_000, 0)
    w.place(BOB, CALL, SELL, 200_000, 60_000, 0)
    w.place(BOB, PERPETUAL, SELL, 9_000_000, 30_000, 1)
    w.place(CAROL, PERPETUAL, BUY, 9_000_000, 30_000, 0)
    w.place(CAROL, CALL, BUY, 200_000, 60_000, 1)


def sheet_and_index(w: World) -> None:
    """Values follow the index between sheets; a new sheet makes sums stale and they are refreshed."""
    w.place(BOB, CALL, SELL, 200_000, 1_000, 0)
    w.place(ALICE, CALL, BUY, 200_000, 600, 0)
    w.tick(5, (60_000, 900))
    w.place(CAROL, CALL, BUY, 230_000, 200, 0)
    w.sheet(0, btc_entries(30_000))
    w.place(CAROL, CALL, BUY, 230_000, 100, 1)
    w.place(ALICE, CALL, SELL, 230_000, 50, 1)


def restricted(w: World) -> None:
    """With a stale oracle or after a large move only what lowers risk goes on."""
    w.place(BOB, PERPETUAL, SELL, 9_000_000, 100, 0)
    w.place(ALICE, PERPETUAL, BUY, 9_000_000, 100, 0)
    w.clock_ms += 120_000
    w.words.append(encode.tick(time_ms=w.clock_ms))
    w.place(CAROL, PERPETUAL, BUY, 9_000_000, 10, 0)
    w.place(ALICE, PERPETUAL, SELL | REDUCE_ONLY, 9_000_000, 50, 1)
    w.place(BOB, PERPETUAL, BUY, 9_000_000, 50, 1)
    w.tick(1, (480_000, 0))
    w.place(CAROL, PERPETUAL, BUY, 9_400_000, 10, 1)


def cash(w: World) -> None:
    """Withdrawals and transfers hold margin at both marks."""
    w.send("withdraw", ALICE, amount_micros=1_000_000)
    w.send("withdraw", ALICE, amount_micros=60_000_000_000)
    w.send("transfer", BOB, to=CAROL, amount_micros=5_000_000)
    w.send("transfer", BOB, to=BOB, amount_micros=5_000_000)
    w.place(BOB, CALL, SELL, 200_000, 2_000, 0)
    w.place(ALICE, CALL, BUY, 200_000, 2_000, 0)
    w.send("withdraw", BOB, amount_micros=49_500_000_000)
    w.send("withdraw", BOB, amount_micros=30_000_000_000)


def expiry(w: World) -> None:
    """Settlement at the average of the last half hour; positions are swept when touched."""
    w.place(BOB, CALL, SELL, 200_000, 1_000, 0)
    w.place(ALICE, CALL, BUY, 200_000, 1_000, 0)
    w.place(CAROL, FUTURE, SELL, 9_020_000, 100, 0)
    w.place(DAVE, FUTURE, BUY, 9_020_000, 100, 0)
    w.place(DAVE, PUT, BUY, 170_000, 100, 1)
    w.words.append(encode.settle(instrument=CALL))
    w.tick(EXPIRY_S - 1_800 - w.clock_ms // 1000, (200_000, 0))
    w.tick(900, (100_000, 0))
    w.tick(900, (50_000, 0))
    for instrument in (CALL, PUT, FUTURE, PERPETUAL):
        w.words.append(encode.settle(instrument=instrument))
    w.words.append(encode.settle(instrument=PUT))
    w.send("withdraw", ALICE, amount_micros=1)
    w.send("withdraw", BOB, amount_micros=1)
    w.place(CAROL, CALL, BUY, 200_000, 10, 3)


def authorisation(w: World) -> None:
    """Unknown account and key, replay, time, scope, forged signature, a session key set and used at once."""
    w.place(ALICE, CALL, BUY, 190_000, 20, 0)
    w.words.append(w.words[-1])
    w.send("cancel", ALICE, mode=2, slot=0, generation=0, instrument=0, signer=key_of("mallory"))
    w.send("cancel", 31, mode=2, slot=0, generation=0, instrument=0)
    w.send("cancel", ALICE, mode=2, slot=0, generation=0, instrument=0, key=3)
    w.send("cancel", ALICE, mode=2, slot=0, generation=0, instrument=0, valid_until_s=w.clock_ms // 1000 - 1)
    session = key_of("session")
    x, y = session.public
    w.send("set_key", ALICE, slot=1, scope=1, expiry_s=w.clock_ms // 1000 + 100, x=x, y=y)
    w.send("cancel", ALICE, mode=2, slot=0, generation=0, instrument=0, key=1, nonce=1, signer=session)
    w.send("withdraw", ALICE, amount_micros=1, key=1, nonce=2, signer=session)


def oracle_refusals(w: World) -> None:
    """Too few, twice, forged and unknown signers; ticks outside their bands; a sheet that lacks one."""
    w.clock_ms += 1_000
    w.words.append(encode.tick(time_ms=w.clock_ms))
    now_s = w.clock_ms // 1000
    base = w.cumulative[0] + w.indices[0]
    wild = encode.index_tick(underlying=0, time_s=now_s, index_ticks=10_000_000, cumulative=base)
    w.approve(wild, signers=(0, 0, 7, 1))
    good = encode.index_tick(underlying=0, time_s=now_s, index_ticks=9_000_100, cumulative=base)
    w.approve(good, staged=5)
    w.approve(good, signers=(2, 0))
    w.cumulative[0], w.indices[0], w.tick_times_s[0] = base, 9_000_100, now_s
    w.approve(good)
    w.sheet(0, btc_entries()[:3])


def garbage(w: World) -> None:
    """Unknown kinds, inbox kinds in sequenced data, an operation that the segment's end cuts off."""
    w.words.append(bytes([0xEE]) + bytes(30))
    w.words.append(encode.padding())
    w.words.append(encode.deposit(account=ALICE, owner=1, amount_micros=10**12))
    w.words.append(encode.liquidate())
    w.words.append(encode.tick(time_ms=1))
    w.words.append(bytes([0xFF]) * 31)
    w.place(ALICE, CALL, BUY, 190_000, 20, 0)
    w.words[-1] = w.words[-1][:62]


def forced(w: World) -> None:
    """Operations through the inbox carry no signature; others there are refused."""
    order = encode.place_order(
        account=CAROL,
        key=0,
        nonce=0,
        valid_until_s=0,
        slot=3,
        instrument=CALL,
        flags=BUY,
        price_ticks=195_000,
        size_lots=50,
        good_for_s=0,
    )
    w.words.append(to_forced(order))
    out = encode.withdraw(account=DAVE, key=0, nonce=0, valid_until_s=0, amount_micros=7_000_000)
    w.words.append(to_forced(out))
    w.words.append(encode.settle(instrument=CALL))


def forced_tick(w: World) -> None:
    """A tick with its approvals comes through L1; a false approval and a proposal of a listing do nothing."""
    now_s = w.clock_ms // 1000
    tick = encode.index_tick(
        underlying=0,
        time_s=now_s + 1,
        index_ticks=w.indices[0] + 7,
        cumulative=w.cumulative[0] + w.indices[0],
    )
    w.approve(tick, signers=(2,))
    w.words[-1] = bytes([*w.words[-1][:-1], w.words[-1][-1] ^ 1])
    w.approve(tick, signers=(2, 0))
    w.words.append(
        to_forced(
            encode.cancel(
                account=ALICE, key=0, nonce=0, valid_until_s=0, mode=2, slot=0, generation=0, instrument=0
            )
        )
    )
    w.words.append(encode.settle(instrument=CALL))


Scenario = Callable[[World], None]

SEQUENCED: list[Scenario] = [
    priority,
    times_in_force,
    reduce_only,
    positions,
    amend_while_filling,
    cancels,
    ladders,
    order_refusals,
    margin,
    sheet_and_index,
    restricted,
    cash,
    expiry,
    authorisation,
    oracle_refusals,
    garbage,
]
"""Scenarios of one sequenced segment."""

INBOX: list[Scenario] = [forced, forced_tick]
"""Scenarios of one inbox segment."""
