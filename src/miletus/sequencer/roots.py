"""Roots, batch files and snapshots, made behind the back of intake by one thread.

The machine hands over the pages that a segment changed; hashing them takes longer than executing it. Nothing
that is confirmed waits for a root: it is a function of the words, claimed on L1 only with the batch.
"""

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from miletus.native import Tree
from miletus.sequencer.deferring import fold, read_events, write_events
from miletus.sequencer.errors import SequencerError
from miletus.sequencer.feed import BatchFileError, BatchRecord, BatchStore, SegmentRecord
from miletus.sequencer.snapshot import PAGE_BYTES, Position, SnapshotStore
from miletus.sequencer.telling import tell_failure, warn

RETRY_SECONDS: Final = 1.0
"""How long to wait before a batch file that the disk had no room for is tried again."""

Pages = tuple[Any, Any, Any]
"""Page numbers, page kinds and fields, as `Machine.take_dirty` gives them."""


class ReplayDiffers(SequencerError):
    """A replay of the log gave another result than the batch file that was written before."""


@dataclass
class SegmentJob:
    """A closed segment that has no root yet. The last of a batch has `finish`, which makes its record."""

    pages: Pages
    receipts: bytes
    """Of the segment, still to be folded into the events accumulator."""
    build: Callable[[bytes], SegmentRecord]
    finish: Callable[[tuple[SegmentRecord, ...]], BatchRecord] | None = None
    position: Callable[[bytes], Position] | None = None
    """Set where a snapshot is due."""


@dataclass
class RootKeeper:
    """The tree of one node, and the thread that updates it.

    `on_batch` is called, from that thread, with each batch whose file is written.
    """

    batches: BatchStore
    snapshots: SnapshotStore
    on_batch: Callable[[BatchRecord], None] = lambda batch: None
    tree: Tree = field(default_factory=Tree)
    pages: dict[int, bytes] = field(default_factory=dict)
    failure: BaseException | None = None
    last_batch: int = 0
    last_root: bytes = b""
    events: int = 0
    """The events accumulator after the last segment that has its root."""

    def __post_init__(self) -> None:
        self._jobs: queue.SimpleQueue[SegmentJob | None] = queue.SimpleQueue()
        self._segments: list[SegmentRecord] = []
        self._idle = threading.Condition()
        self._waiting = 0
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="roots", daemon=True)
        self._thread.start()

    def load(self, pages: Pages, batch: int = 0) -> bytes:
        """Take up the pages of the state after a batch, before any job; its root."""
        self._remember(pages)
        self.events = read_events(pages[0], pages[2])
        self.last_batch, self.last_root = batch, self.tree.update(*pages)
        return self.last_root

    def reset(self) -> None:
        """Forget what `load` took up."""
        self.tree = Tree()
        self.pages.clear()

    def put(self, job: SegmentJob) -> None:
        """Hand over a closed segment. Raises what a job before it failed with."""
        self.require_healthy()
        with self._idle:
            self._waiting += 1
        self._jobs.put(job)

    @property
    def waiting(self) -> int:
        """Segments that have no root yet."""
        return self._waiting

    def wait(self, timeout_seconds: float | None = None) -> bool:
        """Wait until every segment handed over has its root; False if that takes longer."""
        with self._idle:
            done = self._idle.wait_for(lambda: self._waiting == 0 or self.failure, timeout_seconds)
        self.require_healthy()
        return bool(done)

    def require_healthy(self) -> None:
        """Raise what a job failed with."""
        if self.failure is not None:
            raise self.failure

    def close(self) -> None:
        """Finish the jobs and end the thread."""
        self._stopping = True
        self._jobs.put(None)
        self._thread.join()

    # ---- in the thread

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                if self.failure is None:
                    self._do(job)
            except BaseException as error:
                tell_failure("roots stopped", error)
                self.failure = error
            with self._idle:
                self._waiting -= 1
                self._idle.notify_all()

    def _do(self, job: SegmentJob) -> None:
        self.events = fold(self.events, job.receipts)
        write_events(job.pages[0], job.pages[2], self.events)
        root = self.tree.update(*job.pages, patient=True)
        self._remember(job.pages)
        self._segments.append(job.build(root))
        if job.finish is None:
            return
        batch = job.finish(tuple(self._segments))
        self._segments = []
        self._write_batch(batch)
        self.last_batch, self.last_root = batch.number, root
        self.on_batch(batch)
        if job.position is not None:
            try:
                self.snapshots.put(job.position(root), self.pages)
            except OSError as error:
                warn("no snapshot", error=str(error))

    def _write_batch(self, batch: BatchRecord) -> None:
        """Write a batch file, or compare it with the one that is there; a full disk is waited out."""
        try:
            before = self.batches.get_batch(batch.number)
        except BatchFileError as error:
            warn("batch file written again", error=str(error))
            before = None
        if before is not None:
            if before != batch:
                raise ReplayDiffers(
                    f"{self.batches.get_path(batch.number)}: the log gives another batch; the machine is of "
                    "another version than the one that wrote it: go on with that one"
                )
            return
        while True:
            try:
                self.batches.put_batch(batch)
                return
            except OSError as error:
                warn("batch file not written", number=batch.number, error=str(error))
                if self._stopping:
                    return
                time.sleep(RETRY_SECONDS)

    def _remember(self, pages: Pages) -> None:
        """Keep the pages that a snapshot would hold."""
        numbers, _kinds, fields = pages
        raw = memoryview(fields).cast("B")
        for place, number in enumerate(memoryview(numbers).tolist()):
            self.pages[number] = bytes(raw[place * PAGE_BYTES : (place + 1) * PAGE_BYTES])
