# pragma version ~=0.4.3
# pragma evm-version cancun
"""
@title Accounts and who owns them
@dev Numbers are dense from 16, because a page of the state is computed from an account's number (02-R01). There are
     only so many, so a number has a price.
"""

event AccountRegistered:
    account: indexed(uint256)
    owner: indexed(address)


FIRST_ACCOUNT: constant(uint256) = 16
MAX_ACCOUNTS: constant(uint256) = 262_144

account_fee_wei: public(immutable(uint256))
account_count: public(uint256)
owner_of: public(HashMap[uint256, address])


@deploy
def __init__(fee_wei: uint256):
    account_fee_wei = fee_wei


@internal
def _register(owner: address, value_wei: uint256) -> uint256:
    """
    @dev 08-R14. The price stays in the contract for ever: it is burnt.
    """
    assert value_wei == account_fee_wei, "accounts: value is not the price of an account"
    account: uint256 = FIRST_ACCOUNT + self.account_count
    assert account < MAX_ACCOUNTS, "accounts: no number is left"
    self.account_count += 1
    self.owner_of[account] = owner
    log AccountRegistered(account=account, owner=owner)
    return account


@internal
@view
def _assert_owner(account: uint256, owner: address):
    found: address = self.owner_of[account]
    assert found != empty(address), "accounts: no such account"
    assert found == owner, "accounts: account has another owner"
