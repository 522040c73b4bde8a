"""The machine's cryptography, done by the Go library (spec 10)."""

from array import array
from typing import NamedTuple

from miletus.engine import layout, params
from miletus.engine import segment as segments
from miletus.engine.crypto import Crypto
from miletus.engine.elements import read_element, write_element
from miletus.engine.machine import Machine
from miletus.engine.segment import Segment
from miletus.engine.state import RECEIPT, State, get_stage
from miletus.native import hashing
from miletus.native.jobs import Jobs
from miletus.native.library import check, element_bytes, ffi, get_library, int64_buffer
from miletus.native.signatures import verify

_RECORD = int(segments.RECORD)
_KIND = int(segments.R_KIND)
_ACCOUNT = int(segments.R_ACCOUNT)
_KEY = int(segments.R_KEY)
_FIRST_WORD = int(segments.R_FIRST_WORD)
_WORDS = int(segments.R_WORDS)
_SIGNED = int(segments.R_SIGNED)
_FIRST_SIGNED_KIND = int(segments.PLACE_ORDER)
_LAST_SIGNED_KIND = int(segments.QUOTE_SHEET)
_KEYS = int(params.KEYS)
_RECEIPT = int(RECEIPT)
_WORD = hashing.WORD_BYTES


class NativeCrypto(Crypto):
    """Cryptography of one deployment: signatures hold for its chain id and rollup address alone."""

    def __init__(self, chain_id: int, rollup_address: int | str | bytes) -> None:
        self.domain = hashing.domain(chain_id, rollup_address)
        self._domain_bytes = element_bytes(self.domain)

    def prepare(self, segment: Segment, state: State) -> int:
        """Fill R_SIGNED of each signed record, under the keys that the state holds now; return how many hold.

        Records of an inbox segment carry no signature, and Approve is judged by what will be on the stage
        when it runs: both are left alone.
        """
        places, operations = find_signed(segment, state)
        return fill_signed(segment, places, self._verify_operations(state, segment, operations))

    def start_prepare(self, segment: Segment, state: State, jobs: Jobs) -> "Preparation":
        """Begin what `prepare` does, under the keys of now."""
        places, operations = find_signed(segment, state)
        job = jobs.start_verify(self._domain_bytes, segment.words, state.cells, operations)
        return Preparation(job, segment, places)

    def _verify_operations(self, state: State, segment: Segment, operations: "array[int]") -> bytes:
        """A byte for each operation (first word, words, address of its key): 1 if its signature holds."""
        count = len(operations) // 3
        if count == 0:
            return b""
        flags = ffi.new("unsigned char[]", count)
        cells, size = int64_buffer(state.cells)
        memory, _ = int64_buffer(operations)
        words = segment.words
        library = get_library()
        check(
            library.miletus_verify_operations(
                self._domain_bytes, ffi.from_buffer(words), len(words), cells, size, memory, count, flags
            )
        )
        return bytes(ffi.buffer(flags))

    def verify_record(self, state: State, segment: Segment, record: int, key_address: int) -> bool:
        """As the base class has it."""
        at = record * _RECORD
        operation = (segment.records[at + _FIRST_WORD], segment.records[at + _WORDS], key_address)
        return self._verify_operations(state, segment, array("q", operation)) == b"\x01"

    def verify_approval(self, state: State, segment: Segment, record: int, key_address: int) -> bool:
        """As the base class has it; the message is of what is staged now (10-R03)."""
        first = int(segment.records[record * _RECORD + _FIRST_WORD])
        own = segment.words[first * _WORD : (first + 3) * _WORD]
        if len(own) != 3 * _WORD:
            return False
        stage = int(get_stage(segment.source))
        payload = read_element(state, stage + int(layout.STAGED_PAYLOAD))
        staged = read_element(state, stage + int(layout.STAGED_HASH))
        signature = own[_WORD : 2 * _WORD] + own[29:30] + own[2 * _WORD :] + own[30:31]
        x = read_element(state, key_address + int(layout.KEY_X))
        y = read_element(state, key_address + int(layout.KEY_Y))
        return verify(x, y, hashing.message(self.domain, payload, staged, 1), signature)

    def absorb_entry(self, state: State, segment: Segment, record: int, address: int) -> None:
        """As the base class has it."""
        first = int(segment.records[record * _RECORD + _FIRST_WORD])
        own = segment.words[first * _WORD : (first + 3) * _WORD]
        write_element(state, address, hashing.absorb_entry(read_element(state, address), own))

    def absorb_receipts(self, state: State, first: int, count: int, address: int) -> None:
        """As the base class has it."""
        receipts = memoryview(state.receipts)[first * _RECEIPT : (first + count) * _RECEIPT]
        write_element(state, address, hashing.absorb_receipts(read_element(state, address), receipts))

    def absorb_withdrawal(self, state: State, owner_address: int, amount: int, address: int) -> None:
        """As the base class has it."""
        owner = sum(int(state.cells[owner_address + k]) << (52 * k) for k in range(4))
        accumulator = read_element(state, address)
        write_element(state, address, hashing.absorb_withdrawal(accumulator, owner, amount))


class Preparation(NamedTuple):
    """A segment whose signatures are being checked; `finish` when the job is done, before it is used."""

    job: int
    segment: Segment
    places: list[int]

    def finish(self, jobs: Jobs) -> int:
        """Fill R_SIGNED of its signed records; return how many hold."""
        return fill_signed(self.segment, self.places, jobs.finish_verify(self.job, len(self.places)))


def find_signed(segment: Segment, state: State) -> tuple[list[int], "array[int]"]:
    """Where the R_SIGNED of signed records lie, and first word, words and address of the key of each.

    R_SIGNED becomes 0 in all of them, for good where there can be no key.
    """
    operations = array("q")
    places: list[int] = []
    if segment.source != segments.SEQUENCED:
        return places, operations
    records, capacity = segment.records, int(state.capacity)
    for at in range(0, int(segment.count) * _RECORD, _RECORD):
        if not _FIRST_SIGNED_KIND <= records[at + _KIND] <= _LAST_SIGNED_KIND:
            continue
        records[at + _SIGNED] = 0
        account, key = records[at + _ACCOUNT], records[at + _KEY]
        if account < capacity and key < _KEYS:
            places.append(at + _SIGNED)
            operations.extend((records[at + _FIRST_WORD], records[at + _WORDS], state.key(account, key)))
    return places, operations


def fill_signed(segment: Segment, places: list[int], flags: bytes) -> int:
    """Fill R_SIGNED at these places; return how many hold."""
    records = segment.records
    for place, flag in zip(places, flags, strict=True):
        records[place] = flag
    return sum(flags)


def prepare(segment: Segment, machine: Machine) -> int:
    """Check the signatures of a segment at once, before `machine` runs it; return how many hold.

    Call it right before `machine.run`, and again before `machine.resume`: it judges under the keys that the
    state holds at that moment, and the machine itself only knows of keys set after it started or resumed.
    The machine must have been made with a NativeCrypto; TypeError otherwise.
    """
    return get_crypto(machine).prepare(segment, machine.state)


def start_prepare(segment: Segment, machine: Machine, jobs: Jobs) -> Preparation:
    """Begin what `prepare` does, under the keys that the state holds now."""
    return get_crypto(machine).start_prepare(segment, machine.state, jobs)


def get_crypto(machine: Machine) -> NativeCrypto:
    """The cryptography of a machine that was made with a NativeCrypto; TypeError otherwise."""
    crypto = machine.crypto
    if not isinstance(crypto, NativeCrypto):
        raise TypeError(f"the machine's cryptography is {type(crypto).__name__}, not NativeCrypto")
    return crypto
