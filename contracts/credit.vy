# pragma version ~=0.4.3
# pragma evm-version cancun
"""
@title ETH that the contract owes
@dev Paid when the owner asks for it, so that no receiver can stop a batch from becoming final.
"""

event CreditPaid:
    owner: indexed(address)
    amount_wei: uint256


credit_wei: public(HashMap[address, uint256])


@external
@nonreentrant
def withdraw_credit():
    """
    @notice Pays the sender what he is owed.
    """
    amount_wei: uint256 = self.credit_wei[msg.sender]
    assert amount_wei > 0, "credit: nothing is owed to the sender"
    self.credit_wei[msg.sender] = 0
    log CreditPaid(owner=msg.sender, amount_wei=amount_wei)
    paid: bool = raw_call(msg.sender, b"", value=amount_wei, revert_on_failure=False)
    assert paid, "credit: the sender refused the payment"


@internal
def _add(owner: address, amount_wei: uint256):
    self.credit_wei[owner] += amount_wei


@internal
def _charge(owner: address, sent_wei: uint256, due_wei: uint256):
    """
    @dev Takes what is due from what was sent, and the difference from or into the owner's credit.
    """
    if sent_wei < due_wei:
        missing_wei: uint256 = due_wei - sent_wei
        assert self.credit_wei[owner] >= missing_wei, "credit: less than the bond was sent"
        self.credit_wei[owner] -= missing_wei
    elif sent_wei > due_wei:
        self.credit_wei[owner] += sent_wei - due_wei
