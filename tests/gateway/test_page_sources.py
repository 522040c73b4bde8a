"""What the page's sources promise: the contracts' own functions, nothing from elsewhere, no copyleft."""

import json
import re
from typing import Any

import pytest

from miletus.settlement.contracts import Contract
from tests.house.repository import ROOT, get_files

WEB = ROOT / "web"
CONTRACTS = {"VAULT": "Vault", "TOKEN": "TestToken", "ROLLUP": "Rollup"}
PARSED = re.compile(r"export const (\w+) = parseAbi\(\[(.*?)\]\)", re.DOTALL)
LINE = re.compile(r'"(function|event) (\w+)\(([^)]*)\)')
COPYLEFT = re.compile(r"\b(A?GPL|LGPL|MPL|EPL|CDDL|SSPL)\b")


def get_abi() -> list[tuple[str, str, str, tuple[str, ...]]]:
    """Each function and event that the page knows: contract, kind, name, types of its parameters."""
    found = []
    for name, body in PARSED.findall((WEB / "src" / "wallet" / "abi.ts").read_text()):
        for kind, function, parameters in LINE.findall(body):
            types = tuple(part.split()[0] for part in parameters.split(",") if part.strip())
            found.append((CONTRACTS[name], kind, function, types))
    return found


@pytest.mark.parametrize(("contract", "kind", "name", "types"), get_abi())
def test_the_page_calls_what_the_contracts_have(
    contract: str, kind: str, name: str, types: tuple[str, ...]
) -> None:
    abi: list[dict[str, Any]] = json.loads((ROOT / "build" / "contracts" / f"{contract}.json").read_text())[
        "abi"
    ]
    known = {
        (entry["type"], entry["name"], tuple(each["type"] for each in entry["inputs"]))
        for entry in abi
        if entry["type"] in ("function", "event")
    }
    assert (kind, name, types) in known
    assert Contract.load(contract)


def test_the_page_s_contracts_are_all_of_those_that_it_needs() -> None:
    assert {name for _, _, name, _ in get_abi()} >= {"register", "deposit", "set_key", "approve", "claim"}


def test_what_the_page_is_made_of_is_free_of_copyleft_and_of_addresses() -> None:
    text = (WEB / "package-lock.json").read_text()
    assert '"resolved"' not in text
    packages = json.loads(text)["packages"]
    shipped = {name: each for name, each in packages.items() if name and not each.get("dev")}
    assert len(shipped) > 10
    assert {name for name, each in shipped.items() if not each.get("license")} == set()
    assert {name for name, each in shipped.items() if COPYLEFT.search(each["license"])} == set()
    named = json.loads((WEB / "package.json").read_text())
    for version in (*named["dependencies"].values(), *named["devDependencies"].values()):
        assert re.fullmatch(r"\d+\.\d+\.\d+", version), f"{version} is no exact version"


def test_the_page_asks_nothing_of_other_hosts() -> None:
    """No address but a format's name, and explorers of L1 that a user may follow a link to."""
    sources = [path for path in get_files() if path.is_relative_to(WEB / "src")]
    assert len(sources) > 30
    for path in [*sources, WEB / "index.html"]:
        if ".test." in path.name:
            continue
        addresses = set(re.findall(r"(?:https?|wss?)://[\w.-]+", path.read_text()))
        assert addresses <= {"http://www.w3.org", "https://etherscan.io", "https://sepolia.etherscan.io"}, (
            path
        )
