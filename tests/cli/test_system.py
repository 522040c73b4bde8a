"""What a system starts its processes with."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from miletus.cli.config import Config, IndexConfig
from miletus.cli.folder import Folder
from miletus.cli.gateway import open_history
from miletus.cli.roles.indexer import open_own
from miletus.cli.system import System


class Site:
    """As much of a system's site as is asked for."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self.config = folder.read_config()


def test_a_database_s_password_is_in_no_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every user of the machine sees command lines; processes read the configuration, which is private."""
    folder = Folder(tmp_path / "system")
    folder.create()
    config = Config(index=IndexConfig(database="postgresql://miletus:hidden@127.0.0.1/history"))
    folder.write_config(config)
    assert folder.config_path.stat().st_mode & 0o077 == 0
    system = System(folder, config, lambda name, fields: None, is_simulated=False)
    told: list[str] = []

    def start(name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        told.extend((*command, *environment.values()))

    monkeypatch.setattr(system.supervisor, "start", start)
    system.start_gateway()
    system.start_indexer()
    assert {"gateway", "index"} <= set(told)
    assert not [each for each in told if "hidden" in each]


def test_gateway_and_indexer_use_the_configured_database(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "system")
    folder.create()
    path = tmp_path / "elsewhere.sqlite"
    folder.write_config(Config(index=IndexConfig(database=str(path))))
    site: Any = Site(folder)
    database = open_own(site)
    assert str(path) in database.address
    database.close()
    history = open_history(site, None)
    assert str(path) in history.database.address
    assert not (folder.path / "market").exists()
