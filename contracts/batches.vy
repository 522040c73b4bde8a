# pragma version ~=0.4.3
# pragma evm-version cancun
"""
@title The chain of batches
@dev A list: a batch follows the head, and numbers 1, 2, ... are places in the list. What is said about a batch is
     said about its id, which hashes all that it is made of; a number can come again when a removed batch's place is
     taken by another (removal needs a proof, and is no part of this module yet), and only a final number stays.
"""

struct Batch:
    id: bytes32
    proposer: address
    committed_at_s: uint256
    inbox_end: uint256
    outbox_count: uint256
    outbox_root: bytes32


struct Record:
    id: bytes32
    packed: uint256
    outbox_root: bytes32


event BatchFinal:
    number: indexed(uint256)
    id: indexed(bytes32)


TIME_BITS: constant(uint256) = 40
INBOX_BITS: constant(uint256) = 40
COUNT_BITS: constant(uint256) = 16

head_number: public(uint256)
final_number: public(uint256)
records: HashMap[uint256, Record]


@deploy
def __init__(genesis_root: bytes32):
    """
    @dev 08-R01: the genesis id.
    """
    genesis: Batch = empty(Batch)
    genesis.id = keccak256(genesis_root)
    genesis.committed_at_s = block.timestamp
    self._write(0, genesis)


@external
@view
def get_batch(number: uint256) -> Batch:
    """
    @notice A batch of the list, pending or final.
    """
    return self._get(number)


@internal
@view
def _get(number: uint256) -> Batch:
    assert number <= self.head_number, "batches: no such batch"
    record: Record = self.records[number]
    return Batch(
        id=record.id,
        proposer=convert(record.packed >> (TIME_BITS + INBOX_BITS + COUNT_BITS), address),
        committed_at_s=record.packed >> (INBOX_BITS + COUNT_BITS) & (2**TIME_BITS - 1),
        inbox_end=record.packed >> COUNT_BITS & (2**INBOX_BITS - 1),
        outbox_count=record.packed & (2**COUNT_BITS - 1),
        outbox_root=record.outbox_root,
    )


@internal
@view
def _get_head() -> Batch:
    return self._get(self.head_number)


@internal
def _append(batch: Batch) -> uint256:
    """
    @dev The new head; returns its number.
    """
    number: uint256 = self.head_number + 1
    self.head_number = number
    self._write(number, batch)
    return number


@internal
def _advance_final(window_s: uint256) -> bool:
    """
    @dev 08-R09: the batch after the last final one becomes final if its window has passed. Returns whether it did.
    """
    number: uint256 = self.final_number + 1
    if number > self.head_number:
        return False
    batch: Batch = self._get(number)
    if block.timestamp < batch.committed_at_s + window_s:
        return False
    self.final_number = number
    log BatchFinal(number=number, id=batch.id)
    return True


@internal
def _write(number: uint256, batch: Batch):
    packed: uint256 = convert(batch.proposer, uint256)
    packed = packed << TIME_BITS | batch.committed_at_s
    packed = packed << INBOX_BITS | batch.inbox_end
    packed = packed << COUNT_BITS | batch.outbox_count
    self.records[number] = Record(id=batch.id, packed=packed, outbox_root=batch.outbox_root)
