"""Every example of the pages on SDK, history and making a market, run as it stands on a real system."""

import json
import os
import re
import shlex
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from eth_account import Account

from miletus.maker.config import MakerConfig, load_config
from tests.cli.running import COMMAND, Running, run, up
from tests.house.repository import ROOT

PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
SHELL = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
SETTINGS = re.compile(r"^```toml\n(.*?)^```", re.MULTILINE | re.DOTALL)
DOCS = ROOT / "docs"
SECONDS = 240.0

SYSTEM = """
[l1]
block_time_seconds = 1
[node]
batch_seconds = 2.0
[rollup]
window_s = 6
[oracle]
step_seconds = 1.0
[gateway]
run = false
[index]
run = false
[market]
strikes = 3
expiries = 1
quarterlies = 1
takers = 4
"""


def get_blocks(name: str, kind: re.Pattern[str]) -> list[str]:
    return kind.findall((DOCS / name).read_text())


def get_commands(name: str) -> list[str]:
    lines = [line for block in get_blocks(name, SHELL) for line in block.splitlines()]
    return [command for line in lines if (command := re.sub(r"(^|\s+)#.*", "", line).strip())]


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    place = tmp_path_factory.mktemp("documents")
    (place / "miletus.toml").write_text(SYSTEM)
    with up(place / ".miletus" / "system", "--config", str(place / "miletus.toml")) as running:
        yield running


@pytest.fixture
def place(system: Running, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that a reader works in, with a wallet that has ETH."""
    folder = system.folder.parent.parent
    wallet = folder / "wallet.key"
    if not wallet.exists():
        account = Account.create()
        wallet.write_text(account.key.hex())
        url = json.loads((system.folder / "system.json").read_text())["l1_url"]
        call = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "anvil_setBalance",
            "params": [account.address, hex(10**20)],
        }
        assert httpx.post(url, json=call).status_code == 200
    monkeypatch.chdir(folder)
    return folder


def test_the_examples_of_the_sdk_page_work_as_they_stand(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blocks = get_blocks("reference/sdk.md", PYTHON)
    assert len(blocks) >= 9
    namespace: dict[str, Any] = {"__name__": "example"}
    for number, block in enumerate(blocks):
        if "money.claim()" in block:
            wait_for_finality(namespace["money"])
        exec(compile(block, f"sdk.md, example {number}", "exec"), namespace)
    printed = capsys.readouterr().out
    assert "Reason.NOT_FILLED" in printed or "31" in printed
    assert "500" in printed.splitlines()
    assert namespace["told"].batch > 0
    assert namespace["told"].transaction in printed
    assert "forced as entry" in printed
    assert "the rollup is not frozen and can't be now" in printed.splitlines()[-1]
    assert namespace["me"].equity > 99_000


def wait_for_finality(money: Any) -> None:
    end = time.monotonic() + SECONDS
    while not any(each.final for each in money.get_withdrawals()):
        assert time.monotonic() < end
        time.sleep(0.5)


def test_the_examples_of_the_history_page_work_as_they_stand(system: Running, place: Path) -> None:
    facts = json.loads((system.folder / "deployment.json").read_text())
    rpc = json.loads((system.folder / "system.json").read_text())["l1_url"]
    (place / "genesis.json").write_bytes((system.folder / "genesis.json").read_bytes())
    values = {"RPC": rpc, "ROLLUP": facts["rollup"]}
    commands = get_commands("reference/history.md")
    assert len(commands) == 4
    for command in commands:
        if "postgresql://" in command:
            continue  # tests/indexer runs that on a server of its own
        words = [values.get(word, word) for word in shlex.split(command)]
        done = subprocess.run(
            [*COMMAND, *words[1:], "--until-batch", "2"],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    namespace: dict[str, Any] = {}
    for block in get_blocks("reference/history.md", PYTHON):
        exec(compile(block, "history.md", "exec"), namespace)
    assert namespace["history"].get_batch(2).l1_transaction is not None


def test_the_examples_of_the_research_guide_work_as_they_stand(system: Running, place: Path) -> None:
    indexed = run("index", "--folder", str(system.folder), "--until-batch", "3")
    assert indexed.status == 0, indexed.err
    printed = []
    for block in get_blocks("guides/research.md", PYTHON):
        done = subprocess.run(
            [sys.executable, "-c", block],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert done.returncode == 0, done.stderr
        printed.append(done.stdout)
    assert re.search(r"^[1-9]\d* fills in [1-9]\d* steps$", printed[-1], re.MULTILINE)


def test_the_commands_of_the_research_guide_work_as_they_stand() -> None:
    commands = get_commands("guides/research.md")
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    own = [command for command in commands if not command.startswith("make ")]
    assert {command.split()[1] for command in commands if command.startswith("make ")} <= targets
    digests = []
    for command in own:
        line = command.replace(".venv/bin/python", shlex.quote(sys.executable))
        done = subprocess.run(
            line, shell=True, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False
        )
        assert done.returncode == 0, (command, done.stderr)
        if "--words" in command:
            digests.append(json.loads(done.stdout.splitlines()[-1])["digest"])
    assert len(digests) == 3
    assert digests[0] == digests[1]


def test_the_commands_of_the_maker_guide_work_as_they_stand(system: Running, place: Path) -> None:
    (settings,) = get_blocks("guides/maker.md", SETTINGS)
    (place / "maker.toml").write_text(settings)
    commands = get_commands("guides/maker.md")
    assert len(commands) == 3
    for command in commands:
        end = time.monotonic() + SECONDS
        while True:
            done = subprocess.run(
                [*COMMAND, *shlex.split(command)[1:]],
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=False,
                env={**os.environ, "COLUMNS": "200"},
            )
            if done.returncode == 0:
                break
            assert time.monotonic() < end, done.stderr
            time.sleep(1)
    assert "nothing rests" in done.stdout
    assert system.do("account").json["orders"] == []


def test_the_guide_names_every_setting_with_its_default(tmp_path: Path) -> None:
    (settings,) = get_blocks("guides/maker.md", SETTINGS)
    path = tmp_path / "maker.toml"
    path.write_text(settings)
    assert load_config(path) == MakerConfig()
    defaults = msgspec.to_builtins(MakerConfig())
    del defaults["account"]
    written = tomllib.loads(settings)
    assert {name: set(part) for name, part in written.items()} == {
        name: set(part) for name, part in defaults.items()
    }


def test_the_sdk_page_names_every_method() -> None:
    text = (DOCS / "reference/history.md").read_text()
    from miletus.indexer.history import History

    names = [name for name in vars(History) if name.startswith(("get_", "find_"))]
    assert [name for name in names if f"`{name}`" not in text] == []
