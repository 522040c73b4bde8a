"""Authentication, scopes, heartbeats, and what becomes of orders when a connection is lost."""

import asyncio
import hashlib
import hmac
import time
from typing import Any

import httpx
import pytest

from miletus.gateway.rpc import METHODS
from miletus.gateway.service import methods
from tests.gateway.client import ApiError, Client, connect, run
from tests.gateway.running import Market
from tests.gateway.world import NAMES

assert methods  # importing it fills the table


def sign(secret: str, text: str) -> str:
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def by_signature(
    account: int, nonce: str = "n", timestamp: int | None = None, **changes: Any
) -> dict[str, Any]:
    at = timestamp if timestamp is not None else time.time_ns() // 1_000_000
    fields = {
        "grant_type": "client_signature",
        "client_id": f"client-{account}",
        "timestamp": at,
        "nonce": nonce,
        "data": "",
        "signature": sign(f"secret-{account}", f"{at}\n{nonce}\n"),
    }
    return fields | changes


def test_a_secret_a_signature_and_a_refresh_token_all_give_tokens(market: Market) -> None:
    public = Client(market)
    by_secret = public.call(
        "public/auth", grant_type="client_credentials", client_id="client-16", client_secret="secret-16"
    )
    signed = public.call("public/auth", **by_signature(16, nonce="first"))
    refreshed = public.call(
        "public/auth", grant_type="refresh_token", refresh_token=by_secret["refresh_token"]
    )
    for grant in (signed, refreshed):
        assert grant["token_type"] == "bearer"
        assert "trade:read_write" in grant["scope"]
        assert public.call(
            "private/get_position", instrument_name=NAMES[0], access_token=grant["access_token"]
        )
        headers = {"Authorization": f"Bearer {grant['access_token']}"}
        response = httpx.get(f"{market.url}/api/v2/private/get_positions", headers=headers)
        assert response.status_code == 200
    with pytest.raises(ApiError, match="13009"):  # the refresh took the old token back
        public.call("private/get_positions", access_token=by_secret["access_token"])
    with pytest.raises(ApiError, match="13004"):  # and a refresh token is used up
        public.call("public/auth", grant_type="refresh_token", refresh_token=by_secret["refresh_token"])


@pytest.mark.parametrize(
    "fields",
    [
        {"grant_type": "client_credentials", "client_id": "client-16", "client_secret": "wrong"},
        {"grant_type": "client_credentials", "client_id": "nobody", "client_secret": ""},
        {"grant_type": "client_credentials", "client_id": "", "client_secret": ""},
        {"grant_type": "client_credentials"},
        {"grant_type": "refresh_token", "refresh_token": "made up"},
        by_signature(16, timestamp=1_600_000_000_000),
        by_signature(16, signature="00" * 32),
        by_signature(16, signature="é"),
        by_signature(16, data="other"),
        by_signature(16, client_id="client-17"),
    ],
)
def test_wrong_proofs_are_refused_alike(market: Market, fields: dict[str, Any]) -> None:
    with pytest.raises(ApiError) as refused:
        Client(market).call("public/auth", **fields)
    assert (refused.value.code, refused.value.message) == (13004, "invalid_credentials")


def test_a_signature_counts_once(market: Market) -> None:
    fields = by_signature(16, nonce="once")
    Client(market).call("public/auth", **fields)
    with pytest.raises(ApiError, match="nonce was used"):
        Client(market).call("public/auth", **fields)


def test_a_signed_request_counts_once_and_for_itself_alone(market: Market) -> None:
    path, at = f"/api/v2/private/get_position?instrument_name={NAMES[0]}", str(time.time_ns() // 1_000_000)
    signature = sign("secret-16", f"{at}\nx\nGET\n{path}\n\n")
    headers = {"Authorization": f"deri-hmac-sha256 id=client-16,ts={at},sig={signature},nonce=x"}
    assert httpx.get(market.url + path, headers=headers).status_code == 200
    again = httpx.get(market.url + path, headers=headers)
    assert (again.status_code, again.json()["error"]["code"]) == (400, 13004)
    other = sign("secret-16", f"{at}\ny\nGET\n{path}\n\n")
    headers = {"Authorization": f"deri-hmac-sha256 id=client-16,ts={at},sig={other},nonce=y"}
    elsewhere = httpx.get(f"{market.url}/api/v2/private/cancel_all", headers=headers)
    assert elsewhere.json()["error"]["code"] == 13004


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer x", "Basic !!", "Basic bm8=", "deri-hmac-sha256 id=client-16", "Digest x"],
)
def test_wrong_headers_are_refused(market: Market, header: str) -> None:
    response = httpx.get(f"{market.url}/api/v2/private/get_positions", headers={"Authorization": header})
    assert response.status_code == 400
    assert response.json()["error"]["code"] in (13004, 13009)


def test_a_scope_is_what_was_asked_for_and_never_more_than_the_key_has(market: Market) -> None:
    public = Client(market)
    read = public.call(
        "public/auth",
        grant_type="client_credentials",
        client_id="client-16",
        client_secret="secret-16",
        scope="trade:read account:read wallet:none",
    )["access_token"]
    assert public.call("private/get_open_orders", access_token=read) == []
    for refused, params in [
        ("private/buy", {"instrument_name": NAMES[0], "amount": 0.01, "price": 60_000}),
        ("private/cancel_all", {}),
        ("private/get_deposits", {}),
        ("private/withdraw", {"currency": "USDC", "address": "0x" + "0" * 40, "amount": 1}),
    ]:
        with pytest.raises(ApiError, match="13021"):
            public.call(refused, access_token=read, **params)
    limited = public.call(
        "public/auth",
        grant_type="client_credentials",
        client_id="reader",
        client_secret="secret-reader",
        scope="trade:read_write wallet:read_write account:read_write",
    )
    assert "read_write" not in limited["scope"]
    with pytest.raises(ApiError, match="13021"):
        public.call("private/cancel_all", access_token=limited["access_token"])


@pytest.mark.parametrize("name", sorted(name for name, each in METHODS.items() if each.level))
def test_what_needs_a_scope_is_refused_to_strangers(market: Market, name: str) -> None:
    stranger = Client(market)
    with pytest.raises(ApiError) as refused:
        stranger.call(name)
    assert refused.value.code in (13009, -32602, 10033)  # a parameter that is missing may be told first
    stranger.close()


def test_a_connections_token_is_of_no_use_elsewhere_and_a_sessions_is(market: Market) -> None:
    async def play() -> None:
        async with connect(market) as one, connect(market) as other:
            own = await one.login(16)
            with pytest.raises(ApiError, match="13009"):
                await other.call("private/get_positions", access_token=own["access_token"])
            shared = await one.login(16, scope="session:desk trade:read")
            assert shared["sid"] == "desk"
            assert await other.call("private/get_open_orders", access_token=shared["access_token"]) == []
            with pytest.raises(ApiError, match="13009"):
                await other.call("private/get_open_orders")  # a token in one request authenticates no other
            assert await one.call("private/logout") == "ok"
            with pytest.raises(ApiError, match="13009"):
                await one.call("private/get_open_orders")

    run(play)


def test_orders_of_a_lost_connection_are_cancelled_if_asked_for(market: Market, http: Client) -> None:
    async def play() -> None:
        order = {"instrument_name": NAMES[0], "amount": 0.01}
        async with connect(market, 16) as keeping, connect(market, 16) as leaving:
            kept = await keeping.call("private/buy", price=60_000, **order)
            assert await leaving.call("private/enable_cancel_on_disconnect") == "ok"
            told = await leaving.call("private/get_cancel_on_disconnect")
            assert told == {"scope": "connection", "enabled": True}
            gone = [await leaving.call("private/buy", price=60_001 + k, **order) for k in range(3)]
            leaving.transport.disconnect(graceful=False)
            for _ in range(100):
                await asyncio.sleep(0.05)
                left = {each["order_id"] for each in http.call("private/get_open_orders")}
                if left == {kept["order"]["order_id"]}:
                    break
            assert left == {kept["order"]["order_id"]}
            state = http.call("private/get_order_state", order_id=gone[0]["order"]["order_id"])
            assert state["order_state"] == "cancelled"

    run(play)


@pytest.mark.long
def test_a_silent_connection_with_a_heartbeat_is_asked_and_then_ended(market: Market) -> None:
    async def play() -> None:
        async with connect(market, 16) as answering, connect(market) as silent:
            with pytest.raises(ApiError, match="-32602"):
                await silent.call("public/set_heartbeat", interval=9)
            for socket in (answering, silent):
                assert await socket.call("public/set_heartbeat", interval=10) == "ok"
            for socket in (answering, silent):
                told = await asyncio.wait_for(socket.others.get(), 15)
                assert told == {"params": {"type": "test_request"}, "method": "heartbeat", "jsonrpc": "2.0"}
            await answering.call("public/test")
            await asyncio.wait_for(silent.closed.wait(), 15)
            assert not answering.closed.is_set()

    run(play)


def test_methods_of_connections_are_refused_over_http(market: Market, http: Client) -> None:
    for name, params in [
        ("public/subscribe", {"channels": ["quote.BTC_USDC-PERPETUAL"]}),
        ("public/set_heartbeat", {"interval": 30}),
        ("private/enable_cancel_on_disconnect", {}),
    ]:
        with pytest.raises(ApiError) as refused:
            http.call(name, **params)
        assert refused.value.code == 10030
