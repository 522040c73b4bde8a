# pragma version ~=0.4.3
# pragma evm-version cancun
"""
@title Exit: what accounts are owed when the rollup is frozen
@license Apache-2.0
@dev Rules: spec/08-l1.md. When no batch is pending any more the last final state is opened, and for a claim period
     anyone proves for any account what it is worth there. Then all are paid, the same share if it is not enough.
     Nobody can change or stop this contract.
"""

from . import identity
from .interfaces import IRollup
from .interfaces import IVault
from .interfaces import IVerifier

# how far an account's proofs have come, and what they add up to
struct Progress:
    cursor: uint256
    sum: uint256
    owed_micros: uint256
    owner: address
    paid: bool


event Opened:
    root: uint256
    available_micros: uint256
    claims_end_s: uint256


event Claimed:
    account: indexed(uint256)
    owner: indexed(address)
    cursor: uint256
    owed_micros: uint256


event ExitPaid:
    account: indexed(uint256)
    owner: indexed(address)
    amount_micros: uint256


EXIT_INPUTS: constant(uint256) = 4
SILENCE_INPUTS: constant(uint256) = 2
MAX_PERIOD_S: constant(uint256) = 10 * 365 * 86_400
FIELD: constant(uint256) = 21888242871839275222246405745257275088548364400416034343698204186575808495617

# 08-R33: accounts have 24 bits, cursors 32, sums 64 with this in the place of zero
ACCOUNT_LIMIT: constant(uint256) = 2**24
DONE: constant(uint256) = 2**32 - 1
SUM_LIMIT: constant(uint256) = 2**64
ZERO: constant(uint256) = 2**63

rollup: public(immutable(address))
vault: public(immutable(address))
exit_verifier: public(immutable(address))
silence_verifier: public(immutable(address))
claim_s: public(immutable(uint256))
oracle_silence_s: public(immutable(uint256))
genesis_root: immutable(bytes32)
machine_version: immutable(uint256)
policy: immutable(uint256)

claims_end_s: public(uint256)
root: public(uint256)
available_micros: public(uint256)
owed_micros: public(uint256)
progress: HashMap[uint256, Progress]


@deploy
def __init__(
    rollup_: address,
    exit_verifier_: address,
    silence_verifier_: address,
    claim_period_s: uint256,
    silence_s: uint256,
):
    """
    @param rollup_ the rollup that was told this contract's address
    @param exit_verifier_ key of the circuit `exit`; zero if nobody can ever prove an exit
    @param silence_verifier_ key of the circuit `silence`; zero likewise
    @param claim_period_s how long claims are taken after the last final state was opened
    @param silence_s how long the oracle may be silent, by the machine's clock
    """
    assert staticcall IRollup(rollup_).exit() == self, "exit: rollup names another exit"
    assert claim_period_s > 0 and silence_s > 0, "exit: period is zero"
    assert max(claim_period_s, silence_s) <= MAX_PERIOD_S, "exit: period is longer than 10 years"
    if exit_verifier_ != empty(address):
        count: uint256 = staticcall IVerifier(exit_verifier_).input_count()
        assert count == EXIT_INPUTS, "exit: key is not one of exits"
    if silence_verifier_ != empty(address):
        count: uint256 = staticcall IVerifier(silence_verifier_).input_count()
        assert count == SILENCE_INPUTS, "exit: key is not one of silence"
    rollup = rollup_
    vault = staticcall IRollup(rollup_).vault()
    exit_verifier = exit_verifier_
    silence_verifier = silence_verifier_
    claim_s = claim_period_s
    oracle_silence_s = silence_s
    genesis_root = staticcall IRollup(rollup_).genesis_root()
    machine_version = staticcall IRollup(rollup_).machine_version()
    policy = staticcall IRollup(rollup_).policy()


# ---- the freeze --------------------------------------------------------------------------------------------------


@external
def prove_silence(
    tip: identity.Tip, underlying: uint256, clock_ms: uint256, tick_time_s: uint256, proof: uint256[12]
):
    """
    @notice Freezes the rollup when the oracle is silent for an underlying in which somebody holds something: the
            machine's clock and the underlying's last tick, both of the last final state. Anyone may call.
    @param tip tip of the last final batch's id; anything while that is genesis
    """
    assert silence_verifier != empty(address), "exit: no key of silence"
    assert underlying < 2**8, "exit: no such underlying"
    assert clock_ms < 2**64 and tick_time_s < 2**64, "exit: time is wider than 64 bits"
    assert clock_ms // 1000 >= tick_time_s + oracle_silence_s, "exit: oracle was not silent for long enough"
    what: uint256 = tick_time_s << 72 | clock_ms << 8 | underlying
    holds: bool = staticcall IVerifier(silence_verifier).verify([self._find_root(tip), what], proof)
    assert holds, "exit: proof does not hold"
    extcall IRollup(rollup).freeze_silent()


@external
def open(tip: identity.Tip):
    """
    @notice Opens the last final state for claims, once the rollup is frozen and no batch is pending. Anyone may call.
    @param tip tip of the last final batch's id; anything if that is genesis
    @dev 08-R32: what withdrawals of final batches and deposits that no final batch consumed are owed is not available.
    """
    assert staticcall IRollup(rollup).frozen_at_s() != 0, "exit: rollup is not frozen"
    assert self.claims_end_s == 0, "exit: claims are open already"
    number: uint256 = staticcall IRollup(rollup).final_number()
    assert staticcall IRollup(rollup).head_number() == number, "exit: a batch is pending"
    self.root = self._find_root(tip)
    self.claims_end_s = block.timestamp + claim_s
    deposited: uint256 = self._get_deposited((staticcall IRollup(rollup).get_batch(number)).inbox_end)
    put_out: uint256 = staticcall IRollup(rollup).put_out_micros()
    # a lie that became final by silence may have put out more than there was
    self.available_micros = deposited - min(deposited, put_out)
    log Opened(root=self.root, available_micros=self.available_micros, claims_end_s=self.claims_end_s)


# ---- claims ------------------------------------------------------------------------------------------------------


@external
def claim_account(account: uint256, owner: address, cursor: uint256, sum: uint256, proof: uint256[12]):
    """
    @notice Proves what an account is worth, or a part of it: several proofs go on from each other. Anyone may call.
    @param owner whom the state names as the account's owner
    @param cursor where the proof ends; 2^32 - 1 at the end of the account
    @param sum what it is worth up to there in micros, plus 2^63
    @dev After the claim period what is left over is still for who comes.
    """
    assert exit_verifier != empty(address), "exit: no key of exits"
    assert self.claims_end_s != 0, "exit: claims are not open"
    assert account < ACCOUNT_LIMIT, "exit: no such account"
    assert owner != empty(address), "exit: account has no owner"
    assert cursor <= DONE and sum < SUM_LIMIT, "exit: cursor or sum is too wide"
    known: Progress = self.progress[account]
    assert known.cursor != DONE, "exit: account is claimed already"
    before: uint256 = known.sum
    if known.cursor == 0:
        before = ZERO
    walk: uint256 = cursor << 56 | known.cursor << 24 | account
    inputs: DynArray[uint256, 14] = [self.root, convert(owner, uint256), walk, sum << 64 | before]
    holds: bool = staticcall IVerifier(exit_verifier).verify(inputs, proof)
    assert holds, "exit: proof does not hold"
    self.progress[account].cursor = cursor
    self.progress[account].sum = sum
    owed: uint256 = 0
    if cursor == DONE:
        owed = max(sum, ZERO) - ZERO
        self.progress[account].owner = owner
        self.progress[account].owed_micros = owed
        self.owed_micros += owed
        if block.timestamp >= self.claims_end_s:
            assert self.owed_micros <= self.available_micros, "exit: nothing is left for late claims"
    log Claimed(account=account, owner=owner, cursor=cursor, owed_micros=owed)


@external
def pay_account(account: uint256):
    """
    @notice Pays an account's owner what it is owed, after the claim period. Anyone may call.
    """
    assert self.claims_end_s != 0 and block.timestamp >= self.claims_end_s, "exit: claim period is not over"
    known: Progress = self.progress[account]
    assert known.cursor == DONE, "exit: account is not claimed"
    assert not known.paid, "exit: account is paid already"
    self.progress[account].paid = True
    amount_micros: uint256 = known.owed_micros
    if self.owed_micros > self.available_micros:
        amount_micros = amount_micros * self.available_micros // self.owed_micros
    log ExitPaid(account=account, owner=known.owner, amount_micros=amount_micros)
    number: uint256 = staticcall IRollup(rollup).final_number()
    inbox_end: uint256 = (staticcall IRollup(rollup).get_batch(number)).inbox_end
    extcall IVault(vault).pay_exit(known.owner, amount_micros, inbox_end)


@external
@view
def get_progress(account: uint256) -> Progress:
    """
    @notice How far an account's claim has come.
    """
    return self.progress[account]


@internal
@view
def _find_root(tip: identity.Tip) -> uint256:
    """
    @dev Root of the last final state.
    """
    id: bytes32 = (staticcall IRollup(rollup).get_batch(staticcall IRollup(rollup).final_number())).id
    if id == identity._hash_genesis(genesis_root):
        return convert(genesis_root, uint256)
    found: bytes32 = identity._compute_tip_id(tip, policy, machine_version)
    assert found == id, "exit: data are not those of the last final batch"
    return tip.last.root


@internal
@view
def _get_deposited(entry_count: uint256) -> uint256:
    """
    @dev Sum of the deposits among the first `entry_count` entries of the inbox.
    """
    if entry_count == 0:
        return 0
    return (staticcall IVault(vault).get_entry(entry_count - 1)).deposited_micros
