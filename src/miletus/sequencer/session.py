"""One connection to a node: reads requests, writes responses, and ends when its client misbehaves."""

import asyncio
import time
from typing import TYPE_CHECKING, cast

import msgspec

from miletus.engine.reasons import Reason
from miletus.sequencer import protocol as p
from miletus.sequencer.answers import Answer
from miletus.sequencer.errors import Refused, SequencerError
from miletus.sequencer.feed import InboxEntry
from miletus.sequencer.pipeline import Outcome
from miletus.sequencer.query import view_account, view_book, view_instrument, view_underlying
from miletus.sequencer.telling import warn

if TYPE_CHECKING:
    from miletus.sequencer.server import Server

MOST_DEPTH = 1_000
"""Orders of a side of a book that one request shows."""


class Submission:
    """A Submit that is being carried out: outcomes come one by one and are sent together."""

    __slots__ = ("id", "left", "outcomes", "session")

    def __init__(self, session: "Session", request: int, count: int) -> None:
        self.session = session
        self.id = request
        self.left = count
        self.outcomes: list[Outcome | None] = [None] * count

    def tell(self, place: int, outcome: Outcome) -> None:
        """Take the outcome of one operation."""
        self.outcomes[place] = outcome
        self.left -= 1
        self.session.release(1)
        if not self.left:
            self.session.send_outcomes(self.id, [outcome for outcome in self.outcomes if outcome is not None])


class Session(asyncio.Protocol):
    """The node's side of a connection; `operator` may do more."""

    def __init__(self, server: "Server", operator: bool) -> None:
        self.server = server
        self.operator = operator
        self.decoder: msgspec.msgpack.Decoder[p.OperatorRequest | p.ClientRequest]
        self.decoder = p.operator_decoder if operator else p.client_decoder
        self.buffer = bytearray()
        self.in_flight = 0
        self.bad_signatures = 0
        self.next_number: int | None = None
        self._inside_since: float | None = None
        self._paused = False
        self._full = False
        self._closing = False

    # ---- asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, or say that there are too many."""
        # uvloop's transports are no subclasses of asyncio's
        self.transport = cast("asyncio.Transport", transport)
        limits = self.server.limits
        self.transport.set_write_buffer_limits(high=limits.buffer_bytes // 4)
        if len(self.server.sessions) >= limits.connections and not self.operator:
            self.fail(0, f"{limits.connections} connections are open already: try again later")
            return
        self.server.sessions.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        """Forget the connection."""
        self._closing = True
        self.server.sessions.discard(self)
        self.server.subscribers.discard(self)

    def data_received(self, data: bytes) -> None:
        """Carry out the requests that are whole now."""
        if self._closing:
            return
        self.buffer += data
        try:
            for frame in p.split_frames(self.buffer, self.server.limits.frame_bytes):
                self.handle(self.decoder.decode(frame))
        except p.FrameError as error:
            self.fail(0, str(error))
        except msgspec.DecodeError as error:
            self.fail(0, f"no request that this socket takes: {error}: see sequencer/protocol.py")
        self._inside_since = (self._inside_since or time.monotonic()) if self.buffer else None

    def pause_writing(self) -> None:
        """The client reads slowly: the feed waits."""
        self._full = True

    def resume_writing(self) -> None:
        """The client has caught up: the feed goes on."""
        self._full = False
        self.pump()

    # ---- requests

    def handle(self, request: p.OperatorRequest) -> None:
        """Carry out one request."""
        match request:
            case p.Submit():
                self.submit(request)
            case p.SubmitBundle(id, words):
                self.take(1)
                self.server.pipeline.put_bundle(words, lambda outcomes: self.answer(id, outcomes))
            case p.SubmitSettle(id, word):
                self.take(1)
                self.server.pipeline.put_settle(word, lambda outcomes: self.answer(id, outcomes))
            case p.Subscribe(id, from_number):
                self.subscribe(id, from_number)
            case p.OfferInbox(id, entries):
                self.offer_inbox(id, entries)
            case p.CloseBatch(id):
                self.server.pipeline.close_batch()
                self.send(p.Done(id, self.server.node.next_number))
            case _:
                self.look(request)

    def look(self, request: p.OperatorRequest) -> None:
        """Answer a question about the state."""
        state = self.server.node.machine.state
        match request:
            case p.GetStatus(id):
                self.send(self.build_status(id))
            case p.GetAccount(id, account):
                self.send(p.Found(id, account=view_account(state, account)))
            case p.GetInstrument(id, instrument):
                self.send(p.Found(id, instrument=view_instrument(state, instrument)))
            case p.GetUnderlying(id, underlying):
                self.send(p.Found(id, underlying=view_underlying(state, underlying)))
            case p.GetBook(id, instrument, depth):
                most = max(0, min(depth, MOST_DEPTH))
                self.send(p.Book(id, *(view_book(state, instrument, side, most) for side in (0, 1))))
            case p.GetConfirmations(id, number):
                self.find_confirmations(id, number)
            case p.GetState(id):
                self.server.hand_over(self, id)
            case p.GetStatePart(id, number, part):
                self.find_part(id, number, part)

    def submit(self, request: p.Submit) -> None:
        """Hand each operation over; one Submitted tells of all."""
        count = len(request.operations)
        if not count:
            self.send(p.Submitted(request.id, ()))
            return
        self.take(count)
        submission = Submission(self, request.id, count)
        put = self.server.pipeline.put
        for place, words in enumerate(request.operations):
            put(words, lambda outcome, place=place: submission.tell(place, outcome))  # type: ignore[misc]

    def subscribe(self, id: int, from_number: int) -> None:
        """Send every group from a number on."""
        node, history = self.server.node, self.server.history
        number = from_number or next_group(self.server)
        oldest = self.server.get_oldest()
        if number < oldest:
            self.send(
                p.Failure(id, f"the oldest group in memory begins at {oldest}: read older ones from L1")
            )
            return
        if number not in history and number < next_group(self.server):
            number = max(first for first in history if first <= number)
        if number > node.next_number:
            self.send(p.Failure(id, f"number {number} was not given yet; the next is {node.next_number}"))
            return
        self.next_number = number
        self.server.subscribers.add(self)
        self.send(p.Done(id, number))
        self.pump()

    def find_part(self, id: int, number: int, part: int) -> None:
        """Send a part of a state."""
        body = self.server.handovers.get_part(number, part)
        if body is None:
            self.send(
                p.Failure(id, f"the state at {number} has no part {part} or is forgotten: ask for a new one")
            )
        else:
            self.send(p.StatePart(id, body))

    def find_confirmations(self, id: int, number: int) -> None:
        """Send the confirmations of a number that was confirmed, as they were."""
        if number >= next_group(self.server):
            self.send(p.Failure(id, f"number {number} is not confirmed yet"))
            return
        try:
            self.send(p.Confirmed(id, tuple(self.server.node.get_confirmations(number))))
        except (IndexError, SequencerError) as error:
            self.send(p.Failure(id, str(error)))

    def offer_inbox(self, id: int, entries: tuple[InboxEntry, ...]) -> None:
        """Take entries of L1's inbox from the operator."""
        try:
            self.server.node.offer_inbox(entries)
            self.send(p.Done(id, self.server.node.next_number))
        except ValueError as error:
            self.send(p.Failure(id, str(error)))

    def build_status(self, id: int) -> p.Status:
        """Where the node stands."""
        node = self.server.node
        return p.Status(
            id,
            node.epoch,
            node.next_number,
            node.clock_ms,
            node.last_batch,
            node.last_root,
            node.open_batch,
            node.segments_without_root,
            node.inbox_next,
            len(node.inbox),
            node.signer.address,
            node.deployment.chain_id,
            node.deployment.rollup,
            len(self.server.sessions),
            self.server.pipeline.waiting,
        )

    # ---- responses

    def answer(self, id: int, outcomes: list[Outcome]) -> None:
        """Answer a bundle or a Settle: an outcome for each of its operations."""
        self.release(1)
        self.send_outcomes(id, outcomes)

    def send_outcomes(self, id: int, outcomes: list[Outcome]) -> None:
        """Answer operations."""
        told: list[p.Accepted | p.Declined] = []
        for outcome in outcomes:
            if isinstance(outcome, Answer):
                told.append(p.Accepted(outcome))
            else:
                reason = outcome.reason if isinstance(outcome, Refused) else None
                self.bad_signatures += reason is Reason.BAD_SIGNATURE
                told.append(p.Declined(str(outcome), None if reason is None else int(reason)))
        self.send(p.Submitted(id, tuple(told)))
        if self.bad_signatures >= self.server.limits.bad_signatures:
            self.fail(
                0, f"{self.bad_signatures} bad signatures: check key, chain id and rollup, then connect again"
            )

    def send(self, message: p.Response) -> None:
        """Write a message; end the connection of a client that reads nothing."""
        self.write(p.encode_frame(message))

    def write(self, frame: bytes) -> None:
        """Write a frame."""
        if self._closing:
            return
        self.transport.write(frame)
        if self.transport.get_write_buffer_size() > self.server.limits.buffer_bytes:
            warn("client reads too slowly, connection ended")
            self._closing = True
            self.transport.abort()

    def pump(self) -> None:
        """Send the subscriber what it has not had, as far as it reads."""
        history = self.server.history
        while self.next_number is not None and not self._full and not self._closing:
            found = history.get(self.next_number)
            if found is None:
                if self.next_number < self.server.get_oldest():
                    self.fail(0, f"too slow: group {self.next_number} is forgotten, subscribe anew")
                return
            self.next_number = found[0]
            self.write(found[1])

    def fail(self, id: int, message: str) -> None:
        """Say why, and end the connection."""
        self.send(p.Failure(id, message))
        self.finish()

    def finish(self) -> None:
        """End the connection after what was written."""
        self._closing = True
        self.transport.close()

    # ---- limits

    def take(self, count: int) -> None:
        """Count operations that wait for their answers; stop reading when there are too many."""
        self.in_flight += count
        if self.in_flight > self.server.limits.in_flight and not self._paused:
            self._paused = True
            self.transport.pause_reading()

    def release(self, count: int) -> None:
        """Count answers."""
        self.in_flight -= count
        if self._paused and self.in_flight <= self.server.limits.in_flight // 2 and not self._closing:
            self._paused = False
            self.transport.resume_reading()

    def check_age(self) -> None:
        """End the connection if it has been inside a frame for too long."""
        limit = self.server.limits.frame_seconds
        if self._inside_since is not None and time.monotonic() - self._inside_since > limit:
            self.fail(0, f"a frame was not finished within {limit:g} seconds")


def next_group(server: "Server") -> int:
    """Number of the next group that will be told."""
    if not server.history:
        return server.node.next_number
    return server.history[next(reversed(server.history))][0]
