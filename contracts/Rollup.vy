# pragma version ~=0.4.3
# pragma evm-version cancun
"""
@title Rollup: the chain of batches and what follows from it
@license Apache-2.0
@dev Rules: spec/08-l1.md. Nobody can change, stop or correct this contract. A batch becomes final by its challenge
     window, or by proof before that; the court alone says what was proved, and removes what was proved to be wrong.
     What the court and the exit alone may call is at the end.
"""

from . import batches
from . import clocks
from . import credit
from . import identity
from . import origin
from . import outbox
from . import tail
from . import terms
from .interfaces import ICourt
from .interfaces import IVault

initializes: batches[credit := credit]
initializes: clocks
initializes: credit
initializes: outbox
initializes: terms

exports: (
    batches.bond_wei,
    batches.final_number,
    batches.get_batch,
    batches.head_number,
    batches.next_bond_wei,
    batches.release,
    clocks.grace_s,
    credit.credit_wei,
    credit.withdraw_credit,
    terms.deadline_s,
    terms.freeze_s,
    terms.genesis_root,
    terms.machine_version,
    terms.max_delay_s,
    terms.policy,
    terms.reorg_age_s,
    terms.sequencer,
    terms.silence_s,
    terms.window_s,
)

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


event BatchRemoved:
    number: indexed(uint256)
    id: indexed(bytes32)
    proposer: indexed(address)
    head: uint256
    burnt_wei: uint256


event Frozen:
    entry: uint256


event FrozenSilent:
    final_number: uint256


event Abandoned:
    final_number: uint256


MAX_INBOX_WORDS: constant(uint256) = 256
MAX_FINALIZED: constant(uint256) = 64
TIME_AHEAD_S: constant(uint256) = 5
CLOCK_LAG_S: constant(uint256) = 3_600

vault: public(immutable(address))
court: public(immutable(address))
exit: public(immutable(address))

sequencer_last_at_s: public(uint256)
exclusive_until_s: public(uint256)
frozen_at_s: public(uint256)
burnt_wei: public(uint256)
# an id that was removed never comes back: within one block the same call would give it again
is_removed: public(HashMap[bytes32, bool])
# withdrawals of final batches, and those of batches that have some
put_out_micros: public(uint256)
outbox_micros: HashMap[uint256, uint256]


@deploy
def __init__(vault_: address, court_: address, exit_: address, parameters: terms.RollupParameters):
    """
    @param vault_ the vault that was told this contract's address
    @param court_ where the court will be
    @param exit_ where the exit will be
    """
    assert court_ != empty(address) and exit_ != empty(address), "rollup: court or exit is not named"
    assert staticcall IVault(vault_).rollup() == self, "rollup: vault names another rollup"
    vault = vault_
    court = court_
    exit = exit_
    terms.__init__(parameters)
    self.sequencer_last_at_s = block.timestamp
    batches.__init__(parameters.genesis_root, parameters.bond_wei)
    clocks.__init__(vault_, parameters.grace_s)


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
    assert time_s + terms.max_delay_s >= block.timestamp, "rollup: time is too old"
    credit._charge(msg.sender, msg.value, batches._get_next_bond())

    inbox_words: DynArray[uint256, MAX_INBOX_WORDS] = self._take_inbox(head, inbox_count)
    segments: tail.Segments = tail._bind_segments(inbox_words, inbox_keccak, segment_count)
    outbox_digest: bytes32 = tail._bind_outbox(segments.end, outbox_count, segments.claim.accumulator)

    inbox_end: uint256 = head.inbox_end + inbox_count
    id: bytes32 = self._compute_id(parent, time_s, head.inbox_end, inbox_end, segments.digest, outbox_digest)
    assert not self.is_removed[id], "rollup: batch was removed"
    number: uint256 = batches._append(
        batches.Batch(
            id=id,
            proposer=msg.sender,
            committed_at_s=block.timestamp,
            inbox_end=inbox_end,
            outbox_count=outbox_count,
            outbox_root=outbox._compute_root(segments.end, outbox_count),
            bond_wei=0,
        )
    )
    if outbox_count > 0:
        self.outbox_micros[number] = outbox._sum(segments.end, outbox_count)
    if msg.sender == terms.sequencer:
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
    @notice Makes batches final that were proved or whose window has passed, in order, at most `limit` and at most 64;
            returns how many.
    """
    count: uint256 = 0
    for i: uint256 in range(min(limit, MAX_FINALIZED), bound=MAX_FINALIZED):
        number: uint256 = batches.final_number + 1
        if number > batches.head_number or not self._can_be_final(batches._get(number)):
            break
        self._settle(batches._advance_final(), number)
        count += 1
    assert count > 0, "rollup: no batch is proved or has passed its window"
    return count


@external
def expire():
    """
    @notice Removes the next batch when its deadline to be proved has passed (policy zk). Its bond is burnt. Anyone may
            call.
    """
    assert terms.policy == terms.ZK, "rollup: policy has no deadline for proofs"
    number: uint256 = batches.final_number + 1
    assert number <= batches.head_number, "rollup: no batch is pending"
    batch: batches.Batch = batches._get(number)
    assert block.timestamp >= batch.committed_at_s + terms.window_s, "rollup: batch may still be proved"
    assert not staticcall ICourt(court).is_proved(batch.id), "rollup: batch is proved"
    self._remove(number, batch, batch.bond_wei)


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
    assert clocks._has_waited(entry, terms.freeze_s), "rollup: no inbox entry has waited long enough"
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
    if sender == terms.sequencer or clocks._has_waited(inbox_end, terms.deadline_s):
        return True
    return block.timestamp >= max(self.sequencer_last_at_s + terms.silence_s, self.exclusive_until_s)


@internal
@view
def _take_inbox(head: batches.Batch, count: uint256) -> DynArray[uint256, MAX_INBOX_WORDS]:
    """
    @dev 08-R05: the words of the entries that the batch consumes, none too young, none that was due left out unless
         it would not fit.
    """
    taken: IVault.EntryRange = staticcall IVault(vault).get_range(head.inbox_end, count)
    assert taken.last_created_at_s + terms.reorg_age_s <= block.timestamp, "rollup: an inbox entry is too young"
    if taken.next_created_at_s != 0 and taken.next_created_at_s + terms.deadline_s <= head.committed_at_s:
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
    header: identity.Header = identity.Header(
        parent=parent,
        block_number=block.number,
        time_bound_ms=(time_s + TIME_AHEAD_S) * 1000,
        clock_floor_ms=(max(time_s, CLOCK_LAG_S) - CLOCK_LAG_S) * 1000,
        inbox_first=inbox_first,
        inbox_end=inbox_end,
    )
    return identity._hash_header(header, terms.policy, terms.machine_version, segments, outbox_digest)


@internal
@view
def _can_be_final(batch: batches.Batch) -> bool:
    """
    @dev 08-R09: a batch of policy zk never by its window.
    """
    if terms.policy != terms.ZK and block.timestamp >= batch.committed_at_s + terms.window_s:
        return True
    return staticcall ICourt(court).is_proved(batch.id)


@internal
def _settle(batch: batches.Batch, number: uint256):
    """
    @dev 08-R08, 08-R16: a final batch's bond returns and its inbox words are paid for.
    """
    credit._add(batch.proposer, batch.bond_wei)
    if batch.outbox_count > 0:
        self.put_out_micros += self.outbox_micros[number]
    first: uint256 = batches._get(number - 1).inbox_end
    if batch.inbox_end > first:
        extcall IVault(vault).reward(batch.proposer, first, batch.inbox_end)


@internal
def _remove(number: uint256, batch: batches.Batch, burnt_wei: uint256):
    """
    @dev 08-R22: the batch and all that is built on it leave the list, and their inbox entries wait again. The first
         removal since a batch became final gives the sequencer a time of its own to post again.
    """
    if batches._get_next_bond() == batches.bond_wei:
        self.exclusive_until_s = block.timestamp + clocks.grace_s
    clocks._give_back(batches._get_head().inbox_end)
    batches._cut(number)
    self.is_removed[batch.id] = True
    self.burnt_wei += burnt_wei
    log BatchRemoved(
        number=number, id=batch.id, proposer=batch.proposer, head=number - 1, burnt_wei=burnt_wei
    )


# ---- for the court and the exit alone ----------------------------------------------------------------------------


@external
def remove(number: uint256) -> uint256:
    """
    @notice Removes a pending batch that was proved to be wrong. Half of its bond is burnt, the other half goes to the
            court for whoever proved it; returns that.
    """
    assert msg.sender == court, "rollup: sender is not the court"
    assert number > batches.final_number, "rollup: batch is final"
    batch: batches.Batch = batches._get(number)
    reward_wei: uint256 = batch.bond_wei // 2
    self._remove(number, batch, batch.bond_wei - reward_wei)
    raw_call(court, b"", value=reward_wei)
    return reward_wei


@external
def abandon():
    """
    @notice Two proofs contradict each other: what is pending is void, nobody loses a bond, and the rollup is frozen.
    """
    assert msg.sender == court, "rollup: sender is not the court"
    clocks._give_back(batches._get_head().inbox_end)
    batches._cut_pending()
    if self.frozen_at_s == 0:
        self.frozen_at_s = block.timestamp
    log Abandoned(final_number=batches.final_number)


@external
def freeze_silent():
    """
    @notice Stops the rollup for ever because its oracle is silent in the last final state.
    """
    assert msg.sender == exit, "rollup: sender is not the exit"
    assert self.frozen_at_s == 0, "rollup: frozen"
    self.frozen_at_s = block.timestamp
    log FrozenSilent(final_number=batches.final_number)
