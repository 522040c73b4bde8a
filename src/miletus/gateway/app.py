"""The server: HTTP and WebSocket on one port.

uvicorn carries HTTP; a connection that asks for an upgrade is handed to picows, which carries twice as many
messages as the WebSocket protocols that uvicorn has (docs/adr/0060-gateway.md).
"""

import asyncio
import base64
import binascii
import contextlib
import logging
import resource
import socket
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, Final

import uvicorn
from picows import WSAutoPingStrategy, WSUpgradeRequest, WSUpgradeResponse, WSUpgradeResponseWithListener
from picows.picows import WSProtocol  # type: ignore[attr-defined]
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from miletus.gateway import rpc
from miletus.gateway.access import Grant, parse_authorization, require_fields
from miletus.gateway.errors import RpcError, make_error
from miletus.gateway.gateway import Gateway
from miletus.gateway.guard import Guard
from miletus.gateway.page import Page
from miletus.gateway.sessions import Session, WebSocketSession

WEBSOCKET_PATHS: Final = ("/ws/api/v2", "/ws/api/v2/")

JSON: Final = {"content-type": "application/json"}

HANDSHAKE_SECONDS: Final = 5.0
PING_SECONDS: Final = 30.0
READ_BUFFER_BYTES: Final = 4_096

SPARE_FILES: Final = 256
"""Files that a gateway opens beside its connections."""

_logger: Final = logging.getLogger("picows.server")
_logger.setLevel(logging.ERROR)


class BodyTooLong(Exception):
    """A body is longer than the limit."""


class HttpApi:
    """The methods over HTTP: GET with a query, POST with JSON."""

    def __init__(self, gateway: Gateway, guard: Guard) -> None:
        self.gateway = gateway
        self.guard = guard

    async def get(self, request: Request) -> Response:
        """One method by its path."""
        name = f"{request.path_params['scope']}/{request.path_params['name']}"
        us_in = rpc.get_us()
        id: Any = request.query_params.get("id")
        try:
            session = self._open(request, "")
            found = rpc.find_method(name)
            query = {key: value for key, value in request.query_params.items() if key != "id"}
            result = self.gateway.run(session, found, rpc.convert_params(found, query))
        except RpcError as error:
            return respond(rpc.encode_failure(id, error, us_in), ok=False)
        return await self._respond(id, result, us_in)

    async def post(self, request: Request) -> Response:
        """A JSON-RPC request, or the parameters alone where the path names the method."""
        us_in = rpc.get_us()
        id: Any = None
        try:
            body = await read_body(request, self.gateway.limits.body_bytes)
            session = self._open(request, body.decode("utf-8", "replace"))
            parsed = rpc.parse_request(body)
            id = parsed.id
            found = rpc.find_method(parsed.method)
            result = self.gateway.run(session, found, rpc.decode_params(found, parsed.params))
        except RpcError as error:
            id = (error.data or {}).pop("id", id) if id is None else id
            return respond(rpc.encode_failure(id, error, us_in), ok=False)
        except BodyTooLong:
            return Response("the body is too long", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        return await self._respond(id, result, us_in)

    async def _respond(self, id: Any, result: Any, us_in: int) -> Response:
        if asyncio.iscoroutine(result):
            return respond(*await rpc.finish(id, result, us_in))
        return respond(rpc.encode_result(id, result, us_in), ok=True)

    def _open(self, request: Request, body: str) -> Session:
        """A session with what the Authorization header proves."""
        session = self.gateway.make_http_session()
        header = request.headers.get("authorization")
        if header is not None:
            session.grant = self._authorize(header, request, body)
        return session

    def _authorize(self, header: str, request: Request, body: str) -> Grant:
        access = self.gateway.access
        scheme, fields = parse_authorization(header)
        if scheme == "bearer":
            return access.find(fields["value"])
        if scheme == "basic":
            try:
                text = base64.b64decode(fields["value"], validate=True).decode()
            except (binascii.Error, ValueError):
                raise make_error("invalid_credentials", "Basic needs base64 of id:secret") from None
            client_id, _, secret = text.partition(":")
            return access.make_passing(access.check_secret(client_id, secret))
        if scheme == "deri-hmac-sha256":
            client_id, timestamp, nonce, signature = require_fields(fields, "id", "ts", "nonce", "sig")
            path = request.scope.get("raw_path", b"").decode("latin-1") or request.url.path
            query = request.scope["query_string"].decode("latin-1")
            target = f"{path}?{query}" if query else path
            text = f"{timestamp}\n{nonce}\n{request.method}\n{target}\n{body}\n"
            return access.make_passing(access.check_signature(client_id, timestamp, nonce, text, signature))
        raise make_error("invalid_credentials", "authenticate by Bearer, Basic or deri-hmac-sha256")


def respond(body: bytes, ok: bool) -> Response:
    """A response; an error has status 400, as Deribit's have."""
    return Response(body, HTTPStatus.OK if ok else HTTPStatus.BAD_REQUEST, JSON)


async def read_body(request: Request, most_bytes: int) -> bytes:
    """The body of a request. BodyTooLong before it is read to its end."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most_bytes:
            raise BodyTooLong
    return bytes(body)


def make_app(gateway: Gateway, guard: Guard) -> Starlette:
    """The HTTP side as an ASGI application."""
    api = HttpApi(gateway, guard)

    async def health(request: Request) -> Response:
        up = gateway.link.is_up
        told = {
            "status": "ok" if up else "node away",
            "node": up,
            "next_number": gateway.mirror.next_number,
            "batch": gateway.mirror.batch,
            "sessions": len(gateway.sessions),
            "operations_waiting": gateway.link.waiting,
        }
        return JSONResponse(told, HTTPStatus.OK if up else HTTPStatus.SERVICE_UNAVAILABLE)

    routes: list[BaseRoute] = [
        Route("/api/v2/{scope}/{name:path}", api.get, methods=["GET"]),
        Route("/api/v2", api.post, methods=["POST"]),
        Route("/api/v2/{rest:path}", api.post, methods=["POST"]),
        Route("/health", health, methods=["GET"]),
    ]
    page = gateway.settings.page
    if page is not None:
        custody = gateway.settings.custody
        routes.append(Mount("/", Page(page, custody.l1_url if custody is not None else None)))
    app = Starlette(routes=routes)
    if guard.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=sorted(guard.origins),
            allow_methods=["GET", "POST"],
            allow_headers=["authorization", "content-type"],
        )
    app.add_middleware(guard.middleware)  # the last one is asked first
    return app


def make_protocol(gateway: Gateway, guard: Guard) -> type[asyncio.Protocol]:
    """The protocol that takes over a connection which asks for an upgrade."""

    def choose(request: WSUpgradeRequest) -> WebSocketSession | WSUpgradeResponseWithListener:
        headers = {name.lower(): value for name, value in request.headers.items()}
        path = request.path.decode("latin-1").partition("?")[0]
        problem = guard.check(headers.get("host"), headers.get("origin"))
        status = HTTPStatus.FORBIDDEN
        if problem is None and path not in WEBSOCKET_PATHS:
            problem, status = f"no WebSocket here: connect to {WEBSOCKET_PATHS[0]}", HTTPStatus.NOT_FOUND
        if problem is None and len(gateway.sessions) >= gateway.limits.connections:
            problem, status = "too many connections: try again later", HTTPStatus.SERVICE_UNAVAILABLE
        if problem is not None:
            response = WSUpgradeResponse.create_error_response(status, problem.encode())
            return WSUpgradeResponseWithListener(response, None)
        return WebSocketSession(gateway)

    class Protocol(WSProtocol):  # type: ignore[misc]
        """picows' protocol, made and fed as uvicorn makes and feeds its own."""

        def __init__(self, config: Any, server_state: Any, app_state: Any) -> None:
            super().__init__(
                None,
                None,
                False,
                choose,
                _logger,
                True,
                HANDSHAKE_SECONDS,
                True,
                PING_SECONDS,
                PING_SECONDS,
                WSAutoPingStrategy.PING_WHEN_IDLE,
                True,
                gateway.limits.frame_bytes,
                None,
                READ_BUFFER_BYTES,
            )

        def data_received(self, data: bytes) -> None:
            """The bytes that uvicorn has read already: the request, and what came right after it."""
            while data:
                buffer = self.get_buffer(len(data))
                count = min(len(buffer), len(data))
                buffer[:count] = data[:count]
                self.buffer_updated(count)
                data = data[count:]

    return Protocol


class _Server(uvicorn.Server):
    """uvicorn's server without its handling of signals, which are the command's."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield


def raise_file_limit(connections: int) -> None:
    """Let this process open as many files as its connections need, as far as the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + SPARE_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


class GatewayServer:
    """A gateway that listens. `port` is known after `start`."""

    def __init__(self, gateway: Gateway, host: str = "127.0.0.1", port: int = 0) -> None:
        self.gateway = gateway
        self.host = host
        self.port = port
        guard = Guard(host, gateway.settings.hosts, gateway.settings.origins)
        config = uvicorn.Config(
            make_app(gateway, guard),
            host=host,
            port=port,
            ws=make_protocol(gateway, guard),
            http="httptools",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            limit_concurrency=gateway.limits.connections,
            backlog=4_096,
            timeout_graceful_shutdown=2,
        )
        self._server = _Server(config)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connect to the node, then listen. OSError if the port is taken."""
        raise_file_limit(self.gateway.limits.connections)
        await self.gateway.start()
        try:
            listening = socket.create_server((self.host, self.port), backlog=4_096)
        except OSError:
            await self.gateway.stop()
            raise
        self.port = listening.getsockname()[1]
        self._task = asyncio.create_task(self._server.serve([listening]))
        while not self._server.started:
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        """End all connections."""
        await self.gateway.stop()
        self._server.should_exit = True
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)
