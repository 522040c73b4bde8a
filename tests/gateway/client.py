"""A bare client of the API: JSON-RPC by HTTP or WebSocket, with nothing between the test and the wire."""

import asyncio
import base64
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from tests.gateway.running import Market


class ApiError(Exception):
    """An error of the API."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(json.dumps(error))
        self.code = error["code"]
        self.message = error["message"]
        self.data = error.get("data") or {}


def unwrap(body: dict[str, Any]) -> Any:
    if "error" in body:
        raise ApiError(body["error"])
    return body["result"]


class Client:
    """Calls methods by POST, as an account."""

    def __init__(self, market: Market, account: int | None = None, **options: Any) -> None:
        headers = {}
        if account is not None:
            text = base64.b64encode(f"client-{account}:secret-{account}".encode()).decode()
            headers["Authorization"] = f"Basic {text}"
        self.http = httpx.Client(base_url=market.url, headers=headers, timeout=30, **options)
        self._ids = itertools.count(1)

    def call(self, method: str, **params: Any) -> Any:
        request = {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": params}
        response = self.http.post("/api/v2", json=request)
        body = response.json()
        assert body["id"] == request["id"], body
        return unwrap(body)

    def get(self, method: str, **params: Any) -> Any:
        return unwrap(self.http.get(f"/api/v2/{method}", params=params).json())

    def close(self) -> None:
        self.http.close()


class Socket(WSListener):
    """A WebSocket connection; notifications by channel in `told`, all else that came in `others`."""

    def __init__(self) -> None:
        super().__init__()
        self.told: dict[str, asyncio.Queue[Any]] = {}
        self.others: asyncio.Queue[Any] = asyncio.Queue()
        self.closed = asyncio.Event()
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._ids = itertools.count(1)

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type != WSMsgType.TEXT:
            if frame.msg_type == WSMsgType.CLOSE:
                self.close_code = frame.get_close_code()
                transport.disconnect()
            return
        body = json.loads(frame.get_payload_as_bytes())
        if body.get("method") == "subscription":
            channel = body["params"]["channel"]
            self.told.setdefault(channel, asyncio.Queue()).put_nowait(body["params"]["data"])
        elif body.get("id") in self._waiting:
            self._waiting.pop(body["id"]).set_result(body)
        else:
            self.others.put_nowait(body)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self.closed.set()
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(ConnectionError("closed"))

    def send(self, text: str | bytes) -> None:
        self.transport.send(WSMsgType.TEXT, text.encode() if isinstance(text, str) else text)

    def start(self, method: str, **params: Any) -> "asyncio.Future[Any]":
        id = next(self._ids)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[id] = future
        self.send(json.dumps({"jsonrpc": "2.0", "id": id, "method": method, "params": params}))
        return future

    async def call(self, method: str, **params: Any) -> Any:
        return unwrap(await asyncio.wait_for(self.start(method, **params), 20))

    async def login(self, account: int, **params: Any) -> Any:
        return await self.call(
            "public/auth",
            grant_type="client_credentials",
            client_id=f"client-{account}",
            client_secret=f"secret-{account}",
            **params,
        )

    async def subscribe(self, *channels: str) -> list[str]:
        result: list[str] = await self.call("private/subscribe", channels=list(channels))
        return result

    async def next(self, channel: str, seconds: float = 10.0) -> Any:
        queue = self.told.setdefault(channel, asyncio.Queue())
        return await asyncio.wait_for(queue.get(), seconds)


@asynccontextmanager
async def connect(market: Market, account: int | None = None) -> AsyncIterator[Socket]:
    """A WebSocket connection, authenticated as an account."""
    transport, listener = await ws_connect(Socket, market.websocket_url)
    assert isinstance(listener, Socket)
    try:
        if account is not None:
            await listener.login(account)
        yield listener
    finally:
        transport.disconnect()


def run(play: Callable[[], Awaitable[None]], seconds: float = 60.0) -> None:
    asyncio.run(asyncio.wait_for(play(), seconds))  # type: ignore[arg-type]
