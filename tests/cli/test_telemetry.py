"""Health and metrics of a process: what it tells, whom it tells, and what it makes of bad requests."""

import http.client
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from miletus.cli.channel import Channel
from miletus.cli.errors import CliError
from miletus.cli.telemetry import PLACE, Plain, TelemetryServer, flatten, serve_as_told


@pytest.fixture
def channel() -> Channel:
    return Channel({}, supervised=False)


@pytest.fixture
def server(channel: Channel) -> Iterator[TelemetryServer]:
    server = TelemetryServer("node", channel, "127.0.0.1", 0)
    yield server
    server.close()


def get(server: TelemetryServer, path: str, **headers: str) -> httpx.Response:
    return httpx.get(f"http://127.0.0.1:{server.port}{path}", headers=headers, timeout=20, trust_env=False)


def read_metrics(server: TelemetryServer) -> dict[str, float]:
    families = text_string_to_metric_families(get(server, "/metrics").text)
    return {sample.name: sample.value for family in families for sample in family.samples}


def test_health_follows_the_process(server: TelemetryServer, channel: Channel) -> None:
    assert (get(server, "/health").status_code, get(server, "/health").json()["status"]) == (
        503,
        "it is starting",
    )
    channel.ready(port=1)
    assert get(server, "/health").json() == {"status": "ok", "service": "node"}
    channel.report(problem="L1 is away")
    assert (get(server, "/health").status_code, get(server, "/health").json()["status"]) == (
        503,
        "L1 is away",
    )
    channel.problem = ""
    assert get(server, "/health").status_code == 200
    channel.report(alarm={"message": "batch 7 is wrong"})
    assert get(server, "/health").json()["status"] == "alarm: batch 7 is wrong"
    channel.report(alarm=None)
    channel.stopping = True
    assert get(server, "/health").status_code == 503


@pytest.mark.parametrize(
    ("problem", "served"),
    [
        ("L1 at https://main.example/v3/SECRET: no answer", "L1 at https://main.example no answer"),
        ("L1 at https://me:SECRET@main.example?key=SECRET", "L1 at https://main.example"),
        ("no line to postgresql://me:SECRET@10.0.0.1:5432", "no line to postgresql://10.0.0.1:5432"),
        ("L1 at http://127.0.0.1:8545: no answer", "L1 at http://127.0.0.1:8545: no answer"),
    ],
)
def test_health_tells_of_addresses_only_the_host(
    server: TelemetryServer, channel: Channel, problem: str, served: str
) -> None:
    """An L1's address may have its customer's key in it; the gateway shows what is wrong to anybody."""
    channel.ready()
    channel.report(problem=problem)
    assert get(server, "/health").json()["status"] == served


def test_metrics_are_the_numbers_that_it_tells(server: TelemetryServer, channel: Channel) -> None:
    channel.ready(port=8600, sequencer="0x12")
    channel.measure = lambda: {"next_number": 7, "root": "0x1", "conserved": True, "huge": 10**400}
    channel.report(posted=5)
    metrics = read_metrics(server)
    assert metrics["miletus_up"] == 1
    assert metrics["miletus_node_next_number"] == 7
    assert metrics["miletus_node_conserved"] == 1
    assert metrics["miletus_node_posted"] == 5
    assert metrics["process_resident_memory_bytes"] > 1 << 20
    assert not [name for name in metrics if "root" in name or "sequencer" in name or "huge" in name]
    channel.report(problem="x")
    assert read_metrics(server)["miletus_up"] == 0


def test_what_it_is_not_asked_by_its_address_or_path_is_refused(server: TelemetryServer) -> None:
    assert get(server, "/metrics", Host="evil.example").status_code == 403
    assert get(server, "/health", Host="127.0.0.1.evil.example").status_code == 403
    assert get(server, "/health", Host="localhost:1").status_code == 503
    assert get(server, "/metrics", Host="[::1]:80").status_code == 200
    assert get(server, "/../keys").status_code == 404
    response = httpx.post(f"http://127.0.0.1:{server.port}/metrics", content=b"x", timeout=20)
    assert response.status_code == 501


@pytest.mark.parametrize(
    "garbage", [b"\xff\xfe\r\n\r\n", b"GET\r\n\r\n", b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", b""]
)
def test_garbage_ends_its_connection_alone(server: TelemetryServer, garbage: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as raw:
        raw.sendall(garbage)
        raw.shutdown(socket.SHUT_WR)
        while raw.recv(65_536):
            pass
    assert get(server, "/metrics").status_code == 200


def test_clients_that_say_nothing_hold_nobody_up(server: TelemetryServer) -> None:
    silent = [socket.create_connection(("127.0.0.1", server.port), timeout=20) for _ in range(50)]
    assert get(server, "/metrics").status_code == 200
    for each in silent:
        each.close()


def test_where_it_is_served_is_checked(channel: Channel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PLACE, raising=False)
    assert serve_as_told(channel) is None
    for text in ("9600", "127.0.0.1:", "127.0.0.1:x"):
        monkeypatch.setenv(PLACE, text)
        with pytest.raises(CliError, match="host:port is needed"):
            serve_as_told(channel)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        monkeypatch.setenv(PLACE, f"127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(CliError, match=r"change metrics\.port"):
            serve_as_told(channel)
    monkeypatch.setenv(PLACE, "127.0.0.1:0")
    served: Any = serve_as_told(channel)
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=20)
    connection.request("GET", "/metrics")
    assert connection.getresponse().status == 200
    connection.close()
    served.close()


def test_a_process_that_nobody_supervises_tells_too(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = Plain(measure=lambda: {"sessions": 3})
    monkeypatch.setenv(PLACE, "127.0.0.1:0")
    monkeypatch.delenv("MILETUS_SERVICE", raising=False)
    server = serve_as_told(plain, "maker")
    assert server is not None
    assert get(server, "/health").json() == {"status": "it is starting", "service": "maker"}
    plain.is_ready = True
    plain.told |= flatten({"quotes": 4, "exposure": {"BTC": {"delta": 0.5}}, "problems": ["x"]})
    metrics = read_metrics(server)
    assert metrics["miletus_maker_exposure_btc_delta"] == 0.5
    assert (metrics["miletus_maker_quotes"], metrics["miletus_maker_sessions"]) == (4, 3)
    plain.problem = "the index is old"
    assert get(server, "/health").status_code == 503
    server.close()
