"""Who may call a gateway that listens on loopback: not another site's page, by whatever name it reaches it.

A page of another origin is stopped by its Origin header; one that has its own name resolved to loopback (DNS
rebinding) by the Host header. Programs send no Origin, and the host that they connect to.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]


def parse_host(header: str) -> str:
    """The name in a Host header, without the port."""
    text = header.strip().lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0]


class Guard:
    """Checks where a request comes from and where it was meant to go."""

    def __init__(self, host: str, hosts: frozenset[str], origins: frozenset[str]) -> None:
        self.hosts = LOOPBACK | {host.lower()} | {each.lower() for each in hosts}
        self.origins = frozenset(each.lower().rstrip("/") for each in origins)

    def check(self, host: str | None, origin: str | None) -> str | None:
        """Why a request is refused, None if it is not."""
        if host is None or parse_host(host) not in self.hosts:
            return "this gateway is not called by that name: start it with --allow-host"
        if origin is None:
            return None
        own = origin.lower().partition("://")[2]
        if own == host.strip().lower() or origin.lower().rstrip("/") in self.origins:
            return None
        return "pages of another origin may not call this gateway: start it with --allow-origin"

    def middleware(self, app: Any) -> Any:
        """An ASGI application that lets through only what passes."""

        async def guarded(scope: Any, receive: Receive, send: Send) -> None:
            if scope["type"] == "http":
                headers = {
                    name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
                }
                problem = self.check(headers.get("host"), headers.get("origin"))
                if problem is not None:
                    body = problem.encode()
                    length = str(len(body)).encode()
                    await send(
                        {
                            "type": "http.response.start",
                            "status": 403,
                            "headers": [(b"content-type", b"text/plain"), (b"content-length", length)],
                        }
                    )
                    await send({"type": "http.response.body", "body": body})
                    return
            await app(scope, receive, send)

        return guarded
