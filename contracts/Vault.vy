# pragma version ~=0.4.3
# pragma evm-version cancun
"""
@title Vault: the money, the accounts and the inbox of a rollup
@license Apache-2.0
@dev Rules: spec/08-l1.md. What a user calls is here; what the rollup alone may call is at the end. Nobody can change
     or stop this contract. Tokens leave it for withdrawals of final batches and, when the rollup is frozen, for
     deposits that no batch consumed and for what accounts are owed.
"""

from . import accounts
from . import credit
from . import custody
from . import inbox
from .interfaces import IRollup

initializes: accounts
initializes: credit
initializes: custody
initializes: inbox

exports: (
    accounts.account_count,
    accounts.account_fee_wei,
    accounts.owner_of,
    credit.credit_wei,
    credit.withdraw_credit,
    custody.exited_micros,
    custody.held_micros,
    custody.paid_micros,
    custody.token,
    inbox.entry_count,
    inbox.get_entry,
    inbox.get_range,
    inbox.get_words,
    inbox.running_keccak,
    inbox.word_fee_wei,
    inbox.words_per_block,
)

struct VaultParameters:
    min_deposit_micros: uint256
    max_deposit_micros: uint256
    word_fee_wei: uint256
    account_fee_wei: uint256
    words_per_block: uint256


event Paid:
    owner: indexed(address)
    amount_micros: uint256


event Reclaimed:
    entry: indexed(uint256)
    owner: indexed(address)
    amount_micros: uint256


# kinds of words, spec 03: forced are PlaceOrder, Amend, Cancel, Withdraw, Transfer
DEPOSIT: constant(uint256) = 1
SET_KEY: constant(uint256) = 2
INDEX_TICK: constant(uint256) = 32
APPROVE: constant(uint256) = 36
FIRST_FORCED: constant(uint256) = 16
LAST_FORCED: constant(uint256) = 20
KEYS: constant(uint256) = 4
MAX_SIGNERS: constant(uint256) = 8
MAX_TICK_WORDS: constant(uint256) = 1 + 3 * MAX_SIGNERS
WORD_LIMIT: constant(uint256) = 2**248
FIELD: constant(uint256) = 21888242871839275222246405745257275088548364400416034343698204186575808495617
MAX_DEPOSIT_MICROS: constant(uint256) = 2**52

rollup: public(immutable(address))
min_deposit_micros: public(immutable(uint256))
max_deposit_micros: public(immutable(uint256))
is_reclaimed: public(HashMap[uint256, bool])


@deploy
def __init__(rollup_: address, token: address, parameters: VaultParameters):
    """
    @param rollup_ where the rollup will be; it has no code yet
    @param token a token of 6 decimals that neither keeps a fee nor changes balances by itself
    """
    assert rollup_ != empty(address), "vault: rollup is not named"
    assert parameters.min_deposit_micros >= 1, "vault: least deposit is zero"
    assert parameters.max_deposit_micros >= parameters.min_deposit_micros, "vault: most deposit is below the least"
    assert parameters.max_deposit_micros <= MAX_DEPOSIT_MICROS, "vault: most deposit is above 2^52"
    rollup = rollup_
    min_deposit_micros = parameters.min_deposit_micros
    max_deposit_micros = parameters.max_deposit_micros
    accounts.__init__(parameters.account_fee_wei)
    custody.__init__(token)
    inbox.__init__(parameters.word_fee_wei, parameters.words_per_block)


# ---- for everyone ------------------------------------------------------------------------------------------------


@external
@payable
@nonreentrant
def register() -> uint256:
    """
    @notice Gives the sender a new account. Value: `account_fee_wei`.
    """
    self._assert_running()
    return accounts._register(msg.sender, msg.value)


@external
@payable
@nonreentrant
def deposit(account: uint256, owner: address, amount_micros: uint256) -> uint256:
    """
    @notice Moves tokens of the sender into an account. Value: `word_fee_wei`. Returns the entry.
    @param owner who owns the account, so that a reorganisation which deals the numbers anew sends nobody's money away
    @dev 08-R11: every reason for which the machine could refuse the entry is checked here.
    """
    self._assert_running()
    accounts._assert_owner(account, owner)
    assert amount_micros >= min_deposit_micros, "vault: deposit is below the least"
    assert amount_micros <= max_deposit_micros, "vault: deposit is above the most"
    custody._take(msg.sender, amount_micros)
    word: uint256 = (DEPOSIT << 24 | account) << 160 | convert(owner, uint256)
    return inbox._append(account, [word << 56 | amount_micros], amount_micros, msg.value)


@external
@payable
@nonreentrant
def set_key(
    account: uint256, slot: uint256, scope: uint256, expiry_s: uint256, x: uint256, y: uint256
) -> uint256:
    """
    @notice Sets a trading key of the sender's account; x = y = 0 removes it. Value: 3 `word_fee_wei`.
    """
    self._assert_running()
    accounts._assert_owner(account, msg.sender)
    assert slot < KEYS, "vault: no such key slot"
    assert scope < 2**8, "vault: scope is wider than a byte"
    assert expiry_s < 2**32, "vault: expiry is wider than 4 bytes"
    assert x < FIELD and y < FIELD, "vault: key is not two field elements"
    word: uint256 = ((SET_KEY << 24 | account) << 8 | slot) << 8 | scope
    word = ((word << 32 | expiry_s) << 8 | x >> 248) << 8 | y >> 248
    words: DynArray[uint256, 3] = [word << 152, x % 2**248, y % 2**248]
    return inbox._append(account, words, 0, msg.value)


@external
@payable
@nonreentrant
def force(word: uint256) -> uint256:
    """
    @notice Forces an operation of the sender's account. Value: `word_fee_wei`.
    @param word the first word of a PlaceOrder, Amend, Cancel, Withdraw or Transfer; no signature follows
    """
    self._assert_running()
    kind: uint256 = word >> 240
    assert kind >= FIRST_FORCED and kind <= LAST_FORCED, "vault: operation can't be forced"
    account: uint256 = word >> 216 & (2**24 - 1)
    accounts._assert_owner(account, msg.sender)
    return inbox._append(account, [word], 0, msg.value)


@external
@payable
@nonreentrant
def force_tick(tick: uint256, approvals: DynArray[uint256[3], MAX_SIGNERS]) -> uint256:
    """
    @notice Forces a tick of the oracle, so that no sequencer can keep its signatures out. Anyone may call. Value:
            `word_fee_wei` for each word.
    @param tick the word of an IndexTick
    @param approvals the three words of each Approve that follows it
    """
    self._assert_running()
    assert tick >> 240 == INDEX_TICK, "vault: word is not a tick"
    assert len(approvals) > 0, "vault: tick has no approval"
    words: DynArray[uint256, MAX_TICK_WORDS] = [tick]
    for approval: uint256[3] in approvals:
        assert approval[0] >> 240 == APPROVE, "vault: word is not an approval"
        for word: uint256 in approval:
            assert word < WORD_LIMIT, "vault: word is wider than 31 bytes"
            words.append(word)
    return inbox._append(0, words, 0, msg.value)


@external
@nonreentrant
def reclaim(entry: uint256):
    """
    @notice Gives an entry back that no batch consumed before the rollup was frozen: the tokens of a deposit go to the
            account's owner, the prepayment to his credit. A tick belongs to nobody. Anyone may call.
    """
    assert staticcall IRollup(rollup).frozen_at_s() != 0, "vault: rollup is not frozen"
    assert entry >= staticcall IRollup(rollup).head_inbox_end(), "vault: a batch consumed the entry"
    words: DynArray[uint256, 256] = inbox._get_words(entry, 1)
    assert words[0] >> 240 != INDEX_TICK, "vault: a tick is not given back"
    assert not self.is_reclaimed[entry], "vault: entry is given back already"
    self.is_reclaimed[entry] = True
    owner: address = accounts.owner_of[words[0] >> 216 & (2**24 - 1)]
    credit._add(owner, len(words) * inbox.word_fee_wei)
    amount_micros: uint256 = 0
    if words[0] >> 240 == DEPOSIT:
        amount_micros = words[0] & (2**56 - 1)
        custody._give(owner, amount_micros)
    log Reclaimed(entry=entry, owner=owner, amount_micros=amount_micros)


# ---- for the rollup and the exit alone ---------------------------------------------------------------------------


@external
@nonreentrant
def pay(owner: address, amount_micros: uint256, inbox_end: uint256):
    """
    @notice Pays a withdrawal of a final batch.
    @param inbox_end end of the entries that final batches consumed
    """
    assert msg.sender == rollup, "vault: sender is not the rollup"
    custody.paid_micros += amount_micros
    self._pay(owner, amount_micros, inbox_end)


@external
@nonreentrant
def pay_exit(owner: address, amount_micros: uint256, inbox_end: uint256):
    """
    @notice Pays what an account was owed when the rollup was frozen.
    @param inbox_end end of the entries that final batches consumed
    """
    assert msg.sender == staticcall IRollup(rollup).exit(), "vault: sender is not the exit"
    custody.exited_micros += amount_micros
    self._pay(owner, amount_micros, inbox_end)


@external
@nonreentrant
def reward(proposer: address, first: uint256, end: uint256):
    """
    @notice Credits the prepayments of a range of entries to the proposer whose final batch consumed them.
    """
    assert msg.sender == rollup, "vault: sender is not the rollup"
    count: uint256 = inbox._get_end_word(end) - inbox._get_end_word(first)
    credit._add(proposer, count * inbox.word_fee_wei)


@internal
def _pay(owner: address, amount_micros: uint256, inbox_end: uint256):
    """
    @dev 08-R18: whatever was claimed, no more is paid than was deposited by entries that final batches consumed.
    """
    paid_micros: uint256 = custody.paid_micros + custody.exited_micros
    assert paid_micros <= inbox._get_deposited(inbox_end), "vault: more than was deposited"
    custody._give(owner, amount_micros)
    log Paid(owner=owner, amount_micros=amount_micros)


@internal
@view
def _assert_running():
    """
    @dev 08-R12: what comes in while the rollup is frozen could never be consumed.
    """
    assert staticcall IRollup(rollup).frozen_at_s() == 0, "vault: rollup is frozen"
