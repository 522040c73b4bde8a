"""JSON-RPC: from the bytes of a request to those of its response, and the table of methods."""

import contextlib
import inspect
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar, get_type_hints

import msgspec
import structlog

from miletus.gateway.access import Grant
from miletus.gateway.errors import CODES, RpcError, make_error

if TYPE_CHECKING:
    from miletus.gateway.gateway import Gateway
    from miletus.gateway.sessions import Session


class Params(msgspec.Struct, kw_only=True):
    """Parameters of a method; fields that it does not know are passed over, as Deribit does."""

    access_token: str | None = None


@dataclass(slots=True)
class Call:
    """A request that is being carried out."""

    gateway: "Gateway"
    session: "Session"
    given: Grant | None

    @property
    def grant(self) -> Grant:
        """What the caller may do; every private method has it."""
        assert self.given is not None
        return self.given

    @property
    def account(self) -> int:
        """The account of the caller."""
        return self.grant.account


Handler = Callable[[Call, Any], Any]


@dataclass(frozen=True)
class Method:
    """A method of the API: what runs it, and who may call it.

    `area` and `level` are the scope that it needs (level 0: none); `cost` the credits it takes, of the pool
    of matching operations if `is_matching`. `note` says where it differs from Deribit's.
    """

    name: str
    run: Handler
    params: type[Params]
    area: str
    level: int
    is_matching: bool
    websocket_only: bool
    summary: str
    note: str
    decoder: "msgspec.json.Decoder[Any]"


METHODS: Final[dict[str, Method]] = {}
"""Every method that this gateway knows, by name; the reference page is made from it."""

UNSUPPORTED: Final[dict[str, str]] = {}
"""Methods of Deribit that are answered with `not_implemented`, with the reason."""

P = TypeVar("P", bound=Params)


def method(
    name: str, scope: str = "", *, matching: bool = False, websocket_only: bool = False, note: str = ""
) -> Callable[[Callable[[Call, P], Any]], Callable[[Call, P], Any]]:
    """Put a function into the table; `scope` is such as trade:read_write."""

    def register(run: Callable[[Call, P], Any]) -> Callable[[Call, P], Any]:
        area, _, level = scope.partition(":")
        params = next(iter(value for key, value in get_type_hints(run).items() if key == "params"))
        METHODS[name] = Method(
            name,
            run,
            params,
            area,
            {"": 0, "read": 1, "read_write": 2}[level],
            matching,
            websocket_only,
            (inspect.getdoc(run) or "").split("\n\n")[0],
            note,
            msgspec.json.Decoder(params),
        )
        return run

    return register


def unsupported(names: str, reason: str) -> None:
    """Say of methods that they are not supported, and why."""
    UNSUPPORTED.update(dict.fromkeys(names.split(), reason))


# ---- messages


class Request(msgspec.Struct):
    """A request as it comes."""

    method: str
    params: msgspec.Raw = msgspec.Raw(b"{}")
    id: int | str | float | None = None


class _Result(msgspec.Struct):
    jsonrpc: str
    id: int | str | float | None
    result: Any
    usIn: int
    usOut: int
    usDiff: int
    testnet: bool


class _Error(msgspec.Struct, omit_defaults=True):
    code: int
    message: str
    data: dict[str, Any] | None = None


class _Failure(msgspec.Struct):
    jsonrpc: str
    id: int | str | float | None
    error: _Error
    testnet: bool
    usIn: int
    usOut: int
    usDiff: int


class _Anything(msgspec.Struct):
    id: int | str | float | None = None


_encoder: Final = msgspec.json.Encoder(decimal_format="number")
_request: Final = msgspec.json.Decoder(Request)
_anything: Final = msgspec.json.Decoder(_Anything)
_log = structlog.get_logger()


def encode(message: Any) -> bytes:
    """A message as JSON."""
    return _encoder.encode(message)


def get_us() -> int:
    """The machine's time in microseconds, as usIn and usOut have it."""
    return time.time_ns() // 1_000


def encode_result(id: Any, result: Any, us_in: int) -> bytes:
    """The response to a request that was carried out."""
    us_out = get_us()
    return _encoder.encode(_Result("2.0", id, result, us_in, us_out, us_out - us_in, False))


def encode_failure(id: Any, error: RpcError, us_in: int) -> bytes:
    """The response to a request that was not."""
    us_out = get_us()
    body = _Error(error.code, error.message, error.data)
    return _encoder.encode(_Failure("2.0", id, body, False, us_in, us_out, us_out - us_in))


def parse_request(raw: "bytes | memoryview") -> Request:
    """Read a request. RpcError for what is no JSON, or no request; `data.id` is its id, if it has one."""
    try:
        return _request.decode(raw)
    except msgspec.ValidationError as error:
        failure = RpcError(CODES["Invalid Request"], "Invalid Request", {"reason": str(error)})
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RpcError(CODES["Parse error"], "Parse error", {"reason": str(error)[:200]}) from None
    with contextlib.suppress(msgspec.DecodeError, RecursionError):
        failure.data = {"reason": (failure.data or {})["reason"], "id": _anything.decode(raw).id}
    raise failure


def find_method(name: str) -> Method:
    """A method by its name. RpcError for one that is not supported, or none at all."""
    found = METHODS.get(name)
    if found is not None:
        return found
    reason = UNSUPPORTED.get(name)
    if reason is not None:
        raise make_error("not_implemented", f"not supported: {reason}")
    raise make_error("Method not found", "see docs/reference/gateway.md for the methods")


def decode_params(found: Method, raw: msgspec.Raw) -> Params:
    """Parameters of a request from JSON. RpcError names the one that is wrong."""
    try:
        params: Params = found.decoder.decode(raw)
    except msgspec.ValidationError as error:
        raise explain_params(str(error)) from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise make_error("Invalid params", str(error)[:200]) from None
    return params


def convert_params(found: Method, query: dict[str, str]) -> Params:
    """Parameters of a request from a query, where all are text."""
    values: dict[str, Any] = {}
    for name, text in query.items():
        values[name] = text
        if text[:1] in ("[", "{"):
            try:
                values[name] = msgspec.json.decode(text)
            except (msgspec.DecodeError, RecursionError):
                raise make_error("Invalid params", "not JSON", param=name[:64]) from None
    try:
        params: Params = msgspec.convert(values, found.params, strict=False)
    except msgspec.ValidationError as error:
        raise explain_params(str(error)) from None
    return params


def explain_params(message: str) -> RpcError:
    """A decoder's `what - at $.field` as an error about a parameter."""
    what, _, place = message.partition(" - at ")
    if "missing required field" in what:
        return make_error("Invalid params", "value required", param=what.rpartition("field ")[2].strip("`"))
    return make_error("Invalid params", what.replace("`", ""), param=place.strip("`$.") or "params")


async def finish(id: Any, work: Awaitable[Any], us_in: int) -> tuple[bytes, bool]:
    """The response of a method that takes time, and whether it succeeded."""
    try:
        return encode_result(id, await work, us_in), True
    except RpcError as error:
        return encode_failure(id, error, us_in), False
    except Exception:
        _log.exception("a method failed")
        return encode_failure(id, make_error("internal_server_error"), us_in), False
