"""Parameters of a deployment, each with its unit and the rule that uses it (spec 01, "Parameters")."""

from typing import Final

from mypy_extensions import i64

MACHINE_VERSION: Final[i64] = 1
"""Version of the machine that a batch names; a change of any rule raises it."""

# Room of the state

MAX_ACCOUNTS: Final[i64] = 262_144
"""Accounts that a page number has room for; spec 02-R01."""

FIRST_ACCOUNT: Final[i64] = 16
"""First account that a person can own; 0 is the insurance fund, 1 the fee account; spec 03-R05."""

FUND_ACCOUNT: Final[i64] = 0
FEE_ACCOUNT: Final[i64] = 1

MAX_INSTRUMENTS: Final[i64] = 4_096
MAX_UNDERLYINGS: Final[i64] = 4
SLOTS: Final[i64] = 256
"""Order slots of an account; spec 02-R06."""

SLOT_BITS: Final[i64] = 8

MAX_POSITIONS: Final[i64] = 128
"""Open positions of an account; spec 05-R06."""

KEYS: Final[i64] = 4
"""Trading keys of an account; spec 03-R06."""

MAX_SIGNERS: Final[i64] = 8
"""Oracle signers; spec 06-R02."""

SCENARIOS: Final[i64] = 16

# Widths, spec 01-R03

PRICE_LIMIT: Final[i64] = 268_435_456
"""Prices, marks, indices and strikes are below this, in ticks (2^28)."""

MAX_ORDER_LOTS: Final[i64] = 16_777_216
MAX_GROSS_LOTS: Final[i64] = 67_108_864
MAX_OPEN_INTEREST_LOTS: Final[i64] = 8_589_934_592
CASH_LIMIT_MICROS: Final[i64] = 1_152_921_504_606_846_976
DELTA_LIMIT: Final[i64] = 12_000
GAMMA_LIMIT: Final[i64] = 1_048_576
GAMMA_INDEX_LIMIT: Final[i64] = 1_099_511_627_776
"""Gamma x index of a filling is below this (2^40), so gamma x reference is below twice that."""

CUMULATIVE_LIMIT: Final[i64] = 1_152_921_504_606_846_976
GENERATION_SPAN: Final[i64] = 4_294_967_296
"""A slot's generation counts modulo this; spec 04-R04."""

# Units

DELTA_ONE: Final[i64] = 10_000
GAMMA_SPAN: Final[i64] = 65_536
SLOW_ONE: Final[i64] = 65_536
"""The slow mark is kept at this many parts of a tick; spec 06-R09."""

# Book, spec 04

MAX_MAKERS: Final[i64] = 64
REST_LOCK_MICROS: Final[i64] = 1_000
BAND_INDEX_PERMILLE: Final[i64] = 5
BAND_MARK_PERMILLE: Final[i64] = 100

# Margin and fees, spec 05

SHORT_FLOOR_PERMILLE: Final[i64] = 10
MAINTENANCE_PERMILLE: Final[i64] = 800
OPTION_FEE_PPM: Final[i64] = 300
FUTURE_FEE_PPM: Final[i64] = 500
OPTION_FEE_CAP_DIVISOR: Final[i64] = 8

# Oracle, spec 06

MOVE_LIMIT_PERMILLE: Final[i64] = 50
TICK_MAX_AGE_S: Final[i64] = 60
SHEET_MAX_AGE_S: Final[i64] = 1_800
ORACLE_AHEAD_S: Final[i64] = 5
SLOW_SECONDS: Final[i64] = 14_400
SHEET_REFERENCE_PERMILLE: Final[i64] = 20
SETTLEMENT_WINDOW_S: Final[i64] = 1_800
DAY_S: Final[i64] = 86_400
EXPIRY_TIME_OF_DAY_S: Final[i64] = 28_800
READING_DAYS: Final[i64] = 32

# Batches, spec 08

MAX_SEGMENT_WORDS: Final[i64] = 1_024
MAX_OUTBOX: Final[i64] = 256
