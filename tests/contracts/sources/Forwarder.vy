# pragma version ~=0.4.3
# pragma evm-version cancun
"""
@title An account with code: it passes calls on, and takes ETH only while it wants to
"""

wants_ether: public(bool)


@external
@payable
def __default__():
    assert self.wants_ether, "forwarder: no"


@external
def set_wants_ether(wanted: bool):
    self.wants_ether = wanted


@external
@payable
def forward(target: address, data: Bytes[8192]) -> Bytes[32]:
    return raw_call(target, data, value=msg.value, max_outsize=32)
