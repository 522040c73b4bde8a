# pragma version ~=0.4.3
# pragma evm-version cancun
"""
@title Who may carry data to L1
@dev A caller that is the transaction's origin and has no code can only be the sender of the transaction's own
     call, so the call's data is the transaction's input, which every plain RPC hands out. Code includes the
     designator of an EIP-7702 delegation: such an account can be called by anyone within any transaction.
"""


@internal
@view
def _assert_plain_sender():
    """
    @dev 08-R02.
    """
    assert msg.sender == tx.origin, "origin: sender is not the transaction's origin"
    assert msg.sender.codesize == 0, "origin: sender has code"
