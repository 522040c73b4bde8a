"""The state of a moment, for those who follow the feed from there on and run the machine themselves.

A follower that began at number 1 would need every word since; this gives it the pages as they are, in parts
that fit a frame, and the number from which it subscribes. What is handed over is confirmed: the pages are
taken when a group is executed, and told when that group is synced, so a follower never knows more than the
node comes back with after a crash.
"""

import asyncio
import hashlib
import time
import zlib
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec
from librt.vecs import vec
from mypy_extensions import i64

from miletus.engine.machine import Machine
from miletus.sequencer.errors import SequencerError

PART_BYTES: Final = 1 << 19
"""Length of a part; it must fit a frame of the network front (09-R17)."""

KEEP_SECONDS: Final = 5.0
"""Whoever asks within so long gets the same pages: taking them holds up the node."""

LEAST_PARTS_SECONDS: Final = 60.0
"""How long the parts of a state can be fetched."""


class HandoverDamaged(SequencerError):
    """Pages that are not what their head says."""


class StateHead(msgspec.Struct, frozen=True, array_like=True):
    """A state: all words before `next_number` of `epoch` are executed, and its batch's inputs are as said.

    `pages` pages of 64 integers lie in `parts` parts; `digest` is blake2b-256 of numbers and fields.
    """

    epoch: int
    next_number: int
    time_bound_ms: int
    clock_floor_ms: int
    pages: int
    parts: int
    digest: bytes


@dataclass(frozen=True)
class Handover:
    """A state in parts."""

    head: StateHead
    parts: tuple[bytes, ...]
    made_at: float


def pack_state(epoch: int, next_number: int, bounds: tuple[int, int], body: bytes) -> Handover:
    """Cut the numbers and fields of pages into parts. It compresses: not for an event loop's thread."""
    packed = zlib.compress(body, 1)
    parts = tuple(packed[at : at + PART_BYTES] for at in range(0, len(packed), PART_BYTES))
    digest = hashlib.blake2b(body, digest_size=32).digest()
    head = StateHead(epoch, next_number, *bounds, len(body) // (65 * 8), len(parts), digest)
    return Handover(head, parts, time.monotonic())


def unpack_state(head: StateHead, parts: list[bytes]) -> tuple["vec[i64]", "vec[i64]"]:
    """Numbers and fields of the pages. HandoverDamaged if the parts are not what the head says."""
    try:
        body = zlib.decompress(b"".join(parts))
    except zlib.error as error:
        raise HandoverDamaged(f"the state's parts can't be read ({error}): ask for it again") from None
    if hashlib.blake2b(body, digest_size=32).digest() != head.digest or len(body) != head.pages * 65 * 8:
        raise HandoverDamaged("the state's parts are not what its head says: ask for it again")
    split = head.pages * 8
    numbers, fields = array("q", body[:split]), array("q", body[split:])
    return vec[i64](numbers.tolist()), vec[i64](fields.tolist())


class HandoverDesk:
    """Gives out states, one made for all who ask at about the same time. For the event loop's thread.

    Args:
        take: gives (epoch, next number, machine) as they are now, between two groups.
        get_confirmed: gives the number before which everything is confirmed.

    """

    def __init__(
        self, take: Callable[[], tuple[int, int, Machine]], get_confirmed: Callable[[], int]
    ) -> None:
        self._take = take
        self._get_confirmed = get_confirmed
        self._current: Handover | None = None
        self._making: asyncio.Task[Handover] | None = None
        self._kept: list[Handover] = []
        self._confirmed = asyncio.Event()

    async def get(self) -> Handover:
        """A state not older than KEEP_SECONDS, once it is confirmed."""
        current = self._current
        if current is None or time.monotonic() - current.made_at > KEEP_SECONDS:
            if self._making is None:
                self._making = asyncio.create_task(self._make())
                self._making.add_done_callback(self._forget_task)
            current = await asyncio.shield(self._making)
        while self._get_confirmed() < current.head.next_number:
            self._confirmed.clear()
            await self._confirmed.wait()
        return current

    def get_part(self, next_number: int, part: int) -> bytes | None:
        """A part of a state that was given out; None if it is forgotten or there is none such."""
        for handover in self._kept:
            if handover.head.next_number == next_number and 0 <= part < len(handover.parts):
                return handover.parts[part]
        return None

    def note_group(self) -> None:
        """A group was confirmed."""
        self._confirmed.set()

    async def _make(self) -> Handover:
        epoch, number, machine = self._take()
        state = machine.state
        bounds = int(state.time_bound_ms), int(state.clock_floor_ms)
        numbers, _, fields = machine.export_pages()
        body = memoryview(numbers).tobytes() + memoryview(fields).tobytes()
        made = await asyncio.to_thread(pack_state, epoch, number, bounds, body)
        now = time.monotonic()
        self._kept = [each for each in self._kept if now - each.made_at < LEAST_PARTS_SECONDS] + [made]
        self._current = made
        return made

    def _forget_task(self, task: "asyncio.Task[Handover]") -> None:
        self._making = None
