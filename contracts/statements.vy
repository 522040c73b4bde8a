# pragma version ~=0.4.3
# pragma evm-version cancun
"""
@title What a proof is about
@dev The public inputs of the circuits `edge` and `outbox`, made from a batch's preimage and from what was proved before.
     Which part of the page's rules a bit belongs to is in spec/08-l1.md, 08-R23.
"""

from . import facts
from . import identity
from . import words
from .interfaces import IVerifier

uses: facts

# a run of the machine within a segment; `before` is 0 at the claim before the segment, else the steps of a fact
struct Edge:
    segment: uint256
    before: uint256
    steps: uint256
    cursor: uint256
    idle: bool
    end: bool
    root: uint256
    accumulator: uint256
    h: uint256
    size: uint256
    payee: address


struct Start:
    root: uint256
    cursor: uint256
    idle: bool
    edges: uint256


event HashAdded:
    id: indexed(bytes32)
    segment: indexed(uint256)
    h: uint256
    y: uint256


OPTIMISTIC: constant(uint256) = 0
ZK: constant(uint256) = 1
MAX_SIZES: constant(uint256) = 8
EDGE_INPUTS: constant(uint256) = 10
OUTBOX_INPUTS: constant(uint256) = 4
STEPS_LIMIT: constant(uint256) = 2**32

domain: public(immutable(uint256))
outbox_verifier: public(immutable(address))
genesis_root: immutable(bytes32)
machine_version: immutable(uint256)
policy: immutable(uint256)
EDGE_VERIFIERS: immutable(address[MAX_SIZES])

# y + 1 of a segment's words at the point that follows from another hash than the proposer's
added: HashMap[bytes32, uint256]


@deploy
def __init__(
    domain_: uint256,
    genesis_root_: bytes32,
    machine_version_: uint256,
    policy_: uint256,
    edge_verifiers: DynArray[address, MAX_SIZES],
    outbox_verifier_: address,
):
    assert domain_ < words.FIELD, "statements: domain is not a field element"
    domain = domain_
    genesis_root = genesis_root_
    machine_version = machine_version_
    policy = policy_
    outbox_verifier = outbox_verifier_
    verifiers: address[MAX_SIZES] = empty(address[MAX_SIZES])
    for i: uint256 in range(len(edge_verifiers), bound=MAX_SIZES):
        count: uint256 = staticcall IVerifier(edge_verifiers[i]).input_count()
        assert count == EDGE_INPUTS, "statements: key is not one of edges"
        verifiers[i] = edge_verifiers[i]
    EDGE_VERIFIERS = verifiers
    if len(edge_verifiers) > 0:
        count: uint256 = staticcall IVerifier(outbox_verifier_).input_count()
        assert count == OUTBOX_INPUTS, "statements: key is not one of outboxes"
    else:
        assert outbox_verifier_ == empty(address), "statements: outboxes have a key and edges have none"
        assert policy_ == OPTIMISTIC, "statements: policy needs keys"


@external
@view
def edge_verifier(size: uint256) -> address:
    """
    @notice The key of a size of the circuit `edge`, zero if there is none.
    """
    return EDGE_VERIFIERS[size]


@external
@view
def is_hash_added(id: bytes32, segment: uint256, h: uint256) -> bool:
    """
    @notice Whether proofs may cite this hash of a segment's words besides the proposer's.
    """
    return self.added[keccak256(abi_encode(id, segment, h))] != 0


@internal
@view
def _assert_preimage(id: bytes32, batch: identity.Preimage):
    assert len(batch.rows) > 0, "statements: batch has no row"
    found: bytes32 = identity._compute_id(batch, policy, machine_version)
    assert found == id, "statements: data are not those of the batch"


@internal
@view
def _find_start(id: bytes32, batch: identity.Preimage, parent: identity.Tip, edge: Edge) -> Start:
    """
    @dev The claim before the segment, or a fact on the way from it.
    """
    if edge.before > 0:
        fact: facts.Fact = facts._get(id, edge.segment, edge.before)
        assert fact.payee != empty(address), "statements: no fact after so many steps"
        return Start(root=fact.root, cursor=fact.cursor, idle=fact.idle, edges=fact.edges)
    root: uint256 = 0
    if edge.segment > 0:
        root = batch.rows[edge.segment - 1].root
    elif batch.header.parent == identity._hash_genesis(genesis_root):
        root = convert(genesis_root, uint256)
    else:
        parent_id: bytes32 = identity._compute_tip_id(parent, policy, machine_version)
        assert parent_id == batch.header.parent, "statements: data are not those of the parent"
        root = parent.last.root
    return Start(root=root, cursor=0, idle=True, edges=0)


@internal
@view
def _verify_edge(
    id: bytes32, batch: identity.Preimage, edge: Edge, start: Start, proof: uint256[12]
):
    """
    @dev 08-R23.
    """
    row: identity.Row = batch.rows[edge.segment]
    assert edge.size < MAX_SIZES, "statements: no key of that size"
    assert EDGE_VERIFIERS[edge.size] != empty(address), "statements: no key of that size"
    assert edge.payee != empty(address), "statements: nobody is the payee"
    assert edge.steps < STEPS_LIMIT, "statements: edge has too many steps"
    if edge.end:
        assert edge.idle and edge.cursor == row.count, "statements: edge does not end where its segment does"
    else:
        assert edge.steps > 0, "statements: edge has no steps"
        assert edge.cursor <= row.count, "statements: cursor is beyond the segment"
    z: uint256 = row.z
    y: uint256 = row.y
    if edge.h != row.h:
        known: uint256 = self.added[keccak256(abi_encode(id, edge.segment, edge.h))]
        assert known != 0, "statements: hash was not added"
        z = words._compute_point(row.words_keccak, edge.h)
        y = known - 1
    inputs: DynArray[uint256, 14] = [
        start.root,
        edge.root,
        edge.accumulator,
        edge.h,
        z,
        y,
        self._pack_place(row.count, len(batch.rows), edge, start),
        batch.header.clock_floor_ms << 64 | batch.header.time_bound_ms,
        domain,
        convert(edge.payee, uint256),
    ]
    holds: bool = staticcall IVerifier(EDGE_VERIFIERS[edge.size]).verify(inputs, proof)
    assert holds, "statements: proof does not hold"


@internal
@view
def _pack_place(word_count: uint256, segment_count: uint256, edge: Edge, start: Start) -> uint256:
    flags: uint256 = convert(edge.segment == 0, uint256)
    flags |= convert(edge.segment == 0 and edge.before == 0, uint256) << 1
    flags |= convert(edge.end, uint256) << 2
    flags |= convert(edge.segment + 1 == segment_count, uint256) << 3
    flags |= convert(policy == ZK and edge.segment > 0, uint256) << 4
    flags |= convert(start.idle, uint256) << 5
    flags |= convert(edge.idle, uint256) << 6
    return flags << 80 | edge.steps << 48 | edge.cursor << 32 | start.cursor << 16 | word_count


@internal
@view
def _verify_outbox(
    count: uint256, z: uint256, y: uint256, accumulator: uint256, payee: address, proof: uint256[12]
):
    """
    @dev 08-R25.
    """
    assert outbox_verifier != empty(address), "statements: no key of outboxes"
    assert payee != empty(address), "statements: nobody is the payee"
    place: uint256 = count << 160 | convert(payee, uint256)
    holds: bool = staticcall IVerifier(outbox_verifier).verify([place, z, y, accumulator], proof)
    assert holds, "statements: proof does not hold"


@internal
def _add_hash(id: bytes32, segment: uint256, row: identity.Row, h: uint256):
    """
    @dev 08-R24.
    """
    assert h < words.FIELD, "statements: hash is not a field element"
    binding: words.Binding = self._bind_tail(row.count, h)
    assert binding.words_keccak == row.words_keccak, "statements: words are not those of the segment"
    self.added[keccak256(abi_encode(id, segment, h))] = binding.y + 1
    log HashAdded(id=id, segment=segment, h=h, y=binding.y)


@internal
@view
def _bind_tail(count: uint256, h: uint256) -> words.Binding:
    """
    @dev Words that stand at the end of the call's data.
    """
    if count == 0:
        return words._bind_listed([], h)
    assert len(msg.data) >= 32 * count, "statements: input has no words"
    return words._bind_posted(len(msg.data) - 32 * count, count, h)
