"""Values, requirements and the fill rule (spec 05)."""

from mypy_extensions import i64

from miletus.engine import layout as L
from miletus.engine import params as P
from miletus.engine.layout import PAGE
from miletus.engine.numbers import magnitude, mul_div, mul_div_up, positive
from miletus.engine.reasons import MARGIN, OK, WIDTH
from miletus.engine.state import State


def compute_move(s: State, underlying_address: i64) -> i64:
    """Index less the sheet's reference, in ticks, held to a quarter of the reference (05-R01)."""
    c = s.cells
    reference: i64 = c[underlying_address + L.SHEET_REFERENCE]
    move: i64 = c[underlying_address + L.INDEX] - reference
    limit: i64 = reference // 4
    if move > limit:
        return limit
    if move < -limit:
        return -limit
    return move


def compute_quadratic(delta: i64, gamma: i64, move: i64) -> i64:
    """Change of value for an index move (05-R01): delta part plus gamma part, each rounded down."""
    if move == 0:
        return 0
    if move > 0:
        return mul_div(delta, move, P.DELTA_ONE) + mul_div(
            mul_div(gamma, move, P.GAMMA_SPAN), move, 2 * P.DELTA_ONE
        )
    return mul_div(-delta, -move, P.DELTA_ONE) + mul_div(
        mul_div(gamma, -move, P.GAMMA_SPAN), -move, 2 * P.DELTA_ONE
    )


def compute_mark(s: State, instrument_address: i64, underlying_address: i64) -> i64:
    """Mark of an instrument now, in ticks (05-R02)."""
    c = s.cells
    e: i64 = s.entry(instrument_address, underlying_address)
    mark: i64 = c[e + L.ENTRY_MARK] + compute_quadratic(
        c[e + L.ENTRY_DELTA], c[e + L.ENTRY_GAMMA], compute_move(s, underlying_address)
    )
    return positive(mark)


def compute_value(s: State, account: i64, underlying: i64) -> i64:
    """Value of an account's positions in an underlying, in micros (05-R02)."""
    c = s.cells
    r: i64 = s.risk(account, underlying)
    if c[r + L.GROSS] == 0:
        return 0
    return c[r + L.SUM_MARK] + compute_quadratic(
        c[r + L.SUM_DELTA], c[r + L.SUM_GAMMA], compute_move(s, s.underlying(underlying))
    )


def compute_equity(s: State, account: i64) -> i64:
    """Cash plus the value of all positions, in micros (05-R02)."""
    equity: i64 = s.cells[s.header(account) + L.CASH]
    u: i64 = 0
    n: i64 = s.cells[L.UNDERLYINGS]
    while u < n:
        equity += compute_value(s, account, u)
        u += 1
    return equity


def compute_requirement(s: State, account: i64) -> i64:
    """Initial margin over all underlyings, in micros, from stored requirements (05-R03)."""
    total: i64 = 0
    u: i64 = 0
    n: i64 = s.cells[L.UNDERLYINGS]
    while u < n:
        total += s.cells[s.risk(account, u) + L.REQUIREMENT]
        u += 1
    return total


def compute_worst(s: State, r: i64, e: i64, dq: i64) -> i64:
    """Loss in the worst scenario of the sums at `r` after `dq` lots of the entry at `e`; at least 0."""
    c = s.cells
    least: i64 = 0
    k: i64 = 0
    while k < P.SCENARIOS:
        value: i64 = c[r + L.SUMS + k] + dq * c[e + k]
        if value < least:
            least = value
        k += 1
    return -least


def compute_floor(short_lots: i64, reference: i64) -> i64:
    """Least requirement for short options, in micros, rounded up (05-R03)."""
    return mul_div_up(short_lots * P.SHORT_FLOOR_PERMILLE, reference, 1000)


def compute_fee(s: State, instrument_address: i64, underlying_address: i64, lots: i64, price: i64) -> i64:
    """Taker fee of a fill, in micros, rounded up (05-R07)."""
    c = s.cells
    if c[instrument_address + L.INSTRUMENT_TYPE] <= 1:
        fee: i64 = mul_div_up(lots * c[underlying_address + L.INDEX], P.OPTION_FEE_PPM, 1_000_000)
        cap: i64 = (lots * price + P.OPTION_FEE_CAP_DIVISOR - 1) // P.OPTION_FEE_CAP_DIVISOR
        return cap if cap < fee else fee
    return mul_div_up(lots * price, P.FUTURE_FEE_PPM, 1_000_000)


def is_restricted(s: State, instrument_address: i64, underlying_address: i64) -> bool:
    """Whether only what lowers risk may go on in the instrument (06-R08)."""
    c = s.cells
    u: i64 = underlying_address
    now_s: i64 = c[L.CLOCK_MS] // 1000
    if now_s - c[u + L.TICK_TIME_S] > P.TICK_MAX_AGE_S or now_s - c[u + L.SHEET_TIME_S] > P.SHEET_MAX_AGE_S:
        return True
    reference: i64 = c[u + L.SHEET_REFERENCE]
    index: i64 = c[u + L.INDEX]
    move: i64 = index - reference
    if move == 0:
        return False
    if magnitude(move) * 1000 > reference * P.MOVE_LIMIT_PERMILLE:
        return True
    e: i64 = s.entry(instrument_address, u)
    return compute_quadratic(0, c[e + L.ENTRY_GAMMA], compute_move(s, u)) > index // 100


def compute_short(instrument_type: i64, lots: i64) -> i64:
    """Lots that count for the floor on short options."""
    return -lots if lots < 0 and instrument_type <= 1 else 0


def compute_part(s: State, r: i64, n: i64, lots: i64, dq: i64) -> i64:
    """Requirement of the risk at `r` after `dq` lots more of the instrument at `n` (05-R03).

    `lots` is the position before. In micros.
    """
    c = s.cells
    ua: i64 = s.underlying(c[n + L.INSTRUMENT_UNDERLYING])
    kind: i64 = c[n + L.INSTRUMENT_TYPE]
    short: i64 = c[r + L.SHORT]
    if kind <= 1:
        short = short - compute_short(kind, lots) + compute_short(kind, lots + dq)
    worst: i64 = compute_worst(s, r, s.entry(n, ua), dq)
    return worst if short == 0 else worst + compute_floor(short, c[ua + L.SHEET_REFERENCE])


def compute_others(s: State, account: i64, underlying: i64) -> i64:
    """Value of the account's positions in all underlyings but one, in micros."""
    total: i64 = 0
    u: i64 = 0
    n: i64 = s.cells[L.UNDERLYINGS]
    while u < n:
        if u != underlying:
            total += compute_value(s, account, u)
        u += 1
    return total


def check_fill(
    s: State, account: i64, instrument: i64, dq: i64, price: i64, cost: i64, restricted: bool
) -> i64:
    """Fill rule (05-R05, 05-R06) for `dq` signed lots at `price`; `cost` is taken from cash besides.

    Returns OK, MARGIN or WIDTH, and leaves the requirement after the fill in `s.f_requirement`. The
    account's sums must be fresh. Changes nothing.
    """
    c = s.cells
    n: i64 = s.instrument(instrument)
    u: i64 = c[n + L.INSTRUMENT_UNDERLYING]
    ua: i64 = s.underlying(u)
    e: i64 = s.entry(n, ua)
    h: i64 = s.header(account)
    r: i64 = s.risk(account, u)
    lots: i64 = s.get_position_lots(account, instrument)
    if c[r + L.GROSS] - magnitude(lots) + magnitude(lots + dq) > P.MAX_GROSS_LOTS:
        return WIDTH
    if lots == 0 and c[h + L.POSITIONS] >= P.MAX_POSITIONS:
        return WIDTH
    cash: i64 = c[h + L.CASH]
    cash_after: i64 = cash - dq * price - cost
    if cash_after >= P.CASH_LIMIT_MICROS or cash_after <= -P.CASH_LIMIT_MICROS:
        return WIDTH
    part: i64 = compute_part(s, r, n, lots, dq)
    s.f_requirement = part
    before: i64 = compute_requirement(s, account)
    required: i64 = before - c[r + L.REQUIREMENT] + part
    move: i64 = compute_move(s, ua)
    value_after: i64 = c[r + L.SUM_MARK] + dq * c[e + L.ENTRY_MARK]
    if move != 0:
        value_after += compute_quadratic(
            c[r + L.SUM_DELTA] + dq * c[e + L.ENTRY_DELTA],
            c[r + L.SUM_GAMMA] + dq * c[e + L.ENTRY_GAMMA],
            move,
        )
    others: i64 = compute_others(s, account, u)
    equity_after: i64 = cash_after + others + value_after
    if not restricted and equity_after >= required:
        return OK
    if required >= before:
        return MARGIN
    equity: i64 = cash + others + compute_value(s, account, u)
    if equity_after - required >= equity - before and (equity_after >= 0 or equity_after >= equity):
        return OK
    return MARGIN


def apply_fill(s: State, account: i64, instrument: i64, dq: i64, price: i64, cost: i64, part: i64) -> None:
    """Move cash, position and sums for `dq` signed lots at `price`; `part` is the new requirement."""
    c = s.cells
    n: i64 = s.instrument(instrument)
    u: i64 = c[n + L.INSTRUMENT_UNDERLYING]
    e: i64 = s.entry(n, s.underlying(u))
    h: i64 = s.header(account)
    r: i64 = s.risk(account, u)
    p: i64 = s.make_position(account, instrument)
    s.touch(h)
    s.touch(r)
    s.touch(p)
    lots: i64 = c[p + L.POSITION_SIZE]
    after: i64 = lots + dq
    kind: i64 = c[n + L.INSTRUMENT_TYPE]
    c[h + L.CASH] = c[h + L.CASH] - dq * price - cost
    c[r + L.GROSS] = c[r + L.GROSS] - magnitude(lots) + magnitude(after)
    c[r + L.SHORT] = c[r + L.SHORT] - compute_short(kind, lots) + compute_short(kind, after)
    add_entry(s, r, e, dq)
    c[r + L.REQUIREMENT] = part
    c[p + L.POSITION_SIZE] = after
    if lots == 0:
        link_position(s, account, u, instrument)
    elif after == 0:
        unlink_position(s, account, u, instrument)
    if lots > 0 or after > 0:
        book: i64 = n + PAGE
        s.touch(book)
        c[book + L.OPEN_INTEREST] = c[book + L.OPEN_INTEREST] - positive(lots) + positive(after)


def add_entry(s: State, r: i64, e: i64, dq: i64) -> None:
    """Add `dq` lots of the entry at `e` to the sums at `r`."""
    c = s.cells
    k: i64 = 0
    while k < P.SCENARIOS:
        c[r + L.SUMS + k] = c[r + L.SUMS + k] + dq * c[e + k]
        k += 1
    c[r + L.SUM_MARK] = c[r + L.SUM_MARK] + dq * c[e + L.ENTRY_MARK]
    c[r + L.SUM_DELTA] = c[r + L.SUM_DELTA] + dq * c[e + L.ENTRY_DELTA]
    c[r + L.SUM_GAMMA] = c[r + L.SUM_GAMMA] + dq * c[e + L.ENTRY_GAMMA]


def link_position(s: State, account: i64, underlying: i64, instrument: i64) -> None:
    """Put a position, whose record but for its size is zero, at the front of its account's list (02-R07)."""
    c = s.cells
    r: i64 = s.risk(account, underlying)
    p: i64 = s.position(account, instrument)
    first: i64 = c[r + L.FIRST_POSITION]
    c[p + L.POSITION_NEXT] = first
    if first != 0:
        q: i64 = s.position(account, first - 1)
        s.touch(q)
        c[q + L.POSITION_PREVIOUS] = instrument + 1
    c[r + L.FIRST_POSITION] = instrument + 1
    h: i64 = s.header(account)
    c[h + L.POSITIONS] = c[h + L.POSITIONS] + 1


def unlink_position(s: State, account: i64, underlying: i64, instrument: i64) -> None:
    """Take a position of size zero out of its account's list; its record becomes all zero (02-R07)."""
    c = s.cells
    r: i64 = s.risk(account, underlying)
    p: i64 = s.position(account, instrument)
    previous: i64 = c[p + L.POSITION_PREVIOUS]
    following: i64 = c[p + L.POSITION_NEXT]
    if previous == 0:
        c[r + L.FIRST_POSITION] = following
    else:
        q: i64 = s.position(account, previous - 1)
        s.touch(q)
        c[q + L.POSITION_NEXT] = following
    if following != 0:
        q2: i64 = s.position(account, following - 1)
        s.touch(q2)
        c[q2 + L.POSITION_PREVIOUS] = previous
    c[p + L.POSITION_PREVIOUS] = 0
    c[p + L.POSITION_NEXT] = 0
    h: i64 = s.header(account)
    c[h + L.POSITIONS] = c[h + L.POSITIONS] - 1


def pay_fee(s: State, fee: i64) -> None:
    """Add a fee (negative: take it back) to the fee account."""
    f: i64 = s.header(P.FEE_ACCOUNT)
    s.touch(f)
    s.cells[f + L.CASH] = s.cells[f + L.CASH] + fee
