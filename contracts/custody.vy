# pragma version ~=0.4.3
# pragma evm-version cancun
"""
@title Tokens in and out
@dev Every transfer is checked by what it returns (a token that returns nothing is taken at its word) and by what it
     did to the vault's balance, so a token that keeps a fee, or moves less than it says, moves nothing here.
"""

from ethereum.ercs import IERC20

interface Metadata:
    def decimals() -> uint8: view


HELD_LIMIT_MICROS: constant(uint256) = 2**52
DECIMALS: constant(uint8) = 6

token: public(immutable(address))
held_micros: public(uint256)
paid_micros: public(uint256)
exited_micros: public(uint256)


@deploy
def __init__(token_: address):
    assert token_.is_contract, "custody: token has no code"
    assert staticcall Metadata(token_).decimals() == DECIMALS, "custody: token does not have 6 decimals"
    token = token_


@internal
def _take(owner: address, amount_micros: uint256):
    """
    @dev 08-R11.
    """
    self.held_micros += amount_micros
    assert self.held_micros <= HELD_LIMIT_MICROS, "custody: vault is full"
    before: uint256 = staticcall IERC20(token).balanceOf(self)
    moved: bool = extcall IERC20(token).transferFrom(owner, self, amount_micros, default_return_value=True)
    assert moved, "custody: token refused the transfer"
    assert staticcall IERC20(token).balanceOf(self) == before + amount_micros, "custody: token moved another amount"


@internal
def _give(owner: address, amount_micros: uint256):
    """
    @dev To the owner of a withdrawal or of a deposit that nobody consumed.
    """
    # can't fall below zero: callers give only what was taken and not given yet (08-R18)
    self.held_micros -= amount_micros
    before: uint256 = staticcall IERC20(token).balanceOf(self)
    moved: bool = extcall IERC20(token).transfer(owner, amount_micros, default_return_value=True)
    assert moved, "custody: token refused the transfer"
    assert staticcall IERC20(token).balanceOf(self) + amount_micros == before, "custody: token moved another amount"
