"""Starts node and gateway as processes of their own, and stops them."""

import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.house.repository import ROOT


class Process:
    """A process that prints its port once it serves."""

    def __init__(self, *arguments: str) -> None:
        self.arguments = arguments
        command = [sys.executable, "-m", "tests.gateway.world", *arguments]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line.strip().isdigit():
            raise AssertionError(f"{arguments} did not start: status {self.process.wait(30)}")
        self.port = int(line)

    def stop(self, number: int = signal.SIGTERM) -> None:
        if self.process.poll() is None:
            self.process.send_signal(number)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)
        assert self.process.stdout is not None
        self.process.stdout.close()


class Market:
    """A node and a gateway before it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.labels = directory.parent / f"{directory.name}-labels.sqlite"
        self.node = Process("node", str(directory))
        try:
            self.gateway = self._start_gateway(0)
            self.wait_until_open()
        except BaseException:
            self.stop()
            raise

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.gateway.port}"

    @property
    def websocket_url(self) -> str:
        return f"ws://127.0.0.1:{self.gateway.port}/ws/api/v2"

    def restart_node(self, number: int = signal.SIGKILL) -> None:
        """Kill the node, and start it again on its directory and port."""
        port = self.node.port
        self.node.stop(number)
        self.node = Process("node", str(self.directory), str(port))

    def restart_gateway(self, number: int = signal.SIGTERM) -> None:
        port = self.gateway.port
        self.gateway.stop(number)
        self.gateway = self._start_gateway(port)

    def _start_gateway(self, port: int) -> Process:
        return Process("gateway", str(self.node.port), str(port), str(self.labels))

    def wait_until_open(self) -> None:
        """Wait for the first sheet."""
        end = time.monotonic() + 30
        path = f"{self.url}/api/v2/public/get_book_summary_by_currency?currency=USDC"
        while time.monotonic() < end:
            with urllib.request.urlopen(path) as response:
                text = response.read().decode()
            if text.count('"mark_price":') == 4 and '"mark_price":0.0' not in text:
                return
            time.sleep(0.05)
        raise AssertionError("the market did not open")

    def stop(self) -> None:
        if hasattr(self, "gateway"):
            self.gateway.stop()
        self.node.stop()


@contextmanager
def open_market(directory: Path) -> Iterator[Market]:
    market = Market(directory)
    try:
        yield market
    finally:
        market.stop()
