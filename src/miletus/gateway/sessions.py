"""Who is connected: a WebSocket connection with its state, or one HTTP request."""

import asyncio
import itertools
import time
from typing import TYPE_CHECKING, Any, Final

from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport

from miletus.gateway import rpc
from miletus.gateway.access import Grant
from miletus.gateway.errors import RpcError, make_error
from miletus.gateway.limits import Pool

if TYPE_CHECKING:
    from miletus.gateway.gateway import Gateway

_ids: Final = itertools.count(1)

LEAST_HEARTBEAT_SECONDS: Final = 10


class Session:
    """What a request belongs to. `grant` is what the connection has authenticated as."""

    is_websocket = False

    def __init__(self, gateway: "Gateway", pool: Pool) -> None:
        self.id = next(_ids)
        self.gateway = gateway
        self.pool = pool
        self.grant: Grant | None = None
        self.cancels_on_disconnect: bool | None = None
        self.placed: set[str] = set()
        """Ids of the orders that this connection placed."""


class WebSocketSession(WSListener, Session):
    """A WebSocket connection."""

    is_websocket = True

    def __init__(self, gateway: "Gateway") -> None:
        WSListener.__init__(self)
        Session.__init__(self, gateway, Pool(gateway.limits.other))
        self.channels: dict[str, Any] = {}
        self.in_flight = 0
        self.heartbeat_seconds = 0
        self.heard_at = time.monotonic()
        self._asked_at: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._fragments = bytearray()
        self._tasks: set[asyncio.Task[None]] = set()
        self._transport: WSTransport | None = None
        self._text = WSMsgType.TEXT

    # ---- picows

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Take the connection."""
        self._transport = transport
        transport.underlying_transport.set_write_buffer_limits(high=self.gateway.limits.buffer_bytes // 4)
        self.gateway.sessions.add(self)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Carry out a request."""
        kind = frame.msg_type
        self.heard_at = time.monotonic()
        if kind == WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code(), frame.get_close_message())
            transport.disconnect()
            return
        if kind not in (WSMsgType.TEXT, WSMsgType.BINARY, WSMsgType.CONTINUATION):
            return
        if frame.fin and not self._fragments:
            self.handle(frame.get_payload_as_memoryview())
            return
        self._fragments += frame.get_payload_as_memoryview()
        if len(self._fragments) > self.gateway.limits.frame_bytes:
            self.end(WSCloseCode.MESSAGE_TOO_BIG, "the message is too long")
        elif frame.fin:
            whole, self._fragments = bytes(self._fragments), bytearray()
            self.handle(whole)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """The connection is gone."""
        if self._timer is not None:
            self._timer.cancel()
        self.gateway.forget(self)

    def pause_writing(self) -> None:
        """The client reads slowly: nothing is done until its buffer is full."""

    def resume_writing(self) -> None:
        """The client has caught up."""

    # ---- messages

    def handle(self, raw: "bytes | memoryview") -> None:
        """Carry out one request, now or as a task."""
        us_in = rpc.get_us()
        try:
            request = rpc.parse_request(raw)
        except RpcError as error:
            id = (error.data or {}).pop("id", None)
            self.send(rpc.encode_failure(id, error, us_in))
            return
        try:
            found = rpc.find_method(request.method)
            result = self.gateway.run(self, found, rpc.decode_params(found, request.params))
        except RpcError as error:
            self.send(rpc.encode_failure(request.id, error, us_in))
            return
        except Exception:
            self.gateway.tell_crash(request.method)
            self.send(rpc.encode_failure(request.id, make_error("internal_server_error"), us_in))
            return
        if not asyncio.iscoroutine(result):
            self.send(rpc.encode_result(request.id, result, us_in))
            return
        if self.in_flight >= self.gateway.limits.in_flight:
            result.close()
            self.send(rpc.encode_failure(request.id, make_error("matching_engine_queue_full"), us_in))
            return
        self.in_flight += 1
        task = asyncio.get_running_loop().create_task(self._finish(request.id, result, us_in))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _finish(self, id: Any, work: Any, us_in: int) -> None:
        try:
            body, _ = await rpc.finish(id, work, us_in)
        finally:
            self.in_flight -= 1
        self.send(body)

    def send(self, body: bytes) -> None:
        """Send a message; end the connection of a client that reads nothing."""
        transport = self._transport
        if transport is None or transport.is_disconnected:
            return
        transport.send(self._text, body)
        if transport.underlying_transport.get_write_buffer_size() > self.gateway.limits.buffer_bytes:
            transport.disconnect(graceful=False)

    def end(self, code: WSCloseCode, reason: str) -> None:
        """End the connection, saying why."""
        transport = self._transport
        if transport is not None and not transport.is_disconnected:
            transport.send_close(code, reason.encode())
            transport.disconnect()

    # ---- heartbeats

    def set_heartbeat(self, seconds: int) -> None:
        """Ask the client for a sign of life at least so often; 0 never."""
        self.heartbeat_seconds = seconds
        self._asked_at = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if seconds:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._beat)

    def _beat(self) -> None:
        now = time.monotonic()
        if self._asked_at is not None and self.heard_at < self._asked_at:
            self.end(WSCloseCode.POLICY_VIOLATION, "no answer to test_request")
            return
        silent = now - self.heard_at >= self.heartbeat_seconds * 0.9
        self._asked_at = now if silent else None
        kind = "test_request" if silent else "heartbeat"
        self.send(rpc.encode({"params": {"type": kind}, "method": "heartbeat", "jsonrpc": "2.0"}))
        self._timer = asyncio.get_running_loop().call_later(self.heartbeat_seconds, self._beat)
