"""What can be wrong with words before the machine sees them."""


class CodecError(ValueError):
    """Words of an impossible length, or a value that its field has no room for."""
