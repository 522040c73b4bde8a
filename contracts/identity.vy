# pragma version ~=0.4.3
# pragma evm-version cancun
"""
@title What a batch's id is made of
@dev 08-R01, 08-R17. Nothing of this is stored: whoever speaks of a batch passes the preimage of its id. The digest of
     the segments is a chain with the last row at its end, so a `Tip` shows the last claim without the other rows.
"""

# what commit and L1 fixed for a batch
struct Header:
    parent: bytes32
    block_number: uint256
    time_bound_ms: uint256
    clock_floor_ms: uint256
    inbox_first: uint256
    inbox_end: uint256


# a segment: its words (10-R08) and the claim at its end
struct Row:
    words_keccak: bytes32
    count: uint256
    h: uint256
    z: uint256
    y: uint256
    root: uint256
    accumulator: uint256


# the words of the outbox; what stands for h is the last row's accumulator
struct Outbox:
    words_keccak: bytes32
    count: uint256
    z: uint256
    y: uint256


struct Preimage:
    header: Header
    rows: DynArray[Row, 17]
    outbox: Outbox


struct Tip:
    header: Header
    rows_digest: bytes32
    last: Row
    outbox_digest: bytes32


MAX_ROWS: constant(uint256) = 17


@internal
@pure
def _hash_genesis(genesis_root: bytes32) -> bytes32:
    return keccak256(genesis_root)


@internal
@pure
def _hash_row(digest: bytes32, row: Row) -> bytes32:
    return keccak256(abi_encode(digest, row))


@internal
@pure
def _hash_outbox(outbox: Outbox, accumulator: uint256) -> bytes32:
    return keccak256(abi_encode(outbox.words_keccak, outbox.count, accumulator, outbox.z, outbox.y))


@internal
@pure
def _hash_header(
    header: Header, policy: uint256, version: uint256, rows_digest: bytes32, outbox_digest: bytes32
) -> bytes32:
    return keccak256(
        abi_encode(
            header.parent,
            header.block_number,
            header.time_bound_ms,
            header.clock_floor_ms,
            policy,
            version,
            header.inbox_first,
            header.inbox_end,
            rows_digest,
            outbox_digest,
        )
    )


@internal
@pure
def _compute_id(preimage: Preimage, policy: uint256, version: uint256) -> bytes32:
    digest: bytes32 = empty(bytes32)
    for row: Row in preimage.rows:
        digest = self._hash_row(digest, row)
    accumulator: uint256 = preimage.rows[len(preimage.rows) - 1].accumulator
    outbox_digest: bytes32 = self._hash_outbox(preimage.outbox, accumulator)
    return self._hash_header(preimage.header, policy, version, digest, outbox_digest)


@internal
@pure
def _compute_tip_id(tip: Tip, policy: uint256, version: uint256) -> bytes32:
    digest: bytes32 = self._hash_row(tip.rows_digest, tip.last)
    return self._hash_header(tip.header, policy, version, digest, tip.outbox_digest)
