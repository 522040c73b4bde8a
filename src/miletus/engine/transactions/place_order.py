"""PlaceOrder: a new order, which may replace the one in its slot (spec 04)."""

from mypy_extensions import i64

from miletus.engine import layout as L
from miletus.engine import params as P
from miletus.engine import segment as G
from miletus.engine.crypto import Crypto
from miletus.engine.events import CAUSE_REPLACED
from miletus.engine.incoming import GTC, compute_band, compute_reducible, crosses, get_name
from miletus.engine.layout import PAGE
from miletus.engine.margin import compute_mark
from miletus.engine.matching import start_unlink
from miletus.engine.phases import ENTER, MATCH, READY
from miletus.engine.reasons import (
    BAD_FLAGS,
    BAD_PRICE,
    BAD_SIZE,
    EXPIRED,
    NO_SHEET,
    OK,
    POST_ONLY,
    REDUCE_ONLY,
    SLOT_TAKEN,
    UNKNOWN_INSTRUMENT,
)
from miletus.engine.refresh import is_stale, start_refresh
from miletus.engine.segment import Segment
from miletus.engine.state import State
from miletus.engine.transactions.authorise import SCOPE_TRADE, authorise, refuse


def apply_place_order(s: State, crypto: Crypto, segment: Segment, at: i64) -> None:
    """Take the order into the registers; with `replace`, remove what is in the slot first (04-R01)."""
    # AUTHORISE
    if not authorise(s, crypto, segment, at, SCOPE_TRADE):
        return
    v = segment.records
    f: i64 = at + G.R_FIELDS
    flags: i64 = v[f + 2]
    s.r_slot = v[f]
    s.r_named = 1
    s.r_instrument = v[f + 1]
    s.r_side = flags % 2
    s.r_tif = flags // 2 % 4
    s.r_market = flags // 8 % 2
    s.r_terms = flags // 16 % 2 * 2 + flags // 32 % 2
    s.r_mode = flags
    s.r_price = v[f + 3]
    s.r_left = v[f + 4]
    s.r_size = v[f + 4]
    if v[f + 5] > 0:
        s.r_expiry_s = s.cells[L.CLOCK_MS] // 1000 + v[f + 5]
    s.r_phase = ENTER
    # APPLY: the replaced order goes whatever becomes of the new one
    if flags // 64 % 2 == 1 and s.cells[s.order(get_name(s)) + L.ORDER_BOOK] != 0:
        s.r_replaced = 1
        start_unlink(s, get_name(s), CAUSE_REPLACED, ENTER)


def step_enter(s: State) -> None:
    """CHECK what needs no fresh sums (04-R02), then see to the sums."""
    reason: i64 = check_flags(s)
    if reason == OK:
        reason = check_instrument(s)
    if reason == OK:
        reason = check_grid(s, s.r_market == 0, s.r_size)
    if reason == OK and s.cells[s.order(get_name(s)) + L.ORDER_BOOK] != 0:
        reason = SLOT_TAKEN
    if reason != OK:
        refuse(s, reason)
        return
    continue_when_fresh(s)


def continue_when_fresh(s: State) -> None:
    """Go on in READY, after a refresh if the account is stale."""
    s.r_phase = READY
    if is_stale(s, s.r_account):
        start_refresh(s, s.r_account, 0, READY)


def check_flags(s: State) -> i64:
    """Whether the order's flags make sense together."""
    post_only: bool = s.r_terms >= 2
    if s.r_mode >= 128 or s.r_tif == 3:
        return BAD_FLAGS
    if post_only and (s.r_market == 1 or s.r_tif != GTC):
        return BAD_FLAGS
    return OK


def check_instrument(s: State) -> i64:
    """Whether the instrument trades now and a sheet covers it."""
    if s.r_instrument >= P.MAX_INSTRUMENTS:
        return UNKNOWN_INSTRUMENT
    c = s.cells
    n: i64 = s.instrument(s.r_instrument)
    if c[n + L.INSTRUMENT_STATE] == 0:
        return UNKNOWN_INSTRUMENT
    expiry_s: i64 = c[n + L.EXPIRY_S]
    # one that is settled expired before
    if expiry_s != 0 and c[L.CLOCK_MS] >= expiry_s * 1000:
        return EXPIRED
    ua: i64 = s.underlying(c[n + L.INSTRUMENT_UNDERLYING])
    tag: i64 = c[ua + L.SHEET_TAG]
    if tag == 0 or c[s.entry(n, ua) + L.ENTRY_TAG] != tag:
        return NO_SHEET
    return OK


def check_grid(s: State, has_price: bool, size: i64) -> i64:
    """Whether price and size are on the instrument's grid and within its limits."""
    c = s.cells
    n: i64 = s.instrument(s.r_instrument)
    if has_price:
        if s.r_price < 1 or s.r_price >= P.PRICE_LIMIT or s.r_price % c[n + L.TICK_STEP] != 0:
            return BAD_PRICE
    if size < c[n + L.MIN_SIZE] or size > P.MAX_ORDER_LOTS or size % c[n + L.LOT_STEP] != 0:
        return BAD_SIZE
    return OK


def step_ready(s: State) -> None:
    """CHECK what needs fresh sums (04-R03), give a new order its generation, and let it match (04-R04)."""
    c = s.cells
    n: i64 = s.instrument(s.r_instrument)
    if s.r_terms % 2 == 1 and compute_reducible(s, s.r_account, s.r_instrument, s.r_side) == 0:
        refuse(s, REDUCE_ONLY)
        return
    if s.r_market == 1:
        ua: i64 = s.underlying(c[n + L.INSTRUMENT_UNDERLYING])
        mark: i64 = compute_mark(s, n, ua)
        band: i64 = compute_band(s, mark, ua)
        s.r_price = mark + band
        if s.r_side == 1:
            s.r_price = mark - band if mark - band > 1 else 1
    if s.r_terms >= 2:
        head: i64 = c[n + PAGE + 1 - s.r_side]
        if head != 0 and crosses(s, c[s.order(head - 1) + L.ORDER_PRICE]):
            refuse(s, POST_ONLY)
            return
    if s.r_kind == G.PLACE_ORDER:
        o: i64 = s.order(get_name(s))
        s.touch(o)
        s.r_generation = (c[o + L.ORDER_GENERATION] + 1) % P.GENERATION_SPAN
        c[o + L.ORDER_GENERATION] = s.r_generation
    s.r_phase = MATCH
