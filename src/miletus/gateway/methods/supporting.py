"""Time, versions and the state of the service."""

from typing import Any

from miletus import __version__
from miletus.gateway.rpc import Call, Params, method


@method("public/get_time")
def get_time(call: Call, params: Params) -> int:
    """The exchange's time in milliseconds."""
    return call.gateway.exchange.now_ms()


class TestParams(Params, kw_only=True):
    """Parameters of public/test."""

    expected_result: str | None = None


@method("public/test")
def test(call: Call, params: TestParams) -> dict[str, str]:
    """Answer, to see that the connection works."""
    if params.expected_result == "exception":
        from miletus.gateway.errors import make_error

        raise make_error("error", "asked for by expected_result")
    return {"version": __version__}


class HelloParams(Params, kw_only=True):
    """Parameters of public/hello."""

    client_name: str = ""
    client_version: str = ""


@method("public/hello")
def hello(call: Call, params: HelloParams) -> dict[str, str]:
    """Introduce a client."""
    return {"version": __version__}


@method("public/status")
def status(call: Call, params: Params) -> dict[str, Any]:
    """Whether trading is locked: it is while the node is away."""
    up = call.gateway.link.is_up
    return {"locked": "false" if up else "true", "locked_indices": [] if up else ["btc_usdc", "eth_usdc"]}


class AnnouncementParams(Params, kw_only=True):
    """Parameters of public/get_announcements."""

    count: int = 5
    start_timestamp: int | None = None


@method("public/get_announcements", note="always empty")
def get_announcements(call: Call, params: AnnouncementParams) -> list[Any]:
    """Announcements, of which there are none."""
    return []
