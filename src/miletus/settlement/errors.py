"""What can go wrong between this machine and L1; every message is one line that says what to do.

SettlementError
├── L1Error               the L1 node
│   ├── L1Unreachable     no answer after every retry: down, too slow, refusing
│   ├── L1Garbled         an answer that is not what JSON-RPC or the method promises
│   ├── L1Inconsistent    it contradicts itself or what it said before
│   └── L1Refused         it answered with an error: code, message, data
│       └── CallReverted  the contract's own reason
├── TransactionError      one of our transactions
│   ├── TransactionReverted
│   ├── NonceTaken        another program spends from the same account
│   └── FeeCapReached
├── ContractMismatch      the address holds another contract, genesis or chain
├── StoreError            a file of ours is damaged, or belongs to another deployment
├── HeldBack              a batch that would not mean on L1 what was confirmed
├── InboxChanged          L1 took back inbox entries that the sequencer consumed
├── Superseded            another batch is on L1 where the sequencer's was meant to be
└── AnvilError            the development chain did not start
"""


class SettlementError(Exception):
    """Base of this package's errors."""


class L1Error(SettlementError):
    """Something about the L1 node."""


class L1Unreachable(L1Error):
    """No answer after every retry."""


class L1Garbled(L1Error):
    """An answer that can't be read."""


class L1Inconsistent(L1Error):
    """The node contradicts itself, or what it said before."""


class L1Refused(L1Error):
    """The node answered a request with an error."""

    def __init__(self, message: str, code: int = 0, data: bytes = b"") -> None:
        super().__init__(message)
        self.code = code
        self.data = data


class CallReverted(L1Refused):
    """A call or an estimate reverted; `reason` is the contract's text, empty when it gave none."""

    def __init__(self, message: str, reason: str, code: int = 3, data: bytes = b"") -> None:
        super().__init__(message, code, data)
        self.reason = reason


class TransactionError(SettlementError):
    """Something about a transaction of ours."""


class TransactionReverted(TransactionError):
    """It was included, and reverted."""


class NonceTaken(TransactionError):
    """Its nonce was used by a transaction that is not ours."""


class FeeCapReached(TransactionError):
    """L1 asks for more than the fee cap allows."""


class ContractMismatch(SettlementError):
    """The contract at the address is not the one that was meant."""


class StoreError(SettlementError):
    """A file that this package keeps can't be used."""


class HeldBack(SettlementError):
    """A batch can't be posted now without changing what was confirmed."""


class InboxChanged(SettlementError):
    """L1's inbox no longer holds what the sequencer consumed."""


class Superseded(SettlementError):
    """Another batch, `number` of the list, is on L1 in the place of one that the sequencer confirmed."""

    def __init__(self, message: str, number: int = 0) -> None:
        super().__init__(message)
        self.number = number


class AnvilError(SettlementError):
    """The development chain can't be started or controlled."""
