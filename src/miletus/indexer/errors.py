"""What can go wrong in the indexer; every message is one line that says what to do."""


class IndexerError(Exception):
    """The database can't be used, is of another deployment, or a question can't be answered."""


class OtherVersion(IndexerError):
    """A database has tables of another version of this program."""
