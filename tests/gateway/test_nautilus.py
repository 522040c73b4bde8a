"""The unmodified nautilus_trader, its Deribit adapter pointed at the gateway by its public configuration.

Its licence is LGPL and it wants a newer Python than ours: so it is installed for this test alone, into
build/nautilus, from pinned hashes, and runs as a process that shares nothing with Miletus but the wire.
"""

import json
import os
import queue
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.client import Client
from tests.gateway.running import Market
from tests.gateway.world import NAMES
from tests.house.repository import ROOT

pytestmark = pytest.mark.long

HERE = Path(__file__).parent
HOME = ROOT / "build" / "nautilus"
PYTHONS = ("python3.13", "python3.14")


def find_python() -> str:
    """A Python that nautilus_trader runs on."""
    for name in PYTHONS:
        places = [shutil.which(name), *map(str, Path.home().glob(f".pyenv/versions/{name[6:]}.*/bin/python"))]
        for place in places:
            if (
                place is not None
                and subprocess.run([place, "--version"], capture_output=True).returncode == 0
            ):
                return place
    pytest.skip(f"nautilus_trader needs one of {', '.join(PYTHONS)}: install one to run this test")


@pytest.fixture(scope="module")
def python() -> str:
    """An interpreter that has nautilus_trader, made once."""
    own, pins = HOME / "bin" / "python", HERE / "nautilus.txt"
    stamp = HOME / "pins"
    if not stamp.exists() or stamp.read_text() != pins.read_text():
        shutil.rmtree(HOME, ignore_errors=True)
        subprocess.run([find_python(), "-m", "venv", str(HOME)], check=True)
        install = [str(own), "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(pins)]
        subprocess.run(install, check=True)
        stamp.write_text(pins.read_text())
    return str(own)


class Strategy:
    """The strategy's process; its events one by one."""

    def __init__(self, python: str, market: Market, signal_file: Path) -> None:
        script, urls = str(HERE / "nautilus_client.py"), [f"{market.url}/api/v2", market.websocket_url]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        self.process = subprocess.Popen(
            [python, script, *urls, "client-16", "secret-16", NAMES[0], str(signal_file)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
        )
        self.events: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self.log: list[str] = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("{"):
                self.events.put(json.loads(line))
            else:
                self.log.append(line)

    def wait(self, event: str, seconds: float = 40.0) -> dict[str, Any]:
        """The next event of a kind; others before it are passed over, but no rejection."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                told = self.events.get(timeout=0.5)
            except queue.Empty:
                continue
            assert "rejected" not in told["event"], told
            if told["event"] == event:
                return told
        raise AssertionError(f"no {event} from nautilus_trader:\n{''.join(self.log[-30:])}")

    def stop(self) -> None:
        self.process.kill()
        self.process.wait(20)


@pytest.fixture
def seller(market: Market) -> Iterator[Client]:
    client = Client(market, 17)
    client.call("private/sell", instrument_name=NAMES[0], amount=0.1, price=65_100)
    yield client
    client.call("private/cancel_all")
    client.close()


def test_a_strategy_places_amends_cancels_fills_and_recovers(
    python: str, market: Market, seller: Client, tmp_path: Path
) -> None:
    signal_file = tmp_path / "go on"
    strategy = Strategy(python, market, signal_file)
    try:
        assert strategy.wait("started")["instrument"] == f"{NAMES[0]}.DERIBIT"
        strategy.wait("book")
        placed = strategy.wait("accepted")
        assert placed["venue_order_id"].startswith("USDC-")
        updated = strategy.wait("updated")
        assert (float(updated["quantity"]), float(updated["price"])) == (0.02, 64_600)
        strategy.wait("canceled")
        filled = strategy.wait("filled")
        assert (float(filled["quantity"]), float(filled["price"])) == (0.005, 65_100)
        assert filled["fee"].startswith("0.16275")
        assert float(strategy.wait("position")["quantity"]) == 0.005
        held = Client(market, 16).call("private/get_position", instrument_name=NAMES[0])
        assert held["size"] == 0.005
        market.restart_gateway()
        time.sleep(8)  # its first attempts to connect again are some seconds apart
        signal_file.touch()
        strategy.wait("going on")
        assert strategy.wait("accepted")["step"] == 6
        assert strategy.wait("canceled")["step"] == 7
    finally:
        strategy.stop()
