"""Genesis, deployment and artefacts: right, or one clear line."""

import json
from pathlib import Path

import pytest

from miletus.native import derive_key
from miletus.settlement.contracts import Contract, find_artefacts
from miletus.settlement.deployment import Deployment, compute_created_address
from miletus.settlement.errors import ContractMismatch, SettlementError
from miletus.settlement.genesis import Genesis
from tests.settlement.world import GENESIS, World


def test_genesis_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "genesis.json"
    GENESIS.save(path)
    assert Genesis.load(path) == GENESIS


@pytest.mark.parametrize(
    ("field", "value", "match"),
    [
        ("format", "other", "no genesis file"),
        ("signers", [{"x": "0x1"}], "no genesis file"),
        ("signers", [], "no genesis file .*threshold 2 of 0 signers"),
        ("threshold", 9, "threshold 9 of 3 signers"),
        ("clock_ms", "soon", "no genesis file"),
        ("clock_ms", 5, "says root 0x.* but gives 0x"),
        ("machine_version", 99, "for machine version 99"),
        ("root", "0x00", "says root 0x00 but gives"),
    ],
)
def test_genesis_files_that_are_wrong(tmp_path: Path, field: str, value: object, match: str) -> None:
    path = tmp_path / "genesis.json"
    GENESIS.save(path)
    fields = json.loads(path.read_text())
    fields[field] = value
    path.write_text(json.dumps(fields))
    with pytest.raises(SettlementError, match=match) as failure:
        Genesis.load(path)
    assert "\n" not in str(failure.value)


def test_another_signer_is_another_root() -> None:
    other = Genesis((*GENESIS.signers[:2], derive_key(bytes([9]) * 32).public), 2, 2, GENESIS.clock_ms)
    assert other.compute_root() != GENESIS.compute_root()


def test_deployment_comes_back_and_is_checked(world: World, tmp_path: Path) -> None:
    path = tmp_path / "deployment.json"
    world.deployment.save(path)
    loaded = Deployment.load(path)
    assert loaded == world.deployment
    assert loaded.check(world.node).address == world.rollup.address
    other_chain = Deployment(1, *(getattr(loaded, name) for name in list(Deployment.__slots__)[1:]))
    with pytest.raises(ContractMismatch, match="the deployment is on chain 1"):
        other_chain.check(world.node)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format": "other"}', '{"format": "miletus deployment 1"}']
)
def test_deployment_files_that_are_wrong(tmp_path: Path, text: str) -> None:
    path = tmp_path / "deployment.json"
    path.write_text(text)
    with pytest.raises(SettlementError, match="is no deployment file"):
        Deployment.load(path)


def test_contracts_that_are_not_compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILETUS_CONTRACTS", str(tmp_path))
    with pytest.raises(SettlementError, match="correct or unset it"):
        find_artefacts()
    (tmp_path / "Rollup.json").write_text("{")
    with pytest.raises(SettlementError, match="run make contracts"):
        Contract.load("Rollup")


def test_arguments_that_do_not_fit() -> None:
    contract = Contract.load("Rollup")
    with pytest.raises(ValueError, match="takes 1 arguments, not 2"):
        contract.encode_call("finalize", 1, 2)
    with pytest.raises(ValueError, match=r"Rollup\.finalize"):
        contract.encode_call("finalize", -1)


def test_addresses_of_creations(world: World) -> None:
    """The known case: the first two creations of the first development account."""
    creator = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
    assert compute_created_address(creator, 0) == "0x5FbDB2315678afecb367f032d93F642f64180aa3"
    assert compute_created_address(creator, 128) != compute_created_address(creator, 127)
    assert world.rollup.vault == world.vault.address
