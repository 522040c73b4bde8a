"""The naive model's oracle, listing and settlement (spec 06 and 07)."""

from __future__ import annotations

from collections.abc import Callable

from miletus.engine import events, params, segment
from miletus.engine.reasons import Reason
from tests.engine.naive_margin import (
    CALL,
    EMPTY,
    LISTED,
    PERPETUAL,
    PUT,
    SETTLED,
    Entry,
    Instrument,
    Underlying,
    World,
    get_coin,
    get_entry,
    make_event,
    quadratic,
)

Record = dict[str, int]
DAY_S = 86_400
READING_TIMES_S = (27_000, 28_800)
"""07:30 and 08:00 UTC, in seconds of the day (06-R05)."""


def get_live_coin(world: World, number: int) -> Underlying | None:
    return world.underlyings[number] if number < world.underlying_count else None


def propose(world: World, record: Record, fields: Record, from_inbox: bool) -> Reason:
    """06-R01."""
    coin = get_live_coin(world, record["underlying"]) if record["kind"] == segment.FLIP else None
    stage = world.inbox_stage if from_inbox else world.stage
    stage.clear()
    stage |= {
        "kind": record["kind"],
        "payload": record["payload"],
        "hash": coin.filling_hash if coin else 0,
        "approvals": set(),
        "fields": dict(fields),
    }
    return Reason.OK


def approve(world: World, record: Record, from_inbox: bool) -> Reason:
    """06-R02."""
    stage = world.inbox_stage if from_inbox else world.stage
    if not stage:
        return Reason.NOTHING_STAGED
    if record["signer"] >= world.signers:
        return Reason.UNKNOWN_SIGNER
    approvals = stage["approvals"]
    assert isinstance(approvals, set)
    if record["signer"] in approvals:
        return Reason.ALREADY_APPROVED
    if not record["signed"]:
        return Reason.BAD_SIGNATURE
    approvals.add(record["signer"])
    if len(approvals) < world.threshold:
        return Reason.OK
    kind, fields, staged_hash = stage["kind"], stage["fields"], stage["hash"]
    stage.clear()
    assert isinstance(fields, dict)
    assert isinstance(staged_hash, int)
    if kind == segment.INDEX_TICK:
        return carry_out_tick(world, fields)
    if kind == segment.FLIP:
        return carry_out_flip(world, fields, staged_hash)
    return carry_out_list(world, fields)


# ---- the index ------------------------------------------------------------------------------------------


def carry_out_tick(world: World, tick: Record) -> Reason:
    """06-R03 to 06-R05."""
    coin = get_live_coin(world, tick["underlying"])
    if coin is None:
        return Reason.UNKNOWN_UNDERLYING
    new, time_s, cumulative = tick["index"], tick["time_s"], tick["cumulative"]
    if not 1 <= new < params.PRICE_LIMIT:
        return Reason.BAD_PRICE
    if time_s > world.clock_s + params.ORACLE_AHEAD_S:
        return Reason.BAD_TIME
    if coin.index and time_s <= coin.tick_time_s:  # an index is never zero once there was a tick
        if world.clock_s - time_s > 31 * DAY_S or not is_reading(coin, time_s):
            return Reason.BAD_TIME
        if cumulative >= params.CUMULATIVE_LIMIT:
            return Reason.BAD_TICK
        keep_reading(coin, time_s, cumulative)
        world.events.append(make_event(events.INDEXED, tick["underlying"], 0, time_s, 1))
        return Reason.OK
    if cumulative >= params.CUMULATIVE_LIMIT:
        return Reason.BAD_TICK
    if coin.index != 0:
        old, passed_s = coin.index, time_s - coin.tick_time_s
        if not 0 <= cumulative - coin.cumulative <= 2 * max(old, new) * min(passed_s, 1 << 31):
            return Reason.BAD_TICK
        if abs(new - old) * 1000 > old * min(200, 10 + 2 * passed_s):
            return Reason.TICK_BAND
    coin.index, coin.tick_time_s, coin.cumulative = new, time_s, cumulative
    if is_reading(coin, time_s):
        keep_reading(coin, time_s, cumulative)
    world.events.append(make_event(events.INDEXED, tick["underlying"], new, time_s))
    return Reason.OK


def get_reading_place(time_s: int) -> tuple[int, int]:
    return time_s // DAY_S % params.READING_DAYS, READING_TIMES_S.index(time_s % DAY_S)


def is_reading(coin: Underlying, time_s: int) -> bool:
    """Tell if a tick of this time is one of the two a day that are kept, and newer than the kept one."""
    if time_s % DAY_S not in READING_TIMES_S:
        return False
    return time_s > coin.readings.get(get_reading_place(time_s), (0, 0))[0]


def keep_reading(coin: Underlying, time_s: int, cumulative: int) -> None:
    coin.readings[get_reading_place(time_s)] = (time_s, cumulative)


# ---- sheets ---------------------------------------------------------------------------------------------


def fill_entry(world: World, record: Record, fold: Callable[..., int]) -> Reason:
    """06-R06 and 06-R09."""
    coin = get_live_coin(world, record["underlying"])
    if coin is None:
        return Reason.UNKNOWN_UNDERLYING
    starts = record["first"] == 1
    if not starts and not coin.filling_open:
        return Reason.BAD_SHEET
    tag = coin.filling_tag + 1 if starts else coin.filling_tag
    item = world.get_instrument(record["instrument"])
    if item.state != LISTED or item.underlying != record["underlying"]:
        return Reason.UNKNOWN_INSTRUMENT
    if item.entries[1 - coin.buffer].tag == tag:
        return Reason.DUPLICATE
    scenarios = tuple(record[f"scenario_{k}"] for k in range(16))
    entry = Entry(record["mark"], record["delta"], record["gamma"], scenarios, tag)
    began_at = coin.index if starts else coin.filling_index
    reason = check_entry(world, item, coin, entry, began_at)
    if reason != Reason.OK:
        return reason
    if starts:
        coin.filling_tag, coin.filling_open, coin.filling_count, coin.filling_hash = tag, 1, 0, 0
        coin.filling_index = coin.index
    move_slow_mark(world, item, entry.mark)
    item.entries[1 - coin.buffer] = entry
    coin.filling_count += 1
    coin.filling_hash = fold(coin.filling_hash, record)
    return Reason.OK


def check_entry(world: World, item: Instrument, coin: Underlying, entry: Entry, began_at: int) -> Reason:
    if (
        entry.mark >= params.PRICE_LIMIT
        or abs(entry.delta) > params.DELTA_LIMIT
        or entry.gamma >= 1 << 20
        or entry.gamma * began_at >= 1 << 40
        or any(abs(value) >= params.PRICE_LIMIT for value in entry.scenarios)
    ):
        return Reason.WIDTH
    if coin.index == 0:
        return Reason.NO_INDEX
    old = get_entry(world, item)
    if old is not None:
        passed_s = max(0, world.clock_s - coin.sheet_time_s)
        if abs(entry.mark - old.mark) * 1000 > coin.index * min(500, 50 + passed_s // 12):
            return Reason.MARK_BAND
    if quadratic(0, entry.gamma, coin.index // 200) > max(entry.mark, coin.index // 100):
        return Reason.SHEET_GAMMA
    return Reason.OK


def move_slow_mark(world: World, item: Instrument, arriving_mark: int) -> None:
    """06-R09: the mark in force acts for the time that it held; what arrives never weighs."""
    in_force = get_entry(world, item)
    if in_force is None:
        item.slow_mark = arriving_mark * params.SLOW_ONE
    else:
        passed_s = min(world.clock_s - item.slow_time_s, params.SLOW_SECONDS)
        gap = in_force.mark * params.SLOW_ONE - item.slow_mark
        item.slow_mark += gap * passed_s // params.SLOW_SECONDS
    item.slow_time_s = world.clock_s


def carry_out_flip(world: World, flip: Record, staged_hash: int) -> Reason:
    """06-R07."""
    coin = get_live_coin(world, flip["underlying"])
    if coin is None:
        return Reason.UNKNOWN_UNDERLYING
    reference, time_s, count = flip["reference_index"], flip["time_s"], flip["count"]
    if (
        flip["number"] != coin.sheet_number + 1
        or not coin.filling_open
        or coin.filling_hash != staged_hash
        or not count == coin.filling_count == coin.listed
        or count == 0
    ):
        return Reason.BAD_SHEET
    if not 1 <= reference < params.PRICE_LIMIT:
        return Reason.BAD_PRICE
    if abs(reference - coin.index) * 1000 > coin.index * params.SHEET_REFERENCE_PERMILLE:
        return Reason.TICK_BAND
    if reference > 2 * coin.filling_index:
        return Reason.TICK_BAND
    if not coin.sheet_time_s < time_s <= world.clock_s + params.ORACLE_AHEAD_S:
        return Reason.BAD_TIME
    coin.buffer = 1 - coin.buffer
    coin.sheet_number, coin.reference, coin.sheet_time_s = flip["number"], reference, time_s
    coin.sheet_tag = coin.filling_tag
    coin.risk_epoch += 1
    close_filling(coin)
    world.events.append(make_event(events.FLIPPED, flip["underlying"], flip["number"], reference))
    return Reason.OK


def close_filling(coin: Underlying) -> None:
    coin.filling_open, coin.filling_count, coin.filling_hash, coin.filling_index = 0, 0, 0, 0


# ---- instruments ------------------------------------------------------------------------------------------


def carry_out_list(world: World, listing: Record) -> Reason:
    """06-R10."""
    number = listing["instrument"]
    if number >= params.MAX_INSTRUMENTS:
        return Reason.DUPLICATE
    place = world.get_instrument(number)
    left_over = place.open_interest or place.clearing_position or place.book[0] or place.book[1]
    if place.state != EMPTY and (place.state != SETTLED or left_over):
        return Reason.DUPLICATE
    kind, coin = listing["type"], get_live_coin(world, listing["underlying"])
    lot_step, min_size, expiry_s = listing["lot_step"], listing["min_size"], listing["expiry_s"]
    is_option = kind in (CALL, PUT)
    dated_well = expiry_s % DAY_S == params.EXPIRY_TIME_OF_DAY_S and expiry_s > world.clock_s
    good = (
        kind <= PERPETUAL
        and coin is not None
        and listing["tick_step"] >= 1
        and lot_step >= 1
        and 0 < min_size <= params.MAX_ORDER_LOTS
        and min_size % lot_step == 0
        and (1 <= listing["strike"] < params.PRICE_LIMIT if is_option else listing["strike"] == 0)
        and (expiry_s == 0 if kind == PERPETUAL else dated_well)
    )
    if not good or coin is None:
        return Reason.BAD_LISTING
    world.instruments[number] = Instrument(
        LISTED,
        kind,
        listing["underlying"],
        listing["strike"],
        expiry_s,
        listing["tick_step"],
        lot_step,
        min_size,
    )
    coin.listed += 1
    close_filling(coin)
    world.events.append(make_event(events.LISTED, number))
    return Reason.OK


def settle(world: World, number: int) -> Reason:
    """07-R01 to 07-R03, of an instrument that is not settled yet."""
    item = world.get_instrument(number)
    if item.state != LISTED or item.type == PERPETUAL:
        return Reason.UNKNOWN_INSTRUMENT
    if world.clock_s < item.expiry_s:
        return Reason.TOO_EARLY
    coin = get_coin(world, item)
    times_s = (item.expiry_s - params.SETTLEMENT_WINDOW_S, item.expiry_s)
    readings = [coin.readings.get(get_reading_place(time_s), (0, 0)) for time_s in times_s]
    if [time_s for time_s, _ in readings] != list(times_s):
        return Reason.NO_READING
    price = (readings[1][1] - readings[0][1]) // params.SETTLEMENT_WINDOW_S
    if not 1 <= price < params.PRICE_LIMIT:
        return Reason.WIDTH
    payoffs = {CALL: max(0, price - item.strike), PUT: max(0, item.strike - price)}
    item.state, item.payoff = SETTLED, payoffs.get(item.type, price)
    item.slow_mark = item.payoff * params.SLOW_ONE
    coin.listed -= 1
    coin.risk_epoch += 1
    close_filling(coin)
    world.events.append(make_event(events.SETTLED, number, item.payoff, price))
    return Reason.OK
