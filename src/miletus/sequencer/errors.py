"""What can go wrong in the sequencer.

SequencerError
  LogError
    LogDamaged        bytes before the tail are not what was written
    LogFull           no space for more operations; what was confirmed is safe
  SnapshotDamaged     a snapshot is not what was written
  NodeStopped         the disk refused a sync, or the node was closed; restart it
  Refused             an operation did not pass intake
"""

from miletus.engine.reasons import Reason


class SequencerError(Exception):
    """Base of all errors of the sequencer. Each message is one line that says what to do."""


class LogError(SequencerError):
    """The write-ahead log cannot go on."""


class LogDamaged(LogError):
    """Bytes before the log's tail are not what was written. The message names the file and the offset."""


class LogFull(LogError):
    """There is no space for more operations. Nothing that was confirmed is lost; it goes on when there is."""


class SnapshotDamaged(SequencerError):
    """A snapshot is not what was written. The message names the file."""


class NodeStopped(SequencerError):
    """The node takes no operations any more: it was closed, or the disk refused to sync."""


class Refused(SequencerError):
    """An operation did not pass intake, and left no trace in the log.

    `reason` is the machine's reason where the machine would have refused it too, else None.
    """

    def __init__(self, message: str, reason: Reason | None = None) -> None:
        super().__init__(message)
        self.reason = reason
