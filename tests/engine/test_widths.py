"""Every value that the machine stores fits its width, between steps as well; widths follow from limits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from miletus.codec import decode_segment
from miletus.engine import layout as L
from miletus.engine import params as P
from miletus.engine import phases, reasons, segment
from miletus.engine.machine import Hook
from miletus.engine.packing import PACKING, REGISTERS, TUPLE
from miletus.engine.registers import clear_registers, load_registers, save_registers
from miletus.engine.state import REGISTERS_BASE, State
from miletus.native import pack_page, prepare
from tests.agreement.test_vectors import FILES, build
from tests.engine.support import find_misfit

RECORDS = {
    int(L.KIND_KEYS): int(L.KEY_RECORD),
    int(L.KIND_ORDERS): int(L.ORDER_RECORD),
    int(L.KIND_POSITIONS): int(L.POSITION_RECORD),
    int(L.KIND_SIGNERS): int(L.KEY_RECORD),
    int(L.KIND_READINGS): int(L.READING_RECORD),
    int(L.KIND_JOURNAL): int(L.JOURNAL_RECORD),
}
"""Fields of a record, of the kinds of pages that hold many."""


class Watch(Hook):
    """Looks at the registers, and at all that changed, after every step."""

    def __init__(self) -> None:
        self.misfits: list[str] = []
        self.steps = 0
        self.phases: set[int] = set()

    def boundary(self, state: State) -> None:
        self.steps += 1
        self.phases.add(int(state.r_phase))
        save_registers(state)
        for k in range(int(state.dirty_count)):
            page = int(state.stack[k])
            number = int(state.compute_page_number(page))
            fields = [int(state.cells[page * 64 + place]) for place in range(64)]
            misfit = find_misfit(number, fields)
            if misfit:
                self.misfits.append(misfit)


@pytest.mark.rule("02-R10", "01-R03")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_step_of_the_vectors_leaves_all_in_its_width(path: Path) -> None:
    vector = json.loads(path.read_text())
    machine, _tree = build(vector)
    machine.take_dirty()
    watch = Watch()
    machine.hook = watch
    machine.watched = True
    for part in vector["segments"]:
        source = int(segment.INBOX if part["source"] == "inbox" else segment.SEQUENCED)
        decoded = decode_segment(source, b"".join(bytes.fromhex(word) for word in part["words"]))
        prepare(decoded, machine)
        machine.run(decoded)
    assert watch.steps > 0
    assert watch.misfits == []


@pytest.mark.both_builds
@pytest.mark.rule("02-R03", "02-R10")
def test_registers_are_the_fields_that_the_table_names() -> None:
    """Save puts each under its number, load takes it from there, and clear forgets all but the phase."""
    state = State(32)
    for k, (name, _bits, _signed) in enumerate(REGISTERS):
        setattr(state, f"r_{name}", k + 1)
    save_registers(state)
    page = [int(state.cells[REGISTERS_BASE + k]) for k in range(64)]
    assert page == [*range(1, len(REGISTERS) + 1), *[0] * (64 - len(REGISTERS))]
    clear_registers(state)
    assert [getattr(state, f"r_{name}") for name, _, _ in REGISTERS] == [1] + [0] * (len(REGISTERS) - 1)
    load_registers(state)
    assert [getattr(state, f"r_{name}") for name, _, _ in REGISTERS] == list(range(1, len(REGISTERS) + 1))


@pytest.mark.rule("02-R10")
def test_a_phase_fits_its_registers() -> None:
    """The circuit has phases besides these, so the registers have bits left."""
    most = max(value for name, value in vars(phases).items() if name.isupper())
    for name in ("phase", "unlink_back", "refresh_back"):
        assert most < 1 << REGISTER_WIDTHS[name][0]


@pytest.mark.rule("02-R03")
def test_every_register_is_in_the_table() -> None:
    """All but the number of the operation, which is the reader's, not the state's."""
    state = State(32)
    names = {name for name in dir(state) if name.startswith("r_")}
    assert names - {"r_record"} == {f"r_{name}" for name, _, _ in REGISTERS}


def get_bits(kind: int, field: int) -> tuple[int, bool]:
    """Width of a field."""
    found = {f: (bits, signed) for cell in PACKING[int(kind)] for f, bits, signed in cell}
    return found[int(field)]


def is_tight(least: int, most: int, bits: int, signed: bool) -> bool:
    """Whether [least, most] fits the width, and not one bit less."""

    def fits(width: int) -> bool:
        half = 1 << (width - 1)
        return -half <= least and most < half if signed else least >= 0 and most < 1 << width

    return fits(bits) and not fits(bits - 1)


MOST = int(P.PRICE_LIMIT) - 1
GROSS = int(P.MAX_GROSS_LOTS)
OPEN = int(P.MAX_OPEN_INTEREST_LOTS)
NAME = int(P.MAX_ACCOUNTS) * int(P.SLOTS) - 1
DELTA = int(P.DELTA_LIMIT)


@pytest.mark.rule("01-R03", "02-R10")
@pytest.mark.parametrize(
    ("kind", "field", "least", "most"),
    [
        (L.KIND_ACCOUNT, L.LOCKED, 0, P.SLOTS * P.REST_LOCK_MICROS),
        (L.KIND_ACCOUNT, L.RESTING, 0, P.SLOTS),
        (L.KIND_ACCOUNT, L.POSITIONS, 0, P.MAX_POSITIONS),
        (L.KIND_RISK, L.SUMS, -GROSS * MOST, GROSS * MOST),
        (L.KIND_RISK, L.SUM_MARK, -GROSS * MOST, GROSS * MOST),
        (L.KIND_RISK, L.SUM_DELTA, -GROSS * DELTA, GROSS * DELTA),
        (L.KIND_RISK, L.GROSS, 0, GROSS),
        (L.KIND_RISK, L.SHORT, 0, GROSS),
        (L.KIND_RISK, L.REQUIREMENT, 0, GROSS * MOST - (-GROSS * P.SHORT_FLOOR_PERMILLE * MOST // 1000)),
        (L.KIND_RISK, L.FIRST_POSITION, 0, P.MAX_INSTRUMENTS),
        (L.KIND_ORDERS, L.ORDER_BOOK, 0, 2 * P.MAX_INSTRUMENTS),
        (L.KIND_ORDERS, L.ORDER_PRICE, 0, MOST),
        (L.KIND_ORDERS, L.ORDER_LEFT, 0, P.MAX_ORDER_LOTS),
        (L.KIND_ORDERS, L.ORDER_FILLED, 0, P.MAX_ORDER_LOTS),
        (L.KIND_ORDERS, L.ORDER_GENERATION, 0, P.GENERATION_SPAN - 1),
        (L.KIND_ORDERS, L.ORDER_PREVIOUS, 0, NAME + 1),
        (L.KIND_POSITIONS, L.POSITION_SIZE, -GROSS, GROSS),
        (L.KIND_POSITIONS, L.POSITION_NEXT, 0, P.MAX_INSTRUMENTS),
        (L.KIND_INSTRUMENT, L.INSTRUMENT_STATE, 0, 2),
        (L.KIND_INSTRUMENT, L.INSTRUMENT_TYPE, 0, 3),
        (L.KIND_INSTRUMENT, L.INSTRUMENT_UNDERLYING, 0, P.MAX_UNDERLYINGS - 1),
        (L.KIND_INSTRUMENT, L.LOT_STEP, 0, P.MAX_ORDER_LOTS),
        (L.KIND_INSTRUMENT, L.MIN_SIZE, 0, P.MAX_ORDER_LOTS),
        (L.KIND_INSTRUMENT, L.SLOW_MARK, 0, MOST * P.SLOW_ONE),
        (L.KIND_INSTRUMENT, L.ENTRIES, -MOST, MOST),
        (L.KIND_INSTRUMENT, L.ENTRIES + L.ENTRY_MARK, 0, MOST),
        (L.KIND_INSTRUMENT, L.ENTRIES + L.ENTRY_DELTA, -DELTA, DELTA),
        (L.KIND_BOOK, L.HEAD_BID, 0, NAME + 1),
        (L.KIND_BOOK, L.OPEN_INTEREST, 0, OPEN),
        (L.KIND_BOOK, L.CLEARING_POSITION, -OPEN, OPEN),
        (L.KIND_BOOK, L.CLEARING_CASH, -OPEN * MOST, OPEN * MOST),
        (L.KIND_MACHINE, L.OUTBOX_COUNT, 0, P.MAX_OUTBOX),
        (L.KIND_MACHINE, L.DEPOSITED, 0, P.CASH_LIMIT_MICROS - 1),
        (L.KIND_MACHINE, L.SIGNERS, 0, P.MAX_SIGNERS),
        (L.KIND_MACHINE, L.UNDERLYINGS, 0, P.MAX_UNDERLYINGS),
        (L.KIND_STAGE, L.APPROVALS, 0, (1 << P.MAX_SIGNERS) - 1),
        (L.KIND_STAGE, L.APPROVAL_COUNT, 0, P.MAX_SIGNERS),
        (L.KIND_UNDERLYING, L.INDEX, 0, MOST),
        (L.KIND_UNDERLYING, L.LISTED, 0, P.MAX_INSTRUMENTS),
        (L.KIND_UNDERLYING, L.CUMULATIVE, 0, P.CUMULATIVE_LIMIT - 1),
        (L.KIND_READINGS, L.READING_CUMULATIVE, 0, P.CUMULATIVE_LIMIT - 1),
        (L.KIND_JOURNAL, L.JOURNAL_LOTS, 0, P.MAX_ORDER_LOTS),
        (L.KIND_JOURNAL, L.JOURNAL_FEE, 0, -(-P.MAX_ORDER_LOTS * MOST * P.FUTURE_FEE_PPM // 1_000_000)),
    ],
)
def test_a_width_is_that_of_the_greatest_value(kind: int, field: int, least: int, most: int) -> None:
    bits, signed = get_bits(kind, field)
    assert is_tight(int(least), int(most), bits, signed), f"{least} .. {most} in {bits} bits"


REGISTER_WIDTHS = {name: (bits, signed) for name, bits, signed in REGISTERS}


@pytest.mark.rule("02-R10")
@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("account", 0, P.MAX_ACCOUNTS - 1),
        ("to", 0, P.MAX_ACCOUNTS - 1),
        ("refresh", 0, P.MAX_ACCOUNTS - 1),
        ("target", 0, NAME),
        ("slot", 0, P.SLOTS),
        ("instrument", 0, (1 << 16) - 1),
        ("price", 0, (1 << 35) * 11 // 10 + MOST // 200),
        ("prior", 0, P.MAX_ORDER_LOTS),
        ("filled", 0, P.MAX_ORDER_LOTS),
        ("notional", 0, P.MAX_ORDER_LOTS * MOST),
        ("heads", 0, P.MAX_MAKERS),
        ("fills", 0, P.MAX_MAKERS),
        ("count", 0, P.MAX_MAKERS),
        ("reason", 0, max(v for k, v in vars(reasons).items() if k.isupper() and isinstance(v, int))),
        ("detail", 0, MOST),
        ("kind", 0, segment.INCOMPLETE),
        ("underlying", 0, P.MAX_UNDERLYINGS),
        ("position", 0, P.MAX_INSTRUMENTS),
        ("slow", -P.MAX_UNDERLYINGS * GROSS * MOST, P.MAX_UNDERLYINGS * GROSS * MOST),
        ("amount", 0, (1 << 56) - 1),
    ],
)
def test_a_register_is_as_wide_as_its_greatest_value(name: str, least: int, most: int) -> None:
    bits, signed = REGISTER_WIDTHS[name]
    assert is_tight(int(least), int(most), bits, signed), f"{least} .. {most} in {bits} bits"


@pytest.mark.rule("02-R01")
@pytest.mark.parametrize("kind", sorted(RECORDS))
def test_a_record_lies_in_one_tuple(kind: int) -> None:
    tuples: dict[int, set[int]] = {}
    for place, cell in enumerate(PACKING[kind]):
        for field, _bits, _signed in cell:
            tuples.setdefault(field // RECORDS[kind], set()).add(place // TUPLE)
    assert all(len(places) == 1 for places in tuples.values())
    assert len(tuples) == 64 // RECORDS[kind]


def test_a_value_beyond_its_width_is_seen() -> None:
    """By the check of these tests and by the library that packs."""
    fields = [0] * 64
    number = 16 * int(L.ACCOUNT_PAGES)
    for place, value in ((L.CASH, 1 << 61), (L.LOCKED, 1 << 18), (L.GROSS, -1), (63, 1)):
        broken = list(fields)
        broken[int(place)] = int(value)
        assert find_misfit(number, broken) is not None
        with pytest.raises(ValueError, match=f"field {int(place)}"):
            pack_page(int(L.KIND_ACCOUNT), broken)
    assert find_misfit(number, fields) is None
    assert find_misfit(5, [0] * 64) == "page 5: there is no such page"
