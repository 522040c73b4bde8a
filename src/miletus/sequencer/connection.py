"""A client's side of the network front.

    async with await connect("127.0.0.1", port) as node:
        outcomes = await node.submit([words, ...])     # Answer or Refused for each
        account = await node.get_account(16)
        async for group in node.subscribe(0): ...

Requests are pipelined: any number may wait for their responses at once.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, cast

from librt.vecs import vec
from mypy_extensions import i64

from miletus.engine.reasons import Reason
from miletus.sequencer import protocol as p
from miletus.sequencer.answers import Answer, FeedGroup
from miletus.sequencer.confirmations import Confirmation
from miletus.sequencer.errors import Refused, SequencerError
from miletus.sequencer.feed import InboxEntry
from miletus.sequencer.handover import StateHead, unpack_state
from miletus.sequencer.query import AccountView, InstrumentView, UnderlyingView


class ConnectionEnded(SequencerError):
    """The node ended the connection, or is not there. What was not answered may have been ordered or not."""


class Connection(asyncio.Protocol):
    """A connection to a node, made by `connect` or `connect_operator`. For one event loop."""

    def __init__(self) -> None:
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._buffer = bytearray()
        self._groups: asyncio.Queue[FeedGroup | None] = asyncio.Queue()
        self._ended: ConnectionEnded | None = None

    # ---- requests

    async def submit(self, operations: Sequence[bytes]) -> list[Answer | Refused]:
        """Have signed operations ordered; what became of each. ConnectionEnded if no answer comes."""
        response = await self.request(p.Submit(next(self._ids), tuple(operations)))
        return read_outcomes(response)

    async def submit_bundle(self, words: bytes) -> list[Answer | Refused]:
        """Have a bundle of the oracle ordered; what became of each operation, or one Refused for all."""
        return read_outcomes(await self.request(p.SubmitBundle(next(self._ids), words)))

    async def submit_settle(self, word: bytes) -> Answer | Refused:
        """Have a Settle ordered."""
        (outcome,) = read_outcomes(await self.request(p.SubmitSettle(next(self._ids), word)))
        return outcome

    async def get_status(self) -> p.Status:
        """Where the node stands."""
        status: p.Status = await self.request(p.GetStatus(next(self._ids)))
        return status

    async def get_account(self, account: int) -> AccountView | None:
        """View an account; None if it does not exist."""
        found: p.Found = await self.request(p.GetAccount(next(self._ids), account))
        return found.account

    async def get_instrument(self, instrument: int) -> InstrumentView | None:
        """View an instrument; None if nothing is listed under the number."""
        found: p.Found = await self.request(p.GetInstrument(next(self._ids), instrument))
        return found.instrument

    async def get_underlying(self, underlying: int) -> UnderlyingView | None:
        """View an underlying; None if there is none."""
        found: p.Found = await self.request(p.GetUnderlying(next(self._ids), underlying))
        return found.underlying

    async def get_book(self, instrument: int, depth: int = 100) -> p.Book:
        """The first orders of each side of a book."""
        book: p.Book = await self.request(p.GetBook(next(self._ids), instrument, depth))
        return book

    async def get_confirmations(self, number: int) -> list[Confirmation]:
        """The confirmations of the group that holds a number, again."""
        confirmed: p.Confirmed = await self.request(p.GetConfirmations(next(self._ids), number))
        return list(confirmed.confirmations)

    async def offer_inbox(self, entries: Sequence[InboxEntry]) -> None:
        """Operator: hand over entries of L1's inbox, in order."""
        await self.request(p.OfferInbox(next(self._ids), tuple(entries)))

    async def close_batch(self) -> None:
        """Operator: have the open batch closed."""
        await self.request(p.CloseBatch(next(self._ids)))

    async def subscribe(self, from_number: int = 0) -> AsyncIterator[FeedGroup]:
        """Every group from the one that holds a number on, in order, without a gap; 0: from the next one."""
        await self.request(p.Subscribe(next(self._ids), from_number))
        while (group := await self._groups.get()) is not None:
            yield group
        raise self._ended or ConnectionEnded("the connection is closed")

    async def fetch_state(self) -> tuple[StateHead, "vec[i64]", "vec[i64]"]:
        """The state as it is: its head, page numbers and fields. Subscribe from its `next_number` to follow.

        Raises:
            HandoverDamaged: what came is not what the head says.

        """
        state: p.State = await self.request(p.GetState(next(self._ids)))
        parts: list[bytes] = []
        for part in range(state.head.parts):
            got = await self.request(p.GetStatePart(next(self._ids), state.head.next_number, part))
            parts.append(got.body)
        return state.head, *unpack_state(state.head, parts)

    async def request(self, message: Any) -> Any:
        """Send a request and wait for its response. Refused if the node says Failure to it."""
        if self._ended is not None:
            raise self._ended
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[message.id] = future
        self._transport.write(p.encode_frame(message))
        response = await future
        if isinstance(response, p.Failure):
            raise build_refused(response.message, response.reason)
        return response

    async def close(self) -> None:
        """Close the connection. Harmless when it is closed."""
        self._transport.close()
        await asyncio.sleep(0)

    async def __aenter__(self) -> "Connection":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    # ---- asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        # uvloop's transports are no subclasses of asyncio's
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Hand each response to who waits for it."""
        self._buffer += data
        for frame in p.split_frames(self._buffer, 64 * p.MAX_FRAME_BYTES):
            message = p.response_decoder.decode(frame)
            if isinstance(message, p.Told):
                self._groups.put_nowait(message.group)
            elif isinstance(message, p.Failure) and message.id == 0:
                self._end(message.message)
            else:
                future = self._waiting.pop(message.id, None)
                if future is not None and not future.done():
                    future.set_result(message)

    def connection_lost(self, error: Exception | None) -> None:
        """Tell everyone who waits."""
        self._end(f"the node ended the connection ({error or 'closed'}): is it running? connect again")

    def _end(self, message: str) -> None:
        if self._ended is not None:
            return
        self._ended = ConnectionEnded(message)
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(self._ended)
        self._waiting.clear()
        self._groups.put_nowait(None)


async def connect(host: str, port: int) -> Connection:
    """Connect to a node. ConnectionEnded if none listens there."""
    try:
        _, connection = await asyncio.get_running_loop().create_connection(Connection, host, port)
    except OSError as error:
        raise ConnectionEnded(
            f"no node at {host}:{port} ({error.strerror}): start it, or check the port"
        ) from None
    return connection


async def connect_operator(path: Path) -> Connection:
    """Connect to a node's operator socket. ConnectionEnded if none listens there."""
    try:
        _, connection = await asyncio.get_running_loop().create_unix_connection(Connection, str(path))
    except OSError as error:
        raise ConnectionEnded(f"no node at {path} ({error.strerror}): start it, or check the path") from None
    return connection


def read_outcomes(response: p.Submitted) -> list[Answer | Refused]:
    """What became of each operation."""
    return [
        outcome.answer if isinstance(outcome, p.Accepted) else build_refused(outcome.message, outcome.reason)
        for outcome in response.outcomes
    ]


def build_refused(message: str, reason: int | None) -> Refused:
    """The error that the node had."""
    return Refused(message, None if reason is None else Reason(reason))
