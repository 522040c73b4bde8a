"""One line for whatever went wrong, which says what to do, and the number that the command exits with."""

import errno
import sqlite3

from miletus.client import ClientError
from miletus.codec import CodecError
from miletus.indexer.errors import IndexerError
from miletus.market.errors import MarketError
from miletus.native import NativeLibraryError
from miletus.prover import ProverError
from miletus.sequencer.errors import SequencerError
from miletus.settlement.errors import SettlementError

FAILED = 1
"""Exit code of a command that could not do what it was asked."""

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""


class CliError(Exception):
    """A command can't go on; the message is one line that says what to do."""


KNOWN = (
    CliError,
    ClientError,
    CodecError,
    IndexerError,
    MarketError,
    NativeLibraryError,
    ProverError,
    SequencerError,
    SettlementError,
)
"""Errors whose message is already the line for the user."""


def explain(error: BaseException) -> str | None:
    """The line for the user, or None for an error that nobody foresaw and whose traceback is worth more."""
    if isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        return explain(error.exceptions[0])
    if isinstance(error, KNOWN):
        return first_line(error)
    if isinstance(error, sqlite3.Error):
        return f"database of the system: {first_line(error)}; check the disk, or start over with --fresh"
    if isinstance(error, OSError):
        return explain_system(error)
    return None


def explain_system(error: OSError) -> str:
    """The line for an error of the operating system."""
    where = f"{error.filename}: " if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return (
            f"{where}the disk is full: free some space and start again; what was confirmed is in the log "
            "and comes back"
        )
    if error.errno == errno.EADDRINUSE:
        return f"{where}the port is in use: stop what listens there or choose another port"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{where}not allowed: choose a folder that you may write to with --folder"
    if error.errno == errno.ENOENT:
        return f"{where}no such file or program: check the path, or run make setup"
    if isinstance(error, ConnectionError):
        return f"{where}no connection: is the system running? start it with miletus up"
    return f"{where}{error.strerror or error}"


def first_line(error: BaseException) -> str:
    """The message without its line breaks, so that one error is one line."""
    return " ".join(str(error).split()) or type(error).__name__
