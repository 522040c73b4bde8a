# pragma version ~=0.4.3
# pragma evm-version cancun
"""
@title A token of 6 decimals for development: anyone can mint it
@license Apache-2.0
"""

from ethereum.ercs import IERC20

implements: IERC20

event Transfer:
    sender: indexed(address)
    receiver: indexed(address)
    value: uint256


event Approval:
    owner: indexed(address)
    spender: indexed(address)
    value: uint256


name: public(constant(String[10])) = "Test USDC"
symbol: public(constant(String[5])) = "tUSDC"
decimals: public(constant(uint8)) = 6
totalSupply: public(uint256)
balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])


@external
def mint(owner: address, amount_micros: uint256):
    """
    @notice Makes tokens out of nothing.
    """
    self.totalSupply += amount_micros
    self.balanceOf[owner] += amount_micros
    log Transfer(sender=empty(address), receiver=owner, value=amount_micros)


@external
def approve(spender: address, amount_micros: uint256) -> bool:
    """
    @notice Lets `spender` move tokens of the sender.
    """
    self.allowance[msg.sender][spender] = amount_micros
    log Approval(owner=msg.sender, spender=spender, value=amount_micros)
    return True


@external
def transfer(receiver: address, amount_micros: uint256) -> bool:
    """
    @notice Moves tokens of the sender.
    """
    self._move(msg.sender, receiver, amount_micros)
    return True


@external
def transferFrom(owner: address, receiver: address, amount_micros: uint256) -> bool:
    """
    @notice Moves tokens that the owner lets the sender move.
    """
    assert self.allowance[owner][msg.sender] >= amount_micros, "token: allowance is too small"
    self.allowance[owner][msg.sender] -= amount_micros
    self._move(owner, receiver, amount_micros)
    return True


@internal
def _move(owner: address, receiver: address, amount_micros: uint256):
    assert self.balanceOf[owner] >= amount_micros, "token: balance is too small"
    self.balanceOf[owner] -= amount_micros
    self.balanceOf[receiver] += amount_micros
    log Transfer(sender=owner, receiver=receiver, value=amount_micros)
