"""Garbage, floods and other sites' pages: each is refused with a code, and everybody else is served."""

import asyncio
import json
import resource
import socket
import string
import time
from typing import Any, get_type_hints

import httpx
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miletus.gateway.rpc import METHODS, UNSUPPORTED
from miletus.gateway.service import methods
from tests.gateway.client import ApiError, Client, connect, run
from tests.gateway.running import Market
from tests.gateway.world import NAMES

assert methods

GARBAGE = [
    b"",
    b"{",
    b"\xff\xfe\x00",
    b"null",
    b"[]",
    b"42",
    b'"x"',
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b'{"jsonrpc":"2.0","id":1,"method":"public/test","params":' + b"[" * 5_000 + b"]" * 5_000 + b"}",
    b'{"jsonrpc":"2.0","id":1}',
    b'{"jsonrpc":"2.0","id":1,"method":5}',
    b'{"jsonrpc":"2.0","id":1,"method":"public/ticker","params":[1]}',
    b'{"jsonrpc":"2.0","id":1,"method":"public/ticker","params":null}',
    b'{"jsonrpc":"2.0","id":{},"method":"public/test"}',
    b'{"jsonrpc":"2.0","id":1,"method":"no/such","params":{}}',
    b'{"jsonrpc":"2.0","id":1,"method":"private/../public/test","params":{}}',
    b'{"jsonrpc":"2.0","id":1,"method":"__class__","params":{}}',
    b'{"jsonrpc":"2.0","id":1,"method":"private/buy","params":{"instrument_name":"BTC_USDC-PERPETUAL"}}',
]


@pytest.mark.parametrize("body", GARBAGE, ids=range(len(GARBAGE)))
def test_garbage_is_an_error_with_a_code(market: Market, body: bytes) -> None:
    response = httpx.post(f"{market.url}/api/v2", content=body, timeout=20)
    assert response.status_code == 400
    assert response.json()["error"]["code"] in (-32700, -32600, -32601, -32602, 13009)

    async def play() -> None:
        async with connect(market) as other:
            if body:
                other.send(body)
                told = await asyncio.wait_for(other.others.get(), 10)
                assert told["error"]["code"] in (-32700, -32600, -32601, -32602, 13009)
            assert (await other.call("public/test"))["version"]

    run(play)


def place(**changes: Any) -> dict[str, Any]:
    return {"instrument_name": NAMES[0], "amount": 0.01, "price": 60_000, "type": "limit"} | changes


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"amount": -0.01}, 10021),
        ({"amount": 0}, 10021),
        ({"amount": 0.0005}, 10021),
        ({"amount": 1e12}, 10021),
        ({"amount": "0.01"}, None),
        ({"amount": "x"}, -32602),
        ({"amount": None}, -32602),
        ({"amount": True}, -32602),
        ({"amount": [0.01]}, -32602),
        ({"contracts": 7}, 10021),
        ({"amount": None, "contracts": 1.5}, 10021),
        ({"price": -1}, -32602),
        ({"price": 0}, -32602),
        ({"price": 60_000.1}, 10043),
        ({"price": 60_000.001}, 10043),
        ({"price": 1e300}, 10043),
        ({"price": None}, -32602),
        ({"instrument_name": "BTC_USDC-1JAN99-1-C"}, 13020),
        ({"instrument_name": "nonsense"}, -32602),
        ({"instrument_name": 5}, -32602),
        ({"instrument_name": "x" * 10_000}, -32602),
        ({"type": "stop_limit"}, 10033),
        ({"type": "market_limit"}, 10033),
        ({"time_in_force": "soon"}, -32602),
        ({"label": "x" * 65}, -32602),
        ({"label": 5}, -32602),
        ({"max_show": 0.001}, 10033),
        ({"advanced": "implv"}, 10033),
        ({"mmp": True}, 10033),
        ({"trigger": "mark_price", "trigger_price": 1}, 10033),
        ({"post_only": True, "time_in_force": "fill_or_kill"}, 11047),
        ({"post_only": "perhaps"}, -32602),
        ({"reduce_only": True}, 11030),
        ({"valid_until": 1}, 10040),
        ({"access_token": "stolen"}, 13009),
    ],
)
def test_each_wrong_order_has_its_code(http: Client, changes: dict[str, Any], code: int | None) -> None:
    params = {name: value for name, value in place(**changes).items() if value is not None}
    before = http.call("public/get_order_book", instrument_name=NAMES[0])["change_id"]
    if code is None:
        assert http.call("private/buy", **params)["order"]["order_state"] == "open"
        return
    with pytest.raises(ApiError) as refused:
        http.call("private/buy", **params)
    assert refused.value.code == code, refused.value
    assert http.call("public/get_order_book", instrument_name=NAMES[0])["change_id"] == before
    assert http.call("private/get_open_orders") == []


@pytest.mark.parametrize(
    "text", ["1e999999999", "-1e999999999", "NaN", "Infinity", "1" * 5_000, "0." + "0" * 5_000 + "1"]
)
def test_numbers_of_any_size_are_refused_at_once(http: Client, text: str) -> None:
    for field in ("amount", "price"):
        params = {name: str(value) for name, value in place().items()} | {field: text}
        started = time.monotonic()
        with pytest.raises(ApiError) as refused:
            http.get("private/buy", **params)
        assert refused.value.code in (10021, 10043, -32602, 10002)
        assert time.monotonic() - started < 60  # written out, the number would take hours


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text(string.printable, max_size=20)
    | st.sampled_from([*NAMES, "USDC", "any", "raw", "0x" + "0" * 40]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def list_fields(name: str) -> list[str]:
    return sorted(get_type_hints(METHODS[name].params))


@pytest.mark.parametrize("name", sorted(METHODS))
def test_parameters_of_any_type_are_answered(market: Market, name: str) -> None:
    """Whatever is sent for whichever parameter, the answer is a result or an error of ours, never a crash."""
    client = Client(market, 22)

    @settings(max_examples=12, deadline=None, database=None)
    @given(st.dictionaries(st.sampled_from([*list_fields(name), "unknown"]), VALUES, max_size=6))
    def check(params: dict[str, Any]) -> None:
        params.pop("access_token", None)
        body = {"jsonrpc": "2.0", "id": 1, "method": name, "params": params}
        response = client.http.post("/api/v2", content=msgspec.json.encode(body))
        told = response.json()
        if "error" in told:
            assert told["error"]["code"] != 11094, (params, told)
        else:
            assert "result" in told

    check()
    client.close()


def test_methods_that_are_not_supported_say_so(http: Client) -> None:
    for name, reason in UNSUPPORTED.items():
        with pytest.raises(ApiError) as refused:
            http.call(name)
        assert (refused.value.code, refused.value.message) == (10033, "not_implemented")
        assert refused.value.data["reason"] == f"not supported: {reason}"


def test_a_frame_too_long_ends_its_connection_alone(market: Market) -> None:
    async def play() -> None:
        async with connect(market) as greedy, connect(market) as other:
            greedy.send(b'{"id":1,"method":"public/test","params":{"x":"' + b"a" * (10 << 20) + b'"}}')
            await asyncio.wait_for(greedy.closed.wait(), 20)
            assert (await other.call("public/test"))["version"]

    run(play)
    response = httpx.post(f"{market.url}/api/v2", content=b"a" * (10 << 20), timeout=30)
    assert response.status_code == 413


def test_a_reader_that_reads_nothing_is_let_go(market: Market) -> None:
    """Its buffer is bounded: the gateway ends the connection, and goes on."""

    async def play() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", market.gateway.port, limit=1 << 16)
        raw: socket.socket = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        writer.write(
            b"GET /ws/api/v2 HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        await reader.readuntil(b"\r\n\r\n")
        body = json.dumps(
            {"id": 1, "method": "public/get_instruments", "params": {"currency": "any"}}
        ).encode()
        frame = bytes((0x81, 0x80 | len(body))) + b"\0\0\0\0" + body
        writer.transport.pause_reading()  # type: ignore[attr-defined]

        async def ask() -> None:
            for _ in range(40_000):
                writer.write(frame)
                await asyncio.wait_for(writer.drain(), 20)

        with pytest.raises((ConnectionError, TimeoutError)):
            await ask()
        writer.close()
        async with connect(market) as other:
            assert (await other.call("public/test"))["version"]

    run(play, 90)


@pytest.mark.long
def test_five_thousand_idle_connections_hold_nobody_up(market: Market) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 6_000:
        pytest.skip(f"this machine lets a process open {hard} files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 6_000), hard))

    async def play() -> None:
        managers = [connect(market) for _ in range(5_000)]
        sockets = []
        for at in range(0, len(managers), 100):
            sockets += await asyncio.gather(*(each.__aenter__() for each in managers[at : at + 100]))
        async with connect(market, 16) as other:
            assert (await asyncio.wait_for(other.call("public/test"), 60))["version"]
        assert not [each for each in sockets if each.closed.is_set()]
        await asyncio.gather(*(each.__aexit__(None, None, None) for each in managers))

    run(play, 240)


def test_many_idle_connections_and_floods_hold_nobody_up(market: Market) -> None:
    async def play() -> None:
        idle = [await asyncio.open_connection("127.0.0.1", market.gateway.port) for _ in range(500)]
        async with connect(market, 16) as flooder, connect(market, 17) as other:
            futures = [flooder.start("public/get_time") for _ in range(20_000)]
            assert (await asyncio.wait_for(other.call("public/test"), 60))["version"]
            bodies = await asyncio.wait_for(asyncio.gather(*futures), 300)
            assert all("result" in body for body in bodies)
        for _, writer in idle:
            writer.close()

    run(play)


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:8700"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": ""},
        {"Origin": "http://evil.example"},
        {"Origin": "http://localhost:1"},
        {"Origin": "null"},
        {"Origin": "https://127.0.0.1.evil.example"},
    ],
)
def test_pages_of_other_origins_are_refused(market: Market, headers: dict[str, str]) -> None:
    auth = {"Authorization": "Basic Y2xpZW50LTE2OnNlY3JldC0xNg=="}
    for method, content in (("GET", None), ("POST", b'{"id":1,"method":"private/cancel_all","params":{}}')):
        path = "/api/v2/private/get_positions" if method == "GET" else "/api/v2"
        response = httpx.request(method, market.url + path, headers={**auth, **headers}, content=content)
        assert response.status_code in (400, 403)
        assert "result" not in response.text
    lines = {"Host": f"127.0.0.1:{market.gateway.port}", **headers}
    request = "GET /ws/api/v2 HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    request += "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    request += "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    with socket.create_connection(("127.0.0.1", market.gateway.port), timeout=10) as raw:
        raw.sendall(request.encode())
        assert raw.recv(12) in (b"HTTP/1.1 403", b"HTTP/1.1 400")


def test_the_gateways_own_page_may_call_it(market: Market) -> None:
    response = httpx.get(f"{market.url}/api/v2/public/test", headers={"Origin": market.url})
    assert response.status_code == 200
    named = httpx.get(
        f"{market.url}/api/v2/public/test", headers={"Host": f"localhost:{market.gateway.port}"}
    )
    assert named.status_code == 200


def test_nothing_of_the_keys_leaks(market: Market, http: Client) -> None:
    """No answer, error or page of ours holds a secret."""
    texts = [http.http.post("/api/v2", content=body).text for body in GARBAGE]
    texts += [
        http.http.get(path).text for path in ("/", "/health", "/api/v2", "/api/v2/public/x", "/../keys")
    ]
    assert not [text for text in texts if "secret-" in text]
