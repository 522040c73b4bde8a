# pragma version ~=0.4.3
# pragma evm-version cancun
"""
@title The chain of batches
@dev A list: a batch follows the head, and numbers 1, 2, ... are places in the list. What is said about a batch is
     said about its id, which hashes all that it is made of; a number comes again when the place of a removed batch is
     taken by another, and only a final number stays. Cutting the list costs the same whatever its length: records
     above the head keep the bonds of batches that went with the one below them, until somebody asks for it or another
     batch takes the place.
"""

from . import credit
from . import identity

uses: credit

struct Batch:
    id: bytes32
    proposer: address
    committed_at_s: uint256
    inbox_end: uint256
    outbox_count: uint256
    outbox_root: bytes32
    bond_wei: uint256


struct Record:
    id: bytes32
    packed: uint256
    outbox_root: bytes32


event BatchFinal:
    number: indexed(uint256)
    id: indexed(bytes32)


event BondReleased:
    number: indexed(uint256)
    id: indexed(bytes32)
    proposer: indexed(address)


TIME_BITS: constant(uint256) = 40
INBOX_BITS: constant(uint256) = 40
COUNT_BITS: constant(uint256) = 9
DOUBLINGS_BITS: constant(uint256) = 7
MAX_DOUBLINGS: constant(uint256) = 6

bond_wei: public(immutable(uint256))
head_number: public(uint256)
final_number: public(uint256)
doublings: uint256
records: HashMap[uint256, Record]


@deploy
def __init__(genesis_root: bytes32, least_bond_wei: uint256):
    """
    @dev 08-R01: the genesis id.
    """
    bond_wei = least_bond_wei
    genesis: Batch = empty(Batch)
    genesis.id = identity._hash_genesis(genesis_root)
    genesis.committed_at_s = block.timestamp
    self._write(0, genesis, 0)


@external
@view
def get_batch(number: uint256) -> Batch:
    """
    @notice A batch of the list, pending or final.
    """
    return self._get(number)


@external
@view
def next_bond_wei() -> uint256:
    """
    @notice The bond of the next commit.
    """
    return self._get_next_bond()


@external
def release(number: uint256):
    """
    @notice Gives back the bond of a batch that was removed with a batch below it. Anyone may call.
    """
    assert number > self.head_number, "batches: batch is in the list"
    assert self.records[number].id != empty(bytes32), "batches: no bond is held there"
    self._release(number)


@internal
@view
def _get(number: uint256) -> Batch:
    assert number <= self.head_number, "batches: no such batch"
    return self._read(number)


@internal
@view
def _read(number: uint256) -> Batch:
    record: Record = self.records[number]
    packed: uint256 = record.packed
    doublings: uint256 = packed & (2**DOUBLINGS_BITS - 1)
    packed >>= DOUBLINGS_BITS
    return Batch(
        id=record.id,
        proposer=convert(packed >> (TIME_BITS + INBOX_BITS + COUNT_BITS), address),
        committed_at_s=packed >> (INBOX_BITS + COUNT_BITS) & (2**TIME_BITS - 1),
        inbox_end=packed >> COUNT_BITS & (2**INBOX_BITS - 1),
        outbox_count=packed & (2**COUNT_BITS - 1),
        outbox_root=record.outbox_root,
        bond_wei=bond_wei << doublings,
    )


@internal
@view
def _get_head() -> Batch:
    return self._get(self.head_number)


@internal
@view
def _get_next_bond() -> uint256:
    """
    @dev 08-R08.
    """
    return bond_wei << self.doublings


@internal
def _append(batch: Batch) -> uint256:
    """
    @dev The new head, with the bond of now; returns its number.
    """
    number: uint256 = self.head_number + 1
    if self.records[number].id != empty(bytes32):
        self._release(number)
    self.head_number = number
    self._write(number, batch, self.doublings)
    return number


@internal
def _advance_final() -> Batch:
    """
    @dev The batch after the last final one becomes final. If it was committed after a removal, the next bond is half of
         what it would have been.
    """
    number: uint256 = self.final_number + 1
    batch: Batch = self._get(number)
    self.final_number = number
    if batch.bond_wei > bond_wei and self.doublings > 0:
        self.doublings -= 1
    log BatchFinal(number=number, id=batch.id)
    return batch


@internal
def _cut(number: uint256):
    """
    @dev Batches from `number` on leave the list; the bond of `number` itself is not given back, and the next one is
         doubled.
    """
    self.head_number = number - 1
    self.records[number].id = empty(bytes32)
    if self.doublings < MAX_DOUBLINGS:
        self.doublings += 1


@internal
def _cut_pending():
    """
    @dev All batches that are not final leave the list, and nobody loses a bond.
    """
    self.head_number = self.final_number


@internal
def _release(number: uint256):
    batch: Batch = self._read(number)
    self.records[number].id = empty(bytes32)
    credit._add(batch.proposer, batch.bond_wei)
    log BondReleased(number=number, id=batch.id, proposer=batch.proposer)


@internal
def _write(number: uint256, batch: Batch, doublings: uint256):
    packed: uint256 = convert(batch.proposer, uint256)
    packed = packed << TIME_BITS | batch.committed_at_s
    packed = packed << INBOX_BITS | batch.inbox_end
    packed = packed << COUNT_BITS | batch.outbox_count
    packed = packed << DOUBLINGS_BITS | doublings
    self.records[number] = Record(id=batch.id, packed=packed, outbox_root=batch.outbox_root)
