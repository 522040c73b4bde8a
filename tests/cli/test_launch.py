"""What is looked at before anything starts: room on the disk, free ports."""

import json
import shutil
import socket
from pathlib import Path

import pytest

from miletus.cli.errors import CliError
from miletus.cli.launch import check_disk, check_port, keep_first_block
from miletus.settlement.anvil import Anvil


def test_a_disk_with_too_little_room_is_told(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    check_disk(tmp_path / "not" / "made" / "yet")
    with pytest.raises(CliError, match="free some space, or choose another --folder") as error:
        check_disk(tmp_path / "not" / "made" / "yet", free + (1 << 30))
    assert str(tmp_path) in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_a_port_in_use_is_told_with_its_option() -> None:
    check_port(0, "--port")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(CliError, match=f"port {port} .* another --l1-port"):
            check_port(port, "--l1-port")
    check_port(port, "--port")


def test_a_chain_keeps_its_first_block_over_many_starts(tmp_path: Path) -> None:
    path, hashes = tmp_path / "anvil.json", set()
    for start in range(4):
        if path.exists():
            keep_first_block(path)
        with Anvil(state_path=path, timestamp_s=1_700_000_000 if not start else None) as anvil:
            anvil.control().mine(3)
            node = anvil.connect()
            first = node.get_header(0)
            assert first is not None
            hashes.add(first.hash)
            assert node.get_head().number == 3 * (start + 1)
            node.close()
    assert len(hashes) == 1
    keep_first_block(path)
    assert sum(block["header"]["number"] == "0x0" for block in json.loads(path.read_text())["blocks"]) == 1


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"blocks": []}', '{"blocks": [{"header": {}}]}'])
def test_a_damaged_chain_is_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "anvil.json"
    path.write_text(text)
    with pytest.raises(CliError, match=r"anvil.json is damaged: .* begin anew with --fresh"):
        keep_first_block(path)
    assert path.read_text() == text
