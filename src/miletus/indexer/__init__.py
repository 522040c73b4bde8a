"""History in a database: what the machine did, as rows that can be asked for.

Rows come from re-executing confirmed words. They are read from a node's feed (soon) or from L1 alone (by
anyone), and are the same either way, arrival times aside. What L1 takes back, the rows take back.
"""

from miletus.indexer.errors import IndexerError
from miletus.indexer.history import History
from miletus.indexer.views import Page

__all__ = ["History", "IndexerError", "Page"]
