# pragma version ~=0.4.3
# pragma evm-version cancun
"""
@title What was proved of a batch
@dev A part of a batch is a segment, by its number, or the outbox. A path through a part begins at the claim before it,
     which the batch's id fixes, and goes from fact to fact to the part's end: a fact is what the machine is after so
     many steps from there. Whoever proved an edge is its payee. First come, first served: nothing here changes once
     it was proved, so that nobody can put himself in another's place. All is keyed by batch ids, which say what the
     batch was built on, so nothing proved of a removed batch speaks of a later one.
"""

# what the machine is after some steps
struct Fact:
    root: uint256
    cursor: uint256
    idle: bool
    before: uint256
    edges: uint256
    payee: address


# how a part was proved to its end
struct End:
    before: uint256
    steps: uint256
    edges: uint256
    payee: address


struct Record:
    root: uint256
    packed: uint256


# the outbox is a part like a segment, after the last one that a batch can have
OUTBOX: constant(uint256) = 17
STEP_BITS: constant(uint256) = 36
EDGE_BITS: constant(uint256) = 20
CURSOR_BITS: constant(uint256) = 16
PAYEE_BITS: constant(uint256) = 160

facts: HashMap[bytes32, Record]
ends: HashMap[bytes32, uint256]
# packed by batch id: bitmap of the parts that were proved as claimed, 1 if that is all of them, weight of their edges
progress: HashMap[bytes32, uint256]


event FactProved:
    id: indexed(bytes32)
    part: indexed(uint256)
    payee: indexed(address)
    before: uint256
    steps: uint256
    cursor: uint256
    root: uint256


event PartProved:
    id: indexed(bytes32)
    part: indexed(uint256)
    payee: indexed(address)
    before: uint256
    steps: uint256


event BatchProved:
    id: indexed(bytes32)


@external
@view
def get_fact(id: bytes32, part: uint256, steps: uint256) -> Fact:
    """
    @notice What was proved of the machine after `steps` of a part; the payee is zero if nothing was.
    """
    return self._get(id, part, steps)


@external
@view
def get_end(id: bytes32, part: uint256) -> End:
    """
    @notice How a part was proved to its end; the payee is zero if it was not.
    """
    return self._get_end(id, part)


@external
@view
def is_part_proved(id: bytes32, part: uint256) -> bool:
    """
    @notice Whether a part of a batch was proved to be as claimed.
    """
    return self._is_part_proved(id, part)


@external
@view
def is_proved(id: bytes32) -> bool:
    """
    @notice Whether every part of a batch was proved to be as claimed.
    """
    return self._is_proved(id)


@internal
@view
def _get(id: bytes32, part: uint256, steps: uint256) -> Fact:
    record: Record = self.facts[self._hash_key(id, part, steps)]
    packed: uint256 = record.packed
    return Fact(
        root=record.root,
        cursor=packed >> (PAYEE_BITS + 1) & (2**CURSOR_BITS - 1),
        idle=packed >> PAYEE_BITS & 1 == 1,
        before=packed >> (PAYEE_BITS + 1 + CURSOR_BITS) & (2**STEP_BITS - 1),
        edges=packed >> (PAYEE_BITS + 1 + CURSOR_BITS + STEP_BITS),
        payee=convert(packed & (2**PAYEE_BITS - 1), address),
    )


@internal
def _put(id: bytes32, part: uint256, steps: uint256, fact: Fact):
    assert steps < 2**STEP_BITS and fact.edges < 2**EDGE_BITS, "facts: path is too long"
    packed: uint256 = fact.edges << STEP_BITS | fact.before
    packed = packed << CURSOR_BITS | fact.cursor
    packed = packed << 1 | convert(fact.idle, uint256)
    packed = packed << PAYEE_BITS | convert(fact.payee, uint256)
    self.facts[self._hash_key(id, part, steps)] = Record(root=fact.root, packed=packed)
    log FactProved(
        id=id,
        part=part,
        payee=fact.payee,
        before=fact.before,
        steps=steps,
        cursor=fact.cursor,
        root=fact.root,
    )


@internal
@view
def _get_end(id: bytes32, part: uint256) -> End:
    packed: uint256 = self.ends[self._hash_part(id, part)]
    return End(
        before=packed >> PAYEE_BITS & (2**STEP_BITS - 1),
        steps=packed >> (PAYEE_BITS + STEP_BITS) & (2**STEP_BITS - 1),
        edges=packed >> (PAYEE_BITS + 2 * STEP_BITS),
        payee=convert(packed & (2**PAYEE_BITS - 1), address),
    )


@internal
def _put_end(id: bytes32, part: uint256, end: End):
    assert end.steps < 2**STEP_BITS and end.edges < 2**EDGE_BITS, "facts: path is too long"
    packed: uint256 = end.edges << STEP_BITS | end.steps
    packed = packed << STEP_BITS | end.before
    packed = packed << PAYEE_BITS | convert(end.payee, uint256)
    self.ends[self._hash_part(id, part)] = packed


@internal
@view
def _is_part_proved(id: bytes32, part: uint256) -> bool:
    return part <= OUTBOX and self.progress[id] >> part & 1 == 1


@internal
@view
def _are_first_proved(id: bytes32, count: uint256) -> bool:
    """
    @dev Whether the first `count` segments were.
    """
    mask: uint256 = (1 << count) - 1
    return self.progress[id] & mask == mask


@internal
@view
def _is_proved(id: bytes32) -> bool:
    return self.progress[id] >> (OUTBOX + 1) & 1 == 1


@internal
@view
def _get_weight(id: bytes32) -> uint256:
    """
    @dev Steps and edges of all parts that were proved; an edge weighs one more than its steps, so that none is free.
    """
    return self.progress[id] >> (OUTBOX + 2)


@internal
def _mark(id: bytes32, part: uint256, end: End, segment_count: uint256, has_outbox: bool) -> bool:
    """
    @dev A part was proved to be as claimed. Returns whether the batch is proved now.
    """
    self._put_end(id, part, end)
    progress: uint256 = self.progress[id] | 1 << part
    progress += end.steps + end.edges << (OUTBOX + 2)
    needed: uint256 = (1 << segment_count) - 1
    if has_outbox:
        needed |= 1 << OUTBOX
    log PartProved(id=id, part=part, payee=end.payee, before=end.before, steps=end.steps)
    proved: bool = progress & needed == needed
    if proved:
        progress |= 1 << (OUTBOX + 1)
        log BatchProved(id=id)
    self.progress[id] = progress
    return proved


@internal
@pure
def _hash_part(id: bytes32, part: uint256) -> bytes32:
    return keccak256(abi_encode(id, part))


@internal
@pure
def _hash_key(id: bytes32, part: uint256, steps: uint256) -> bytes32:
    return keccak256(abi_encode(id, part, steps))
