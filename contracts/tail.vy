# pragma version ~=0.4.3
# pragma evm-version cancun
"""
@title What follows the arguments of commit: claims, words and withdrawals
@dev Rows of 32 bytes without ABI offsets, of exactly the length that the counts give, so that whoever reads a
     transaction's input later reads what was read here:
         inbox segment    h, root, accumulator
         each sequenced   n, h, root, accumulator, then n words
         outbox           one word a withdrawal
"""

from . import identity
from . import words

struct Claim:
    h: uint256
    root: uint256
    accumulator: uint256


struct Segments:
    digest: bytes32
    claim: Claim
    end: uint256


MAX_SEGMENTS: constant(uint256) = 16
MAX_SEGMENT_WORDS: constant(uint256) = 1024
MAX_INBOX_WORDS: constant(uint256) = 256
MAX_OUTBOX: constant(uint256) = 256
# after commit's selector and its six arguments
START: constant(uint256) = 4 + 6 * 32
CLAIM: constant(uint256) = 3 * 32


@internal
@view
def _bind_segments(
    inbox_words: DynArray[uint256, MAX_INBOX_WORDS], inbox_keccak: bytes32, segment_count: uint256
) -> Segments:
    """
    @dev 08-R03, 08-R17: hashes a row a segment. Returns the digest, the last claim and where the outbox begins.
    """
    assert segment_count <= MAX_SEGMENTS, "tail: more than 16 segments"
    words._assert_readable(START + CLAIM)
    claim: Claim = self._read_claim(START)
    binding: words.Binding = words._bind_listed(inbox_words, claim.h)
    assert binding.words_keccak == inbox_keccak, "tail: inbox words are not those that were executed"
    digest: bytes32 = self._bind_row(empty(bytes32), len(inbox_words), binding, claim)
    at: uint256 = START + CLAIM
    for i: uint256 in range(segment_count, bound=MAX_SEGMENTS):
        words._assert_readable(at + 32 + CLAIM)
        count: uint256 = words._read(at)
        assert count >= 1 and count <= MAX_SEGMENT_WORDS, "tail: segment does not have 1 to 1024 words"
        claim = self._read_claim(at + 32)
        at += 32 + CLAIM
        words._assert_readable(at + 32 * count)
        binding = words._bind_posted(at, count, claim.h)
        digest = self._bind_row(digest, count, binding, claim)
        at += 32 * count
    return Segments(digest=digest, claim=claim, end=at)


@internal
@view
def _bind_outbox(offset: uint256, count: uint256, accumulator: uint256) -> bytes32:
    """
    @dev 08-R10: the last claimed accumulator plays the part of h, so a proof of it speaks of this list. That of an
         empty list is 0, and needs no proof. With the outbox the input ends.
    """
    assert count <= MAX_OUTBOX, "tail: more than 256 withdrawals"
    words._assert_readable(offset + 32 * count)
    assert offset + 32 * count == len(msg.data), "tail: input is too long"
    binding: words.Binding = empty(words.Binding)
    if count == 0:
        assert accumulator == 0, "tail: claim has an outbox and none is posted"
        binding = words._bind_listed([], accumulator)
    else:
        binding = words._bind_posted(offset, count, accumulator)
    outbox: identity.Outbox = identity.Outbox(
        words_keccak=binding.words_keccak, count=count, z=binding.z, y=binding.y
    )
    return identity._hash_outbox(outbox, accumulator)


@internal
@view
def _read_claim(at: uint256) -> Claim:
    claim: Claim = Claim(h=words._read(at), root=words._read(at + 32), accumulator=words._read(at + 64))
    words._assert_element(claim.h)
    words._assert_element(claim.root)
    words._assert_element(claim.accumulator)
    return claim


@internal
@pure
def _bind_row(digest: bytes32, count: uint256, binding: words.Binding, claim: Claim) -> bytes32:
    return identity._hash_row(
        digest,
        identity.Row(
            words_keccak=binding.words_keccak,
            count=count,
            h=claim.h,
            z=binding.z,
            y=binding.y,
            root=claim.root,
            accumulator=claim.accumulator,
        ),
    )
