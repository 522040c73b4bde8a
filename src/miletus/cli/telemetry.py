"""Health and metrics of a process, by HTTP: /health for whoever restarts it, /metrics for Prometheus.

A process serves them where `MILETUS_METRICS` says (host:port, port 0 for any free one); `miletus up` says it
to each of its processes. What is served is what the process tells of itself by its channel.
"""

import contextlib
import ipaddress
import json
import os
import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Protocol

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from miletus.cli.errors import CliError

PLACE: Final = "MILETUS_METRICS"
SERVICE: Final = "MILETUS_SERVICE"

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

REQUEST_SECONDS: Final = 5.0
"""Longest wait for a request's lines; a client that says nothing holds one thread so long."""

HELP: Final[dict[str, str]] = {
    "next_number": "Number of the next word.",
    "clock_ms": "Clock of the machine, milliseconds since 1970.",
    "open_batch": "Batch that takes words now.",
    "last_batch": "Last batch that was closed.",
    "inbox_next": "Next entry of L1's inbox that a batch will consume.",
    "inbox_waiting": "Entries of L1's inbox that are old enough and wait for a batch.",
    "posted": "Last batch on L1.",
    "final": "Last batch that is final on L1.",
    "batches": "Batches known.",
    "batches_verified": "Batches that were executed again.",
    "batches_final": "Batches that are final on L1.",
    "batches_on_l1": "Batches that the rows say are on L1.",
    "conserved": "1 while money that came in is there or went out.",
    "sessions": "WebSocket connections.",
    "operations_waiting": "Operations that wait for their answers.",
    "operations_sent": "Operations that were sent since the start.",
    "reconnects": "Lines to the node that were made again.",
    "ack_p50_us": "Median round trip of the last operations, microseconds.",
    "ack_p99_us": "Round trip that 99 of 100 of the last operations stay below, microseconds.",
}
"""What fields of services mean; others have their own name."""


ADDRESS: Final = re.compile(r"(?P<scheme>\w+://)(?:[^\s/?#@]*@)?(?P<host>[^\s/?#]+)\S*")
"""An address: what stands in it beside the host is not served, L1's providers have customers' keys there."""


class Told(Protocol):
    """What a process tells of itself: a channel does."""

    is_ready: bool
    stopping: bool
    problem: str
    told: dict[str, Any]
    measure: Callable[[], dict[str, Any]] | None


@dataclass
class Plain:
    """What a process tells that nobody supervises, and that has no channel."""

    is_ready: bool = False
    stopping: bool = False
    problem: str = ""
    told: dict[str, Any] = field(default_factory=dict)
    measure: Callable[[], dict[str, Any]] | None = None


def flatten(fields: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Fields of fields under joined names, in lower case: {"profit": {"delta": 1}} as {"profit_delta": 1}."""
    flat: dict[str, Any] = {}
    for name, value in fields.items():
        if isinstance(value, dict):
            flat |= flatten(value, f"{prefix}{name.lower()}_")
        else:
            flat[f"{prefix}{name.lower()}"] = value
    return flat


def find_problem(told: Told) -> str:
    """What is wrong with a process, empty if nothing is."""
    if told.stopping:
        return "it is stopping"
    if not told.is_ready:
        return "it is starting"
    alarm = told.told.get("alarm")
    if alarm:
        return f"alarm: {alarm.get('message', '') if isinstance(alarm, dict) else alarm}"
    return told.problem


def read_fields(told: Told) -> dict[str, float]:
    """Numbers that a process tells, by name."""
    fields = dict(told.told)
    if told.measure is not None:
        with contextlib.suppress(RuntimeError):  # what it counts changed under us: the next look will do
            fields |= told.measure()
    return {
        name: float(value)
        for name, value in fields.items()
        if isinstance(value, int | float) and name.isidentifier() and abs(value) < 2.0**1023
    }


class Figures(Collector):
    """A process's numbers as gauges `miletus_SERVICE_NAME`."""

    def __init__(self, service: str, told: Told) -> None:
        self._service = service
        self._told = told

    def collect(self) -> Iterable[Metric]:
        """The numbers of now."""
        up = GaugeMetricFamily("miletus_up", "1 while nothing is wrong with a process.", labels=["service"])
        up.add_metric([self._service], 0.0 if find_problem(self._told) else 1.0)
        yield up
        for name, value in sorted(read_fields(self._told).items()):
            text = HELP.get(name, name.replace("_", " ").capitalize() + ".")
            yield GaugeMetricFamily(f"miletus_{self._service}_{name}", text, value=value)


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True


class TelemetryServer:
    """Serves health and metrics of one process, in threads of its own. CliError if the port is taken."""

    def __init__(self, service: str, told: Told, host: str, port: int) -> None:
        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        registry.register(Figures(service, told))
        try:
            self._server = _Server((host, port), make_handler(service, told, registry))
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            raise CliError(
                f"port {port} of {host} can't be used for metrics ({reason}): change metrics.port or "
                "metrics.host"
            ) from None
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, name="telemetry", daemon=True).start()

    def close(self) -> None:
        """Serve no more."""
        self._server.shutdown()
        self._server.server_close()


def make_handler(service: str, told: Told, registry: CollectorRegistry) -> type[BaseHTTPRequestHandler]:
    """What answers requests."""

    class Handler(BaseHTTPRequestHandler):
        """GET of two paths; nothing else, and to no name that somebody may have pointed here."""

        timeout = REQUEST_SECONDS
        server_version = "miletus"
        sys_version = ""

        def do_GET(self) -> None:
            if not is_plain_host(self.headers.get("Host", "")):
                self.answer(HTTPStatus.FORBIDDEN, "text/plain", b"call it by an address or localhost\n")
            elif self.path == "/health":
                problem = ADDRESS.sub(r"\g<scheme>\g<host>", find_problem(told))
                body = {"status": problem or "ok", "service": service}
                status = HTTPStatus.SERVICE_UNAVAILABLE if problem else HTTPStatus.OK
                self.answer(status, "application/json", json.dumps(body).encode())
            elif self.path == "/metrics":
                self.answer(HTTPStatus.OK, CONTENT_TYPE, generate_latest(registry))
            else:
                self.answer(HTTPStatus.NOT_FOUND, "text/plain", b"/health and /metrics are here\n")

        def answer(self, status: HTTPStatus, kind: str, body: bytes) -> None:
            """Send a whole answer."""
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *values: Any) -> None:
            """Nothing: scrapes are no news."""

    return Handler


def is_plain_host(header: str) -> bool:
    """Whether a Host header has an address or localhost: a name may be another's that leads here."""
    name = header.rpartition("]")[0].removeprefix("[") if header.startswith("[") else header.partition(":")[0]
    if name.lower() == "localhost":
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def serve_as_told(told: Told, service: str = "process") -> TelemetryServer | None:
    """Serve where the environment says; None if it says nothing. CliError if that can't be read."""
    place = os.environ.get(PLACE, "")
    if not place:
        return None
    host, _, port = place.rpartition(":")
    if not host or not port.isascii() or not port.isdigit():
        raise CliError(f"{PLACE} is {place[:60]!r}: host:port is needed, such as 127.0.0.1:9600")
    name = os.environ.get(SERVICE, service)
    return TelemetryServer(name if name.isidentifier() else service, told, host, int(port))
