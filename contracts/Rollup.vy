# pragma version ~=0.4.3
# pragma evm-version cancun
"""
@title Rollup: the chain of batches and what follows from it
@license Apache-2.0
@dev Rules: spec/08-l1.md. Nobody can change, stop or correct this contract. A batch becomes final by its challenge
     window; verdicts by proof speak of batch ids (see `_compute_id`), whose preimages are all that a proof needs.
"""

from . import batches
from . import credit
from . import origin
from . import outbox
from . import tail
from . import words
from .interfaces import IVault

initializes: batches
initializes: credit
initializes: outbox

exports: (
    batches.final_number,
    batches.get_batch,
    batches.head_number,
    credit.credit_wei,
    credit.withdraw_credit,
)

struct RollupParameters:
    sequencer: address
    genesis_root: bytes32
    machine_version: uint256
    policy: uint256
    bond_wei: uint256
    window_s: uint256
    silence_s: uint256
    max_delay_s: uint256
    reorg_age_s: uint256
    deadline_s: uint256
    freeze_s: uint256


event BatchCommitted:
    number: indexed(uint256)
    id: indexed(bytes32)
    proposer: indexed(address)
    parent: bytes32
    time_s: uint256
    inbox_first: uint256
    inbox_end: uint256
    segment_count: uint256
    outbox_count: uint256
    root: bytes32


event WithdrawalPaid:
    number: indexed(uint256)
    index: indexed(uint256)
    owner: indexed(address)
    amount_micros: uint256


event Frozen:
    entry: uint256


OPTIMISTIC: constant(uint256) = 0
MAX_INBOX_WORDS: constant(uint256) = 256
MAX_FINALIZED: constant(uint256) = 64
MAX_PERIOD_S: constant(uint256) = 10 * 365 * 86_400
TIME_AHEAD_S: constant(uint256) = 5
CLOCK_LAG_S: constant(uint256) = 3_600

vault: public(immutable(address))
sequencer: public(immutable(address))
genesis_root: public(immutable(bytes32))
machine_version: public(immutable(uint256))
policy: public(immutable(uint256))
bond_wei: public(immutable(uint256))
window_s: public(immutable(uint256))
silence_s: public(immutable(uint256))
max_delay_s: public(immutable(uint256))
reorg_age_s: public(immutable(uint256))
deadline_s: public(immutable(uint256))
freeze_s: public(immutable(uint256))

sequencer_last_at_s: public(uint256)
frozen_at_s: public(uint256)


@deploy
def __init__(vault_: address, parameters: RollupParameters):
    """
    @param vault_ the vault that was told this contract's address
    """
    assert staticcall IVault(vault_).rollup() == self, "rollup: vault names another rollup"
    assert parameters.sequencer != empty(address), "rollup: sequencer is not named"
    assert convert(parameters.genesis_root, uint256) < words.FIELD, "rollup: genesis root is not a field element"
    assert parameters.policy == OPTIMISTIC, "rollup: policy needs proofs"
    assert parameters.bond_wei > 0, "rollup: bond is zero"
    assert parameters.window_s > 0 and parameters.silence_s > 0, "rollup: window or silence is zero"
    assert parameters.reorg_age_s < parameters.deadline_s, "rollup: deadline is not above the reorganisation age"
    assert parameters.deadline_s < parameters.freeze_s, "rollup: freeze is not above the deadline"
    longest_s: uint256 = max(parameters.freeze_s, max(parameters.window_s, parameters.silence_s))
    assert max(longest_s, parameters.max_delay_s) <= MAX_PERIOD_S, "rollup: period is longer than 10 years"
    vault = vault_
    sequencer = parameters.sequencer
    genesis_root = parameters.genesis_root
    machine_version = parameters.machine_version
    policy = parameters.policy
    bond_wei = parameters.bond_wei
    window_s = parameters.window_s
    silence_s = parameters.silence_s
    max_delay_s = parameters.max_delay_s
    reorg_age_s = parameters.reorg_age_s
    deadline_s = parameters.deadline_s
    freeze_s = parameters.freeze_s
    self.sequencer_last_at_s = block.timestamp
    batches.__init__(parameters.genesis_root)


# ---- batches -----------------------------------------------------------------------------------------------------


@external
@payable
def commit(
    parent: bytes32,
    time_s: uint256,
    inbox_count: uint256,
    inbox_keccak: bytes32,
    segment_count: uint256,
    outbox_count: uint256,
):
    """
    @notice Adds a batch. The bond is taken from the value; the difference from or into the sender's credit.
    @param parent id of the head
    @param time_s the batch's time, from which the machine's inputs follow
    @param inbox_count how many entries of the inbox it consumes
    @param inbox_keccak keccak of the inbox words that the claims are about
    @dev The tail follows the arguments: claims, words and withdrawals, as docs/reference/contracts.md says.
    """
    origin._assert_plain_sender()
    assert self.frozen_at_s == 0, "rollup: frozen"
    head: batches.Batch = batches._get_head()
    assert parent == head.id, "rollup: parent is not the head"
    assert self._is_proposer(msg.sender, head.inbox_end), "rollup: only the sequencer may propose now"
    assert time_s <= block.timestamp, "rollup: time is ahead of L1"
    assert time_s + max_delay_s >= block.timestamp, "rollup: time is too old"
    credit._charge(msg.sender, msg.value, bond_wei)

    inbox_words: DynArray[uint256, MAX_INBOX_WORDS] = self._take_inbox(head, inbox_count)
    segments: tail.Segments = tail._bind_segments(inbox_words, inbox_keccak, segment_count)
    outbox_digest: bytes32 = tail._bind_outbox(segments.end, outbox_count, segments.claim.accumulator)

    inbox_end: uint256 = head.inbox_end + inbox_count
    id: bytes32 = self._compute_id(parent, time_s, head.inbox_end, inbox_end, segments.digest, outbox_digest)
    number: uint256 = batches._append(
        batches.Batch(
            id=id,
            proposer=msg.sender,
            committed_at_s=block.timestamp,
            inbox_end=inbox_end,
            outbox_count=outbox_count,
            outbox_root=outbox._compute_root(segments.end, outbox_count),
        )
    )
    if msg.sender == sequencer:
        self.sequencer_last_at_s = block.timestamp
    log BatchCommitted(
        number=number,
        id=id,
        proposer=msg.sender,
        parent=parent,
        time_s=time_s,
        inbox_first=head.inbox_end,
        inbox_end=inbox_end,
        segment_count=segment_count,
        outbox_count=outbox_count,
        root=convert(segments.claim.root, bytes32),
    )


@external
def finalize(limit: uint256) -> uint256:
    """
    @notice Makes batches final whose window has passed, in order, at most `limit` and at most 64; returns how many.
    """
    count: uint256 = 0
    for i: uint256 in range(min(limit, MAX_FINALIZED), bound=MAX_FINALIZED):
        if not batches._advance_final(window_s):
            break
        self._settle(batches.final_number)
        count += 1
    assert count > 0, "rollup: no batch has passed its window"
    return count


@external
@nonreentrant
def claim(
    number: uint256, index: uint256, owner: address, amount_micros: uint256, proof: DynArray[bytes32, 8]
):
    """
    @notice Pays a withdrawal of a final batch to its owner. Anyone may call.
    @param index place of the withdrawal in the batch's outbox
    @param proof siblings from the leaf upwards
    """
    assert number <= batches.final_number, "rollup: batch is not final"
    batch: batches.Batch = batches._get(number)
    outbox._assert_member(batch.outbox_root, batch.outbox_count, index, owner, amount_micros, proof)
    outbox._mark_claimed(number, index)
    log WithdrawalPaid(number=number, index=index, owner=owner, amount_micros=amount_micros)
    extcall IVault(vault).pay(owner, amount_micros, batches._get(batches.final_number).inbox_end)


@external
def freeze():
    """
    @notice Stops the rollup for ever when an entry of the inbox has waited too long. Anyone may call.
    """
    assert self.frozen_at_s == 0, "rollup: frozen"
    entry: uint256 = batches._get_head().inbox_end
    assert self._has_waited(entry, freeze_s), "rollup: no inbox entry has waited long enough"
    self.frozen_at_s = block.timestamp
    log Frozen(entry=entry)


# ---- getters -----------------------------------------------------------------------------------------------------


@external
@view
def head_inbox_end() -> uint256:
    """
    @notice The first entry of the inbox that no batch consumed.
    """
    return batches._get_head().inbox_end


@external
@view
def is_open() -> bool:
    """
    @notice Whether anyone may propose now.
    """
    return self.frozen_at_s == 0 and self._is_proposer(empty(address), batches._get_head().inbox_end)


@external
@view
def is_claimed(number: uint256, index: uint256) -> bool:
    """
    @notice Whether a withdrawal was paid.
    """
    return outbox._is_claimed(number, index)


# ---- parts of commit and finalize --------------------------------------------------------------------------------


@internal
@view
def _is_proposer(sender: address, inbox_end: uint256) -> bool:
    """
    @dev 08-R06, 08-R07.
    """
    if sender == sequencer or block.timestamp >= self.sequencer_last_at_s + silence_s:
        return True
    return self._has_waited(inbox_end, deadline_s)


@internal
@view
def _has_waited(entry: uint256, period_s: uint256) -> bool:
    created_at_s: uint256 = (staticcall IVault(vault).get_entry(entry)).created_at_s
    return created_at_s != 0 and block.timestamp >= created_at_s + period_s


@internal
@view
def _take_inbox(head: batches.Batch, count: uint256) -> DynArray[uint256, MAX_INBOX_WORDS]:
    """
    @dev 08-R05: the words of the entries that the batch consumes, none too young, none that was due left out unless
         it would not fit.
    """
    taken: IVault.EntryRange = staticcall IVault(vault).get_range(head.inbox_end, count)
    assert taken.last_created_at_s + reorg_age_s <= block.timestamp, "rollup: an inbox entry is too young"
    if taken.next_created_at_s != 0 and taken.next_created_at_s + deadline_s <= head.committed_at_s:
        full: bool = len(taken.words) + taken.next_words > MAX_INBOX_WORDS
        assert full, "rollup: an inbox entry that is due is left out"
    return taken.words


@internal
@view
def _compute_id(
    parent: bytes32,
    time_s: uint256,
    inbox_first: uint256,
    inbox_end: uint256,
    segments: bytes32,
    outbox_digest: bytes32,
) -> bytes32:
    """
    @dev 08-R01, 08-R04: never a place in the list, so what is known of a removed batch says nothing of a later one.
    """
    time_bound_ms: uint256 = (time_s + TIME_AHEAD_S) * 1000
    clock_floor_ms: uint256 = (max(time_s, CLOCK_LAG_S) - CLOCK_LAG_S) * 1000
    return keccak256(
        abi_encode(
            parent,
            block.number,
            time_bound_ms,
            clock_floor_ms,
            policy,
            machine_version,
            inbox_first,
            inbox_end,
            segments,
            outbox_digest,
        )
    )


@internal
def _settle(number: uint256):
    """
    @dev 08-R08, 08-R16: a final batch's bond returns and its inbox words are paid for.
    """
    batch: batches.Batch = batches._get(number)
    credit._add(batch.proposer, bond_wei)
    first: uint256 = batches._get(number - 1).inbox_end
    if batch.inbox_end > first:
        extcall IVault(vault).reward(batch.proposer, first, batch.inbox_end)
