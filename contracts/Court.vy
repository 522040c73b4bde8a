# pragma version ~=0.4.3
# pragma evm-version cancun
"""
@title Court: what was proved of pending batches, and the verdicts that follow
@license Apache-2.0
@dev Rules: spec/08-l1.md. A proof that ends at the claim proves a part of a batch; when all parts are proved the batch
     is final before its window. One that ends elsewhere removes the batch. Who speaks of a batch passes the preimage
     of its id. Nobody can change or stop this contract.
"""

from . import bounties
from . import credit
from . import facts
from . import identity
from . import pots
from . import statements
from . import words
from .interfaces import IRollup

initializes: bounties
initializes: credit
initializes: facts
initializes: pots[credit := credit, facts := facts]
initializes: statements[facts := facts]

exports: (
    bounties.get_bounty,
    bounties.get_offer,
    credit.credit_wei,
    credit.withdraw_credit,
    facts.get_end,
    facts.get_fact,
    facts.is_part_proved,
    facts.is_proved,
    statements.domain,
    statements.edge_verifier,
    statements.is_hash_added,
    statements.outbox_verifier,
)

event Refuted:
    id: indexed(bytes32)
    part: indexed(uint256)
    payee: indexed(address)
    root: uint256
    accumulator: uint256
    reward_wei: uint256


event Contradiction:
    id: indexed(bytes32)
    part: indexed(uint256)


MAX_ANCESTORS: constant(uint256) = 64
MAX_FINALIZED: constant(uint256) = 64
EDGES_AT_ONCE: constant(uint256) = 16
BOUNTY_LIMIT: constant(uint256) = 2**96

rollup: public(immutable(address))
window_s: immutable(uint256)
has_bounties: immutable(bool)


@deploy
def __init__(
    rollup_: address,
    domain: uint256,
    edge_verifiers: DynArray[address, 8],
    outbox_verifier: address,
):
    """
    @param rollup_ the rollup that was told this contract's address
    @param domain hash7(1; chain id, rollup), for which proofs are made; whoever watches checks it (10-R03)
    @param edge_verifiers one for each size of the circuit; none if batches are final by their windows alone
    @param outbox_verifier zero if there are no others
    """
    assert staticcall IRollup(rollup_).court() == self, "court: rollup names another court"
    policy: uint256 = staticcall IRollup(rollup_).policy()
    rollup = rollup_
    window_s = staticcall IRollup(rollup_).window_s()
    has_bounties = policy != statements.OPTIMISTIC
    statements.__init__(
        domain,
        staticcall IRollup(rollup_).genesis_root(),
        staticcall IRollup(rollup_).machine_version(),
        policy,
        edge_verifiers,
        outbox_verifier,
    )


@external
@payable
def __default__():
    """
    @dev Half of the bond of a batch that was removed.
    """
    assert msg.sender == rollup, "court: sender is not the rollup"


# ---- proofs ------------------------------------------------------------------------------------------------------


@external
@nonreentrant
def prove(
    number: uint256,
    batch: identity.Preimage,
    parent: identity.Tip,
    edge: statements.Edge,
    proof: uint256[12],
):
    """
    @notice Proves an edge of a pending batch: a fact, or at the segment's end a verdict. Anyone may call.
    @param number place of the batch
    @param batch preimage of its id
    @param parent tip of its parent's id, if the edge begins at the parent's claim; else anything
    """
    id: bytes32 = self._check_batch(number, batch)
    assert edge.segment < len(batch.rows), "court: batch has no such segment"
    row: identity.Row = batch.rows[edge.segment]
    start: statements.Start = statements._find_start(id, batch, parent, edge)
    statements._verify_edge(id, batch, edge, start, proof)
    if not edge.end:
        self._add_fact(number, id, edge, start)
        return
    end: facts.End = facts.End(
        before=edge.before,
        steps=edge.before + edge.steps,
        edges=start.edges + 1,
        payee=edge.payee,
    )
    proved: bool = facts._is_part_proved(id, edge.segment)
    if edge.root == row.root and edge.accumulator == row.accumulator:
        assert not proved, "court: segment is proved already"
        self._accept(number, id, edge.segment, end, batch)
    elif proved and self._is_anchored(number, id, edge.segment):
        self._contradict(id, edge.segment)
    else:
        self._refute(number, id, edge.segment, end, edge.root, edge.accumulator)


@external
@nonreentrant
def prove_outbox(number: uint256, batch: identity.Preimage, payee: address, proof: uint256[12]):
    """
    @notice Proves that the posted withdrawals of a pending batch are those of its last claim. Anyone may call.
    """
    id: bytes32 = self._check_batch(number, batch)
    assert batch.outbox.count > 0, "court: outbox is empty"
    assert not facts._is_part_proved(id, facts.OUTBOX), "court: outbox is proved already"
    accumulator: uint256 = batch.rows[len(batch.rows) - 1].accumulator
    statements._verify_outbox(batch.outbox.count, batch.outbox.z, batch.outbox.y, accumulator, payee, proof)
    self._accept(number, id, facts.OUTBOX, self._make_outbox_end(batch, payee), batch)


@external
@nonreentrant
def refute_outbox(
    number: uint256,
    batch: identity.Preimage,
    accumulator: uint256,
    payee: address,
    proof: uint256[12],
):
    """
    @notice Proves that the posted withdrawals of a pending batch give another accumulator than its last claim, which
            removes it. The posted words follow the arguments. Anyone may call.
    @dev The binding is made anew with the accumulator that is proved: one made with the claim's would leave a prover
         free to find other words with the same y.
    """
    id: bytes32 = self._check_batch(number, batch)
    claimed: uint256 = batch.rows[len(batch.rows) - 1].accumulator
    assert accumulator != claimed, "court: accumulator is the claimed one"
    binding: words.Binding = statements._bind_tail(batch.outbox.count, accumulator)
    assert binding.words_keccak == batch.outbox.words_keccak, "court: words are not those of the outbox"
    statements._verify_outbox(batch.outbox.count, binding.z, binding.y, accumulator, payee, proof)
    if facts._is_part_proved(id, facts.OUTBOX):
        self._contradict(id, facts.OUTBOX)
    else:
        end: facts.End = self._make_outbox_end(batch, payee)
        root: uint256 = batch.rows[len(batch.rows) - 1].root
        self._refute(number, id, facts.OUTBOX, end, root, accumulator)


@external
def add_hash(number: uint256, batch: identity.Preimage, segment: uint256, h: uint256):
    """
    @notice Adds another Poseidon2 hash of a segment's words, because the proposer's may be none. The words follow the
            arguments. Anyone may call; no proof can cite a hash that is wrong.
    """
    id: bytes32 = self._check_batch(number, batch)
    assert segment < len(batch.rows), "court: batch has no such segment"
    statements._add_hash(id, segment, batch.rows[segment], h)


# ---- money -------------------------------------------------------------------------------------------------------


@external
def pay_reward(id: bytes32, part: uint256, limit: uint256):
    """
    @notice Pays those who proved that a removed batch was wrong, where the path is longer than what its verdict paid.
            Anyone may call.
    @param part the segment, or 17 for the outbox, whose claim was refuted
    """
    assert pots._is_filled(self._name_reward(id, part)), "court: no such verdict"
    pots._share(self._name_reward(id, part), id, part, limit)


@external
@payable
def offer_bounty(number: uint256):
    """
    @notice Offers the value to those who get a pending batch final by proof, its ancestors included. Anyone may call.
    """
    assert has_bounties, "court: policy has no bounties"
    assert msg.value > 0 and msg.value < BOUNTY_LIMIT, "court: bounty is zero or above 2^96"
    batch: IRollup.Batch = self._get_pending(number)
    first: uint256 = staticcall IRollup(rollup).final_number() + 1
    assert number - first < MAX_ANCESTORS, "court: too many ancestors are not final"
    bounties._add(batch.id, number, first, msg.sender, msg.value)


@external
def settle_bounty(number: uint256):
    """
    @notice Fixes whom a bounty goes to, once the batch was made final by proof and before its window has passed. Anyone
            may call.
    """
    assert self._try_settle(number), "court: no bounty to settle"


@external
def pay_bounty(number: uint256, ancestor: uint256, part: uint256, limit: uint256):
    """
    @notice Pays the share of a settled bounty that belongs to those who proved one part of the batch or of an ancestor
            that it covers. Anyone may call.
    """
    id: bytes32 = (staticcall IRollup(rollup).get_batch(number)).id
    bounty: bounties.Bounty = bounties.bounties[id]
    assert bounty.settled, "court: bounty is not settled"
    assert ancestor >= bounty.first and ancestor <= number, "court: bounty does not cover that batch"
    other: bytes32 = (staticcall IRollup(rollup).get_batch(ancestor)).id
    assert facts._is_part_proved(other, part), "court: part was not proved"
    pots._share(id, other, part, limit)


@external
def return_bounty(id: bytes32):
    """
    @notice Gives the sender back what he offered for a batch that was removed or became final by its window.
    """
    bounty: bounties.Bounty = bounties.bounties[id]
    assert not bounty.settled, "court: bounty is settled"
    if self._is_listed(id, bounty.number):
        batch: IRollup.Batch = staticcall IRollup(rollup).get_batch(bounty.number)
        late: bool = block.timestamp >= batch.committed_at_s + window_s
        assert late, "court: batch may still be final in time"
    credit._add(msg.sender, bounties._take_back(id, msg.sender))


# ---- verdicts ----------------------------------------------------------------------------------------------------


@internal
@view
def _get_pending(number: uint256) -> IRollup.Batch:
    """
    @dev 08-R21: a proof that comes when the batch is final, or its time is over, changes nothing.
    """
    batch: IRollup.Batch = staticcall IRollup(rollup).get_batch(number)
    assert number > staticcall IRollup(rollup).final_number(), "court: batch is final"
    assert block.timestamp < batch.committed_at_s + window_s, "court: window of the batch has passed"
    return batch


@internal
@view
def _check_batch(number: uint256, batch: identity.Preimage) -> bytes32:
    id: bytes32 = self._get_pending(number).id
    statements._assert_preimage(id, batch)
    return id


@internal
def _add_fact(number: uint256, id: bytes32, edge: statements.Edge, start: statements.Start):
    """
    @dev 08-R26, 08-R29. What is known already is not paid twice.
    """
    steps: uint256 = edge.before + edge.steps
    known: facts.Fact = facts._get(id, edge.segment, steps)
    if known.payee == empty(address):
        fact: facts.Fact = facts.Fact(
            root=edge.root,
            cursor=edge.cursor,
            idle=edge.idle,
            before=edge.before,
            edges=start.edges + 1,
            payee=edge.payee,
        )
        facts._put(id, edge.segment, steps, fact)
        return
    same: bool = known.root == edge.root and known.cursor == edge.cursor and known.idle == edge.idle
    assert not same, "court: fact is known already"
    assert self._is_anchored(number, id, edge.segment), "court: another fact is known, from a start that is not proved"
    self._contradict(id, edge.segment)


@internal
def _accept(number: uint256, id: bytes32, part: uint256, end: facts.End, batch: identity.Preimage):
    """
    @dev 08-R27: a part is as claimed; if it was the last one the batch is final as soon as its parent is.
    """
    proved: bool = facts._mark(id, part, end, len(batch.rows), batch.outbox.count > 0)
    if proved and number == staticcall IRollup(rollup).final_number() + 1:
        extcall IRollup(rollup).finalize(MAX_FINALIZED)
        self._try_settle(number)


@internal
def _refute(
    number: uint256, id: bytes32, part: uint256, end: facts.End, root: uint256, accumulator: uint256
):
    """
    @dev 08-R28: the batch is wrong. Its path is paid at once, as far as it is not very long.
    """
    facts._put_end(id, part, end)
    reward_wei: uint256 = extcall IRollup(rollup).remove(number)
    log Refuted(
        id=id, part=part, payee=end.payee, root=root, accumulator=accumulator, reward_wei=reward_wei
    )
    pot: bytes32 = self._name_reward(id, part)
    pots._fill(pot, reward_wei, end.steps + end.edges)
    pots._share(pot, id, part, EDGES_AT_ONCE)


@internal
def _contradict(id: bytes32, part: uint256):
    """
    @dev 08-R29: two proofs of one start say different things, so proofs are worth nothing any more.
    """
    log Contradiction(id=id, part=part)
    extcall IRollup(rollup).abandon()


@internal
@view
def _is_anchored(number: uint256, id: bytes32, segment: uint256) -> bool:
    """
    @dev Whether the claim before a segment is proved from the last final batch on (a batch that is proved does not wait
         when its parent is final). From one that is not anything may follow: two results of it show that it is
         garbage, and not that proofs are.
    """
    first: bool = number == staticcall IRollup(rollup).final_number() + 1
    return first and facts._are_first_proved(id, segment)


# ---- parts of what is paid ---------------------------------------------------------------------------------------


@internal
@pure
def _name_reward(id: bytes32, part: uint256) -> bytes32:
    return keccak256(abi_encode(id, part))


@internal
@pure
def _make_outbox_end(batch: identity.Preimage, payee: address) -> facts.End:
    return facts.End(before=0, steps=batch.outbox.count, edges=1, payee=payee)


@internal
@view
def _is_listed(id: bytes32, number: uint256) -> bool:
    if number > staticcall IRollup(rollup).head_number():
        return False
    return (staticcall IRollup(rollup).get_batch(number)).id == id


@internal
def _try_settle(number: uint256) -> bool:
    """
    @dev 08-R30. Whether there was a bounty to settle.
    """
    assert number <= staticcall IRollup(rollup).final_number(), "court: batch is not final"
    batch: IRollup.Batch = staticcall IRollup(rollup).get_batch(number)
    bounty: bounties.Bounty = bounties.bounties[batch.id]
    if bounty.amount_wei == 0 or bounty.settled:
        return False
    assert block.timestamp < batch.committed_at_s + window_s, "court: window of the batch has passed"
    weight: uint256 = 0
    for ancestor: uint256 in range(bounty.first, number + 1, bound=MAX_ANCESTORS):
        weight += facts._get_weight((staticcall IRollup(rollup).get_batch(ancestor)).id)
    bounties._settle(batch.id)
    pots._fill(batch.id, bounty.amount_wei, weight)
    return True
