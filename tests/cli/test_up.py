"""A system that keeps running, used by its commands alone, stopped, killed and taken up again."""

import json
import os
import re
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from miletus.indexer.database import open_database
from miletus.indexer.history import History
from tests.cli.running import Ended, Running, is_alive, run, up, wait_until_gone

SMALL = """
[l1]
block_time_seconds = 1
[node]
batch_seconds = 2.0
[rollup]
window_s = 6
[oracle]
step_seconds = 1.0
[market]
strikes = 2
expiries = 1
quarterlies = 1
takers = 2
"""


def write_config(folder: Path) -> str:
    path = folder / "miletus.toml"
    path.write_text(SMALL)
    return str(path)


def until(what: Callable[[], Any], seconds: float = 180.0) -> Any:
    """Ask again until the answer is true."""
    end = time.monotonic() + seconds
    while not (answer := what()):
        assert time.monotonic() < end, "it does not happen"
        time.sleep(0.3)
    return answer


def get(done: Ended) -> Any:
    assert done.status == 0, done.err
    return done.json


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("up")
    with up(folder / "system", "--config", write_config(folder)) as running:
        get(running.do("deposit", "5000"))
        until(lambda: running.do("account").status == 0)
        yield running


def trade(running: Running, *arguments: str) -> dict[str, Any]:
    answer: dict[str, Any] = get(running.do("trade", *arguments))
    return answer


@pytest.mark.rule("03-R13", "09-R03")
def test_a_deposit_is_on_the_exchange_and_trades(running: Running) -> None:
    before = get(running.do("account"))
    assert before["cash_micros"] == 5_000_000_000
    name = get(running.do("instruments", "BTC_USDC-PERP"))[0]["name"]
    answer = trade(running, "buy", name, "0.01")
    assert (answer["reason"], answer["filled_lots"]) == ("OK", 100)
    assert len(answer["signature"]) == 2 + 130
    after = get(running.do("account"))
    assert [(p["name"], p["size_lots"]) for p in after["positions"]] == [(name, 100)]
    paid = answer["notional_micros"] + sum(fill["fee_micros"] for fill in answer["fills"])
    assert after["cash_micros"] == before["cash_micros"] - paid


@pytest.mark.rule("09-R05", "09-R07", "08-R01")
def test_a_fill_is_traced_on_l1_with_published_files_alone(running: Running, tmp_path: Path) -> None:
    fill = trade(running, "buy", "ETH_USDC-PERPETUAL", "0.01")["fills"][0]
    audit = until(lambda: (done := running.do("audit", fill["fill"])).status == 0 and done.json)
    assert audit["price_ticks"] == fill["price_ticks"]
    assert audit["size_lots"] == fill["size_lots"]
    assert (audit["side"], audit["instrument"], audit["operation"]) == (
        "buy",
        "ETH_USDC-PERPETUAL",
        "place_order",
    )
    assert audit["root_agrees"] is True
    assert audit["taker_account"] == get(running.do("account"))["account"]
    elsewhere = []
    for name in ("deployment", "genesis"):
        copy = tmp_path / f"{name}.json"
        copy.write_bytes((running.folder / f"{name}.json").read_bytes())
        elsewhere += [f"--{name}", str(copy)]
    rpc = json.loads((running.folder / "system.json").read_text())["l1_url"]
    again = run("audit", fill["fill"], *elsewhere, "--rpc", rpc, "--json")
    passing = dict.fromkeys(("is_final", "final_at_s", "finality"))  # it may become final in between
    assert get(again) | passing == audit | passing


def test_an_audit_of_what_is_no_fill_is_one_line(running: Running) -> None:
    for name, message in (
        ("1.0", "opening of batch 1"),
        ("99999999.0", "is not on L1"),
        ("2.0", "has 0 fills on L1"),
        ("x", "is no fill"),
    ):
        done = running.do("audit", name)
        assert (done.status, done.err.count("\n")) == (1, 1), done.err
        assert message in done.err


@pytest.mark.rule("04-R16", "04-R18", "04-R19")
def test_an_order_rests_is_changed_and_is_cancelled(running: Running) -> None:
    placed = trade(running, "buy", "BTC_USDC-PERPETUAL", "0.01", "--price", "70000", "--slot", "7")
    assert placed["filled_lots"] == 0
    trade(running, "amend", "7", "--price", "70500.5")
    book = get(running.do("book", "BTC_USDC-PERPETUAL", "--depth", "500"))
    assert {"price_ticks": 7_050_050, "size_lots": 100, "orders": 1} in book["bids"]
    trade(running, "cancel", "7")
    assert all(order["slot"] != 7 for order in get(running.do("account"))["orders"])


def test_a_refused_order_is_one_line(running: Running) -> None:
    refusals: list[tuple[list[str], str]] = [
        (["sell", "BTC_USDC-PERPETUAL", "500", "--price", "80000"], "MARGIN"),
        (["cancel", "200"], "ORDER_NOT_FOUND: no such order rests"),
        (["buy", "BTC_USDC-PERPETUAL", "1e999999"], "is no number"),
        (["buy", "BTC_USDC-PERPETUAL", "1e30"], "more than the exchange can count"),
        (["buy", "BTC_USDC-PERPETUAL", "nan"], "must be positive"),
        (["buy", "BTC_USDC-PERPETUAL", "0.01", "--price", "1e12"], "price_ticks"),
        (["buy", "BTC_USDC-PERPETUAL", "0.01", "--slot", "256"], "slot is 256"),
        (["amend", "99"], "say what to change"),
        (["buy", "BTC_USDC-PERPETUAL", "0.0001"], "steps of 0.001"),
        (["buy", "BTC_USDC-PERPETUAL", "0.01", "--price", "70000.13"], "multiples of 0.50"),
        (["buy", "BTC_USDC-PERPETUAL", "0"], "must be positive"),
        (["buy", "BTC_USDC-PERPETUAL", "many"], "is no number"),
        (["buy", "BTC_USDC-27MAR20-9000-C", "1"], "no such instrument"),
        (["buy", "DOGE-PERP", "1"], "is no instrument"),
        (["buy", "BTC_USDC-PERPETUAL", "0.01", "--time-in-force", "now"], "choose gtc, ioc or fok"),
        (["cancel"], "say which order"),
        (["amend", "99", "--price", "1"], "no order rests in slot 99"),
    ]
    for arguments, message in refusals:
        done = running.do("trade", *arguments)
        assert (done.status, done.err.count("\n")) == (1, 1), (arguments, done.err)
        assert message in done.err, arguments


@pytest.mark.rule("08-R09", "08-R10", "03-R17")
def test_a_withdrawal_is_paid_on_l1_once(running: Running) -> None:
    wallet = get(running.do("claim"))["balance_micros"]
    get(running.do("withdraw", "250.50"))
    paid = until(lambda: (told := get(running.do("claim")))["balance_micros"] > wallet and told)
    assert paid["balance_micros"] == wallet + 250_500_000
    assert get(running.do("claim"))["balance_micros"] == wallet + 250_500_000
    assert running.do("withdraw", "1000000").status == 1


def test_a_wallet_without_an_account_is_told_what_to_do(running: Running, tmp_path: Path) -> None:
    key_file = tmp_path / "key"
    key_file.write_text("77" * 32)
    for arguments, message in (
        (("trade", "buy", "BTC_USDC-PERPETUAL", "1"), "make one with miletus deposit"),
        (("deposit", "10"), "has no ETH"),
    ):
        done = running.do(*arguments, "--wallet", str(key_file))
        assert done.status == 1
        assert message in done.err


@pytest.mark.rule("09-R07", "01-R06")
def test_the_system_is_well(running: Running) -> None:
    status = until(
        lambda: (done := running.do("status")).status == 0 and done.json["watchtower"] and done.json
    )
    assert status["well"] is True
    services = {"node", "batcher", "watchtower", "oracle", "maker", "takers", "indexer", "gateway"}
    assert set(status["processes"]) == {"anvil", *services}
    assert status["health"] == dict.fromkeys(services, "ok")
    assert status["watchtower"]["conserved"] is True
    assert status["batches_on_l1"] > 0


def test_every_process_tells_its_health_and_metrics(running: Running) -> None:
    urls = json.loads((running.folder / "system.json").read_text())["health"]
    for name, url in urls.items():
        text = httpx.get(url.replace("/health", "/metrics"), timeout=30, trust_env=False).text
        assert f'miletus_up{{service="{name}"}} 1.0' in text
        assert "process_resident_memory_bytes" in text
    node = httpx.get(urls["node"].replace("/health", "/metrics"), timeout=30, trust_env=False).text
    assert float(re.findall(r"^miletus_node_next_number (\S+)$", node, re.MULTILINE)[0]) > 1


def test_the_gateway_serves_the_account_that_was_made_after_it_started(running: Running) -> None:
    url = running.started["gateway"]
    assert httpx.get(f"{url}/public/get_currencies", timeout=30, trust_env=False).json()["result"]
    path = running.folder / "keys" / "gateway.json"
    until(lambda: path.exists() and json.loads(path.read_text())["credentials"])
    made = json.loads(path.read_text())["credentials"][0]
    auth = (made["client_id"], made["client_secret"])
    params = {"instrument_name": "BTC_USDC-PERPETUAL", "amount": "0.01", "price": "60000", "label": "mine"}
    answer = httpx.get(f"{url}/private/buy", params=params, auth=auth, timeout=60, trust_env=False).json()
    assert answer["result"]["order"]["order_state"] == "open"
    orders = get(running.do("account"))["orders"]
    assert [each["price_ticks"] for each in orders] == [6_000_000]
    trade(running, "cancel", "--all")


def test_the_gateway_shows_what_l1_holds_of_a_trade(running: Running) -> None:
    url = running.started["gateway"]

    def ask(method: str, **params: object) -> dict[str, Any]:
        answer = httpx.get(f"{url}/{method}", params=params, timeout=120, trust_env=False)
        found: dict[str, Any] = answer.json()
        return found

    fill = trade(running, "buy", "BTC_USDC-PERPETUAL", "0.01")["fills"][0]["fill"]
    number = int(fill.split(".")[0])
    proof = until(lambda: (told := ask("miletus/get_proof", number=number)["result"])["l1"] and told)
    audit = until(lambda: (done := running.do("audit", fill)).status == 0 and done.json)
    held = proof["l1"]
    assert held["words"] == list(audit["words"])
    assert (held["batch"], held["segment"], held["word"]) == (audit["batch"], audit["segment"], audit["word"])
    assert (held["transaction"], held["root"]) == (audit["l1_transaction"], audit["segment_root"])
    assert held["verdict"] in ("pending", "unchallenged")
    refused = ask("miletus/get_faster_finality", batch=held["batch"])["error"]
    assert "no bounties" in refused["data"]["reason"] or "is final already" in refused["data"]["reason"]
    for params in ({"batch": 10**9}, {"batch": 0}, {"batch": 1, "number": 1}, {}):
        assert ask("miletus/get_faster_finality", **params)["error"]["code"] == -32602
    unpaid = ask("miletus/pay_faster_finality", batch=held["batch"], amount_wei="1")
    assert unpaid["error"]["code"] == 13009


def test_history_is_kept_beside_the_system(running: Running) -> None:
    fill = trade(running, "buy", "BTC_USDC-PERPETUAL", "0.01")["fills"][0]["fill"]
    history = History(open_database(running.started["history"]))
    until(lambda: any(row.name == fill for row in history.get_fills(limit=100).rows))
    done = run("index", "--folder", str(running.folder))
    assert (done.status, done.err.count("\n")) == (1, 1)
    assert "another indexer writes" in done.err


def test_a_second_system_in_the_folder_is_refused(running: Running) -> None:
    pids = running.read_pids()
    for command in (("up",), ("up", "--fresh"), ("demo",)):
        done = run(*command, "--folder", str(running.folder))
        assert (done.status, done.err.count("\n")) == (1, 1), done.err
        assert "a system runs in" in done.err
    assert running.read_pids() == pids
    assert all(map(is_alive, pids.values()))
    assert get(running.do("status"))["well"] is True


def test_a_port_in_use_is_one_line_and_leaves_nothing_running(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        for options in (("--port", port, "--l1-port", "0"), ("--port", "0", "--l1-port", port)):
            folder = tmp_path / options[0].strip("-") / options[1]
            done = run("up", "--folder", str(folder), *options, "--config", write_config(tmp_path))
            assert done.status == 1, done.err
            assert f"port {port}" in done.err
            assert done.err.count("\n") == 1


def test_an_l1_that_is_down_is_one_line(tmp_path: Path) -> None:
    done = run("up", "--folder", str(tmp_path / "system"), "--rpc", "http://127.0.0.1:9", "--port", "0")
    assert (done.status, done.err.count("\n")) == (1, 1)
    assert "check that the node runs" in done.err


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    done = run("up", "--folder", str(tmp_path), "--fresh")
    assert done.status == 1
    assert "holds files of something else" in done.err
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_commands_without_a_system_say_so(tmp_path: Path) -> None:
    for arguments in (
        ("status",),
        ("account",),
        ("trade", "cancel", "--all"),
        ("deposit", "1"),
        ("audit", "5.0"),
    ):
        done = run(*arguments, "--folder", str(tmp_path / "none"))
        assert done.status == 1
        assert "start one with miletus up" in done.err


def refuse_damage(folder: Path, anvil: int) -> None:
    """A system whose log or keys are damaged does not start, says where, and changes nothing of them."""
    log = next((folder / "node" / "epochs").rglob("*.log"))
    for path, place, message in (
        (log, 300, "restore"),
        (folder / "genesis.json", 40, "is no genesis file"),
        (folder / "deployment.json", 30, "is no deployment file"),
    ):
        whole = path.read_bytes()
        damaged = whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :]
        path.write_bytes(damaged)
        done = run("up", "--folder", str(folder), "--port", "0", "--l1-port", "0")
        assert (done.status, done.err.count("\n")) == (1, 1), done.err
        assert str(path.parent) in done.err
        assert message in done.err
        assert path.read_bytes() == damaged
        path.write_bytes(whole)
    assert not is_alive(anvil)  # the L1 that was left over is stopped in order, and its chain is kept


@pytest.mark.rule("09-R04", "09-R06")
def test_a_system_goes_on_after_it_was_killed(tmp_path: Path) -> None:
    """The command is killed; its processes end by themselves, and the next start takes all up again."""
    folder = tmp_path / "system"
    with up(folder, "--config", write_config(tmp_path)) as first:
        get(first.do("deposit", "700"))
        until(lambda: first.do("account").status == 0)
        number = trade(first, "buy", "BTC_USDC-PERPETUAL", "0.01", "--price", "70000")["number"]
        before = get(first.do("account"))
        pids = first.read_pids()
        first.process.kill()
        first.process.communicate(timeout=120)
        others = [pid for name, pid in pids.items() if name != "anvil"]
        assert wait_until_gone(others) == []
        assert is_alive(pids["anvil"])  # the chain of a development L1 is stopped in order by the next start
    refuse_damage(folder, pids["anvil"])
    with up(folder) as second:
        after = get(second.do("account"))
        assert [order["price_ticks"] for order in after["orders"]] == [7_000_000]
        assert (after["cash_micros"], after["owner"]) == (before["cash_micros"], before["owner"])
        assert get(second.do("status"))["next_number"] > number
        fill = trade(second, "buy", "BTC_USDC-PERPETUAL", "0.01")["fills"][0]["fill"]
        assert until(lambda: (done := second.do("audit", fill)).status == 0 and done.json)["root_agrees"]
        os.kill(second.read_pids()["anvil"], signal.SIGKILL)
        _, err = second.process.communicate(timeout=240)
        assert second.process.returncode == 1
        assert "L1 ended" in err
