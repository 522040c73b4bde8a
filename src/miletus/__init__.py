"""Miletus: an exchange for options, futures and perpetuals that runs as its own rollup.

Set ``MILETUS_INTERPRETED=1`` before the first import to run the machine's Python source although a
compiled build of it lies beside it; both must give the same cells for the same words.
"""

import os

from miletus._interpreted import BuildKind, build_kind, prefer_sources

__version__ = "0.1.0"

if os.environ.get("MILETUS_INTERPRETED", "") not in ("", "0"):
    prefer_sources()

__all__ = ["BuildKind", "__version__", "build_kind"]
