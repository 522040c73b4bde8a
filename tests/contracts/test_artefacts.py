"""What the compiler script writes, and that the reference page says the same."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from eth_utils.abi import collapse_if_tuple

from contracts.compile import CODE_LIMIT, CONTRACTS, compute_digests, is_current, write_artefacts
from tests.contracts.live import read_artefact

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "reference" / "contracts.md").read_text()


def test_a_second_run_writes_nothing(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "contracts" / "compile.py"), str(tmp_path)]
    first, second = (subprocess.run(command, capture_output=True, text=True, check=True) for _ in range(2))
    assert first.stdout.splitlines() == [f"contracts: {name} compiled" for name in CONTRACTS]
    assert second.stdout == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(f"{name}.json" for name in CONTRACTS)
    for name in CONTRACTS:
        text = (tmp_path / f"{name}.json").read_text()
        assert json.loads(text)["code_bytes"] <= CODE_LIMIT
        assert str(ROOT) not in text


def test_what_is_old_or_damaged_is_written_anew(tmp_path: Path) -> None:
    digests = compute_digests()
    path = tmp_path / "TestToken.json"
    assert write_artefacts(tmp_path, ["TestToken"]) == ["TestToken"]
    good = path.read_text()
    assert is_current(path, digests)
    assert not is_current(path, digests | {"Vault.vy": "another"})
    for damaged in ("", good[:100], "[]", "null", good.replace('"vyper": "', '"vyper": "9')):
        path.write_text(damaged)
        assert not is_current(path, digests)
        assert write_artefacts(tmp_path, ["TestToken"]) == ["TestToken"]
        assert path.read_text() == good


@pytest.mark.parametrize("name", CONTRACTS)
def test_the_reference_page_has_every_function_and_event(name: str) -> None:
    abi = read_artefact(name)["abi"]
    for item in abi if name != "TestToken" else ():
        if item["type"] == "event":
            (row,) = set(re.findall(rf"`{item['name']}\((.*?)\)`", PAGE))
            assert row == describe_event(item)
        elif item["type"] == "function" and item["inputs"] and item["stateMutability"] != "view":
            (row,) = re.findall(rf"`{item['name']}\((.*?)\)", PAGE)
            assert row == ", ".join(f"{i['name']}: {i['type']}" for i in item["inputs"])
        elif item["type"] == "function":
            assert re.search(rf"`(\w+\.)?{item['name']}\(|\| {item['name']} \|", PAGE), item["name"]


def describe_event(item: Any) -> str:
    parts = []
    for field in item["inputs"]:
        kind = ": uint256[]" if field["type"] == "uint256[]" else ""
        parts.append(field["name"] + kind + (" indexed" if field["indexed"] else ""))
    return ", ".join(parts)


@pytest.mark.parametrize("name", ["Vault", "Rollup"])
def test_the_reference_page_has_the_parameters_in_their_order(name: str) -> None:
    (constructor,) = [item for item in read_artefact(name)["abi"] if item["type"] == "constructor"]
    parameters = constructor["inputs"][-1]
    (table,) = re.findall(rf"`{name}Parameters`, a tuple in this order:\n\n(.*?)\n\n", PAGE, re.DOTALL)
    rows = re.findall(r"^\| (\w+) \| (\w+) \|", table, re.MULTILINE)[1:]
    fields = [(field["name"], collapse_if_tuple(field)) for field in parameters["components"]]
    assert rows == fields
