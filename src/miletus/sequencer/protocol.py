"""What goes over the network: frames of 4 bytes of length and a MessagePack array (09-R17).

Every request has an `id` of the client's choice, and gets exactly one response with that id; a subscription
is followed by `Told` messages. Types are arrays whose first element is the type's name.
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from miletus.sequencer.answers import Answer, FeedGroup
from miletus.sequencer.confirmations import Confirmation
from miletus.sequencer.errors import SequencerError
from miletus.sequencer.feed import InboxEntry
from miletus.sequencer.handover import StateHead
from miletus.sequencer.query import AccountView, InstrumentView, OrderView, UnderlyingView

LENGTH_BYTES: Final = 4
MAX_FRAME_BYTES: Final = 1 << 20
"""Length of a frame, at most."""


class FrameError(SequencerError):
    """A peer sent what is no frame of this protocol."""


class Message(msgspec.Struct, array_like=True, tag=True):
    """Base of all that is sent."""


# ---- requests


class Submit(Message):
    """Order signed operations of clients. Answered by Submitted, in the same order."""

    id: int
    operations: tuple[bytes, ...]


class SubmitBundle(Message):
    """Order the oracle's words (09-R13). Answered by Submitted, for each operation of the bundle."""

    id: int
    words: bytes


class SubmitSettle(Message):
    """Order a Settle. Answered by Submitted."""

    id: int
    word: bytes


class GetStatus(Message):
    """Answered by Status."""

    id: int


class GetAccount(Message):
    """Answered by Found."""

    id: int
    account: int


class GetInstrument(Message):
    """Answered by Found."""

    id: int
    instrument: int


class GetUnderlying(Message):
    """Answered by Found."""

    id: int
    underlying: int


class GetBook(Message):
    """Answered by Book: the first `depth` orders of each side."""

    id: int
    instrument: int
    depth: int


class GetConfirmations(Message):
    """Ask again for the confirmations of the group that holds a number. Answered by Confirmed."""

    id: int
    number: int


class Subscribe(Message):
    """Ask for every group from the one that holds `from_number` on; 0 for the next one. Answered by Done."""

    id: int
    from_number: int


class GetState(Message):
    """Ask for the state as it is, to follow the feed from there. Answered by State."""

    id: int


class GetStatePart(Message):
    """Ask for a part of a state that a State told of. Answered by StatePart."""

    id: int
    next_number: int
    part: int


class OfferInbox(Message):
    """Operator: entries of L1's inbox, in order. Answered by Done."""

    id: int
    entries: tuple[InboxEntry, ...]


class CloseBatch(Message):
    """Operator: close the open batch and wait for its roots. Answered by Done."""

    id: int


# ---- responses


class Failure(Message):
    """A request that could not be carried out. `reason` is the machine's (engine/reasons.py), or None."""

    id: int
    message: str
    reason: int | None = None


class Declined(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """An operation that intake refused, with the line that says what to do."""

    message: str
    reason: int | None


class Accepted(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """An operation that was ordered: its answer."""

    answer: Answer


class Submitted(Message):
    """What became of each operation of a request."""

    id: int
    outcomes: tuple[Accepted | Declined, ...]


class Status(Message):
    """Where the node stands. `root` and `batch` are of the last closed batch; number 0: none yet."""

    id: int
    epoch: int
    next_number: int
    clock_ms: int
    batch: int
    root: bytes
    open_batch: int | None
    segments_without_root: int
    inbox_next: int
    inbox_waiting: int
    sequencer: bytes
    chain_id: int
    rollup: bytes
    connections: int
    operations_waiting: int


class Found(Message):
    """What was asked for, None if there is none."""

    id: int
    account: AccountView | None = None
    instrument: InstrumentView | None = None
    underlying: UnderlyingView | None = None


class Book(Message):
    """Both sides of a book in price-time order."""

    id: int
    bids: tuple[OrderView, ...]
    asks: tuple[OrderView, ...]


class Confirmed(Message):
    """Confirmations of a group, in order."""

    id: int
    confirmations: tuple[Confirmation, ...]


class Done(Message):
    """It is done. `next_number` is where a subscription goes on."""

    id: int
    next_number: int


class State(Message):
    """A state that can be fetched in parts, for a minute (`handover`)."""

    id: int
    head: StateHead


class StatePart(Message):
    """A part of a state."""

    id: int
    body: bytes


class Told(Message):
    """A group that was confirmed, to subscribers."""

    group: FeedGroup


ClientRequest = (
    Submit
    | SubmitBundle
    | SubmitSettle
    | GetStatus
    | GetAccount
    | GetInstrument
    | GetUnderlying
    | GetBook
    | GetConfirmations
    | Subscribe
    | GetState
    | GetStatePart
)
OperatorRequest = ClientRequest | OfferInbox | CloseBatch
Response = Failure | Submitted | Status | Found | Book | Confirmed | Done | State | StatePart | Told

client_decoder: Final = msgspec.msgpack.Decoder(ClientRequest)
operator_decoder: Final = msgspec.msgpack.Decoder(OperatorRequest)
response_decoder: Final = msgspec.msgpack.Decoder(Response)
encoder: Final = msgspec.msgpack.Encoder()


def encode_frame(message: Message) -> bytes:
    """A message as it goes over the network."""
    body = encoder.encode(message)
    return len(body).to_bytes(LENGTH_BYTES, "big") + body


def split_frames(buffer: bytearray, most_bytes: int = MAX_FRAME_BYTES) -> Iterator[bytes]:
    """Take the whole frames off the front of a buffer. FrameError for one that is too long."""
    at = 0
    try:
        while len(buffer) - at >= LENGTH_BYTES:
            size = int.from_bytes(buffer[at : at + LENGTH_BYTES], "big")
            if size > most_bytes:
                raise FrameError(f"a frame of {size} bytes, at most {most_bytes} are taken: send less")
            if len(buffer) - at - LENGTH_BYTES < size:
                break
            at += LENGTH_BYTES + size
            yield bytes(buffer[at - size : at])
    finally:
        del buffer[:at]
