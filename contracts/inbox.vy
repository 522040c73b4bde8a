# pragma version ~=0.4.3
# pragma evm-version cancun
"""
@title The queue of what L1 tells the machine
@dev An entry is one to 25 words. The words of all entries lie one after the other, so that L1 itself rebuilds the
     words of an inbox segment from a range of entries, and a proposer posts none. Nothing is deleted when a batch
     consumes it: the range is consumed again if the batch is removed.
"""

struct Entry:
    created_at_s: uint256
    first_word: uint256
    end_word: uint256
    deposited_micros: uint256


struct EntryRange:
    words: DynArray[uint256, 256]
    last_created_at_s: uint256
    next_created_at_s: uint256
    next_words: uint256


event EntryAdded:
    entry: indexed(uint256)
    account: indexed(uint256)
    created_at_s: uint256
    words: DynArray[uint256, 25]
    running_keccak: bytes32


MAX_RANGE_WORDS: constant(uint256) = 256
# a tick with eight approvals
MAX_ENTRY_WORDS: constant(uint256) = 25
TIME_BITS: constant(uint256) = 40
WORD_BITS: constant(uint256) = 48
SUM_BITS: constant(uint256) = 96

word_fee_wei: public(immutable(uint256))
words_per_block: public(immutable(uint256))

entry_count: public(uint256)
running_keccak: public(bytes32)
# packed: time of the entry, end of its words, sum of all deposits up to and with it
entries: HashMap[uint256, uint256]
words: HashMap[uint256, uint256]
# packed: L1 block, inbox words that it has added so far
block_load: uint256


@deploy
def __init__(fee_wei: uint256, block_words: uint256):
    assert block_words >= MAX_ENTRY_WORDS, "inbox: words_per_block is below 25"
    assert block_words <= MAX_RANGE_WORDS, "inbox: words_per_block is above 256"
    word_fee_wei = fee_wei
    words_per_block = block_words


@external
@view
def get_entry(entry: uint256) -> Entry:
    """
    @notice An entry of the queue; all zero if there is no such entry.
    """
    return self._get(entry)


@external
@view
def get_words(first: uint256, count: uint256) -> DynArray[uint256, MAX_RANGE_WORDS]:
    """
    @notice The words of a range of entries, at most 256 words.
    """
    return self._get_words(first, count)


@external
@view
def get_range(first: uint256, count: uint256) -> EntryRange:
    """
    @notice What a batch that consumes a range of entries has to know of it and of the entry that follows.
    @dev A time is zero when there is no such entry.
    """
    words: DynArray[uint256, MAX_RANGE_WORDS] = self._get_words(first, count)
    last_created_at_s: uint256 = 0
    if count > 0:
        last_created_at_s = self._get(first + count - 1).created_at_s
    following: Entry = self._get(first + count)
    return EntryRange(
        words=words,
        last_created_at_s=last_created_at_s,
        next_created_at_s=following.created_at_s,
        next_words=following.end_word - following.first_word,
    )


@internal
def _append(
    account: uint256, words: DynArray[uint256, MAX_ENTRY_WORDS], amount_micros: uint256, value_wei: uint256
) -> uint256:
    """
    @dev 08-R15, 08-R16. `amount_micros` is what the entry deposits. Returns the entry's number.
    """
    assert value_wei == len(words) * word_fee_wei, "inbox: value is not the prepayment"
    self._load_block(len(words))
    entry: uint256 = self.entry_count
    word_index: uint256 = self._get_end_word(entry)
    deposited_micros: uint256 = self._get_deposited(entry) + amount_micros
    hashed: DynArray[uint256, MAX_ENTRY_WORDS + 1] = [convert(self.running_keccak, uint256)]
    for word: uint256 in words:
        self.words[word_index] = word
        word_index += 1
        hashed.append(word)
    running: bytes32 = keccak256(slice(abi_encode(hashed, ensure_tuple=False), 32, 32 * len(hashed)))
    self.running_keccak = running
    self.entries[entry] = (block.timestamp << WORD_BITS | word_index) << SUM_BITS | deposited_micros
    self.entry_count = entry + 1
    log EntryAdded(
        entry=entry, account=account, created_at_s=block.timestamp, words=words, running_keccak=running
    )
    return entry


@internal
def _load_block(count: uint256):
    """
    @dev 08-R16: what a block adds, a batch can consume.
    """
    load: uint256 = count
    if self.block_load >> 16 == block.number:
        load += self.block_load & (2**16 - 1)
    assert load <= words_per_block, "inbox: this block is full, send it again"
    self.block_load = block.number << 16 | load


@internal
@view
def _get(entry: uint256) -> Entry:
    packed: uint256 = self.entries[entry]
    if packed == 0:
        return empty(Entry)
    return Entry(
        created_at_s=packed >> (WORD_BITS + SUM_BITS),
        first_word=self._get_end_word(entry),
        end_word=self._get_end_word(entry + 1),
        deposited_micros=self._get_deposited(entry + 1),
    )


@internal
@view
def _get_end_word(entry_count: uint256) -> uint256:
    """
    @dev Number of words of the first `entry_count` entries.
    """
    if entry_count == 0:
        return 0
    return self.entries[entry_count - 1] >> SUM_BITS & (2**WORD_BITS - 1)


@internal
@view
def _get_deposited(entry_count: uint256) -> uint256:
    """
    @dev Sum of the deposits among the first `entry_count` entries.
    """
    if entry_count == 0:
        return 0
    return self.entries[entry_count - 1] & (2**SUM_BITS - 1)


@internal
@view
def _get_words(first: uint256, count: uint256) -> DynArray[uint256, MAX_RANGE_WORDS]:
    assert count <= MAX_RANGE_WORDS, "inbox: more than 256 words"
    assert first <= self.entry_count and count <= self.entry_count - first, "inbox: no such entry"
    start: uint256 = self._get_end_word(first)
    end: uint256 = self._get_end_word(first + count)
    assert end - start <= MAX_RANGE_WORDS, "inbox: more than 256 words"
    words: DynArray[uint256, MAX_RANGE_WORDS] = []
    for index: uint256 in range(start, end, bound=MAX_RANGE_WORDS):
        words.append(self.words[index])
    return words
