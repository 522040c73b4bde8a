"""The order in progress, as the registers hold it (spec 04)."""

from typing import Final

from mypy_extensions import i64

from miletus.engine import layout as L
from miletus.engine import params as P
from miletus.engine.numbers import positive
from miletus.engine.state import State

GTC: Final[i64] = 0
IOC: Final[i64] = 1
FOK: Final[i64] = 2


def get_name(s: State) -> i64:
    """Name of the order in progress: account x 256 + slot."""
    return s.r_account * P.SLOTS + s.r_slot


def get_side(s: State) -> i64:
    """2 x instrument + side of the order in progress."""
    return s.r_instrument * 2 + s.r_side


def compute_reducible(s: State, account: i64, instrument: i64, side: i64) -> i64:
    """Lots that an order of this side can trade before the position changes sign; 0 if it would grow."""
    lots: i64 = s.get_position_lots(account, instrument)
    if side == 0:
        return positive(-lots)
    return positive(lots)


def compute_band(s: State, mark: i64, underlying_address: i64) -> i64:
    """Half width of the fill band, in ticks (04-R08)."""
    return (
        s.cells[underlying_address + L.INDEX] * P.BAND_INDEX_PERMILLE // 1000
        + mark * P.BAND_MARK_PERMILLE // 1000
    )


def crosses(s: State, price: i64) -> bool:
    """Whether a head at `price` is within the limit of the order in progress."""
    return price <= s.r_price if s.r_side == 0 else price >= s.r_price
