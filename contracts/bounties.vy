# pragma version ~=0.4.3
# pragma evm-version cancun
"""
@title Bounties on batches
@dev Anyone offers ETH to have a batch final before its window. It goes to those who proved the batch and the ancestors
     that were not final when the first of it was offered, if the batch was made final in time; else it goes back.
"""

struct Bounty:
    amount_wei: uint256
    number: uint256
    first: uint256
    settled: bool


event BountyOffered:
    id: indexed(bytes32)
    number: indexed(uint256)
    sender: indexed(address)
    amount_wei: uint256
    total_wei: uint256


event BountySettled:
    id: indexed(bytes32)
    number: indexed(uint256)
    first: uint256
    amount_wei: uint256


event BountyReturned:
    id: indexed(bytes32)
    sender: indexed(address)
    amount_wei: uint256


bounties: HashMap[bytes32, Bounty]
offers: HashMap[bytes32, HashMap[address, uint256]]


@external
@view
def get_bounty(id: bytes32) -> Bounty:
    """
    @notice What was offered for a batch.
    """
    return self.bounties[id]


@external
@view
def get_offer(id: bytes32, sender: address) -> uint256:
    """
    @notice What one sender offered and did not get back.
    """
    return self.offers[id][sender]


@internal
def _add(id: bytes32, number: uint256, first: uint256, sender: address, amount_wei: uint256):
    if self.bounties[id].amount_wei == 0:
        self.bounties[id].number = number
        self.bounties[id].first = first
    self.bounties[id].amount_wei += amount_wei
    self.offers[id][sender] += amount_wei
    log BountyOffered(
        id=id,
        number=number,
        sender=sender,
        amount_wei=amount_wei,
        total_wei=self.bounties[id].amount_wei,
    )


@internal
def _settle(id: bytes32):
    bounty: Bounty = self.bounties[id]
    self.bounties[id].settled = True
    log BountySettled(id=id, number=bounty.number, first=bounty.first, amount_wei=bounty.amount_wei)


@internal
def _take_back(id: bytes32, sender: address) -> uint256:
    amount_wei: uint256 = self.offers[id][sender]
    assert amount_wei > 0, "bounties: nothing of the sender is there"
    self.offers[id][sender] = 0
    self.bounties[id].amount_wei -= amount_wei
    log BountyReturned(id=id, sender=sender, amount_wei=amount_wei)
    return amount_wei
