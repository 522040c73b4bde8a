"""What lets the engine run beside the naive model: a quick stand-in for hashes, and its pages as a view."""

from __future__ import annotations

from typing import Any

import numpy as np
from mypy_extensions import i64

from miletus.engine import layout as L
from miletus.engine import params, segment
from miletus.engine.crypto import Crypto
from miletus.engine.machine import Machine
from miletus.engine.packing import PACKING, compute_page_kind
from miletus.engine.registers import save_registers
from miletus.engine.segment import RECORD, Segment
from miletus.engine.state import State
from tests.engine.naive import FIELDS, fold
from tests.engine.records import LIMB

View = dict[str, Any]
Pages = dict[int, list[int]]
R_FIELDS, R_PAYLOAD = int(segment.R_FIELDS), int(segment.R_PAYLOAD)
ENTRY_FIELDS = len(FIELDS[segment.SHEET_ENTRY])


class FoldCrypto(Crypto):
    """Hashes are `fold`, and a signature is the lowest bit of a record's payload.

    For speed, and so that the naive model needs no cryptography. Only these tests use it.
    """

    def verify_record(self, state: State, segment: Segment, record: i64, key_address: i64) -> bool:
        return is_signed(segment, record)

    def verify_approval(self, state: State, segment: Segment, record: i64, key_address: i64) -> bool:
        return is_signed(segment, record)

    def absorb_entry(self, state: State, segment: Segment, record: i64, address: i64) -> None:
        first = record * RECORD + R_FIELDS
        absorb(state, address, [segment.records[first + k] for k in range(ENTRY_FIELDS)])

    def absorb_receipts(self, state: State, first: i64, count: i64, address: i64) -> None:
        absorb(state, address, [state.receipts[k] for k in range(first * 4, (first + count) * 4)])

    def absorb_withdrawal(self, state: State, owner_address: i64, amount: i64, address: i64) -> None:
        owner = sum(state.cells[owner_address + k] * LIMB**k for k in range(4))
        absorb(state, address, [owner, amount])


def is_signed(segment: Segment, record: i64) -> bool:
    return segment.records[record * RECORD + R_PAYLOAD] % 2 == 1


def absorb(state: State, address: i64, values: list[int]) -> None:
    cells = state.cells
    total = fold(sum(cells[address + k] * LIMB**k for k in range(5)), *values)
    for k in range(5):
        cells[address + k] = total % LIMB
        total //= LIMB


# ---- the engine's pages as a view -----------------------------------------------------------------------


def get_pages(machine: Machine) -> Pages:
    """All pages that are not zero, by their number.

    What `Machine.export_pages` gives, found by numpy: the interpreted machine takes long to look at every
    cell. A test compares the two.
    """
    machine.flush()
    save_registers(machine.state)
    cells = np.frombuffer(memoryview(machine.state.cells), dtype=np.int64).reshape(-1, int(L.PAGE))
    pages = np.flatnonzero(cells.any(axis=1)).tolist()
    return {machine.state.compute_page_number(page): cells[page].tolist() for page in pages}


def get_exported_pages(machine: Machine) -> Pages:
    numbers, _, fields = machine.export_pages()
    values = memoryview(fields).tolist()
    return {number: values[k * 64 : k * 64 + 64] for k, number in enumerate(memoryview(numbers).tolist())}


def get_limbs(page: list[int], place: int, count: int) -> int:
    return sum(page[place + k] * LIMB**k for k in range(count))


WIDTHS = [{field: (bits, signed) for cell in kind for field, bits, signed in cell} for kind in PACKING]
"""By kind of page and field: width and sign."""


def find_misfit(number: int, page: list[int]) -> str | None:
    """What in a page does not fit its cells (02-R10), or None."""
    widths = WIDTHS[compute_page_kind(number)]
    if not widths:
        return f"page {number}: there is no such page"
    for place, value in enumerate(page):
        if value:
            bits, signed = widths.get(place, (0, False))
            if not (-(1 << bits >> 1) if signed else 0) <= value < (1 << bits >> 1 if signed else 1 << bits):
                return f"page {number}: {value} in field {place} of {bits} bits"
    return None


def get_engine_view(machine: Machine) -> View:
    """The whole state of the machine, of the shape of `Naive.view`."""
    return compute_view(get_pages(machine))


def compute_view(pages: Pages) -> View:
    """Read the state out of pages; lists are walked both ways, and what must agree with them is checked."""
    reader = Reader(pages)
    for number, page in pages.items():
        misfit = find_misfit(number, page)
        assert misfit is None, f"02-R10: {misfit}"
    accounts = sorted({n // L.ACCOUNT_PAGES for n in pages if n < L.INSTRUMENT_REGION})
    places = sorted(
        {(n - L.INSTRUMENT_REGION) // 2 for n in pages if L.INSTRUMENT_REGION <= n < L.MACHINE_REGION}
    )
    coins = {number: reader.get_underlying(number) for number in range(params.MAX_UNDERLYINGS)}
    view = {
        "header": reader.get_header(),
        "stage": reader.get_stage(L.MACHINE_STAGE),
        "inbox_stage": reader.get_stage(L.MACHINE_INBOX_STAGE),
        "underlyings": {n: coin for n, coin in coins.items() if any(coin.values())},
        "accounts": {number: reader.get_account(number) for number in accounts},
        "instruments": {number: reader.get_instrument(number) for number in places},
    }
    reader.check_idle()
    reader.check_links()
    return view


class Reader:
    """Reads pages by the table of `layout`."""

    def __init__(self, pages: Pages) -> None:
        self.pages = pages
        self.listed_orders: set[int] = set()
        """Orders (1 + account x 256 + slot) that the books' lists lead to."""

    def get_page(self, number: int) -> list[int]:
        return self.pages.get(number, [0] * 64)

    def get_machine_page(self, offset: int) -> list[int]:
        return self.get_page(L.MACHINE_REGION + offset)

    def get_header(self) -> View:
        page = self.get_machine_page(L.MACHINE_HEADER)
        return {
            "version": page[L.VERSION],
            "clock_ms": page[L.CLOCK_MS],
            "inbox_cursor": page[L.INBOX_CURSOR],
            "batch_number": page[L.BATCH_NUMBER],
            "outbox_count": page[L.OUTBOX_COUNT],
            "deposited": page[L.DEPOSITED],
            "withdrawn": page[L.WITHDRAWN],
            "signers": page[L.SIGNERS],
            "threshold": page[L.THRESHOLD],
            "underlyings": page[L.UNDERLYINGS],
            "outbox": get_limbs(page, L.OUTBOX, 5),
            "events": get_limbs(page, L.EVENTS, 5),
        }

    def get_stage(self, offset: int) -> View:
        page = self.get_machine_page(offset)
        kind = page[L.STAGED_KIND]
        if kind == 0:
            assert not any(page), "an empty stage is all zero"
            return {}
        approvals = [signer for signer in range(8) if page[L.APPROVALS] >> signer & 1]
        assert len(approvals) == page[L.APPROVAL_COUNT]
        count = len(FIELDS[kind])
        assert not any(page[L.STAGED_FIELDS + count :])
        return {
            "kind": kind,
            "payload": get_limbs(page, L.STAGED_PAYLOAD, 5),
            "hash": get_limbs(page, L.STAGED_HASH, 5),
            "approvals": approvals,
            "fields": page[L.STAGED_FIELDS : L.STAGED_FIELDS + count],
        }

    def get_underlying(self, number: int) -> View:
        page = self.get_machine_page(L.MACHINE_UNDERLYINGS + number)
        readings = [
            (values[k], values[k + 1])
            for half in (0, 1)
            for values in [self.get_machine_page(L.MACHINE_READINGS + 2 * number + half)]
            for k in range(0, 64, 2)
            if values[k] or values[k + 1]
        ]
        return {
            "index": page[L.INDEX],
            "tick_time_s": page[L.TICK_TIME_S],
            "cumulative": page[L.CUMULATIVE],
            "sheet_number": page[L.SHEET_NUMBER],
            "reference": page[L.SHEET_REFERENCE],
            "sheet_time_s": page[L.SHEET_TIME_S],
            "sheet_tag": page[L.SHEET_TAG],
            "buffer": page[L.SHEET_BUFFER],
            "risk_epoch": page[L.RISK_EPOCH],
            "listed": page[L.LISTED],
            "filling_tag": page[L.FILLING_TAG],
            "filling_open": page[L.FILLING_OPEN],
            "filling_count": page[L.FILLING_COUNT],
            "filling_hash": get_limbs(page, L.FILLING_HASH, 5),
            "filling_index": page[L.FILLING_INDEX],
            "readings": sorted(readings),
        }

    # ---- accounts

    def get_account(self, number: int) -> View:
        base = number * L.ACCOUNT_PAGES
        header = self.get_page(base + L.ACCOUNT_HEADER)
        records = [self.get_order_record(number, slot) for slot in range(params.SLOTS)]
        orders = {slot: self.get_order(record) for slot, record in enumerate(records) if record[L.ORDER_BOOK]}
        bitmap = get_limbs(header, L.BITMAP, 0) + sum(header[L.BITMAP + k] << 32 * k for k in range(8))
        assert bitmap == sum(1 << slot for slot in orders), "02-R09"
        assert header[L.RESTING] == len(orders)
        for record in records:
            assert record[L.ORDER_BOOK] or not any(
                value for place, value in enumerate(record) if place != L.ORDER_GENERATION
            ), "a slot without an order keeps its generation alone"
        positions = [self.get_positions(number, coin) for coin in range(params.MAX_UNDERLYINGS)]
        assert header[L.POSITIONS] == sum(map(len, positions))
        self.check_positions(number, positions)
        return {
            "owner": get_limbs(header, L.OWNER, 4),
            "cash": header[L.CASH],
            "locked": header[L.LOCKED],
            "generations": {
                slot: record[L.ORDER_GENERATION]
                for slot, record in enumerate(records)
                if record[L.ORDER_GENERATION]
            },
            "orders": orders,
            "positions": positions,
            "risk": [self.get_risk(number, coin) for coin in range(params.MAX_UNDERLYINGS)],
            "keys": [self.get_key(number, key) for key in range(params.KEYS)],
        }

    def get_order_record(self, account: int, slot: int) -> list[int]:
        page = self.get_page(account * L.ACCOUNT_PAGES + L.ACCOUNT_ORDERS + slot // 8 * L.ACCOUNT_GROUP)
        return page[slot % 8 * L.ORDER_RECORD : (slot % 8 + 1) * L.ORDER_RECORD]

    def get_order(self, record: list[int]) -> View:
        terms = record[L.ORDER_TERMS]
        return {
            "instrument": (record[L.ORDER_BOOK] - 1) // 2,
            "side": (record[L.ORDER_BOOK] - 1) % 2,
            "price": record[L.ORDER_PRICE],
            "left": record[L.ORDER_LEFT],
            "filled": record[L.ORDER_FILLED],
            "generation": record[L.ORDER_GENERATION],
            "expiry_s": terms // 4,
            "post_only": bool(terms & 2),
            "reduce_only": bool(terms & 1),
        }

    def get_position_record(self, account: int, instrument: int) -> list[int]:
        page = self.get_page(
            account * L.ACCOUNT_PAGES + L.ACCOUNT_POSITIONS + instrument // 16 * L.ACCOUNT_GROUP
        )
        return page[instrument % 16 * L.POSITION_RECORD : (instrument % 16 + 1) * L.POSITION_RECORD]

    def get_positions(self, account: int, coin: int) -> list[tuple[int, int]]:
        """Walk the list of positions in one underlying (02-R07)."""
        page = self.get_page(account * L.ACCOUNT_PAGES + L.ACCOUNT_RISK + coin)
        found: list[tuple[int, int]] = []
        previous, at = 0, page[L.FIRST_POSITION]
        while at:
            record = self.get_position_record(account, at - 1)
            assert record[L.POSITION_PREVIOUS] == previous, "02-R07"
            assert record[L.POSITION_SIZE] != 0, "02-R07"
            found.append((at - 1, record[L.POSITION_SIZE]))
            assert len(found) <= params.MAX_POSITIONS
            previous, at = at, record[L.POSITION_NEXT]
        return found

    def check_positions(self, account: int, positions: list[list[tuple[int, int]]]) -> None:
        """A position that is in no list is all zero (02-R07)."""
        held = {instrument for pairs in positions for instrument, _ in pairs}
        for group in range(256):
            page = self.pages.get(account * L.ACCOUNT_PAGES + L.ACCOUNT_POSITIONS + group * L.ACCOUNT_GROUP)
            for k in range(16) if page else ():
                assert group * 16 + k in held or not any(self.get_position_record(account, group * 16 + k))

    def get_risk(self, account: int, coin: int) -> View:
        page = self.get_page(account * L.ACCOUNT_PAGES + L.ACCOUNT_RISK + coin)
        return {
            "scenarios": page[L.SUMS : L.SUMS + 16],
            "mark": page[L.SUM_MARK],
            "delta": page[L.SUM_DELTA],
            "gamma": page[L.SUM_GAMMA],
            "gross": page[L.GROSS],
            "short": page[L.SHORT],
            "requirement": page[L.REQUIREMENT],
            "epoch": page[L.EPOCH],
        }

    def get_key(self, account: int, key: int) -> View:
        page = self.get_page(account * L.ACCOUNT_PAGES + L.ACCOUNT_KEYS)
        base = key * L.KEY_RECORD
        return {
            "x": get_limbs(page, base + L.KEY_X, 5),
            "y": get_limbs(page, base + L.KEY_Y, 5),
            "nonce": page[base + L.KEY_NONCE],
            "expiry_s": page[base + L.KEY_EXPIRY_S],
            "scope": page[base + L.KEY_SCOPE],
        }

    # ---- instruments

    def get_instrument(self, number: int) -> View:
        page = self.get_page(L.INSTRUMENT_REGION + 2 * number)
        book = self.get_page(L.INSTRUMENT_REGION + 2 * number + 1)
        return {
            "state": page[L.INSTRUMENT_STATE],
            "type": page[L.INSTRUMENT_TYPE],
            "underlying": page[L.INSTRUMENT_UNDERLYING],
            "strike": page[L.STRIKE],
            "expiry_s": page[L.EXPIRY_S],
            "tick_step": page[L.TICK_STEP],
            "lot_step": page[L.LOT_STEP],
            "min_size": page[L.MIN_SIZE],
            "payoff": page[L.PAYOFF],
            "slow_mark": page[L.SLOW_MARK],
            "slow_time_s": page[L.SLOW_TIME_S],
            "entries": [self.get_entry(page, k) for k in (0, 1)],
            "bids": self.get_side(number, 0, book[L.HEAD_BID]),
            "asks": self.get_side(number, 1, book[L.HEAD_ASK]),
            "open_interest": book[L.OPEN_INTEREST],
            "clearing_position": book[L.CLEARING_POSITION],
            "clearing_cash": book[L.CLEARING_CASH],
        }

    def get_entry(self, page: list[int], buffer: int) -> View:
        entry = page[L.ENTRIES + buffer * L.ENTRY_RECORD :]
        return {
            "mark": entry[L.ENTRY_MARK],
            "delta": entry[L.ENTRY_DELTA],
            "gamma": entry[L.ENTRY_GAMMA],
            "scenarios": tuple(entry[:16]),
            "tag": entry[L.ENTRY_TAG],
        }

    def get_side(self, instrument: int, side: int, at: int) -> list[tuple[int, int]]:
        """Walk one side of a book (02-R08)."""
        found: list[tuple[int, int]] = []
        previous = 0
        while at:
            assert at not in self.listed_orders, "02-R08: an order is in one list, once"
            self.listed_orders.add(at)
            account, slot = divmod(at - 1, params.SLOTS)
            record = self.get_order_record(account, slot)
            assert record[L.ORDER_BOOK] == 1 + instrument * 2 + side, "02-R08"
            assert record[L.ORDER_PREVIOUS] == previous, "02-R08"
            found.append((account, slot))
            previous, at = at, record[L.ORDER_NEXT]
        return found

    # ---- what agrees with what

    def check_idle(self) -> None:
        """Registers and journal of an idle machine are zero."""
        assert not any(self.get_machine_page(L.MACHINE_REGISTERS))
        assert not any(any(self.get_machine_page(L.MACHINE_JOURNAL + k)) for k in range(4))

    def check_links(self) -> None:
        """Every resting order is in the list of its book (02-R08)."""
        for number in self.pages:
            if compute_page_kind(number) == L.KIND_ORDERS:
                account, offset = divmod(number, L.ACCOUNT_PAGES)
                first = offset // L.ACCOUNT_GROUP * 8
                for slot in range(first, first + 8):
                    resting = self.get_order_record(account, slot)[L.ORDER_BOOK] != 0
                    assert resting == (1 + account * params.SLOTS + slot in self.listed_orders), "02-R08"
