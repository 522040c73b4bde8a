"""The machine: one bounded step after another over the operations of a segment (spec 02, 03)."""

from typing import Final, final

from librt.vecs import vec
from mypy_extensions import i64, mypyc_attr

from miletus.engine import layout as L
from miletus.engine import params as P
from miletus.engine import phases as F
from miletus.engine import segment as G
from miletus.engine.crypto import Crypto
from miletus.engine.fill_or_kill import step_publish, step_undo
from miletus.engine.matching import step_match, step_rest, step_unlink
from miletus.engine.pages import copy_state, export_pages, import_pages, take_dirty
from miletus.engine.reasons import (
    INCOMPLETE,
    NOT_FROM_INBOX,
    NOT_FROM_SEQUENCER,
    NOT_SUPPORTED,
    OK,
    UNKNOWN_KIND,
)
from miletus.engine.refresh import step_refresh
from miletus.engine.registers import clear_registers, load_registers, save_registers
from miletus.engine.segment import RECORD, Segment
from miletus.engine.state import RECEIPT, State, build_zeros
from miletus.engine.transactions.amend import apply_amend, step_reenter
from miletus.engine.transactions.approve import apply_approve, apply_proposal
from miletus.engine.transactions.authorise import SCOPE_TRADE, authorise, refuse
from miletus.engine.transactions.cancel import apply_cancel, step_scan
from miletus.engine.transactions.deposit import apply_deposit
from miletus.engine.transactions.place_order import apply_place_order, step_enter, step_ready
from miletus.engine.transactions.set_key import apply_set_key
from miletus.engine.transactions.settle import apply_settle, step_clear
from miletus.engine.transactions.sheet_entry import apply_sheet_entry
from miletus.engine.transactions.tick import apply_tick
from miletus.engine.transactions.transfer import apply_transfer
from miletus.engine.transactions.withdraw import apply_withdraw, step_pay

_REPLACED: Final[i64] = 4_294_967_296
"""Added to a receipt's detail when the old order went and nothing came of the new one (03-R19)."""


@mypyc_attr(allow_interpreted_subclasses=True)
class Hook:
    """Called after every step; does nothing unless somebody watches."""

    def boundary(self, state: State) -> None:
        """The state is between two steps; registers are attributes of `state`."""


@final
class Machine:
    """The exchange as a pure function of the words that it is given.

    `capacity` is the number of accounts that there is room for; it grows by itself when an inbox segment
    brings a higher one, with no effect on any result.
    """

    def __init__(self, capacity: i64, crypto: Crypto) -> None:
        self.state: State = State(capacity if capacity > P.FIRST_ACCOUNT else P.FIRST_ACCOUNT + 1)
        self.crypto: Crypto = crypto
        self.segment: Segment = Segment(G.SEQUENCED, build_zeros(1), 0, b"")
        self.hook: Hook = Hook()
        self.watched: bool = False
        self.steps: i64 = 0

    # ---- batches and segments

    def begin_batch(self, time_bound_ms: i64, clock_floor_ms: i64) -> None:
        """Start a batch: fix its inputs, empty its outbox."""
        s = self.state
        s.time_bound_ms = time_bound_ms
        s.clock_floor_ms = clock_floor_ms
        s.touch(0)
        c = s.cells
        c[L.BATCH_NUMBER] = c[L.BATCH_NUMBER] + 1
        c[L.OUTBOX_COUNT] = 0
        k: i64 = 0
        while k < L.LIMBS:
            c[L.OUTBOX + k] = 0
            k += 1
        s.outbox = []

    def end_batch(self) -> None:
        """Raise the clock to the batch's floor if it is lower (03-R16)."""
        s = self.state
        if s.cells[L.CLOCK_MS] < s.clock_floor_ms:
            s.touch(0)
            s.cells[L.CLOCK_MS] = s.clock_floor_ms

    def run(self, segment: Segment) -> None:
        """Carry out every operation of a segment, or of a part of one; the machine is idle afterwards."""
        self.start(segment)
        while not self.run_steps(1_000_000):
            pass

    def start(self, segment: Segment) -> None:
        """Stand before the first operation of a segment."""
        self.make_room(segment)
        self.segment = segment
        s = self.state
        s.run_number += 1
        s.r_record = 0
        s.r_phase = F.FETCH

    def resume(self, segment: Segment, record: i64) -> None:
        """Go on with a segment after a rebuild from pages: `record` is the operation in progress, or next."""
        self.make_room(segment)
        self.segment = segment
        self.state.run_number += 1
        self.state.r_record = record

    def run_steps(self, limit: i64) -> bool:
        """Take at most `limit` steps. True when the segment is at its end and the machine idle."""
        s = self.state
        left: i64 = limit
        while left > 0:
            if s.r_phase == F.FETCH:
                if s.r_record >= self.segment.count:
                    self.flush()
                    return True
                self.fetch()
            else:
                self.step()
            self.steps += 1
            if self.watched:
                self.hook.boundary(s)
            left -= 1
        return False

    def flush(self) -> None:
        """Take the receipts that are left into the events accumulator."""
        s = self.state
        count: i64 = s.receipt_count - s.absorbed
        if count > 0:
            s.touch(0)
            self.crypto.absorb_receipts(s, s.absorbed, count, L.EVENTS)
            s.absorbed = s.receipt_count

    def make_room(self, segment: Segment) -> None:
        """Grow so that every account that an inbox segment names has a place."""
        if segment.source != G.INBOX:
            return
        highest: i64 = 0
        j: i64 = 0
        while j < segment.count:
            account: i64 = segment.records[j * RECORD + G.R_ACCOUNT]
            if segment.records[j * RECORD] == G.DEPOSIT and highest < account < P.MAX_ACCOUNTS:
                highest = account
            j += 1
        capacity: i64 = self.state.capacity
        if highest < capacity:
            return
        while capacity <= highest:
            capacity = capacity * 2
        if capacity > P.MAX_ACCOUNTS:
            capacity = P.MAX_ACCOUNTS
        save_registers(self.state)
        self.state = copy_state(self.state, capacity)
        load_registers(self.state)

    # ---- steps

    def fetch(self) -> None:
        """FETCH: take the next operation, see that its source may bring it, and begin it."""
        s = self.state
        s.reserve_positions()
        s.reserve_outputs()
        clear_registers(s)
        at: i64 = s.r_record * RECORD
        kind: i64 = self.segment.records[at]
        s.r_kind = kind
        if self.segment.source == G.INBOX and kind != G.APPROVE:
            s.touch(0)
            s.cells[L.INBOX_CURSOR] = s.cells[L.INBOX_CURSOR] + 1
        reason: i64 = self.check_source(kind)
        if reason != OK:
            refuse(s, reason)
        else:
            self.begin(kind, at)

    def check_source(self, kind: i64) -> i64:
        """Whether a segment of this source may bring this kind (03-R01 to 03-R03)."""
        if kind == G.UNKNOWN:
            return UNKNOWN_KIND
        if kind == G.INCOMPLETE:
            return INCOMPLETE
        if kind == G.PADDING:
            return OK
        if self.segment.source == G.INBOX:
            if kind <= G.SET_KEY_INBOX or G.PLACE_ORDER <= kind <= G.TRANSFER:
                return OK
            if kind == G.INDEX_TICK or kind == G.APPROVE:
                return OK
            return NOT_FROM_SEQUENCER
        return NOT_FROM_INBOX if kind < G.PLACE_ORDER else OK

    def begin(self, kind: i64, at: i64) -> None:
        """Begin the operation whose record is at `at`."""
        s = self.state
        segment = self.segment
        if kind == G.PLACE_ORDER:
            apply_place_order(s, self.crypto, segment, at)
        elif kind == G.CANCEL:
            apply_cancel(s, self.crypto, segment, at)
        elif kind == G.AMEND:
            apply_amend(s, self.crypto, segment, at)
        elif kind == G.TICK:
            apply_tick(s, segment, at)
        elif kind == G.SHEET_ENTRY:
            apply_sheet_entry(s, self.crypto, segment, at)
        elif kind == G.APPROVE:
            apply_approve(s, self.crypto, segment, at)
        elif kind == G.INDEX_TICK or kind == G.FLIP or kind == G.LIST:
            apply_proposal(s, segment, at)
        elif kind == G.WITHDRAW:
            apply_withdraw(s, self.crypto, segment, at)
        elif kind == G.TRANSFER:
            apply_transfer(s, self.crypto, segment, at)
        elif kind == G.SETTLE:
            apply_settle(s, segment, at)
        elif kind == G.DEPOSIT:
            apply_deposit(s, segment, at)
        elif kind == G.SET_KEY or kind == G.SET_KEY_INBOX:
            apply_set_key(s, self.crypto, segment, at)
        elif kind == G.PADDING:
            s.r_phase = F.DONE
        elif kind == G.QUOTE_SHEET:
            if authorise(s, self.crypto, segment, at, SCOPE_TRADE):
                refuse(s, NOT_SUPPORTED)
        else:
            refuse(s, NOT_SUPPORTED)

    def step(self) -> None:
        """One step of the operation in progress."""
        s = self.state
        phase: i64 = s.r_phase
        if phase == F.DONE:
            self.finish()
        elif phase == F.MATCH:
            step_match(s)
        elif phase == F.UNLINK:
            step_unlink(s)
        elif phase == F.ENTER:
            step_enter(s)
        elif phase == F.READY:
            step_ready(s)
        elif phase == F.REST:
            step_rest(s)
        elif phase == F.REFRESH:
            step_refresh(s)
        elif phase == F.SCAN:
            step_scan(s)
        elif phase == F.UNDO:
            step_undo(s)
        elif phase == F.PUBLISH:
            step_publish(s)
        elif phase == F.PAY:
            step_pay(s, self.crypto)
        elif phase == F.CLEAR:
            step_clear(s)
        elif phase == F.REENTER:
            step_reenter(s)
        else:
            # a phase that no step sets: unreachable, and total all the same
            s.r_phase = F.DONE

    def finish(self) -> None:
        """DONE: leave the receipt (03-R19) and stand before the next operation."""
        s = self.state
        at: i64 = s.receipt_count * RECEIPT
        detail: i64 = s.r_detail
        if s.r_named == 1:
            o: i64 = s.order(s.r_account * P.SLOTS + s.r_slot)
            detail = s.cells[o + L.ORDER_GENERATION]
            if s.r_replaced == 1 and s.r_filled == 0 and s.cells[o + L.ORDER_BOOK] == 0:
                detail += _REPLACED
        v = s.receipts
        v[at] = s.r_reason
        v[at + 1] = s.r_filled
        v[at + 2] = s.r_notional
        v[at + 3] = detail
        s.receipt_count += 1
        s.r_record += 1
        s.r_phase = F.FETCH

    # ---- pages

    def take_dirty(self) -> tuple[vec[i64], vec[i64], vec[i64]]:
        """Pages that changed since the last call (numbers, kinds, fields); registers are written first."""
        self.flush()
        save_registers(self.state)
        return take_dirty(self.state)

    def export_pages(self) -> tuple[vec[i64], vec[i64], vec[i64]]:
        """All pages that are not zero."""
        self.flush()
        save_registers(self.state)
        return export_pages(self.state)

    def import_pages(self, numbers: vec[i64], fields: vec[i64]) -> None:
        """Take up a state from its pages, into a machine that was just made."""
        import_pages(self.state, numbers, fields)
        load_registers(self.state)


def build_machine(capacity: i64, crypto: Crypto, numbers: vec[i64], fields: vec[i64]) -> Machine:
    """A machine that goes on from pages, with the capacity that they need at least."""
    highest: i64 = capacity
    j: i64 = 0
    while j < i64(len(numbers)):
        if numbers[j] < L.INSTRUMENT_REGION and numbers[j] // L.ACCOUNT_PAGES >= highest:
            highest = numbers[j] // L.ACCOUNT_PAGES + 1
        j += 1
    machine = Machine(highest, crypto)
    machine.import_pages(numbers, fields)
    return machine
