"""The state as pages: what changed, all of it, and back (spec 02)."""

from librt.vecs import vec
from mypy_extensions import i64

from miletus.engine.book import rebuild_levels
from miletus.engine.layout import PAGE
from miletus.engine.packing import compute_page_kind
from miletus.engine.state import State, build_zeros


def take_dirty(s: State) -> tuple[vec[i64], vec[i64], vec[i64]]:
    """Numbers, kinds and fields of the pages that changed since the last call."""
    count: i64 = 0
    j: i64 = 0
    numbers = build_zeros(s.dirty_count)
    kinds = build_zeros(s.dirty_count)
    fields = build_zeros(s.dirty_count * PAGE)
    while j < s.dirty_count:
        page: i64 = s.stack[j]
        s.dirty[page] = 0
        copy_page(s, page, numbers, kinds, fields, j)
        j += 1
        count += 1
    s.dirty_count = 0
    return numbers, kinds, fields


def copy_page(s: State, page: i64, numbers: vec[i64], kinds: vec[i64], fields: vec[i64], j: i64) -> None:
    """Write a page of the cells into place `j` of the three vectors."""
    c = s.cells
    number: i64 = s.compute_page_number(page)
    numbers[j] = number
    kinds[j] = compute_page_kind(number)
    a: i64 = page * PAGE
    b: i64 = j * PAGE
    k: i64 = 0
    while k < PAGE:
        fields[b + k] = c[a + k]
        k += 1


def is_zero_page(s: State, page: i64) -> bool:
    """Whether all fields of a page are zero."""
    c = s.cells
    a: i64 = page * PAGE
    k: i64 = 0
    while k < PAGE:
        if c[a + k] != 0:
            return False
        k += 1
    return True


def export_pages(s: State) -> tuple[vec[i64], vec[i64], vec[i64]]:
    """Numbers, kinds and fields of all pages that are not zero, in the order of the cells."""
    total: i64 = s.pool_first + s.pool_used
    page: i64 = 0
    count: i64 = 0
    while page < total:
        if not is_zero_page(s, page):
            count += 1
        page += 1
    numbers = build_zeros(count)
    kinds = build_zeros(count)
    fields = build_zeros(count * PAGE)
    j: i64 = 0
    page = 0
    while page < total:
        if not is_zero_page(s, page):
            copy_page(s, page, numbers, kinds, fields, j)
            j += 1
        page += 1
    return numbers, kinds, fields


def import_pages(s: State, numbers: vec[i64], fields: vec[i64]) -> None:
    """Write pages into a state that was just made, and derive what is not state (02-R02)."""
    j: i64 = 0
    count: i64 = i64(len(numbers))
    while j < count:
        address: i64 = s.compute_address(numbers[j])
        if address >= 0:
            c = s.cells
            s.touch(address)
            k: i64 = 0
            while k < PAGE:
                c[address + k] = fields[j * PAGE + k]
                k += 1
        j += 1
    rebuild_levels(s)


def copy_state(s: State, capacity: i64) -> State:
    """The same state with room for `capacity` accounts; pages that were dirty stay so."""
    fresh = State(capacity)
    numbers, _kinds, fields = export_pages(s)
    import_pages(fresh, numbers, fields)
    while fresh.dirty_count > 0:
        fresh.dirty_count -= 1
        fresh.dirty[fresh.stack[fresh.dirty_count]] = 0
    j: i64 = 0
    while j < s.dirty_count:
        fresh.touch(fresh.compute_address(s.compute_page_number(s.stack[j])))
        j += 1
    fresh.run_number = s.run_number
    fresh.time_bound_ms = s.time_bound_ms
    fresh.clock_floor_ms = s.clock_floor_ms
    fresh.receipts = s.receipts
    fresh.receipt_count = s.receipt_count
    fresh.absorbed = s.absorbed
    fresh.events = s.events
    fresh.event_count = s.event_count
    fresh.outbox = s.outbox
    return fresh
