"""One node a directory."""

import fcntl
import os
from io import TextIOWrapper
from pathlib import Path

from miletus.sequencer.errors import NodeStopped


def lock_directory(directory: Path) -> TextIOWrapper:
    """Hold a node's directory until the returned file is closed; NodeStopped if another process does."""
    file = (directory / "lock").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.seek(0)
        owner = file.read().strip() or "unknown"
        file.close()
        raise NodeStopped(f"{directory}: a node runs here already (process {owner}): stop it first") from None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file
