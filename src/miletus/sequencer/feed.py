"""What the sequencer hands to those who post, watch or index: closed batches, segment by segment.

A batch is complete in itself: its inputs, its inbox range, the words of every segment in order, and after
each segment the root, the outbox accumulator and the running keccak. Batches lie as files in a directory of
the node (`BatchStore`), so that a batcher may be another process. A batch file appears when the batch is
closed and all its roots are known, whole or not at all; what it says follows from the log alone, so a lost
file is written again, the same, when the node replays its log.

    store = BatchStore(directory / "batches")
    for batch in store.get_batches(first=1):     # batches 1, 2, ... as far as they are closed
        batch.time_s, batch.inbox_first, batch.inbox_count, batch.outbox
        for segment in batch.segments:           # segments[0] is the inbox segment, possibly empty
            segment.words, segment.root, segment.outbox, segment.running_keccak
"""

import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from miletus.engine.segment import INBOX

SUFFIX: Final = ".batch"
MAGIC: Final = b"MILETUSB"


TIME_AHEAD_S: Final = 5
"""How far a Tick may be ahead of its batch's time; spec 08-R04."""

CLOCK_LAG_S: Final = 3_600
"""How far the clock may be behind its batch's time at its end; spec 08-R04."""


def compute_time_bound_ms(time_s: int) -> int:
    """Latest time of a Tick in a batch of this time (08-R04)."""
    return (time_s + TIME_AHEAD_S) * 1_000


def compute_clock_floor_ms(time_s: int) -> int:
    """Least clock after a batch of this time (08-R04)."""
    return max(time_s - CLOCK_LAG_S, 0) * 1_000


class BatchFileError(Exception):
    """A batch file is damaged. The message names the file; removing it makes the node write it again."""


class InboxEntry(msgspec.Struct, frozen=True):
    """One entry of L1's inbox that is old enough to be consumed.

    `index` is its place in L1's queue, from 0 without gap. `words` is what the machine reads
    from an inbox segment: a Deposit (1 word), a SetKey (3), a forced operation (1), or an IndexTick (1) with
    its Approves (3 each).
    """

    index: int
    words: bytes


class Outgoing(msgspec.Struct, frozen=True):
    """A withdrawal of a batch: `owner` is an L1 address as 20 bytes."""

    owner: bytes
    amount_micros: int


class SegmentRecord(msgspec.Struct, frozen=True):
    """A segment that is closed.

    `number` counts the segments of the batch from 0, which is the inbox segment (`source` 0). `first_number`
    is the number of its first word, `end_number` that of its end (09-R01), so it has end_number -
    first_number words of 31 bytes. `root` is the state's root after its end (32 bytes, big-endian; in the
    last segment after the END of the batch, 03-R16), `outbox` the batch's outbox accumulator there (a field
    element), `running_keccak` the chain after its end (09-R08).
    """

    number: int
    source: int
    first_number: int
    end_number: int
    words: bytes
    root: bytes
    outbox: int
    running_keccak: bytes

    @property
    def word_count(self) -> int:
        """Words of the segment."""
        return self.end_number - self.first_number

    @property
    def is_inbox(self) -> bool:
        """Whether it is the batch's inbox segment."""
        return self.source == INBOX


class BatchRecord(msgspec.Struct, frozen=True):
    """A batch that is closed, with all its roots.

    `number` counts from 1 without gap, as the machine does. `first_number` is the number of the batch's
    opening (09-R09), after which its inbox words follow. `time_s` is the batch's time, from which its inputs
    follow (08-R04): it is executed with them already, so it must be committed with this very `time_s`, as
    soon as L1's clock has reached it. `inbox_first` and `inbox_count` name the entries of L1's queue that it
    consumes. The machine's clock stands at `clock_ms` after its end. `outbox` is its withdrawals in order.
    `running_keccak_before` is the chain before the opening. A batch of another proposer, which this node only
    followed (09-R16), is `foreign` and has no numbers: 0 in all of them.
    """

    epoch: int
    number: int
    first_number: int
    time_s: int
    clock_ms: int
    inbox_first: int
    inbox_count: int
    running_keccak_before: bytes
    segments: tuple[SegmentRecord, ...]
    outbox: tuple[Outgoing, ...]
    foreign: bool = False

    @property
    def time_bound_ms(self) -> int:
        """Latest time of a Tick of the batch; spec 08-R04."""
        return compute_time_bound_ms(self.time_s)

    @property
    def clock_floor_ms(self) -> int:
        """Least clock after the batch; spec 08-R04."""
        return compute_clock_floor_ms(self.time_s)

    @property
    def end_number(self) -> int:
        """Number of the end of its last segment, the last number of the batch."""
        return self.segments[-1].end_number


def encode_batch(batch: BatchRecord) -> bytes:
    """Encode a batch; accumulators as 32 bytes, since MessagePack has no wider integers than 64 bits."""
    fields = msgspec.to_builtins(batch, builtin_types=(bytes,))
    for segment in fields["segments"]:
        segment["outbox"] = segment["outbox"].to_bytes(32, "big")
    return msgspec.msgpack.encode(fields)


def decode_batch(body: bytes) -> BatchRecord:
    """Decode what `encode_batch` made."""
    fields = msgspec.msgpack.decode(body)
    for segment in fields["segments"]:
        segment["outbox"] = int.from_bytes(segment["outbox"], "big")
    return msgspec.convert(fields, BatchRecord, builtin_types=(bytes,))


@dataclass(frozen=True)
class BatchStore:
    """The closed batches in a directory, by number. Reading needs no running node."""

    directory: Path

    def get_path(self, number: int) -> Path:
        """Where the batch of this number lies, or would."""
        return self.directory / f"{number:010d}{SUFFIX}"

    def get_last(self) -> int:
        """Number of the last closed batch, 0 when there is none."""
        return max(self.get_numbers(), default=0)

    def get_numbers(self) -> list[int]:
        """Numbers of the batches whose files are there, in order."""
        names = (path.name for path in self.directory.glob(f"*{SUFFIX}"))
        return sorted(int(name.removesuffix(SUFFIX)) for name in names)

    def get_batch(self, number: int) -> BatchRecord | None:
        """Get a closed batch, None if it is not closed yet. BatchFileError if its file is damaged."""
        path = self.get_path(number)
        try:
            raw = path.read_bytes()
        except FileNotFoundError:
            return None
        body = raw[12:]
        if raw[:8] != MAGIC or int.from_bytes(raw[8:12], "big") != zlib.crc32(body):
            raise BatchFileError(f"{path} is damaged: remove it and restart the node, which writes it again")
        return decode_batch(body)

    def get_batches(self, first: int) -> Iterator[BatchRecord]:
        """Closed batches from number `first` on, in order, as far as there are."""
        number = first
        while (batch := self.get_batch(number)) is not None:
            yield batch
            number += 1

    def put_batch(self, batch: BatchRecord) -> None:
        """Write a closed batch, whole or not at all. OSError when there is no space."""
        self.directory.mkdir(parents=True, exist_ok=True)
        body = encode_batch(batch)
        path = self.get_path(batch.number)
        draft = path.with_suffix(".draft")
        with draft.open("wb") as file:
            file.write(MAGIC + zlib.crc32(body).to_bytes(4, "big") + body)
            file.flush()
            os.fdatasync(file.fileno())
        draft.replace(path)
