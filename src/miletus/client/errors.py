"""What can go wrong in the SDK; every message is one line that says what to do.

ClientError
├── WalletError      a wallet key that can't be used, or a wallet that signs in a way that can't be repeated
└── RequestError     an order or request that can't be said in words: off the grid, too wide, no free slot
"""


class ClientError(Exception):
    """Base of this package's errors."""


class WalletError(ClientError):
    """A wallet's key or signature that can't be used."""


class RequestError(ClientError):
    """A request that can't be made into words of the machine."""
