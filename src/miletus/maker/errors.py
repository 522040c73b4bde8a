"""What can go wrong in the maker; every message is one line that says what to do."""

from miletus.client.errors import ClientError


class MakerError(ClientError):
    """A configuration that can't be used, or a limit that ends the run."""
