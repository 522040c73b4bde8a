# pragma version ~=0.4.3
# pragma evm-version cancun
"""
@title A token that misbehaves in one of the ways that tokens are known for
"""

flag Mode:
    HONEST
    KEEPS_FEE
    MOVES_NOTHING
    SAYS_NO
    CALLS_BACK


decimals: public(uint8)
mode: public(Mode)
target: public(address)
data: Bytes[1024]
balanceOf: public(HashMap[address, uint256])


@deploy
def __init__(decimals_: uint8):
    self.decimals = decimals_
    self.mode = Mode.HONEST


@external
def set_mode(mode: Mode):
    self.mode = mode


@external
def set_call(target: address, data: Bytes[1024]):
    self.target = target
    self.data = data


@external
def mint(owner: address, amount: uint256):
    self.balanceOf[owner] += amount


@external
def approve(spender: address, amount: uint256) -> bool:
    return True


@external
def transfer(receiver: address, amount: uint256) -> bool:
    return self._move(msg.sender, receiver, amount)


@external
def transferFrom(owner: address, receiver: address, amount: uint256) -> bool:
    return self._move(owner, receiver, amount)


@internal
def _move(owner: address, receiver: address, amount: uint256) -> bool:
    if self.mode == Mode.SAYS_NO:
        return False
    if self.mode == Mode.MOVES_NOTHING:
        return True
    if self.mode == Mode.CALLS_BACK:
        raw_call(self.target, self.data)
    self.balanceOf[owner] -= amount
    received: uint256 = amount
    if self.mode == Mode.KEEPS_FEE:
        received -= amount // 100
    self.balanceOf[receiver] += received
    return True
