"""The registers as fields of a page, so that the machine can stop after any step (02-R03)."""

from mypy_extensions import i64

from miletus.engine.state import REGISTERS_BASE, State


def save_registers(s: State) -> None:
    """Write the registers into their page; an idle machine's page is all zero."""
    s.touch(REGISTERS_BASE)
    c = s.cells
    b: i64 = REGISTERS_BASE
    k: i64 = 0
    while k < 64:
        c[b + k] = 0
        k += 1
    if s.r_phase == 0:
        return
    c[b] = s.r_phase
    c[b + 1] = s.r_account
    c[b + 2] = s.r_slot
    c[b + 3] = s.r_instrument
    c[b + 4] = s.r_side
    c[b + 5] = s.r_price
    c[b + 6] = s.r_left
    c[b + 7] = s.r_size
    c[b + 8] = s.r_prior
    c[b + 9] = s.r_tif
    c[b + 10] = s.r_market
    c[b + 11] = s.r_terms
    c[b + 12] = s.r_expiry_s
    c[b + 13] = s.r_generation
    c[b + 14] = s.r_heads
    c[b + 15] = s.r_filled
    c[b + 16] = s.r_notional
    c[b + 17] = s.r_fills
    c[b + 18] = s.r_reason
    c[b + 19] = s.r_detail
    c[b + 20] = s.r_kind
    c[b + 21] = s.r_target
    c[b + 22] = s.r_cause
    c[b + 23] = s.r_unlink_back
    c[b + 24] = s.r_refresh
    c[b + 25] = s.r_refresh_back
    c[b + 26] = s.r_underlying
    c[b + 27] = s.r_position
    c[b + 28] = s.r_force
    c[b + 29] = s.r_slow
    c[b + 30] = s.r_amount
    c[b + 31] = s.r_to
    c[b + 32] = s.r_mode
    c[b + 33] = s.r_count
    c[b + 34] = s.r_replaced
    c[b + 35] = s.r_named


def load_registers(s: State) -> None:
    """Take the registers up again from their page."""
    c = s.cells
    b: i64 = REGISTERS_BASE
    s.r_phase = c[b]
    s.r_account = c[b + 1]
    s.r_slot = c[b + 2]
    s.r_instrument = c[b + 3]
    s.r_side = c[b + 4]
    s.r_price = c[b + 5]
    s.r_left = c[b + 6]
    s.r_size = c[b + 7]
    s.r_prior = c[b + 8]
    s.r_tif = c[b + 9]
    s.r_market = c[b + 10]
    s.r_terms = c[b + 11]
    s.r_expiry_s = c[b + 12]
    s.r_generation = c[b + 13]
    s.r_heads = c[b + 14]
    s.r_filled = c[b + 15]
    s.r_notional = c[b + 16]
    s.r_fills = c[b + 17]
    s.r_reason = c[b + 18]
    s.r_detail = c[b + 19]
    s.r_kind = c[b + 20]
    s.r_target = c[b + 21]
    s.r_cause = c[b + 22]
    s.r_unlink_back = c[b + 23]
    s.r_refresh = c[b + 24]
    s.r_refresh_back = c[b + 25]
    s.r_underlying = c[b + 26]
    s.r_position = c[b + 27]
    s.r_force = c[b + 28]
    s.r_slow = c[b + 29]
    s.r_amount = c[b + 30]
    s.r_to = c[b + 31]
    s.r_mode = c[b + 32]
    s.r_count = c[b + 33]
    s.r_replaced = c[b + 34]
    s.r_named = c[b + 35]


def clear_registers(s: State) -> None:
    """What every operation starts from: all but the phase, which the operation sets, is zero."""
    s.r_account = 0
    s.r_slot = 0
    s.r_instrument = 0
    s.r_side = 0
    s.r_price = 0
    s.r_left = 0
    s.r_size = 0
    s.r_prior = 0
    s.r_tif = 0
    s.r_market = 0
    s.r_terms = 0
    s.r_expiry_s = 0
    s.r_generation = 0
    s.r_heads = 0
    s.r_filled = 0
    s.r_notional = 0
    s.r_fills = 0
    s.r_reason = 0
    s.r_detail = 0
    s.r_kind = 0
    s.r_target = 0
    s.r_cause = 0
    s.r_unlink_back = 0
    s.r_refresh = 0
    s.r_refresh_back = 0
    s.r_underlying = 0
    s.r_position = 0
    s.r_force = 0
    s.r_slow = 0
    s.r_amount = 0
    s.r_to = 0
    s.r_mode = 0
    s.r_count = 0
    s.r_replaced = 0
    s.r_named = 0
