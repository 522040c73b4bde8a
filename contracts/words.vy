# pragma version ~=0.4.3
# pragma evm-version cancun
"""
@title Data words and what binds a proof to them
@dev A word is 31 bytes in a slot of 32. A list of words is bound by its keccak and by the value y of its polynomial
     at z, where z depends on the keccak and on a Poseidon2 hash h that a circuit can compute (10-R08). The words lie
     in the call's data at places that the caller of these functions computes, without ABI offsets, so that there is
     one way only to read them.
"""

FIELD: constant(uint256) = 21888242871839275222246405745257275088548364400416034343698204186575808495617
WORD_LIMIT: constant(uint256) = 2**248
MAX_WORDS: constant(uint256) = 1024
MAX_LISTED: constant(uint256) = 256
ROW: constant(uint256) = 32
ROWS: constant(uint256) = MAX_WORDS // ROW


struct Binding:
    words_keccak: bytes32
    z: uint256
    y: uint256


@internal
@view
def _read(offset: uint256) -> uint256:
    """
    @dev The 32 bytes of the call's data at `offset`, which must lie within it.
    """
    return convert(slice(msg.data, offset, 32), uint256)


@internal
@view
def _assert_readable(end: uint256):
    """
    @dev Without this a read past the end would revert without a reason.
    """
    assert end <= len(msg.data), "words: input is too short"


@internal
@pure
def _assert_element(element: uint256):
    assert element < FIELD, "words: claim or hash is not a field element"


@internal
@view
def _bind_posted(offset: uint256, count: uint256, h: uint256) -> Binding:
    """
    @dev Binds `count` <= 1024 words of the call's data. Rows of 32 words and the field operations on whole rows keep
         the price of a word near 220 gas; below the calldata floor of EIP-7623 that is free.
    """
    rows: uint256[ROW][ROWS] = empty(uint256[ROW][ROWS])
    full: uint256 = count // ROW
    at: uint256 = offset
    for i: uint256 in range(full, bound=ROWS):
        rows[i] = abi_decode(slice(msg.data, at, 32 * ROW), (uint256[ROW]))
        at += 32 * ROW
    for i: uint256 in range(count % ROW, bound=ROW):
        rows[full][i] = self._read(at)
        at += 32
    words_keccak: bytes32 = keccak256(slice(abi_encode(rows), 0, 32 * count))

    z: uint256 = self._compute_point(words_keccak, h)
    y: uint256 = 1
    seen: uint256 = 0
    for i: uint256 in range(full, bound=ROWS):
        row: uint256[ROW] = rows[i]
        for word: uint256 in row:
            seen |= word
            y = uint256_addmod(uint256_mulmod(y, z, FIELD), word, FIELD)
    for i: uint256 in range(count % ROW, bound=ROW):
        word: uint256 = rows[full][i]
        seen |= word
        y = uint256_addmod(uint256_mulmod(y, z, FIELD), word, FIELD)
    assert seen < WORD_LIMIT, "words: word is wider than 31 bytes"
    return Binding(words_keccak=words_keccak, z=z, y=y)


@internal
@pure
def _bind_listed(words: DynArray[uint256, MAX_LISTED], h: uint256) -> Binding:
    """
    @dev Binds words that L1 itself holds, which are never wider than 31 bytes.
    """
    words_keccak: bytes32 = keccak256(slice(abi_encode(words, ensure_tuple=False), 32, 32 * len(words)))
    z: uint256 = self._compute_point(words_keccak, h)
    y: uint256 = 1
    for word: uint256 in words:
        y = uint256_addmod(uint256_mulmod(y, z, FIELD), word, FIELD)
    return Binding(words_keccak=words_keccak, z=z, y=y)


@internal
@pure
def _compute_point(words_keccak: bytes32, h: uint256) -> uint256:
    return convert(keccak256(concat(words_keccak, convert(h, bytes32))), uint256) % FIELD
