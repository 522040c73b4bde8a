"""Configurations: every field is checked, and what is wrong is named."""

from pathlib import Path

import pytest

from miletus.cli.config import Config, load_config
from miletus.cli.errors import CliError


def load(tmp_path: Path, text: str) -> Config:
    path = tmp_path / "miletus.toml"
    path.write_text(text)
    return load_config(path)


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    assert load_config(None) == Config() == load(tmp_path, "")


def test_what_the_file_says_is_taken_and_the_rest_is_default(tmp_path: Path) -> None:
    config = load(tmp_path, "[rollup]\nwindow_s = 604800\n[market]\nstrikes = 6\n")
    assert config.rollup.window_s == 604_800
    assert config.market.strikes == 6
    assert config.node == Config().node


def test_a_prover_needs_keys_of_its_size_alone(tmp_path: Path) -> None:
    config = load(tmp_path, "[prover]\nrun = true\nprove = 'all'\n[proofs]\nsizes = ['small']\n")
    assert (config.prover.run, config.prover.prove, config.prover.size) == (True, "all", "small")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[node]\nport = 70000", "node.port: "),
        ("[node]\nports = 1", "node: .*ports"),
        ("[roolup]\nwindow_s = 1", "roolup"),
        ("[rollup]\nwindow_s = '1'", "rollup.window_s: "),
        ("[oracle]\nsigners = 2\nthreshold = 3", "oracle.threshold 3 is above oracle.signers 2"),
        ("[market]\nstrikes = 0", "market.strikes: "),
        ("[prover]\nrun = true", "prover.size small is none of proofs.sizes: add it there"),
        ("[prover]\nrun = true\nsize = 'large'\n[proofs]\nsizes = ['small']", "prover.size large is none"),
        ("[prover]\nprove = 'some'", "prover.prove: "),
        ("[prover]\nleast_bounty_eth = '-1'", "prover.least_bounty_eth: "),
        ("[prover]\nleast_bounty_eth = 1", "prover.least_bounty_eth: "),
        ("[prover]\nniceness = 20", "prover.niceness: "),
        ("[rollup]\npolicy = 'trust'", "rollup.policy: "),
        ("[l1]\nrpc = 'localhost:8545'", "http://"),
        ("[l1\n", "not TOML"),
        ("[gateway]\nport = 8600", "gateway.port and node.port are both 8600"),
        ("[l1]\nport = 8700", "gateway.port and l1.port are both 8700"),
        ("[gateway]\nport = 9607", "gateway.port 9607 is one of metrics' ports 9600 to 9615"),
        ("[gateway]\npage = 'nowhere'", "nowhere is no folder: build the page first"),
        ("[gateway]\norders_per_second = 0", "gateway.orders_per_second: "),
        ("[index]\ndatabase = 'mysql://x'", "index.database: "),
        ("[index]\nrun = 'yes'", "index.run: "),
        ("[metrics]\nport = 65530", "metrics.port: "),
    ],
)
def test_what_is_wrong_is_named_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(CliError, match=message) as error:
        load(tmp_path, text)
    assert "\n" not in str(error.value)
    assert "miletus.toml" in str(error.value)


def test_ports_that_are_not_used_are_free_for_others(tmp_path: Path) -> None:
    for text in (
        "[gateway]\nport = 8600\nrun = false",
        "[gateway]\nport = 9607\n[metrics]\nrun = false",
        "[l1]\nrpc = 'http://127.0.0.1:1'\nport = 8700",
        "[node]\nport = 0\n[gateway]\nport = 0\n[l1]\nport = 0\n[metrics]\nport = 0",
    ):
        assert load(tmp_path, text)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(CliError, match="no such file"):
        load_config(tmp_path / "absent.toml")
    with pytest.raises(CliError, match="directory"):
        load_config(tmp_path)
