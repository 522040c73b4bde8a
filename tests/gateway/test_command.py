"""`miletus gateway` before a whole system: L1, node, batcher, oracle, makers; a stranger trades by it."""

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ccxt
import httpx
import pytest

from miletus.cli.folder import Folder
from miletus.cli.person import OWN_WALLET
from tests.cli.running import COMMAND, Running, run, up

SECONDS = 90


@contextmanager
def serve(running: Running, *options: str) -> Iterator[dict[str, Any]]:
    """Start the command on a system; what it says of itself."""
    command = [*COMMAND, "gateway", "--folder", str(running.folder), "--port", "0", "--json", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        lines: list[str] = []
        while not lines or lines[-1] != "}\n":
            line = process.stdout.readline()
            if not line:
                raise AssertionError(f"miletus gateway ended: {process.communicate(timeout=30)}")
            lines.append(line)
        yield json.loads("".join(lines))
    finally:
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
        assert process.returncode in (0, 130), errors
        assert "Traceback" not in errors, errors


def wait(look: Any, seconds: float = SECONDS) -> Any:
    """What `look` gives, once it gives something."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.5)
    raise AssertionError("it did not come in time")


def join_own(running: Running, http: str) -> dict[str, Any]:
    """What the gateway answers to the signature of the system's own wallet."""
    wallet = Folder(running.folder).get_wallet(OWN_WALLET)
    message = httpx.get(f"{http}/miletus/get_trading_key_message").json()["result"]
    signature = wallet.sign_typed_data(full_message=message).signature.hex()
    body = {"id": 1, "method": "miletus/join", "params": {"owner": wallet.address, "signature": signature}}
    answer: dict[str, Any] = httpx.post(http, json=body, timeout=30).json()
    return answer


def check_joining(running: Running, http: str, account: int) -> None:
    """The wallet's signature alone lets in, to its own account."""
    wallet = Folder(running.folder).get_wallet(OWN_WALLET)
    told = join_own(running, http)["result"]
    assert (told["state"], told["account"]) == ("ready", account)
    bearer = {"authorization": f"Bearer {told['tokens']['access_token']}"}
    assert httpx.get(f"{http}/private/get_positions", headers=bearer).json()["result"][0]["size"] > 0
    assert httpx.get(f"{http}/miletus/get_deposit").json()["result"]["token"].startswith("0x")
    assert httpx.get(f"{http}/miletus/get_claims?owner={wallet.address}").json()["result"] == []


@pytest.mark.long
def test_a_stranger_deposits_trades_by_ccxt_and_sees_the_trade_posted(tmp_path: Path) -> None:
    with up(tmp_path / "system") as running:
        refused = run("gateway", "--folder", str(running.folder), "--port", "0")
        assert refused.status == 1
        assert "make one with miletus deposit" in refused.err
        assert running.do("deposit", "100000", "--mint").status == 0
        wait(lambda: running.do("account").status == 0)
        with serve(running) as told:
            credentials = Path(told["credentials"])
            assert credentials.stat().st_mode & 0o077 == 0
            secret = next(
                each["client_secret"]
                for each in json.loads(credentials.read_text())["credentials"]
                if each["client_id"] == told["client_id"]
            )
            exchange = ccxt.deribit({"apiKey": told["client_id"], "secret": secret, "enableRateLimit": False})
            exchange.urls["api"]["rest"] = told["http"].removesuffix("/api/v2")
            exchange.load_markets()
            assert len(exchange.markets) > 50
            symbol = "BTC/USDC:USDC"
            ticker = wait(lambda: (lambda t: t if t["ask"] else None)(exchange.fetch_ticker(symbol)))
            order = exchange.create_order(symbol, "limit", "buy", 0.01, ticker["ask"] + 50)
            assert order["filled"] > 0
            assert exchange.fetch_positions([symbol])[0]["contracts"] == order["filled"]
            trade = order["trades"][0]["id"]
            address = f"{told['http']}/miletus/get_finality?trade_id={trade}"

            def look() -> Any:
                road = httpx.get(address).json()["result"]
                return road if road["state"] != "confirmed" else None

            road = wait(look)
            assert road["state"] in ("posted", "final")
            assert road["transaction"].startswith("0x")
            assert road["final_at"] > road["committed_at"]
            assert httpx.get(f"{told['http'].removesuffix('/api/v2')}/health").json()["status"] == "ok"
            check_joining(running, told["http"], told["account"])
        port = told["port"]
        with serve(running, "--port", str(port)):
            again = run("gateway", "--folder", str(running.folder), "--port", str(port))
            assert again.status == 1
            assert "choose another --port" in again.err
        with serve(running, "--allow-host", "exchange.example") as told:
            assert join_own(running, told["http"])["error"]["message"] == "forbidden"


@pytest.mark.long
def test_a_damaged_file_of_credentials_is_named(tmp_path: Path) -> None:
    with up(tmp_path / "system") as running:
        assert running.do("deposit", "1000", "--mint").status == 0
        wait(lambda: running.do("account").status == 0)
        damaged = tmp_path / "credentials.json"
        damaged.write_text("{")
        options = ("--folder", str(running.folder), "--port", "0", "--credentials", str(damaged))
        ended = run("gateway", *options)
        assert ended.status == 1
        assert str(damaged) in ended.err
        assert "Traceback" not in ended.err
