# pragma version ~=0.4.3
# pragma evm-version cancun
"""
@title The withdrawals of a batch, and which of them were paid
@dev A withdrawal is one word, owner * 2^56 + amount in micros. The list is kept as the root of a Merkle tree: a leaf
     hashes 32 bytes and a node 64, so neither can stand for the other, and the number of levels follows from the
     count, so a proof of another length is refused.
"""

from . import words

MAX_WITHDRAWALS: constant(uint256) = 256
LEVELS: constant(uint256) = 8
AMOUNT_BITS: constant(uint256) = 56
AMOUNT_LIMIT: constant(uint256) = 2**AMOUNT_BITS
OWNER_LIMIT: constant(uint256) = 2**160

# bitmap of the paid withdrawals of a batch, by its number: only final batches have bits, and their numbers stay
claimed: HashMap[uint256, uint256]


@internal
@view
def _compute_root(offset: uint256, count: uint256) -> bytes32:
    """
    @dev Root over `count` <= 256 words of the call's data; zero for none. Refuses what could never be paid.
    """
    nodes: bytes32[MAX_WITHDRAWALS] = empty(bytes32[MAX_WITHDRAWALS])
    at: uint256 = offset
    for i: uint256 in range(count, bound=MAX_WITHDRAWALS):
        word: uint256 = words._read(at)
        assert word >> AMOUNT_BITS < OWNER_LIMIT, "outbox: word is wider than a withdrawal"
        assert word >> AMOUNT_BITS != 0, "outbox: withdrawal has no owner"
        assert word % AMOUNT_LIMIT != 0, "outbox: withdrawal has no amount"
        nodes[i] = keccak256(convert(word, bytes32))
        at += 32
    width: uint256 = count
    for level: uint256 in range(LEVELS):
        if width <= 1:
            break
        half: uint256 = (width + 1) // 2
        for i: uint256 in range(half, bound=MAX_WITHDRAWALS // 2):
            right: bytes32 = empty(bytes32)
            if 2 * i + 1 < width:
                right = nodes[2 * i + 1]
            nodes[i] = keccak256(concat(nodes[2 * i], right))
        width = half
    return nodes[0]


@internal
@view
def _sum(offset: uint256, count: uint256) -> uint256:
    """
    @dev Sum of the amounts of `count` <= 256 words of the call's data.
    """
    sum: uint256 = 0
    at: uint256 = offset
    for i: uint256 in range(count, bound=MAX_WITHDRAWALS):
        sum += words._read(at) % AMOUNT_LIMIT
        at += 32
    return sum


@internal
@pure
def _assert_member(
    root: bytes32,
    count: uint256,
    index: uint256,
    owner: address,
    amount_micros: uint256,
    proof: DynArray[bytes32, LEVELS],
):
    """
    @dev 08-R10: the withdrawal is the one at `index` of a list of `count`.
    """
    assert index < count, "outbox: batch has no such withdrawal"
    assert amount_micros < AMOUNT_LIMIT, "outbox: proof does not fit"
    node: bytes32 = keccak256(convert(convert(owner, uint256) << AMOUNT_BITS | amount_micros, bytes32))
    position: uint256 = index
    width: uint256 = count
    for sibling: bytes32 in proof:
        if position % 2 == 0:
            node = keccak256(concat(node, sibling))
        else:
            node = keccak256(concat(sibling, node))
        position //= 2
        width = (width + 1) // 2
    assert width == 1 and len(proof) == self._compute_levels(count), "outbox: proof has a wrong length"
    assert node == root, "outbox: proof does not fit"


@internal
@pure
def _compute_levels(count: uint256) -> uint256:
    levels: uint256 = 0
    for level: uint256 in range(LEVELS):
        if 1 << level < count:
            levels += 1
    return levels


@internal
@view
def _is_claimed(number: uint256, index: uint256) -> bool:
    return index < MAX_WITHDRAWALS and self.claimed[number] >> index & 1 == 1


@internal
def _mark_claimed(number: uint256, index: uint256):
    """
    @dev 08-R10: once.
    """
    assert not self._is_claimed(number, index), "outbox: withdrawal is paid already"
    self.claimed[number] |= 1 << index
