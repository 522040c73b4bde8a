# pragma version ~=0.4.3
# pragma evm-version cancun
"""
@title Money for those who proved something
@dev A pot is shared among the payees of paths by the steps of their edges (each counts one more, so that none is for
     nothing). A path may be long, so it is paid from its end backwards, in as many calls as it takes, each payee once.
     What division leaves is burnt: it stays in the contract.
"""

from . import credit
from . import facts

uses: credit
uses: facts

struct Pot:
    amount_wei: uint256
    weight: uint256


event Rewarded:
    pot: indexed(bytes32)
    id: indexed(bytes32)
    payee: indexed(address)
    amount_wei: uint256


AMOUNT_BITS: constant(uint256) = 128
PAID: constant(uint256) = max_value(uint256)

# packed: weight, amount
pots: HashMap[bytes32, uint256]
# by pot and part of a batch: 0 nothing is paid, PAID all is, else the steps of the fact whose edge is paid next
places: HashMap[bytes32, uint256]


@internal
def _fill(pot: bytes32, amount_wei: uint256, weight: uint256):
    self.pots[pot] = weight << AMOUNT_BITS | amount_wei


@internal
@view
def _is_filled(pot: bytes32) -> bool:
    return self.pots[pot] != 0


@internal
def _share(pot: bytes32, id: bytes32, part: uint256, limit: uint256):
    """
    @dev Pays at most `limit` <= 64 edges of the path through a part, from its end backwards.
    """
    packed: uint256 = self.pots[pot]
    amount_wei: uint256 = packed & (2**AMOUNT_BITS - 1)
    weight: uint256 = packed >> AMOUNT_BITS
    place: bytes32 = keccak256(abi_encode(pot, id, part))
    at: uint256 = self.places[place]
    assert at != PAID, "pots: path is paid already"
    for i: uint256 in range(limit, bound=64):
        before: uint256 = 0
        steps: uint256 = at
        payee: address = empty(address)
        if at == 0:
            # there is one: a pot is shared among parts alone that were proved or refuted
            end: facts.End = facts._get_end(id, part)
            before = end.before
            steps = end.steps
            payee = end.payee
        else:
            fact: facts.Fact = facts._get(id, part, at)
            before = fact.before
            payee = fact.payee
        reward_wei: uint256 = amount_wei * (steps - before + 1) // weight
        credit._add(payee, reward_wei)
        log Rewarded(pot=pot, id=id, payee=payee, amount_wei=reward_wei)
        at = before
        if at == 0:
            at = PAID
            break
    self.places[place] = at
