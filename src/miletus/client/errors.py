"""What can go wrong in the SDK; every message is one line that says what to do.

ClientError
├── WalletError      a wallet key that can't be used, or a wallet that signs in a way that can't be repeated
├── RequestError     an order or request that can't be said in words: off the grid, too wide, no free slot
├── OrderRefused     the exchange refused an operation; `reason` says why, `number` where, if it was ordered
├── AnswerLost       an operation was ordered and its answer never came: look at the account
├── NotYet           an account that is not on the exchange yet: L1 has its deposit, or nobody made one
├── FeedLost         a stream can't go on without a gap: begin it anew
└── Unreachable      no node answers, for longer than the SDK tries
"""

from miletus.engine.reasons import Reason


class ClientError(Exception):
    """Base of this package's errors."""


class WalletError(ClientError):
    """A wallet's key or signature that can't be used."""


class RequestError(ClientError):
    """A request that can't be made into words of the machine."""


class OrderRefused(ClientError):
    """The exchange refused an operation.

    Attributes:
        reason: the machine's, None where the node had one of its own (too many operations, a full disk).
        number: the operation's number, None if it was refused before it was ordered.

    """

    def __init__(self, message: str, reason: Reason | None = None, number: int | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.number = number


class AnswerLost(ClientError):
    """The connection ended between an operation and its answer, and the operation was ordered."""


class NotYet(ClientError):
    """An account or its key is not on the exchange; what L1 has of it needs some blocks."""


class FeedLost(ClientError):
    """The node does not remember what comes next of a stream."""


class Unreachable(ClientError):
    """No node answers."""
