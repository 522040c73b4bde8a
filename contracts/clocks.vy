# pragma version ~=0.4.3
# pragma evm-version cancun
"""
@title How long an entry of the inbox has waited
@dev 08-R06. While a pending batch holds an entry nobody asks. When the batch is removed the entry waits again, and has
     a time of grace before it is due or freezes the rollup: nobody could have consumed it meanwhile.
"""

from .interfaces import IVault

grace_s: public(immutable(uint256))
vault: immutable(address)

# entries below this were given back by a removal, the last time at `returned_at_s`
returned_end: uint256
returned_at_s: uint256


@deploy
def __init__(vault_: address, grace: uint256):
    vault = vault_
    grace_s = grace


@internal
@view
def _has_waited(entry: uint256, period_s: uint256) -> bool:
    created_at_s: uint256 = (staticcall IVault(vault).get_entry(entry)).created_at_s
    if created_at_s == 0:
        return False
    due_at_s: uint256 = created_at_s + period_s
    if entry < self.returned_end:
        due_at_s = max(due_at_s, self.returned_at_s + grace_s)
    return block.timestamp >= due_at_s


@internal
def _give_back(end: uint256):
    """
    @dev Entries up to `end` wait again. One that an earlier removal gave back may get another time of grace with them.
    """
    self.returned_end = max(end, self.returned_end)
    self.returned_at_s = block.timestamp
