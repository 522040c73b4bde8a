"""What the sequencer tells its operator. A log that can't be written must not stop what can go on."""

import time
from contextlib import suppress
from typing import Any, Final

import structlog

REPEAT_SECONDS: Final = 5.0
"""The same warning is told again after so long, not sooner: a full disk would repeat it for every group."""

_logger = structlog.get_logger("miletus.sequencer")
_told: dict[str, float] = {}


def warn(event: str, **fields: Any) -> None:
    """Tell the operator of something, such as a full disk, on which these lines may lie too."""
    now = time.monotonic()
    if now - _told.get(event, -REPEAT_SECONDS) < REPEAT_SECONDS:
        return
    _told[event] = now
    with suppress(OSError):
        _logger.warning(event, **fields)


def tell_failure(event: str, error: BaseException) -> None:
    """Tell of an error that nobody foresaw, with its traceback."""
    with suppress(OSError):
        _logger.error(event, exc_info=error)
